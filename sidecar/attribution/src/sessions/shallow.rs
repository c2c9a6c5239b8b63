//! The outline of a JSON record: its short texts and tables, two levels down. Contents are skipped while reading.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize as _;
use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Longest text that is kept, in bytes.
const TEXT_BYTES: usize = 512;
/// Members of a table that are kept, at most.
const MEMBERS: usize = 200;
/// Records of a list at the top that are kept, at most.
const RECORDS: usize = 1_000;
/// How deep tables are kept.
const DEPTH: usize = 3;

/// What is kept of a value.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Shallow {
    /// A short text.
    Text(String),
    /// True or false.
    Flag(bool),
    /// A table.
    Table(BTreeMap<String, Shallow>),
    /// A list at the top, of records.
    Records(Vec<Shallow>),
    /// Anything else that is there.
    There,
}

impl Shallow {
    /// What lies at a path, such as `payload.id`.
    pub(super) fn at(&self, path: &str) -> Option<&Self> {
        path.split('.').try_fold(self, |value, name| match value {
            Self::Table(members) => members.get(name),
            _ => None,
        })
    }

    /// The text at a path.
    pub(super) fn text(&self, path: &str) -> Option<&str> {
        match self.at(path)? {
            Self::Text(text) if !text.is_empty() => Some(text),
            _ => None,
        }
    }
}

/// The outline of one JSON table, or list of tables; none where the text is no JSON.
pub(super) fn read(text: &str) -> Option<Shallow> {
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = Outline { depth: DEPTH, top: true }.deserialize(&mut deserializer).ok()?;
    deserializer.end().ok()?;
    matches!(value, Shallow::Table(_) | Shallow::Records(_)).then_some(value)
}

struct Outline {
    depth: usize,
    top: bool,
}

impl<'de> DeserializeSeed<'de> for Outline {
    type Value = Shallow;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Shallow, D::Error> {
        if self.depth == 0 {
            return IgnoredAny::deserialize(deserializer).map(|_| Shallow::There);
        }
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Outline {
    type Value = Shallow;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_bool<E>(self, flag: bool) -> Result<Shallow, E> {
        Ok(Shallow::Flag(flag))
    }

    fn visit_i64<E>(self, _: i64) -> Result<Shallow, E> {
        Ok(Shallow::There)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Shallow, E> {
        Ok(Shallow::There)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Shallow, E> {
        Ok(Shallow::There)
    }

    // Null counts as absent wherever a field must be there, but a tool may write it for a root.
    fn visit_unit<E>(self) -> Result<Shallow, E> {
        Ok(Shallow::There)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Shallow, E> {
        Ok(if text.len() <= TEXT_BYTES { Shallow::Text(text.to_owned()) } else { Shallow::There })
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Shallow, A::Error> {
        let mut records = Vec::new();
        while self.top && records.len() < RECORDS {
            let Some(record) = list.next_element_seed(Outline { depth: self.depth - 1, top: false })? else { break };
            records.push(record);
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(if self.top { Shallow::Records(records) } else { Shallow::There })
    }

    fn visit_map<A: MapAccess<'de>>(self, mut table: A) -> Result<Shallow, A::Error> {
        let mut members = BTreeMap::new();
        while let Some(name) = table.next_key::<String>()? {
            let value = table.next_value_seed(Outline { depth: self.depth - 1, top: false })?;
            if members.len() < MEMBERS && name.len() <= TEXT_BYTES {
                members.insert(name, value);
            }
        }
        Ok(Shallow::Table(members))
    }
}
