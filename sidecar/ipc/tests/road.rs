//! Clients and a small hub in one process: facts over restarts, calls, lanes, refusals, limits.

#![allow(clippy::unwrap_used, reason = "test code")]

mod support;

use std::io::{Read, Write};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::time::Duration;

use codi2_ipc::blocking::{HookOutcome, Link, bring_or_spool};
use codi2_ipc::frame::{self, FromHub, Greeting};
use codi2_ipc::hooks::Brought;
use codi2_ipc::{
    CallError, Client, ConnectError, Flushed, GreetError, HubLock, Limits, Listener, LockError, News, Options, Places,
    SendError,
};
use codi2_protocol::limits::{CONNECTIONS, SPOOL_BYTES};
use codi2_protocol::{
    Call, Digest, ErrorCode, EventId, Fact, FileId, Filter, Hello, HookPhase, HookRecord, HubFrame, Notice, Reply,
    RepositoryId, SessionId, Touched, WorktreeId,
};
use serde_json::json;
use support::{LONG, Store, TestHub, fact, until};
use tokio::sync::mpsc;

fn places() -> (tempfile::TempDir, Places) {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::at(folder.path().join("state"), folder.path().join("run"));
    places.prepare().unwrap();
    (folder, places)
}

fn client(places: &Places) -> (Client, mpsc::Receiver<News>) {
    Client::spawn(places.clone(), None, Options::new("test"))
}

fn hook() -> HookRecord {
    HookRecord {
        id: EventId::new(),
        at_ms: 1,
        phase: HookPhase::Before,
        format: "agent-v1".into(),
        actor: None,
        parent_pid: 1,
        parent_start: None,
        call: None,
        pair: None,
        folder: "/work".into(),
        files: Vec::new(),
        found: Vec::new(),
    }
}

fn hello(min: u32, max: u32) -> Hello {
    Hello { protocol_min: min, protocol_max: max, ..codi2_ipc::hello("raw", &[], None) }
}

/// A client that says exactly these bytes first.
fn raw(places: &Places, first: &[u8]) -> UnixStream {
    let mut stream = UnixStream::connect(places.socket()).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream.write_all(first).unwrap();
    stream
}

/// Runs blocking client code beside the hub on this runtime.
async fn beside<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> T {
    tokio::task::spawn_blocking(work).await.unwrap()
}

#[tokio::test]
async fn facts_outlive_the_hub_and_arrive_once_in_order() {
    let (_folder, places) = places();
    let store = Store::default();
    let (client, _news) = client(&places);
    let mut reported = 0;
    for round in 0..5 {
        let hub = TestHub::start(&places, &store);
        for _ in 0..200 {
            reported += 1;
            client.report(None, reported, fact(reported));
            tokio::task::yield_now().await;
        }
        if round % 2 == 0 {
            until("connected", || client.status().connected).await;
        }
        hub.kill().await;
        for _ in 0..50 {
            reported += 1;
            client.report(SessionId::new(), reported, fact(reported));
        }
    }
    let _hub = TestHub::start(&places, &store);
    until("all are durable", || store.seqs(client.producer()).len() as u64 >= reported).await;
    assert_eq!(store.seqs(client.producer()), (1..=reported).collect::<Vec<_>>());
    let kept = store.kept.lock().unwrap().facts.clone();
    assert!(kept.iter().all(|(_, found)| found.fact == fact(found.seq) && found.occurred_ms == found.seq));
    assert_eq!(client.flush(LONG).await, Flushed::Durable);
    until("the spool is gone", || codi2_ipc::spool::waiting(&places).unwrap().is_empty()).await;
}

#[tokio::test]
async fn a_flush_without_a_hub_brings_facts_to_the_disk_and_the_next_hub_reads_them() {
    let (_folder, places) = places();
    let store = Store::default();
    let (client, _news) = client(&places);
    for n in 1..=20 {
        client.report(None, n, fact(n));
    }
    assert_eq!(client.flush(LONG).await, Flushed::Spooled { facts: 20 });
    assert!(client.status().spool_bytes > 0);
    store.drain(&places);
    assert!(store.seqs(client.producer()).is_empty(), "a living producer's spool is its own");
    let producer = client.producer();
    drop(client);
    until("the dead producer's spool is read", || {
        store.drain(&places);
        store.seqs(producer).len() == 20
    })
    .await;
    assert_eq!(codi2_ipc::spool::waiting(&places).unwrap(), []);
}

