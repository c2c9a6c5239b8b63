//! What git does to files: owners go with their content, and nothing of git's becomes a person's or an agent's.

use codi2_protocol::{ActorKind, Class, EventBody, EvidenceKind, Notice};
use codi2_workspace::{Cause, GitExplanation, GitOperation, GitSource, WatchEvent};

use super::super::Input;
use super::world::{World, body, worktree};

const OLD: &str = "unknown unknown BeforeCodi2";
const TYPED: &str = "person ada declared EditorDeclared";
const AGENT: &str = "agent bot exact IntentExact";

/// main: one, ada's two. topic: one, the agent's three.
fn two_branches() -> World {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "two\n");
    w.saves("ada", "a.rs");
    w.closes("ada", "a.rs");
    w.git_writes("a.rs", Some("one\n"), "checkout", GitSource::NewHead, &["one\ntwo\n"]);
    assert_eq!(w.blame("a.rs"), [OLD]);
    w.agent_before("bot", "a.rs");
    w.put("a.rs", "three\none\n");
    w.agent_after("bot", "a.rs");
    assert_eq!(w.blame("a.rs"), [AGENT, OLD]);
    w
}

#[test]
fn checkout_away_and_back_merge_and_stash() {
    let mut w = two_branches();
    w.git_writes("a.rs", Some("one\ntwo\n"), "checkout", GitSource::NewHead, &["three\none\n"]);
    assert_eq!(w.blame("a.rs"), [OLD, TYPED]);
    assert_eq!(w.last("disk").actor.to_string(), "git checkout");
    w.git_writes("a.rs", Some("three\none\ntwo\n"), "merge topic", GitSource::Merge, &["one\ntwo\n", "three\none\n"]);
    assert_eq!(w.blame("a.rs"), [AGENT, OLD, TYPED], "both sides' lines keep their owners");

    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "stashed\n");
    w.saves("ada", "a.rs");
    w.git_writes("a.rs", Some("three\none\ntwo\n"), "stash", GitSource::OldHead, &["three\none\ntwo\nstashed\n"]);
    w.reloads("ada", "a.rs");
    assert_eq!(w.blame_buffer("ada", "a.rs"), [AGENT, OLD, TYPED]);
    w.git_writes("a.rs", Some("three\none\ntwo\nstashed\n"), "stash pop", GitSource::Stash, &[]);
    w.reloads("ada", "a.rs");
    assert_eq!(w.blame("a.rs"), [AGENT, OLD, TYPED, TYPED]);
    assert_eq!(w.blame_buffer("ada", "a.rs"), [AGENT, OLD, TYPED, TYPED]);
}

/// All wait while the core asks git, and a checkout changes thousands of files.
#[test]
fn git_is_not_asked_for_a_text_that_its_explanation_has() {
    let mut w = World::bare();
    for path in ["a.rs", "b.rs"] {
        w.put(path, "one\n");
        w.staged(path);
    }
    w.scan();
    w.git_writes("a.rs", Some("one\ntwo\n"), "checkout", GitSource::NewHead, &["one\n"]);
    assert_eq!((w.ports.asked_blobs, w.blame("a.rs")), (0, vec![OLD.into(), "git checkout carried Git".into()]));
    w.program_writes("b.rs", "one\ntwo\n");
    assert_eq!((w.ports.asked_blobs, w.blame("b.rs")[0].as_str()), (1, OLD), "nothing but git has it");
}

#[test]
fn a_checkout_that_removes_and_brings_back() {
    let mut w = two_branches();
    w.git_writes("a.rs", None, "checkout", GitSource::NewHead, &["three\none\n"]);
    assert_eq!(w.last("disk").actor.to_string(), "git checkout");
    w.git_writes("a.rs", Some("three\none\n"), "checkout", GitSource::NewHead, &[]);
    assert_eq!(w.blame("a.rs"), [AGENT, OLD]);
}

