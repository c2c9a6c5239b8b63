//! What is no move: what anybody may write again, what git takes away, what stands in many files.

use codi2_protocol::{EvidenceKind, HookPhase};
use codi2_workspace::GitSource;

use super::*;

#[test]
fn what_is_no_move() {
    let short = "ada's short line\n";
    let agents = |w: &mut World, path: &str, line: usize| assert_eq!(w.blame(path)[line], BOT, "{:#?}", w.log(0));
    // Too short to be known again.
    let mut w = world();
    w.opens("ada", "a.rs");
    w.types("ada", "a.rs", 0, short);
    w.saves("ada", "a.rs");
    writes(&mut w, "bot", "a.rs", &format!("{HEAD}{BLOCK}"));
    writes(&mut w, "bot", "b.rs", &format!("{HEAD}{short}"));
    agents(&mut w, "b.rs", 1);
    // A single line, however long.
    let mut w = world();
    let long = "import the.only.line.that.everybody.needs.in.every.file\n";
    w.opens("ada", "a.rs");
    w.types("ada", "a.rs", 0, long);
    w.saves("ada", "a.rs");
    writes(&mut w, "bot", "a.rs", &format!("{HEAD}{BLOCK}"));
    writes(&mut w, "bot", "b.rs", &format!("{HEAD}{long}"));
    agents(&mut w, "b.rs", 1);
    // A copy; and what was taken out once comes back once.
    let mut w = world();
    writes(&mut w, "bot", "b.rs", &moved());
    writes(&mut w, "bot", "c.rs", BLOCK);
    agents(&mut w, "b.rs", 1);
    agents(&mut w, "c.rs", 0);
    writes(&mut w, "bot", "a.rs", HEAD);
    assert_eq!(w.blame("b.rs")[1], TYPED);
    agents(&mut w, "c.rs", 0);
    // Somebody else took it out, or nobody known.
    let mut w = world();
    writes(&mut w, "other", "a.rs", HEAD);
    writes(&mut w, "bot", "b.rs", &moved());
    agents(&mut w, "b.rs", 1);
    let mut w = world();
    w.program_writes("a.rs", HEAD);
    writes(&mut w, "bot", "b.rs", &moved());
    agents(&mut w, "b.rs", 1);
    // Not long ago is not now.
    let mut w = world();
    writes(&mut w, "bot", "a.rs", HEAD);
    w.tick(codi2_attribution::OPEN_MS + 1_000);
    writes(&mut w, "bot", "b.rs", &moved());
    agents(&mut w, "b.rs", 1);
    // The same block was two people's, and both are gone.
    let mut w = world();
    w.opens("bea", "c.rs");
    w.types("bea", "c.rs", 0, BLOCK);
    w.saves("bea", "c.rs");
    writes(&mut w, "bot", "a.rs", HEAD);
    writes(&mut w, "bot", "c.rs", "");
    writes(&mut w, "bot", "b.rs", &moved());
    agents(&mut w, "b.rs", 1);
    // Lines that do not stand together are no block.
    let mut w = world();
    writes(&mut w, "bot", "a.rs", HEAD);
    writes(&mut w, "bot", "b.rs", "fn written_by_ada() {\nbetween\n    let answer = everything(42);\n}\n");
    agents(&mut w, "b.rs", 0);
}

const HEADER: &str =
    "// Licensed to everybody under the licence of this repository.\n// Its full text stands in the file LICENSE.\n";

const OTHER: &str = "agent other exact IntentExact";

/// What a person's checkout, reset or stash takes away is still on its branch; nor moves an agent that is not at work.
#[test]
fn what_git_takes_away_without_the_agent() {
    for (operation, what, by) in [
        ("checkout", GitSource::NewHead, "a call"),
        ("reset", GitSource::Index, "a call"),
        ("stash", GitSource::Index, "a call"),
        ("restore", GitSource::Index, "nobody"),
    ] {
        let mut w = World::new(&[]);
        writes(&mut w, "bot", "x.rs", &format!("{HEADER}fn of_bot() {{}}\n"));
        w.hub_restarts();
        w.scan();
        writes(&mut w, "other", "y.rs", &format!("{HEADER}fn of_other() {{}}\n"));
        w.tick(3_000);
        if by == "a call" {
            w.hook(HookPhase::Before, "other", &[]);
        }
        w.git_writes("x.rs", None, operation, what, &[]);
        if by == "a call" {
            w.put("z.rs", format!("{HEADER}fn of_other_too() {{}}\n"));
            w.watch_sees("z.rs");
            w.hook(HookPhase::After, "other", &[]);
            assert_eq!(w.blame("z.rs"), ["agent other inferred OnlyAgentCall"; 3], "{operation}");
        }
        assert_eq!(w.blame("y.rs"), [OTHER; 3], "{operation}\n{:#?}", w.log(0));
    }
}

/// A file that git takes away and brings back was moved from nowhere.
#[test]
fn a_file_that_goes_and_comes() {
    for (operation, what) in [("checkout", GitSource::NewHead), ("restore", GitSource::Index)] {
        let mut w = World::new(&[]);
        let text = format!("{HEADER}fn of_bot() {{}}\n");
        writes(&mut w, "bot", "x.rs", &text);
        w.git_writes("x.rs", None, operation, what, &[]);
        w.git_writes("x.rs", Some(&text), operation, what, &[]);
        assert_eq!(w.blame("x.rs"), [BOT; 3]);
        let owners = w.owners("x.rs", None, false).unwrap().owners;
        assert!(owners.iter().all(|it| it.verdict.evidence.iter().all(|one| one.kind != EvidenceKind::Moved)));
        assert_eq!(w.count("upgrade"), 0, "{:#?}", w.log(0));
    }
}

/// What two agents wrote each, and one of them takes away with more in another call, in both orders.
#[test]
fn what_stands_in_many_files_is_no_move() {
    for order in [[true, false], [false, true]] {
        let mut w = World::new(&[]);
        writes(&mut w, "bot", "x.rs", &format!("{HEADER}fn what_only_bot_wrote() {{}}\n"));
        for puts in order {
            if puts {
                writes(&mut w, "other", "y.rs", &format!("{HEADER}fn what_only_other_wrote() {{}}\n"));
            } else {
                w.agent_before("other", "x.rs");
                w.removes("x.rs");
                w.agent_after("other", "x.rs");
            }
        }
        assert_eq!(w.blame("y.rs"), [OTHER; 3], "{order:?}\n{:#?}", w.log(0));
    }
}
