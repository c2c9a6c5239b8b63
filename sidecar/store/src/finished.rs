//! What a transaction leaves when its body is done: what it read, what it writes, and how that is applied.
//!
//! Absent on purpose: the limits and the reading (`overlay`), who applies it and when (the engines).

use std::collections::BTreeMap;

use crate::error::StoreError;

/// From the first key up to but without the second.
pub(crate) type KeyRange = (Vec<u8>, Vec<u8>);

/// What a finished overlay is applied to.
pub(crate) trait Target {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError>;
    fn clear(&mut self, key: &[u8]) -> Result<(), StoreError>;
    fn clear_range(&mut self, begin: &[u8], end: &[u8]) -> Result<(), StoreError>;
}

#[derive(Debug, Clone)]
pub(crate) enum Write {
    Set(Vec<u8>),
    Clear,
    Add(u128),
    Stamped(Vec<u8>),
}

#[derive(Debug, Clone)]
pub(crate) struct StampedKey {
    pub(crate) prefix: Vec<u8>,
    pub(crate) suffix: Vec<u8>,
    pub(crate) value: Vec<u8>,
}

impl StampedKey {
    pub(crate) fn key(&self, stamp: &[u8; 10]) -> Vec<u8> {
        [&self.prefix[..], stamp, &self.suffix].concat()
    }
}

/// The writes and reads of a transaction whose body is done.
#[derive(Debug, Default)]
pub(crate) struct Finished {
    pub(crate) reads: Vec<KeyRange>,
    /// Keys and values.
    pub(crate) bytes: usize,
    /// The same as FoundationDB counts it, reads included; rather too much.
    pub(crate) charged: usize,
    // Applied before `writes`: a write into a cleared range came later, or it would have been removed.
    pub(crate) cleared: Vec<KeyRange>,
    pub(crate) writes: BTreeMap<Vec<u8>, Write>,
    pub(crate) stamped: Vec<StampedKey>,
    /// Written as far as others' reads go; nothing is stored there (`guarded`).
    pub(crate) marks: Vec<Vec<u8>>,
}

/// Which keys a commit touched.
#[derive(Debug, Default)]
pub(crate) struct Footprint {
    /// Sorted.
    pub(crate) keys: Vec<Vec<u8>>,
    pub(crate) ranges: Vec<KeyRange>,
}

impl Footprint {
    pub(crate) fn touches(&self, begin: &[u8], end: &[u8]) -> bool {
        let at = self.keys.partition_point(|key| key.as_slice() < begin);
        self.keys.get(at).is_some_and(|key| key.as_slice() < end)
            || self.ranges.iter().any(|(from, to)| from.as_slice() < end && begin < to.as_slice())
    }

    pub(crate) fn holds(&self, key: &[u8]) -> bool {
        self.keys.binary_search_by(|own| own.as_slice().cmp(key)).is_ok()
            || self.ranges.iter().any(|(from, to)| from.as_slice() <= key && key < to.as_slice())
    }
}

impl Finished {
    pub(crate) fn is_empty(&self) -> bool {
        self.cleared.is_empty() && self.writes.is_empty() && self.stamped.is_empty()
    }

    /// Whether anything is written, or may be, from `begin` up to but without `end`.
    pub(crate) fn writes_into(&self, begin: &[u8], end: &[u8]) -> bool {
        let is_within = |key: &[u8]| begin <= key && key < end;
        let may_be = |stamped: &StampedKey| is_within(&stamped.prefix) || begin.starts_with(&stamped.prefix);
        self.writes.keys().any(|key| is_within(key))
            || self.cleared.iter().any(|(from, to)| from.as_slice() < end && begin < to.as_slice())
            || self.stamped.iter().any(may_be)
    }

    #[cfg(test)]
    pub(crate) fn set_for_test(&mut self, key: &[u8]) {
        self.writes.insert(key.to_vec(), Write::Set(Vec::new()));
    }

    /// Applies everything; `stamp` fills what was written with one.
    pub(crate) fn apply(self, stamp: &[u8; 10], target: &mut dyn Target) -> Result<Footprint, StoreError> {
        for (begin, end) in &self.cleared {
            target.clear_range(begin, end)?;
        }
        let mut keys = self.marks;
        keys.reserve(self.writes.len() + self.stamped.len());
        for (key, write) in self.writes {
            match write {
                Write::Set(value) => target.set(&key, &value)?,
                Write::Clear => target.clear(&key)?,
                Write::Add(amount) => {
                    let sum = plus(target.get(&key)?.as_deref(), amount);
                    target.set(&key, &sum)?;
                }
                Write::Stamped(rest) => target.set(&key, &[stamp, &rest[..]].concat())?,
            }
            keys.push(key);
        }
        for stamped in &self.stamped {
            let key = stamped.key(stamp);
            target.set(&key, &stamped.value)?;
            keys.push(key);
        }
        keys.sort_unstable();
        Ok(Footprint { keys, ranges: self.cleared })
    }
}

/// A 16-byte little-endian sum; a value of another length counts as FoundationDB counts it: cut or filled with zeros.
pub(crate) fn plus(value: Option<&[u8]>, amount: u128) -> [u8; 16] {
    let mut bytes = [0; 16];
    if let Some(value) = value {
        let length = value.len().min(16);
        bytes[..length].copy_from_slice(&value[..length]);
    }
    u128::from_le_bytes(bytes).wrapping_add(amount).to_le_bytes()
}
