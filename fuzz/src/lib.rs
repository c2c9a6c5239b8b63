//! What must hold for any bytes that come in from outside: one [`Target`] for each door of codi2.
//!
//! A target is a function of bytes that panics when a promise is broken; it checks properties and not only that
//! nothing breaks. The same functions run under libFuzzer (`libfuzzer/`, by `scripts/fuzz`) and, over the corpus and
//! seeded mutations of it, in a plain test (`tests/short.rs`). `README.md` says how to add one.
//! Absent on purpose: libFuzzer itself, which needs instrumented builds of everything.

mod corpus;
mod frames;
mod hook;
mod lsp;
mod mutate;
mod notes;
mod query;
mod settings;
mod spool;
mod values;

pub use corpus::{golden, seeds};
pub use mutate::Mutator;

/// One door, and what must hold there.
#[derive(Clone, Copy)]
pub struct Target {
    /// Its name: of its corpus and for `scripts/fuzz`.
    pub name: &'static str,
    /// What comes in there.
    pub what: &'static str,
    /// Panics where a promise is broken.
    pub run: fn(&[u8]),
}

/// Every target.
pub const TARGETS: &[Target] = &[
    Target { name: "frames", what: "frames of the hub's socket, in both directions", run: frames::run },
    Target { name: "lsp", what: "what an editor writes to the language server", run: lsp::run },
    Target { name: "hook", what: "what an agent gives its hook", run: hook::run },
    Target { name: "spool", what: "spools on disk, damaged", run: spool::run },
    Target { name: "values", what: "stored values, damaged or forged", run: values::run },
    Target { name: "settings", what: "a person's and a repository's settings", run: settings::run },
    Target { name: "notes", what: "what others say of a commit, in notes and traces", run: notes::run },
    Target { name: "query", what: "filters of the log, against a plain search", run: query::run },
];

/// The target of this name.
pub fn target(name: &str) -> Option<&'static Target> {
    TARGETS.iter().find(|target| target.name == name)
}

/// Longest message of an error, in bytes: hostile input must not come back as megabytes of log.
const MESSAGE_BYTES: usize = 2_000;

/// Holds an error's words to the promise: there are some, and not more than a person reads.
fn check_words(error: &str) {
    assert!(!error.trim().is_empty(), "an error without words");
    assert!(error.len() <= MESSAGE_BYTES, "an error of {} bytes: {:.200}", error.len(), error);
}

/// Bytes read as a list of choices: each input of the fuzzer is one run of a little program.
struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    /// The next byte; 0 at the end.
    fn byte(&mut self) -> u8 {
        let Some((first, rest)) = self.0.split_first() else { return 0 };
        self.0 = rest;
        *first
    }

    /// The next two bytes as a number.
    fn number(&mut self) -> usize {
        usize::from(self.byte()) << 8 | usize::from(self.byte())
    }

    /// A number below `end`, which is at least 1.
    fn below(&mut self, end: usize) -> usize {
        self.number() % end
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Everything left.
    fn rest(&mut self) -> &'a [u8] {
        std::mem::take(&mut self.0)
    }
}
