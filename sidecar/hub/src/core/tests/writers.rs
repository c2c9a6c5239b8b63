//! Several writers on one file: agents that announce themselves, people who type meanwhile, two editors.

use codi2_protocol::{EvidenceKind, Shape, SourceKind};

use super::world::{World, body};

const OLD: &str = "unknown unknown BeforeCodi2";
const TYPED: &str = "person ada declared EditorDeclared";
const EXTERNAL: &str = "external unknown DiskChange";
const AGENT: &str = "agent bot exact IntentExact";
const POSSIBLE: &str = "unknown unknown Candidate";

#[test]
fn an_announced_edit() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.agent_before("bot", "a.rs");
    w.put("a.rs", "one\nbot\n");
    w.agent_after("bot", "a.rs");
    w.watch_sees("a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, AGENT]);
    assert_eq!(w.log(0), ["intent unknown", "intent agent bot", "disk agent bot"]);
    assert!(w.events.iter().all(|event| event.file.as_deref() == Some("a.rs") && event.worktree.is_some()));
}

/// Who moves a line is not who wrote it.
#[test]
fn lines_that_are_moved_stay_whose_they_are() {
    let mut w = World::new(&[("a.rs", "older than codi2\nand this line\n}\n")]);
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "typed by ada\n");
    w.saves("ada", "a.rs");
    let moved = w.events.len();
    w.agent_before("bot", "a.rs");
    w.put("a.rs", "typed by ada\nolder than codi2\nand this line\n}\n");
    w.agent_after("bot", "a.rs");
    assert_eq!(w.blame("a.rs"), [TYPED, OLD, OLD, OLD]);
    assert_eq!(w.log(moved), ["intent unknown", "intent agent bot", "disk agent bot"], "the mover is told");
    w.agent_before("bot", "a.rs");
    w.put("a.rs", "}\ntyped by ada\nwritten by bot\nolder than codi2\nand this line\n");
    w.agent_after("bot", "a.rs");
    assert_eq!(w.blame("a.rs"), [AGENT, TYPED, AGENT, OLD, OLD], "a short line anybody may write again");
    w.program_writes("a.rs", "and this line\nolder than codi2\nwritten by bot\ntyped by ada\nby nobody known\n");
    assert_eq!(w.blame("a.rs"), [OLD, OLD, AGENT, TYPED, EXTERNAL], "nor is a program that nobody announced");
}

