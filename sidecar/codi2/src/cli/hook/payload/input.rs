//! The paths in what a tool was given: under names that say so, and in the lines of a patch that name files. And what it
//! puts in, and in place of what: under names that say so, and the patch.
//!
//! Absent on purpose: which tools take a patch; commands and prompts, which are skipped while reading.

use codi2_text::Piece;
use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess};
use serde::{Deserialize, de};

use super::lenient::{AnyOf, Lenient};
use super::{PATH_BYTES, Text, Texts};
use crate::cli::hook::bounds::FILES;

/// How deep in a tool's input paths are looked for.
const DEPTH: usize = 4;
/// What a call puts in is held up to this many bytes together; of more nothing is told.
const WRITTEN_BYTES: usize = 1 << 20;
/// How a patch names its files, one a line.
const PATCH_LINES: [&str; 4] = ["*** Update File: ", "*** Add File: ", "*** Delete File: ", "*** Move to: "];

/// The paths in what a tool was given.
#[derive(Debug, Default, Clone)]
pub struct Input {
    /// Whether there is any input.
    pub is_some: bool,
    /// The folder it names.
    pub cwd: Option<String>,
    /// Paths under names that say so.
    pub paths: Vec<String>,
    /// Paths in what is a patch where the tool takes one.
    pub patched: Vec<String>,
    /// Texts that it puts in, under names that say so, and what of each is new.
    pub written: Vec<Piece>,
    /// There were more of them than are held.
    pub is_cut: bool,
    /// What of the table that is being read.
    table: Table,
    /// What is a patch where the tool takes one.
    pub patch: Written,
}

/// What one edit puts in, and in place of what.
#[derive(Debug, Default, Clone)]
struct Table {
    put: Written,
    replaced: Written,
}

/// Texts that are put into files, or stood there: looked at by this process, and kept nowhere.
#[derive(Debug, Default, Clone)]
pub struct Written {
    pub texts: Vec<String>,
    /// There were more than are held.
    pub is_cut: bool,
}

impl Written {
    fn take(&mut self, text: &str) {
        let held: usize = self.texts.iter().map(String::len).sum();
        if held + text.len() > WRITTEN_BYTES || self.texts.len() == FILES {
            self.is_cut = true;
        } else {
            self.texts.push(text.to_owned());
        }
    }
}

impl Input {
    fn take(&mut self, Table { put, replaced }: Table) {
        // Numbered ones are pairs; of others all that went may be anywhere.
        let is_paired = put.texts.len() == replaced.texts.len();
        let all = replaced.texts.join("\n");
        let old = |number: usize| if is_paired { &replaced.texts[number] } else { &all };
        let held: usize = self.written.iter().map(|piece| piece.text().len()).sum();
        let more: usize = put.texts.iter().map(String::len).sum();
        if put.is_cut || held + more > WRITTEN_BYTES || self.written.len() + put.texts.len() > FILES {
            self.is_cut = true;
        } else {
            let pairs = put.texts.into_iter().enumerate();
            self.written.extend(pairs.map(|(number, text)| Piece::instead_of(old(number), text)));
        }
    }
}

impl<'de> Deserialize<'de> for Input {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut input = Self::default();
        Reader { input: &mut input, depth: DEPTH, holds: Holds::Anything }.deserialize(deserializer)?;
        Ok(input)
    }
}

/// What a value's name says of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Holds {
    Path,
    Folder,
    /// A patch, where the tool takes one.
    Patch,
    /// Tables and lists with more names in them; a text only at the top, where it may be JSON or a patch.
    Anything,
    /// A text that is put in.
    Written,
    /// A text in whose place it is put.
    Replaced,
    Contents,
}

