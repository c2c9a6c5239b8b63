//! One transaction over a snapshot: what it read, what it writes, and what it sees of both.
//!
//! The limits are those of FoundationDB, on every engine.

use std::ops::Bound;
use std::time::{Duration, Instant};

use super::Base;
use crate::engine::{
    Abort, KEY_BYTES, LATE_MS, Page, PageLimit, TRANSACTION_BYTES, TRANSACTION_MS, TRANSACTION_WARN_BYTES, Transaction,
    VALUE_BYTES,
};
use crate::error::StoreError;
use crate::finished::{Finished, KeyRange, StampedKey, Write, plus};

/// What FoundationDB adds to a transaction's size for a written key, apart from its bytes: the mutation, its conflict
/// range, and [`crate::foundationdb::PREFIX_BYTES`] three times.
const WRITE_CHARGE: usize = 192;
/// The same for a range that was read.
const READ_CHARGE: usize = 96;
/// The same for a row that is guarded: what others would mark is read, and it is marked.
const GUARD_CHARGE: usize = 2 * READ_CHARGE + WRITE_CHARGE;

/// See the module's description.
pub(super) struct Draft<'a> {
    base: &'a dyn Base,
    began: Instant,
    finished: Finished,
    // The first failure: a body that swallows it does not get a commit of half its work.
    failed: Option<StoreError>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(base: &'a dyn Base) -> Self {
        Self { base, began: Instant::now(), finished: Finished::default(), failed: None }
    }

    pub(super) fn finish(self) -> Result<Finished, StoreError> {
        if let Some(error) = self.failed {
            return Err(error);
        }
        if self.finished.bytes > TRANSACTION_WARN_BYTES {
            tracing::warn!(bytes = self.finished.bytes, "a transaction writes more than 1 MB");
        }
        alive(self.began)?;
        Ok(self.finished)
    }

    fn note<T>(&mut self, result: Result<T, StoreError>) -> Result<T, Abort> {
        result.map_err(|error| {
            self.failed.get_or_insert_with(|| error.clone());
            Abort::Store(error)
        })
    }

    fn cleared(&self, key: &[u8]) -> bool {
        self.finished.cleared.iter().any(|(begin, end)| begin.as_slice() <= key && key < end.as_slice())
    }

    fn readable(&self, begin: &[u8], end: &[u8]) -> Result<(), StoreError> {
        let hit = |stamped: &StampedKey| {
            let prefix = stamped.prefix.as_slice();
            // The cheap half first: it decides for nearly all.
            prefix < end
                && (begin <= prefix || begin.starts_with(prefix))
                && stamped.key(&[0; 10]).as_slice() < end
                && begin <= stamped.key(&[0xff; 10]).as_slice()
        };
        if self.finished.stamped.iter().any(hit) { Err(StoreError::Unreadable) } else { Ok(()) }
    }

    fn account(&mut self, keys: &[usize], value: usize) -> Result<(), StoreError> {
        for &key in keys {
            within("a key", key, KEY_BYTES)?;
            self.finished.bytes += key;
            self.finished.charged += 3 * key + WRITE_CHARGE;
        }
        within("a value", value, VALUE_BYTES)?;
        self.finished.bytes += value;
        self.finished.charged += value;
        within("a transaction", self.finished.charged, TRANSACTION_BYTES)
    }

    fn account_read(&mut self, read: KeyRange) -> Result<(), StoreError> {
        self.finished.charged += read.0.len() + read.1.len() + READ_CHARGE;
        self.finished.reads.push(read);
        within("a transaction", self.finished.charged, TRANSACTION_BYTES)
    }

    fn read_one(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        alive(self.began)?;
        check_key(key)?;
        let after = [key, &[0]].concat();
        self.readable(key, &after)?;
        let value = match self.finished.writes.get(key) {
            Some(Write::Set(value)) => return Ok(Some(value.clone())),
            Some(Write::Clear) => return Ok(None),
            Some(Write::Stamped(_)) => return Err(StoreError::Unreadable),
            Some(Write::Add(amount)) => Some(plus(self.base.get(key)?.as_deref(), *amount).to_vec()),
            None if self.cleared(key) => return Ok(None),
            None => self.base.get(key)?,
        };
        self.account_read((key.to_vec(), after))?;
        Ok(value)
    }

    fn read_range(&mut self, begin: &[u8], end: &[u8], reverse: bool, limit: PageLimit) -> Result<Page, StoreError> {
        alive(self.began)?;
        within("a key", begin.len().max(end.len()), KEY_BYTES)?;
        let end = end.min(&[0xff][..]);
        if begin >= end {
            return Ok(Page::default());
        }
        self.readable(begin, end)?;
        // One that is late already gets what it asks for: it does not leave it to another one.
        let due = (!late(self.began)).then_some(self.began);
        let mut merge = Merge { page: Page::default(), limit, size: 0, due, unreadable: false };
        let own = self.finished.writes.range::<[u8], _>((Bound::Included(begin), Bound::Excluded(end)));
        let mut own: Box<dyn Iterator<Item = (&Vec<u8>, &Write)>> =
            if reverse { Box::new(own.rev()) } else { Box::new(own) };
        let mut next = own.next();
        self.base.visit(begin, end, reverse, limit, &mut |key, value| {
            while let Some((own_key, write)) = next {
                let earlier = if reverse { own_key.as_slice() > key } else { own_key.as_slice() < key };
                if !earlier {
                    break;
                }
                next = own.next();
                if !merge.take(own_key, write, None) {
                    return false;
                }
            }
            match next {
                Some((own_key, write)) if own_key == key => {
                    next = own.next();
                    merge.take(own_key, write, Some(value))
                }
                _ if self.cleared(key) => true,
                _ => merge.push(key, value),
            }
        })?;
        while let (Some((own_key, write)), false) = (next, merge.page.more) {
            next = own.next();
            merge.take(own_key, write, None);
        }
        if merge.unreadable {
            return Err(StoreError::Unreadable);
        }
        let page = merge.page;
        let read = match page.rows.last() {
            Some((last, _)) if page.more && reverse => (last.clone(), end.to_vec()),
            Some((last, _)) if page.more => (begin.to_vec(), [last, &[0][..]].concat()),
            _ => (begin.to_vec(), end.to_vec()),
        };
        drop(own);
        self.account_read(read)?;
        Ok(page)
    }

    fn write(&mut self, key: &[u8], write: Write) -> Result<(), StoreError> {
        alive(self.began)?;
        check_key(key)?;
        let size = match &write {
            Write::Set(value) => value.len(),
            Write::Stamped(rest) => rest.len() + 10,
            Write::Clear => 0,
            Write::Add(_) => 16,
        };
        self.account(&[key.len()], size)?;
        let write = match write {
            Write::Add(amount) => match self.finished.writes.get(key) {
                Some(Write::Set(value)) => Write::Set(plus(Some(value), amount).to_vec()),
                Some(Write::Clear) => Write::Set(amount.to_le_bytes().to_vec()),
                Some(Write::Add(before)) => Write::Add(before.wrapping_add(amount)),
                Some(Write::Stamped(_)) => return Err(StoreError::Unreadable),
                None if self.cleared(key) => Write::Set(amount.to_le_bytes().to_vec()),
                None => Write::Add(amount),
            },
            other => other,
        };
        self.finished.writes.insert(key.to_vec(), write);
        Ok(())
    }

    fn remove_range(&mut self, begin: &[u8], end: &[u8]) -> Result<(), StoreError> {
        alive(self.began)?;
        self.account(&[begin.len(), end.len()], 0)?;
        let end = end.min(&[0xff][..]);
        if begin >= end {
            return Ok(());
        }
        self.readable(begin, end)?;
        let bounds = (Bound::Included(begin), Bound::Excluded(end));
        let within: Vec<Vec<u8>> = self.finished.writes.range::<[u8], _>(bounds).map(|(key, _)| key.clone()).collect();
        for key in within {
            self.finished.writes.remove(&key);
        }
        self.finished.cleared.push((begin.to_vec(), end.to_vec()));
        Ok(())
    }

    fn write_stamped(&mut self, prefix: &[u8], suffix: &[u8], value: &[u8]) -> Result<(), StoreError> {
        alive(self.began)?;
        check_key(prefix)?;
        let key = prefix.len() + 10 + suffix.len();
        self.account(&[key], value.len())?;
        let stamped = StampedKey { prefix: prefix.to_vec(), suffix: suffix.to_vec(), value: value.to_vec() };
        self.finished.stamped.push(stamped);
        Ok(())
    }
}

