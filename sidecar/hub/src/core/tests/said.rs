//! Somebody else writes into a file while an agent's call is open on it, and the call says what it puts in.

use codi2_attribution::said_lines;
use codi2_protocol::{Call, HookFound, HookPhase, HookRecord};
use codi2_text::{Piece, standing};

use super::super::{Input, Ticket};
use super::world::{SECRET, World, of};

const OLD: &str = "unknown unknown BeforeCodi2";
const AGENT: &str = "agent bot exact IntentExact";
const ALONE: &str = "agent bot inferred OnlyAgentCall";
const POSSIBLE: &str = "unknown unknown Candidate";

/// What the hook after an edit tells that puts in these texts.
fn left(w: &World, path: &str, texts: &[&str]) -> HookRecord {
    left_by(w, "bot", path, texts)
}

pub fn left_by(w: &World, agent: &str, path: &str, texts: &[&str]) -> HookRecord {
    let bytes = &w.ports.files[path];
    let text = std::str::from_utf8(bytes).unwrap();
    let pieces: Vec<Piece> = texts.iter().map(|text| Piece::from(*text)).collect();
    let pieces = standing(text, &pieces).unwrap();
    let put: Vec<_> = pieces.into_iter().map(|piece| piece.start as u32..piece.end as u32).collect();
    let lines = Some(said_lines(text, &put, &SECRET));
    let put = put.into_iter().map(|piece| (piece.start, piece.end)).collect();
    let found = vec![HookFound { file: 0, digest: Some(of(bytes)), put: Some(put), lines }];
    HookRecord { found, ..w.hook_record(HookPhase::After, agent, &[path]) }
}

fn after(w: &mut World, path: &str, texts: &[&str]) {
    w.ports.now += 5;
    let record = left(w, path, texts);
    w.feed(Input::Called(Some(Ticket { connection: 9, id: 0 }), 9, Call::Hook(record)));
}

#[test]
fn what_a_stranger_writes_before_the_agent_does() {
    for is_seen in [false, true] {
        let mut w = World::new(&[("a.rs", "one\n")]);
        w.agent_before("bot", "a.rs");
        w.tick(3_000);
        w.put("a.rs", "one\nstranger here\n");
        if is_seen {
            w.watch_sees("a.rs");
            w.tick(3_000);
        }
        w.put("a.rs", "one\nstranger here\nby bot\n");
        after(&mut w, "a.rs", &["by bot"]);
        let own = if is_seen { ALONE } else { AGENT };
        assert_eq!(w.blame("a.rs"), [OLD, POSSIBLE, own], "seen on the way: {is_seen}");
    }
}

#[test]
fn what_a_stranger_writes_where_the_agent_does_nothing() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.agent_before("bot", "a.rs");
    w.program_writes("a.rs", "one\nstranger here\n");
    after(&mut w, "a.rs", &["by bot"]);
    assert_eq!(w.blame("a.rs"), [OLD, POSSIBLE]);
}

#[test]
fn what_a_stranger_writes_behind_the_agent() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.agent_before("bot", "a.rs");
    w.program_writes("a.rs", "one\nby bot\n");
    w.program_writes("a.rs", "one\nby bot\nstranger here\n");
    after(&mut w, "a.rs", &["by bot\n"]);
    assert_eq!(w.blame("a.rs"), [OLD, ALONE, POSSIBLE]);
}

/// What a formatter does to the agent's lines is not a stranger's, in the same step or behind it.
#[test]
fn what_a_formatter_makes_of_it() {
    for is_seen in [false, true] {
        let mut w = World::new(&[("a.ts", "one();\n")]);
        w.agent_before("bot", "a.ts");
        w.put("a.ts", "one();\ntwo('x', three)\n");
        if is_seen {
            w.watch_sees("a.ts");
        }
        w.put("a.ts", "one();\ntwo(\n  \"x\",\n  three,\n);\n");
        after(&mut w, "a.ts", &["two('x', three)"]);
        let own = if is_seen { ALONE } else { AGENT };
        assert_eq!(w.blame("a.ts"), [OLD, own, own, own, own], "seen on the way: {is_seen}");
    }
}

