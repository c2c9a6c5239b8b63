//! A watch on real files: what is reported, and what is not. Waits for cookies, never for time.
#![allow(clippy::unwrap_used, missing_docs)] // a test may panic; its helpers are tests too

#[path = "../../../tests/git-corpus/corpus.rs"]
mod corpus;
mod watching;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use codi2_protocol::{Digest, WatchState};
use codi2_workspace::{Cause, Content, Observation, Unwatched, WatchEvent, WatchOptions};
use watching::{Watching, observations};

/// A repository made by shell text, and a watch of it.
fn watched(script: &str, options: WatchOptions) -> (tempfile::TempDir, Watching) {
    let (folder, root) = repository(script);
    let watching = Watching::start(&root, options);
    (folder, watching)
}

fn repository(script: &str) -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap().join("repo");
    fs::create_dir(&root).unwrap();
    corpus::shell("watch", &root, root.parent().unwrap(), &format!("git init -q -b main .\n{script}"));
    (folder, root)
}

fn polled() -> WatchOptions {
    WatchOptions { poll: true, poll_ms: 40, ..WatchOptions::default() }
}

/// `path`, `path gone` or `path from other`, sorted.
fn summary(found: &[Observation]) -> Vec<String> {
    let line = |one: &Observation| match (&one.content, &one.from) {
        (Content::Gone, _) => format!("{} gone", one.path),
        (_, Some(from)) => format!("{} from {from}", one.path),
        _ => one.path.clone(),
    };
    let mut lines: Vec<_> = found.iter().map(line).collect();
    lines.sort();
    lines
}

fn bytes(one: &Observation) -> &[u8] {
    match &one.content {
        Content::Bytes { bytes, .. } => bytes,
        other => panic!("{other:?}"),
    }
}

fn states(events: &[WatchEvent]) -> Vec<(WatchState, &str)> {
    let state = |event| match event {
        &WatchEvent::State(state, ref detail) => Some((state, detail.as_str())),
        _ => None,
    };
    events.iter().filter_map(state).collect()
}

#[test]
fn the_first_scan_tells_every_file() {
    let (_keep, watching) = watched(
        "standard; edit a.txt 2 dirty; put new.txt 'n\\n'; put x.bin 'a\\000'; put big '%02000d'; ln -s a.txt link; put .env 'secret'",
        WatchOptions { max_file_bytes: 1_000, ..WatchOptions::default() },
    );
    let done = watching.scanned.iter().find_map(|event| match event {
        WatchEvent::ScanDone { files } => Some(*files),
        _ => None,
    });
    let state = states(&watching.scanned)[0].0;
    let found = observations(watching.scanned.clone());
    assert_eq!(done, Some(found.len() as u64));
    assert_eq!(state, WatchState::Watching);
    assert_eq!(summary(&found), ["a.txt", "b.txt", "big", "new.txt", "sub/c.txt", "x.bin"]);
    for one in &found {
        assert_eq!(
            (one.cause, &one.git, one.blob.is_some()),
            (Cause::Scan, &None, ["b.txt", "sub/c.txt"].contains(&one.path.as_str())),
            "{}",
            one.path
        );
        let on_disk = fs::read(watching.root.join(&one.path)).unwrap();
        assert_eq!(one.content.digest(), Some(Digest::new(codi2_text::digest_of(&on_disk))));
        assert_eq!(one.content.size(), on_disk.len() as u64);
        match one.path.as_str() {
            "big" => assert!(matches!(one.content, Content::Large { .. })),
            "x.bin" => assert!(matches!(one.content, Content::Binary { .. })),
            _ => assert_eq!(bytes(one), on_disk),
        }
    }
}