#[tokio::test]
async fn a_client_that_goes_without_flush_still_spools() {
    let (_folder, places) = places();
    let store = Store::default();
    let (client, _news) = client(&places);
    client.report(None, 1, fact(1));
    let producer = client.producer();
    drop(client);
    until("the spool is read", || {
        store.drain(&places);
        store.seqs(producer) == [1]
    })
    .await;
}

#[tokio::test]
async fn a_spool_that_cannot_be_written_is_said_and_mended() {
    let (_folder, places) = places();
    let store = Store::default();
    std::fs::remove_dir(places.spool()).unwrap();
    std::fs::write(places.spool(), "in the way").unwrap();
    let (client, _news) = client(&places);
    client.report(None, 1, fact(1));
    assert_eq!(client.flush(LONG).await, Flushed::Failed { facts: 1 });
    until("it is said", || client.status().problem.is_some()).await;
    std::fs::remove_file(places.spool()).unwrap();
    assert_eq!(client.flush(LONG).await, Flushed::Spooled { facts: 1 });
    let _hub = TestHub::start(&places, &store);
    until("nothing is lost", || store.seqs(client.producer()) == [1]).await;
}

#[tokio::test]
async fn over_the_cap_the_oldest_are_lost_counted_and_said() {
    let (_folder, places) = places();
    let store = Store::default();
    let limits = Limits { bytes: 20_000, ..Limits::default() };
    let (client, mut news) = Client::spawn(places.clone(), None, Options { limits, ..Options::new("test") });
    for n in 1..=1_000 {
        client.report(None, n, fact(n));
    }
    let Flushed::Spooled { facts } = client.flush(LONG).await else { panic!() };
    assert!(facts < 1_000 && client.status().spool_bytes < 25_000);
    let _hub = TestHub::start(&places, &store);
    until("all is told", || store.seqs(client.producer()).last() == Some(&1_000)).await;
    let kept = store.kept.lock().unwrap().facts.clone();
    let Fact::Gap(gap) = &kept[0].1.fact else { panic!() };
    assert_eq!((gap.first_seq, gap.facts, gap.last_seq), (1, 1_001 - kept.len() as u64, kept[0].1.seq));
    assert!(kept[1..].iter().all(|(_, kept)| kept.fact == fact(kept.seq)), "and the rest is whole");
    let mut said = 0;
    while let Ok(one) = news.try_recv() {
        said += u64::from(matches!(one, News::Lost(_)));
    }
    assert!(said > 0);
}

#[tokio::test]
async fn a_call_waits_for_the_hub_and_comes_after_what_was_reported() {
    let (_folder, places) = places();
    let store = Store::default();
    let (client, _news) = client(&places);
    for n in 1..=3_000 {
        client.report(None, n, fact(n));
    }
    let asking = {
        let client = client.clone();
        tokio::spawn(async move { client.call_within(Call::Status, LONG).await })
    };
    // The call was polled first, so once this has ended the client holds it, and nothing was sent yet.
    tokio::task::yield_now().await;
    assert!(matches!(client.flush(LONG).await, Flushed::Spooled { .. }));
    let _hub = TestHub::start(&places, &store);
    let Reply::Status(status) = asking.await.unwrap().unwrap() else { panic!() };
    assert_eq!(status.events, 3_000);
}