struct Merge {
    page: Page,
    limit: PageLimit,
    size: usize,
    /// When the transaction began that must not be late.
    due: Option<Instant>,
    unreadable: bool,
}

impl Merge {
    /// False once the page is full.
    fn push(&mut self, key: &[u8], value: &[u8]) -> bool {
        self.page.rows.push((key.to_vec(), value.to_vec()));
        self.size += key.len() + value.len();
        let is_full = self.page.rows.len() >= self.limit.rows.max(1) || self.size >= self.limit.bytes;
        self.page.more = is_full || self.due.is_some_and(late);
        !self.page.more
    }

    fn take(&mut self, key: &[u8], write: &Write, below: Option<&[u8]>) -> bool {
        match write {
            Write::Set(value) => self.push(key, value),
            Write::Clear => true,
            Write::Add(amount) => self.push(key, &plus(below, *amount)),
            Write::Stamped(_) => {
                self.unreadable = true;
                false
            }
        }
    }
}

fn within(what: &'static str, bytes: usize, limit: usize) -> Result<(), StoreError> {
    if bytes > limit { Err(StoreError::TooLarge { what, bytes, limit }) } else { Ok(()) }
}

fn check_key(key: &[u8]) -> Result<(), StoreError> {
    within("a key", key.len(), KEY_BYTES)?;
    match key.first() {
        Some(0xff) => Err(StoreError::Shape("keys beginning with 0xff belong to the engine".to_owned())),
        Some(_) => Ok(()),
        None => Err(StoreError::Shape("a key is empty".to_owned())),
    }
}