#[test]
fn changes_by_events_and_by_polling() {
    for options in [WatchOptions::default(), polled()] {
        let (cause, poll) = if options.poll { (Cause::Poll, true) } else { (Cause::Event, false) };
        let (_keep, watching) = watched("standard", options);
        let root = watching.root.clone();
        let check = |what: &str, expected: &[&str], action: &dyn Fn()| {
            let found = watching.after(action);
            assert_eq!(summary(&found), expected, "{what}, polled: {poll}");
            for one in &found {
                assert!(one.git.is_none(), "{what}: {}", watching::observation(one));
                assert!(one.cause == cause || one.cause == Cause::Rescan, "{what}: {:?}", one.cause);
            }
        };
        check("create", &["new.txt"], &|| watching.write("new.txt", "one\n"));
        check("modify", &["new.txt"], &|| watching.write("new.txt", "two\n"));
        check("rewrite the same", &[], &|| watching.write("new.txt", "two\n"));
        check("rename", &["moved.txt from new.txt"], &|| {
            fs::rename(root.join("new.txt"), root.join("moved.txt")).unwrap()
        });
        check("delete", &["moved.txt gone"], &|| fs::remove_file(root.join("moved.txt")).unwrap());
        check("replace atomically", &["a.txt"], &|| {
            watching.write("a.txt.tmp", "replaced\n");
            fs::rename(root.join("a.txt.tmp"), root.join("a.txt")).unwrap();
        });
        check("replace with a backup", &["a.txt", "a.txt~"], &|| {
            fs::rename(root.join("a.txt"), root.join("a.txt~")).unwrap();
            watching.write("a.txt", "again\n");
        });
        check("delete and make again", &[], &|| {
            fs::remove_file(root.join("a.txt")).unwrap();
            watching.write("a.txt", "again\n");
        });
        check("nested folders", &["n1/n2/n3/deep.txt", "n1/top.txt"], &|| {
            watching.write("n1/n2/n3/deep.txt", "deep\n");
            watching.write("n1/top.txt", "top\n");
        });
        check("a change deep in them", &["n1/n2/n3/deep.txt"], &|| watching.write("n1/n2/n3/deep.txt", "deeper\n"));
        check("rename a folder", &["m1/n2/n3/deep.txt from n1/n2/n3/deep.txt", "m1/top.txt from n1/top.txt"], &|| {
            fs::rename(root.join("n1"), root.join("m1")).unwrap();
        });
        check("a change in the renamed folder", &["m1/n2/n3/deep.txt"], &|| {
            watching.write("m1/n2/n3/deep.txt", "deepest\n")
        });
        check("remove folders", &["m1/n2/n3/deep.txt gone", "m1/top.txt gone"], &|| {
            fs::remove_dir_all(root.join("m1")).unwrap()
        });
        check("a folder made again", &["m1/top.txt"], &|| watching.write("m1/top.txt", "top again\n"));
        check("a file becomes a folder", &["b.txt gone", "b.txt/inside"], &|| {
            fs::remove_file(root.join("b.txt")).unwrap();
            watching.write("b.txt/inside", "in\n");
        });
        check("a folder becomes a file", &["b.txt", "b.txt/inside gone"], &|| {
            fs::remove_dir_all(root.join("b.txt")).unwrap();
            watching.write("b.txt", "file\n");
        });
        check("links are not followed", &["sub/c.txt gone"], &|| {
            std::os::unix::fs::symlink(&root, root.join("loop")).unwrap();
            fs::remove_file(root.join("sub/c.txt")).unwrap();
            std::os::unix::fs::symlink("/etc/passwd", root.join("sub/c.txt")).unwrap();
        });
        check("private files only by name", &[], &|| watching.write("id_rsa", "secret"));
        check("git's folder is never recorded", &[], &|| watching.write(".git/codi2/x", "x"));
    }
}

#[test]
fn bytes_are_handed_over_as_they_are() {
    let (_keep, watching) = watched("standard", WatchOptions::default());
    for content in [&b"\xef\xbb\xbfmark\r\n"[..], b"caf\xe9\n", b"no newline", b""] {
        let found = watching.after(|| watching.write("x.txt", content));
        assert_eq!(bytes(&found[0]), content);
    }
}

#[test]
fn private_files_are_told_without_content() {
    let (_keep, watching) = watched("standard", WatchOptions::default());
    watching.write("keys/server.pem", "secret");
    let events = watching.sync();
    assert!(events.contains(&WatchEvent::Private("keys/server.pem".into())), "{events:?}");
    assert!(observations(events).is_empty());
    assert_eq!(watching.watch.read("keys/server.pem"), Err(Unwatched::Private));
}

