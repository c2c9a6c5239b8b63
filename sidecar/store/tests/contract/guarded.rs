//! Rows that are guarded, written by several hubs at once: each is told what its own last commit left, and none may write upon
//! what is past.

use std::collections::BTreeMap;
use std::sync::Arc;

use codi2_store::engine::PageLimit;
use codi2_store::memory::Memory;
use codi2_store::{Abort, Engine, Transaction};
use proptest::prelude::*;
use proptest::test_runner::TestRunner;

use crate::{common, content};

/// What a hub appends: a producer's next number, and the newest minute as it found it.
#[derive(Debug, Clone)]
struct Append {
    hub: usize,
    producer: u8,
    /// Whether it begins a minute.
    begins: bool,
    /// Whether it asks for another row, too, before or after it was told the guarded ones.
    asks: Option<bool>,
    /// What others do between its reading and its commit.
    within: Vec<Append>,
}

const HUBS: usize = 3;

fn appends() -> impl Strategy<Value = Vec<Append>> {
    let one = |within: Vec<Append>| {
        let asks = prop::option::weighted(0.2, any::<bool>());
        (0..HUBS, 0..2_u8, prop::bool::weighted(0.2), asks, Just(within))
            .prop_map(|(hub, producer, begins, asks, within)| Append { hub, producer, begins, asks, within })
    };
    let leaf = one(Vec::new()).boxed();
    let nested =
        leaf.prop_recursive(2, 8, 3, move |inner| prop::collection::vec(inner, 0..3).prop_flat_map(one).boxed());
    prop::collection::vec(nested, 2..12)
}

fn number(bytes: &[u8]) -> u64 {
    u64::from_be_bytes(bytes.try_into().unwrap())
}

fn ask(transaction: &mut dyn Transaction, append: &Append, before: bool) -> Result<(), Abort> {
    if append.asks == Some(before) { transaction.get(b"other").map(drop) } else { Ok(()) }
}

fn run(hubs: &[Arc<dyn Engine>], append: &Append) {
    let minutes = (b"t/".to_vec(), b"t0".to_vec());
    let row = vec![b'p', append.producer];
    let mut within = Some(&append.within);
    let committed = hubs[append.hub].follow_up(&mut |transaction| {
        ask(transaction, append, true)?;
        transaction.ahead_guarded(std::slice::from_ref(&row), &minutes);
        let count = transaction.get(&row)?.map_or(0, |value| number(&value));
        let newest = transaction.range(&minutes.0, &minutes.1, true, PageLimit::rows(1))?;
        let newest = newest.rows.first().map_or(0, |(key, _)| number(&key[2..]));
        ask(transaction, append, false)?;
        within.take().into_iter().flatten().for_each(|append| run(hubs, append));
        transaction.set(&row, &(count + 1).to_be_bytes())?;
        if append.begins {
            let minute = [b"t/", &(newest + 1).to_be_bytes()[..]].concat();
            transaction.set_stamped_value(&minute, b"")?;
        }
        let read = [&[append.producer][..], &count.to_be_bytes(), &newest.to_be_bytes()].concat();
        transaction.append_stamped(b"log/", b"", &read)
    });
    committed.unwrap();
}

/// In the order of the commits each producer's numbers follow each other, and each found the newest minute before it.
fn check(hubs: &[Arc<dyn Engine>], appends: &[Append]) {
    fn count(append: &Append) -> usize {
        1 + append.within.iter().map(count).sum::<usize>()
    }
    appends.iter().for_each(|append| run(hubs, append));
    let rows = content(&*hubs[0], false, 1_000);
    let below = |prefix: &'static [u8]| {
        rows.iter().filter_map(move |(key, value)| Some((key.strip_prefix(prefix)?, value.as_slice())))
    };
    let mut counts: BTreeMap<u8, u64> = BTreeMap::new();
    for (stamp, read) in below(b"log/") {
        let next = counts.entry(read[0]).or_default();
        assert_eq!(number(&read[1..9]), *next, "a number counts once: {appends:?}");
        *next += 1;
        let begun = below(b"t/").filter(|(_, began)| *began < stamp).count() as u64;
        assert_eq!(number(&read[9..]), begun, "the newest minute: {appends:?}");
    }
    assert_eq!(below(b"log/").count(), appends.iter().map(count).sum::<usize>());
}

#[test]
fn guarded_rows_are_never_written_upon_what_is_past() {
    let config = ProptestConfig { cases: 3_000, failure_persistence: None, ..ProptestConfig::default() };
    let result = TestRunner::new(config).run(&appends(), |appends| {
        let first = Memory::lagging();
        let others: Vec<_> = (1..HUBS).map(|_| Arc::new(first.elsewhere()) as Arc<dyn Engine>).collect();
        check(&[vec![Arc::new(first) as Arc<dyn Engine>], others].concat(), &appends);
        Ok(())
    });
    result.unwrap();
}

#[test]
fn guarded_rows_are_never_written_upon_what_is_past_on_foundationdb() {
    let Some(cluster) = common::cluster::shared("guarded_rows_on_foundationdb") else { return };
    let config = ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() };
    let result = TestRunner::new(config).run(&appends(), |appends| {
        let options = common::options(&cluster);
        let hub = || Arc::new(codi2_store::foundationdb::open(&options).unwrap()) as Arc<dyn Engine>;
        check(&[(); HUBS].map(|()| hub()), &appends);
        Ok(())
    });
    result.unwrap();
}
