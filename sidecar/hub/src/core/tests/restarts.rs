//! A hub that knows nothing in memory, over the store of one that was killed: the first look at a file, the sidecar that
//! comes back with its spool, and the watch, in every order. What was typed is its typist's, whoever came first.

use codi2_protocol::{Call, Fact, HookPhase, Numbered, ProducerId, WatchState};
use codi2_workspace::WatchEvent;

use super::super::Input;
use super::orders::{Step, interleavings};
use super::world::{World, core, worktree};

const OLD: &str = "unknown unknown BeforeCodi2";
const TYPED: &str = "person ada declared EditorDeclared";

/// How a file was known to the hub that was killed.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Known {
    /// By a row of its own.
    Row,
    /// As git's index has it, which needs no row.
    Tracked,
    /// So, but the index holds what was saved by the time the new hub looks.
    Committed,
    /// Not at all: the hub is this store's first.
    Never,
}

/// Ada has `a.rs` open; then her hub is killed, and what she does from now on waits in her sidecar's spool.
fn away(known: Known) -> World {
    let mut w = World::bare();
    w.put("a.rs", "one\n");
    if matches!(known, Known::Tracked | Known::Committed) {
        w.staged("a.rs");
    }
    if known == Known::Never {
        w.core = core();
        w.editor_away("ada");
    } else {
        w.scan();
        w.editor("ada");
    }
    w.opens("ada", "a.rs");
    if known != Known::Never {
        w.holds("ada");
    }
    w
}

fn saves(w: &mut World) {
    w.writes_file("ada", "a.rs");
    w.says_saved("ada", "a.rs");
}

/// The next hub begins; texts do not outlive a connection.
fn begins(w: &mut World) {
    let spooled = |input: &Input| matches!(input, Input::Called(_, _, Call::Report { .. }));
    w.person("ada").held.as_mut().unwrap().retain(spooled);
    w.core = core();
    w.ports.watched.clear();
    w.feed(Input::Begin);
    w.feed(Input::CaughtUp);
}

fn joins(w: &mut World) {
    let (connection, producer) = (w.people["ada"].connection, w.people["ada"].producer);
    w.joins(connection, producer);
}

/// The next fact of the spool arrives.
fn next(w: &mut World) {
    let input = w.person("ada").held.as_mut().unwrap().remove(0);
    w.feed(input);
}

/// The sidecar sends the text that it was asked for.
fn answers(w: &mut World) {
    if w.wanted() > 0 {
        let held = w.person("ada").held.take();
        w.sends_whole("ada", "a.rs", 100);
        w.person("ada").held = held;
    }
}

fn asked(w: &mut World) {
    // Nobody watches yet: then there is nothing to say.
    let _ = w.owners("a.rs", None, false);
}

/// Runs every order of what the hub looks at and what the sidecar sends.
fn check(name: &str, start: impl Fn() -> World, expected: &[&str]) -> usize {
    let mut count = 0;
    let facts = start().people["ada"].held.as_ref().unwrap().len();
    let road: Vec<Step> =
        [joins as Step].into_iter().chain(vec![next as Step; facts]).chain([answers as Step]).collect();
    let looks: &[Step] = &[World::scan, |w| w.watch_sees("a.rs")];
    for order in interleavings(&[road.len(), looks.len(), 1]) {
        let mut w = start();
        let mut at = [0; 3];
        for lane in &order {
            let step: Step = match lane {
                0 => road[at[0]],
                1 => looks[at[1]],
                _ => asked,
            };
            step(&mut w);
            at[*lane] += 1;
        }
        answers(&mut w);
        w.watch_sees("a.rs");
        assert_eq!(w.blame("a.rs"), expected, "{name}: {order:?}\n{:#?}", w.log(0));
        assert!(w.people["ada"].held.as_ref().unwrap().is_empty());
        count += 1;
    }
    count
}