#[tokio::test]
async fn a_call_out_when_the_hub_goes_is_lost_and_one_without_hub_times_out() {
    let (_folder, places) = places();
    let store = Store::default();
    let hub = TestHub::start(&places, &store);
    let (client, mut news) = client(&places);
    assert!(matches!(news.recv().await, Some(News::Connected { .. })));
    let never = Call::Log { filter: Filter::default(), cursor: None, newest_first: false, limit: 1 };
    let asking = {
        let client = client.clone();
        tokio::spawn(async move { client.call_within(never, LONG).await })
    };
    // Answered in order, so the call before it is out.
    client.call(Call::Status).await.unwrap();
    hub.kill().await;
    assert!(matches!(asking.await.unwrap(), Err(CallError::Lost(_))));
    assert!(matches!(news.recv().await, Some(News::Disconnected { .. })));
    let waited = client.call_within(Call::Status, Duration::from_millis(20)).await;
    assert!(matches!(waited, Err(CallError::TimedOut)));
    let _hub = TestHub::start(&places, &store);
    client.call_within(Call::Status, LONG).await.unwrap();
    let mut seen = Vec::new();
    while !matches!(seen.last(), Some(News::Connected { .. })) {
        seen.push(news.recv().await.unwrap());
    }
    assert!(seen.iter().filter(|news| matches!(news, News::Unreachable { .. })).count() <= 1, "said once: {seen:?}");
}

#[tokio::test]
async fn touches_made_while_the_hub_is_away_are_dropped() {
    let (_folder, places) = places();
    let store = Store::default();
    let (client, _news) = client(&places);
    let worktree = WorktreeId { repository: RepositoryId::new(), name: String::new() };
    let file = FileId { worktree, path: "a".into() };
    let session = SessionId::new();
    let touch = |at_ms| Touched { session, file: file.clone(), base: Digest::new([0; 32]), start: 0, end: 1, at_ms };
    client.touched(touch(1));
    // The flush comes after the touch, so that one has been dropped.
    client.flush(LONG).await;
    let _hub = TestHub::start(&places, &store);
    assert!(client.status_until(|status| status.connected, LONG).await.is_some());
    client.touched(touch(2));
    until("the fresh one arrives", || !store.told().is_empty()).await;
    assert_eq!(store.told(), [Call::Touched(touch(2))]);
}

#[tokio::test]
async fn a_slow_reader_fills_its_queue_and_stops_nobody() {
    let (_folder, places) = places();
    let store = Store::default();
    let _hub = TestHub::start(&places, &store);
    let at = places.clone();
    let mut link = beside(move || {
        let mut link = Link::connect(&at, "test").unwrap();
        link.call(Call::Tail { filter: Filter::default(), from: None }).unwrap();
        link
    })
    .await;
    let tail = store.kept.lock().unwrap().tails.pop().unwrap();
    let mut sent = 0;
    loop {
        let notice = Notice::Ending { reason: format!("{sent} {}", "x".repeat(50_000)) };
        match tail.try_send(&HubFrame::Notice(notice)) {
            Ok(()) => sent += 1,
            Err(SendError::Full) => break,
            Err(error) => panic!("{error}"),
        }
        assert!(sent < 10_000, "bounded");
    }
    let at = places.clone();
    beside(move || Link::connect(&at, "other").unwrap().call(Call::Status).map(|_| ())).await.unwrap();
    drop(tail);
    beside(move || {
        for n in 0..sent {
            let Some(Notice::Ending { reason }) = link.next_notice(Some(LONG)).unwrap() else { panic!() };
            assert!(reason.starts_with(&format!("{n} ")), "in order");
        }
        assert!(matches!(link.next_notice(Some(Duration::from_millis(1))), Err(CallError::TimedOut)));
        assert!(matches!(link.call(Call::Status), Ok(Reply::Status(_))), "in step after the time-out");
    })
    .await;
}

#[tokio::test]
async fn one_too_many_is_told_that_the_hub_is_busy() {
    let (_folder, places) = places();
    let store = Store::default();
    let _hub = TestHub::start(&places, &store);
    let at = places.clone();
    beside(move || {
        let mut links: Vec<_> = (0..CONNECTIONS).map(|_| Link::connect(&at, "test").unwrap()).collect();
        let refused = Link::connect(&at, "test").unwrap_err();
        assert!(matches!(&refused, ConnectError::Refused(error) if error.code == ErrorCode::Busy), "{refused}");
        for link in &mut links {
            link.call(Call::Status).unwrap();
        }
        links.pop();
        let deadline = std::time::Instant::now() + LONG;
        while let Err(error) = Link::connect(&at, "test") {
            assert!(std::time::Instant::now() < deadline, "a seat comes free: {error}");
        }
    })
    .await;
}

