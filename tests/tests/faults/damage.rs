//! A flipped bit in the real store: the real hub serves the same log or says that it is damaged, and so does `doctor`.

use std::fs;

use codi2_tests::{World, count, counted};

use crate::load::{Producer, runtime, spec};

#[test]
fn a_flipped_bit_is_named_by_hub_and_doctor_and_never_an_empty_log() {
    let world = World::new(&[]);
    let runtime = runtime();
    let mut client = Producer::start(&runtime, &world, Some(spec(&world)));
    client.report(200);
    client.settle(&runtime);
    drop(client);
    let read = || world.codi2(&["log", "--limit", "0", "--format", "jsonl"]);
    let expected = read();
    assert!(expected.code == 0 && expected.out.lines().count() == 200, "{expected:?}");
    assert_eq!(world.codi2(&["hub", "stop"]).code, 0);
    let store = world.state().join("store/codi2.redb");
    let bytes = fs::read(&store).expect("the store is ours");
    let used: Vec<usize> =
        (0..bytes.len()).filter(|at| bytes[at / 4_096 * 4_096..][..4_096].iter().any(|byte| *byte != 0)).collect();
    let (flips, mut damaged) = (count(16, 300), 0);
    let mut dice = 7_u64;
    for _ in 0..flips {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let (at, bit) = (used[(dice >> 20) as usize % used.len()], dice >> 61);
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << bit;
        fs::write(&store, &flipped).expect("the store is ours");
        let doctor = world.codi2(&["doctor"]);
        let found = read();
        if found.code == 0 {
            assert_eq!(found.out, expected.out, "byte {at}, bit {bit} changed the log");
            assert_eq!(world.codi2(&["hub", "stop"]).code, 0);
            continue;
        }
        damaged += 1;
        assert!(found.out.is_empty() && found.err.contains("is damaged") && found.err.contains("backup"), "{found:?}");
        assert!(doctor.code == 1 && doctor.out.contains("is damaged"), "byte {at}, bit {bit}: {doctor:?}");
    }
    assert!(damaged > 0, "no flip was noticed");
    let result = format!("{damaged} named by hub and doctor, {} without effect, 0 other logs", flips - damaged);
    counted("P9", "bits flipped under the real hub", flips, &result);
}
