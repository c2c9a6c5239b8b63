//! The world on real folders, and on stores that are away.

use std::process::Command;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use codi2_store::engine::Body;
use codi2_store::memory::Memory;
use codi2_store::{Committed, Engine, Subspace};

use super::*;
use crate::rows::{Row, disk_key};

fn world(options: WatchOptions) -> World {
    let store = Arc::new(Store::memory().unwrap());
    World::new(store, HostId::new(), options, Arc::new(|_, _| {}), Arc::new(|_, _| {}))
}

fn git_init(at: &Path) {
    std::fs::create_dir_all(at).unwrap();
    assert!(Command::new("git").args(["init", "-q"]).arg(at).status().unwrap().success());
}

#[test]
fn a_row_that_cannot_be_read_is_counted_and_said() {
    let store = Arc::new(Store::memory().unwrap());
    let (digest, repository) = (Digest::new([1; 32]), RepositoryId::new());
    let file = FileId { worktree: WorktreeId { repository, name: String::new() }, path: "a".into() };
    let host = HostId::new();
    let damaged = codi2_store::Row::set(Subspace::Disk, &disk_key(host, &file), &7).unwrap();
    store.write(&[damaged]).unwrap();
    let world = World::new(store, host, WatchOptions::default(), Arc::new(|_, _| {}), Arc::new(|_, _| {}));
    assert_eq!(world.stored_owners(&[repository], "a", digest), None);
    assert_eq!(world.failed_reads().0, 0, "absent is no failure");
    assert_eq!(world.disk_row(&file), None);
    assert_eq!(world.disk_texts(&file.worktree), Vec::new());
    let (count, words) = world.failed_reads();
    assert!(count == 2 && words.contains("damaged") && words.contains("backup"), "{count}: {words}");
}

/// A cluster in memory, which can be away, and counts how often it was asked then.
#[derive(Default)]
pub struct Cluster {
    memory: Memory,
    pub is_away: AtomicBool,
    pub asked: AtomicUsize,
}

impl Engine for Cluster {
    fn transact(&self, body: &mut Body<'_>) -> Result<Committed, StoreError> {
        if !self.is_away.load(Ordering::SeqCst) {
            return self.memory.transact(body);
        }
        self.asked.fetch_add(1, Ordering::SeqCst);
        Err(StoreError::Away { place: "test".into(), detail: "no answer".into(), remedy: "wait".into() })
    }

    codi2_store::passes_on!(memory);

    fn exclusive(&self) -> bool {
        false
    }
}

#[test]
fn a_hub_that_ends_while_the_store_is_away_waits_for_no_read_and_believes_none() {
    let cluster = Arc::new(Cluster::default());
    let store = Arc::new(Store::on(Arc::<Cluster>::clone(&cluster)).unwrap());
    let world = World::new(
        Arc::clone(&store),
        HostId::new(),
        WatchOptions::default(),
        Arc::new(|_, _| {}),
        Arc::new(|_, _| {}),
    );
    cluster.is_away.store(true, Ordering::SeqCst);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while cluster.asked.load(Ordering::SeqCst) < 2 {
                std::thread::yield_now();
            }
            store.end_waits();
        });
        assert!(world.given_up().is_none());
        assert_eq!(world.sessions(), []);
    });
    assert!(world.given_up().is_some());
    let asked = cluster.asked.load(Ordering::SeqCst);
    (0..100).for_each(|_| assert_eq!(world.upgrade(EventId::new()), None));
    assert_eq!(cluster.asked.load(Ordering::SeqCst), asked, "each would take the store's timeout");
    // Nor does it believe again what it judges while the store is back.
    cluster.is_away.store(false, Ordering::SeqCst);
    assert_eq!(world.sessions(), []);
    assert!(world.given_up().is_some());
}

