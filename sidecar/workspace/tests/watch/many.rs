//! Many watches in one process: they share one watcher, and each hears of its own worktree.

use codi2_workspace::WatchOptions;

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