impl Holds {
    fn of(key: &str) -> Self {
        // Several edits of one call may be numbered.
        let key = key.trim_end_matches(|last: char| last.is_ascii_digit());
        let plain = key.bytes().filter(|byte| *byte != b'_' && *byte != b'-').map(|byte| byte.to_ascii_lowercase());
        match plain.take(32).collect::<Vec<_>>().as_slice() {
            b"path" | b"paths" | b"filepath" | b"filepaths" | b"notebookpath" | b"targetfile" | b"absolutepath" => {
                Self::Path
            }
            b"cwd" => Self::Folder,
            b"patch" | b"patchtext" | b"input" | b"command" => Self::Patch,
            b"content" | b"contents" | b"filecontent" | b"filetext" | b"newstring" | b"newstr" | b"newtext" => {
                Self::Written
            }
            b"oldstring" | b"oldstr" | b"oldtext" => Self::Replaced,
            b"code" | b"diff" | b"prompt" | b"explanation" => Self::Contents,
            _ => Self::Anything,
        }
    }
}

struct Reader<'a> {
    input: &'a mut Input,
    depth: usize,
    holds: Holds,
}

impl Reader<'_> {
    fn path(&mut self, path: &str) {
        keep(&mut self.input.paths, path);
    }

    /// What a patch puts in or leaves stands behind a sign: only what begins a line names a file.
    fn patch(&mut self, text: &str) {
        self.input.patch.take(text);
        for line in text.lines() {
            if let Some(path) = PATCH_LINES.iter().find_map(|start| line.strip_prefix(start)) {
                keep(&mut self.input.patched, path.trim());
            }
        }
    }
}

fn keep(paths: &mut Vec<String>, path: &str) {
    let path = path.strip_prefix("file://").unwrap_or(path);
    // One more than a record takes, so that a list that is too long stays too long.
    if !path.is_empty() && path.len() <= PATH_BYTES && paths.len() <= FILES {
        paths.push(path.to_owned());
    }
}

impl<'de> DeserializeSeed<'de> for Reader<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        if self.depth == 0 || self.holds == Holds::Contents {
            return IgnoredAny::deserialize(deserializer).map(|_| ());
        }
        deserializer.deserialize_any(AnyOf(self))
    }
}

impl<'de> Lenient<'de> for Reader<'_> {
    type Value = ();

    fn text<E: de::Error>(mut self, text: &str) -> Result<(), E> {
        self.input.is_some = true;
        match self.holds {
            // A list may come as JSON in a text.
            Holds::Path => match serde_json::from_str::<Texts>(text) {
                Ok(list) if text.starts_with('[') => list.0.iter().for_each(|path| self.path(path)),
                _ => self.path(text),
            },
            Holds::Folder => self.input.cwd = Some(text.to_owned()).filter(|text| text.len() <= PATH_BYTES),
            Holds::Anything if self.depth == DEPTH && text.trim_start().starts_with('{') => {
                let inner = Reader { input: self.input, depth: DEPTH - 1, holds: Holds::Anything };
                // What is no JSON names no path.
                let _ = inner.deserialize(&mut serde_json::Deserializer::from_str(text));
            }
            Holds::Anything if self.depth == DEPTH => self.patch(text),
            Holds::Patch => self.patch(text),
            Holds::Written => self.input.table.put.take(text),
            // Of one that is too long nothing is known to have stood there.
            Holds::Replaced => self.input.table.replaced.take(text),
            Holds::Anything | Holds::Contents => {}
        }
        Ok(())
    }

    fn list<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Reader { input, depth, holds } = self;
        // What a tool puts in is one text.
        let holds = if matches!(holds, Holds::Written | Holds::Replaced) { Holds::Contents } else { holds };
        while list.next_element_seed(Reader { input, depth: depth - 1, holds })?.is_some() {}
        Ok(())
    }

    fn table<A: MapAccess<'de>>(self, mut table: A) -> Result<(), A::Error> {
        let Reader { input, depth, .. } = self;
        input.is_some = true;
        let above = std::mem::take(&mut input.table);
        while let Some(key) = table.next_key::<Text>()? {
            let holds = Holds::of(key.get().unwrap_or_default());
            table.next_value_seed(Reader { input, depth: depth - 1, holds })?;
        }
        let edit = std::mem::replace(&mut input.table, above);
        input.take(edit);
        Ok(())
    }
}
