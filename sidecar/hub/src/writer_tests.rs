//! The writer over a store that works, and over one that stops working.

use std::sync::Mutex;
use std::sync::mpsc::{Receiver, channel};

use crate::measures::Measures;
use codi2_protocol::EventId;
use codi2_store::engine::Body;
use codi2_store::memory::Memory;
use codi2_store::{Committed, Engine};

use super::*;

fn event() -> Event {
    Event {
        id: EventId::new(),
        producer: ProducerId::new(),
        seq: 0,
        occurred_ms: 1,
        received_ms: 1,
        host: None,
        session: None,
        worktree: None,
        file: None,
        actor: Actor::external(),
        body: EventBody::Private.into(),
    }
}

fn entry(producer: ProducerId, seq: u64) -> Entry {
    Entry {
        fact: Some((producer, seq)),
        events: vec![event()],
        then: vec![(producer, Notice::Durable { seq })],
        ..Entry::default()
    }
}

/// A writer, and what it says. `ending`: whether the hub is about to end.
fn started(store: Arc<Store>, ending: Arc<AtomicBool>) -> (Writer, Receiver<News>) {
    let (news, heard) = channel();
    let host = HostId::new();
    let says = move |item| drop(news.send(item));
    let writer = Writer::start(store, host, Footing::default(), Measures::default(), ending, says).unwrap();
    (writer, heard)
}

fn write(entry: Entry) -> Order {
    Order::Write(Box::new(entry), None)
}

#[test]
fn what_no_producer_reported_is_announced_too() {
    let store = Arc::new(Store::memory().unwrap());
    let (writer, heard) = started(Arc::clone(&store), Arc::default());
    writer.orders().send(write(Entry { events: vec![event()], ..Entry::default() })).unwrap();
    writer.finish();
    assert!(matches!(heard.try_recv(), Ok(News::Durable(due)) if due.is_empty()));
    assert_eq!(store.events().unwrap(), 1);
}

#[test]
fn a_barrier_with_nothing_to_write_is_called() {
    let (writer, heard) = started(Arc::new(Store::memory().unwrap()), Arc::default());
    let (tell, told) = channel();
    writer.orders().send(Order::Barrier(Box::new(move || tell.send(()).unwrap()))).unwrap();
    told.recv().unwrap();
    writer.finish();
    assert!(heard.try_recv().is_err(), "nothing became durable");
}

#[test]
fn of_acknowledgements_only_the_last_is_told_and_everything_else() {
    let (one, two) = (ProducerId::new(), ProducerId::new());
    let durable = |producer, seq| (producer, Notice::Durable { seq });
    let other = (one, Notice::Ending { reason: "else".into() });
    let entry = |then: &[(ProducerId, Notice)]| Entry { then: then.to_vec(), ..Entry::default() };
    let batch = vec![
        entry(&[durable(one, 1), other.clone()]),
        entry(&[durable(two, 7)]),
        entry(&[]),
        entry(&[other.clone(), durable(one, 2)]),
    ];
    assert_eq!(due(batch), [other.clone(), durable(two, 7), other, durable(one, 2)]);
}

#[test]
fn an_event_that_does_not_fit_becomes_a_gap_and_takes_no_other_with_it() {
    let store = Arc::new(Store::memory().unwrap());
    let (writer, heard) = started(Arc::clone(&store), Arc::default());
    let producer = ProducerId::new();
    let mut large = entry(producer, 2);
    large.events[0].file = Some("x".repeat(200_000));
    let orders = writer.orders();
    for entry in [entry(producer, 1), large, entry(producer, 3)] {
        orders.send(write(entry)).unwrap();
    }
    drop(orders);
    writer.finish();
    let news: Vec<News> = heard.iter().collect();
    assert_eq!(news.iter().filter(|item| matches!(item, News::Refused(_))).count(), 1, "{news:?}");
    assert_eq!(store.producer(producer).unwrap(), 3);
    let kinds: Vec<_> = store.tail_after(None, 9).unwrap().iter().map(|event| event.event.kind().to_owned()).collect();
    assert_eq!(kinds, ["private", "gap", "private"]);
}

/// An engine that works until it is told how to fail.
struct Failing {
    memory: Memory,
    how: Arc<Mutex<Option<How>>>,
}

#[derive(Debug, Clone, Copy)]
enum How {
    Disk,
    Full,
    Busy,
    Unknown,
    Panic,
}

impl Engine for Failing {
    fn transact(&self, body: &mut Body<'_>) -> Result<Committed, StoreError> {
        let how = *self.how.lock().unwrap();
        match how {
            None => self.memory.transact(body),
            Some(How::Disk) => Err(StoreError::Io { doing: "write".into(), detail: "no space".into() }),
            Some(How::Full) => Err(StoreError::Full { place: "test".into() }),
            Some(How::Busy) => Err(StoreError::Conflict),
            Some(How::Unknown) => Err(StoreError::Unknown),
            Some(How::Panic) => std::panic::resume_unwind(Box::new("the engine broke")),
        }
    }

