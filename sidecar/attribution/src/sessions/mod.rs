//! Which sessions a transcript or a log names: ids where the tool's own form says that they are a session's, and nowhere
//! else.
//!
//! [`Extractor::read`] takes pieces of a text. A line that is JSON counts by the fields of a known shape ([`shapes`]), so
//! what a conversation quotes is never taken for its own session; any other line by the words that stand before an id in
//! that tool's output ([`anchors`], patterns of the catalogue). [`of_path`] reads where a transcript lies. A bare UUID is
//! nobody's session. Hostile input costs its length and no more: lines and depth are bounded.
//!
//! Absent on purpose: reading files, databases, contents, and any claim of who wrote what: a session named by a log is
//! evidence of a name, not of an edit.

mod anchors;
pub(crate) mod ids;
mod paths;
mod shallow;
mod shapes;
#[cfg(test)]
mod tests;

pub use paths::of_path;

use crate::tools::Catalogue;
use anchors::Anchors;

/// Longest line that is read, in bytes; a longer one is counted as skipped.
pub const LINE_BYTES: usize = 1 << 20;
/// Most sessions told of one text; those that come later are counted as more.
pub const SESSIONS: usize = 1_000;

/// A session that a text names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mention {
    /// The tool's id in the catalogue; absent where a field says only that it is a session.
    pub tool: Option<String>,
    /// The session's id.
    pub session: String,
    /// The session that it was started by, or forked from.
    pub parent: Option<String>,
    /// The sub-agent in it that the record is of.
    pub agent: Option<String>,
    /// The model, as the tool names it.
    pub model: Option<String>,
    /// By what it was found: a field, the words before it, or the path.
    pub by: String,
    /// The first line that names it, from 1, counted in the pieces read; 0 where it is no line's.
    pub line: u64,
    /// How many lines name it.
    pub times: u64,
}

/// What a text names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Sessions {
    /// The sessions, in the order of their first mention.
    pub mentions: Vec<Mention>,
    /// Sessions that were left out because there were too many.
    pub more: u64,
    /// Lines that begin as JSON and are none, or are too long.
    pub skipped: u64,
    lines: u64,
}

/// Finds sessions in texts.
#[derive(Debug, Clone)]
pub struct Extractor {
    anchors: Anchors,
}

impl Extractor {
    /// By the patterns of a catalogue.
    pub fn of(catalogue: &Catalogue) -> Self {
        Self { anchors: Anchors::of(catalogue) }
    }

    /// Reads one piece of a text: whole lines, or the whole text of a document.
    pub fn read(&self, text: &str, into: &mut Sessions) {
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        // One document over many lines: its first line is no JSON by itself.
        let first = text.trim_start().lines().next().unwrap_or_default();
        if first.starts_with(['{', '['])
            && shallow::read(first).is_none()
            && text.trim_start().contains('\n')
            && let Some(document) = shallow::read(text)
        {
            shapes::of(&document).into_iter().for_each(|mention| into.add(mention, 0));
            return;
        }
        for line in text.lines() {
            into.lines += 1;
            let line = line.trim();
            if line.is_empty() {
                continue;
            }
            if line.len() > LINE_BYTES {
                into.skipped += 1;
                continue;
            }
            let at = into.lines;
            if line.starts_with(['{', '[']) {
                match shallow::read(line) {
                    Some(record) => shapes::of(&record).into_iter().for_each(|mention| into.add(mention, at)),
                    // `[12:01] session …` is a log's line like any other.
                    None if line.starts_with('[') => self.anchored(line, at, into),
                    None => into.skipped += 1,
                }
            } else {
                self.anchored(line, at, into);
            }
        }
    }

    fn anchored(&self, line: &str, at: u64, into: &mut Sessions) {
        for mention in self.anchors.find(line) {
            into.add(mention, at);
        }
    }
}

impl Sessions {
    /// Takes a mention in; one of a session that is known adds what it tells more.
    pub fn add(&mut self, mention: Mention, line: u64) {
        let same = |known: &&mut Mention| {
            known.session == mention.session
                && (known.tool == mention.tool || known.tool.is_none() || mention.tool.is_none())
                && known.agent == mention.agent
        };
        if let Some(known) = self.mentions.iter_mut().find(same) {
            known.times += mention.times;
            known.tool = known.tool.take().or(mention.tool);
            known.parent = known.parent.take().or(mention.parent);
            // The model of the last record: a session may change it.
            known.model = mention.model.or(known.model.take());
            return;
        }
        if self.mentions.len() < SESSIONS {
            self.mentions.push(Mention { line, ..mention });
        } else {
            self.more += 1;
        }
    }

    /// The one session that all of it is about; none where it names several or none. Sub-agents of it are its own.
    pub fn only(&self) -> Option<&Mention> {
        let first = self.mentions.first()?;
        let same = |other: &Mention| other.session == first.session && other.tool == first.tool;
        let root = self.mentions.iter().find(|mention| mention.agent.is_none()).unwrap_or(first);
        (self.more == 0 && self.mentions.iter().all(same)).then_some(root)
    }
}
