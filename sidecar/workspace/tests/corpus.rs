//! The git corpus against a watch: every change git makes is explained by git, and what a program writes is not.
//! Waits for a cookie file to come through, never for time.
#![allow(clippy::unwrap_used, missing_docs)] // a test may panic; its helpers are tests too

#[path = "../../../tests/git-corpus/corpus.rs"]
mod corpus;
mod watching;

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use codi2_protocol::Digest;
use codi2_workspace::{Cause, Content, GitExplanation, GitSource, Observation, WatchEvent, WatchOptions};
use corpus::{Expect, Script, Step};
use watching::Watching;

/// One test for each quarter of the corpus, so that a busy machine ends none of them for its length.
macro_rules! quarters {
    ($($name:ident: $linked:expr, $polled:expr;)*) => {$(
        mod $name {
            #[test]
            fn first() { super::quarter($linked, $polled, 0); }
            #[test]
            fn second() { super::quarter($linked, $polled, 1); }
            #[test]
            fn third() { super::quarter($linked, $polled, 2); }
            #[test]
            fn fourth() { super::quarter($linked, $polled, 3); }
        }
    )*};
}

quarters! {
    main_worktree: false, false;
    linked_worktree: true, false;
    main_worktree_polled: false, true;
}

fn quarter(linked: bool, polled: bool, quarter: usize) {
    let options = || match polled {
        true => WatchOptions { poll: true, poll_ms: 40, ..WatchOptions::default() },
        false => WatchOptions::default(),
    };
    let fits = |script: &Script| !(linked && script.only_main || polled && script.only_event);
    run(|script, base| one(script, base, linked, options()), fits, quarter);
}

#[test]
fn the_corpus_is_large_enough() {
    assert!(corpus::load().len() >= 40);
}

/// On a busy machine one command of git may pause for longer than closes a window. What it did is explained all the
/// same, but by the names of its parts. So a script that fails in names alone is run again; whatever else fails, fails.
const TRIES: usize = 5;

struct Failure {
    /// Only names are wrong: of the operation, or of where git has the content from.
    soft: bool,
    text: String,
}

/// Runs the chosen scripts side by side: they mostly wait. `CODI2_CORPUS` names a single one.
fn run(
    one: impl Fn(&Script, &std::path::Path) -> Vec<Failure> + Sync,
    which: impl Fn(&Script) -> bool,
    quarter: usize,
) {
    let chosen = std::env::var("CODI2_CORPUS").ok();
    let every = corpus::load().into_iter().enumerate().filter(|(at, _)| at % 4 == quarter).map(|(_, script)| script);
    let wanted = |script: &Script| which(script) && chosen.as_ref().is_none_or(|name| *name == script.name);
    let scripts: Vec<Script> = every.filter(wanted).collect();
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                while let Some(script) = scripts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let mut found = Vec::new();
                    for _ in 0..TRIES {
                        let base = tempfile::tempdir().unwrap();
                        found = one(script, &base.path().canonicalize().unwrap());
                        if found.is_empty() || found.iter().any(|failure| !failure.soft) {
                            break;
                        }
                    }
                    failures.lock().unwrap().extend(found.into_iter().map(|failure| failure.text));
                }
            });
        }
    });
    let failures = failures.into_inner().unwrap();
    assert!(failures.is_empty(), "{} failures\n{}", failures.len(), failures.join("\n"));
}

fn one(script: &Script, base: &std::path::Path, linked: bool, options: WatchOptions) -> Vec<Failure> {
    let root = corpus::set_up(script, base, linked);
    let watching = Watching::start(&root, options);
    let mut failures = Vec::new();
    for (number, step) in script.steps.iter().enumerate() {
        corpus::shell(&script.name, &root, base, &step.script);
        let events = watching.sync();
        let found = judge(step, &events);
        if !found.is_empty() {
            let seen: Vec<String> = events.iter().map(watching::short).collect();
            let at = format!("{} step {} ({})", script.name, number + 1, step.script.trim());
            let soft = found.iter().all(|(soft, _)| *soft);
            let found: Vec<_> = found.into_iter().map(|(_, text)| text).collect();
            let text = format!("{at}\n    {}\n  saw\n    {}", found.join("\n    "), seen.join("\n    "));
            failures.push(Failure { soft, text });
        }
    }
    failures
}