    codi2_store::passes_on!(memory);

    fn exclusive(&self) -> bool {
        self.memory.exclusive()
    }
}

#[test]
fn after_a_failure_nothing_is_acknowledged_and_no_barrier_called() {
    for how in [How::Disk, How::Unknown, How::Panic] {
        let failure = Arc::new(Mutex::new(None));
        let engine = Failing { memory: Memory::new(), how: Arc::clone(&failure) };
        let store = Arc::new(Store::on(Arc::new(engine)).unwrap());
        let (writer, heard) = started(Arc::clone(&store), Arc::default());
        let producer = ProducerId::new();
        let orders = writer.orders();
        orders.send(write(entry(producer, 1))).unwrap();
        assert!(matches!(heard.recv().unwrap(), News::Durable(_)));
        *failure.lock().unwrap() = Some(how);
        let (tell, told) = channel::<()>();
        // The writer may have ended before the last of these.
        let _ = orders.send(write(entry(producer, 2)));
        let _ = orders.send(Order::Barrier(Box::new(move || tell.send(()).unwrap())));
        drop(orders);
        writer.finish();
        let news: Vec<News> = heard.iter().collect();
        match (how, &news[..]) {
            (How::Disk, [News::Failed(StoreError::Io { .. })])
            | (How::Unknown, [News::Failed(StoreError::Unknown)])
            | (How::Panic, [News::Panicked]) => {}
            other => panic!("{other:?}"),
        }
        assert!(told.recv().is_err(), "{how:?}: what is not durable was said to be");
        *failure.lock().unwrap() = None;
        assert_eq!(store.producer(producer).unwrap(), 1);
    }
}

#[test]
fn a_full_disk_is_waited_out_and_told_once_each_way() {
    let failure = Arc::new(Mutex::new(None));
    let engine = Failing { memory: Memory::new(), how: Arc::clone(&failure) };
    let store = Arc::new(Store::on(Arc::new(engine)).unwrap());
    let (writer, heard) = started(Arc::clone(&store), Arc::default());
    let producer = ProducerId::new();
    let orders = writer.orders();
    for round in 1..=2 {
        *failure.lock().unwrap() = Some(How::Full);
        orders.send(write(entry(producer, round))).unwrap();
        let told = heard.recv().unwrap();
        assert!(matches!(&told, News::Waiting(Some(words)) if words.contains("is full: free some")), "{told:?}");
        *failure.lock().unwrap() = None;
        assert!(matches!(heard.recv().unwrap(), News::Waiting(None)));
        assert!(matches!(heard.recv().unwrap(), News::Durable(due) if due.len() == 1));
        assert_eq!((store.producer(producer).unwrap(), store.events().unwrap()), (round, round));
    }
    drop(orders);
    writer.finish();
}

#[test]
fn an_end_does_not_wait_for_room() {
    let failure = Arc::new(Mutex::new(None));
    let ending = Arc::new(AtomicBool::new(false));
    let engine = Failing { memory: Memory::new(), how: Arc::clone(&failure) };
    let store = Arc::new(Store::on(Arc::new(engine)).unwrap());
    *failure.lock().unwrap() = Some(How::Full);
    let (writer, heard) = started(store, Arc::clone(&ending));
    writer.orders().send(write(entry(ProducerId::new(), 1))).unwrap();
    assert!(matches!(heard.recv().unwrap(), News::Waiting(Some(_))));
    ending.store(true, Ordering::Relaxed);
    writer.finish();
    assert!(matches!(heard.recv().unwrap(), News::Failed(StoreError::Full { .. })));
}

#[test]
fn a_store_that_is_only_busy_is_waited_for() {
    let failure = Arc::new(Mutex::new(None));
    let engine = Failing { memory: Memory::shared(), how: Arc::clone(&failure) };
    let store = Arc::new(Store::on(Arc::new(engine)).unwrap());
    *failure.lock().unwrap() = Some(How::Busy);
    let (writer, heard) = started(Arc::clone(&store), Arc::default());
    let producer = ProducerId::new();
    writer.orders().send(write(entry(producer, 1))).unwrap();
    let told = heard.recv().unwrap();
    assert!(matches!(&told, News::Waiting(Some(words)) if words.contains("contended")), "{told:?}");
    *failure.lock().unwrap() = None;
    assert!(matches!(heard.recv().unwrap(), News::Waiting(None)));
    assert!(matches!(heard.recv().unwrap(), News::Durable(_)));
    writer.finish();
    assert_eq!(store.producer(producer).unwrap(), 1);
}
