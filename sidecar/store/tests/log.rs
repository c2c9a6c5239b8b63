//! The log through the facade: append, dedupe, query against a naive model, tail, rows; on every engine.
// A test that cannot go on may panic.
#![allow(clippy::unwrap_used)]

mod common;

use std::sync::Arc;

use codi2_protocol::{Event, EventId, Filter, ProducerId, Stamp, StampedEvent};
use codi2_store::memory::Memory;
use codi2_store::{Committed, Dedupe, Engine, Pending, Store, StoreError, check, copy, engine};
use common::{Engines, event, pending, session, worktree};

const HOUR_MS: u64 = 3_600_000;

fn stores(engines: &Engines) -> Vec<(&'static str, Store)> {
    engines.all(7).into_iter().map(|(name, engine)| (name, Store::on(engine).unwrap())).collect()
}

fn everything(store: &Store) -> Vec<StampedEvent> {
    let (mut all, mut after) = (Vec::new(), None);
    loop {
        let page = store.tail_after(after, 7).unwrap();
        let Some(last) = page.last() else { return all };
        after = Some(last.stamp);
        all.extend(page);
    }
}

/// Appends in batches; what must be in the log, in order.
fn fill(store: &Store, events: &[Event], batch: usize) -> Vec<StampedEvent> {
    let mut expected = Vec::new();
    for events in events.chunks(batch) {
        let batch: Vec<_> = events.iter().map(|event| pending(event.clone(), Dedupe::NONE)).collect();
        let stamps = store.append(&batch).unwrap();
        let stamped =
            |(stamp, event): (Option<Stamp>, &Event)| StampedEvent { stamp: stamp.unwrap(), event: event.clone() };
        expected.extend(stamps.into_iter().zip(events).map(stamped));
    }
    expected
}

#[test]
fn what_is_appended_comes_back_in_order_and_by_id_exactly_once() {
    let engines = Engines::new();
    for (name, store) in stores(&engines) {
        assert_eq!((store.head().unwrap(), store.events().unwrap()), (None, 0), "{name}");
        let events: Vec<_> = (0..60).map(|number| event(number, 1_000_000)).collect();
        let expected = fill(&store, &events, 3);
        assert!(expected.is_sorted_by(|a, b| a.stamp < b.stamp), "{name}");
        assert_eq!(everything(&store), expected, "{name}");
        assert_eq!(store.head().unwrap(), expected.last().map(|event| event.stamp), "{name}");
        assert_eq!(store.events().unwrap(), 60, "{name}");
        for known in &expected {
            assert_eq!(store.event(known.event.id).unwrap().as_ref(), Some(known), "{name}");
        }
        assert_eq!(store.event(EventId::new()).unwrap(), None, "{name}");
        assert_eq!(store.append(&[]).unwrap(), [], "{name}");
        // A cluster only estimates, by a sample.
        assert!(store.bytes().unwrap() > 10_000 || name.starts_with("foundationdb"), "{name}");
    }
}

#[test]
fn a_fact_counts_once_with_all_that_came_of_it() {
    let engines = Engines::new();
    let (one, two) = (ProducerId::new(), ProducerId::new());
    for (name, store) in stores(&engines) {
        let fact = |number: u64, producer, seq| pending(event(number, 5), Dedupe::fact(producer, seq));
        let quiet = |producer, seq| Pending { dedupe: Dedupe::fact(producer, seq), ..Pending::default() };
        let fresh =
            |batch: &[Pending]| -> Vec<bool> { store.append(batch).unwrap().iter().map(Option::is_some).collect() };
        // One fact, two events; another producer; a fact without an event.
        assert_eq!(
            fresh(&[fact(0, one, 1), fact(1, one, 1), fact(2, two, 1), quiet(one, 2)]),
            [true, true, true, false],
            "{name}"
        );
        assert_eq!((store.producer(one).unwrap(), store.producer(two).unwrap()), (2, 1), "{name}");
        assert_eq!(store.producer(ProducerId::new()).unwrap(), 0, "{name}");
        // A replay overlaps: the durable part is dropped, the rest counts.
        let replay =
            [fact(0, one, 1), fact(1, one, 1), quiet(one, 2), fact(3, one, 3), fact(4, one, 3), fact(5, two, 2)];
        assert_eq!(fresh(&replay), [false, false, false, true, true, true], "{name}");
        assert_eq!(fresh(&replay), [false; 6], "{name}");
        assert_eq!((store.producer(one).unwrap(), store.producer(two).unwrap()), (3, 2), "{name}");
        let ids: Vec<_> = everything(&store).into_iter().map(|stamped| stamped.event.id).collect();
        assert_eq!(ids, (0..6).map(|number| event(number, 5).id).collect::<Vec<_>>(), "{name}");
        assert_eq!(store.events().unwrap(), 6, "{name}");
    }
}

