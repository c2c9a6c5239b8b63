//! A file is moved and changed by a program before anybody looks: what stays is whose it was, if it is clear what it was.

use codi2_workspace::{Cause, WatchEvent};

use super::super::Input;
use super::orders::Step;
use super::world::{World, worktree};

const OLD: &str = "unknown unknown BeforeCodi2";
const AGENT: &str = "agent bot exact IntentExact";
const EXTERNAL: &str = "external unknown DiskChange";

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