/// Git may bring a line back in a text that nobody has seen, and that it cannot explain.
#[test]
fn a_line_that_comes_back_at_its_path_is_whose_it_was() {
    let mut w = World::new(&[("a.rs", "older than codi2\n"), ("b.rs", "older than codi2\n")]);
    w.opens("ada", "a.rs");
    w.appends("ada", "a.rs", "typed by ada\n}\n");
    w.saves("ada", "a.rs");
    w.program_writes("a.rs", "older than codi2\n");
    w.program_writes("a.rs", "older than codi2\n{\ntyped by ada\n}\n");
    assert_eq!(w.blame("a.rs"), [OLD, EXTERNAL, TYPED, EXTERNAL], "a short line anybody may write");
    w.program_writes("b.rs", "older than codi2\ntyped by ada\n");
    assert_eq!(w.blame("b.rs"), [OLD, EXTERNAL], "at another path it may be anybody's");
    w.program_writes("a.rs", "older than codi2\n");
    w.agent_before("bot", "a.rs");
    w.put("a.rs", "older than codi2\ntyped by ada\n");
    w.agent_after("bot", "a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, AGENT], "who announces it wrote it");
    w.program_writes("a.rs", "older than codi2\n");
    w.program_writes("a.rs", "older than codi2\n}\ntyped by ada\n");
    assert_eq!(w.blame("a.rs"), [OLD, EXTERNAL, EXTERNAL], "two have written it");
}

/// An agent writes what stands in an open buffer: read there before it was saved, or from the file just after.
#[test]
fn what_an_agent_writes_out_of_a_buffer_stays_whose_it_is_there() {
    for is_saved in [false, true] {
        for watched in [false, true] {
            let mut w = World::new(&[("a.rs", "one\n")]);
            w.opens("ada", "a.rs");
            w.agent_before("bot", "a.rs");
            w.types("ada", "a.rs", 0, "let hers = typed;\n}\n");
            w.put("a.rs", "let hers = typed;\n}\none\nbot\n}\n");
            if is_saved {
                w.says_saved("ada", "a.rs");
            }
            if watched {
                w.watch_sees("a.rs");
            }
            w.agent_after("bot", "a.rs");
            let lines = [TYPED, TYPED, OLD, AGENT, AGENT];
            assert_eq!(w.blame("a.rs"), lines, "saved: {is_saved}, watched: {watched}");
            w.reloads("ada", "a.rs");
            assert_eq!(w.blame_buffer("ada", "a.rs"), lines);
            w.saves("ada", "a.rs");
            assert_eq!(w.blame("a.rs"), lines);
        }
    }
}

/// A short line that she has typed and not saved the agent may have written, too; what she saved was on disk.
#[test]
fn a_short_line_of_a_buffer_is_anybodys_before_it_is_saved() {
    for (is_saved, line) in [(false, AGENT), (true, TYPED)] {
        let mut w = World::new(&[("a.rs", "one\n")]);
        w.opens("ada", "a.rs");
        w.agent_before("bot", "a.rs");
        w.types("ada", "a.rs", 4, "}\n");
        w.put("a.rs", "one\n}\nbot\n");
        if is_saved {
            w.says_saved("ada", "a.rs");
        }
        w.agent_after("bot", "a.rs");
        assert_eq!(w.blame("a.rs"), [OLD, line, AGENT]);
    }
}

#[test]
fn the_watch_is_faster_than_the_hook() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.agent_before("bot", "a.rs");
    w.program_writes("a.rs", "one\nbot\n");
    w.reloads("ada", "a.rs");
    w.agent_after("bot", "a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, AGENT]);
    assert_eq!(w.blame_buffer("ada", "a.rs"), [OLD, AGENT], "who loaded it follows");
    assert_eq!(
        w.log(1),
        ["intent unknown", "disk unknown", "edit unknown in a session", "intent agent bot", "upgrade agent bot"]
    );
    w.appends("ada", "a.rs", "ada\n");
    w.saves("ada", "a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, AGENT, TYPED]);
}

#[test]
fn an_agent_that_makes_a_file() {
    let mut w = World::new(&[]);
    w.agent_before("bot", "new.rs");
    w.program_writes("new.rs", "bot\n");
    w.agent_after("bot", "new.rs");
    assert_eq!(w.blame("new.rs"), [AGENT]);
}

#[test]
fn only_the_hook_before() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    let mut record = w.hook_record(codi2_protocol::HookPhase::Before, "bot", &["a.rs"]);
    record.actor = Some(codi2_protocol::Actor::named(codi2_protocol::ActorKind::Agent, "bot"));
    w.feed(super::super::Input::Called(None, 9, codi2_protocol::Call::Hook(record)));
    w.program_writes("a.rs", "one\nbot\n");
    assert_eq!(w.blame("a.rs"), [OLD, POSSIBLE], "it may still be refused");
    w.tick(11 * 60_000);
    w.program_writes("a.rs", "one\nbot\nlater\n");
    assert_eq!(w.blame("a.rs"), [OLD, POSSIBLE, EXTERNAL]);
}

/// An edit fails because somebody else has just written: the file is another one before and after, and not by it.
#[test]
fn an_edit_that_fails_certifies_nothing() {
    for (path, first) in [("a.rs", Some(OLD)), ("new.rs", None)] {
        for is_seen in [true, false] {
            let mut w = World::new(&[("a.rs", "one\n")]);
            w.agent_before("bot", path);
            let text = first.map_or("", |_| "one\n").to_owned() + "somebody\n";
            w.put(path, &text);
            if is_seen {
                w.watch_sees(path);
            }
            w.agent_fails("bot", path);
            w.watch_sees(path);
            assert_eq!(w.blame(path).last().unwrap(), POSSIBLE, "{path}, seen: {is_seen}");
            // It reads the file again and edits it.
            w.agent_before("bot", path);
            w.put(path, text + "bot\n");
            w.agent_after("bot", path);
            assert_eq!(w.blame(path)[usize::from(first.is_some())..], [POSSIBLE, AGENT], "{path}, seen: {is_seen}");
        }
    }
}

/// Of a file that was not there before it is known since when it may have been written, too.
#[test]
fn two_agents_at_a_new_file_are_both_named() {
    for seen in [0, 1, 2] {
        let mut w = World::new(&[]);
        w.tick(60_000);
        w.agent_before("bot", "new.rs");
        w.agent_before("other", "new.rs");
        w.put("new.rs", "written by one of two\n");
        for (at, agent) in ["bot", "other"].into_iter().enumerate() {
            if seen == at {
                w.watch_sees("new.rs");
            }
            w.agent_after(agent, "new.rs");
        }
        w.watch_sees("new.rs");
        assert_eq!(w.blame("new.rs"), [POSSIBLE], "seen before the end of {seen}");
    }
}

/// The second one's edit fails, since the file is there by now.
#[test]
fn who_failed_to_make_a_file_leaves_it_to_who_made_it() {
    let mut w = World::new(&[]);
    w.agent_before("bot", "new.rs");
    w.agent_before("other", "new.rs");
    w.put("new.rs", "written by bot\n");
    w.agent_after("bot", "new.rs");
    w.agent_fails("other", "new.rs");
    assert_eq!(w.blame("new.rs"), [AGENT]);
}

/// Some tools only tell afterwards. What was written long before, or after, is not theirs.
#[test]
fn a_hook_after_alone_explains_what_was_just_written() {
    const INFERRED: &str = "agent bot inferred OnlyAgentCall";
    for (path, lines) in
        [("a.rs", [OLD, INFERRED, OLD, EXTERNAL]), ("new.rs", [INFERRED, INFERRED, EXTERNAL, EXTERNAL])]
    {
        for (wait, is_seen, at) in [(0, false, 0), (0, true, 0), (20_000, true, 2)] {
            let mut w = World::new(&[("a.rs", "one\n")]);
            w.tick(60_000);
            w.put(path, "one\nwho\n");
            if is_seen {
                w.watch_sees(path);
            }
            w.tick(wait);
            w.agent_after("bot", path);
            w.watch_sees(path);
            assert_eq!(w.blame(path), lines[at..at + 2], "{path} after {wait} ms, seen: {is_seen}");
        }
    }
    // The hook before lay in a spool: by its time the line stood there.
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.program_writes("a.rs", "one\nwho\n");
    w.tick(500);
    let spooled = w.hook_record(codi2_protocol::HookPhase::Before, "bot", &["a.rs"]);
    w.agent_after("bot", "a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, INFERRED]);
    w.feed(super::super::Input::Called(None, 0, codi2_protocol::Call::Hook(spooled)));
    assert_eq!(w.blame("a.rs"), [OLD, EXTERNAL]);
}

/// A command ends, and somebody writes: the kernel knows when.
#[test]
fn what_is_written_after_a_call_ended_is_not_its() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.hook(codi2_protocol::HookPhase::Before, "bot", &[]);
    w.put("a.rs", "one\nbot\n");
    w.hook(codi2_protocol::HookPhase::After, "bot", &[]);
    w.watch_sees("a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, "agent bot inferred OnlyAgentCall"]);
    w.hook(codi2_protocol::HookPhase::Before, "bot", &[]);
    w.hook(codi2_protocol::HookPhase::After, "bot", &[]);
    w.ports.now += 20;
    w.program_writes("a.rs", "one\nbot\nsomebody\n");
    assert_eq!(w.blame("a.rs")[2], EXTERNAL);
}

/// Somebody writes while a call is open, and then its agent: of neither step the digests say whose it is.
#[test]
fn two_writes_in_one_call_are_certain_of_nobody() {
    for (path, old) in [("a.rs", "one\n"), ("new.rs", "")] {
        let mut w = World::new(&[("a.rs", "one\n")]);
        w.agent_before("bot", path);
        w.program_writes(path, format!("{old}somebody\n"));
        w.tick(1_000);
        w.put(path, format!("{old}somebody\nbot\n"));
        w.agent_after("bot", path);
        w.watch_sees(path);
        let lines = w.blame(path);
        assert!(lines.iter().all(|line| !line.contains("exact")), "{path}: {lines:?}");
        assert_eq!(lines.last().unwrap(), "agent bot inferred OnlyAgentCall", "{path}");
    }
}

#[test]
fn two_agents_at_once_are_both_named() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.agent_before("bot", "a.rs");
    w.agent_before("other", "a.rs");
    w.put("a.rs", "one\nwritten by one of two\n");
    w.agent_after("bot", "a.rs");
    w.agent_after("other", "a.rs");
    w.watch_sees("a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, "unknown unknown Candidate"]);
    let reply = w.owners("a.rs", None, false).unwrap();
    let named: Vec<_> = reply.owners.iter().flat_map(|owner| &owner.verdict.evidence).collect();
    let named: Vec<_> = named.iter().filter(|e| e.kind == EvidenceKind::Candidate).map(|e| &e.detail).collect();
    assert!(named.iter().any(|d| d.contains("bot")) && named.iter().any(|d| d.contains("other")), "{named:?}");
}

#[test]
fn a_person_types_and_saves_while_a_call_is_open() {
    for agent_first in [true, false] {
        let mut w = World::new(&[("a.rs", "one\n")]);
        w.opens("ada", "a.rs");
        w.agent_before("bot", "a.rs");
        if agent_first {
            w.program_writes("a.rs", "bot\none\n");
            w.reloads("ada", "a.rs");
            w.appends("ada", "a.rs", "ada\n");
            w.saves("ada", "a.rs");
        } else {
            w.appends("ada", "a.rs", "ada\n");
            w.saves("ada", "a.rs");
            w.program_writes("a.rs", "bot\none\nada\n");
            w.reloads("ada", "a.rs");
        }
        w.agent_after("bot", "a.rs");
        let lines = w.blame("a.rs");
        assert_eq!(lines[1..], [OLD, TYPED], "agent first: {agent_first}");
        assert!(lines[0].starts_with("agent bot"), "{lines:?}");
        assert_eq!(w.blame_buffer("ada", "a.rs"), lines);
    }
}

#[test]
fn a_hook_record_counts_once() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    let record = w.hook(codi2_protocol::HookPhase::Before, "bot", &["a.rs"]);
    w.program_writes("a.rs", "one\nbot\n");
    let after = w.hook(codi2_protocol::HookPhase::After, "bot", &["a.rs"]);
    let events = w.events.len();
    for record in [&record, &after, &record, &after] {
        w.feed(super::super::Input::Called(None, 9, codi2_protocol::Call::Hook(record.clone())));
    }
    w.hub_restarts();
    w.scan();
    for record in [&record, &after] {
        w.feed(super::super::Input::Called(None, 9, codi2_protocol::Call::Hook(record.clone())));
    }
    assert_eq!(w.events.len(), events, "{:?}", w.log(events));
    assert_eq!(w.blame("a.rs"), [OLD, AGENT]);
}

#[test]
fn an_agent_that_names_several_files() {
    let mut w = World::new(&[("a.rs", "one\n"), ("b.rs", "one\n")]);
    w.hook(codi2_protocol::HookPhase::Before, "bot", &["a.rs", "b.rs", "/elsewhere/c.rs"]);
    w.put("a.rs", "one\nbot\n");
    w.put("b.rs", "bot\none\n");
    w.hook(codi2_protocol::HookPhase::After, "bot", &["a.rs", "b.rs", "/elsewhere/c.rs"]);
    assert_eq!(w.blame("a.rs"), [OLD, AGENT]);
    assert_eq!(w.blame("b.rs"), [AGENT, OLD]);
    let codi2_protocol::EventBody::Intent { files, .. } = body(w.last("intent")) else { panic!() };
    assert_eq!(files, &["a.rs", "b.rs"]);
}

/// Two editors on one file: two branches until one is saved.
#[test]
fn two_editors_on_one_file() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.opens("bea", "a.rs");
    w.appends("ada", "a.rs", "ada\n");
    w.types("bea", "a.rs", 0, "bea\n");
    let bea = "person bea declared EditorDeclared";
    assert_eq!(w.blame_buffer("ada", "a.rs"), [OLD, TYPED]);
    assert_eq!(w.blame_buffer("bea", "a.rs"), [bea, OLD]);
    w.saves("ada", "a.rs");
    assert_eq!(w.blame_buffer("bea", "a.rs"), [bea, OLD], "a branch of its own");
    // bea takes ada's text over and puts hers on top.
    w.reloads("bea", "a.rs");
    w.types("bea", "a.rs", 0, "bea\n");
    w.saves("bea", "a.rs");
    w.reloads("ada", "a.rs");
    assert_eq!(w.blame("a.rs"), [bea, OLD, TYPED]);
    assert_eq!(w.blame_buffer("ada", "a.rs"), [bea, OLD, TYPED]);
    assert_eq!(w.last("saved").actor.name, "bea");
}

