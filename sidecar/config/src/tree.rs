//! A text of settings as a tree in which everything knows its place; TOML and YAML both become one.

use std::fmt;

/// A place in a text: line and column from 1, the column in characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Place {
    /// The line.
    pub line: usize,
    /// The column.
    pub column: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}

impl Place {
    /// Of a byte of a text; its end where the text is shorter.
    pub(crate) fn of_byte(text: &str, byte: usize) -> Self {
        let before = &text.as_bytes()[..byte.min(text.len())];
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        let characters = before[line_start..].iter().filter(|byte| **byte & 0xc0 != 0x80).count();
        Self { line: before.iter().filter(|byte| **byte == b'\n').count() + 1, column: characters + 1 }
    }
}

/// A value and where it stands.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Node {
    pub at: Place,
    pub content: Content,
}

/// A value.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Content {
    Bool(bool),
    /// A whole number; one that is too long for this is the largest.
    Whole(i128),
    Text(String),
    List(Vec<Node>),
    Table(Vec<Entry>),
    /// What no setting is: what it is called, and how it is written.
    Other(&'static str, String),
}

/// One key of a table.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Entry {
    pub key: String,
    pub at: Place,
    pub value: Node,
}

/// What a text came to: what could be read, and what could not.
#[derive(Debug, Default)]
pub(crate) struct Parsed {
    pub entries: Vec<Entry>,
    /// Place, what is wrong, what to do.
    pub wrong: Vec<(Place, String, String)>,
}

impl Content {
    /// What a person calls it, with its value where that is short.
    pub(crate) fn shown(&self) -> String {
        match self {
            Self::Bool(value) => format!("{value}, a truth value"),
            Self::Whole(i128::MAX) => "a number too large to be read".to_owned(),
            Self::Whole(value) => format!("the number {value}"),
            Self::Text(text) => format!("the text {}", short(&format!("{text:?}"))),
            Self::List(_) => "a list".to_owned(),
            Self::Table(_) => "a table".to_owned(),
            Self::Other(kind, text) if text.is_empty() => (*kind).to_owned(),
            Self::Other(kind, text) => format!("{kind}, {}", short(text)),
        }
    }
}

/// A text that may be long, cut for a message.
pub(crate) fn short(text: &str) -> String {
    const CHARACTERS: usize = 60;
    match text.char_indices().nth(CHARACTERS) {
        Some((at, _)) => format!("{}…", &text[..at]),
        None => text.to_owned(),
    }
}
