//! An agent's command makes a file of lines that stand in others: they stay their authors' (ADR 0166).

use codi2_protocol::{EvidenceKind, HookPhase};

use super::orders::{Step, interleavings};
use super::world::World;

const OLD: &str = "unknown unknown BeforeCodi2";
const TYPED: &str = "person ada declared EditorDeclared";
/// A copy is known no better than who made it.
const COPIED: &str = "person ada inferred EditorDeclared";
const CALL: &str = "agent bot inferred OnlyAgentCall";
const POSSIBLE: &str = "unknown unknown Candidate";

const HEAD: &str = "older than codi2\n";
const BLOCK: &str = "fn written_by_ada() {\n    let answer = everything(42);\n}\n";
const OWN: &str = "the agent's own line\n";
const FIRST: &str = "first line of the old file\n\nsecond line of the old file\n";

/// `a.rs` with an old line and a block of Ada's, and `old.rs`, which is as git has it.
fn world() -> World {
    let mut w = World::bare();
    w.put("a.rs", HEAD);
    w.put("old.rs", format!("{FIRST}third line of the old file\nfourth line of the old file\nand a fifth one\n"));
    w.staged("old.rs");
    w.scan();
    w.opens("ada", "a.rs");
    w.types("ada", "a.rs", HEAD.len(), BLOCK);
    w.saves("ada", "a.rs");
    w.closes("ada", "a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, TYPED, TYPED, TYPED]);
    w
}

fn made_by_command(w: &mut World, text: &str) -> Vec<String> {
    w.hook(HookPhase::Before, "bot", &[]);
    w.put("deep/new.rs", text);
    w.watch_sees("deep/new.rs");
    w.hook(HookPhase::After, "bot", &[]);
    w.blame("deep/new.rs")
}

#[test]
fn what_a_command_copies_stays_its_authors() {
    let reversed: String = format!("{HEAD}{BLOCK}").split_inclusive('\n').rev().collect();
    let indented: String = format!("{HEAD}{BLOCK}").lines().map(|line| format!("  {line}\n")).collect();
    for (name, text, expected) in [
        ("and more", format!("{HEAD}{BLOCK}{OWN}"), &[OLD, COPIED, COPIED, COPIED, CALL][..]),
        ("between", format!("{HEAD}{OWN}{BLOCK}"), &[OLD, CALL, COPIED, COPIED, COPIED]),
        ("a part", format!("{HEAD}fn written_by_ada() {{\n    let answer = everything(42);\n"), &[OLD, COPIED, COPIED]),
        ("the end", BLOCK.to_owned(), &[COPIED, COPIED, COPIED]),
        ("turned", reversed, &[CALL, COPIED, COPIED, OLD]),
        ("twice", format!("{HEAD}{BLOCK}{HEAD}{BLOCK}"), &[OLD, COPIED, COPIED, COPIED, OLD, COPIED, COPIED, COPIED]),
        ("set in", indented, &[OLD, COPIED, COPIED, COPIED]),
        ("of two", format!("{FIRST}{BLOCK}"), &[OLD, OLD, OLD, COPIED, COPIED, COPIED]),
        (
            "all of a file, below much else",
            format!("{}{HEAD}{BLOCK}", OWN.repeat(4)),
            &[CALL, CALL, CALL, CALL, OLD, COPIED, COPIED, COPIED],
        ),
        ("one line alone", format!("fn written_by_ada() {{\n{OWN}"), &[CALL, CALL]),
        ("little of both", format!("{FIRST}{OWN}its own second line\nits own third line\n"), &[CALL; 6]),
    ] {
        let mut w = world();
        assert_eq!(made_by_command(&mut w, &text), expected, "{name}\n{:#?}", w.log(0));
        w.hub_restarts();
        w.scan();
        assert_eq!(w.blame("deep/new.rs"), expected, "{name}, and the next hub");
    }
}

/// Whoever is told first, the watch or the hooks; and who copied it is told.
#[test]
fn in_every_order() {
    let steps: [Step; 3] = [
        |w| drop(w.hook(HookPhase::Before, "bot", &[])),
        |w| w.put("new.rs", format!("{HEAD}{BLOCK}{OWN}")),
        |w| drop(w.hook(HookPhase::After, "bot", &[])),
    ];
    let look: [Step; 1] = [|w| w.watch_sees("new.rs")];
    for order in interleavings(&[steps.len(), 1]) {
        let mut w = world();
        let mut lanes = [steps.iter(), look.iter()];
        order.iter().for_each(|lane| lanes[*lane].next().unwrap()(&mut w));
        w.watch_sees("new.rs");
        assert_eq!(w.blame("new.rs"), [OLD, COPIED, COPIED, COPIED, CALL], "{order:?}\n{:#?}", w.log(0));
        let owners = w.owners("new.rs", None, false).unwrap().owners;
        let words = owners.iter().flat_map(|owner| &owner.verdict.evidence);
        let words: Vec<_> = words.filter(|it| it.kind == EvidenceKind::Copied).map(|it| &it.detail).collect();
        assert_eq!(words, ["agent bot copied it here from a.rs"; 2], "{order:?}");
    }
}

#[test]
fn lines_of_several_are_nobodys() {
    let mut w = world();
    for agent in ["bot", "other"] {
        w.agent_before(agent, &format!("of_{agent}.rs"));
        w.put(
            &format!("of_{agent}.rs"),
            format!("the first line of two\nthe second line of two\nonly {agent} wrote this\n"),
        );
        w.agent_after(agent, &format!("of_{agent}.rs"));
    }
    let two = "the first line of two\nthe second line of two\n";
    assert_eq!(made_by_command(&mut w, two), [POSSIBLE; 2]);
    // The longest of it tells.
    w.removes("deep/new.rs");
    w.tick(20_000);
    let lines = made_by_command(&mut w, &format!("{two}only other wrote this\n{OWN}"));
    assert_eq!(
        lines,
        [
            "agent other inferred IntentExact",
            "agent other inferred IntentExact",
            "agent other inferred IntentExact",
            CALL
        ]
    );
}

/// What its tool itself put in is the agent's, as it says; and so is what the agent wrote elsewhere.
#[test]
fn what_is_the_agents_own() {
    let mut w = world();
    w.agent_before("bot", "b.rs");
    w.put("b.rs", format!("{BLOCK}{OWN}"));
    w.agent_after("bot", "b.rs");
    assert_eq!(w.blame("b.rs"), ["agent bot exact IntentExact"; 4]);
    assert_eq!(made_by_command(&mut w, &format!("{BLOCK}{OWN}and more of it\n")), [CALL; 5]);
}

/// What somebody takes from it before its command has ended is the copy, not the source.
#[test]
fn what_came_later_is_no_source() {
    let mut w = world();
    let own = "a line that the command made\nanother line that the command made\n";
    w.hook(HookPhase::Before, "bot", &[]);
    w.put("made.rs", own);
    w.watch_sees("made.rs");
    w.tick(1_000);
    w.agent_before("other", "taken.rs");
    w.put("taken.rs", format!("{own}and more of it\n"));
    w.agent_after("other", "taken.rs");
    w.tick(1_000);
    w.hook(HookPhase::After, "bot", &[]);
    assert_eq!(w.blame("made.rs"), [CALL, CALL], "{:#?}", w.log(0));
}

/// Of two files that one command makes neither tells of the other before anybody knows whose they are.
#[test]
fn files_that_one_command_makes() {
    let two_files = |texts: [String; 2]| {
        let mut w = world();
        w.hook(HookPhase::Before, "bot", &[]);
        for (path, text) in ["one.rs", "two.rs"].iter().zip(&texts) {
            w.put(path, text);
            w.watch_sees(path);
        }
        w.hook(HookPhase::After, "bot", &[]);
        [w.blame("one.rs"), w.blame("two.rs")]
    };
    let copies = two_files([format!("{HEAD}{BLOCK}{OWN}"), format!("{OWN}{HEAD}{BLOCK}")]);
    assert_eq!(copies, [[OLD, COPIED, COPIED, COPIED, CALL], [CALL, OLD, COPIED, COPIED, COPIED]]);
    let made = "a line that the command made\nanother line that the command made\n";
    let own = two_files(["one", "two"].map(|name| format!("{made}and this in {name}\n")));
    assert_eq!(own, [[CALL; 3], [CALL; 3]]);
}

/// The core stands while it looks for sources: so many within so long.
#[test]
fn a_command_that_makes_many_files() {
    let mut w = world();
    let paths: Vec<String> = (0..=64).map(|number| format!("new/{number}.rs")).collect();
    w.hook(HookPhase::Before, "bot", &[]);
    for path in &paths {
        w.put(path, format!("{FIRST}written into {path}\n"));
        w.watch_sees(path);
    }
    w.hook(HookPhase::After, "bot", &[]);
    let (copies, others): (Vec<&String>, Vec<_>) = paths.iter().partition(|path| w.blame(path)[0] == OLD);
    assert_eq!((copies.len(), others.len()), (64, 1));
    assert_eq!(w.blame(others[0]), [CALL; 4]);
    w.tick(10_000);
    assert_eq!(made_by_command(&mut w, &format!("{FIRST}{OWN}")), [OLD, OLD, OLD, CALL]);
}
