//! TOML to a [`tree`](crate::tree): reads on behind a mistake, so that all of them are found.

use std::path::Path;

use serde::de::DeserializeOwned;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::mistake::{Mistake, Origin};
use crate::tree::{Content, Entry, Node, Parsed, Place};

pub(crate) fn parse(text: &str) -> Parsed {
    let (table, errors) = DeTable::parse_recoverable(text);
    let mut parsed = Parsed { entries: entries(text, table.get_ref()), wrong: Vec::new() };
    for error in errors {
        let place = Place::of_byte(text, error.span().map_or(0, |span| span.start));
        let message = error.message();
        let todo = match message {
            "duplicate key" => "keep one of them",
            _ => "correct the line; https://toml.io shows how TOML is written",
        };
        parsed.wrong.push((place, message.to_owned(), todo.to_owned()));
    }
    parsed
}

/// A TOML document that is no settings, as its own type; `path` names it in the mistake.
///
/// # Errors
/// The first mistake, with its place.
pub fn data<T: DeserializeOwned>(path: &Path, text: &str) -> Result<T, Mistake> {
    toml::from_str(text).map_err(|error| {
        let place = Place::of_byte(text, error.span().map_or(0, |span| span.start));
        let todo = "correct the line".to_owned();
        Mistake {
            origin: Origin::File(path.to_owned(), place),
            found: error.message().to_owned(),
            todo,
            setting: String::new(),
        }
    })
}

fn entries(text: &str, table: &DeTable<'_>) -> Vec<Entry> {
    let entry = |(key, value): (&Spanned<std::borrow::Cow<'_, str>>, &Spanned<DeValue<'_>>)| Entry {
        key: key.get_ref().to_string(),
        at: Place::of_byte(text, key.span().start),
        value: node(text, value),
    };
    table.iter().map(entry).collect()
}

fn node(text: &str, value: &Spanned<DeValue<'_>>) -> Node {
    let content = match value.get_ref() {
        DeValue::String(text) => Content::Text(text.to_string()),
        DeValue::Integer(number) => {
            Content::Whole(i128::from_str_radix(number.as_str(), number.radix()).unwrap_or(i128::MAX))
        }
        DeValue::Float(number) => Content::Other("a number that is not whole", number.as_str().to_owned()),
        DeValue::Boolean(value) => Content::Bool(*value),
        DeValue::Datetime(when) => Content::Other("a date or time", when.to_string()),
        DeValue::Array(list) => Content::List(list.iter().map(|value| node(text, value)).collect()),
        DeValue::Table(table) => Content::Table(entries(text, table)),
    };
    Node { at: Place::of_byte(text, value.span().start), content }
}
