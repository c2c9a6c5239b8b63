//! Pairs of hooks, in order and out of it.

use codi2_protocol::Actor;
use codi2_protocol::HookPhase::{After, Before};

use super::*;
use crate::fixtures::{agent, digest, file, record, worktree};

fn at(number: u8) -> Reading {
    Reading::Content(digest(number))
}

fn on(calls: &mut Calls, record: &HookRecord, readings: &[(&str, Reading)]) -> Vec<Effect> {
    let files: Vec<(FileId, Reading)> = readings.iter().map(|(path, reading)| (file(path), *reading)).collect();
    let worktree = worktree();
    calls.on(
        Hook { record, files: &files, said: &[], worktree: Some(&worktree), at: Moment::earliest(record.at_ms) },
        record.at_ms,
    )
}

/// `(name, since, until, before, after)` of a finished call.
type Told = (Option<String>, Option<u64>, u64, Reading, Reading);

fn finished(calls: &Calls, path: &str) -> Vec<Told> {
    let intents = calls.intents(&file(path)).into_iter();
    intents.map(|i| (i.actor.map(|actor| actor.name), i.since.map(|at| at.ms), i.until.ms, i.before, i.after)).collect()
}

fn open(calls: &Calls, path: &str) -> Vec<u32> {
    calls.open_on(&file(path)).iter().map(|call| call.pid).collect()
}

#[test]
fn before_and_after_meet_by_path_and_process() {
    let mut calls = Calls::default();
    let opened = on(&mut calls, &record(Before, None, 7, 10, &["a"]), &[("a", at(1))]);
    assert!(matches!(&opened[..], [Effect::Opened { call, files }] if call.names_path && files == &[file("a")]));
    assert_eq!((open(&calls, "a"), open(&calls, "b")), (vec![7], vec![]));
    assert_eq!(calls.open_on(&file("a"))[0].actor, None, "an agent-v1 hook before names nobody");

    // Another process on the same path, and the same process on another path, are other calls.
    on(&mut calls, &record(After, Some("other"), 8, 20, &["a"]), &[("a", at(9))]);
    on(&mut calls, &record(After, Some("claude"), 7, 20, &["b"]), &[("b", at(9))]);
    assert_eq!(open(&calls, "a"), [7]);
    assert_eq!(finished(&calls, "a"), [(Some("other".to_owned()), None, 20, Reading::NotRead, at(9))]);

    let ended = on(&mut calls, &record(After, Some("claude"), 7, 30, &["a"]), &[("a", at(2))]);
    assert!(matches!(&ended[..], [Effect::Finished { file: Some(path), .. }] if *path == file("a")));
    assert!(open(&calls, "a").is_empty());
    assert_eq!(finished(&calls, "a")[1], (Some("claude".to_owned()), Some(10), 30, at(1), at(2)));
}

#[test]
fn a_pid_used_again_never_pairs() {
    let mut calls = Calls::default();
    on(&mut calls, &record(Before, None, 7, 10, &["a"]), &[("a", at(1))]);
    let mut reused = record(After, Some("claude"), 7, 30, &["a"]);
    reused.parent_start = Some(1);
    on(&mut calls, &reused, &[("a", at(2))]);
    assert_eq!(finished(&calls, "a")[0].3, Reading::NotRead);
    // Where a start could not be read, the pid must do.
    let mut unread = record(After, Some("claude"), 7, 40, &["a"]);
    unread.parent_start = None;
    on(&mut calls, &unread, &[("a", at(3))]);
    assert_eq!(finished(&calls, "a")[1].3, at(1));
}

#[test]
fn a_call_id_pairs_across_processes_and_keeps_calls_of_one_process_apart() {
    let mut calls = Calls::default();
    let with = |mut record: HookRecord, id: &str| {
        record.call = Some(id.to_owned());
        record
    };
    on(&mut calls, &with(record(Before, None, 7, 10, &["a"]), "x"), &[("a", at(1))]);
    on(&mut calls, &with(record(Before, None, 7, 11, &["a"]), "y"), &[("a", at(2))]);
    assert_eq!(open(&calls, "a").len(), 2);
    on(&mut calls, &with(record(After, Some("claude"), 8, 20, &["a"]), "x"), &[("a", at(3))]);
    assert_eq!(finished(&calls, "a")[0].3, at(1));
    on(&mut calls, &with(record(After, Some("claude"), 9, 21, &["a"]), "y"), &[("a", at(4))]);
    assert_eq!(finished(&calls, "a")[1].3, at(2));
}

