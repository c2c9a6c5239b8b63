//! Files that are gone or empty for a moment: one program's way to write, or two that have nothing to do with each other.

use codi2_protocol::{Call, HookFound, HookPhase, HookRecord};
use codi2_workspace::GitSource;

use super::super::{Input, Ticket};
use super::orders::Step;
use super::said::left_by;
use super::world::{World, of};

const OTHER: &str = "agent other exact IntentExact";
const EXTERNAL: &str = "external unknown DiskChange";
const BOT: &str = "agent bot exact IntentExact";
const POSSIBLE: &str = "unknown unknown Candidate";
const ALONE: &str = "agent other inferred OnlyAgentCall";
/// What [`written`] leaves.
const TEXT: &str = "first line of bot\nsecond line of bot\n";

/// Two lines of the agent's.
fn written() -> World {
    let mut w = World::new(&[]);
    w.agent_before("bot", "a.rs");
    w.put("a.rs", TEXT);
    w.agent_after("bot", "a.rs");
    w
}

const WAYS: [(&str, Step); 4] = [
    ("switched", |w| w.git_writes("a.rs", None, "checkout", GitSource::NewHead, &[])),
    ("removed", |w| w.removes("a.rs")),
    ("truncated", |w| w.program_writes("a.rs", "")),
    ("by a command", |w| {
        w.hook(HookPhase::Before, "other", &[]);
        w.removes("a.rs");
        w.hook(HookPhase::After, "other", &[]);
    }),
];

/// Another agent makes the file anew, with the very text or with a part of it.
#[test]
fn what_is_announced_of_a_file_that_was_gone_is_its_agents() {
    for (way, goes) in WAYS {
        for text in [TEXT, "first line of bot\nof the other\n"] {
            for seen_first in [false, true] {
                let mut w = written();
                goes(&mut w);
                w.tick(1_000);
                w.agent_before("other", "a.rs");
                w.put("a.rs", text);
                if seen_first {
                    w.watch_sees("a.rs");
                }
                w.agent_after("other", "a.rs");
                assert_eq!(w.blame("a.rs"), [OTHER; 2], "{way}, seen first: {seen_first}\n{:#?}", w.log(0));
            }
        }
    }
}

/// What git took away, or an agent by a call that is over, a stranger does not write again.
#[test]
fn what_went_for_good_is_not_written_again() {
    for (way, goes) in [WAYS[0], WAYS[3]] {
        let mut w = World::new(&[]);
        w.agent_before("bot", "a.rs");
        w.put("a.rs", "one\ntwo\n");
        w.agent_after("bot", "a.rs");
        goes(&mut w);
        w.tick(5_000);
        w.program_writes("a.rs", "one\ntwo\nnew\n");
        assert_eq!(w.blame("a.rs"), [EXTERNAL; 3], "{way}");
    }
}

/// A program empties or removes a file; an agent's command begins, which has nothing to do with it; the program writes.
#[test]
fn a_command_that_began_since_is_not_the_writer() {
    for (way, goes) in [WAYS[1], WAYS[2]] {
        let mut w = written();
        goes(&mut w);
        w.tick(1_000);
        w.hook(HookPhase::Before, "other", &[]);
        w.program_writes("a.rs", format!("{TEXT}more\n"));
        assert_eq!(w.blame("a.rs"), [BOT, BOT, POSSIBLE], "{way}, open");
        w.hook(HookPhase::After, "other", &[]);
        assert_eq!(w.blame("a.rs"), [BOT, BOT, POSSIBLE], "{way}\n{:#?}", w.log(0));
    }
}

/// The hub sees later that the file was emptied than the command began.
#[test]
fn a_command_that_began_before_it_was_seen() {
    let mut w = written();
    w.put("a.rs", "");
    w.ports.now += 50;
    w.hook(HookPhase::Before, "other", &[]);
    w.watch_sees("a.rs");
    w.program_writes("a.rs", format!("{TEXT}more\n"));
    w.hook(HookPhase::After, "other", &[]);
    assert_eq!(w.blame("a.rs"), [BOT, BOT, POSSIBLE], "{:#?}", w.log(0));
}

/// One that was emptied is still held by who emptied it; one that was removed and is unlike the former is a new file.
#[test]
fn another_text_by_a_command_that_began_since() {
    for ((way, goes), owner) in [(WAYS[1], ALONE), (WAYS[2], POSSIBLE)] {
        let mut w = written();
        goes(&mut w);
        w.tick(1_000);
        w.hook(HookPhase::Before, "other", &[]);
        w.program_writes("a.rs", "quite\nanother\n");
        w.hook(HookPhase::After, "other", &[]);
        assert_eq!(w.blame("a.rs"), [owner; 2], "{way}\n{:#?}", w.log(0));
    }
}

