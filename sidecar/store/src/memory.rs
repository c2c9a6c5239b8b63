//! The engine in memory: for tests, and as the reference of the contract suite.
//!
//! Where it lags it is as a cluster, seen from one hub: several commits may share a version, as long as nobody reads there.
//! Absent on purpose: durability. A commit while somebody holds a snapshot copies the map.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Bound;
use std::sync::{Arc, Mutex};

use crate::conflicts::Conflicts;
use crate::engine::{Body, Committed, Engine, PageLimit};
use crate::error::StoreError;
use crate::finished::{Finished, Target};
use crate::follow::{self, OwnCommits, Versions};
use crate::overlay::{self, Backend, Base};
use crate::watch::{Watch, Watches, locked};

type Rows = BTreeMap<Vec<u8>, Vec<u8>>;

#[derive(Debug, Default)]
struct State {
    version: u64,
    /// Which commit of that version the next one would be; absent once somebody reads there.
    order: Option<u16>,
    rows: Arc<Rows>,
    conflicts: Conflicts,
    /// What the last commits left, the newest last; kept where follow-ups read it.
    former: VecDeque<(u64, Arc<Rows>)>,
}

/// Versions of which it is kept what they left, at least, and rows of all that are kept beyond.
const FORMER: usize = 16;
const FORMER_ROWS: usize = 100_000;

/// A store that ends with its process.
#[derive(Debug, Default)]
pub struct Memory {
    state: Arc<Mutex<State>>,
    watches: Arc<Watches>,
    shared: bool,
    /// Whether follow-ups read what the last of them left; else what is newest, which costs nothing here.
    lags: bool,
    own: OwnCommits,
}

impl Memory {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store that several hubs use at once, as those of a team use a cluster.
    pub fn shared() -> Self {
        Self { shared: true, ..Self::default() }
    }

    /// An empty store whose follow-ups read behind, as a cluster's do. Each commit copies it all.
    pub fn lagging() -> Self {
        Self { lags: true, ..Self::shared() }
    }

    /// The same store, as another hub has it.
    #[must_use]
    pub fn elsewhere(&self) -> Self {
        let (state, watches) = (Arc::clone(&self.state), Arc::clone(&self.watches));
        Self { state, watches, shared: self.shared, lags: self.lags, own: OwnCommits::default() }
    }
}

/// The rows as of a version; absent where they were forgotten.
pub(crate) struct Snapshot {
    version: u64,
    rows: Option<Arc<Rows>>,
}

impl Snapshot {
    fn rows(&self) -> Result<&Rows, StoreError> {
        self.rows.as_deref().ok_or(StoreError::TooOld)
    }
}

impl Base for Snapshot {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.rows()?.get(key).cloned())
    }

    fn visit(
        &self,
        begin: &[u8],
        end: &[u8],
        reverse: bool,
        _enough: PageLimit,
        row: &mut dyn FnMut(&[u8], &[u8]) -> bool,
    ) -> Result<(), StoreError> {
        let mut rows = self.rows()?.range::<[u8], _>((Bound::Included(begin), Bound::Excluded(end)));
        while let Some((key, value)) = if reverse { rows.next_back() } else { rows.next() } {
            if !row(key, value) {
                break;
            }
        }
        Ok(())
    }
}

impl Target for Rows {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.get(key).cloned())
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), StoreError> {
        self.insert(key.to_vec(), value.to_vec());
        Ok(())
    }

    fn clear(&mut self, key: &[u8]) -> Result<(), StoreError> {
        self.remove(key);
        Ok(())
    }

    fn clear_range(&mut self, begin: &[u8], end: &[u8]) -> Result<(), StoreError> {
        let bounds = (Bound::Included(begin), Bound::Excluded(end));
        let within: Vec<Vec<u8>> = self.range::<[u8], _>(bounds).map(|(key, _)| key.clone()).collect();
        within.iter().for_each(|key| drop(self.remove(key)));
        Ok(())
    }
}

impl Backend for Memory {
    type Base = Snapshot;

    fn begin(&self) -> Result<Snapshot, StoreError> {
        let mut state = locked(&self.state);
        state.order = None;
        Ok(Snapshot { version: state.version, rows: Some(Arc::clone(&state.rows)) })
    }

    fn commit(&self, base: Snapshot, finished: Finished) -> Result<Committed, StoreError> {
        let read_version = base.version;
        drop(base);
        let mut state = locked(&self.state);
        state.conflicts.check(read_version, &finished.reads)?;
        let order = state.order.filter(|_| self.lags);
        let version = if order.is_some() { state.version } else { state.version + 1 };
        let order = order.unwrap_or(0);
        let mut stamp = stamp_of(version);
        stamp[8..].copy_from_slice(&order.to_be_bytes());
        let rows: &mut Rows = Arc::make_mut(&mut state.rows);
        let footprint = finished.apply(&stamp, rows)?;
        (state.version, state.order) = (version, order.checked_add(1));
        state.conflicts.note(version, footprint);
        if self.lags {
            let left = (version, Arc::clone(&state.rows));
            state.former.retain(|(at, _)| *at < version);
            state.former.push_back(left);
            let rows: usize = state.former.iter().map(|(_, rows)| rows.len()).sum();
            if state.former.len() > FORMER && rows > FORMER_ROWS {
                state.former.pop_front();
            }
        }
        self.watches.ring(|key| state.conflicts.touched_since(version - 1, key));
        Ok(Committed { stamp: Some(stamp) })
    }
}

impl Versions for Memory {
    fn begin_at(&self, version: u64) -> Result<Snapshot, StoreError> {
        let mut state = locked(&self.state);
        state.order = None;
        let former = state.former.iter().find(|(at, _)| *at == version);
        Ok(Snapshot { version, rows: former.map(|(_, rows)| Arc::clone(rows)) })
    }
}

/// An embedded engine's stamp: its commit counter, and batch 0.
pub(crate) fn stamp_of(version: u64) -> [u8; 10] {
    let mut stamp = [0; 10];
    stamp[..8].copy_from_slice(&version.to_be_bytes());
    stamp
}

impl Engine for Memory {
    fn transact(&self, body: &mut Body<'_>) -> Result<Committed, StoreError> {
        if self.lags { follow::transact(self, &self.own, body) } else { overlay::run(self, body) }
    }

    fn follow_up(&self, body: &mut Body<'_>) -> Result<Committed, StoreError> {
        if self.lags { follow::follow_up(self, &self.own, body) } else { self.transact(body) }
    }

    fn watch(&self, key: &[u8]) -> Result<Watch, StoreError> {
        Ok(self.watches.add(key))
    }

    fn place(&self) -> String {
        "in memory".to_owned()
    }

    fn bytes(&self) -> Result<u64, StoreError> {
        let rows = Arc::clone(&locked(&self.state).rows);
        Ok(rows.iter().map(|(key, value)| (key.len() + value.len()) as u64).sum())
    }

    fn exclusive(&self) -> bool {
        !self.shared
    }
}