#[test]
fn two_agents_overlap_on_one_path() {
    let mut calls = Calls::default();
    on(&mut calls, &record(Before, None, 7, 10, &["a"]), &[("a", at(1))]);
    on(&mut calls, &record(Before, None, 8, 11, &["a"]), &[("a", at(1))]);
    assert_eq!(open(&calls, "a"), [7, 8]);
    on(&mut calls, &record(After, Some("one"), 7, 20, &["a"]), &[("a", at(2))]);
    on(&mut calls, &record(After, Some("two"), 8, 30, &["a"]), &[("a", at(3))]);
    let pairs: Vec<_> =
        finished(&calls, "a").into_iter().map(|(name, _, _, before, after)| (name, before, after)).collect();
    assert_eq!(pairs, [(Some("one".to_owned()), at(1), at(2)), (Some("two".to_owned()), at(1), at(3))]);
}

#[test]
fn one_hook_after_ends_several_files_and_several_calls() {
    let mut calls = Calls::default();
    on(&mut calls, &record(Before, None, 7, 10, &["a", "b", "c"]), &[("a", at(1)), ("b", at(1)), ("c", at(1))]);
    on(&mut calls, &record(Before, None, 7, 11, &["d"]), &[("d", Reading::Absent)]);
    on(&mut calls, &record(After, Some("x"), 7, 20, &["a", "b", "d"]), &[("a", at(2)), ("b", at(2)), ("d", at(2))]);
    assert_eq!(finished(&calls, "d")[0].3, Reading::Absent);
    assert!(open(&calls, "c").is_empty(), "announced and then not touched");
    let numbers: Vec<u64> = ["a", "b", "d"].iter().map(|path| calls.intents(&file(path))[0].call).collect();
    assert_eq!(numbers[0], numbers[1]);
    assert_ne!(numbers[0], numbers[2]);
}

#[test]
fn a_call_that_was_refused_makes_way_for_the_next() {
    let mut calls = Calls::default();
    on(&mut calls, &record(Before, None, 7, 10, &["a", "b"]), &[("a", at(1)), ("b", at(1))]);
    let again = on(&mut calls, &record(Before, None, 7, 20, &["a"]), &[("a", at(2))]);
    assert!(matches!(&again[..], [Effect::Opened { .. }]), "the first still holds b: {again:?}");
    assert_eq!((open(&calls, "a").len(), open(&calls, "b").len()), (1, 1));
    let again = on(&mut calls, &record(Before, None, 7, 30, &["b"]), &[("b", at(3))]);
    assert!(matches!(&again[..], [Effect::Dropped { .. }, Effect::Opened { .. }]), "{again:?}");
    on(&mut calls, &record(After, Some("x"), 7, 40, &["a"]), &[("a", at(4))]);
    assert_eq!(finished(&calls, "a")[0].3, at(2));
}

#[test]
fn a_hook_before_out_of_a_spool_completes_its_call_without_its_bytes() {
    let mut calls = Calls::default();
    on(&mut calls, &record(After, Some("x"), 7, 50, &["a"]), &[("a", at(2))]);
    let late = on(&mut calls, &record(Before, None, 7, 40, &["a"]), &[("a", at(2))]);
    assert!(
        matches!(&late[..], [Effect::Finished { intent, .. }] if intent.since == Some(Moment::earliest(40))),
        "{late:?}"
    );
    assert_eq!(finished(&calls, "a"), [(Some("x".to_owned()), Some(40), 50, Reading::NotRead, at(2))]);
    assert!(open(&calls, "a").is_empty());
    // A later call is a new one.
    on(&mut calls, &record(Before, None, 7, 60, &["a"]), &[("a", at(2))]);
    assert_eq!(open(&calls, "a"), [7]);
}