#[test]
fn no_clock_of_another_machine_forgets_a_hook() {
    let engine: Arc<dyn codi2_store::Engine> = Arc::new(codi2_store::memory::Memory::shared());
    let machine = || Store::on(Arc::clone(&engine)).unwrap().of(codi2_protocol::HostId::new()).unwrap();
    let (here, ahead) = (machine(), machine());
    let (now, year) = (1_800_000_000_000, 366 * 24 * HOUR_MS);
    let hook = |id, at_ms| pending(event(9, at_ms), Dedupe { fact: None, hook: Some((id, at_ms)) });
    let (seen, other) = (codi2_protocol::EventId::new(), codi2_protocol::EventId::new());
    let counts = |store: &Store, id, at| store.append(&[hook(id, at)]).unwrap()[0].is_some();
    assert!(counts(&here, seen, now) && counts(&ahead, other, now + year));
    assert!(!counts(&here, seen, now), "it was seen here a moment ago");
    assert!(counts(&here, codi2_protocol::EventId::new(), now + year) && !counts(&ahead, other, now + year));
    assert!(counts(&here, seen, now), "of a year ago by its own clock");
}

#[test]
fn a_hook_counts_once_in_a_day() {
    let engines = Engines::new();
    for (name, store) in stores(&engines) {
        let now = 400 * HOUR_MS;
        let hook = |id: EventId, at_ms, received_ms| {
            pending(event(9, received_ms), Dedupe { fact: None, hook: Some((id, at_ms)) })
        };
        let fresh = |batch: &[Pending]| store.append(batch).unwrap().iter().flatten().count();
        let (first, second) = (EventId::new(), EventId::new());
        assert_eq!(fresh(&[hook(first, now, now), hook(first, now, now)]), 2, "{name}: two events of one hook");
        assert_eq!(fresh(&[hook(first, now, now + 1)]), 0, "{name}");
        assert_eq!(fresh(&[hook(second, now + 24 * HOUR_MS, now + 24 * HOUR_MS)]), 1, "{name}");
        assert_eq!(fresh(&[hook(first, now, now + 24 * HOUR_MS)]), 0, "{name}: still within the day");
        let later = now + 26 * HOUR_MS;
        assert_eq!(fresh(&[hook(EventId::new(), later, later)]), 1, "{name}: forgets what is older");
        assert_eq!(fresh(&[hook(first, now, now + 26 * HOUR_MS)]), 1, "{name}");
        assert_eq!(fresh(&[hook(second, now + 24 * HOUR_MS, now + 26 * HOUR_MS)]), 0, "{name}");
        // A hook from a spool is a fact, too: its number moves although the hook is known.
        let producer = ProducerId::new();
        let dedupe = Dedupe { fact: Some((producer, 1)), hook: Some((second, now + 24 * HOUR_MS)) };
        assert_eq!(fresh(&[pending(event(9, now), dedupe)]), 0, "{name}");
        assert_eq!(store.producer(producer).unwrap(), 1, "{name}");
    }
}

