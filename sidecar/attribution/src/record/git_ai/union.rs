//! A note of ours put over one that lies there: disjoint ranges, ours on conflict, theirs wherever we say nothing.
//!
//! Keys of the JSON that codi2 does not know stay. Absent on purpose: taking back what was written once; a person that
//! their note names for lines of its own is no longer said to have been observed, since a key says it for all its lines.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::{Attested, Entry, NO_MODEL, Note, OURS};
use crate::record::cover::Cover;

impl Note {
    /// Ours over theirs.
    #[must_use]
    pub fn over(self, theirs: Self) -> Self {
        let mut files: BTreeMap<String, Cover<String>> = BTreeMap::new();
        let mut doubtful: Vec<String> = Vec::new();
        // A key that nothing explains says nothing: it takes no line from one that says who.
        for (note, ours, explained) in [(&self, true, true), (&theirs, false, true), (&theirs, false, false)] {
            for file in note.files.iter().rev() {
                let cover = files.entry(file.path.clone()).or_default();
                for Entry { key, ranges } in file.entries.iter().rev().filter(|it| note.explains(&it.key) == explained)
                {
                    let mut given = false;
                    for &(first, last) in ranges {
                        given |= cover.fill(first, last, key);
                    }
                    if given && !ours && note.observed(key).is_none() {
                        doubtful.push(key.clone());
                    }
                }
            }
        }
        let mut metadata = theirs.metadata;
        fill(&mut metadata, self.metadata);
        if let Some(observed) = metadata.get_mut(OURS).and_then(|ours| ours.get_mut("observed")?.as_object_mut()) {
            doubtful.iter().for_each(|key| {
                observed.remove(key);
            });
        }
        let files = files.into_iter().map(|(path, cover)| Attested { path, entries: entries(&cover) });
        Self { files: files.filter(|file| !file.entries.is_empty()).collect(), metadata }
    }
}

/// One entry a key, in the order of their first lines.
fn entries(cover: &Cover<String>) -> Vec<Entry> {
    let (mut entries, mut at): (Vec<Entry>, BTreeMap<&str, usize>) = (Vec::new(), BTreeMap::new());
    for (first, last, key) in cover.ranges() {
        let at = *at.entry(key).or_insert_with(|| {
            entries.push(Entry { key: key.clone(), ranges: Vec::new() });
            entries.len() - 1
        });
        entries[at].ranges.push((first, last));
    }
    entries
}

/// Ours over theirs, member by member; a model that we do not know leaves theirs.
fn fill(theirs: &mut Map<String, Value>, ours: Map<String, Value>) {
    for (key, value) in ours {
        match (theirs.get_mut(&key), value) {
            (Some(Value::Object(theirs)), Value::Object(ours)) => fill(theirs, ours),
            (Some(_), Value::String(text)) if text == NO_MODEL || text.is_empty() => {}
            (_, value) => {
                theirs.insert(key, value);
            }
        }
    }
}
