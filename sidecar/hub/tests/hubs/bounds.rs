//! What the hub does not let itself be asked, and what it does when its folders are taken away.

use std::io::Write;
use std::os::unix::net::UnixStream;

use codi2_ipc::frame;
use codi2_ipc::{Client, Flushed, HubLock, Options};
use codi2_protocol::{
    Call, Digest, Edit, EditGroup, ErrorCode, Fact, FileId, Filter, GroupId, HubFrame, Notice, Numbered, ProducerId,
    Reply, RepositoryId, SessionId, Shape, WorktreeId, limits,
};

use crate::support::{Home, LONG, Running, Wire, fact, gaps, numbers, until};

/// Each limit of the protocol has a name, and says it.
pub fn what_is_over_a_limit_is_refused_with_its_name() {
    let home = Home::new();
    let hub = home.ready();
    // A frame.
    let mut wire = home.wire();
    wire.stream.write_all(&(limits::FRAME_BYTES as u32 + 1).to_be_bytes()).unwrap();
    let Some(HubFrame::Error { id: None, error }) = wire.next() else { panic!("no word") };
    assert_eq!(error.code, ErrorCode::BadRequest);
    assert!(error.message.contains("1048577 bytes is over the limit of 1048576"), "{error}");
    assert_eq!(wire.next(), None, "and the connection ends: where the next frame begins is not known");
    // Nesting.
    let mut wire = home.wire();
    let mut deep = vec![0x81, 0xa4, b'c', b'a', b'l', b'l'];
    deep.extend(std::iter::repeat_n(0x91, 200));
    deep.push(0xc0);
    wire.stream.write_all(&(deep.len() as u32).to_be_bytes()).unwrap();
    wire.stream.write_all(&deep).unwrap();
    let Some(HubFrame::Error { id: None, error }) = wire.next() else { panic!("no word") };
    assert!(error.message.contains("makes no sense"), "{error}");
    // Facts of one report.
    let facts = |count: u64| (1..=count).map(|n| Numbered { seq: n, occurred_ms: n, session: None, fact: fact(n) });
    let most = limits::BATCH_FACTS as u64;
    let producer = ProducerId::new();
    let mut wire = home.producer(producer);
    wire.send(None, Call::Report { facts: facts(most + 1).collect() });
    let Some(HubFrame::Error { id: None, error }) = wire.next() else { panic!("no word") };
    assert_eq!(error.code, ErrorCode::TooLarge);
    assert!(error.message.contains("1001 facts is over the limit of 1000"), "{error}");
    assert_eq!(wire.next(), None, "it ends: facts left out would be a hole");
    let mut wire = home.producer(producer);
    assert_eq!(wire.hub.durable, Some(0), "nothing of it was taken");
    wire.send(None, Call::Report { facts: facts(most).collect() });
    wire.durable(most);
    // An event: the fact counts, and the log says that it is missing.
    let long = "x".repeat(limits::VALUE_BYTES);
    let one = Numbered { seq: most + 1, occurred_ms: 1, session: None, fact: started(&long) };
    wire.send(None, Call::Report { facts: vec![one] });
    wire.durable(most + 1);
    assert_eq!(numbers(&home.wire().log(false, 500), producer), (1..=most + 1).collect::<Vec<_>>());
    let problems = home.wire().status().problems;
    assert!(problems.iter().any(|problem| problem.contains("could not be stored")), "{problems:?}");
    // Tails of a connection, and of the hub.
    let tail = || Call::Tail { filter: Filter::default(), from: None };
    let mut tailing: Vec<Wire> = (0..4).map(|_| home.wire()).collect();
    for wire in &mut tailing {
        for _ in 0..16 {
            wire.call(tail()).unwrap();
        }
    }
    let error = tailing[0].call(tail()).unwrap_err();
    assert!(error.message.contains("16 tails at most"), "{error}");
    let error = home.wire().call(tail()).unwrap_err();
    assert_eq!(error.code, ErrorCode::Busy);
    assert!(error.message.contains("64 tails at most"), "{error}");
    drop(tailing);
    until("tails of the gone end", || home.wire().call(tail()).is_ok());
    home.stop(hub);
}