#[test]
fn a_file_saved_while_no_hub_was_there() {
    for known in [Known::Row, Known::Tracked, Known::Committed, Known::Never] {
        let start = || {
            let mut w = away(known);
            w.appends("ada", "a.rs", "two\n");
            saves(&mut w);
            if known == Known::Committed {
                w.staged("a.rs");
            }
            begins(&mut w);
            w
        };
        let orders = if known == Known::Never { 252 } else { 105 };
        assert_eq!(check(&format!("{known:?}"), start, &[OLD, TYPED]), orders);
    }
}

/// She saves twice and types on: the hub has seen the last save only.
#[test]
fn a_file_saved_twice_while_no_hub_was_there() {
    for known in [Known::Row, Known::Tracked, Known::Committed] {
        let start = || {
            let mut w = away(known);
            w.appends("ada", "a.rs", "two\n");
            saves(&mut w);
            w.appends("ada", "a.rs", "three\n");
            saves(&mut w);
            if known == Known::Committed {
                w.staged("a.rs");
            }
            w.appends("ada", "a.rs", "four, not saved\n");
            begins(&mut w);
            w
        };
        check(&format!("{known:?}"), start, &[OLD, TYPED, TYPED]);
    }
}

/// The killed hub had the group, and not the save.
#[test]
fn a_save_that_the_killed_hub_did_not_hear_of() {
    for known in [Known::Row, Known::Tracked, Known::Committed] {
        let start = || {
            let mut w = away(known);
            w.arrives("ada");
            w.appends("ada", "a.rs", "two\n");
            w.holds("ada");
            saves(&mut w);
            if known == Known::Committed {
                w.staged("a.rs");
            }
            begins(&mut w);
            w
        };
        check(&format!("{known:?}"), start, &[OLD, TYPED]);
    }
}

/// She makes a file while no hub is there.
#[test]
fn a_file_made_while_no_hub_was_there() {
    let start = || {
        let mut w = World::new(&[]);
        w.editor("ada");
        w.holds("ada");
        w.opens_with("ada", "a.rs", "");
        w.appends("ada", "a.rs", "new\n");
        saves(&mut w);
        begins(&mut w);
        w
    };
    check("made", start, &[TYPED]);
}

/// Git brings a text to a file that no hub has seen there, and she goes on from it: its lines are whose they were.
#[test]
fn a_buffer_of_what_git_brought_while_no_hub_was_there() {
    const AGENTS: &str = "agent bot exact IntentExact";
    let written = "one\ntwo\nan agent wrote this here\n";
    let start = || {
        let mut w = World::bare();
        w.put("a.rs", "one\ntwo\n");
        w.staged("a.rs");
        w.scan();
        w.editor("ada");
        w.agent_before("bot", "a.rs");
        w.put("a.rs", written);
        w.agent_after("bot", "a.rs");
        w.staged("a.rs");
        w.ports.earlier.insert("a.rs".into(), vec![written.into()]);
        w.holds("ada");
        w.put("a.rs", "one\nan agent wrote this here\n");
        w.staged("a.rs");
        w.opens("ada", "a.rs");
        w.appends("ada", "a.rs", "three\n");
        saves(&mut w);
        begins(&mut w);
        w
    };
    check("brought", start, &[OLD, AGENTS, TYPED]);
}

/// What a program did to a file while no hub was there is nobody's, and the rest keeps its owners.
#[test]
fn a_tracked_file_that_others_changed_while_no_hub_was_there() {
    let mut w = World::bare();
    w.put("a.rs", "one\ntwo\n");
    w.staged("a.rs");
    w.scan();
    w.put("a.rs", "one\nprogram\ntwo\n");
    w.hub_restarts();
    w.scan();
    assert_eq!(w.blame("a.rs"), [OLD, "external unknown DiskChange", OLD]);
}