/// A hub that ended before it removed a spool leaves its records to the next one, whatever their age.
#[test]
fn hooks_of_a_spool_count_once_however_old_they_are() {
    let engines = Engines::new();
    for (name, store) in stores(&engines) {
        let now = 400 * HOUR_MS;
        let hook = |id: EventId, at_ms| pending(event(9, now), Dedupe { fact: None, hook: Some((id, at_ms)) });
        let fresh = |batch: &[Pending]| store.append(batch).unwrap().iter().flatten().count();
        let spool: Vec<_> = [100, 40, 3].map(|ago| hook(EventId::new(), now - ago * HOUR_MS)).to_vec();
        assert_eq!(spool.chunks(1).map(fresh).sum::<usize>(), 3, "{name}");
        assert_eq!(spool.chunks(1).map(fresh).sum::<usize>(), 0, "{name}");
        // The last of them in one transaction with the next one that comes as it happens.
        let last = [hook(EventId::new(), now - 40 * HOUR_MS), hook(EventId::new(), now)];
        assert_eq!((fresh(&last), fresh(&last), fresh(&spool)), (2, 0, 0), "{name}");
        // Once something comes that did not lie there, the spool is gone.
        assert_eq!((fresh(&[hook(EventId::new(), now)]), fresh(&spool)), (1, 2), "{name}");
    }
}

fn filters() -> Vec<Filter> {
    let none = Filter::default;
    let text = |text: &str| Some(text.to_owned());
    let minute = 60_000;
    let mut filters = vec![
        none(),
        Filter { session: Some(session(2)), ..none() },
        Filter { session: Some(session(77)), ..none() },
        Filter { file: text("src/file3.rs"), ..none() },
        Filter { file: text("src/file3.rs"), worktree: Some(worktree()), session: Some(session(1)), ..none() },
        Filter { actor: text("Ada"), ..none() },
        Filter { actor: text("person"), ..none() },
        Filter { actor: text("person:Ada"), ..none() },
        Filter { actor: text("person:Ada <ada@example.invalid>"), kinds: vec!["saved".into()], ..none() },
        Filter { actor: text("agent:Ada"), ..none() },
        Filter { actor: text("agent"), ..none() },
        Filter { actor: text(""), ..none() },
        Filter { actor: Some("x".repeat(300)), ..none() },
        Filter { actor: Some("x".repeat(299)), ..none() },
        Filter { kinds: vec!["saved".into()], ..none() },
        Filter { kinds: vec!["private".into(), "saved".into(), "private".into()], ..none() },
        Filter { kinds: vec!["nonsense".into()], ..none() },
        Filter { actor: text("agent"), kinds: vec!["saved".into(), "private".into()], ..none() },
        Filter { grep: text("REASON 7"), ..none() },
    ];
    for (since, until) in [(0, 5), (3, 9), (5, 5), (8, 1_000), (1_000, 2_000)] {
        filters.push(Filter { since_ms: Some(since * minute + 17), until_ms: Some(until * minute + 29), ..none() });
        filters.push(Filter { since_ms: Some(since * minute), session: Some(session(0)), ..none() });
        filters.push(Filter {
            until_ms: Some(until * minute),
            kinds: vec!["saved".into(), "private".into()],
            ..none()
        });
    }
    filters
}

fn queried(
    store: &Store,
    filter: &Filter,
    newest_first: bool,
    limit: usize,
    mut cursor: Option<Stamp>,
) -> Vec<StampedEvent> {
    let mut all = Vec::new();
    loop {
        let page = store.query(filter, cursor, newest_first, limit).unwrap();
        assert!(page.events.len() <= limit);
        all.extend(page.events);
        let Some(next) = page.next else { return all };
        assert_ne!(cursor, Some(next), "a page moves on");
        cursor = Some(next);
    }
}