/// A file is emptied during one command of an agent's, and written during the next.
#[test]
fn between_two_commands() {
    let mut w = written();
    w.hook(HookPhase::Before, "other", &[]);
    w.program_writes("a.rs", "");
    w.hook(HookPhase::After, "other", &[]);
    w.tick(1_000);
    w.hook(HookPhase::Before, "other", &[]);
    w.program_writes("a.rs", format!("{TEXT}more\n"));
    w.hook(HookPhase::After, "other", &[]);
    assert_eq!(w.blame("a.rs"), [BOT, BOT, POSSIBLE], "{:#?}", w.log(0));
}

/// An agent's call finds a file while another program has emptied it and not yet written it.
#[test]
fn a_call_that_meets_a_half_written_file() {
    let mut w = written();
    w.program_writes("a.rs", "");
    w.agent_before("other", "a.rs");
    w.program_writes("a.rs", format!("{TEXT}more\n"));
    assert_eq!(w.blame("a.rs"), [BOT, BOT, POSSIBLE], "open");
    w.tick(1_000);
    w.program_writes("a.rs", format!("{TEXT}more\nof the other\n"));
    w.agent_after("other", "a.rs");
    assert_eq!(w.blame("a.rs"), [BOT, BOT, POSSIBLE, ALONE], "{:#?}", w.log(0));
}

/// The program that writes is another agent's.
#[test]
fn a_call_that_meets_what_another_agent_writes() {
    let mut w = written();
    w.agent_before("third", "a.rs");
    w.program_writes("a.rs", "");
    w.agent_before("other", "a.rs");
    w.program_writes("a.rs", format!("{TEXT}of the third\n"));
    w.agent_after("third", "a.rs");
    w.tick(1_000);
    w.program_writes("a.rs", format!("{TEXT}of the third\nof the other\n"));
    w.agent_after("other", "a.rs");
    let third = "agent third exact IntentExact";
    assert_eq!(w.blame("a.rs"), [BOT, BOT, third, ALONE], "{:#?}", w.log(0));
}

/// A buffer is saved over the file that an agent's call found empty, and the call does nothing.
#[test]
fn a_call_that_meets_a_save() {
    for seen_first in [true, false] {
        let mut w = written();
        w.opens("ada", "a.rs");
        w.appends("ada", "a.rs", "typed by ada\n");
        w.program_writes("a.rs", "");
        w.agent_before("other", "a.rs");
        if seen_first {
            w.saves("ada", "a.rs");
            w.agent_after("other", "a.rs");
        } else {
            w.put("a.rs", format!("{TEXT}typed by ada\n"));
            w.agent_after("other", "a.rs");
            w.saves("ada", "a.rs");
        }
        let ada = "person ada declared EditorDeclared";
        assert_eq!(w.blame("a.rs"), [BOT, BOT, ada], "seen first: {seen_first}\n{:#?}", w.log(0));
    }
}

/// The call ends with what the program wrote, and said that it puts in something else, or all of it.
#[test]
fn a_call_that_says_what_it_puts_in() {
    let all = u32::try_from(TEXT.len() + "more\n".len()).unwrap();
    for (said, owners) in [(0..0, [BOT, BOT, POSSIBLE]), (0..all, [OTHER; 3])] {
        let mut w = written();
        w.program_writes("a.rs", "");
        w.agent_before("other", "a.rs");
        w.program_writes("a.rs", format!("{TEXT}more\n"));
        w.ports.now += 5;
        let put = if said.is_empty() { Vec::new() } else { vec![(said.start, said.end)] };
        let found = vec![HookFound { file: 0, digest: Some(of(&w.ports.files["a.rs"])), put: Some(put), lines: None }];
        let record = HookRecord { found, ..w.hook_record(HookPhase::After, "other", &["a.rs"]) };
        w.feed(Input::Called(Some(Ticket { connection: 9, id: 0 }), 9, Call::Hook(record)));
        assert_eq!(w.blame("a.rs"), owners, "{said:?}\n{:#?}", w.log(0));
    }
}

/// What is learned late of the text that was emptied is known of the one that was written again, too.
#[test]
fn what_is_learned_late_crosses_an_emptying() {
    for (way, goes) in [WAYS[1], WAYS[2]] {
        let mut w = written();
        w.agent_before("other", "a.rs");
        let text = format!("{TEXT}a stranger's line\nof the other\n");
        w.program_writes("a.rs", &text);
        w.ports.now += 5;
        let record = left_by(&w, "other", "a.rs", &["of the other"]);
        goes(&mut w);
        w.program_writes("a.rs", format!("{text}more\n"));
        w.feed(Input::Called(None, 0, Call::Hook(record)));
        assert_eq!(w.blame("a.rs")[..4], [BOT, BOT, POSSIBLE, OTHER], "{way}\n{:#?}", w.log(0));
    }
}
