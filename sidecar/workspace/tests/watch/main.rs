//! A watch on real files: what is reported, and what is not. Waits for cookies, never for time.
#![allow(clippy::unwrap_used, missing_docs)] // a test may panic; its helpers are tests too

#[path = "../../../../tests/git-corpus/corpus.rs"]
mod corpus;
mod git;
mod many;
#[path = "../watching/mod.rs"]
mod watching;

use std::fs;
use std::path::PathBuf;

use codi2_protocol::{Digest, WatchState};
use codi2_workspace::{Cause, Content, Observation, Unwatched, WatchEvent, WatchOptions};
use watching::{ByHand, Watching, observations};

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
            let found = watching.net(action);
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
    for word in ["limit", "max_user_watches", " watched, ", "looked at every 40 ms"] {
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
fn what_others_read_before_it_settled_is_missed_where_it_lay() {
    let (_folder, root) = repository("");
    let watch = ByHand::start(&root);
    let read = |path: &str| {
        fs::write(root.join(path), format!("{path}\n")).unwrap();
        assert!(watch.watch.read(path).unwrap().content.digest().is_some());
    };
    read("new.txt");
    fs::rename(root.join("new.txt"), root.join("moved.txt")).unwrap();
    assert_eq!(summary(&watch.settled()), ["moved.txt from new.txt"]);
    read("short.txt");
    fs::remove_file(root.join("short.txt")).unwrap();
    assert_eq!(summary(&watch.settled()), ["short.txt gone"]);
    read("stays.txt");
    assert_eq!(summary(&watch.settled()), ["stays.txt"]);
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
