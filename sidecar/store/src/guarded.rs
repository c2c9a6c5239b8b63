//! Guarded rows: whoever writes one has read it in the same transaction, and marks it with a key of his own under which
//! nothing is stored.
//!
//! So an engine need not ask for what its own last commit left of such a row. It declares as read what others would mark, all
//! but its own last mark, as of before that commit: whoever wrote the row since, at that very version too, is met. A range
//! needs no marks: what its last row is, is known as of before a commit that proved it and wrote nothing there.
//! Absent on purpose: which rows are guarded (whoever says so), when a follow-up reads at all (`follow`).

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use uuid::Uuid;

use crate::engine::FOLLOW_MS;
use crate::finished::{Finished, KeyRange, Write};
use crate::watch::locked;

/// Rows remembered; they are those of producers.
const ROWS: usize = 4_096;

/// A key and its value.
pub(crate) type Pair = (Vec<u8>, Vec<u8>);

/// What a transaction said that it reads.
#[derive(Debug, Clone, Default)]
pub(crate) struct Said {
    pub(crate) rows: Vec<Vec<u8>>,
    pub(crate) last: KeyRange,
}

/// What is known of a row.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) value: Option<Vec<u8>>,
    /// Under which it was written last, if that was here.
    mark: Option<Uuid>,
}

/// What a transaction has read of guarded rows, or was told instead.
#[derive(Debug, Default)]
pub(crate) struct Found {
    pub(crate) rows: BTreeMap<Vec<u8>, Row>,
    /// The last row of the range, where it was asked for.
    pub(crate) last: Option<(KeyRange, Option<Pair>)>,
    /// As of which version it was told; absent where it was read.
    pub(crate) told_at: Option<u64>,
}

impl Found {
    /// A row was read.
    pub(crate) fn read(&mut self, key: &[u8], value: Option<Vec<u8>>) {
        self.rows.insert(key.to_vec(), Row { value, mark: None });
    }

    /// Marks what is written, declares what was told as read, and says what a commit of it will have left.
    pub(crate) fn guard(self, finished: &mut Finished) -> Leaves {
        let mut leaves = Leaves::default();
        for (key, row) in self.rows {
            let own = (key.clone(), [&key[..], &[0]].concat());
            if !finished.reads.contains(&own) {
                continue;
            }
            if self.told_at.is_some() {
                finished.reads.retain(|read| *read != own);
                finished.reads.extend(others(&key, row.mark));
            }
            match finished.writes.get(&key) {
                Some(Write::Set(value)) => {
                    let mark = row.mark.unwrap_or_else(Uuid::new_v4);
                    finished.marks.push(marked(&key, &mark.into_bytes()));
                    leaves.rows.push((key, Row { value: Some(value.clone()), mark: Some(mark) }));
                }
                Some(_) => finished.marks.push(marked(&key, &Uuid::new_v4().into_bytes())),
                None if row.mark.is_some() => leaves.rows.push((key, row)),
                None => {}
            }
        }
        leaves.last = self.last.map(|(range, row)| {
            let writes = finished.writes_into(&range.0, &range.1);
            (range, if writes { None } else { Some(row) })
        });
        leaves
    }
}

/// What a commit leaves.
#[derive(Debug, Default)]
pub(crate) struct Leaves {
    rows: Vec<(Vec<u8>, Row)>,
    /// The last row of a range, where that is known.
    last: Option<(KeyRange, Option<Option<Pair>>)>,
}

/// What an engine's own last commits left.
#[derive(Debug, Default)]
pub(crate) struct Left(Mutex<Remembered>);

#[derive(Debug, Default)]
struct Remembered {
    rows: HashMap<Vec<u8>, (Row, Since)>,
    last: Option<(KeyRange, Option<Pair>, Since)>,
}

/// The version of a commit, and when it was told.
#[derive(Debug, Clone, Copy)]
struct Since {
    version: u64,
    told: Instant,
}

impl Since {
    fn is_young(&self, now: Instant) -> bool {
        now.duration_since(self.told) < Duration::from_millis(FOLLOW_MS)
    }
}

impl Left {
    /// All that a transaction reads, if it is known; nobody else is told these rows before it has committed.
    pub(crate) fn take(&self, said: &Said, now: Instant) -> Option<Found> {
        let mut remembered = locked(&self.0);
        let Remembered { rows, last } = &mut *remembered;
        let (range, row, since) =
            last.as_ref().filter(|(range, _, since)| *range == said.last && since.is_young(now))?;
        let known = |key| rows.get(key).filter(|(_, since): &&(Row, Since)| since.is_young(now));
        let versions: Vec<u64> = said.rows.iter().map(|key| Some(known(key)?.1.version)).collect::<Option<_>>()?;
        let version = versions.into_iter().fold(since.version, u64::min);
        let last = Some((range.clone(), row.clone()));
        let rows = said.rows.iter().filter_map(|key| Some((key.clone(), rows.remove(key)?.0))).collect();
        Some(Found { rows, last, told_at: Some(version.checked_sub(1)?) })
    }

    /// A commit was told.
    pub(crate) fn learn(&self, leaves: Leaves, version: u64, told: Instant) {
        let mut remembered = locked(&self.0);
        let since = Since { version, told };
        if remembered.rows.len() + leaves.rows.len() > ROWS {
            remembered.rows.retain(|_, (_, since)| since.is_young(told));
        }
        let room = ROWS.saturating_sub(remembered.rows.len());
        remembered.rows.extend(leaves.rows.into_iter().take(room).map(|(key, row)| (key, (row, since))));
        // Of commits that were under way at once the latest; a lower version after a while is of a store that was restored.
        let is_later =
            remembered.last.as_ref().is_none_or(|(_, _, known)| known.version <= version || !known.is_young(told));
        if let Some((range, row)) = leaves.last.filter(|_| is_later) {
            remembered.last = row.map(|row| (range, row, since));
        }
    }

    /// Of versions that may never come again.
    pub(crate) fn forget(&self) {
        *locked(&self.0) = Remembered::default();
    }
}

/// A key that marks a guarded row as written.
fn marked(key: &[u8], by: &[u8]) -> Vec<u8> {
    [&[0xff, b'g'], key, by].concat()
}

/// What anybody but the owner of this mark marks a row with.
fn others(key: &[u8], own: Option<Uuid>) -> Vec<KeyRange> {
    let all = (marked(key, &[]), marked(key, &[0xff; 17]));
    let Some(own) = own else { return vec![all] };
    let own = marked(key, &own.into_bytes());
    let after = [&own[..], &[0]].concat();
    vec![(all.0, own), (after, all.1)]
}
