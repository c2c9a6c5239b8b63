//! A full disk under the hub's state folder: nothing acknowledged is lost, what is reported waits at its client, the
//! words are clear, and the hub goes on by itself when there is room. On a small tmpfs, so as root.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use codi2_ipc::Flushed;
use codi2_ipc::blocking::Link;
use codi2_tests::{World, count, counted, skip, wait_for};

use crate::load::{Producer, log, places, runtime, spec, status};

/// A world whose state folder is a small disk of its own.
struct SmallDisk {
    world: World,
}

impl SmallDisk {
    /// None where nothing may be mounted here.
    fn mount(megabytes: usize) -> Option<Self> {
        let world = World::new(&[]);
        let options = format!("size={megabytes}m,mode=0700");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "codi2-test"]).arg(world.state()).output();
        mounted.is_ok_and(|output| output.status.success()).then_some(Self { world })
    }

    fn filler(&self) -> PathBuf {
        self.world.state().join("filler")
    }

    /// Takes all the room there is.
    fn fill(&self) {
        let filler = fs::File::options().create(true).append(true).open(self.filler()).expect("room for a name");
        let mut length = filler.metadata().expect("our own file").len();
        let mut step = 1 << 20;
        while step >= 4_096 {
            use rustix::fs::{FallocateFlags, fallocate};
            match fallocate(&filler, FallocateFlags::empty(), length, step) {
                Ok(()) => length += step,
                Err(_) => step /= 2,
            }
        }
    }

    fn free(&self) {
        fs::remove_file(self.filler()).expect("our own file");
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        if self.world.hub_pid().is_some() {
            self.world.kill_hub();
        }
        let _ = Command::new("umount").args(["--lazy"]).arg(self.world.state()).status();
    }
}

#[test]
fn a_full_disk_loses_nothing_and_is_said_and_survived() {
    let Some(disk) = SmallDisk::mount(64) else {
        skip!("full-disk", "a tmpfs cannot be mounted here (needs root)");
    };
    let world = &disk.world;
    let runtime = runtime();
    let mut clients: Vec<Producer> = (0..2).map(|_| Producer::start(&runtime, world, Some(spec(world)))).collect();
    clients.iter_mut().for_each(|client| client.report(50));
    clients.iter().for_each(|client| client.settle(&runtime));
    let hub = world.hub_pid();
    let mut link = Link::connect(&places(world), "faults").expect("the hub runs");
    let rounds = count(5, 50);
    for round in 0..rounds {
        disk.fill();
        // Free pages of the store take some; then there is no room.
        wait_for(
            "the hub to say that the disk is full",
            || format!("round {round}: {}", world.explain()),
            || {
                clients.iter_mut().for_each(|client| client.report(20));
                let problems = status(&mut link).problems;
                problems.iter().any(|problem| problem.contains("is full: free some space")).then_some(())
            },
        );
        if round == 0 {
            let said = world.codi2(&["status"]);
            assert!(said.code == 0 && said.out.contains("is full: free some space"), "{said:?}");
            let said = world.codi2(&["doctor"]);
            assert!(said.out.contains("is full") && said.out.contains("\tfree some space"), "{said:?}");
            // More than the writer takes: the core waits for it, and still the hub says how it is.
            clients.iter_mut().for_each(|client| client.report(3_000));
            let problems = status(&mut link).problems;
            assert!(problems.iter().any(|problem| problem.contains("is full: free some space")), "{problems:?}");
            // The log can be read meanwhile.
            assert!(!log(world).is_empty());
        }
        let waiting: u64 = clients.iter().map(|client| client.client.status().pending).sum();
        assert!(waiting > 0, "something was acknowledged without room for it");
        disk.free();
        clients.iter().for_each(|client| client.settle(&runtime));
        wait_for(
            "the hub to say that it goes on",
            || world.explain(),
            || status(&mut link).problems.is_empty().then_some(()),
        );
    }
    assert_eq!(world.hub_pid(), hub, "the same hub went on");
    let log = log(world);
    clients.iter().for_each(|client| client.check(&log));
    let result = format!("0 of {} events lost, none twice; said in words, went on by itself", log.len());
    counted("P6", "disk filled and freed under the hub, 2 clients", rounds, &result);
}

#[test]
fn a_spool_on_a_full_disk_keeps_what_it_can_in_memory_and_writes_it_when_there_is_room() {
    let Some(disk) = SmallDisk::mount(64) else {
        skip!("full-disk-spool", "a tmpfs cannot be mounted here (needs root)");
    };
    let world = &disk.world;
    let runtime = runtime();
    let rounds = count(2, 10);
    let mut client = Producer::start(&runtime, world, None);
    for _ in 0..rounds {
        client.report(100);
        assert!(matches!(runtime.block_on(client.client.flush(Duration::ZERO)), Flushed::Spooled { .. }));
        disk.fill();
        client.report(2_000);
        let failed = runtime.block_on(client.client.flush(Duration::ZERO));
        assert!(matches!(failed, Flushed::Failed { .. }), "{failed:?}");
        disk.free();
        wait_for(
            "the spool to be whole",
            || format!("{:?}", client.client.status()),
            || matches!(runtime.block_on(client.client.flush(Duration::ZERO)), Flushed::Spooled { .. }).then_some(()),
        );
    }
    let started = world.codi2(&["hub", "start"]);
    assert_eq!(started.code, 0, "{}", started.err);
    client.settle(&runtime);
    let log = log(world);
    client.check(&log);
    counted("P6", "disk filled and freed under a spool, hub away", rounds, &format!("0 of {} facts lost", log.len()));
}

#[test]
fn a_hub_that_cannot_start_for_want_of_room_says_so_and_starts_when_there_is() {
    let Some(disk) = SmallDisk::mount(4) else {
        skip!("full-disk-start", "a tmpfs cannot be mounted here (needs root)");
    };
    let world = &disk.world;
    disk.fill();
    let refused = world.codi2(&["hub", "start"]);
    let words = refused.err.to_lowercase();
    assert!(refused.code != 0 && (words.contains("full") || words.contains("no space")), "{refused:?}");
    let said = world.codi2(&["doctor"]);
    assert!(said.out.contains("full") && said.out.contains("free some space"), "{said:?}");
    disk.free();
    let started = world.codi2(&["hub", "start"]);
    assert_eq!(started.code, 0, "{}", started.err);
}
