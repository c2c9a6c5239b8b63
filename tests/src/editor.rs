//! An editor that knows nothing of codi2: it speaks the Language Server Protocol to `codi2 lsp` over its standard input
//! and output, as any editor does. Keys go out one by one; files are written by the editor, and then it says so.
//!
//! Absent on purpose: a screen, and everything of codi2's own (status, hints but those a test dictates).

use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};

use crate::{DEADLINE, World, program};
use wire::Wire;

// The frames are those of `codi2 replay`.
#[path = "../../sidecar/codi2/src/cli/replay/wire.rs"]
mod wire;

/// One window of such an editor, with its sidecar.
pub struct Editor {
    wire: Wire,
    buffers: BTreeMap<PathBuf, Buffer>,
}

/// An open file.
#[derive(Debug, Clone)]
struct Buffer {
    /// As the editor shows it: without byte order mark, latin-1 as Unicode, line ends as they are.
    text: String,
    form: Form,
    version: i32,
    /// Whether it holds edits that are not saved.
    dirty: bool,
}

/// How a text lies in its file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// UTF-8.
    Plain,
    /// UTF-8 behind a byte order mark.
    Marked,
    /// One byte for each character.
    Latin1,
}

/// Reads a file as editors do; `None` for what is no text.
pub fn read_text(bytes: &[u8]) -> Option<(String, Form)> {
    if bytes.contains(&0) {
        return None;
    }
    if let Some(rest) = bytes.strip_prefix(b"\xef\xbb\xbf")
        && let Ok(text) = std::str::from_utf8(rest)
    {
        return Some((text.to_owned(), Form::Marked));
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Some((text.to_owned(), Form::Plain)),
        Err(_) => Some((bytes.iter().map(|byte| char::from(*byte)).collect(), Form::Latin1)),
    }
}

/// The bytes of a text as they lie in its file.
pub fn write_text(text: &str, form: Form) -> Vec<u8> {
    match form {
        Form::Plain => text.as_bytes().to_vec(),
        Form::Marked => [b"\xef\xbb\xbf", text.as_bytes()].concat(),
        Form::Latin1 => text.chars().map(|c| u8::try_from(u32::from(c)).expect("a latin-1 character")).collect(),
    }
}

impl Editor {
    /// Opens a window on the worktree at `root`; returns when the server is initialized.
    pub fn start(world: &World, root: &Path) -> Self {
        Self::start_as(world, root, "plain-editor", Stdio::null())
    }

    /// As [`Editor::start`], for an editor of another name, its sidecar's standard error going there.
    pub fn start_as(world: &World, root: &Path, name: &str, errors: Stdio) -> Self {
        Self::start_within(world, root, name, errors, &[])
    }

    /// As [`Editor::start_as`], with more variables in its environment.
    pub fn start_within(world: &World, root: &Path, name: &str, errors: Stdio, variables: &[(&str, &str)]) -> Self {
        let mut command = world.command(program());
        command.arg("lsp").envs(variables.iter().copied()).current_dir(root).stderr(errors);
        let wire = Wire::start(&mut command).expect("codi2 lsp starts");
        let mut editor = Self { wire, buffers: BTreeMap::new() };
        let root = uri(root);
        let capabilities = json!({"textDocument": {"synchronization": {"didSave": true}}});
        let folders = json!([{"uri": root, "name": "corpus"}]);
        editor.request(
            "initialize",
            json!({
                "processId": std::process::id(),
                "clientInfo": {"name": name, "version": "1"},
                "rootUri": root,
                "workspaceFolders": folders,
                "capabilities": capabilities,
            }),
        );
        editor.notify("initialized", json!({}));
        editor
    }

    /// Opens a file; `false` for what is no text.
    pub fn open(&mut self, path: &Path) -> bool {
        let Some((text, form)) = read_text(&fs::read(path).expect("a file to open")) else { return false };
        let document = json!({"uri": uri(path), "languageId": "plaintext", "version": 1, "text": text});
        self.notify("textDocument/didOpen", json!({"textDocument": document}));
        self.buffers.insert(path.to_owned(), Buffer { text, form, version: 1, dirty: false });
        true
    }

    /// The files that are open.
    pub fn files(&self) -> Vec<PathBuf> {
        self.buffers.keys().cloned().collect()
    }

    /// The text of an open file as the editor shows it.
    pub fn text(&self, path: &Path) -> &str {
        &self.buffers[path].text
    }

    /// Whether an open file holds edits that are not saved.
    pub fn is_dirty(&self, path: &Path) -> bool {
        self.buffers[path].dirty
    }

    /// Types `keys` at a byte offset of an open file, one notification for each key.
    pub fn type_at(&mut self, path: &Path, mut at: usize, keys: &str) {
        for key in keys.chars() {
            self.replace(path, at..at, &key.to_string());
            at += key.len_utf8();
        }
    }

    /// Puts `text` in place of these bytes of an open file, in one change.
    pub fn replace(&mut self, path: &Path, bytes: Range<usize>, text: &str) {
        let buffer = self.buffers.get_mut(path).expect("an open file");
        let place = json!({"start": position(&buffer.text, bytes.start), "end": position(&buffer.text, bytes.end)});
        buffer.text.replace_range(bytes, text);
        buffer.version += 1;
        buffer.dirty = true;
        let document = json!({"uri": uri(path), "version": buffer.version});
        let change = json!({"range": place, "text": text});
        self.notify("textDocument/didChange", json!({"textDocument": document, "contentChanges": [change]}));
    }