#[tokio::test]
async fn versions_without_overlap_are_refused_naming_both() {
    let (_folder, places) = places();
    let store = Store::default();
    let hub = TestHub::start(&places, &store);
    let at = places.clone();
    beside(move || {
        let mut stream = raw(&at, &frame::encode(&hello(7, 9)).unwrap());
        let body = frame::read_blocking(&mut stream).unwrap().unwrap();
        let Greeting::Refused(error) = frame::decode_greeting(&body).unwrap() else { panic!() };
        assert_eq!(error.code, ErrorCode::ProtocolVersion);
        assert!(error.message.contains("1 to 1") && error.message.contains("7 to 9"), "{}", error.message);
        assert_eq!(frame::read_blocking(&mut stream).unwrap(), None, "and it closes");
        let mut stream = raw(&at, &frame::encode(&hello(0, 9)).unwrap());
        let body = frame::read_blocking(&mut stream).unwrap().unwrap();
        assert!(matches!(frame::decode_greeting(&body).unwrap(), Greeting::Hello(_)), "ranges that meet do");
    })
    .await;
    hub.kill().await;
    // A newer hub that does not refuse by itself.
    let listener = UnixListener::bind(places.socket()).unwrap();
    let newer = std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        frame::read_blocking(&mut stream).unwrap();
        stream.write_all(&frame::encode(&hello(7, 9)).unwrap()).unwrap();
    });
    let refused = Link::connect(&places, "test").unwrap_err();
    assert!(matches!(&refused, ConnectError::Refused(error) if error.code == ErrorCode::ProtocolVersion), "{refused}");
    assert!(refused.to_string().contains("7 to 9") && refused.to_string().contains("1 to 1"), "{refused}");
    newer.join().unwrap();
}

