//! What git does while a watch looks, and that git is only ever read.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::time::Duration;

use codi2_protocol::Digest;
use codi2_workspace::{GitSource, Observation, WatchEvent, WatchOptions};

use super::watching::{self, ByHand, Watching, observations};
use super::{bytes, corpus, repository, summary, watched};

/// Whether the content is git's: what git put there before it is not.
fn is_gits(one: &Observation) -> bool {
    one.git.as_ref().is_some_and(|git| git.what != GitSource::Passed)
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

/// The first note makes the folder that is watched from then on.
#[test]
fn notes_are_told_of() {
    let (_keep, watching) = watched("standard", WatchOptions::default());
    let root = watching.watch.place().root.clone();
    for text in ["one", "two"] {
        watching.sync();
        corpus::shell("notes", &root, &root, &format!("git notes --ref codi2 add -f -m {text}"));
        watching.until(|event| matches!(event, WatchEvent::Noted), "the word of notes");
    }
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

/// What is too large to hold is named by git, and only where its size leaves a doubt.
#[test]
fn large_files_are_explained_and_known_to_be_clean() {
    for setting in ["", "git config core.autocrlf true; "] {
        let options = WatchOptions { max_file_bytes: 20, ..WatchOptions::default() };
        let (_keep, watching) = watched(&format!("{setting}standard"), options);
        let after = |script: &str| {
            let found = watching.net(|| corpus::shell(script, &watching.root, &watching.root, script));
            let a = found.iter().find(|one| one.path == "a.txt").unwrap_or_else(|| panic!("{script}: {found:?}"));
            assert!(matches!(a.content, codi2_workspace::Content::Large { .. }), "{script}");
            (a.git.is_some(), a.blob.is_some())
        };
        assert_eq!(after("edit a.txt 2 longer-than-before"), (false, false), "{setting}: another size");
        assert_eq!(after("git checkout -q a.txt"), (true, true), "{setting}: back");
        assert_eq!(after("edit a.txt 2 b"), (false, false), "{setting}: shorter");
        assert_eq!(after("edit a.txt 2 'a 9'"), (false, false), "{setting}: the same size, another content");
        assert_eq!(after("git checkout -q a.txt"), (true, true), "{setting}: back again");
        assert_eq!(after("git checkout -q topic"), (true, true), "{setting}: another branch's");
    }
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
    assert!(!is_gits(&found[0]));
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

/// Whether git explains this very write.
fn explains(events: &[WatchEvent], read: &Observation) -> bool {
    events.iter().any(|event| match event {
        WatchEvent::Explained { path, digest, written, .. } => {
            *path == read.path && Some(*digest) == read.content.digest() && Some(*written) == read.written
        }
        WatchEvent::Observed(page) => {
            page.iter().any(|one| is_gits(one) && one.path == read.path && one.written == read.written)
        }
        _ => false,
    })
}

#[test]
fn what_lay_there_between_two_switches_is_explained() {
    let (_keep, watching) = watched("standard", WatchOptions::default());
    let git = |words: &str| corpus::shell("between", &watching.root, &watching.root, &format!("git {words}"));
    git("checkout -q topic");
    let between = watching.watch.read("a.txt").unwrap();
    git("checkout -q main");
    let events = watching.sync();
    assert!(explains(&events, &between), "{:#?}", events.iter().map(watching::short).collect::<Vec<_>>());
}

/// A file that is gone lies on another branch where git wrote files to get there; else somebody removed it, and git has it so.
#[test]
fn what_git_lost_is_told_from_what_it_took_away() {
    for (script, name, what) in [
        ("mv a.txt z.txt; edit z.txt 2 fresh; git commit -q -a -m moved", "commit", GitSource::Removed),
        ("git rm -q a.txt; git commit -q -m gone; git commit -q --amend -m away", "commit", GitSource::Removed),
        ("git rm -q a.txt", "restore", GitSource::Index),
        ("git restore -q -s without -SW .", "restore", GitSource::Index),
        ("git read-tree -m -u without", "restore", GitSource::Index),
        ("git merge -q --no-ff --no-commit without; git commit -q -m merged", "checkout", GitSource::Index),
        ("git switch -q --orphan pages; git commit -q --allow-empty -m first", "checkout", GitSource::Index),
        ("git rm -q a.txt; git commit -q -m gone; git checkout -q -b on", "checkout", GitSource::NewHead),
        ("git checkout -q without", "checkout", GitSource::NewHead),
        ("git reset -q --hard without", "reset", GitSource::NewHead),
    ] {
        let setup =
            "standard; git checkout -q -b without; git rm -q a.txt; git commit -q -m without; git checkout -q main";
        let (_keep, watching) = watched(setup, WatchOptions::default());
        let found = watching.after(|| corpus::shell("gone", &watching.root, &watching.root, script));
        let gone = found.iter().rev().find(|one| one.path == "a.txt").unwrap();
        let git = gone.git.as_ref().map(|git| (git.operation.as_str(), git.what));
        assert_eq!(git, Some((name, what)), "{script}: {:?}", summary(&found));
    }
}

/// Recorded, taken away and brought back before anybody looks: the last write is git's, however fresh its blob.
#[test]
fn what_git_brings_back_is_its_write_however_fresh() {
    for setup in ["standard", "git config core.autocrlf true; standard"] {
        let (_keep, watching) = watched(setup, WatchOptions::default());
        let script = "edit a.txt 5 fresh; git commit -q -a -m fresh; git checkout -q topic; git checkout -q main";
        corpus::shell("back", &watching.root, &watching.root, script);
        let last = watching.watch.read("a.txt").unwrap();
        let events = watching.sync();
        assert!(explains(&events, &last), "{setup}: {:#?}", events.iter().map(watching::short).collect::<Vec<_>>());
    }
}

/// What a program wrote is no work of git's because git has it a moment later, whatever git does with it.
#[test]
fn a_programs_write_stays_one_when_git_goes_on_at_once() {
    for script in [
        "git commit -q -a -m fresh; git cherry-pick topic > /dev/null 2>&1 || true",
        "git commit -q -a -m fresh; git merge topic > /dev/null 2>&1 || true",
        "git commit -q -a -m fresh; git rebase topic > /dev/null 2>&1 || true",
        "git commit -q -a -m fresh; git revert -n HEAD~1",
        "git commit -q -a -m fresh; git checkout -q topic; git checkout -q main",
        "git commit -q -a -m fresh; git reset -q --hard HEAD~1; git reset -q --hard HEAD@{1}",
        "git commit -q -a -m fresh; git -c gc.reflogExpire=never gc -q --prune=now",
        "git rebase -q --autostash topic > /dev/null 2>&1 || true",
        "git stash -q; git stash pop -q",
    ] {
        let (_keep, watching) = watched("clashing", WatchOptions::default());
        let shell = |text: &str| corpus::shell("program", &watching.root, &watching.root, text);
        shell("edit a.txt 5 fresh; edit sub/c.txt 3 fresh");
        let read = ["a.txt", "sub/c.txt"].map(|path| watching.watch.read(path).unwrap());
        shell(script);
        let events = watching.sync();
        for read in read {
            let seen = || events.iter().map(watching::short).collect::<Vec<_>>();
            assert!(!explains(&events, &read), "{script}: {} is git's: {:#?}", read.path, seen());
        }
    }
}

/// A filter made the content: its lines are known in the form that git stores, which neither HEAD nor index need hold.
#[test]
fn the_stored_form_of_the_content_is_a_source() {
    // What was made within a tick of a look may have been made after it: nothing was, however fast all this is.
    let setup = "put .gitattributes '*.id ident\\n'; put x.id 'one\\n$Id$\\n'; commit base
        git checkout -q -b topic; put x.id 'two\\n'; commit topic
        find .git/objects -type f -exec touch -d '1 minute ago' {} +";
    for (restore, what) in [
        ("git restore --source=main --staged --worktree x.id", GitSource::Index),
        ("git restore --source=main x.id", GitSource::Object),
    ] {
        let (_keep, watching) = watched(setup, WatchOptions::default());
        let found = watching.after(|| corpus::shell("ident", &watching.root, &watching.root, restore));
        let last = found.last().unwrap();
        assert!(bytes(last).starts_with(b"one\n$Id: "), "{:?}", summary(&found));
        let git = found.iter().rev().find_map(|one| one.git.as_ref()).unwrap();
        assert_eq!(git.what, what, "{restore}");
        assert_eq!(git.sources.first().map(|source| &**source), Some(&b"one\n$Id$\n"[..]), "{restore}");
    }
}

/// Somebody writes in a conflict before anybody has seen it as git left it.
#[test]
fn a_conflict_is_gits_as_git_leaves_it() {
    let written = ["by a program\n", "======= by a program =======\n", "=======\n", "<<<<<<<by a program\n"];
    let left = ["merge", "diff3", "zdiff3"].map(|style| (style, ""));
    for (style, further) in left.into_iter().chain(written.map(|further| ("merge", further))) {
        let script = format!(
            "git config merge.conflictStyle {style}; put a.txt 'one\\ntwo\\nthree\\n'; commit first; git checkout -q -b other; \
             put a.txt 'one\\ntheirs\\nthree\\n'; commit theirs; git checkout -q main; put a.txt 'one\\nours\\nthree\\n'; commit ours"
        );
        let (_folder, root) = repository(&script);
        let watch = ByHand::start(&root);
        corpus::shell("conflict", &root, &root, "git merge -q other || true");
        let text = fs::read_to_string(root.join("a.txt")).unwrap();
        assert!(text.contains(">>>>>>>"), "{text}");
        fs::write(root.join("a.txt"), text + further).unwrap();
        let found = watch.settled();
        let what = found.iter().filter(|one| one.path == "a.txt").map(|one| one.git.as_ref().map(|git| git.what));
        let expected = if further.is_empty() { GitSource::Conflict } else { GitSource::Passed };
        assert_eq!(what.collect::<Vec<_>>(), [Some(expected)], "{style} {further:?}");
    }
}

/// What git still has of a path: on any branch, in what was amended, in a stash.
#[test]
fn earlier_contents_of_a_path() {
    let script = "put a.txt one; commit 1; git checkout -q -b other; put a.txt two; commit 2; git checkout -q main; \
                  put a.txt three; commit 3; put a.txt four; git commit -q -a --amend -m 4; put a.txt five; git stash -q; put b.txt b; commit b";
    let (_folder, root) = repository(script);
    let watch = ByHand::start(&root);
    let texts = || -> BTreeSet<String> {
        watch.watch.earlier("a.txt").into_iter().map(|bytes| String::from_utf8(bytes).unwrap()).collect()
    };
    let all = ["five", "four", "one", "three", "two"].map(str::to_owned);
    assert_eq!(texts(), BTreeSet::from(all.clone()));
    corpus::shell("earlier", &root, &root, "put a.txt six; commit 6");
    assert_eq!(texts(), BTreeSet::from(all).union(&BTreeSet::from(["six".to_owned()])).cloned().collect());
    assert_eq!(watch.watch.earlier("missing"), Vec::<Vec<u8>>::new());
}

/// What somebody writes while git waits for the next step is theirs, also when git records it with its own.
#[test]
fn what_a_stopped_operation_takes_along_is_not_gits() {
    let script = "put a.txt one; put b.txt b; commit 1; put a.txt two; commit 2";
    let (_folder, root) = repository(script);
    let watch = ByHand::start(&root);
    let shell = |script: &str| corpus::shell("stopped", &root, &root, script);
    shell("GIT_SEQUENCE_EDITOR='sed -i 1s/^pick/edit/' git rebase -q -i HEAD~1");
    watch.settled();
    fs::write(root.join("b.txt"), "by a program\n").unwrap();
    watch.passes(Duration::from_secs(1));
    shell("git add -A; GIT_EDITOR=true git rebase --continue");
    let found = watch.settled();
    let of: Vec<_> = found.iter().filter(|one| one.path == "b.txt").map(|one| one.git.as_ref()).collect();
    assert_eq!(of, [None]);
}

/// Git puts a file there and somebody writes it again before anybody looks: what git put there is told. What somebody
/// wrote and committed is not git's.
#[test]
fn what_git_put_there_before_somebody_wrote_it_again() {
    let setup = "put a.txt 'one\\ntwo\\n'; commit 1; git checkout -q -b topic; put a.txt 'one\\ntopic\\ntwo\\n'; commit 2; \
                 git checkout -q main; put a.txt 'one\\nstashed\\ntwo\\n'; git stash -q";
    for (script, put) in [
        ("git checkout -q topic", Some("one\ntopic\ntwo\n")),
        ("git merge -q topic", Some("one\ntopic\ntwo\n")),
        ("git stash pop -q", Some("one\nstashed\ntwo\n")),
        ("put a.txt 'one\\nwritten\\ntwo\\n'; commit 3", None),
        ("true", None),
    ] {
        let (_folder, root) = repository(setup);
        let watch = ByHand::start(&root);
        corpus::shell("passed", &root, &root, &format!("{script}; sed -i '1i header' a.txt"));
        let found = watch.settled();
        let git = found.iter().rev().find(|one| one.path == "a.txt").and_then(|one| one.git.as_ref());
        assert_eq!(git.map(|git| git.what), put.map(|_| GitSource::Passed), "{script}");
        let sources = git.map(|git| git.sources.as_slice()).unwrap_or_default();
        assert!(put.is_none_or(|text| sources.iter().any(|source| **source == *text.as_bytes())), "{script}");
    }
}
