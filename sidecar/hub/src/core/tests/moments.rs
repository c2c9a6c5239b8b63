//! What happens within one millisecond: the clock does not tell the order, the hub knows it. Every order of two agents at
//! work on one file ends in the same owners whether the clock runs or stands.

use codi2_protocol::{Call, HookPhase};

use super::super::Input;
use super::orders::{Step, interleavings};
use super::world::World;

const OLD: &str = "unknown unknown BeforeCodi2";

/// An agent reads the file and puts its line in.
fn writes(w: &mut World, line: &str, in_front: bool) {
    let text = String::from_utf8(w.ports.files["a.rs"].clone()).unwrap();
    let text = if in_front { format!("{line}\n{text}") } else { format!("{text}{line}\n") };
    w.put("a.rs", text);
}

const BOT: [Step; 3] =
    [|w| w.agent_before("bot", "a.rs"), |w| writes(w, "written by bot", true), |w| w.agent_after("bot", "a.rs")];
const OTHER: [Step; 3] =
    [|w| w.agent_before("other", "a.rs"), |w| writes(w, "written by other", false), |w| w.agent_after("other", "a.rs")];
const SEEN: [Step; 2] = [|w| w.watch_sees("a.rs"), |w| w.watch_sees("a.rs")];

fn played(order: &[usize], still: bool) -> World {
    let mut w = World::new(&[("a.rs", "older than codi2\n")]);
    w.stands_still = still;
    let mut lanes = [BOT.iter(), OTHER.iter(), SEEN.iter()];
    order.iter().for_each(|lane| lanes[*lane].next().unwrap()(&mut w));
    w.watch_sees("a.rs");
    w
}

#[test]
fn two_agents_in_one_millisecond() {
    let orders = interleavings(&[BOT.len(), OTHER.len(), SEEN.len()]);
    let mut named = 0;
    for order in &orders {
        let [runs, still] = [false, true].map(|still| played(order, still).blame("a.rs"));
        for (line, name) in [(0, "bot"), (2, "other")] {
            assert!(still[line].contains(name) || still[line].starts_with("unknown"), "{order:?}: {still:?}");
            named += usize::from(still[line].contains(name));
        }
        assert_eq!(still[1], OLD, "{order:?}");
        assert_eq!(still, runs, "{order:?}");
    }
    assert_eq!((orders.len(), named), (560, 672));
}

/// Nobody waits for a hook that lies in a spool, however short: its agent may have written before the hub reads the file.
#[test]
fn what_lay_in_a_spool_for_a_moment() {
    let mut w = World::new(&[("a.rs", "older than codi2\n")]);
    w.agent_before("bot", "a.rs");
    let spooled = w.hook_record(HookPhase::Before, "other", &["a.rs"]);
    writes(&mut w, "written by other", false);
    w.watch_sees("a.rs");
    w.feed(Input::Called(None, 0, Call::Hook(spooled)));
    w.agent_after("other", "a.rs");
    w.agent_after("bot", "a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, "unknown unknown Candidate"]);
}

/// Somebody writes, and before anybody has seen that a command begins that may write any file: it did not write this one, for
/// certain only what came after its begin.
#[test]
fn what_was_written_before_a_command_began_is_not_its_doing() {
    for late in [5, 300, 3_000] {
        let mut w = World::new(&[("a.rs", "older than codi2\n")]);
        w.tick(1_000);
        writes(&mut w, "written by nobody known", false);
        w.tick(late);
        w.hook(HookPhase::Before, "bot", &[]);
        w.watch_sees("a.rs");
        w.hook(HookPhase::After, "bot", &[]);
        let blame = w.blame("a.rs");
        assert!(!blame[1].starts_with("agent"), "{late}: {blame:?}");
        w.hook(HookPhase::Before, "bot", &[]);
        writes(&mut w, "written by bot", false);
        w.watch_sees("a.rs");
        w.hook(HookPhase::After, "bot", &[]);
        assert_eq!(w.blame("a.rs")[2], "agent bot inferred OnlyAgentCall", "{late}");
    }
}