/// With `core.autocrlf` git writes other bytes than the editor did.
#[test]
fn owners_survive_other_line_ends() {
    let mut w = two_branches();
    w.git_writes("a.rs", Some("one\r\ntwo\r\n"), "checkout", GitSource::NewHead, &["three\r\none\r\n"]);
    assert_eq!(w.blame("a.rs"), [OLD, TYPED]);
    w.git_writes("a.rs", None, "checkout", GitSource::NewHead, &[]);
    w.git_writes("a.rs", Some("three\r\none\r\n"), "checkout", GitSource::NewHead, &[]);
    assert_eq!(w.blame("a.rs"), [AGENT, OLD]);
}

/// Line ends are nobody's work, whether or not git is seen to have made them others.
#[test]
fn owners_survive_other_line_ends_that_nobody_explains() {
    let mut w = World::new(&[]);
    let typed = "typed by ada, and longer than others\n";
    w.opens("ada", "a.rs");
    w.types("ada", "a.rs", 0, typed);
    w.saves("ada", "a.rs");
    w.closes("ada", "a.rs");
    w.program_writes("a.rs", "another text\n");
    w.program_writes("a.rs", typed.replace('\n', "\r\n"));
    assert_eq!(w.blame("a.rs"), [TYPED]);
}

/// Programs truncate a file or remove it, and then write it; a look between the two sees it empty, or gone.
#[test]
fn a_look_between_truncation_or_removal_and_write_takes_nobodys_lines() {
    for (announced, removed) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut w = two_branches();
        w.git_writes("a.rs", Some("one\ntwo\n"), "checkout", GitSource::NewHead, &["three\none\n"]);
        if announced {
            w.agent_before("bot", "a.rs");
        }
        if removed {
            w.removes("a.rs");
        } else {
            w.program_writes("a.rs", "");
        }
        w.program_writes("a.rs", "one\ntwo\nnew\n");
        if announced {
            w.agent_after("bot", "a.rs");
        }
        let blame = w.blame("a.rs");
        assert_eq!(blame[..2], [OLD, TYPED], "announced: {announced}");
        assert_eq!(blame[2].starts_with("agent bot"), announced, "removed: {removed}, {blame:?}");
    }
}

#[test]
fn unknown_content_from_git_is_gits() {
    let mut w = two_branches();
    w.git_writes("a.rs", Some("three\none\npulled\n"), "pull", GitSource::NewHead, &["three\none\n"]);
    assert_eq!(w.blame("a.rs"), [AGENT, OLD, "git pull carried Git"]);
}

#[test]
fn conflict_markers_are_gits_and_the_sides_keep_their_owners() {
    let mut w = two_branches();
    let text = "<<<<<<< HEAD\none\ntwo\n=======\nthree\none\n>>>>>>> topic\n";
    w.git_writes("a.rs", Some(text), "merge topic", GitSource::Conflict, &["one\ntwo\n", "three\none\n"]);
    let git = "git merge topic carried Git";
    assert_eq!(w.blame("a.rs"), [git, OLD, TYPED, git, AGENT, OLD, git]);
}

#[test]
fn a_commit_changes_nobodys_lines() {
    let mut w = two_branches();
    let before = w.blame("a.rs");
    let operation = GitOperation {
        operation: "commit".into(),
        old_head: Some("1".into()),
        new_head: Some("2".into()),
        old_branch: Some("main".into()),
        new_branch: Some("main".into()),
    };
    let from = w.events.len();
    w.feed(Input::Watched(worktree(), WatchEvent::Git(operation)));
    w.staged("a.rs");
    w.watch_sees("a.rs");
    assert_eq!(w.log(from), ["git git commit"]);
    assert_eq!(w.blame("a.rs"), before);
}