/// What is wrong with the events of a step, and whether only in names.
fn judge(step: &Step, events: &[WatchEvent]) -> Vec<(bool, String)> {
    let mut wrong = Vec::new();
    let seen: Vec<&Observation> = events
        .iter()
        .flat_map(|event| match event {
            WatchEvent::Observed(page) => page.as_slice(),
            _ => &[],
        })
        .collect();
    for observation in &seen {
        // The two ends of a move may be seen apart: then the old path is reported gone, and the pairing follows.
        let old =
            |expect: &Expect| expect.from.as_ref() == Some(&observation.path) && observation.content == Content::Gone;
        if !step.expects.iter().any(|expect| expect.path == observation.path || old(expect)) {
            wrong.push((false, format!("not expected: {}", watching::observation(observation))));
        }
    }
    for expect in &step.expects {
        let of: Vec<_> = seen.iter().copied().filter(|observation| observation.path == expect.path).collect();
        match of.last() {
            None if expect.maybe => {}
            None => wrong.push((false, format!("{}: not reported", expect.path))),
            Some(last) => {
                let late = |digest: Digest| {
                    events.iter().any(|event| {
                        matches!(event, WatchEvent::Explained { path, digest: of, .. } if *path == expect.path && *of == digest)
                    })
                };
                check(expect, &of, last, &late, &mut wrong);
            }
        }
    }
    let mut operations = events.iter().filter_map(|event| match event {
        WatchEvent::Git(operation) => Some(operation.operation.as_str()),
        _ => None,
    });
    for expected in &step.operations {
        if !operations.any(|operation| operation.starts_with(expected.as_str())) {
            wrong.push((true, format!("no operation {expected}")));
        }
    }
    wrong
}

/// Why the content is git's, if it is.
fn gits(one: &Observation) -> Option<&GitExplanation> {
    one.git.as_ref().filter(|git| git.what != GitSource::Passed)
}

/// `late` tells whether a content was explained after it was reported.
fn check(
    expect: &Expect,
    of: &[&Observation],
    last: &Observation,
    late: &dyn Fn(Digest) -> bool,
    wrong: &mut Vec<(bool, String)>,
) {
    let path = &expect.path;
    let mut ensure = |good: bool, what: &str| {
        if !good {
            wrong.push((what.starts_with("explained by"), format!("{path}: {what}")));
        }
    };
    ensure(expect.gone == matches!(last.content, Content::Gone), if expect.gone { "not gone" } else { "gone" });
    if expect.git {
        // A report without explanation is made good by a later one of the same content.
        let again = |digest| of.iter().any(|one| one.content.digest() == digest && gits(one).is_some());
        let explained = |digest: Option<Digest>| again(digest) || digest.is_some_and(late);
        // Polling sees what a long operation leaves lying for a moment, but not that git holds its lock.
        let judged = if last.cause == Cause::Poll { &of[of.len() - 1..] } else { of };
        // Git makes a file before it writes it: seen in between it is empty, and nobody owns a line of it.
        let fine = |one: &&Observation| one.content.size() == 0 || explained(one.content.digest());
        ensure(judged.iter().all(fine) && explained(last.content.digest()), "not explained by git");
    }
    if expect.other {
        let late = last.content.digest().is_some_and(late);
        ensure(gits(last).is_none() && !late, "wrongly explained by git");
    }
    if expect.clean {
        ensure(last.blob.is_some(), "not clean");
    }
    let mut from = of.iter().filter_map(|one| one.from.as_ref());
    ensure(
        from.next() == expect.from.as_ref() && from.all(|from| Some(from) == expect.from.as_ref()),
        "from another path",
    );
    let git = of.iter().rev().copied().find_map(gits);
    if let Some(what) = &expect.what {
        ensure(git.is_some_and(|git| git.what.as_str() == what), "explained by another source");
    }
    if let Some(operation) = &expect.operation {
        ensure(git.is_some_and(|git| git.operation.starts_with(operation.as_str())), "explained by another operation");
    }
    for one in of {
        let sources = one.git.as_ref().map(|git| git.sources.as_slice()).unwrap_or_default();
        let same = |content: &Content| matches!(content, Content::Bytes { bytes, .. } if sources.contains(bytes));
        ensure(sources.len() <= 4 && !same(&one.content), "wrong sources");
    }
}