fn late(began: Instant) -> bool {
    began.elapsed() >= Duration::from_millis(LATE_MS)
}

fn alive(began: Instant) -> Result<(), StoreError> {
    if began.elapsed() > Duration::from_millis(TRANSACTION_MS) { Err(StoreError::TooOld) } else { Ok(()) }
}

impl Transaction for Draft<'_> {
    fn ahead(&mut self, keys: &[Vec<u8>]) {
        self.base.ahead(keys);
    }

    fn ahead_first(&mut self, ranges: &[KeyRange]) {
        self.base.ahead_first(ranges);
    }

    fn ahead_guarded(&mut self, rows: &[Vec<u8>], range: &KeyRange) {
        self.finished.charged += rows.iter().map(|key| 7 * key.len() + GUARD_CHARGE).sum::<usize>();
        self.base.ahead_guarded(rows, range);
    }

    fn is_late(&self) -> bool {
        late(self.began)
    }

    fn get(&mut self, key: &[u8]) -> Result<Option<Vec<u8>>, Abort> {
        let result = self.read_one(key);
        self.note(result)
    }

    fn range(&mut self, begin: &[u8], end: &[u8], reverse: bool, limit: PageLimit) -> Result<Page, Abort> {
        let result = self.read_range(begin, end, reverse, limit);
        self.note(result)
    }

    fn set(&mut self, key: &[u8], value: &[u8]) -> Result<(), Abort> {
        let result =
            within("a value", value.len(), VALUE_BYTES).and_then(|()| self.write(key, Write::Set(value.to_vec())));
        self.note(result)
    }

    fn clear(&mut self, key: &[u8]) -> Result<(), Abort> {
        let result = self.write(key, Write::Clear);
        self.note(result)
    }

    fn clear_range(&mut self, begin: &[u8], end: &[u8]) -> Result<(), Abort> {
        let result = self.remove_range(begin, end);
        self.note(result)
    }

    fn add(&mut self, key: &[u8], amount: u128) -> Result<(), Abort> {
        let result = self.write(key, Write::Add(amount));
        self.note(result)
    }

    fn append_stamped(&mut self, prefix: &[u8], suffix: &[u8], value: &[u8]) -> Result<(), Abort> {
        let result = self.write_stamped(prefix, suffix, value);
        self.note(result)
    }

    fn set_stamped_value(&mut self, key: &[u8], rest: &[u8]) -> Result<(), Abort> {
        let result = self.write(key, Write::Stamped(rest.to_vec()));
        self.note(result)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::Empty;

    #[test]
    fn a_page_on_whose_way_a_transaction_gets_late_ends_there() {
        let Some(began) = Instant::now().checked_sub(Duration::from_millis(LATE_MS)) else { return };
        let pages = |due| {
            let (page, limit) = (Page::default(), PageLimit::rows(9));
            let mut merge = Merge { page, limit, size: 0, due, unreadable: false };
            let goes_on = merge.push(b"k", b"");
            assert_eq!(merge.page.more, !goes_on);
            goes_on
        };
        assert!(!pages(Some(began)), "the rest is left to another transaction");
        assert!(pages(None), "whoever begins late means it");
        assert!(pages(Some(Instant::now() + Duration::from_secs(60))));
        assert!(Draft { began, ..Draft::new(&Empty(())) }.is_late());
    }

    #[test]
    fn a_transaction_older_than_five_seconds_is_too_old_for_every_call_and_for_its_commit() {
        let Some(began) = Instant::now().checked_sub(Duration::from_millis(TRANSACTION_MS + 1)) else { return };
        let old = || Draft { began, ..Draft::new(&Empty(())) };
        let too_old = Err(Abort::Store(StoreError::TooOld));
        assert_eq!(old().get(b"k").map(drop), too_old);
        assert_eq!(old().range(b"a", b"b", false, PageLimit::rows(1)).map(drop), too_old);
        assert_eq!(old().set(b"k", b""), too_old);
        assert_eq!(old().clear(b"k"), too_old);
        assert_eq!(old().clear_range(b"a", b"b"), too_old);
        assert_eq!(old().add(b"k", 1), too_old);
        assert_eq!(old().append_stamped(b"k", b"", b""), too_old);
        assert_eq!(old().set_stamped_value(b"k", b""), too_old);
        assert_eq!(old().finish().map(drop), Err(StoreError::TooOld));
        assert_eq!(Draft::new(&Empty(())).finish().map(drop), Ok(()));
    }
}
