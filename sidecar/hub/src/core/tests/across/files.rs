//! Whole files that move and are changed, by their names alone and with git: nothing pairs the two ends.

use codi2_protocol::HookPhase;
use codi2_workspace::GitSource;

use super::*;

/// A file goes to a new path and is changed before anybody looks: nothing pairs the two.
#[test]
fn a_file_that_is_moved_and_changed() {
    for order in interleavings(&[1, 1, 1]) {
        let mut w = world();
        w.hook(HookPhase::Before, "bot", &[]);
        w.ports.files.remove("a.rs");
        w.put("c.rs", format!("{BLOCK}// and the agent's own\n"));
        let steps: [Step; 3] =
            [|w| w.watch_sees("a.rs"), |w| w.watch_sees("c.rs"), |w| drop(w.hook(HookPhase::After, "bot", &[]))];
        order.iter().for_each(|at| steps[*at](&mut w));
        let lines = w.blame("c.rs");
        // Seen after the call ended, too: the file was not there before, and was written in time. All that stays of the former
        // is whose it was, also what is too short to be known again by itself (ADR 0172).
        assert_eq!(lines, [TYPED, TYPED, TYPED, CALL], "{order:?}\n{:#?}", w.log(0));
    }
}

/// `git mv`, and a change of it before anybody looks: git takes the file away, and has it in its index at its new path.
#[test]
fn a_file_that_is_moved_with_git_and_changed() {
    let short = format!("{HEAD}ada\n");
    for text in [format!("{HEAD}{BLOCK}"), short] {
        for order in interleavings(&[1, 1, 1]) {
            let mut w = World::new(&[("a.rs", HEAD)]);
            w.opens("ada", "a.rs");
            w.types("ada", "a.rs", HEAD.len(), &text[HEAD.len()..]);
            w.saves("ada", "a.rs");
            w.closes("ada", "a.rs");
            w.staged("a.rs");
            w.hook(HookPhase::Before, "bot", &[]);
            w.ports.index.remove("a.rs");
            w.ports.files.remove("a.rs");
            w.put("c.rs", &text);
            w.staged("c.rs");
            w.put("c.rs", format!("{text}the agent's own\n"));
            let steps: [Step; 3] = [
                |w| w.git_explains("a.rs", "mv", GitSource::Index, &[]),
                |w| w.watch_sees("c.rs"),
                |w| drop(w.hook(HookPhase::After, "bot", &[])),
            ];
            order.iter().for_each(|at| steps[*at](&mut w));
            let lines = w.blame("c.rs");
            // What its text was is known since before the call began, so that the change is of that time.
            let typed = text.lines().skip(1).map(|_| TYPED);
            let expected: Vec<&str> = [OLD].into_iter().chain(typed).chain([CALL]).collect();
            assert_eq!(lines, expected, "{order:?}\n{:#?}", w.log(0));
        }
    }
    // A copy that git knows is one as any other (ADR 0166), and what one of two files became that went is the agent's.
    for twice in [false, true] {
        let mut w = world();
        w.staged("a.rs");
        let text = format!("{HEAD}{BLOCK}");
        if twice {
            w.program_writes("d.rs", &text);
        }
        w.hook(HookPhase::Before, "bot", &[]);
        w.put("c.rs", &text);
        w.staged("c.rs");
        w.put("c.rs", format!("{text}the agent's own\n"));
        if twice {
            for gone in ["a.rs", "d.rs"] {
                w.git_writes(gone, None, "rm", GitSource::Index, &[]);
            }
        }
        w.watch_sees("c.rs");
        w.hook(HookPhase::After, "bot", &[]);
        let copied = "person ada inferred EditorDeclared";
        let expected = if twice { [CALL; 5] } else { [OLD, copied, copied, copied, CALL] };
        assert_eq!(w.blame("c.rs"), expected, "{twice}\n{:#?}", w.log(0));
    }
}

/// An agent announces a file, to which git moves another one before or after, and writes it: what is new is its own, exactly,
/// and what stood there with the other name is whose it was.
#[test]
fn what_is_announced_of_a_file_that_git_moves() {
    for is_first in [true, false] {
        for order in interleavings(&[1, 1, 1]) {
            let mut w = world();
            w.staged("a.rs");
            let text = format!("{HEAD}{BLOCK}");
            if is_first {
                w.agent_before("bot", "c.rs");
            }
            w.ports.index.remove("a.rs");
            w.ports.files.remove("a.rs");
            w.put("c.rs", &text);
            w.staged("c.rs");
            if !is_first {
                w.agent_before("bot", "c.rs");
            }
            w.put("c.rs", format!("{text}a line of the agent's own\n"));
            let steps: [Step; 3] = [
                |w| w.git_explains("a.rs", "mv", GitSource::Index, &[]),
                |w| w.watch_sees("c.rs"),
                |w| w.agent_after("bot", "c.rs"),
            ];
            order.iter().for_each(|at| steps[*at](&mut w));
            let mut lines = w.blame("c.rs");
            let own = lines.pop().unwrap_or_default();
            assert!(own.starts_with("agent bot exact "), "{is_first} {order:?} {own}\n{:#?}", w.log(0));
            assert_eq!(lines, [OLD, TYPED, TYPED, TYPED], "{is_first} {order:?}\n{:#?}", w.log(0));
        }
    }
}

/// A clean file, of which no row is kept, is moved while no hub runs: by its name alone, with git, and changed, too.
#[test]
fn a_clean_file_that_is_moved_while_the_hub_is_away() {
    for (with_git, changed) in [(false, false), (true, false), (true, true)] {
        let mut w = world();
        w.staged("a.rs");
        // The next hub sees it clean.
        w.hub_restarts();
        w.scan();
        let text = format!("{HEAD}{BLOCK}");
        w.ports.files.remove("a.rs");
        w.put("c.rs", &text);
        if with_git {
            w.ports.index.remove("a.rs");
            w.staged("c.rs");
        }
        if changed {
            w.put("c.rs", format!("{text}new\n"));
        }
        w.hub_restarts();
        w.scan();
        assert_eq!(w.blame("c.rs")[..4], [OLD, TYPED, TYPED, TYPED], "{with_git} {changed}\n{:#?}", w.log(0));
    }
}
