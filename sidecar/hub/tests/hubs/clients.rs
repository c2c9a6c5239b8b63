//! What clients get: tails, pages, answers; and what they cannot do to each other.

use std::io::Write;

use codi2_ipc::frame;
use codi2_protocol::{
    Actor, ActorKind, Call, Editor, ErrorCode, Fact, Filter, HubFrame, Notice, Numbered, ProducerId, Reply, SessionId,
    SessionInfo, limits,
};

use crate::support::{Home, Wire, numbers, until};

fn tail(from: Option<codi2_protocol::Stamp>) -> Call {
    Call::Tail { filter: Filter::default(), from }
}

pub fn tails_have_no_loss_and_no_repeats() {
    let home = Home::new();
    let hub = home.ready();
    let producer = ProducerId::new();
    let mut reporting = home.producer(producer);
    reporting.report(1..=300);
    reporting.durable(300);
    let log = home.wire().log(false, 500);
    let mut tails: Vec<(u64, Wire)> = Vec::new();
    for begin in [1, 100, 299, 300] {
        let mut wire = home.wire();
        wire.call(tail(Some(log[begin - 1].stamp))).unwrap();
        tails.push((begin as u64 + 1, wire));
    }
    // Without a stamp: from what comes after the answer.
    let mut wire = home.wire();
    wire.call(tail(None)).unwrap();
    tails.push((301, wire));
    for begin in (301..=3_000).step_by(90) {
        reporting.report(begin..=begin + 89);
    }
    reporting.durable(3_000);
    for (begin, wire) in &mut tails {
        let wanted: Vec<u64> = (*begin..=3_000).collect();
        let events = wire.tailed(wanted.len());
        assert_eq!(numbers(&events, producer), wanted);
        assert!(events.is_sorted_by(|one, next| one.stamp < next.stamp));
    }
    home.stop(hub);
}

