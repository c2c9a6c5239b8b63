//! Real hubs as processes: what is acknowledged, what is lost (nothing), how they start, end and fail. This binary is
//! the hub, too. Nothing here judges time: everything waits for a condition.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, clippy::print_stderr, reason = "test code")]

mod bounds;
mod clients;
mod faults;
mod first_look;
#[path = "../../../ipc/tests/support/roles.rs"]
mod roles;
mod several;
mod support;

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::time::Duration;

use codi2_ipc::{Client, Flushed, HubInfo, HubLock, Options, blocking::Link};
use codi2_protocol::{Call, Notice, ProducerId, Reply};
use support::{Home, IDLE, LONG, Wire, fact, gaps, numbers, until};

const TESTS: &[(&str, fn())] = &[
    ("facts_are_acknowledged_in_order_and_repetitions_again", facts_are_acknowledged_in_order_and_repetitions_again),
    ("over_killed_hubs_each_fact_is_once_in_the_log", over_killed_hubs_each_fact_is_once_in_the_log),
    ("a_call_in_the_same_breath_as_the_greeting_is_answered", a_call_in_the_same_breath_as_the_greeting_is_answered),
    ("a_hub_without_clients_ends_and_one_with_a_client_stays", a_hub_without_clients_ends_and_one_with_a_client_stays),
    ("stop_is_answered_when_everything_is_durable", stop_is_answered_when_everything_is_durable),
    ("a_second_hub_says_that_one_runs", a_second_hub_says_that_one_runs),
    ("spools_of_the_dead_are_taken_in_and_removed", spools_of_the_dead_are_taken_in_and_removed),
    ("damage_at_a_spools_start_is_a_gap", damage_at_a_spools_start_is_a_gap),
    ("the_hooks_spool_is_taken_in_and_its_damage_counted", the_hooks_spool_is_taken_in_and_its_damage_counted),
    ("the_secret_is_private_and_a_damaged_one_is_said", the_secret_is_private_and_a_damaged_one_is_said),
    ("a_watch_under_way_holds_up_no_end", a_watch_under_way_holds_up_no_end),
    (
        "two_hubs_of_one_store_see_each_others_events_and_sessions",
        several::two_hubs_of_one_store_see_each_others_events_and_sessions,
    ),
    ("a_tail_whose_watch_is_lost_misses_nothing", several::a_tail_whose_watch_is_lost_misses_nothing),
    ("an_outage_is_told_with_who_is_there", several::an_outage_is_told_with_who_is_there),
    ("a_first_look_asks_a_far_store_by_pages", first_look::a_first_look_asks_a_far_store_by_pages),
    ("what_git_had_before_is_asked_by_pages", first_look::what_git_had_before_is_asked_by_pages),
    ("a_store_that_is_away_is_waited_for", several::a_store_that_is_away_is_waited_for),
    ("tails_have_no_loss_and_no_repeats", clients::tails_have_no_loss_and_no_repeats),
    ("a_tail_that_is_not_read_slows_nobody", clients::a_tail_that_is_not_read_slows_nobody),
    ("a_client_that_reads_no_answers_is_cut_off", clients::a_client_that_reads_no_answers_is_cut_off),
    ("pages_run_both_ways", clients::pages_run_both_ways),
    ("what_is_not_understood_costs_only_an_answer", clients::what_is_not_understood_costs_only_an_answer),
    ("an_answer_over_the_limit_is_said_to_be", clients::an_answer_over_the_limit_is_said_to_be),
    ("as_many_clients_as_are_promised_and_no_more", clients::as_many_clients_as_are_promised_and_no_more),
    ("what_is_over_a_limit_is_refused_with_its_name", bounds::what_is_over_a_limit_is_refused_with_its_name),
    ("a_group_of_many_parts_is_one_and_gets_through", bounds::a_group_of_many_parts_is_one_and_gets_through),
    ("the_dead_leave_no_seat_and_no_descriptor", bounds::the_dead_leave_no_seat_and_no_descriptor),
    ("tails_of_slow_and_dead_readers_end_with_them", bounds::tails_of_slow_and_dead_readers_end_with_them),
    ("of_hubs_started_at_once_one_serves", bounds::of_hubs_started_at_once_one_serves),
    ("a_socket_that_was_removed_is_made_again", bounds::a_socket_that_was_removed_is_made_again),
    ("a_state_folder_that_was_removed_ends_the_hub_with_words", bounds::a_state_folder_that_was_removed_ends_the_hub),
    ("a_flood_that_nobody_reads_is_bounded_in_memory", bounds::a_flood_that_nobody_reads_is_bounded_in_memory),
    ("a_damaged_store_refuses_the_start_with_its_message", faults::a_damaged_store_refuses_the_start),
];