/// Between the hook's reading and the hub's own somebody else writes: what the agent left is what its hook has read.
#[test]
fn what_a_stranger_writes_behind_the_hook() {
    let edit = |w: &mut World, is_seen: bool| {
        w.agent_before("bot", "a.rs");
        w.put("a.rs", "one\nby bot\n");
        if is_seen {
            w.watch_sees("a.rs");
        }
    };
    for (is_seen, is_told) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut w = World::new(&[("a.rs", "one\n")]);
        edit(&mut w, is_seen);
        let mut record = left(&w, "a.rs", &["by bot\n"]);
        if !is_told {
            record.found[0] = HookFound { put: None, lines: None, ..record.found[0].clone() };
        }
        w.put("a.rs", "one\nby bot\nstranger here\n");
        w.feed(Input::Called(Some(Ticket { connection: 9, id: 0 }), 9, Call::Hook(record)));
        w.watch_sees("a.rs");
        // What the hook has read is known where somebody else has seen it, too; else by the lines that it tells of.
        let (own, others) = match (is_seen, is_told) {
            (true, _) => (AGENT, "external unknown DiskChange"),
            (false, true) => (ALONE, POSSIBLE),
            (false, false) => (POSSIBLE, POSSIBLE),
        };
        assert_eq!(w.blame("a.rs"), [OLD, own, others], "seen: {is_seen}, told: {is_told}");
    }
    // It goes before the hub looks.
    let mut w = World::new(&[("a.rs", "one\n")]);
    edit(&mut w, false);
    let record = left(&w, "a.rs", &["by bot\n"]);
    w.ports.files.remove("a.rs");
    w.feed(Input::Called(Some(Ticket { connection: 9, id: 0 }), 9, Call::Hook(record)));
    assert_ne!(w.log(0).last().map(String::as_str), Some("disk agent bot"), "{:#?}", w.log(0));
}

/// Somebody writes when the hook has read and is over, and one look finds both: what the call told is its agent's, nothing else.
#[test]
fn what_a_stranger_writes_when_the_call_is_over() {
    for (is_seen_first, is_told) in [(false, false), (false, true), (true, false), (true, true)] {
        let mut w = World::new(&[("a.rs", "one\n")]);
        w.agent_before("bot", "a.rs");
        w.put("a.rs", "one\nby bot\n");
        w.ports.now += 5;
        let mut record = left(&w, "a.rs", &["by bot\n"]);
        if !is_told {
            record.found[0] = HookFound { put: None, lines: None, ..record.found[0].clone() };
        }
        w.ports.now += 20;
        w.put("a.rs", "one\nby bot\nstranger here\n");
        if is_seen_first {
            w.watch_sees("a.rs");
        }
        w.feed(Input::Called(Some(Ticket { connection: 9, id: 0 }), 9, Call::Hook(record)));
        w.watch_sees("a.rs");
        let blame = w.blame("a.rs");
        if is_told {
            assert_eq!(blame, [OLD, ALONE, POSSIBLE], "seen first: {is_seen_first}\n{:#?}", w.log(0));
        } else {
            assert!(!blame.iter().any(|line| line.contains("bot")), "seen first: {is_seen_first}: {blame:?}");
        }
    }
}

/// Another agent's command, which says nothing, ended then, too, or was open: it has no line of the other's, nor has anybody
/// the stranger's.
#[test]
fn a_command_beside_a_call_that_is_over() {
    for (is_open, third) in [(false, false), (true, false), (true, true)] {
        let mut w = World::new(&[("a.rs", "one\n")]);
        w.agent_before("bot", "a.rs");
        w.hook(HookPhase::Before, "other", &[]);
        if third {
            // A command that says nothing, and is over, too.
            w.hook(HookPhase::Before, "third", &[]);
        }
        w.put("a.rs", "one\nby bot\n");
        w.ports.now += 5;
        let record = left(&w, "a.rs", &["by bot\n"]);
        if !is_open {
            w.hook(HookPhase::After, "other", &[]);
        }
        if third {
            w.ports.now += 1;
            w.hook(HookPhase::After, "third", &[]);
        }
        w.ports.now += 20;
        w.put("a.rs", "one\nby bot\nstranger here\n");
        w.feed(Input::Called(Some(Ticket { connection: 9, id: 0 }), 9, Call::Hook(record)));
        w.watch_sees("a.rs");
        if is_open {
            w.hook(HookPhase::After, "other", &[]);
        }
        let blame = w.blame("a.rs");
        assert!(!blame.iter().any(|line| line.starts_with("agent")), "open: {is_open}, third: {third}: {blame:?}");
    }
}