/// What git carries is carried in the log, however little is known of who wrote it; blame still says what is known.
#[test]
fn the_log_says_that_git_carried_what_nobody_is_known_for() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.program_writes("a.rs", "one\ntwo\n");
    w.git_writes("a.rs", Some("one\n"), "checkout", GitSource::NewHead, &["one\ntwo\n"]);
    w.git_writes("a.rs", Some("one\ntwo\n"), "checkout", GitSource::NewHead, &["one\n"]);
    let EventBody::Disk { change, .. } = body(w.last("disk")) else { panic!("a disk event") };
    let [verdict] = change.verdicts.as_slice() else { panic!("one verdict: {:?}", change.verdicts) };
    assert_eq!((verdict.class, verdict.evidence[0].kind), (Class::Carried, EvidenceKind::Git));
    assert_eq!(verdict.origin.kind, ActorKind::External, "who wrote it is not git");
    assert_eq!(w.blame("a.rs"), [OLD, "external unknown DiskChange"]);
}

/// Whoever has a file of the worktree open is told, so that groups do not reach over what git did, and of notes.
#[test]
fn editors_hear_of_git() {
    let mut w = two_branches();
    w.opens("ada", "a.rs");
    w.opens("bea", "a.rs");
    w.editor("cid");
    w.closes("bea", "a.rs");
    let operation = GitOperation {
        operation: "checkout".into(),
        old_head: None,
        new_head: None,
        old_branch: None,
        new_branch: Some("topic".into()),
    };
    w.feed(Input::Watched(worktree(), WatchEvent::Git(operation)));
    w.feed(Input::Watched(worktree(), WatchEvent::Noted));
    for told in [Notice::Git { worktree: worktree() }, Notice::Noted { worktree: worktree() }] {
        let told = w.notices.iter().filter(|(_, notice)| *notice == told);
        assert_eq!(told.map(|(producer, _)| *producer).collect::<Vec<_>>(), [w.people["ada"].producer]);
    }
}

/// Git's explanation comes late, when the editor has already loaded the file again: both follow.
#[test]
fn a_late_explanation() {
    let mut w = two_branches();
    w.opens("ada", "a.rs");
    w.program_writes("a.rs", "three\none\npulled\n");
    w.reloads("ada", "a.rs");
    w.git_explains("a.rs", "pull", GitSource::NewHead, &["three\none\n"]);
    assert_eq!(w.blame("a.rs"), [AGENT, OLD, "git pull carried Git"]);
    assert_eq!(w.blame_buffer("ada", "a.rs"), [AGENT, OLD, "git pull carried Git"]);
    assert_eq!(w.count("upgrade"), 1);
    w.git_explains("a.rs", "pull", GitSource::NewHead, &["three\none\n"]);
    assert_eq!(w.count("upgrade"), 1, "once");
}

/// Git takes an agent's file away and writes it again before anybody looks: what it explains is its own write.
#[test]
fn the_same_content_written_again_by_git() {
    let mut w = two_branches();
    w.git_writes("a.rs", Some("three\none\n"), "checkout", GitSource::NewHead, &["three\none\n"]);
    assert_eq!(w.blame("a.rs"), [AGENT, OLD]);
    assert_eq!(w.count("upgrade"), 0);
}

