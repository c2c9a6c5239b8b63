//! The keys that benchmarks type: at many places of a large document, and the proof that none was left out.

use codi2_tests::{World, wait_for};
use serde_json::json;

use crate::editor::{Editor, notification};

/// Keys at one place before the cursor moves to another.
const AT_ONE_PLACE: usize = 100;
/// The line that hovers ask about; keys go elsewhere.
pub const ASKED: usize = 3;

/// Keys at many places of a document, one after the other.
pub struct Keys {
    uri: String,
    lines: usize,
    typed: usize,
}

impl Keys {
    /// For a document of this many lines.
    pub fn new(uri: String, lines: usize) -> Self {
        Self { uri, lines, typed: 0 }
    }

    /// The document.
    pub fn uri(&self) -> &str {
        &self.uri
    }

    /// The frame of the next key.
    pub fn next_key(&mut self) -> Vec<u8> {
        let place = self.typed / AT_ONE_PLACE;
        // Far from the line asked about, and never past the end.
        let line = 100 + place * 7_919 % (self.lines - 200);
        let at = json!({"line": line, "character": self.typed % AT_ONE_PLACE});
        self.typed += 1;
        let change = json!({"range": {"start": at, "end": at}, "text": "x"});
        let document = json!({"uri": self.uri, "version": self.typed});
        notification("textDocument/didChange", json!({"textDocument": document, "contentChanges": [change]}))
    }

    /// Proves that the keys were applied and not left out: each is in the log, once.
    pub fn prove(&self, world: &World, editor: &mut Editor) {
        // A save seals the last group.
        editor.send(&notification("textDocument/didSave", json!({"textDocument": {"uri": self.uri}})));
        let recorded = wait_for(
            "every key in the log",
            || format!("{} keys, and this\n{}", self.typed, world.explain()),
            || {
                let typed: u64 = world.log().iter().filter(|e| e.kind() == "edit").map(|e| e.inserted()).sum();
                (typed >= self.typed as u64).then_some(typed)
            },
        );
        assert_eq!(recorded, self.typed as u64, "each key is once in the log");
    }
}