#[test]
fn a_query_finds_what_a_scan_finds_both_ways_from_any_cursor() {
    let engines = Engines::new();
    for (name, store) in stores(&engines) {
        // Twelve minutes; in between the clock is set back by seven.
        let clock =
            |number: u64| if (70..90).contains(&number) { number / 15 * 60_000 } else { number / 10 * 60_000 + number };
        let events: Vec<_> = (0..120).map(|number| event(number, clock(number))).collect();
        let log = fill(&store, &events, 13);
        for filter in filters() {
            for cursor in [None, Some(log[40].stamp), Some(log[119].stamp)] {
                // Faults change nothing about the answer, only the time: one cursor is enough there.
                if name.contains("faults") && cursor.is_some() {
                    continue;
                }
                let expected = |newest_first: bool| {
                    let wanted = |stamped: &&StampedEvent| {
                        filter.accepts(&stamped.event)
                            && cursor
                                .is_none_or(|at| if newest_first { stamped.stamp < at } else { stamped.stamp > at })
                    };
                    let mut events: Vec<_> = log.iter().filter(wanted).cloned().collect();
                    if newest_first {
                        events.reverse();
                    }
                    events
                };
                for (newest_first, limit) in [(false, 20), (true, 3), (false, 1_000)] {
                    let found = queried(&store, &filter, newest_first, limit, cursor);
                    assert_eq!(found, expected(newest_first), "{name}: {filter:?} {cursor:?} {newest_first} {limit}");
                }
            }
        }
    }
}

#[test]
fn long_lists_are_read_page_by_page() {
    let store = Store::memory().unwrap();
    // The kinds come in stretches: while one list fills page after page, the other stands still.
    let stretched =
        |number: u64| event(if (number / 600).is_multiple_of(2) { number * 3 } else { number * 3 + 2 }, number * 1_000);
    let events: Vec<_> = (0..2_000).map(stretched).collect();
    let log = fill(&store, &events, 500);
    let filter = Filter { kinds: vec!["saved".into(), "session-ended".into()], ..Filter::default() };
    let expected: Vec<_> = log.iter().filter(|stamped| filter.accepts(&stamped.event)).cloned().collect();
    assert_eq!(queried(&store, &filter, false, 700, None), expected);
    let backwards: Vec<_> = expected.into_iter().rev().collect();
    assert_eq!(queried(&store, &filter, true, 700, None), backwards);
    assert_eq!(queried(&store, &Filter::default(), false, 10_000, None), log);
}

#[test]
fn much_that_does_not_fit_ends_a_page_early_with_where_to_go_on() {
    let store = Store::memory().unwrap();
    let events: Vec<_> = (0..8_400).map(|number| event(number, 1)).collect();
    let log = fill(&store, &events, 2_100);
    let filter = Filter { grep: Some("no such text".to_owned()), ..Filter::default() };
    let page = store.query(&filter, None, false, 10).unwrap();
    assert!(page.events.is_empty() && page.next.is_some_and(|next| next < log[8_399].stamp));
    assert_eq!(queried(&store, &filter, false, 10, None), []);
}

#[test]
fn a_new_incarnation_comes_after_everything_before() {
    let engines = Engines::new();
    for (name, engine) in engines.all(7).into_iter().filter(|(name, _)| !name.contains("faults")) {
        let from: Arc<dyn Engine> = Arc::new(Memory::new());
        let before = fill(&Store::on(Arc::clone(&from)).unwrap(), &[event(0, 1), event(1, 1)], 1);
        copy(from, Arc::clone(&engine), &mut |_| {}).unwrap();
        let store = Store::on(engine).unwrap();
        let after = fill(&store, &[event(2, 1)], 1);
        assert_eq!(after[0].stamp.incarnation, 1, "{name}");
        assert!(before[1].stamp < after[0].stamp, "{name}");
        assert_eq!(store.head().unwrap(), Some(after[0].stamp), "{name}");
        assert_eq!(
            store.tail_after(Some(before[0].stamp), 9).unwrap(),
            [before[1].clone(), after[0].clone()],
            "{name}"
        );
        let both =
            Filter { kinds: vec!["saved".into(), "private".into(), "session-ended".into()], ..Filter::default() };
        assert_eq!(store.query(&both, None, true, 9).unwrap().events[0], after[0], "{name}");
    }
}

/// Another hub on the same store, whose commits the first one's engine does not know of.
struct Elsewhere(Arc<dyn Engine>);

impl Engine for Elsewhere {
    fn transact(&self, body: &mut engine::Body<'_>) -> Result<Committed, StoreError> {
        self.0.transact(body)
    }
    common::passes_on!(0);
    fn exclusive(&self) -> bool {
        self.0.exclusive()
    }
}