pub fn a_tail_that_is_not_read_slows_nobody() {
    // Several times what a queue and a socket hold.
    const FACTS: u64 = 16_000;
    const READERS: u32 = 20;
    let home = Home::new();
    let hub = home.ready();
    let producer = ProducerId::new();
    let mut reporting = home.producer(producer);
    let mut standing: Vec<Wire> = (0..READERS).map(|_| home.wire()).collect();
    for wire in &mut standing {
        wire.call(tail(None)).unwrap();
    }
    for begin in (1..=FACTS).step_by(500) {
        reporting.report(begin..=begin + 499);
        reporting.durable(begin + 499);
    }
    // With the producer and who asks.
    assert_eq!(home.wire().status().connections, READERS + 2, "none of them was cut off");
    println!(
        "COUNT P5 | one producer beside {READERS} tails that read nothing | {FACTS} events | each acknowledged while they stand; a tail that reads then has them all"
    );
    let mut lazy = standing.pop().unwrap();
    // Its queue is full of events; an answer has room of its own, and the tail is only late.
    lazy.send(Some(7), Call::Status);
    let (mut seen, mut answered) = (Vec::new(), false);
    while !answered || seen.len() < FACTS as usize {
        match lazy.next().expect("not cut off") {
            HubFrame::Reply { id: 7, reply: Reply::Status(_) } => answered = true,
            HubFrame::Notice(Notice::Events { events }) => seen.extend(numbers(&events, producer)),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(seen, (1..=FACTS).collect::<Vec<_>>());
    home.stop(hub);
}

/// Cut off for good: a connection that the hub had forgotten and still read from would wait for ever.
pub fn a_client_that_reads_no_answers_is_cut_off() {
    let home = Home::new();
    let hub = home.ready();
    let mut deaf = home.producer(ProducerId::new());
    let mut writing = deaf.stream.try_clone().unwrap();
    let asking = std::thread::spawn(move || {
        for id in 1.. {
            let call = codi2_protocol::ClientFrame { id: Some(id), call: Call::Status };
            if writing.write_all(&frame::encode(&call).unwrap()).is_err() {
                return;
            }
        }
    });
    let mut wire = home.wire();
    until("it is cut off", || wire.status().connections == 1);
    // Now it reads: to the end, which comes.
    while deaf.next().is_some() {}
    asking.join().unwrap();
    home.stop(hub);
}

pub fn pages_run_both_ways() {
    let home = Home::new();
    let hub = home.ready();
    let producer = ProducerId::new();
    let mut wire = home.producer(producer);
    wire.report(1..=200);
    wire.durable(200);
    let forward: Vec<u64> = (1..=200).collect();
    let backward: Vec<u64> = forward.iter().rev().copied().collect();
    for limit in [0, 1, 7, 199, 200, 201, u32::MAX] {
        assert_eq!(numbers(&wire.log(false, limit), producer), forward, "{limit}");
        assert_eq!(numbers(&wire.log(true, limit), producer), backward, "{limit}");
    }
    let (first, next) = wire.page(None, true, 5);
    assert_eq!(numbers(&first, producer), [200, 199, 198, 197, 196]);
    let (more, _) = wire.page(next, true, 5);
    assert_eq!(numbers(&more, producer), [195, 194, 193, 192, 191]);
    // Events so long that a page of them does not fit into a frame.
    let long = ProducerId::new();
    let mut wire = home.producer(long);
    for seq in 1..=30 {
        let fact = Fact::SessionStarted { info: info(60_000) };
        wire.send(None, Call::Report { facts: vec![Numbered { seq, occurred_ms: seq, session: None, fact }] });
    }
    wire.durable(30);
    assert_eq!(numbers(&wire.log(false, 500), long), (1..=30).collect::<Vec<_>>());
    assert_eq!(numbers(&wire.log(true, 500), long), (1..=30).rev().collect::<Vec<_>>());
    let mut tailing = home.wire();
    tailing.call(tail(Some(wire.page(None, false, 1).0[0].stamp))).unwrap();
    assert_eq!(numbers(&tailing.tailed(229), long), (1..=30).collect::<Vec<_>>());
    home.stop(hub);
}

fn info(bytes: usize) -> SessionInfo {
    SessionInfo {
        session: SessionId::new(),
        actor: Actor::named(ActorKind::Person, "somebody"),
        editor: Editor { name: "test".into(), version: None },
        pid: 1,
        process: None,
        host: None,
        worktree: None,
        root: None,
        branch: Some("b".repeat(bytes)),
        base: None,
    }
}

pub fn what_is_not_understood_costs_only_an_answer() {
    let home = Home::new();
    let hub = home.ready();
    let mut wire = home.wire();
    let raw = |wire: &mut Wire, value: serde_json::Value| {
        wire.stream.write_all(&frame::encode(&value).unwrap()).unwrap();
        match wire.next() {
            Some(HubFrame::Error { id: Some(9), error }) => error.code,
            other => panic!("{other:?}"),
        }
    };
    let unknown = serde_json::json!({"id": 9, "call": {"method": "levitate", "params": {"height": 3}}});
    assert_eq!(raw(&mut wire, unknown), ErrorCode::UnknownMethod);
    let bad = serde_json::json!({"id": 9, "call": {"method": "log", "params": {"limit": "many"}}});
    assert_eq!(raw(&mut wire, bad), ErrorCode::BadRequest);
    let relative = Call::Watch { path: "relative/path".into(), poll: false };
    assert_eq!(wire.call(relative).unwrap_err().code, ErrorCode::NotFound);
    assert_eq!(wire.status().connections, 1, "the connection lives");
    // What is no frame at all ends the connection, with a word.
    let mut other = home.wire();
    other.stream.write_all(&[0, 0, 0, 3, 0xc1, 0xc1, 0xc1]).unwrap();
    match other.next() {
        Some(HubFrame::Error { id: None, error }) => assert_eq!(error.code, ErrorCode::BadRequest),
        other => panic!("{other:?}"),
    }
    assert_eq!(other.next(), None);
    until("it is forgotten", || wire.status().connections == 1);
    home.stop(hub);
}

pub fn an_answer_over_the_limit_is_said_to_be() {
    let home = Home::new();
    let hub = home.ready();
    let mut wire = home.producer(ProducerId::new());
    // Sessions of a sidecar that is connected are in every status.
    let sessions = (limits::FRAME_BYTES / 60_000) as u64 + 2;
    for seq in 1..=sessions {
        let fact = Fact::SessionStarted { info: info(60_000) };
        wire.send(None, Call::Report { facts: vec![Numbered { seq, occurred_ms: seq, session: None, fact }] });
    }
    wire.durable(sessions);
    assert_eq!(wire.call(Call::Status).unwrap_err().code, ErrorCode::TooLarge);
    assert!(wire.call(Call::Log { filter: Filter::default(), cursor: None, newest_first: false, limit: 1 }).is_ok());
    home.stop(hub);
}

pub fn as_many_clients_as_are_promised_and_no_more() {
    let home = Home::new();
    let hub = home.ready();
    let mut wires: Vec<Wire> = (0..limits::CONNECTIONS).map(|_| home.wire()).collect();
    assert_eq!(wires[0].status().connections as usize, limits::CONNECTIONS);
    for wire in &mut wires {
        wire.status();
    }
    match Wire::greet(&home.places, None) {
        Err(error) => assert_eq!(error.code, ErrorCode::Busy),
        Ok(_) => panic!("one too many was let in"),
    }
    drop(wires.split_off(limits::CONNECTIONS - 1));
    until("a seat is free", || Wire::greet(&home.places, None).is_ok());
    drop(wires);
    until("they are forgotten", || home.wire().status().connections == 1);
    home.stop(hub);
}