/// A program changes a clean file, and git's index and HEAD go on before anybody looks.
#[test]
fn a_clean_file_that_changes_and_is_committed_at_once() {
    let mut w = World::bare();
    w.put("a.rs", "one\ntwo\n");
    w.staged("a.rs");
    w.scan();
    w.put("a.rs", "one\nnew\ntwo\n");
    w.staged("a.rs");
    w.watch_sees("a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, "external unknown DiskChange", OLD]);
}

/// A look between two switches: the explanation comes when the file holds something else.
#[test]
fn a_late_explanation_of_what_is_gone() {
    let mut w = two_branches();
    w.program_writes("a.rs", "one\nbetween\n");
    let between = w.ports.observe("a.rs", Cause::Event);
    w.git_writes("a.rs", Some("one\ntwo\n"), "checkout", GitSource::NewHead, &["three\none\n"]);
    let git = GitExplanation { operation: "checkout".into(), what: GitSource::NewHead, sources: Vec::new() };
    let explained = WatchEvent::Explained {
        path: "a.rs".into(),
        digest: between.content.digest().unwrap(),
        written: between.written.unwrap(),
        git,
    };
    w.feed(Input::Watched(worktree(), explained));
    assert_eq!((w.count("upgrade"), w.last("upgrade").actor.to_string()), (1, "git checkout".to_owned()));
    assert_eq!(w.blame("a.rs"), [OLD, TYPED]);
}

/// A clean file's text is not kept: git gives it back when the file changes.
#[test]
fn a_clean_file_that_changes() {
    let mut w = World::bare();
    w.put("a.rs", "one\ntwo\n");
    w.staged("a.rs");
    w.scan();
    assert!(w.ports.disk.is_empty(), "nothing is stored of a clean file that was never touched");
    w.program_writes("a.rs", "one\nnew\ntwo\n");
    assert_eq!(w.blame("a.rs"), [OLD, "external unknown DiskChange", OLD]);
    // And when git itself moves on, its sources do.
    w.git_writes("a.rs", Some("one\ntwo\n"), "restore", GitSource::Index, &[]);
    assert_eq!(w.blame("a.rs"), [OLD, OLD]);
}

/// Dirty buffers at a checkout: the buffer keeps its own owners until it is loaded again.
#[test]
fn a_checkout_under_a_dirty_buffer() {
    let mut w = two_branches();
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "dirty\n");
    w.git_writes("a.rs", Some("one\ntwo\n"), "checkout", GitSource::NewHead, &["three\none\n"]);
    assert_eq!(w.blame_buffer("ada", "a.rs"), [AGENT, OLD, TYPED]);
    assert_eq!(w.blame("a.rs"), [OLD, TYPED]);
    w.reloads("ada", "a.rs");
    assert_eq!(w.blame_buffer("ada", "a.rs"), [OLD, TYPED]);
}

/// A line that gave way to another keeps its end for that one: what is new of the line decides whether it is known again.
#[test]
fn a_line_that_comes_back_in_another_ones_place_is_known_again() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.agent_before("bot", "a.rs");
    w.put("a.rs", "one\nan agents line\n");
    w.agent_after("bot", "a.rs");
    w.program_writes("a.rs", "one\n");
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "something of adas\n");
    w.saves("ada", "a.rs");
    w.closes("ada", "a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, TYPED]);
    w.program_writes("a.rs", "one\nan agents line\nand more\n");
    assert_eq!(w.blame("a.rs")[..2], [OLD, AGENT]);
}

/// Git takes what it merges from where a file lay before it was renamed.
#[test]
fn a_source_of_git_may_have_lain_elsewhere() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.agent_before("bot", "a.rs");
    w.put("a.rs", "one\nan agents line\n");
    w.agent_after("bot", "a.rs");
    w.git_writes("b.rs", Some("zero\none\nan agents line\n"), "merge", GitSource::Merge, &["one\nan agents line\n"]);
    assert_eq!(w.blame("b.rs")[1..], [OLD, AGENT]);
}

/// What stood at a path before this hub began is known as far as git still has it.
#[test]
fn a_line_of_an_earlier_hubs_time_comes_back() {
    for (is_clean, has_history) in [(false, true), (true, true), (true, false)] {
        let mut w = two_branches();
        w.agent_before("bot", "a.rs");
        w.put("a.rs", "one\nan agents line\n");
        w.agent_after("bot", "a.rs");
        w.git_writes("a.rs", Some("one\n"), "checkout", GitSource::NewHead, &[]);
        w.ports.disk.clear();
        w.hub_restarts();
        if has_history {
            w.ports.earlier.insert("a.rs".into(), vec![b"one\n".to_vec(), b"one\nan agents line\n".to_vec()]);
        }
        let merged = "one\nan agents line\nof nobody we know\n";
        if is_clean {
            // It came while nobody looked.
            w.put("a.rs", merged);
            w.staged("a.rs");
            w.scan();
        } else {
            w.scan();
            w.git_writes("a.rs", Some(merged), "cherry-pick", GitSource::NewHead, &[]);
        }
        let blame = w.blame("a.rs");
        assert_eq!(blame[1] == AGENT, has_history, "{is_clean}: {blame:?}");
        assert!(!blame[2].starts_with("agent"), "{is_clean}: {blame:?}");
    }
}