#[test]
fn ignore_rules_and_their_changes() {
    let (_keep, watching) = watched(
        "standard; put .gitignore '*.log\\nbuild/\\n'; put sub/.gitignore '!keep.log\\n'; put tracked.log 'x\\n'; git add -f tracked.log; commit rules
         mkdir build; put build/out.txt 'x\\n'; put build/tracked.txt 'x\\n'; git add -f build/tracked.txt; commit forced
         printf 'local.txt\\n' > .git/info/exclude",
        WatchOptions::default(),
    );
    let check = |what: &str, expected: &[&str], action: &dyn Fn()| {
        assert_eq!(summary(&watching.after(action)), expected, "{what}");
    };
    check("ignored", &[], &|| {
        watching.write("a.log", "x");
        watching.write("local.txt", "x");
        watching.write("build/other.txt", "x");
        watching.write("build/new/deep.txt", "x");
    });
    check("taken back by a nested file", &["sub/keep.log"], &|| watching.write("sub/keep.log", "x"));
    check("tracked though ignored", &["build/tracked.txt", "tracked.log"], &|| {
        watching.write("tracked.log", "y\n");
        watching.write("build/tracked.txt", "y\n");
    });
    assert_eq!(watching.watch.read("a.log"), Err(Unwatched::Ignored));
    // In one step: between truncating and writing nothing would be ignored.
    let rewrite = |text: &str| {
        watching.write(".git/draft", text);
        fs::rename(watching.root.join(".git/draft"), watching.root.join(".gitignore")).unwrap();
    };
    check("no longer ignored", &[".gitignore", "a.log"], &|| {
        rewrite("build/\n");
        watching.until(|event| observations(vec![event.clone()]).iter().any(|one| one.path == "a.log"), "a.log");
        watching.write("a.log", "z");
        rewrite("build/\n# again\n");
    });
    let found = watching.after(|| rewrite("*.log\nbuild/\nsub/\n"));
    assert_eq!(summary(&found), [".gitignore"], "newly ignored files are forgotten, not gone");
    check("and not watched", &[], &|| watching.write("a.log", "zz"));
    check("a folder that is tracked stays", &["sub/c.txt"], &|| watching.write("sub/c.txt", "zz"));
    check("forced in by git", &["forced.log"], &|| {
        watching.write("forced.log", "x\n");
        corpus::shell("force", &watching.root, &watching.root, "git add -f forced.log");
        watching
            .until(|event| observations(vec![event.clone()]).iter().any(|one| one.path == "forced.log"), "forced.log");
        watching.write("forced.log", "y\n");
    });
}

#[test]
fn a_repositorys_settings_hold_from_their_change_on() {
    for options in [WatchOptions::default(), polled()] {
        let (_keep, watching) = watched("standard; put customers/a.csv 'x\\n'; put vendor/x.c 'x\\n'", options);
        let text = "[watch]\nprivate = [\"customers\"]\nexclude = [\"vendor\"]\n";
        // In one step: half a file would be a mistake, and told as one.
        let found = watching.after(|| {
            fs::write(watching.root.join(".git/draft"), text).unwrap();
            fs::rename(watching.root.join(".git/draft"), watching.root.join(".codi2.toml")).unwrap();
        });
        assert_eq!(summary(&found), [".codi2.toml"], "what is private now is forgotten, not gone");
        watching.watch.rescan();
        let events = watching.sync();
        assert!(summary(&observations(events)).is_empty());
        watching.write("vendor/x.c", "y\n");
        watching.write("customers/a.csv", "y\n");
        let events = watching.until(|event| matches!(event, WatchEvent::Private { .. }), "the private change");
        assert!(summary(&observations(events)).is_empty());
        assert_eq!(watching.watch.read("customers/a.csv").unwrap_err(), Unwatched::Private);
        assert_eq!(watching.watch.read("vendor/x.c").unwrap_err(), Unwatched::Ignored);
    }
}