#[test]
fn a_call_that_names_no_files_covers_its_worktree() {
    let mut calls = Calls::default();
    on(&mut calls, &record(Before, Some("x"), 7, 10, &[]), &[]);
    assert_eq!((open(&calls, "a"), open(&calls, "deep/b")), (vec![7], vec![7]));
    assert!(!calls.open_on(&file("a"))[0].names_path);
    let mut elsewhere = file("a");
    elsewhere.worktree.name = "linked".to_owned();
    assert!(calls.open_on(&elsewhere).is_empty());
    on(&mut calls, &record(After, Some("x"), 7, 20, &[]), &[]);
    assert!(open(&calls, "a").is_empty());
    let told = (Some("x".to_owned()), Some(10), 20, Reading::NotRead, Reading::NotRead);
    assert_eq!((finished(&calls, "a"), finished(&calls, "b")), (vec![told.clone()], vec![told]));
    assert!(calls.intents(&elsewhere).is_empty());
    // The hook after may know what the hook before did not.
    on(&mut calls, &record(Before, Some("x"), 7, 30, &[]), &[]);
    on(&mut calls, &record(After, Some("x"), 7, 40, &["a"]), &[("a", at(2))]);
    assert_eq!(finished(&calls, "a")[0].1, Some(30));
    assert!(open(&calls, "a").is_empty());
    // Out of a spool, the wrong way round.
    on(&mut calls, &record(After, Some("x"), 9, 60, &[]), &[]);
    on(&mut calls, &record(Before, Some("x"), 9, 50, &[]), &[]);
    assert!(open(&calls, "a").is_empty());
}

#[test]
fn everything_ends() {
    let mut calls = Calls::default();
    assert_eq!(calls.deadline(), None);
    on(&mut calls, &record(Before, None, 7, 10, &["a"]), &[("a", at(1))]);
    assert_eq!(calls.deadline(), Some(10 + CALL_MS));
    on(&mut calls, &record(After, Some("y"), 8, 20, &["a"]), &[("a", at(1))]);
    assert_eq!(calls.deadline(), Some(20 + FINISHED_MS));
    assert!(calls.expire(19 + FINISHED_MS).is_empty());
    assert_eq!(finished(&calls, "a").len(), 1);
    calls.expire(20 + FINISHED_MS);
    assert!(finished(&calls, "a").is_empty());
    assert!(matches!(calls.expire(10 + CALL_MS)[..], [Effect::Dropped { .. }]));
    assert!(open(&calls, "a").is_empty() && calls.deadline().is_none());
}

#[test]
fn nothing_grows_without_end() {
    let mut calls = Calls::default();
    for number in 0..FINISHED_PER_FILE as u32 + 5 {
        on(&mut calls, &record(After, Some("x"), number, u64::from(number), &["a"]), &[("a", at(1))]);
    }
    let kept = finished(&calls, "a");
    assert_eq!((kept.len(), kept[0].2), (FINISHED_PER_FILE, 5));
    for number in 0..OPEN_CALLS as u32 + 5 {
        on(&mut calls, &record(Before, None, 10_000 + number, 200, &["b"]), &[("b", at(1))]);
    }
    assert_eq!(calls.open_on(&file("b")).len(), OPEN_CALLS);
}

#[test]
fn the_name_of_the_hook_before_is_kept() {
    let mut calls = Calls::default();
    on(&mut calls, &record(Before, Some("x"), 7, 10, &["a"]), &[("a", at(1))]);
    assert_eq!(calls.open_on(&file("a"))[0].actor, Some(agent("x")));
    on(&mut calls, &record(After, None, 7, 20, &["a"]), &[("a", at(2))]);
    assert_eq!(finished(&calls, "a")[0].0.as_deref(), Some("x"));
}

#[test]
fn calls_on_ever_new_files_stay_bounded_and_the_newest_stay() {
    let mut calls = Calls::default();
    for n in 0..5 * FINISHED_IN_ALL as u64 {
        let path = format!("f{n}");
        on(&mut calls, &record(After, Some("claude"), 7, 1, &[&path]), &[(&path, at(1))]);
        assert!(calls.finished <= FINISHED_IN_ALL);
        assert_eq!(calls.finished, calls.files.values().map(VecDeque::len).sum::<usize>());
        assert_eq!(finished(&calls, &path).len(), 1);
    }
}

#[test]
fn a_clock_set_back_keeps_no_call_for_longer() {
    let mut calls = Calls::default();
    let day = 86_400_000;
    on(&mut calls, &record(Before, None, 7, day, &["a"]), &[("a", at(1))]);
    on(&mut calls, &record(After, Some("claude"), 8, day, &["b"]), &[("b", at(1))]);
    calls.expire(10);
    assert_eq!(calls.deadline(), Some(10 + FINISHED_MS));
    assert_eq!(calls.expire(10 + CALL_MS).len(), 1);
    assert_eq!(calls.deadline(), None);
}