/// Hubs with clocks of their own append in turns, each following up its own last append: producers' numbers, the time index
/// with `back`, and the counter are right however long the other wrote meanwhile.
#[test]
fn hubs_that_append_in_turns_keep_every_row_right() {
    let engines = Engines::new();
    for (name, engine) in engines.all(13) {
        let hubs =
            [Store::on(Arc::clone(&engine)).unwrap(), Store::on(Arc::new(Elsewhere(Arc::clone(&engine)))).unwrap()];
        let producer = ProducerId::new();
        let (mut log, mut durable) = (Vec::new(), 0);
        for number in 0..60_u64 {
            // Runs of one to three appends of one hub; the other's clock is seven minutes behind.
            let other = matches!(number % 7, 1 | 4 | 5);
            let clock = number / 5 * 60_000 + if other { 0 } else { 7 * 60_000 };
            // Each second fact is one that came before: the last one, or an earlier one.
            let seq = [durable + 1, durable, durable + 1, number / 3 + 1][number as usize % 4];
            let event = event(number, clock);
            let stamp =
                hubs[usize::from(other)].append(&[pending(event.clone(), Dedupe::fact(producer, seq))]).unwrap()[0];
            assert_eq!(stamp.is_some(), seq > durable, "{name}: {number}");
            durable = durable.max(seq);
            log.extend(stamp.map(|stamp| StampedEvent { stamp, event }));
        }
        for store in &hubs {
            assert_eq!((store.producer(producer).unwrap(), store.events().unwrap()), (durable, log.len() as u64));
            assert_eq!(everything(store), log, "{name}");
        }
        for filter in filters() {
            let expected: Vec<_> = log.iter().filter(|stamped| filter.accepts(&stamped.event)).cloned().collect();
            assert_eq!(queried(&hubs[0], &filter, false, 20, None), expected, "{name}: {filter:?}");
        }
        if !name.contains("faults") {
            let checked = check(engine).unwrap();
            assert_eq!(checked.faulty, 0, "{name}: {:?}", checked.faults);
        }
    }
}

#[test]
fn an_event_over_the_limit_is_refused_whole() {
    let engines = Engines::new();
    for (name, store) in stores(&engines) {
        let mut large = event(1, 1);
        large.file = Some("f".repeat(90_001));
        let batch = [pending(event(0, 1), Dedupe::fact(ProducerId::new(), 1)), pending(large, Dedupe::NONE)];
        let error = loop {
            match store.append(&batch) {
                Err(StoreError::Unknown) => {}
                result => break result.unwrap_err(),
            }
        };
        assert!(matches!(error, StoreError::TooLarge { what: "a value", .. }), "{name}: {error}");
        assert_eq!((store.events().unwrap(), everything(&store).len()), (0, 0), "{name}");
    }
}

#[test]
fn the_head_is_watched() {
    for store in [Store::memory().unwrap(), Store::open(&Engines::new().path("watched.redb")).unwrap()] {
        let watch = store.watch().unwrap();
        store.append(&[Pending { dedupe: Dedupe::fact(ProducerId::new(), 1), ..Pending::default() }]).unwrap();
        assert!(!watch.fired(), "no event was appended");
        fill(&store, &[event(0, 1)], 1);
        assert!(watch.fired());
    }
}

#[test]
fn several_appenders_at_once_lose_and_repeat_nothing() {
    let engines = Engines::new();
    for (name, store) in stores(&engines) {
        let store = &store;
        std::thread::scope(|scope| {
            for thread in 0..4_u64 {
                scope.spawn(move || {
                    for round in 0..10 {
                        fill(store, &[event(thread * 100 + round * 2, 1), event(thread * 100 + round * 2 + 1, 1)], 2);
                    }
                });
            }
        });
        let mut ids: Vec<_> = everything(store).into_iter().map(|stamped| stamped.event.id).collect();
        assert_eq!((ids.len(), store.events().unwrap()), (80, 80), "{name}");
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), 80, "{name}");
    }
}