fn main() {
    match roles::role().as_deref() {
        Some("hub") => support::hub(),
        _ => roles::run(TESTS),
    }
}

fn facts_are_acknowledged_in_order_and_repetitions_again() {
    let home = Home::new();
    let hub = home.ready();
    let producer = ProducerId::new();
    let mut wire = home.producer(producer);
    assert_eq!(wire.hub.durable, Some(0));
    for begin in (1..=900).step_by(100) {
        wire.report(begin..=begin + 99);
    }
    let said = wire.durable(900);
    assert!(said.is_sorted_by(|one, next| one < next), "{said:?}");
    assert_eq!(*said.last().unwrap(), 900);
    // Sent again, as after a lost connection: acknowledged again, never written again.
    wire.report(850..=950);
    assert_eq!(*wire.durable(950).last().unwrap(), 950);
    assert_eq!(home.producer(producer).hub.durable, Some(950));
    let log = home.wire().log(false, 500);
    assert_eq!(numbers(&log, producer), (1..=950).collect::<Vec<_>>());
    assert_eq!(home.wire().status().events, log.len() as u64);
    home.stop(hub);
}

fn over_killed_hubs_each_fact_is_once_in_the_log() {
    const FACTS: u64 = 4_000;
    let home = Home::new();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let producer = runtime.block_on(async {
        let (client, news) = Client::spawn(home.places.clone(), Some(home.spec()), Options::new("test"));
        drop(news);
        for n in 1..=FACTS {
            client.report(None, n, fact(n));
            if n % 800 == 0 {
                // Killed in the middle: part of what was sent is durable, part is not.
                let some = |status: &codi2_ipc::Status| status.connected && status.pending < 600;
                client.status_until(some, LONG).await.expect("facts get through");
                let pid = HubInfo::read(&home.places).unwrap().pid;
                let pid = rustix::process::Pid::from_raw(pid.try_into().unwrap()).unwrap();
                rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
            } else if n % 7 == 0 {
                tokio::task::yield_now().await;
            }
        }
        // The last one was killed, too.
        client.status_until(|status| status.connected && status.pending == 0, LONG).await.expect("all is durable");
        assert_eq!(client.flush(LONG).await, Flushed::Durable);
        client.producer()
    });
    drop(runtime);
    let log = home.wire().log(false, 500);
    assert_eq!(numbers(&log, producer), (1..=FACTS).collect::<Vec<_>>());
    assert_eq!(home.wire().call(Call::Stop), Ok(Reply::Done));
    until("the lock is free", || HubLock::take(&home.places).is_ok());
}

/// The answer may be ready before the server's loop knows the client: it was lost then.
fn a_call_in_the_same_breath_as_the_greeting_is_answered() {
    let home = Home::new();
    let hub = home.ready();
    for _ in 0..300 {
        let mut stream = Wire::connect(&home.places);
        let mut bytes = codi2_ipc::frame::encode(&codi2_ipc::hello("hasty", &[], None)).unwrap();
        let call = codi2_protocol::ClientFrame { id: Some(1), call: Call::Status };
        bytes.extend(codi2_ipc::frame::encode(&call).unwrap());
        stream.write_all(&bytes).unwrap();
        for _ in 0..2 {
            codi2_ipc::frame::read_blocking(&mut stream).unwrap().unwrap();
        }
    }
    home.stop(hub);
}

fn a_hub_without_clients_ends_and_one_with_a_client_stays() {
    let home = Home::with(&[(IDLE, "400")]);
    let mut link = Link::connect_or_start(&home.places, &home.spec(), "test").unwrap();
    // Not judged: the longer this takes, the more the hub has had reason to end.
    std::thread::sleep(Duration::from_millis(2_500));
    let Ok(Reply::Status(status)) = link.call_within(Call::Status, LONG) else { panic!("it ended under its client") };
    assert_eq!(status.connections, 1);
    drop(link);
    until("it ends, store first, lock last", || HubLock::take(&home.places).is_ok());
    assert!(!home.places.socket().exists() && !home.places.hub_json().exists());
    drop(codi2_store::Store::open(&home.store()).unwrap());
}

