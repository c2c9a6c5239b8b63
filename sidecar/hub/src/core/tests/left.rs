//! Files that are gone or empty for a moment: one program's way to write, or two that have nothing to do with each other.

use codi2_protocol::HookPhase;
use codi2_workspace::GitSource;

use super::orders::Step;
use super::world::World;

const OTHER: &str = "agent other exact IntentExact";
const EXTERNAL: &str = "external unknown DiskChange";

/// Two lines of the agent's.
fn written() -> World {
    let mut w = World::new(&[]);
    w.agent_before("bot", "a.rs");
    w.put("a.rs", "first line of bot\nsecond line of bot\n");
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
        for text in ["first line of bot\nsecond line of bot\n", "first line of bot\nof the other\n"] {
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