#[test]
fn include_and_exclude() {
    let options = WatchOptions {
        include: vec!["*.rs".into(), "docs/**".into()],
        exclude: vec!["gen".into(), "docs/old/**".into()],
        ..WatchOptions::default()
    };
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    let watching = Watching::start(
        &root,
        WatchOptions { include: [options.include, vec!["codi2-cookie".into()]].concat(), ..options },
    );
    let found = watching.after(|| {
        for path in ["a.rs", "a.txt", "x/b.rs", "gen/c.rs", "docs/d.md", "docs/old/e.md"] {
            watching.write(path, path);
        }
    });
    assert_eq!(summary(&found), ["a.rs", "docs/d.md", "x/b.rs"]);
}

#[test]
fn lost_events_are_made_good_by_a_rescan() {
    let (_keep, watching) = watched("standard", WatchOptions::default());
    watching.watch.rescan();
    let events = watching.until(|event| matches!(event, WatchEvent::State(WatchState::Watching, _)), "watching again");
    let found = states(&events);
    assert_eq!(found[0].0, WatchState::Rescanned);
    assert!(found[0].1.contains("3 files"), "{}", found[0].1);
    assert!(observations(events).is_empty(), "nothing changed");
    let found = watching.after(|| {
        watching.write("a.txt", "changed");
        watching.write("n/new.txt", "new");
        fs::remove_file(watching.root.join("b.txt")).unwrap();
        watching.watch.rescan();
    });
    assert_eq!(summary(&found), ["a.txt", "b.txt gone", "n/new.txt"]);
}

#[test]
fn the_watch_limit_degrades_and_says_so() {
    let options = WatchOptions { max_folders: 12, poll_ms: 40, ..WatchOptions::default() };
    let script = "standard; for n in $(seq 1 30); do lines d$n/f.txt 3 f; done; commit many";
    let (_keep, watching) = watched(script, options);
    let found = states(&watching.scanned);
    assert_eq!(found[0].0, WatchState::Degraded);
    for word in ["limit", "max_user_watches", "folders are watched", "looked at every 40 ms"] {
        assert!(found[0].1.contains(word), "{}", found[0].1);
    }
    let found = watching.after(|| {
        for n in 1..=30 {
            watching.write(&format!("d{n}/f.txt"), "changed\n");
        }
        watching.write("d31/new/n.txt", "new\n");
    });
    assert_eq!(found.len(), 31, "{:?}", summary(&found));
    let events = {
        corpus::shell("limit", &watching.root, &watching.root, "git checkout -q -- .");
        watching.sync()
    };
    let found = observations(events);
    assert_eq!(found.len(), 30);
    assert!(
        found.iter().all(|one| one.git.is_some()),
        "{:?}",
        found.iter().map(watching::observation).collect::<Vec<_>>()
    );
}

#[test]
fn polling_says_why() {
    let (_keep, watching) = watched("standard", polled());
    let found = states(&watching.scanned);
    assert_eq!(found[0].0, WatchState::Polling);
    assert!(found[0].1.contains("as asked"), "{}", found[0].1);
}

#[test]
fn asked_looks_and_reads() {
    let (_keep, watching) = watched("standard", WatchOptions::default());
    let asked = |path: &'static str| {
        watching.watch.look(path);
        let about = move |event: &WatchEvent| {
            observations(vec![event.clone()]).iter().any(|one| one.path == path && one.cause == Cause::Asked)
        };
        observations(watching.until(about, "the answer")).pop().unwrap()
    };
    let unchanged = asked("a.txt");
    assert!(unchanged.blob.is_some() && unchanged.git.is_none());
    assert_eq!(asked("never/was").content, Content::Gone);
    watching.write("a.txt", "now\n");
    assert_eq!(bytes(&asked("a.txt")), b"now\n");
    assert!(watching.sync().is_empty(), "what was looked at is not reported again");

    let read = watching.watch.read("b.txt").unwrap();
    assert_eq!((read.cause, read.blob.is_some()), (Cause::Asked, true));
    assert_eq!(bytes(&read), fs::read(watching.root.join("b.txt")).unwrap());
    assert!(watching.watch.read("a.txt").unwrap().blob.is_none());
    assert_eq!(watching.watch.read("missing").unwrap().content, Content::Gone);
    for path in ["../x", "/etc/passwd", ".git/config", ""] {
        assert_eq!(watching.watch.read(path), Err(Unwatched::Outside), "{path}");
    }
    std::os::unix::fs::symlink("/etc", watching.root.join("out")).unwrap();
    assert_eq!(watching.watch.read("out/passwd"), Err(Unwatched::Outside));
}