fn stop_is_answered_when_everything_is_durable() {
    let home = Home::new();
    let hub = home.ready();
    let producer = ProducerId::new();
    let (mut reporting, mut other) = (home.producer(producer), home.wire());
    let mut tailing = home.wire();
    tailing.call(Call::Tail { filter: codi2_protocol::Filter::default(), from: None }).unwrap();
    reporting.report(1..=700);
    // On the same connection, so after them; and a second one that finds the hub ending already.
    reporting.send(Some(1), Call::Stop);
    other.send(Some(1), Call::Stop);
    assert_eq!(reporting.answer(1), Ok(Reply::Done));
    let told: Vec<u64> = reporting
        .notices
        .iter()
        .filter_map(|notice| match notice {
            Notice::Durable { seq } => Some(*seq),
            _ => None,
        })
        .collect();
    assert_eq!(told.last(), Some(&700), "acknowledged before the end was");
    assert_eq!(other.answer(1), Ok(Reply::Done));
    for wire in [&mut reporting, &mut other] {
        let mut last = None;
        while let Some(notice) = wire.notice() {
            last = Some(notice);
        }
        assert!(matches!(last, Some(Notice::Ending { .. })), "{last:?}");
    }
    // A tail reads at its own pace: its next page may come after the word of the end.
    let mut heard = std::iter::from_fn(|| tailing.notice());
    assert!(heard.any(|notice| matches!(notice, Notice::Ending { .. })));
    assert_eq!(hub.ended(), Some(0));
    assert!(!home.places.socket().exists() && !home.places.hub_json().exists());
    let store = codi2_store::Store::open(&home.store()).unwrap();
    assert_eq!((store.producer(producer).unwrap(), store.events().unwrap()), (700, 700));
}

fn a_second_hub_says_that_one_runs() {
    let home = Home::new();
    let hub = home.ready();
    let (second, line) = home.start();
    assert_eq!((line.as_str(), second.ended()), ("running", Some(0)));
    assert_eq!(home.wire().status().build, "test hub");
    home.stop(hub);
}

fn spools_of_the_dead_are_taken_in_and_removed() {
    let home = Home::new();
    // More than are open at once.
    let dead: Vec<_> = (1..=40).map(|facts| (home.leave_spool(facts), facts)).collect();
    let hub = home.ready();
    // Answered after them: what the dead left comes before anything new.
    let log = {
        let mut wire = home.wire();
        wire.status();
        until("it is durable", || wire.status().events == (1..=40).sum::<u64>());
        wire.log(false, 500)
    };
    for (producer, facts) in &dead {
        assert_eq!(numbers(&log, *producer), (1..=*facts).collect::<Vec<_>>());
    }
    assert!(gaps(&log).is_empty());
    until("the files are gone", || codi2_ipc::spool::waiting(&home.places).unwrap().is_empty());
    // One that appears while the hub runs.
    let elsewhere = Home::new();
    let late = elsewhere.leave_spool(9);
    let from = codi2_ipc::spool::path(&elsewhere.places, late);
    std::fs::rename(from, codi2_ipc::spool::path(&home.places, late)).unwrap();
    until("it is found", || numbers(&home.wire().log(false, 500), late) == (1..=9).collect::<Vec<_>>());
    until("its file is gone", || codi2_ipc::spool::waiting(&home.places).unwrap().is_empty());
    home.stop(hub);
}

fn damage_at_a_spools_start_is_a_gap() {
    let home = Home::new();
    let producer = home.leave_spool(6);
    let path = codi2_ipc::spool::path(&home.places, producer);
    let mut bytes = std::fs::read(&path).unwrap();
    // In the first record's body: 8 bytes of magic, 8 of its head.
    bytes[8 + 8 + 3] ^= 0x40;
    std::fs::write(&path, bytes).unwrap();
    let hub = home.ready();
    let mut wire = home.wire();
    until("it is durable", || wire.status().events == 6);
    let log = wire.log(false, 500);
    assert_eq!(numbers(&log, producer), [1, 2, 3, 4, 5, 6]);
    let gaps = gaps(&log);
    assert_eq!(gaps.iter().map(|gap| (gap.first_seq, gap.last_seq, gap.facts)).collect::<Vec<_>>(), [(1, 1, 1)]);
    assert!(gaps[0].bytes > 0);
    let kept = path.with_extension("damaged");
    until("it is kept aside", || kept.exists() && !path.exists());
    assert!(wire.status().problems.iter().any(|problem| problem.contains("damaged")));
    home.stop(hub);
}

