//! A file is moved and changed by a program before anybody looks: what stays is whose it was, if it is clear what it was.

use codi2_protocol::HookPhase;
use codi2_workspace::{Cause, GitSource, WatchEvent};

use super::super::Input;
use super::orders::{Step, interleavings};
use super::world::{World, worktree};

const OLD: &str = "unknown unknown BeforeCodi2";
const AGENT: &str = "agent bot exact IntentExact";
const EXTERNAL: &str = "external unknown DiskChange";
const CALL: &str = "agent third inferred OnlyAgentCall";
const POSSIBLE: &str = "unknown unknown Candidate";

const HEAD: &str = "older than codi2, one\nolder than codi2, two\n";
const LINE: &str = "a line of the agent\n";
const CHANGED: &str = "0123456789\n";

fn written() -> World {
    let mut w = World::new(&[("a.rs", HEAD)]);
    w.agent_before("bot", "a.rs");
    w.put("a.rs", format!("{HEAD}{LINE}"));
    w.agent_after("bot", "a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, OLD, AGENT]);
    w.tick(10_000);
    w
}

fn together(w: &mut World, paths: &[&str]) {
    w.ports.now += 30;
    let page = paths.iter().map(|path| w.ports.observe(path, Cause::Event)).collect();
    w.feed(Input::Watched(worktree(), WatchEvent::Observed(page)));
}

#[test]
fn what_stays_of_a_file_that_a_program_moves_and_changes_is_whose_it_was() {
    let orders: [Step; 4] = [
        |w| together(w, &["b.rs", "a.rs"]),
        |w| together(w, &["a.rs", "b.rs"]),
        |w| ["b.rs", "a.rs"].iter().for_each(|path| w.watch_sees(path)),
        |w| ["a.rs", "b.rs"].iter().for_each(|path| w.watch_sees(path)),
    ];
    for (number, order) in orders.iter().enumerate() {
        let mut w = written();
        w.ports.files.remove("a.rs");
        w.put("b.rs", format!("{HEAD}{CHANGED}{LINE}"));
        order(&mut w);
        assert_eq!(w.blame("b.rs"), [OLD, OLD, EXTERNAL, AGENT], "{number} {:#?}", w.log(0));
        // And the next hub knows it.
        w.hub_restarts();
        w.scan();
        assert_eq!(w.blame("b.rs"), [OLD, OLD, EXTERNAL, AGENT], "{number}");
    }
}

#[test]
fn what_it_was_must_be_clear() {
    // Most of it is another text.
    let mut w = written();
    w.ports.files.remove("a.rs");
    w.put("b.rs", format!("{LINE}{CHANGED}another line here\nand one more line\n"));
    together(&mut w, &["b.rs", "a.rs"]);
    assert_eq!(w.blame("b.rs"), [EXTERNAL; 4]);
    // Two that went are like it, and no two lines follow each other, as in a block that moves (ADR 0140).
    let mut w = written();
    w.program_writes("c.rs", format!("{HEAD}{LINE}"));
    w.tick(10_000);
    w.ports.files.remove("a.rs");
    w.ports.files.remove("c.rs");
    w.put("b.rs", format!("older than codi2, one\n{CHANGED}{LINE}"));
    together(&mut w, &["b.rs", "a.rs", "c.rs"]);
    assert_eq!(w.blame("b.rs"), [EXTERNAL; 3]);
    // It went so long before that not even a block of it is known to be moved (ADR 0140).
    let mut w = written();
    w.removes("a.rs");
    w.tick(codi2_attribution::OPEN_MS + 1_000);
    w.program_writes("b.rs", format!("{HEAD}{LINE}{CHANGED}"));
    assert_eq!(w.blame("b.rs"), [EXTERNAL; 4]);
}

/// `git mv a.rs b.rs`, a change of it, and `git add` or `git commit` before anybody looks: git takes the file away, and has in its
/// index what the command made of it.
fn moves_with_git(w: &mut World) {
    w.staged("a.rs");
    w.ports.index.remove("a.rs");
    w.ports.files.remove("a.rs");
    w.put("b.rs", format!("{HEAD}{CHANGED}{LINE}"));
    w.staged("b.rs");
}

#[test]
fn what_a_command_moves_with_git_and_changes_is_whose_it_was() {
    let goes: [Step; 3] = [
        |w| w.git_explains("a.rs", "checkout", GitSource::Index, &[]),
        |w| w.git_explains("a.rs", "checkout", GitSource::NewHead, &[]),
        |w| w.watch_sees("a.rs"),
    ];
    for (way, goes) in goes.into_iter().enumerate() {
        for order in interleavings(&[1, 1, 1]) {
            let mut w = written();
            w.hook(HookPhase::Before, "third", &[]);
            moves_with_git(&mut w);
            let steps: [Step; 3] = [goes, |w| w.watch_sees("b.rs"), |w| drop(w.hook(HookPhase::After, "third", &[]))];
            order.iter().for_each(|at| steps[*at](&mut w));
            assert_eq!(w.blame("b.rs"), [OLD, OLD, CALL, AGENT], "{way} {order:?} {:#?}", w.log(0));
            // And the next hub knows it.
            w.hub_restarts();
            w.scan();
            assert_eq!(w.blame("b.rs"), [OLD, OLD, CALL, AGENT], "{way} {order:?}");
        }
    }
}

/// `mv a.rs b.rs`, a change of it, and `git commit -a`: git records that the file is gone and does not have the new one. What is the
/// agent's own it keeps.
#[test]
fn what_git_does_not_have_yet_is_whose_it_was() {
    let goes: [Step; 2] = [|w| w.git_explains("a.rs", "rm", GitSource::Removed, &[]), |w| w.watch_sees("a.rs")];
    for (what, new, expected) in [
        ("moved", format!("{HEAD}{CHANGED}{LINE}"), &[OLD, OLD, CALL, AGENT][..]),
        ("another text", format!("{CHANGED}{LINE}another line here\nand one more line\n"), &[CALL; 4]),
        ("one line alone", LINE.to_owned(), &[CALL]),
    ] {
        for (order, goes) in interleavings(&[1, 1, 1]).iter().flat_map(|order| goes.map(|goes| (order, goes))) {
            let mut w = written();
            w.hook(HookPhase::Before, "third", &[]);
            moves_with_git(&mut w);
            w.put("b.rs", &new);
            w.ports.index.remove("b.rs");
            let steps: [Step; 3] = [goes, |w| w.watch_sees("b.rs"), |w| drop(w.hook(HookPhase::After, "third", &[]))];
            order.iter().for_each(|at| steps[*at](&mut w));
            assert_eq!(w.blame("b.rs"), expected, "{what} {order:?} {:#?}", w.log(0));
            w.hub_restarts();
            w.scan();
            assert_eq!(w.blame("b.rs"), expected, "{what} {order:?}, and the next hub");
        }
    }
}

/// The command goes on for longer than the two ends may be apart, and another agent is at work, too.
#[test]
fn what_one_of_two_commands_moves_is_whose_it_was() {
    let mut w = written();
    w.hook(HookPhase::Before, "third", &[]);
    moves_with_git(&mut w);
    w.watch_sees("b.rs");
    w.git_explains("a.rs", "checkout", GitSource::Index, &[]);
    w.tick(30_000);
    w.hook(HookPhase::After, "third", &[]);
    assert_eq!(w.blame("b.rs"), [OLD, OLD, CALL, AGENT], "{:#?}", w.log(0));
    let mut w = written();
    w.hook(HookPhase::Before, "third", &[]);
    w.hook(HookPhase::Before, "fourth", &[]);
    moves_with_git(&mut w);
    w.git_explains("a.rs", "checkout", GitSource::Index, &[]);
    w.watch_sees("b.rs");
    w.hook(HookPhase::After, "third", &[]);
    w.hook(HookPhase::After, "fourth", &[]);
    assert_eq!(w.blame("b.rs"), [OLD, OLD, POSSIBLE, AGENT], "{:#?}", w.log(0));
}

/// A tool says that it writes the new file; git took the former away for another branch, and does not have the new one; another
/// agent said that it removes the former.
#[test]
fn what_an_agent_wrote_itself_is_no_move() {
    let exact = "agent third exact IntentExact";
    let mut w = written();
    w.agent_before("third", "b.rs");
    moves_with_git(&mut w);
    together(&mut w, &["b.rs"]);
    w.git_explains("a.rs", "checkout", GitSource::Index, &[]);
    w.agent_after("third", "b.rs");
    assert_eq!(w.blame("b.rs"), [exact; 4], "{:#?}", w.log(0));
    let mut w = written();
    w.hook(HookPhase::Before, "third", &[]);
    moves_with_git(&mut w);
    w.ports.index.remove("b.rs");
    w.git_explains("a.rs", "checkout", GitSource::NewHead, &[]);
    w.watch_sees("b.rs");
    w.hook(HookPhase::After, "third", &[]);
    assert_eq!(w.blame("b.rs"), [CALL; 4], "{:#?}", w.log(0));
    let mut w = written();
    w.agent_before("bot", "a.rs");
    w.removes("a.rs");
    w.agent_after("bot", "a.rs");
    w.hook(HookPhase::Before, "third", &[]);
    w.program_writes("b.rs", format!("{HEAD}{CHANGED}{LINE}"));
    w.hook(HookPhase::After, "third", &[]);
    assert_eq!(w.blame("b.rs"), [CALL; 4], "{:#?}", w.log(0));
}

/// A command moves a folder, and changes each file. Most of all of them is the same.
#[test]
fn a_folder_that_a_command_moves() {
    const FILES: usize = 40;
    let text = |number: usize, new: &str| {
        format!("{HEAD}{LINE}file {number} line one of its own\n{new}line of the number {number}\n")
    };
    let mut w = World::new(&[]);
    for number in 0..FILES {
        let path = format!("old/{number}.rs");
        w.agent_before("bot", &path);
        w.put(&path, text(number, ""));
        w.agent_after("bot", &path);
        w.staged(&path);
    }
    w.tick(10_000);
    w.hook(HookPhase::Before, "third", &[]);
    for number in 0..FILES {
        let (old, new) = (format!("old/{number}.rs"), format!("new/{number}.rs"));
        w.ports.files.remove(&old);
        w.ports.index.remove(&old);
        w.put(&new, text(number, CHANGED));
        w.staged(&new);
    }
    let paths = |folder: &str| (0..FILES).map(|number| format!("{folder}/{number}.rs")).collect::<Vec<_>>();
    let (new, old) = (paths("new"), paths("old"));
    together(&mut w, &new.iter().map(String::as_str).collect::<Vec<_>>());
    together(&mut w, &old.iter().map(String::as_str).collect::<Vec<_>>());
    w.hook(HookPhase::After, "third", &[]);
    for path in &new {
        assert_eq!(w.blame(path), [AGENT, AGENT, AGENT, AGENT, CALL, AGENT], "{path}");
    }
}