    /// Asks who wrote the start of a file: answered only once everything sent before is worked through.
    pub fn hover(&mut self, path: &Path) -> Value {
        let place = json!({"line": 0, "character": 0});
        self.request("textDocument/hover", json!({"textDocument": {"uri": uri(path)}, "position": place}))
    }

    /// What the lenses of a file say; nothing where there are none.
    pub fn lenses(&mut self, path: &Path) -> Vec<String> {
        let lenses = self.request("textDocument/codeLens", json!({"textDocument": {"uri": uri(path)}}));
        let titles = lenses.as_array().into_iter().flatten().filter_map(|lens| lens["command"]["title"].as_str());
        titles.map(str::to_owned).collect()
    }

    /// The inlay hints of a file, each behind its line, from 0.
    pub fn hints(&mut self, path: &Path) -> Vec<(u64, String)> {
        let range = json!({"start": {"line": 0, "character": 0}, "end": {"line": 1_000_000, "character": 0}});
        let hints = self.request("textDocument/inlayHint", json!({"textDocument": {"uri": uri(path)}, "range": range}));
        let hint = |hint: &Value| Some((hint["position"]["line"].as_u64()?, hint["label"].as_str()?.to_owned()));
        hints.as_array().into_iter().flatten().filter_map(hint).collect()
    }

    /// The sidecar's process id.
    pub fn sidecar(&self) -> u32 {
        self.wire.child.id()
    }

    /// Says what made the next edit of an open file, as clients of codi2's own do.
    pub fn hint(&mut self, path: &Path, source: &Value) {
        let version = self.buffers[path].version + 1;
        self.notify("codi2/editHint", json!({"uri": uri(path), "version": version, "source": source}));
    }

    /// Loads a file again, as an editor does when it finds a clean buffer's file changed: the whole text is sent. Leaves
    /// dirty buffers, files that are gone and files that did not change alone; tells whether it did anything.
    pub fn reload(&mut self, path: &Path) -> bool {
        let buffer = self.buffers.get_mut(path).expect("an open file");
        let Some((text, form)) = fs::read(path).ok().and_then(|bytes| read_text(&bytes)) else { return false };
        if buffer.dirty || buffer.text == text {
            return false;
        }
        (buffer.text, buffer.form) = (text, form);
        buffer.version += 1;
        let document = json!({"uri": uri(path), "version": buffer.version});
        let change = json!({"text": buffer.text});
        self.notify("textDocument/didChange", json!({"textDocument": document, "contentChanges": [change]}));
        true
    }

    /// Writes an open file, over whatever stands there, and says so.
    pub fn save(&mut self, path: &Path) {
        let buffer = self.buffers.get_mut(path).expect("an open file");
        fs::create_dir_all(path.parent().expect("a folder")).expect("the file's folders");
        fs::write(path, write_text(&buffer.text, buffer.form)).expect("a file to write");
        buffer.dirty = false;
        self.notify("textDocument/didSave", json!({"textDocument": {"uri": uri(path)}}));
    }

    /// Closes the window in an orderly way; everything is reported when this returns.
    pub fn quit(mut self) {
        self.request("shutdown", Value::Null);
        self.notify("exit", Value::Null);
        self.wire.end().expect("our own child");
    }

    /// Ends window and sidecar at once, as a crash would.
    pub fn kill(self) {
        drop(self.wire);
    }

    fn notify(&mut self, method: &str, params: Value) {
        self.wire.notify(method, &params).expect("the server reads");
    }

    fn request(&mut self, method: &str, params: Value) -> Value {
        let id = self.wire.ask(method, &params).expect("the server reads");
        loop {
            let answer = self.wire.answer(DEADLINE);
            let (of, answer) = answer.unwrap_or_else(|error| panic!("no answer to {method}: {error}"));
            if of == id {
                return answer.unwrap_or_default();
            }
        }
    }
}

/// Line and UTF-16 column, which is what editors count in unless they say otherwise.
fn position(text: &str, at: usize) -> Value {
    let start = text[..at].rfind('\n').map_or(0, |end| end + 1);
    let line = text[..start].matches('\n').count();
    json!({"line": line, "character": text[start..at].encode_utf16().count()})
}

fn uri(path: &Path) -> String {
    wire::uri(path).expect("an absolute path in UTF-8")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_in_utf_16() {
        assert_eq!(position("a\n😀é\nb", 8), json!({"line": 1, "character": 3}));
        assert_eq!(position("", 0), json!({"line": 0, "character": 0}));
    }

    #[test]
    fn texts_keep_their_form() {
        for bytes in [&b"a\r\n"[..], b"\xef\xbb\xbfone\n", b"caf\xe9\n", b"\xef\xbb\xbf\xe9"] {
            let (text, form) = read_text(bytes).unwrap();
            assert_eq!(write_text(&text, form), bytes);
        }
        assert_eq!(read_text(b"x\0"), None);
    }

    #[test]
    fn odd_names_are_escaped() {
        assert_eq!(uri(Path::new("/a b/100%ä")), "file:///a%20b/100%25%C3%A4");
    }
}