/// Two editors with the same text: whoever saves it is named, and each keeps what it wrote.
#[test]
fn two_editors_with_one_text() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.opens("bea", "a.rs");
    w.appends("ada", "a.rs", "same\n");
    w.appends("bea", "a.rs", "same\n");
    w.saves("ada", "a.rs");
    assert_eq!(w.last("saved").actor.name, "ada");
    assert_eq!(w.blame("a.rs"), [OLD, TYPED]);
}

/// A paste that nobody declared, saved inside an agent's call that says it wrote just this: the agent's.
#[test]
fn an_agent_that_writes_through_the_editor() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.agent_before("bot", "a.rs");
    w.person("ada").declares = false;
    w.inserts("ada", "a.rs", 4, "written by the agent through the editor\n", SourceKind::Paste);
    w.writes_file("ada", "a.rs");
    w.agent_after("bot", "a.rs");
    w.says_saved("ada", "a.rs");
    w.watch_sees("a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, AGENT]);
    w.person("ada").declares = true;
    w.appends("ada", "a.rs", "ada\n");
    w.saves("ada", "a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, AGENT, TYPED]);
}

/// A file takes one step twice: a program's before the agent's call, and a save while the call is open. The call did not
/// do the first.
#[test]
fn a_step_that_was_taken_before_the_call_too() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w.opens("bea", "a.rs");
    w.put("a.rs", "xx\none\n");
    w.reloads("bea", "a.rs");
    w.saves("ada", "a.rs");
    w.agent_before("bot", "a.rs");
    w.cuts("bea", "a.rs", 0, 1);
    w.becomes("bea", "a.rs", "xx\none\n", SourceKind::Undo, Shape::Replace);
    w.saves("bea", "a.rs");
    w.agent_after("bot", "a.rs");
    assert_eq!(w.blame("a.rs")[0], "external unknown DiskChange");
}