#[tokio::test]
async fn silence_and_garbage_cost_only_their_own_connection() {
    let (_folder, places) = places();
    let store = Store::default();
    let _hub = TestHub::start(&places, &store);
    beside(move || {
        let _silent = raw(&places, b"");
        let _half = raw(&places, &[0, 0]);
        let mut closed = [raw(&places, &[0xff; 300]), raw(&places, &[0, 0, 0, 2, 0xc1, 0xc1])];
        let mut late = raw(&places, &frame::encode(&hello(1, 1)).unwrap());
        frame::read_blocking(&mut late).unwrap().unwrap();
        late.write_all(&frame::encode(&json!({"id": 1, "call": {"method": "fly"}})).unwrap()).unwrap();
        let body = frame::read_blocking(&mut late).unwrap().unwrap();
        let FromHub::Frame(HubFrame::Error { id: Some(1), error }) = frame::decode_from_hub(&body).unwrap() else {
            panic!()
        };
        assert_eq!(error.code, ErrorCode::UnknownMethod, "a newer method costs nothing");
        late.write_all(&frame::encode(&json!({"id": 2, "call": {"method": "status"}})).unwrap()).unwrap();
        frame::read_blocking(&mut late).unwrap().unwrap();
        late.write_all(&frame::encode(&json!({"no": "call"})).unwrap()).unwrap();
        for stream in closed.iter_mut().chain([&mut late]) {
            // Closed with bytes unread, a socket says reset.
            assert!(matches!(stream.read(&mut [0; 9]), Ok(0) | Err(_)));
        }
        Link::connect(&places, "test").unwrap().call(Call::Status).unwrap();
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_client_is_given_up() {
    let (_folder, places) = places();
    let mut lock = HubLock::take(&places).unwrap();
    let listener = Listener::bind(&mut lock, "test hub", &[]).unwrap();
    let _silent = raw(&places, &[0, 0]);
    let pending = listener.accept().await.unwrap();
    assert_eq!(listener.connections(), 1);
    assert!(matches!(pending.greet().await, Err(GreetError::Silent)));
    assert_eq!(listener.connections(), 0);
}

#[tokio::test]
async fn only_one_holds_the_lock_and_it_cleans_up_after_itself() {
    let (_folder, places) = places();
    // What a dead hub leaves.
    drop(UnixListener::bind(places.socket()).unwrap());
    let mut lock = HubLock::take(&places).unwrap();
    assert!(matches!(HubLock::take(&places), Err(LockError::Held { info: None })));
    let listener = Listener::bind(&mut lock, "test hub", &[]).unwrap();
    assert_eq!(places.socket().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(places.hub_json().metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let Err(LockError::Held { info: Some(info) }) = HubLock::take(&places) else { panic!() };
    assert_eq!((info.pid, &info), (std::process::id(), &Box::new(listener.info().clone())));
    drop((listener, lock));
    assert!(!places.socket().exists() && !places.hub_json().exists());
    assert!(places.hub_lock().exists(), "never deleted");
    HubLock::take(&places).unwrap();
}

#[tokio::test]
async fn the_address_is_the_hubs_own_word() {
    let (folder, places) = places();
    let store = Store::default();
    let _hub = TestHub::start(&places, &store);
    // Another environment: the same state, another runtime folder.
    let elsewhere = Places::at(places.state(), folder.path().join("other"));
    beside(move || Link::connect(&elsewhere, "test").unwrap().call(Call::Status).map(|_| ())).await.unwrap();
}

#[tokio::test]
async fn hooks_go_to_the_hub_or_to_their_spool() {
    let (_folder, places) = places();
    let store = Store::default();
    let (first, second) = (hook(), hook());
    let (at, record) = (places.clone(), first.clone());
    let away = beside(move || bring_or_spool(&at, Brought::Hook(record), "test", |_| Some(SPOOL_BYTES)).unwrap()).await;
    assert_eq!(away, HookOutcome::Spooled);
    let _hub = TestHub::start(&places, &store);
    let (at, record) = (places.clone(), second.clone());
    let there =
        beside(move || bring_or_spool(&at, Brought::Hook(record), "test", |_| Some(SPOOL_BYTES)).unwrap()).await;
    assert_eq!(there, HookOutcome::Done);
    assert_eq!(store.kept.lock().unwrap().hooks, [first, second]);
}

/// The kernel takes the connection, and nobody answers: what would lie in the socket when the hub goes on would come twice.
#[test]
fn a_hub_that_stands_still_gets_a_greeting_and_the_spool_the_hook() {
    let (_folder, places) = places();
    let (store, record) = (Store::default(), hook());
    let still = UnixListener::bind(places.socket()).unwrap();
    let brought = Brought::Hook(record.clone());
    let outcome = bring_or_spool(&places, brought, "test", |_| Some(SPOOL_BYTES)).unwrap();
    assert_eq!(outcome, HookOutcome::Spooled);
    let mut said = Vec::new();
    still.accept().unwrap().0.read_to_end(&mut said).unwrap();
    assert_eq!(said, frame::encode(&codi2_ipc::hello("test", &[], None)).unwrap());
    store.drain(&places);
    assert_eq!(store.kept.lock().unwrap().hooks, [record]);
}

#[test]
fn what_lies_at_the_address_is_checked() {
    let (_folder, places) = places();
    assert!(matches!(Link::connect(&places, "test"), Err(ConnectError::Absent { .. })));
    drop(UnixListener::bind(places.socket()).unwrap());
    let stale = Link::connect(&places, "test").unwrap_err();
    assert!(matches!(stale, ConnectError::Absent { .. }) && stale.is_absent(), "a dead hub's socket");
    std::fs::remove_file(places.socket()).unwrap();
    std::fs::write(places.socket(), "").unwrap();
    let wrong = Link::connect(&places, "test").unwrap_err();
    assert!(matches!(wrong, ConnectError::NotSocket { .. }) && !wrong.is_absent());
    std::fs::set_permissions(places.runtime(), PermissionsExt::from_mode(0o777)).unwrap();
    let open = Link::connect(&places, "test").unwrap_err();
    assert!(open.to_string().contains("chmod 700"), "{open}");
}
