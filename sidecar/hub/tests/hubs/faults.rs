//! Stores that fail: at the start, and in the middle.

use std::path::Path;
use std::process::Command;

use codi2_ipc::{ReachError, StartError, blocking::Link};
use codi2_protocol::{Notice, ProducerId};

use crate::support::{Home, STORE, numbers};

/// A file system of its own; unmounted when dropped.
struct Mounted<'a>(&'a Path);

impl<'a> Mounted<'a> {
    fn new(at: &'a Path, options: &str) -> Option<Self> {
        Self::mount(at, options).then_some(Self(at))
    }

    fn mount(at: &Path, options: &str) -> bool {
        let mount = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(at).output();
        mount.is_ok_and(|output| output.status.success())
    }
}

impl Drop for Mounted<'_> {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg("-l").arg(self.0).status();
    }
}

pub fn a_full_disk_loses_nothing_acknowledged() {
    let mut home = Home::new();
    let disk = home.folder().join("disk");
    std::fs::create_dir(&disk).unwrap();
    let Some(_mounted) = Mounted::new(&disk, "size=4m,mode=0700") else {
        return println!("SKIP a_full_disk_ends_the_hub_and_loses_nothing_acknowledged: cannot mount a small tmpfs");
    };
    home.set(STORE, disk.join("store.redb").to_str().unwrap().to_owned());
    let hub = home.ready();
    let producer = ProducerId::new();
    let mut wire = home.producer(producer);
    let (mut durable, mut reason, mut sent) = (0, None, 0);
    while reason.is_none() {
        // One batch more than is acknowledged, so that the failure meets something.
        if sent < durable + 2_000 {
            wire.report(sent + 1..=sent + 500);
            sent += 500;
        }
        match wire.notice() {
            Some(Notice::Durable { seq }) => durable = seq,
            Some(Notice::Ending { reason: why }) => reason = Some(why),
            other => panic!("{other:?} after {durable}; {}", home.said()),
        }
    }
    assert!(durable > 0 && durable < sent);
    let reason = reason.unwrap();
    assert_eq!(hub.ended(), Some(3));
    for said in [reason, home.said()] {
        assert!(said.contains("store.redb cannot be written") && said.contains("is its disk full?"), "{said}");
    }
    let larger = Command::new("mount").args(["-o", "remount,size=256m"]).arg(&disk).status().unwrap();
    assert!(larger.success());
    let hub = home.ready();
    let mut wire = home.producer(producer);
    let known = wire.hub.durable.unwrap();
    assert!(known >= durable, "{known} of {durable} acknowledged");
    wire.report(known + 1..=sent);
    wire.durable(sent);
    assert_eq!(numbers(&home.wire().log(false, 500), producer), (1..=sent).collect::<Vec<_>>());
    home.stop(hub);
}

pub fn a_damaged_store_refuses_the_start() {
    let home = Home::new();
    let hub = home.ready();
    let mut wire = home.producer(ProducerId::new());
    wire.report(1..=300);
    wire.durable(300);
    home.stop(hub);
    let whole = std::fs::read(home.store()).unwrap();
    let mut damaged = whole.clone();
    damaged.iter_mut().skip(4_096).step_by(64).for_each(|byte| *byte ^= 0x55);
    std::fs::write(home.store(), &damaged).unwrap();
    match Link::connect_or_start(&home.places, &home.spec(), "test") {
        Err(ReachError::Start(StartError::Failed { reason })) => {
            assert!(reason.contains("damaged") && reason.contains("store.redb"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(std::fs::read(home.store()).unwrap().len(), damaged.len(), "never made anew");
    // Nothing was left behind that would keep a hub over a mended store from starting.
    std::fs::write(home.store(), whole).unwrap();
    home.stop(home.ready());
}
