//! Tests of the hooks' spool: kept, drained once, bounded, torn.

use codi2_protocol::limits::SPOOL_BYTES;
use codi2_protocol::{Actor, ActorKind, EventId, HookPhase, KnownBy, Said};

use super::*;

fn record(n: u64) -> Brought {
    // Hooks and notes share the file.
    if n.is_multiple_of(2) {
        return Brought::Note(note(n));
    }
    Brought::Hook(HookRecord {
        id: EventId::new(),
        at_ms: n,
        phase: HookPhase::After,
        format: "agent-v1".into(),
        actor: None,
        parent_pid: 1,
        parent_start: None,
        call: None,
        pair: None,
        folder: "/work".into(),
        files: vec![format!("/work/{n}")],
        found: Vec::new(),
    })
}

fn note(n: u64) -> NoteRecord {
    let said = Said { action: None, message: format!("note {n}"), by: KnownBy::Told, marks: Vec::new() };
    let actor = Actor::named(ActorKind::Person, "Ada");
    NoteRecord { id: EventId::new(), at_ms: n, actor, said, folder: "/work".into(), file: None }
}

fn places() -> (tempfile::TempDir, Places) {
    let folder = tempfile::tempdir().unwrap();
    let places = Places::at(folder.path().join("state"), folder.path().join("run"));
    (folder, places)
}

fn read_all(hooks: &mut DeadHooks) -> Vec<u64> {
    let mut all = Vec::new();
    loop {
        let batch = hooks.next_batch().unwrap();
        if batch.is_empty() {
            return all;
        }
        all.extend(batch.iter().map(|brought| brought.id().1));
    }
}

#[test]
fn records_wait_until_they_are_durable() {
    let (_folder, places) = places();
    assert_eq!(drain(&places).unwrap().len(), 0);
    for n in 1..=3 {
        keep(&places, &record(n), SPOOL_BYTES).unwrap();
    }
    let mut taken = drain(&places).unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(read_all(&mut taken[0]), [1, 2, 3]);
    assert_eq!(taken[0].lost(), None);
    keep(&places, &record(4), SPOOL_BYTES).unwrap();
    // Not removed: this hub died. The next one gets both, in order.
    let mut taken = drain(&places).unwrap();
    assert_eq!(taken.iter_mut().flat_map(read_all).collect::<Vec<_>>(), [1, 2, 3, 4]);
    for hooks in taken {
        assert_eq!(hooks.remove().unwrap(), None);
    }
    assert_eq!(drain(&places).unwrap().len(), 0);
}

#[test]
fn hooks_at_the_same_time_lose_nothing_while_a_hub_drains() {
    let (_folder, places) = places();
    let (threads, each) = (8u64, 50u64);
    let mut seen = Vec::new();
    std::thread::scope(|scope| {
        let places = &places;
        let writers: Vec<_> = (0..threads)
            .map(|thread| {
                scope.spawn(move || {
                    (0..each).for_each(|n| keep(places, &record(thread * each + n), SPOOL_BYTES).unwrap())
                })
            })
            .collect();
        while writers.iter().any(|writer| !writer.is_finished()) {
            for mut hooks in drain(places).unwrap() {
                seen.extend(read_all(&mut hooks));
                hooks.remove().unwrap();
            }
        }
    });
    for mut hooks in drain(&places).unwrap() {
        seen.extend(read_all(&mut hooks));
    }
    seen.sort_unstable();
    assert_eq!(seen, (0..threads * each).collect::<Vec<_>>());
}

#[test]
fn a_full_spool_loses_the_oldest_and_counts_them() {
    let (_folder, places) = places();
    let total = 60u64;
    for n in 0..total {
        keep(&places, &record(n), 3_000).unwrap();
    }
    let held: u64 = crate::spool::waiting(&places).unwrap().iter().map(|(_, bytes)| bytes).sum();
    assert!(held < 2 * 1_500 + 1_000, "{held}");
    let mut taken = drain(&places).unwrap();
    let kept: Vec<u64> = taken.iter_mut().flat_map(read_all).collect();
    let lost = taken.iter().filter_map(|hooks| hooks.lost()).map(|gap| gap.facts).sum::<u64>();
    assert_eq!(kept, (lost..total).collect::<Vec<_>>(), "the newest stay, the others are counted");
}

#[test]
fn a_cut_record_costs_only_itself() {
    let (_folder, places) = places();
    keep(&places, &record(1), SPOOL_BYTES).unwrap();
    let whole = std::fs::metadata(current(&places)).unwrap().len();
    keep(&places, &record(2), SPOOL_BYTES).unwrap();
    File::options().write(true).open(current(&places)).unwrap().set_len(whole + 5).unwrap();
    let mut taken = drain(&places).unwrap();
    assert_eq!(read_all(&mut taken[0]), [1]);
    assert_eq!(taken[0].damage().torn, 5);
}
