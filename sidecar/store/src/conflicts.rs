//! Which keys recent commits touched, so that a transaction that read one of them is run again.
//!
//! Bounded: what is forgotten raises the floor, and a transaction from below it is too old.

use std::collections::VecDeque;

use crate::error::StoreError;
use crate::finished::{Footprint, KeyRange};

/// Keys and ranges remembered, over all commits.
const REMEMBERED: usize = 100_000;

#[derive(Debug, Default)]
pub(crate) struct Conflicts {
    commits: VecDeque<(u64, Footprint)>,
    remembered: usize,
    floor: u64,
}

impl Conflicts {
    /// Knows nothing of commits up to `version`.
    pub(crate) fn from(version: u64) -> Self {
        Self { floor: version, ..Self::default() }
    }

    /// Whether a transaction that began at `read_version` and read these ranges may commit now.
    pub(crate) fn check(&self, read_version: u64, reads: &[KeyRange]) -> Result<(), StoreError> {
        if reads.is_empty() {
            return Ok(());
        }
        if read_version < self.floor {
            return Err(StoreError::TooOld);
        }
        let later = self.commits.iter().rev().take_while(|(version, _)| *version > read_version);
        for (_, footprint) in later {
            if reads.iter().any(|(begin, end)| footprint.touches(begin, end)) {
                return Err(StoreError::Conflict);
            }
        }
        Ok(())
    }

    pub(crate) fn note(&mut self, version: u64, footprint: Footprint) {
        self.remembered += footprint.keys.len() + footprint.ranges.len();
        self.commits.push_back((version, footprint));
        while self.remembered > REMEMBERED {
            let Some((version, footprint)) = self.commits.pop_front() else { break };
            self.remembered -= footprint.keys.len() + footprint.ranges.len();
            self.floor = version;
        }
    }

    /// Whether a commit after `version` touched this key.
    pub(crate) fn touched_since(&self, version: u64, key: &[u8]) -> bool {
        self.commits.iter().rev().take_while(|(at, _)| *at > version).any(|(_, footprint)| footprint.holds(key))
    }
}
