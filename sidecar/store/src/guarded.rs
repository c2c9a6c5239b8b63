//! Guarded rows: whoever writes one has read it in the same transaction, and marks it with a key of his own under which
//! nothing is stored.
//!
//! So an engine need not ask for what its own last commit left of such a row. It declares as read what others would mark, all
//! but the mark of that commit, as of the version before it: whoever wrote the row since, at that very version too, is met. A
//! range needs no marks: what its last row is, is known as of before a commit that proved it and wrote nothing there.
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
type Pair = (Vec<u8>, Vec<u8>);

/// What a transaction says that it reads.
#[derive(Debug, Clone, Default)]
pub(crate) struct Guarded {
    pub(crate) rows: Vec<Vec<u8>>,
    /// The range whose last row it reads.
    pub(crate) range: KeyRange,
}

/// A row as it was read or told.
#[derive(Debug, Clone)]
struct Row {
    value: Option<Vec<u8>>,
    /// What this engine wrote it under last, or would have.
    mark: Uuid,
}

/// What a transaction has read of guarded rows, or was told instead.
#[derive(Debug, Default)]
pub(crate) struct Found {
    rows: BTreeMap<Vec<u8>, Row>,
    /// The last row of the range.
    last: Option<Pair>,
    /// Whether that was asked for.
    has_asked: bool,
    /// As of which version it was told all this; absent where it reads.
    pub(crate) told_at: Option<u64>,
}

impl Found {
    /// A row was read.
    pub(crate) fn read(&mut self, key: &[u8], value: Option<Vec<u8>>) {
        self.rows.insert(key.to_vec(), Row { value, mark: Uuid::new_v4() });
    }

    /// The last row of the range was read.
    pub(crate) fn read_last(&mut self, last: Option<Pair>) {
        (self.last, self.has_asked) = (last, true);
    }

    /// The row that was told; absent where it was not.
    pub(crate) fn told(&self, key: &[u8]) -> Option<Option<Vec<u8>>> {
        self.rows.get(key).map(|row| row.value.clone())
    }

    /// The last row of the range, as it was told.
    pub(crate) fn told_last(&mut self) -> Option<&Pair> {
        self.has_asked = true;
        self.last.as_ref()
    }

    /// Marks what is written, declares what was told as read, and says what a commit of it will have left.
    pub(crate) fn guard(self, range: KeyRange, finished: &mut Finished) -> AfterCommit {
        let mut after = AfterCommit::default();
        for (key, mut row) in self.rows {
            let own = (key.clone(), [&key[..], &[0]].concat());
            if !finished.reads.contains(&own) {
                continue;
            }
            if self.told_at.is_some() {
                finished.reads.retain(|read| *read != own);
                finished.reads.extend(others(&key, row.mark));
            }
            let is_written = finished.writes_into(&own.0, &own.1);
            if is_written {
                finished.marks.push(marked(&key, &row.mark.into_bytes()));
            }
            match finished.writes.get(&key) {
                Some(Write::Set(value)) => row.value = Some(value.clone()),
                _ if is_written => continue,
                _ => {}
            }
            after.rows.push((key, row));
        }
        if self.has_asked {
            let is_written = finished.writes_into(&range.0, &range.1);
            after.last = Some((range, (!is_written).then_some(self.last)));
        }
        after
    }
}

/// What a commit leaves.
#[derive(Debug, Default)]
pub(crate) struct AfterCommit {
    rows: Vec<(Vec<u8>, Row)>,
    /// The last row of a range, where that is known.
    last: Option<(KeyRange, Option<Option<Pair>>)>,
}

/// What an engine's own last commits left.
#[derive(Debug, Default)]
pub(crate) struct Remembered(Mutex<Rows>);

#[derive(Debug, Default)]
struct Rows {
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

impl Remembered {
    /// All that a transaction reads, if it is known; nobody else is told these rows before it has committed. `newest` is
    /// the highest version that is known: what is above is of a store that was restored since.
    pub(crate) fn take(&self, said: &Guarded, newest: u64, now: Instant) -> Option<Found> {
        let mut remembered = locked(&self.0);
        let Rows { rows, last } = &mut *remembered;
        let is_known = |since: &Since| since.is_young(now) && since.version <= newest;
        let (_, last, since) = last.as_ref().filter(|(range, _, since)| *range == said.range && is_known(since))?;
        let known = |key| rows.get(key).map(|(_, since)| since).filter(|since| is_known(since));
        let versions: Vec<u64> = said.rows.iter().map(|key| Some(known(key)?.version)).collect::<Option<_>>()?;
        let version = versions.into_iter().fold(since.version, u64::min);
        let rows = said.rows.iter().filter_map(|key| Some((key.clone(), rows.remove(key)?.0))).collect();
        Some(Found { rows, last: last.clone(), has_asked: false, told_at: Some(version.checked_sub(1)?) })
    }

    /// A commit was told.
    pub(crate) fn learn(&self, after: AfterCommit, version: u64, told: Instant) {
        let mut remembered = locked(&self.0);
        let since = Since { version, told };
        if remembered.rows.len() + after.rows.len() > ROWS {
            remembered.rows.retain(|_, (_, since)| since.is_young(told));
        }
        let room = ROWS.saturating_sub(remembered.rows.len());
        remembered.rows.extend(after.rows.into_iter().take(room).map(|(key, row)| (key, (row, since))));
        // Of commits that were under way at once the latest.
        let known = remembered.last.as_ref().map(|(_, _, known)| known);
        let is_later = known.is_none_or(|known| known.version <= version || !known.is_young(told));
        if let Some((range, last)) = after.last.filter(|_| is_later) {
            remembered.last = last.map(|last| (range, last, since));
        }
    }

    /// Of versions that may never come again, or of what may be stored and may not.
    pub(crate) fn forget(&self) {
        *locked(&self.0) = Rows::default();
    }
}

/// A key that marks a guarded row as written.
fn marked(key: &[u8], by: &[u8]) -> Vec<u8> {
    [&[0xff, b'g'], key, by].concat()
}

/// What anybody but the owner of this mark marks a row with.
fn others(key: &[u8], own: Uuid) -> [KeyRange; 2] {
    let own = marked(key, &own.into_bytes());
    let after = [&own[..], &[0]].concat();
    [(marked(key, &[]), own), (after, marked(key, &[0xff; 17]))]
}