fn started(branch: &str) -> Fact {
    let info = codi2_protocol::SessionInfo {
        session: SessionId::new(),
        actor: codi2_protocol::Actor::named(codi2_protocol::ActorKind::Person, "somebody"),
        editor: codi2_protocol::Editor { name: "test".into(), version: None },
        pid: 1,
        process: None,
        host: None,
        worktree: None,
        root: None,
        branch: Some(branch.into()),
        base: None,
    };
    Fact::SessionStarted { info }
}

/// A group of more bytes than may be on their way: the hub acknowledges it as a whole, so it must come as a whole.
pub fn a_group_of_many_parts_is_one_and_gets_through() {
    const PARTS: u32 = 60;
    let home = Home::new();
    let hub = home.ready();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let producer = runtime.block_on(async {
        let (client, news) = Client::spawn(home.places.clone(), None, Options::new("test"));
        drop(news);
        let group = GroupId::new();
        for part in 0..PARTS {
            client.report(None, 1, Fact::Edits(part_of(group, part, PARTS)));
        }
        client.report(None, 1, fact(u64::from(PARTS) + 1));
        client.status_until(|status| status.connected, LONG).await.expect("a connection");
        assert_eq!(client.flush(LONG).await, Flushed::Durable);
        client.producer()
    });
    let log = home.wire().log(false, 500);
    assert_eq!(numbers(&log, producer), (1..=u64::from(PARTS) + 1).collect::<Vec<_>>());
    home.stop(hub);
}

fn part_of(group: GroupId, part: u32, parts: u32) -> EditGroup {
    let worktree = WorktreeId { repository: RepositoryId::from_uuid(uuid::Uuid::nil()), name: String::new() };
    let edit = |n: u64| Edit {
        at: n,
        deleted: 0,
        inserted: 1,
        line: 1,
        lines_deleted: 0,
        lines_inserted: 0,
        shape: Shape::Other,
        source: None,
        restored: Vec::new(),
        copied: Vec::new(),
    };
    let digest = Digest::new([1; 32]);
    EditGroup {
        group,
        file: FileId { worktree, path: "f".into() },
        part,
        parts,
        before: digest,
        after: Digest::new([2; 32]),
        // About 80 kB.
        edits: (0..700).map(edit).collect(),
        first_ms: 1,
        last_ms: 1,
    }
}

/// Connections that die in the middle of a frame, of a greeting, or before it leave nothing behind.
pub fn the_dead_leave_no_seat_and_no_descriptor() {
    let home = Home::new();
    let hub = home.ready();
    let mut wire = home.wire();
    wire.status();
    let before = hub.descriptors();
    for round in 0..3 * limits::CONNECTIONS {
        let mut stream = loop {
            // More wait to be accepted than the system queues.
            if let Ok(stream) = UnixStream::connect(home.places.socket()) {
                break stream;
            }
            wire.status();
        };
        let hello = frame::encode(&codi2_ipc::hello("dying", &[], Some(ProducerId::new()))).unwrap();
        // The hub may have closed first, where it was too busy for this one.
        let _ = match round % 4 {
            0 => Ok(()),
            1 => stream.write_all(&hello[..hello.len() / 2]),
            2 => stream.write_all(&[&hello[..], &[0, 8, 0, 0, 0x81]].concat()),
            _ => stream.write_all(&[&hello[..], &[0, 0]].concat()),
        };
    }
    until("all are forgotten", || wire.status().connections == 1 && hub.descriptors() <= before);
    home.stop(hub);
}