fn with_id(mut record: HookRecord, id: &str) -> HookRecord {
    record.call = Some(id.to_owned());
    record
}

fn with_pair(mut record: HookRecord, pair: &str) -> HookRecord {
    record.pair = Some(pair.to_owned());
    record
}

fn in_session(mut record: HookRecord, session: &str) -> HookRecord {
    record.actor = Some(Actor { session: Some(session.to_owned()), ..agent("claude") });
    record
}

fn refused(pid: u32, at_ms: u64, files: &[&str]) -> HookRecord {
    HookRecord { phase: codi2_protocol::HookPhase::Refused, ..record(Before, Some("claude"), pid, at_ms, files) }
}

/// Hooks of a person and of a repository are both called, each by a process of its own.
#[test]
fn a_call_told_of_twice_is_one_call() {
    for files in [&["a"][..], &[]] {
        let mut calls = Calls::default();
        let readings: Vec<(&str, Reading)> = files.iter().map(|file| (*file, at(1))).collect();
        let told = |calls: &mut Calls, phase, pid, at_ms| {
            let record = with_id(record(phase, Some("claude"), pid, at_ms, files), "x");
            on(calls, &record, &readings).len()
        };
        let told: Vec<usize> = [(Before, 7, 10), (Before, 8, 11), (After, 7, 20), (After, 8, 21), (Before, 9, 12)]
            .into_iter()
            .map(|(phase, pid, at_ms)| told(&mut calls, phase, pid, at_ms))
            .collect();
        assert_eq!(told, [1, 0, 1, 0, 0], "{files:?}");
        assert!(open(&calls, "a").is_empty());
        assert_eq!(finished(&calls, "a").len(), 1);
        // Another call on the same file is another one.
        let next = with_id(record(Before, Some("claude"), 7, 30, files), "y");
        assert_eq!(on(&mut calls, &next, &readings).len(), 1);
        assert_eq!(open(&calls, "a"), [7]);
    }
}

#[test]
fn calls_that_only_share_what_pairs_them_may_be_several() {
    let mut calls = Calls::default();
    for at_ms in [10, 11] {
        on(&mut calls, &with_pair(record(Before, None, 7, at_ms, &["a"]), "s/edit"), &[("a", at(1))]);
    }
    assert_eq!(open(&calls, "a").len(), 2);
    for (at_ms, left) in [(20, 1), (21, 0)] {
        on(&mut calls, &with_pair(record(After, Some("x"), 8, at_ms, &["a"]), "s/edit"), &[("a", at(2))]);
        assert_eq!(open(&calls, "a").len(), left);
    }
    assert_eq!(finished(&calls, "a").len(), 2);
}

#[test]
fn a_refused_call_is_open_no_more() {
    let mut calls = Calls::default();
    on(&mut calls, &with_id(record(Before, Some("claude"), 7, 10, &["a"]), "x"), &[("a", at(1))]);
    on(&mut calls, &with_id(record(Before, Some("claude"), 7, 11, &["a"]), "y"), &[("a", at(1))]);
    let told = on(&mut calls, &with_id(refused(8, 20, &["a"]), "x"), &[("a", at(1))]);
    assert!(matches!(&told[..], [Effect::Dropped { files, .. }] if *files == [file("a")]), "{told:?}");
    assert_eq!(calls.open_on(&file("a")).len(), 1);
    assert!(finished(&calls, "a").is_empty(), "it did nothing");
    assert!(on(&mut calls, &with_id(refused(8, 21, &["a"]), "x"), &[]).is_empty(), "told of twice");
}

#[test]
fn a_turn_that_is_over_ends_its_sessions_calls_and_no_others() {
    let mut calls = Calls::default();
    for (pid, session) in [(1, "s1"), (2, "s1"), (3, "s2"), (4, "agent-of-s1")] {
        on(&mut calls, &in_session(record(Before, None, pid, 10, &["a"]), session), &[("a", at(1))]);
    }
    on(&mut calls, &record(Before, None, 5, 10, &["a"]), &[("a", at(1))]);
    assert_eq!(on(&mut calls, &in_session(refused(9, 20, &[]), "s1"), &[]).len(), 2);
    assert_eq!(open(&calls, "a"), [3, 4, 5]);
    // Whose turn it is must be known.
    assert!(on(&mut calls, &refused(9, 21, &[]), &[]).is_empty());
    assert_eq!(open(&calls, "a").len(), 3);
}