#[test]
fn reading_from_other_threads_while_git_works() {
    let (_keep, watching) = watched("standard", WatchOptions::default());
    let digest = watching.watch.read("a.txt").unwrap().content.digest().unwrap();
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..25 {
                    watching.watch.read("a.txt").unwrap();
                    watching.watch.blob_bytes("a.txt", None, digest);
                }
            });
        }
        corpus::shell(
            "busy",
            &watching.root,
            &watching.root,
            "for n in 1 2 3 4 5; do git checkout -q topic; git checkout -q main; done",
        );
    });
    assert_eq!(watching.watch.read("a.txt").unwrap().content.digest(), Some(digest));
}

#[test]
fn blobs_give_back_what_was_evicted() {
    let (_keep, watching) = watched(
        "git config core.autocrlf true; standard; edit a.txt 2 staged; git add a.txt; edit a.txt 3 dirty",
        WatchOptions::default(),
    );
    let digest = |bytes: &[u8]| Digest::new(codi2_text::digest_of(bytes));
    let lines = |second: &str| {
        (1..=12).map(|n| if n == 2 { format!("{second}\r\n") } else { format!("a {n}\r\n") }).collect::<String>()
    };
    let (head, staged) = (lines("a 2"), lines("staged"));
    assert_eq!(watching.watch.blob_bytes("a.txt", None, digest(staged.as_bytes())), Some(staged.into_bytes()));
    assert_eq!(watching.watch.blob_bytes("a.txt", None, digest(head.as_bytes())), Some(head.into_bytes()));
    assert_eq!(watching.watch.blob_bytes("a.txt", None, digest(b"other")), None);
    assert_eq!(watching.watch.blob_bytes("missing", None, digest(b"other")), None);
}

#[test]
fn sha256_and_reftable_are_explained_too() {
    for option in ["--object-format=sha256", "--ref-format=reftable"] {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let made =
            corpus::sealed("git", &root, &root).args(["init", "-q", "-b", "main", option, "."]).output().unwrap();
        if !made.status.success() {
            println!("SKIP {option}: this git cannot make such repositories");
            continue;
        }
        corpus::shell(option, &root, &root, "standard");
        let watching = Watching::start(&root, WatchOptions::default());
        corpus::shell(option, &root, &root, "git checkout -q topic");
        let events = watching.sync();
        let operations: Vec<_> = events
            .iter()
            .filter_map(|event| match event {
                WatchEvent::Git(operation) => Some((operation.operation.clone(), operation.new_branch.clone())),
                _ => None,
            })
            .collect();
        assert_eq!(operations, [("checkout".to_owned(), Some("topic".to_owned()))], "{option}");
        let found = observations(events);
        assert_eq!(summary(&found), ["a.txt", "b.txt gone", "t.txt"], "{option}");
        assert!(
            found.iter().all(|one| one.git.is_some()),
            "{option}: {:?}",
            found.iter().map(watching::observation).collect::<Vec<_>>()
        );
        let found =
            watching.after(|| corpus::shell(option, &root, &root, "edit a.txt 3 program; git commit -q -a -m program"));
        assert!(found.iter().all(|one| one.git.is_none()), "{option}");
        let found = watching
            .after(|| corpus::shell(option, &root, &root, "edit a.txt 5 dirty; git stash -q; git stash pop -q"));
        assert!(found.iter().all(|one| one.path == "a.txt"), "{option}");
    }
}

#[test]
fn a_root_that_goes_away_ends_the_watch() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap().join("plain");
    fs::create_dir(&root).unwrap();
    fs::write(root.join("a.txt"), "a").unwrap();
    let watching = Watching::start(&root, WatchOptions::default());
    fs::remove_dir_all(&root).unwrap();
    let events = watching.until(|event| matches!(event, WatchEvent::State(WatchState::Stopped, _)), "the end");
    assert_eq!(summary(&observations(events)), ["a.txt gone"]);
}