/// Whoever takes its tail a byte at a time, or not at all, or dies in the middle of a frame, is cut off or forgotten,
/// and nothing of the tail is kept for it.
pub fn tails_of_slow_and_dead_readers_end_with_them() {
    let home = Home::new();
    let hub = home.ready();
    let producer = ProducerId::new();
    let mut reporting = home.producer(producer);
    let before = hub.descriptors();
    let mut readers: Vec<Wire> = (0..20).map(|_| home.wire()).collect();
    for wire in &mut readers {
        wire.call(Call::Tail { filter: Filter::default(), from: None }).unwrap();
    }
    let mut sent = 0;
    while sent < 6_000 {
        reporting.report(sent + 1..=sent + 500);
        sent += 500;
        reporting.durable(sent);
        for wire in &mut readers[..5] {
            // A byte at a time: always in the middle of a frame.
            let mut byte = [0];
            std::io::Read::read_exact(&mut wire.stream, &mut byte).unwrap();
        }
    }
    assert_eq!(home.wire().status().connections, 22);
    drop(readers);
    until("all are forgotten", || hub.descriptors() <= before);
    assert_eq!(numbers(&home.wire().log(false, 500), producer), (1..=sent).collect::<Vec<_>>());
    home.stop(hub);
}

/// Two hubs must never meet one store, wherever they would listen.
pub fn of_hubs_started_at_once_one_serves() {
    let home = Home::new();
    let starting: Vec<_> = (0..6)
        .map(|n| {
            let mut command = home.command();
            // Each would listen somewhere else.
            command.env("CODI2_RUNTIME_DIR", home.folder().join(format!("r{n}")));
            Running::begin(&mut command)
        })
        .collect();
    let said: Vec<String> = starting.iter().map(|(_, line)| line.clone()).collect();
    assert_eq!(said.iter().filter(|line| *line == "ready").count(), 1, "{said:?}");
    assert_eq!(said.iter().filter(|line| *line == "running").count(), 5, "{said:?}");
    // Found by what it says of itself, not by where we would listen.
    let mut link = codi2_ipc::blocking::Link::connect(&home.places, "test").unwrap();
    assert!(matches!(link.call(Call::Stop), Ok(Reply::Done)));
    for (hub, _) in starting {
        assert_eq!(hub.ended(), Some(0));
    }
}

pub fn a_socket_that_was_removed_is_made_again() {
    let home = Home::new();
    let hub = home.ready();
    let producer = ProducerId::new();
    let mut old = home.producer(producer);
    for what in ["the socket", "its folder", "hub.json"] {
        match what {
            "the socket" => std::fs::remove_file(home.places.socket()).unwrap(),
            "its folder" => std::fs::remove_dir_all(home.places.runtime()).unwrap(),
            _ => std::fs::remove_file(home.places.hub_json()).unwrap(),
        }
        // A client that starts hubs finds its way to the one that runs.
        let mut link = codi2_ipc::blocking::Link::connect_or_start(&home.places, &home.spec(), "test").unwrap();
        let Ok(Reply::Status(status)) = link.call(Call::Status) else { panic!() };
        assert_eq!(status.pid, hub.pid(), "{what}: the same hub");
        drop(link);
        until(what, || home.places.socket().exists() && home.places.hub_json().exists());
    }
    // Connections of before go on, and count.
    old.report(1..=10);
    old.durable(10);
    assert_eq!(numbers(&home.wire().log(false, 500), producer), (1..=10).collect::<Vec<_>>());
    until("seats are counted on", || home.wire().status().connections == 2);
    home.stop(hub);
}

