//! A bounded memory of what was put in last. Absent on purpose: a use counts for nothing, only putting in does.

use std::collections::{HashMap, VecDeque};
use std::hash::Hash;

/// A bounded memory: the entries put in last.
#[derive(Debug)]
pub(crate) struct Recent<K, V> {
    entries: HashMap<K, (u64, V)>,
    order: VecDeque<(u64, K)>,
    clock: u64,
    capacity: usize,
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    /// An empty memory for so many entries.
    pub(crate) fn new(capacity: usize) -> Self {
        Self { entries: HashMap::new(), order: VecDeque::new(), clock: 0, capacity }
    }

    /// What was put in last under this key, if it is still there.
    pub(crate) fn get(&self, key: &K) -> Option<&V> {
        self.entries.get(key).map(|(_, value)| value)
    }

    /// Forgets what is under this key.
    pub(crate) fn remove(&mut self, key: &K) {
        self.entries.remove(key);
    }

    /// All that is there.
    pub(crate) fn values(&self) -> impl Iterator<Item = &V> {
        self.entries.values().map(|(_, value)| value)
    }

    /// Puts an entry in; the oldest goes where there is no room.
    pub(crate) fn put(&mut self, key: K, value: V) {
        self.clock += 1;
        self.order.push_back((self.clock, key.clone()));
        self.entries.insert(key, (self.clock, value));
        while self.entries.len() > self.capacity || self.order.len() > 2 * self.capacity {
            let Some((at, key)) = self.order.pop_front() else { break };
            if self.entries.get(&key).is_some_and(|(put, _)| *put == at) {
                self.entries.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recent_keeps_the_last_entries_and_stays_bounded() {
        let mut recent = Recent::new(3);
        for round in 0..100_u32 {
            recent.put(round % 5, round);
            assert!(recent.entries.len() <= 3 && recent.order.len() <= 6);
        }
        assert_eq!([0, 1, 2, 3, 4].map(|key| recent.get(&key).copied()), [None, None, Some(97), Some(98), Some(99)]);
        for round in 0..100 {
            recent.put(7, round);
        }
        assert_eq!(recent.get(&7), Some(&99), "putting the same key again and again never loses it");
    }
}