/// All files of a record have so many pieces together.
#[test]
fn pieces_are_counted_in_a_record() {
    let mut w = World::new(&[("a.rs", "one\n"), ("b.rs", "one\n")]);
    w.hook(HookPhase::Before, "bot", &["a.rs", "b.rs"]);
    let half = codi2_protocol::limits::PUT_PIECES / 2 + 1;
    let text = format!("one\n{}", "x y\n".repeat(half));
    w.put("a.rs", &text);
    w.put("b.rs", &text);
    w.ports.now += 5;
    // Nothing of the new lines was said.
    let put: Vec<(u32, u32)> = vec![(0, 1); half];
    let found = |file, path: &str| HookFound {
        file,
        digest: Some(of(&w.ports.files[path])),
        put: Some(put.clone()),
        lines: None,
    };
    let found = vec![found(0, "a.rs"), found(1, "b.rs")];
    let record = HookRecord { found, ..w.hook_record(HookPhase::After, "bot", &["a.rs", "b.rs"]) };
    w.feed(Input::Called(Some(Ticket { connection: 9, id: 0 }), 9, Call::Hook(record)));
    assert_eq!((w.blame("a.rs")[1].as_str(), w.blame("b.rs")[1].as_str()), (POSSIBLE, AGENT), "b.rs does not say");
}

#[test]
fn while_there_was_no_hub() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    let digest = Some(of("one\n"));
    let found = vec![HookFound { file: 0, digest, put: None, lines: None }];
    let before = HookRecord { found, ..w.hook_record(HookPhase::Before, "bot", &["a.rs"]) };
    w.ports.now += 3_000;
    w.put("a.rs", "one\nstranger here\nby bot\n");
    let after = left(&w, "a.rs", &["by bot"]);
    w.hub_restarts();
    for record in [before, after] {
        w.feed(Input::Called(None, 0, Call::Hook(record)));
    }
    w.scan();
    assert_eq!(w.blame("a.rs"), [OLD, POSSIBLE, AGENT]);
}

/// Nobody has read what the first of them left but its hook.
#[test]
fn two_edits_while_there_was_no_hub() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    let mut spool = Vec::new();
    let edits = [
        ("one\nstranger here\nby bot\n", "by bot"),
        ("one\nstranger here\nby bot\nmore by bot\nanother stranger\n", "more by bot"),
    ];
    for (text, said) in edits {
        let digest = Some(of(&w.ports.files["a.rs"]));
        let found = vec![HookFound { file: 0, digest, put: None, lines: None }];
        spool.push(HookRecord { found, ..w.hook_record(HookPhase::Before, "bot", &["a.rs"]) });
        w.ports.now += 3_000;
        w.put("a.rs", text);
        spool.push(left(&w, "a.rs", &[said]));
    }
    w.hub_restarts();
    for record in spool {
        w.feed(Input::Called(None, 0, Call::Hook(record)));
    }
    w.scan();
    assert_eq!(w.blame("a.rs"), [OLD, POSSIBLE, AGENT, AGENT, POSSIBLE]);
}