/// What the hub had is gone with the folder; nothing more is acknowledged into it, and the next hub hears exactly what
/// was lost.
pub fn a_state_folder_that_was_removed_ends_the_hub() {
    type Take = fn(&Home);
    let whole: Take = |home| std::fs::remove_dir_all(home.places.state()).unwrap();
    let moved: Take = |home| std::fs::rename(home.places.state(), home.folder().join("away")).unwrap();
    let store: Take = |home| std::fs::remove_file(home.store()).unwrap();
    for take in [whole, moved, store] {
        let home = Home::new();
        let hub = home.ready();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let mut watching = home.wire();
        let (producer, reported) = runtime.block_on(async {
            let (client, _news) = Client::spawn(home.places.clone(), Some(home.spec()), Options::new("test"));
            (1..=100).for_each(|n| client.report(None, n, fact(n)));
            client.status_until(|status| status.connected, LONG).await.expect("a connection");
            assert_eq!(client.flush(LONG).await, Flushed::Durable);
            take(&home);
            (101..=200).for_each(|n| client.report(None, n, fact(n)));
            let mut newest = 200;
            // The next hub has them, or counts them.
            let next = |status: &codi2_ipc::Status| status.connected && status.pending == 0;
            loop {
                client.status_until(next, LONG).await.expect("another hub takes them");
                if codi2_ipc::HubInfo::read(&home.places).is_some_and(|info| info.pid != hub.pid()) {
                    break;
                }
                // Still the old one: it ends within a second.
                tokio::time::sleep(std::time::Duration::from_millis(20)).await;
                newest += 1;
                client.report(None, newest, fact(newest));
            }
            assert_eq!(client.flush(LONG).await, Flushed::Durable);
            (client.producer(), home.wire().log(false, 500).last().unwrap().event.seq)
        });
        let mut last = None;
        while let Some(notice) = watching.notice() {
            last = Some(notice);
        }
        let Some(Notice::Ending { reason }) = last else { panic!("{last:?}") };
        assert!(reason.contains("was removed or replaced while the hub ran"), "{reason}");
        assert_eq!(hub.ended(), Some(3));
        let log = home.wire().log(false, 500);
        let mut covered = Vec::new();
        for event in log.iter().filter(|event| event.event.producer == producer) {
            match &event.event.body {
                codi2_protocol::Body::Known(codi2_protocol::EventBody::Gap(gap)) => {
                    covered.extend(gap.first_seq..=gap.last_seq);
                }
                other => panic!("{other:?}"),
            }
        }
        assert_eq!(covered, (1..=reported).collect::<Vec<_>>(), "each number is there or counted as lost");
        assert!(gaps(&log).is_empty());
        assert_eq!(home.wire().call(Call::Stop), Ok(Reply::Done));
        until("the lock is free", || HubLock::take(&home.places).is_ok());
    }
}

/// Whatever 64 producers offer and some read, the hub's memory has a bound, and nothing is lost.
pub fn a_flood_that_nobody_reads_is_bounded_in_memory() {
    const PRODUCERS: u64 = 64;
    let soak = std::env::var_os("CODI2_SOAK").is_some();
    let each: u64 = if soak { 5_000 } else { 500 };
    let home = Home::new();
    let hub = home.ready();
    let mut deaf: Vec<Wire> = (0..20).map(|_| home.wire()).collect();
    for wire in &mut deaf {
        wire.send(Some(1), Call::Tail { filter: Filter::default(), from: None });
    }
    let peak = std::thread::scope(|scope| {
        let flooding: Vec<_> = (0..PRODUCERS).map(|_| scope.spawn(|| flood(&home, each))).collect();
        let mut peak = 0;
        while flooding.iter().any(|thread| !thread.is_finished()) {
            peak = peak.max(hub.resident_bytes());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
        let producers: Vec<ProducerId> = flooding.into_iter().map(|thread| thread.join().unwrap()).collect();
        let log = home.wire().log(false, 500);
        for producer in &producers {
            assert_eq!(numbers(&log, *producer), (1..=each).collect::<Vec<_>>());
        }
        peak
    });
    let events = PRODUCERS * each;
    println!(
        "COUNT P4 | 64 producers, {events} events offered at once, 20 readers that never read | {events} | 0 lost, hub at most {} MB",
        peak >> 20
    );
    assert!(peak < 200 << 20, "{} MB", peak >> 20);
    drop(deaf);
    home.stop(hub);
}

/// Sends all there is as fast as the socket takes it, in the largest batches there are, and then waits for the word.
fn flood(home: &Home, facts: u64) -> ProducerId {
    let producer = ProducerId::new();
    let mut wire = home.producer(producer);
    let mut writing = wire.stream.try_clone().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for begin in (1..=facts).step_by(500) {
                let batch = begin..=(begin + 499).min(facts);
                let batch = batch.map(|n| Numbered { seq: n, occurred_ms: n, session: None, fact: fact(n) });
                let call = codi2_protocol::ClientFrame { id: None, call: Call::Report { facts: batch.collect() } };
                writing.write_all(&frame::encode(&call).unwrap()).unwrap();
            }
        });
        wire.durable(facts);
    });
    producer
}