fn the_hooks_spool_is_taken_in_and_its_damage_counted() {
    let home = Home::new();
    for _ in 0..3 {
        codi2_ipc::hooks::keep(
            &home.places,
            &codi2_ipc::hooks::Brought::Hook(hook()),
            codi2_protocol::limits::SPOOL_BYTES,
        )
        .unwrap();
    }
    let path = home.places.spool().join("hooks.spool");
    let mut bytes = std::fs::read(&path).unwrap();
    let at = bytes.len() - 3;
    bytes[at] ^= 0x40;
    std::fs::write(&path, bytes).unwrap();
    let hub = home.ready();
    let mut wire = home.wire();
    until("it is durable", || wire.log(false, 500).len() >= 3);
    let log = wire.log(false, 500);
    let lost: Vec<_> = gaps(&log).iter().map(|gap| (gap.first_seq, gap.facts)).collect();
    assert_eq!(lost, [(0, 1)]);
    assert_eq!(log.len(), 3, "two records and what became of the third");
    let waits = || codi2_ipc::spool::waiting(&home.places).unwrap();
    until("it is kept aside", || waits().iter().all(|(path, _)| path.extension().unwrap() == "damaged"));
    assert_eq!(waits().len(), 1);
    home.stop(hub);
    // The same files once more, as after a hub that died before it removed them: nothing is counted twice.
    let kept = waits()[0].0.clone();
    std::fs::rename(&kept, kept.with_extension("taken")).unwrap();
    let hub = home.ready();
    until("it is taken in", || waits().iter().all(|(path, _)| path.extension().unwrap() == "damaged"));
    assert_eq!(home.wire().log(false, 500).len(), 3);
    home.stop(hub);
}

fn hook() -> codi2_protocol::HookRecord {
    let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    codi2_protocol::HookRecord {
        id: codi2_protocol::EventId::new(),
        // Longer ago than hooks are remembered that come as they happen.
        at_ms: u64::try_from(since.as_millis()).unwrap() - 3 * 24 * 3_600_000,
        phase: codi2_protocol::HookPhase::Before,
        format: "agent-v1".into(),
        actor: None,
        parent_pid: 1,
        parent_start: None,
        call: None,
        pair: None,
        folder: "/nowhere".into(),
        files: Vec::new(),
        found: Vec::new(),
    }
}

fn the_secret_is_private_and_a_damaged_one_is_said() {
    let home = Home::new();
    home.stop(home.ready());
    let path = home.places.state().join("secret");
    let first = std::fs::read(&path).unwrap();
    assert_eq!(first.len(), 32);
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    let hub = home.ready();
    assert_eq!(home.wire().status().problems, [""; 0]);
    home.stop(hub);
    assert_eq!(std::fs::read(&path).unwrap(), first, "the same in every hub");
    std::fs::write(&path, &first[..9]).unwrap();
    let hub = home.ready();
    let problems = home.wire().status().problems;
    assert!(problems.iter().any(|problem| problem.contains("9 bytes instead of 32")), "{problems:?}");
    home.stop(hub);
}

/// A watch waits for its turn with the core; a core that ends must not wait for that watch.
fn a_watch_under_way_holds_up_no_end() {
    let home = Home::new();
    let worktree = home.folder().join("w");
    std::fs::create_dir(&worktree).unwrap();
    (0..400).for_each(|n| std::fs::write(worktree.join(format!("f{n}")), format!("{n}\n")).unwrap());
    for _ in 0..3 {
        let hub = home.ready();
        let mut wire = home.wire();
        wire.send(Some(1), Call::Watch { path: worktree.to_str().unwrap().into(), poll: false });
        wire.send(Some(2), Call::Stop);
        while !matches!(wire.next(), Some(codi2_protocol::HubFrame::Reply { id: 2, reply: Reply::Done })) {}
        assert_eq!(hub.ended(), Some(0));
    }
}
