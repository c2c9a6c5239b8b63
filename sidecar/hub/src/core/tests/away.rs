//! Hooks that ran while there was no hub: what they found in their files themselves tells whose a change is.

use codi2_protocol::{Call, HookFound, HookPhase, HookRecord};

use super::super::Input;
use super::world::{World, of};

const OLD: &str = "unknown unknown BeforeCodi2";

/// An agent's edit that no hub sees: what its hooks leave in the spool.
pub fn edits(w: &mut World, agent: &str, path: &str, text: &str) -> Vec<HookRecord> {
    let hook = |w: &mut World, phase| {
        w.ports.now += 5;
        let digest = w.ports.files.get(path).map(of);
        HookRecord {
            found: vec![HookFound { file: 0, digest, put: None, lines: None }],
            ..w.hook_record(phase, agent, &[path])
        }
    };
    let before = hook(w, HookPhase::Before);
    w.put(path, text);
    vec![before, hook(w, HookPhase::After)]
}

/// A hub begins, reads the spool and looks.
pub fn comes(w: &mut World, spool: Vec<HookRecord>) {
    w.hub_restarts();
    for record in spool {
        w.feed(Input::Called(None, 0, Call::Hook(record)));
    }
    w.scan();
}

#[test]
fn an_edit_while_the_hub_was_away_is_its_agents() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    let mut spool = edits(&mut w, "bot", "a.rs", "one\nbot\n");
    spool.extend(edits(&mut w, "bot", "b.rs", "bot\n"));
    w.put("c.rs", "somebody's\n");
    comes(&mut w, spool);
    assert_eq!(w.blame("a.rs"), [OLD, "agent bot exact IntentExact"]);
    assert_eq!(w.blame("b.rs"), ["agent bot exact IntentExact"]);
    assert_eq!(w.blame("c.rs"), ["unknown unknown NotObserved"]);
}

#[test]
fn an_edit_before_there_was_any_hub_is_its_agents() {
    let mut w = World::bare();
    w.put("a.rs", "one\n");
    w.staged("a.rs");
    let mut spool = edits(&mut w, "bot", "a.rs", "one\nbot\n");
    spool.extend(edits(&mut w, "bot", "b.rs", "bot\n"));
    spool.extend(edits(&mut w, "bot", "a.rs", "one\nbot\nmore\n"));
    w.put("c.rs", "somebody's\n");
    comes(&mut w, spool);
    assert_eq!(w.blame("a.rs"), [OLD, "agent bot exact IntentExact", "agent bot exact IntentExact"]);
    assert_eq!(w.blame("b.rs"), ["agent bot exact IntentExact"]);
    assert_eq!(w.blame("c.rs"), [OLD]);
}

/// Whoever writes between or after, what no digest explains is nobody's.
#[test]
fn what_a_stranger_adds_is_not_the_agents() {
    let mut w = World::new(&[("a.rs", "one\n")]);
    let spool = edits(&mut w, "bot", "a.rs", "one\nbot\n");
    w.put("a.rs", "one\nbot\nstranger\n");
    comes(&mut w, spool);
    assert!(w.blame("a.rs").iter().all(|line| !line.contains("agent")), "{:?}", w.blame("a.rs"));
    let mut w = World::bare();
    w.put("a.rs", "one\n");
    w.staged("a.rs");
    w.put("a.rs", "one\nstranger\n");
    let spool = edits(&mut w, "bot", "a.rs", "one\nstranger\nbot\n");
    comes(&mut w, spool);
    assert!(w.blame("a.rs").iter().all(|line| !line.contains("agent")), "{:?}", w.blame("a.rs"));
}
