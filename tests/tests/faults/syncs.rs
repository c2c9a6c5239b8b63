//! The real hub's n-th sync of its store fails: it says so, goes on, and nothing acknowledged is lost.

use std::process::{Command, Stdio};

use codi2_ipc::blocking::Link;
use codi2_tests::{World, count, counted, program, skip, wait_for};

use crate::descriptors::Hub;
use crate::load::{Producer, log, places, runtime, status};

#[test]
fn a_failed_sync_of_the_store_is_said_and_survived() {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let library = folder.path().join("failing_sync.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/faults/failing_sync.c");
    let built =
        Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).args([source, "-ldl"]).status();
    if !built.is_ok_and(|status| status.success()) {
        skip!("failed-sync", "no C compiler to build the library that makes a sync fail");
    }
    let runtime = runtime();
    let (step, mut tried, mut events) = (count(40, 1), 0, 0);
    for nth in (1..=200).step_by(step) {
        let world = World::new(&[]);
        let hub = world
            .command(program())
            .args(["hub", "start", "--foreground"])
            .env("LD_PRELOAD", &library)
            .env("CODI2_TEST_FAIL_SYNC", nth.to_string())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let hub = Hub(hub.expect("codi2 starts"));
        let mut client = Producer::start(&runtime, &world, None);
        // The first syncs are those of making the store: then the hub does not start, and the next one does.
        let connected = wait_for(
            "the hub, or its end",
            || world.explain(),
            || match Link::connect(&places(&world), "faults") {
                Ok(link) => Some(Some(link)),
                Err(_) => std::fs::read_to_string(format!("/proc/{}/stat", hub.0.id()))
                    .map_or(true, |stat| stat.contains(") Z "))
                    .then_some(None),
            },
        );
        match connected {
            Some(mut link) => {
                // Each makes a sync at least.
                let said = (0..=nth).any(|_| {
                    client.report(1);
                    client.settle(&runtime);
                    let problems = status(&mut link).problems;
                    problems.iter().any(|said| said.contains("failed 1 times") && said.contains("check the disk"))
                });
                assert!(said, "sync {nth}: {}", world.explain());
            }
            None => {
                let started = world.codi2(&["hub", "start"]);
                assert_eq!(started.code, 0, "sync {nth}: {}", started.err);
                client.report(5);
                client.settle(&runtime);
            }
        }
        // As after a power cut, nothing of the dying hub's memory helps.
        world.kill_hub();
        drop(hub);
        let log = log(&world);
        client.check(&log);
        tried += 1;
        events += log.len();
    }
    let result = format!("0 of {events} acknowledged events lost, said in words, the hub went on");
    counted("P1", "failed syncs of the real hub, the n-th for n = 1..200", tried, &result);
}