/// The agent goes on when its hook has waited long enough, and the hub reads what it said later, in its socket and in the spool.
#[test]
fn a_hub_that_is_late_takes_what_the_hook_found() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    let found = vec![HookFound { file: 0, digest: Some(of("one\n")), put: None, lines: None }];
    let before = HookRecord { found, ..w.hook_record(HookPhase::Before, "bot", &["a.rs"]) };
    w.ports.now += 1_000;
    w.put("a.rs", "one\nby bot\n");
    w.ports.now += 5;
    let after = left(&w, "a.rs", &["by bot"]);
    w.ports.now += 1_000;
    let known = w.events.len();
    for record in [&before, &after] {
        w.feed(Input::Called(Some(Ticket { connection: 9, id: 0 }), 9, Call::Hook(record.clone())));
    }
    w.watch_sees("a.rs");
    for record in [before, after] {
        w.feed(Input::Called(None, 0, Call::Hook(record)));
    }
    assert_eq!(w.blame("a.rs"), [OLD, AGENT]);
    assert_eq!(w.log(known), ["intent unknown", "intent agent bot", "disk agent bot"], "once");
}

/// A line that the agent did not say is a line beside the block that it moved, and takes that from nobody.
#[test]
fn a_block_that_is_moved_beside_what_the_agent_did_not_say() {
    const ADAS: &str = "person ada declared EditorDeclared";
    let block = "fn written_by_ada() {\n    let answer = everything(42);\n}\n";
    for is_back in [false, true] {
        let mut w = World::new(&[("a.rs", "one\n"), ("b.rs", "one\n")]);
        w.opens("ada", "a.rs");
        w.types("ada", "a.rs", 4, block);
        w.saves("ada", "a.rs");
        w.closes("ada", "a.rs");
        let put = |w: &mut World| {
            w.agent_before("bot", "b.rs");
            w.put("b.rs", format!("one\n{block}by a stranger\n"));
            after(w, "b.rs", &[block]);
        };
        if is_back {
            put(&mut w);
        }
        w.agent_before("bot", "a.rs");
        w.put("a.rs", "one\n");
        w.agent_after("bot", "a.rs");
        if !is_back {
            put(&mut w);
        }
        assert_eq!(w.blame("b.rs"), [OLD, ADAS, ADAS, AGENT, POSSIBLE], "{is_back}\n{:#?}", w.log(0));
    }
}

/// Both lines are seen in one look, and each call says which is its own (ADR 0165).
#[test]
fn two_agents_at_once() {
    let edits = [("ann", "a line of hers"), ("bot", "another of bot's")];
    for is_turned in [false, true] {
        let mut w = World::new(&[("a.rs", "one\n")]);
        edits.iter().for_each(|(agent, _)| w.agent_before(agent, "a.rs"));
        w.put("a.rs", "one\na line of hers\nby a stranger\nanother of bot's\n");
        let ends = if is_turned { [edits[1], edits[0]] } else { edits };
        for (agent, text) in ends {
            w.ports.now += 5;
            let record = left_by(&w, agent, "a.rs", &[text]);
            w.feed(Input::Called(Some(Ticket { connection: 9, id: 0 }), 9, Call::Hook(record)));
        }
        let own = edits.map(|(agent, _)| format!("agent {agent} exact IntentExact"));
        assert_eq!(w.blame("a.rs"), [OLD, &own[0], POSSIBLE, &own[1]], "turned: {is_turned}");
    }
}

/// The text that both calls found when they began is what the first step of the file was made from, and nothing's result.
#[test]
fn two_agents_whose_lines_are_seen_one_by_one() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    ["ann", "bot"].iter().for_each(|agent| w.agent_before(agent, "a.rs"));
    let lines = [("ann", "a line of hers"), ("bot", "another of bot's")];
    let mut text = "one\n".to_owned();
    for (_, line) in lines {
        text = format!("{text}{line}\n");
        w.put("a.rs", &text);
        w.watch_sees("a.rs");
        w.tick(250);
    }
    for (agent, line) in lines {
        let record = left_by(&w, agent, "a.rs", &[line]);
        w.feed(Input::Called(Some(Ticket { connection: 9, id: 0 }), 9, Call::Hook(record)));
    }
    let own = lines.map(|(agent, _)| format!("agent {agent} declared IntentPartial"));
    assert_eq!(w.blame("a.rs"), [OLD, &own[0], &own[1]], "{:#?}", w.log(0));
}