/// An agent's call that was over before the hub began, and whose hooks lay in a spool, wrote nothing that is seen to come
/// after the hub's first look, however soon.
#[test]
fn a_program_writes_just_after_the_hub_has_come_back() {
    for (known, still) in [(Known::Row, false), (Known::Row, true), (Known::Tracked, false), (Known::Tracked, true)] {
        let mut w = World::bare();
        w.stands_still = still;
        w.put("a.rs", "one\n");
        if known == Known::Tracked {
            w.staged("a.rs");
        }
        w.scan();
        let hooks = [HookPhase::Before, HookPhase::After].map(|phase| w.hook_record(phase, "bot", &["a.rs"]));
        w.core = core();
        w.ports.watched.clear();
        w.feed(Input::Begin);
        let fact = |(record, seq)| Numbered { seq, occurred_ms: 0, session: None, fact: Fact::Hook(record) };
        w.drained(ProducerId::new(), hooks.into_iter().zip(1..).map(fact).collect());
        w.feed(Input::CaughtUp);
        w.scan();
        w.program_writes("a.rs", "one\na program\n");
        assert_eq!(w.blame("a.rs"), [OLD, "external unknown DiskChange"], "{known:?}, still: {still}");
    }
}

/// The folder of a worktree that somebody has watched goes, with all that the watch says of it, and comes back.
#[test]
fn a_worktree_that_goes_and_comes_back() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "hers\n");
    w.saves("ada", "a.rs");
    let bytes = w.ports.files["a.rs"].clone();
    w.removes("a.rs");
    let state = |state, words: &str| Input::Watched(worktree(), WatchEvent::State(state, words.into()));
    w.feed(state(WatchState::Stopped, "the folder is gone"));
    assert!(w.ports.watched.is_empty() && w.core.ledger.disk.is_empty());
    w.tick(1_000);
    assert!(w.ports.watched.is_empty(), "not yet");
    assert_eq!(w.core.watches()[0].state, WatchState::Stopped);
    w.put("a.rs", bytes);
    w.ports.is_back = true;
    w.tick(1_000);
    assert_eq!(w.core.watches()[0].state, WatchState::Watching);
    w.scan();
    w.feed(state(WatchState::Watching, ""));
    assert_eq!(w.blame("a.rs"), [OLD, TYPED]);
    w.program_writes("a.rs", "one\nhers\nnew\n");
    assert_eq!(w.blame("a.rs"), [OLD, TYPED, "external unknown DiskChange"]);
    assert_eq!(w.count("watch"), 2, "said once each: {:#?}", w.log(0));
}

/// The hub is killed between the two hooks of a call: the next one knows what the file held when it began.
#[test]
fn a_call_that_was_open_when_the_hub_was_killed() {
    for seen_first in [false, true] {
        let mut w = World::new(&[("a.rs", "one\n")]);
        w.program_writes("a.rs", "one\na program\n");
        w.agent_before("bot", "a.rs");
        w.agent_before("bot", "b.rs");
        w.hub_restarts();
        w.put("a.rs", "one\na program\nby bot\n");
        w.put("b.rs", "by bot\n");
        if seen_first {
            w.scan();
        }
        w.agent_after("bot", "a.rs");
        w.agent_after("bot", "b.rs");
        w.scan();
        let bot = "agent bot exact IntentExact";
        assert_eq!(
            w.blame("a.rs"),
            [OLD, "external unknown DiskChange", bot],
            "seen first: {seen_first}\n{:#?}",
            w.log(0)
        );
        assert_eq!(w.blame("b.rs"), [bot], "seen first: {seen_first}\n{:#?}", w.log(0));
        assert!(w.ports.calls.is_empty(), "{:?}", w.ports.calls);
    }
}

/// A command, too; what is open for too long is forgotten by the next hub as by the one that heard of it.
#[test]
fn a_command_that_was_open_when_the_hub_was_killed() {
    for is_over in [false, true] {
        let mut w = World::new(&[("a.rs", "one\n")]);
        w.hook(HookPhase::Before, "bot", &[]);
        w.ports.now += if is_over { codi2_attribution::CALL_MS } else { 0 };
        w.hub_restarts();
        assert_eq!(w.ports.calls.len(), usize::from(!is_over));
        w.scan();
        w.program_writes("a.rs", "one\nnew\n");
        let own = if is_over { "external unknown DiskChange" } else { "unknown unknown Candidate" };
        assert_eq!(w.blame("a.rs"), [OLD, own]);
        w.tick(codi2_attribution::CALL_MS);
        assert!(w.ports.calls.is_empty());
    }
}
