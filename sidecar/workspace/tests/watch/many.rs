//! Many watches in one process: they share one watcher, and each hears of its own worktree.

#[cfg(target_os = "linux")]
use std::{fs, fs::OpenOptions, io::Write, path::PathBuf};

use codi2_workspace::WatchOptions;

#[cfg(target_os = "linux")]
use super::watched;
use super::watching::Watching;
use super::{repository, summary};

/// The inotify instances of this process: of the few that a user has.
#[cfg(target_os = "linux")]
fn instances() -> usize {
    let files = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    files.filter(|file| std::fs::read_link(file.path()).is_ok_and(|to| to.ends_with("anon_inode:inotify"))).count()
}

#[cfg(target_os = "linux")]
#[test]
fn one_inotify_instance_serves_all_watches() {
    let (_keep, main) = repository("standard; git worktree add -q ../linked topic");
    let other = repository("standard");
    let linked = main.parent().unwrap().join("linked");
    let [main, linked, other] = [&main, &linked, &other.1].map(|root| Watching::start(root, WatchOptions::default()));
    assert_eq!(instances(), 1);
    for watching in [&main, &linked, &other] {
        let told = watching.after(|| watching.write("own.txt", "own\n"));
        assert_eq!(summary(&told), ["own.txt"]);
    }
    drop(main);
    let told = linked.after(|| linked.write("late.txt", "late\n"));
    assert_eq!((summary(&told), instances()), (vec!["late.txt".to_owned()], 1));
    let told = other.after(|| other.write("sub/late.txt", "late\n"));
    assert_eq!(summary(&told), ["sub/late.txt"]);
}

/// A thread of this process that reads the kernel's events: what the system says of it.
#[cfg(target_os = "linux")]
struct Reader(PathBuf);

#[cfg(target_os = "linux")]
impl Reader {
    /// Waits for it: a thread gives itself its name when it begins.
    fn find() -> Self {
        let is_it = |thread: &PathBuf| fs::read_to_string(thread.join("comm")).is_ok_and(|name| name == "codi2-feed\n");
        loop {
            let mut threads = fs::read_dir("/proc/self/task").unwrap().flatten().map(|thread| thread.path());
            if let Some(found) = threads.find(is_it) {
                return Self(found);
            }
            std::thread::yield_now();
        }
    }

    fn status(&self, what: &str) -> String {
        let text = fs::read_to_string(self.0.join("status")).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(what)).expect("the system says so");
        line.trim().to_owned()
    }

    /// How often it began to wait.
    fn waits(&self) -> u64 {
        self.status("voluntary_ctxt_switches:").parse().unwrap()
    }

    fn until_it_waits(&self) {
        while !self.status("State:").starts_with('S') {
            std::thread::yield_now();
        }
    }
}

/// A thread that is woken takes the processor from git. Counted is how often, where each change comes when it has done
/// with the one before.
#[cfg(target_os = "linux")]
#[test]
fn while_git_is_at_work_its_events_are_read_together() {
    const CHANGES: u64 = 200;
    let (_keep, watching) = watched("standard", WatchOptions::default());
    let reader = Reader::find();
    watching.write(".git/index.lock", "");
    let mut file = OpenOptions::new().append(true).open(watching.root.join("a.txt")).unwrap();
    let mut round = || {
        let before = reader.waits();
        for _ in 0..CHANGES {
            file.write_all(b"more\n").unwrap();
            reader.until_it_waits();
        }
        reader.waits() - before
    };
    // Of the first ones the watch may not yet have told that git is at work, and a machine may be slow.
    let mut rounds = Vec::new();
    let is_seldom = (0..20).any(|_| {
        let waits = round();
        rounds.push(waits);
        waits < CHANGES / 2
    });
    assert!(is_seldom, "so often for {CHANGES} changes each: {rounds:?}");
}

/// Whoever only reads a worktree, as a search or a compiler does, wakes nobody: the kernel is not asked for that.
#[cfg(target_os = "linux")]
#[test]
fn nobody_is_told_that_a_file_is_read() {
    let (_keep, _watching) = watched("standard", WatchOptions::default());
    let files = fs::read_dir("/proc/self/fdinfo").unwrap().flatten();
    let texts = files.filter_map(|file| fs::read_to_string(file.path()).ok()).collect::<String>();
    let mask = |line: &str| u32::from_str_radix(line.split_once(" mask:")?.1.split_once(' ')?.0, 16).ok();
    let masks: Vec<u32> = texts.lines().filter(|line| line.starts_with("inotify ")).filter_map(mask).collect();
    // Accessed, opened, closed by who only read.
    let reading = 0x01 | 0x20 | 0x10;
    assert!(!masks.is_empty() && masks.iter().all(|mask| mask & reading == 0), "{masks:x?}");
}
