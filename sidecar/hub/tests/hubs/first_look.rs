//! How often a hub's core asks a store elsewhere, which answers slowly: counted, not timed.

use std::path::Path;
use std::sync::Arc;
use std::thread::JoinHandle;

use codi2_hub::{HubFailure, Shared, StoreSpec};
use codi2_protocol::{Call, Reply};
use codi2_store::memory::Memory;
use codi2_store::trips::Trips;

use crate::support::{Home, Wire, until};

/// A store that others may use, too, of which is counted what the core of a hub asks.
type Far = Trips<Memory>;

fn far() -> Arc<Far> {
    Arc::new(Trips::to(Memory::new()).of_thread("codi2-core"))
}

type Hub = JoinHandle<Result<(), HubFailure>>;

fn start(home: &Home, engine: &Arc<Far>) -> Hub {
    let options = codi2_hub::Options {
        places: home.places.clone(),
        store: StoreSpec::Shared(Shared(Arc::<Far>::clone(engine))),
        idle_ms: 600_000,
        watch: codi2_workspace::WatchOptions::default(),
        notes: false,
        build: "test hub".into(),
        remarks: codi2_hub::Remarks::default(),
        tools: Arc::new(codi2_hub::NoTools),
    };
    let hub = std::thread::spawn(move || codi2_hub::run(options));
    until("the hub is there", || std::os::unix::net::UnixStream::connect(home.places.socket()).is_ok());
    hub
}

/// Runs a hub over its first look at a folder; how often its core waited for the store, and how many files there are.
fn look(home: &Home, engine: &Arc<Far>, folder: &Path) -> (usize, u64) {
    let hub = start(home, engine);
    let mut wire = home.wire();
    engine.take();
    // Answered when all files were looked at.
    let answer = wire.call(Call::Watch { path: folder.to_str().unwrap().into(), poll: false });
    let Ok(Reply::Watch(status)) = answer else { panic!("{answer:?}") };
    let trips = engine.take().trips();
    stop(&mut wire, hub);
    (trips, status.files)
}

fn stop(wire: &mut Wire, hub: Hub) {
    assert_eq!(wire.call(Call::Stop), Ok(Reply::Done));
    hub.join().unwrap().unwrap();
}

pub fn a_first_look_asks_a_far_store_by_pages() {
    const FILES: usize = 600;
    // Of each page: files, owners, what explained those later, paths with any owners, each after what is newest.
    const MOST: usize = 16 + 3 * 10;
    let home = Home::new();
    let folder = home.folder().join("w");
    std::fs::create_dir(&folder).unwrap();
    let path = |n: usize| folder.join(format!("file-{n}"));
    let write = |n: usize, more: &str| std::fs::write(path(n), format!("telling line number {n}\n{more}")).unwrap();
    (0..FILES).for_each(|n| write(n, ""));
    let engine = far();
    let (trips, files) = look(&home, &engine, &folder);
    assert_eq!(files, FILES as u64);
    assert!(trips <= MOST, "a look at what nobody has seen: {trips}");
    let (trips, _) = look(&home, &engine, &folder);
    assert!(trips <= MOST, "a look at what is as it was: {trips}");
    (0..FILES / 2).for_each(|n| write(n, "changed while nobody looked\n"));
    let (trips, _) = look(&home, &engine, &folder);
    assert!(trips <= MOST, "a look at what has changed: {trips}");
    (0..FILES / 2).for_each(|n| std::fs::remove_file(path(n)).unwrap());
    let (trips, files) = look(&home, &engine, &folder);
    assert_eq!(files, (FILES / 2) as u64);
    assert!(trips <= MOST + 2 * 10, "a look at what has gone: {trips}");
}

/// What was changed while no hub ran is compared with what git had there before, which nobody has stored.
pub fn what_git_had_before_is_asked_by_pages() {
    const FILES: usize = 600;
    // As above, and once more for what git had.
    const MOST: usize = 16 + 3 * 16;
    let home = Home::new();
    let folder = home.folder().join("w");
    std::fs::create_dir(&folder).unwrap();
    let git = |arguments: &[&str]| {
        let identity = ["-c", "user.name=Ada", "-c", "user.email=ada@example.invalid", "-c", "commit.gpgsign=false"];
        let status = std::process::Command::new("git").current_dir(&folder).args(identity).args(arguments).status();
        assert!(status.unwrap().success(), "{arguments:?}");
    };
    let commit = || {
        git(&["add", "--all"]);
        git(&["commit", "--quiet", "--message", "all"]);
    };
    let write = |files: usize, more: &str| {
        let text = |number: usize| format!("telling line number {number}\n{more}");
        (0..files).for_each(|number| std::fs::write(folder.join(format!("file-{number}")), text(number)).unwrap());
    };
    git(&["init", "--quiet"]);
    write(FILES, "");
    commit();
    let engine = far();
    let (trips, files) = look(&home, &engine, &folder);
    assert_eq!(files, FILES as u64);
    assert!(trips <= MOST, "a look at what is as git has it: {trips}");
    write(FILES / 2, "changed while nobody looked\n");
    let (trips, _) = look(&home, &engine, &folder);
    assert!(trips <= MOST, "of what has changed nothing was stored: {trips}");
    commit();
    write(FILES / 2, "committed while nobody looked\n");
    commit();
    write(FILES / 2, "changed once more\n");
    let (trips, _) = look(&home, &engine, &folder);
    assert!(trips <= MOST, "of what has changed something was stored: {trips}");
}
