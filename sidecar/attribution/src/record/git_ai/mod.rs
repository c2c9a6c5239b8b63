//! Notes of the Git AI standard, `authorship/3.0.0`, as they lie in `refs/notes/ai`.
//!
//! Format: `specs/git_ai_standard_v3.0.0.md` of git-ai. Files with the lines of each key, a line `---`, and JSON that
//! says what the keys are: `s_` a session of an AI, `h_` a person, bare hexadecimal a session as older programs wrote it.
//! A [`Note`] is that text taken apart, unknown keys of the JSON included, so that writing it again loses nothing;
//! [`Note::record`] and [`Note::of`] lead from it to what codi2 knows of a commit and back (`docs/formats.md`).
//! Absent on purpose: git, and belief in its human entries (ADR 0050).

mod read;
mod union;
mod write;

#[cfg(test)]
mod tests;

use std::fmt;

use serde_json::{Map, Value};

/// Longest note that is read, in bytes.
pub const NOTE_BYTES: usize = 8 << 20;
/// Ranges of lines in one note, at most.
pub const NOTE_RANGES: usize = 500_000;

/// The version of the format that is written.
const SCHEMA: &str = "authorship/3.0.0";
/// Between the lines and the JSON.
const DIVIDER: &str = "---";
/// What codi2 adds to the JSON: `version` of the program, `observed` from the key of a person to the class of its lines.
const OURS: &str = "codi2";
// Keys of ours in a session's `custom_attributes`.
const KIND: &str = "codi2.kind";
const NAME: &str = "codi2.name";
const CLASS: &str = "codi2.class";
const PARENT: &str = "codi2.parent";
const MODIFIER: &str = "codi2.modifier";
/// A model that nobody knows, as git-ai writes it.
const NO_MODEL: &str = "unknown";

/// A note, taken apart.
#[derive(Debug, Clone, PartialEq)]
pub struct Note {
    files: Vec<Attested>,
    metadata: Map<String, Value>,
}

/// The lines of one file.
#[derive(Debug, Clone, PartialEq)]
struct Attested {
    path: String,
    entries: Vec<Entry>,
}

/// The lines of one key: `(first, last)`.
#[derive(Debug, Clone, PartialEq)]
struct Entry {
    key: String,
    ranges: Vec<(u32, u32)>,
}

/// A text that is no such note.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("line {line} of the note: {found}")]
pub struct NoteError {
    /// Where, from 1.
    pub line: usize,
    /// What is wrong there.
    pub found: String,
}

impl Note {
    /// Whether it says nothing of any line.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// A member of the JSON that is an object, or nothing.
    fn map(&self, key: &str) -> Option<&Map<String, Value>> {
        self.metadata.get(key)?.as_object()
    }

    /// The class that codi2 gave the lines of a person's key, if codi2 saw them written.
    fn observed(&self, key: &str) -> Option<&str> {
        self.map(OURS)?.get("observed")?.as_object()?.get(key)?.as_str()
    }
}

impl fmt::Display for Note {
    /// The note's text, ended by a line end.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for file in &self.files {
            if needs_quotes(&file.path) {
                writeln!(f, "\"{}\"", file.path)?
            } else {
                writeln!(f, "{}", file.path)?
            }
            for entry in &file.entries {
                write!(f, "  {} ", entry.key)?;
                for (at, (first, last)) in entry.ranges.iter().enumerate() {
                    let comma = if at > 0 { "," } else { "" };
                    if first == last { write!(f, "{comma}{first}")? } else { write!(f, "{comma}{first}-{last}")? }
                }
                writeln!(f)?;
            }
        }
        let json = serde_json::to_string_pretty(&self.metadata).map_err(|_| fmt::Error)?;
        write!(f, "{DIVIDER}\n{json}\n")
    }
}

/// Besides spaces, whatever a reader would take for something else than a path.
fn needs_quotes(path: &str) -> bool {
    path.is_empty() || path.contains(char::is_whitespace) || path.starts_with('"') || path == DIVIDER
}