#[test]
fn what_lies_on_a_disk_is_of_its_machine() {
    let store = Arc::new(Store::on(Arc::new(codi2_store::memory::Memory::shared())).unwrap());
    let worktree = WorktreeId { repository: RepositoryId::new(), name: "main".into() };
    let file = FileId { worktree: worktree.clone(), path: "a".into() };
    let hosts = [HostId::new(), HostId::new()];
    let row = |size| DiskRow { bytes: Digest::new([1; 32]), text: Digest::new([1; 32]), size, lines: Vec::new() };
    let rows = [
        Row::Disk(hosts[0], file.clone(), Some(row(1))),
        Row::Disk(hosts[1], file.clone(), Some(row(2))),
        Row::Worktree(hosts[0], worktree.clone(), "/there".into()),
    ];
    store.write(&rows.iter().map(|row| row.stored().unwrap()).collect::<Vec<_>>()).unwrap();
    let worlds = hosts.map(|host| {
        World::new(Arc::clone(&store), host, WatchOptions::default(), Arc::new(|_, _| {}), Arc::new(|_, _| {}))
    });
    let sizes = worlds.each_ref().map(|world| world.disk_row(&file).map(|row| row.size));
    assert_eq!(sizes, [Some(1), Some(2)]);
    assert_eq!(worlds.each_ref().map(|world| world.watched_before(&worktree)), [true, false]);
    assert_eq!(worlds.each_ref().map(|world| world.disk_texts(&worktree).len()), [1, 1]);
    store.write(&[Row::Disk(hosts[1], file.clone(), None).stored().unwrap()]).unwrap();
    let sizes = worlds.each_ref().map(|world| world.disk_row(&file).map(|row| row.size));
    assert_eq!(sizes, [Some(1), None]);
}

#[test]
fn a_worktree_with_a_secret_in_its_path_is_not_watched_and_files_are_private_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let options = WatchOptions { secret: |path| path.contains("s3cret"), ..WatchOptions::default() };
    let mut world = world(options);
    git_init(&root.join("s3cret"));
    git_init(&root.join("plain"));
    let refused = world.watch(&root.join("s3cret"), false).unwrap_err();
    assert!(refused.contains("rename it") && !refused.contains("s3cret"), "{refused}");
    let worktree = world.watch(&root.join("plain"), false).unwrap().worktree;
    for (path, is) in [("a.rs", false), (".env", true), ("keys/Server.PEM", true), ("s3cret.md", true)] {
        assert_eq!(world.is_private(&FileId { worktree: worktree.clone(), path: path.into() }), is, "{path}");
    }
}

#[test]
fn a_repository_made_again_at_the_same_place_is_another_one() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap().join("w");
    let below = root.join("below");
    let mut world = world(WatchOptions::default());
    git_init(&root);
    std::fs::create_dir(&below).unwrap();
    let first = world.watch(&below, false).unwrap();
    assert_eq!(world.watch(&below, false).unwrap(), first);
    assert_eq!(world.watch(&root, false).unwrap(), first);
    std::fs::remove_dir_all(&root).unwrap();
    world.watch(&below, false).unwrap_err();
    git_init(&root);
    std::fs::create_dir(&below).unwrap();
    let second = world.watch(&below, false).unwrap();
    assert_ne!(second.worktree, first.worktree);
    assert_eq!(world.locate(&below.join("f")).unwrap().worktree, second.worktree);
    assert_eq!(world.watches.len(), 1);
    // Only git's folder goes and comes: the watch of before looks at a repository that is gone.
    std::fs::remove_dir_all(root.join(".git")).unwrap();
    git_init(&root);
    let third = world.watch(&root, false).unwrap();
    assert_ne!(third.worktree, second.worktree);
    assert_eq!(world.watches.len(), 1, "the second was asked for by another folder, and ends all the same");
    assert_eq!(world.locate(&root.join("f")).unwrap().worktree, third.worktree);
}

#[test]
fn a_repository_that_moved_is_watched_where_it_is() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().canonicalize().unwrap();
    let mut world = world(WatchOptions::default());
    git_init(&folder.join("here"));
    let here = world.watch(&folder.join("here"), false).unwrap();
    std::fs::rename(folder.join("here"), folder.join("there")).unwrap();
    let there = world.watch(&folder.join("there"), false).unwrap();
    assert_eq!((there.worktree, there.root), (here.worktree, folder.join("there")));
    assert_eq!(world.watches.len(), 1);
}

#[test]
fn who_works_in_a_worktree_is_learnt_when_git_says_another() {
    let folder = tempfile::tempdir().unwrap();
    git_init(folder.path());
    let set = |name: &str| {
        let mut git = std::process::Command::new("git");
        let done = git.arg("-C").arg(folder.path()).args(["config", "user.name", name]).status().unwrap();
        assert!(done.success());
    };
    set("Ada");
    let mut world = world(WatchOptions::default());
    let watched = world.watch(folder.path(), false).unwrap();
    let mut name = || world.person(&watched.worktree).map(|(person, _)| person[..3].to_owned());
    assert_eq!(name().as_deref(), Some("Ada"));
    set("Bob");
    assert_eq!(name().as_deref(), Some("Bob"));
    assert_eq!(name().as_deref(), Some("Bob"));
}
