//! Pages, limits, watches, and several threads at once, on every engine.

use std::time::Duration;

use codi2_store::engine::{KEY_BYTES, TRANSACTION_BYTES, VALUE_BYTES};
use codi2_store::{Abort, Engine, PageLimit, StoreError, Transaction};

use crate::common::Engines;
use crate::content;
use crate::model::Rows;

/// More than an engine elsewhere gives at once, much of it hidden by what the transaction itself wrote.
#[test]
fn a_long_range_comes_whole_in_pages_of_any_size() {
    let key = |number: usize| format!("k{number:04}").into_bytes();
    let long: Rows = (0..300).map(|number| (key(number), vec![number as u8; 2_000])).collect();
    let mut expected = long.clone();
    expected.retain(|row, _| *row < key(40) || *row >= key(200));
    expected.extend((90..110).map(|number| (key(number), b"own".to_vec())));
    let engines = Engines::new();
    for (name, engine) in engines.all(4) {
        while engine.transact(&mut |t| long.iter().try_for_each(|(key, value)| t.set(key, value)))
            == Err(StoreError::Unknown)
        {}
        for (rows, bytes) in [(1_000, 1_000_000), (1_000, 100_000), (1_000, 5_000), (150, 1_000_000), (7, 1_000_000)] {
            for reverse in [false, true] {
                let mut seen = Rows::new();
                let mut read = |t: &mut dyn Transaction| {
                    t.clear_range(&key(40), &key(200))?;
                    (90..110).try_for_each(|number| t.set(&key(number), b"own"))?;
                    seen.clear();
                    let (mut begin, mut end) = (key(0), key(1_000));
                    loop {
                        let page = t.range(&begin, &end, reverse, PageLimit { rows, bytes })?;
                        match page.rows.last() {
                            Some((last, _)) if reverse => end.clone_from(last),
                            Some((last, _)) => begin = [last, &[0][..]].concat(),
                            None => {}
                        }
                        seen.extend(page.rows);
                        if !page.more {
                            return Err(Abort::Cancelled);
                        }
                    }
                };
                let mut result = engine.transact(&mut read);
                while result == Err(StoreError::Unknown) {
                    result = engine.transact(&mut read);
                }
                assert_eq!(result, Err(StoreError::Cancelled), "{name}");
                assert!(seen == expected, "{name}, {rows} rows, {bytes} bytes, reverse {reverse}: {}", seen.len());
            }
        }
    }
}

#[test]
fn transactions_of_several_threads_are_serialisable() {
    let engines = Engines::new();
    for (name, engine) in engines.all(3) {
        let add = |thread: u64| {
            for round in 0..20_u64 {
                let done = format!("done {thread} {round}").into_bytes();
                // Reads and writes one shared key, and marks itself as done to survive unknown results.
                let way = if round % 4 == 0 { <dyn Engine>::transact } else { <dyn Engine>::follow_up };
                while way(&*engine, &mut |transaction| {
                    if transaction.get(&done)?.is_some() {
                        return Ok(());
                    }
                    let sum = transaction.get(b"sum")?.map_or(0, |sum| u64::from_le_bytes(sum.try_into().unwrap()));
                    transaction.set(b"sum", &(sum + 1).to_le_bytes())?;
                    transaction.add(b"blind", 1)?;
                    transaction.set(&done, b"")
                }) == Err(StoreError::Unknown)
                {}
            }
        };
        std::thread::scope(|scope| (0..4).for_each(|thread| drop(scope.spawn(move || add(thread)))));
        let all: Rows = content(&*engine, false, 1_000).into_iter().collect();
        assert_eq!(all[&b"sum"[..]], 80_u64.to_le_bytes(), "{name}");
        assert_eq!(all[&b"blind"[..]], 80_u128.to_le_bytes(), "{name}");
    }
}

#[test]
fn limits_hold_on_every_engine_with_their_names() {
    let engines = Engines::new();
    let (long, key) = (vec![b'k'; KEY_BYTES + 1], vec![b'k'; KEY_BYTES]);
    let big = vec![1; VALUE_BYTES + 1];
    let too_large = |what, bytes, limit| Err(StoreError::TooLarge { what, bytes, limit });
    for (name, engine) in engines.all(4) {
        // A fault may hide the answer behind an unknown result: ask until there is one.
        let ask = |body: &mut dyn FnMut(&mut dyn Transaction) -> Result<(), Abort>| loop {
            match engine.transact(body) {
                Err(StoreError::Unknown) => {}
                result => return result.map(drop),
            }
        };
        assert_eq!(ask(&mut |t| t.set(&long, b"")), too_large("a key", KEY_BYTES + 1, KEY_BYTES), "{name}");
        assert_eq!(ask(&mut |t| t.set(b"k", &big)), too_large("a value", VALUE_BYTES + 1, VALUE_BYTES), "{name}");
        assert_eq!(
            ask(&mut |t| t.append_stamped(&key, b"", b"")),
            too_large("a key", KEY_BYTES + 10, KEY_BYTES),
            "{name}"
        );
        assert_eq!(
            ask(&mut |t| t.set_stamped_value(b"k", &big[..VALUE_BYTES - 9])),
            too_large("a value", VALUE_BYTES + 1, VALUE_BYTES),
            "{name}"
        );
        assert_eq!(ask(&mut |t| t.set(&key, &big[1..])), Ok(()), "{name}");
        let whole = |t: &mut dyn Transaction| (0..120_u8).try_for_each(|number| t.set(&[number, 1], &big[1..]));
        let result = ask(&mut |t| whole(t));
        assert!(
            matches!(result, Err(StoreError::TooLarge { what: "a transaction", limit: TRANSACTION_BYTES, .. })),
            "{name}: {result:?}"
        );
        // A body that goes on after an error gets no commit of half its work.
        let swallowed = ask(&mut |t| {
            t.set(b"half", b"")?;
            let _ = t.set(&long, b"");
            Ok(())
        });
        assert_eq!(swallowed, too_large("a key", KEY_BYTES + 1, KEY_BYTES), "{name}");
        for outside in [&b"\xffversion"[..], b""] {
            assert!(matches!(ask(&mut |t| t.set(outside, b"")), Err(StoreError::Shape(_))), "{name}");
            assert!(matches!(ask(&mut |t| t.get(outside).map(drop)), Err(StoreError::Shape(_))), "{name}");
        }
        assert_eq!(content(&*engine, false, 10).len(), 1, "{name}");
    }
}

#[test]
fn a_watch_fires_for_its_key_alone() {
    let engines = Engines::new();
    for (name, engine) in engines.all(5) {
        if name.contains("faults") {
            continue;
        }
        type Change = fn(&mut dyn Transaction) -> Result<(), Abort>;
        let changes: [Change; 4] = [
            |t| t.set(b"key", b"1"),
            |t| t.add(b"key", 1),
            |t| t.clear_range(b"a", b"z"),
            |t| t.set_stamped_value(b"key", b""),
        ];
        for change in changes {
            let (watch, other) = (engine.watch(b"key").unwrap(), engine.watch(b"zother").unwrap());
            assert!(!watch.fired(), "{name}");
            let waiter = watch.clone();
            let thread = std::thread::spawn(move || waiter.wait(Duration::from_secs(60)));
            engine.transact(&mut |t| change(t)).unwrap();
            assert!(thread.join().unwrap() && watch.fired(), "{name}");
            assert!(!other.fired(), "{name}");
        }
    }
}