#[test]
fn an_external_editor_of_a_paused_rebase_is_not_git() {
    let (_keep, watching) = watched("clashing", WatchOptions::default());
    corpus::shell("rebase", &watching.root, &watching.root, "git rebase -q topic > /dev/null 2>&1 || true");
    watching.sync();
    for text in ["one\n", "two\n"] {
        let found = watching.after(|| watching.write("a.txt", text));
        assert_eq!(summary(&found), ["a.txt"]);
        assert!(found[0].git.is_none());
    }
}

#[test]
fn a_large_checkout_comes_in_pages() {
    let script = "mkdir many; for n in $(seq 1 600); do echo $n > many/$n.txt; done; commit one; git checkout -q -b other; for n in $(seq 1 600); do echo other $n > many/$n.txt; done; commit two; git checkout -q main";
    let (_keep, watching) = watched(script, WatchOptions::default());
    corpus::shell("large", &watching.root, &watching.root, "git checkout -q other");
    let events = watching.sync();
    let pages: Vec<usize> = events
        .iter()
        .filter_map(|event| match event {
            WatchEvent::Observed(page) => Some(page.len()),
            _ => None,
        })
        .collect();
    assert!(pages.iter().all(|page| *page <= 256), "{pages:?}");
    // A file seen between its making and its writing comes twice.
    let explained: BTreeSet<_> =
        observations(events).into_iter().filter(|one| one.git.is_some()).map(|one| one.path).collect();
    assert_eq!(explained.len(), 600);
}

/// Everything in a folder: path, length, time of change.
fn listing(folder: &Path, into: &mut BTreeSet<String>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let meta = fs::symlink_metadata(&path).unwrap();
        if meta.is_dir() {
            listing(&path, into);
        } else {
            into.insert(format!("{} {} {:?}", path.display(), meta.len(), meta.modified().unwrap()));
        }
    }
}

#[test]
fn git_is_only_read() {
    // Files touched but not changed: a `git status` of ours would refresh the index.
    let (_keep, root) =
        repository("git config core.autocrlf true; standard; put x.bin 'a\\000'; touch a.txt b.txt sub/c.txt");
    let (mut before, mut after) = (BTreeSet::new(), BTreeSet::new());
    listing(&root.join(".git"), &mut before);
    let watching = Watching::start(&root, WatchOptions::default());
    watching.write("a.txt", "changed\n");
    watching.sync();
    let digest = watching.watch.read("b.txt").unwrap().content.digest().unwrap();
    assert!(watching.watch.blob_bytes("b.txt", None, digest).is_some());
    drop(watching);
    listing(&root.join(".git"), &mut after);
    let new: Vec<_> = after.difference(&before).collect();
    assert_eq!(before.difference(&after).count(), 0);
    assert!(new.len() == 1 && new[0].contains(".git/codi2/repository"), "{new:?}");
}

#[test]
fn a_lock_left_behind_delays_but_loses_nothing() {
    let (_keep, watching) = watched("standard", WatchOptions::default());
    fs::write(watching.root.join(".git/index.lock"), "").unwrap();
    watching.write("a.txt", "by a person\n");
    let about = |event: &WatchEvent| observations(vec![event.clone()]).iter().any(|one| one.path == "a.txt");
    let found = observations(watching.until(about, "a.txt"));
    assert_eq!(summary(&found), ["a.txt"]);
    assert!(found[0].git.is_none());
}

/// A file goes from one state to another and back before the watch looks, and somebody read it in between: the watch
/// must tell what it holds now, for it is news to whoever read.
#[test]
fn what_was_read_past_the_watch_is_told_again() {
    let (_folder, watching) = watched("echo one > a.txt", WatchOptions { settle_ms: 300, ..WatchOptions::default() });
    let mut between = None;
    let told = watching.after(|| {
        watching.write("a.txt", "two\n");
        between = Some(watching.watch.read("a.txt").unwrap());
        watching.write("a.txt", "one\n");
    });
    assert_eq!(bytes(&between.unwrap()), b"two\n");
    assert_eq!(told.last().map(bytes), Some(&b"one\n"[..]), "{:?}", summary(&told));
}
