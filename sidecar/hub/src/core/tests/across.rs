//! Agents move blocks with two changes, inside a file, to another one, or with the file: the authors stay, in every order in
//! which the changes can be seen. What anybody may write again is whose it was announced by.

use codi2_protocol::{Actor, ActorKind, Call, EvidenceKind, HookPhase, HookRecord};
use codi2_workspace::GitSource;

use super::super::across::COMPARED;
use super::super::{Input, Ticket};
use super::orders::{Step, interleavings};
use super::world::World;

const OLD: &str = "unknown unknown BeforeCodi2";
const TYPED: &str = "person ada declared EditorDeclared";
const CALL: &str = "agent bot inferred OnlyAgentCall";
const BOT: &str = "agent bot exact IntentExact";

const BLOCK: &str = "fn written_by_ada() {\n    let answer = everything(42);\n}\n";
const HEAD: &str = "older than codi2\n";

/// `a.rs` with a block of Ada's, and `b.rs`.
fn world() -> World {
    let mut w = World::new(&[("a.rs", HEAD), ("b.rs", HEAD)]);
    w.opens("ada", "a.rs");
    w.types("ada", "a.rs", HEAD.len(), BLOCK);
    w.saves("ada", "a.rs");
    w.closes("ada", "a.rs");
    assert_eq!(w.blame("a.rs"), [OLD, TYPED, TYPED, TYPED]);
    w
}

fn moved() -> String {
    format!("{HEAD}{BLOCK}the agent's own line\n")
}

/// One call of the agent's that writes a file.
fn writes(w: &mut World, agent: &str, path: &str, text: &str) {
    w.agent_before(agent, path);
    w.put(path, text);
    w.agent_after(agent, path);
}

const CUTS: [Step; 3] = [|w| w.agent_before("bot", "a.rs"), |w| w.put("a.rs", HEAD), |w| w.agent_after("bot", "a.rs")];
const PUTS: [Step; 3] =
    [|w| w.agent_before("bot", "b.rs"), |w| w.put("b.rs", moved()), |w| w.agent_after("bot", "b.rs")];
const BOTH: [Step; 4] = [
    |w| drop(w.hook(HookPhase::Before, "bot", &["a.rs", "b.rs"])),
    |w| w.put("a.rs", HEAD),
    |w| w.put("b.rs", moved()),
    |w| drop(w.hook(HookPhase::After, "bot", &["a.rs", "b.rs"])),
];
const BOTH_BACKWARDS: [Step; 4] = [
    |w| drop(w.hook(HookPhase::Before, "bot", &["b.rs", "a.rs"])),
    |w| w.put("b.rs", moved()),
    |w| w.put("a.rs", HEAD),
    |w| drop(w.hook(HookPhase::After, "bot", &["b.rs", "a.rs"])),
];

#[test]
fn a_block_that_goes_to_another_file() {
    let ways: [Vec<Step>; 4] = [[CUTS, PUTS].concat(), [PUTS, CUTS].concat(), BOTH.to_vec(), BOTH_BACKWARDS.to_vec()];
    let looks: [Step; 2] = [|w| w.watch_sees("a.rs"), |w| w.watch_sees("b.rs")];
    let mut orders = 0;
    for (way, steps) in ways.iter().enumerate() {
        for order in interleavings(&[steps.len(), 1, 1]) {
            let mut w = world();
            w.opens("bea", "b.rs");
            let mut lanes = [steps.iter(), looks[..1].iter(), looks[1..].iter()];
            order.iter().for_each(|lane| lanes[*lane].next().unwrap()(&mut w));
            // A short line anybody may write again.
            let expected = [OLD, TYPED, TYPED, BOT, BOT];
            assert_eq!(w.blame("b.rs"), expected, "{way} {order:?}\n{:#?}", w.log(0));
            assert_eq!(w.blame("a.rs"), [OLD], "{way} {order:?}");
            w.reloads("bea", "b.rs");
            assert_eq!(w.blame_buffer("bea", "b.rs"), expected);
            // The mover is told.
            let owners = w.owners("b.rs", None, false).unwrap().owners;
            let words = owners.iter().flat_map(|owner| &owner.verdict.evidence);
            let words: Vec<_> = words.filter(|it| it.kind == EvidenceKind::Moved).map(|it| &it.detail).collect();
            assert_eq!(words, ["agent bot moved it here from a.rs"], "{way} {order:?}");
            let mut of_b = w.events.iter().filter(|it| it.file.as_deref() == Some("b.rs") && it.session.is_none());
            assert_eq!(of_b.next_back().unwrap().actor.to_string(), "agent bot");
            // And the next hub knows it.
            w.hub_restarts();
            w.scan();
            assert_eq!(w.blame("b.rs"), expected, "{way} {order:?}");
            orders += 1;
        }
    }
    assert_eq!(orders, 56 + 56 + 30 + 30);
}

/// Who has the file open, or changes it, between the two changes follows.
#[test]
fn what_came_between() {
    let mut w = world();
    w.opens("bea", "b.rs");
    PUTS.iter().for_each(|step| step(&mut w));
    w.reloads("bea", "b.rs");
    writes(&mut w, "other", "b.rs", &format!("{}another one's line\n", moved()));
    CUTS.iter().for_each(|step| step(&mut w));
    let expected = [OLD, TYPED, TYPED, BOT, BOT];
    assert_eq!(w.blame("b.rs")[..5], expected);
    assert_eq!(w.blame("b.rs")[5], "agent other exact IntentExact");
    assert_eq!(w.blame_buffer("bea", "b.rs"), expected);
}

#[test]
fn inside_one_file_with_two_changes() {
    let text = format!("{HEAD}in the middle\n");
    for (between, after) in
        [(text.clone(), format!("{text}{BLOCK}")), (format!("{HEAD}{BLOCK}{text}{BLOCK}"), text.clone() + BLOCK)]
    {
        let mut w = world();
        w.program_writes("a.rs", format!("{HEAD}{BLOCK}in the middle\n"));
        writes(&mut w, "bot", "a.rs", &between);
        writes(&mut w, "bot", "a.rs", &after);
        let lines = w.blame("a.rs");
        assert_eq!(lines[lines.len() - 3..lines.len() - 1], [TYPED, TYPED], "{after}");
    }
}

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
        // Seen after the call ended, too: the file was not there before, and was written in time.
        assert_eq!(lines, [TYPED, TYPED, CALL, CALL], "{order:?}\n{:#?}", w.log(0));
    }
}

/// The file that a block is taken from has a text again that it had before.
#[test]
fn what_is_left_stood_there_before() {
    for order in interleavings(&[1, 1, 1]) {
        let mut w = world();
        w.tick(10_000);
        w.hook(HookPhase::Before, "bot", &[]);
        w.put("a.rs", HEAD);
        w.put("b.rs", moved());
        let steps: [Step; 3] =
            [|w| w.watch_sees("a.rs"), |w| w.watch_sees("b.rs"), |w| drop(w.hook(HookPhase::After, "bot", &[]))];
        order.iter().for_each(|at| steps[*at](&mut w));
        assert_eq!(w.blame("b.rs"), [OLD, TYPED, TYPED, CALL, CALL], "{order:?}\n{:#?}", w.log(0));
        assert_eq!(w.blame("a.rs"), [OLD], "{order:?}");
    }
    // Inside one file.
    let mut w = world();
    w.tick(10_000);
    w.hook(HookPhase::Before, "bot", &[]);
    w.program_writes("a.rs", HEAD);
    w.program_writes("a.rs", format!("{BLOCK}{HEAD}"));
    w.hook(HookPhase::After, "bot", &[]);
    assert_eq!(w.blame("a.rs"), [TYPED, TYPED, CALL, OLD], "{:#?}", w.log(0));
}

/// A copy that was made before takes nothing from a call that moves: `tail -3 a.rs > c.rs`, and later
/// `cat a.rs >> b.rs; rm a.rs`.
#[test]
fn who_moves_comes_before_who_copied() {
    let mut w = world();
    w.hook(HookPhase::Before, "bot", &[]);
    w.program_writes("c.rs", BLOCK);
    w.hook(HookPhase::After, "bot", &[]);
    w.tick(10_000);
    w.hook(HookPhase::Before, "bot", &[]);
    w.program_writes("b.rs", moved());
    w.removes("a.rs");
    w.hook(HookPhase::After, "bot", &[]);
    assert_eq!(w.blame("b.rs"), [OLD, TYPED, TYPED, CALL, CALL], "{:#?}", w.log(0));
    assert_eq!(w.blame("c.rs"), [CALL; 3]);
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
    // A copy that git knows is the agent's as any other, and so is what one of two files became that went.
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
        assert_eq!(w.blame("c.rs"), [CALL; 5], "{twice}\n{:#?}", w.log(0));
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

/// Somebody who announces nothing moves a block to another file, in either order, by one look or two.
#[test]
fn a_block_that_a_program_moves() {
    const PROGRAM: &str = "external unknown DiskChange";
    let steps: [Step; 2] = [|w| w.put("a.rs", HEAD), |w| w.put("b.rs", moved())];
    let looks: [Step; 2] = [|w| w.watch_sees("a.rs"), |w| w.watch_sees("b.rs")];
    for order in interleavings(&[1, 1, 1, 1]) {
        let mut w = world();
        let all = [steps[0], steps[1], looks[0], looks[1]];
        order.iter().for_each(|at| all[*at](&mut w));
        looks.iter().for_each(|look| look(&mut w));
        let expected = [OLD, TYPED, TYPED, PROGRAM, PROGRAM];
        assert_eq!(w.blame("b.rs"), expected, "{order:?}\n{:#?}", w.log(0));
        let owners = w.owners("b.rs", None, false).unwrap().owners;
        let words = owners.iter().flat_map(|owner| &owner.verdict.evidence);
        let words: Vec<_> = words.filter(|it| it.kind == EvidenceKind::Moved).map(|it| &it.detail).collect();
        assert_eq!(words, ["somebody who announced nothing moved it here from a.rs"], "{order:?}");
        w.hub_restarts();
        w.scan();
        assert_eq!(w.blame("b.rs"), expected, "{order:?}");
    }
    // More was taken out at its place: it may have been written anew.
    let mut w = world();
    w.program_writes("a.rs", "");
    w.program_writes("b.rs", moved());
    assert_eq!(w.blame("b.rs")[1], PROGRAM);
    // A copy, and half by an agent.
    let mut w = world();
    w.program_writes("b.rs", moved());
    assert_eq!(w.blame("b.rs")[1], PROGRAM);
    writes(&mut w, "bot", "a.rs", HEAD);
    assert_eq!(w.blame("b.rs")[1], PROGRAM);
}

/// What was found stays, also where the change it came from is forgotten before the call that put it in ends.
#[test]
fn the_source_is_forgotten_before_the_call_ends() {
    let mut w = world();
    writes(&mut w, "bot", "a.rs", HEAD);
    w.tick(codi2_attribution::OPEN_MS - 20_000);
    // As tools do that name themselves before.
    let actor = Some(Actor::named(ActorKind::Agent, "bot"));
    let record = HookRecord { actor, ..w.hook_record(HookPhase::Before, "bot", &["b.rs"]) };
    w.feed(Input::Called(Some(Ticket { connection: 9, id: 0 }), 9, Call::Hook(record)));
    // A command of its ends meanwhile.
    w.hook(HookPhase::Before, "bot", &[]);
    w.put("b.rs", moved());
    w.watch_sees("b.rs");
    w.hook(HookPhase::After, "bot", &[]);
    assert_eq!(w.blame("b.rs"), [OLD, TYPED, TYPED, CALL, CALL]);
    let kept = w.core.kept.len();
    w.tick(30_000);
    assert!(w.core.kept.len() < kept, "the source is gone");
    w.agent_after("bot", "b.rs");
    assert_eq!(w.blame("b.rs"), [OLD, TYPED, TYPED, BOT, BOT], "{:#?}", w.log(0));
}

/// An agent that indents many files leaves many lines: a small edit is compared with those it may have to do with.
#[test]
fn a_small_edit_beside_many_changed_files() {
    const LINES: usize = 8;
    let text = |file: usize, indent: &str, lines: usize| -> String {
        let line = |line: usize| format!("{indent}let line_{file}_{line} = 1;\n{indent}}}\n");
        (0..lines).map(line).collect()
    };
    let names: Vec<String> = (0..8).map(|file| format!("f{file}.rs")).collect();
    let mut w = World::new(&[]);
    for (file, name) in names.iter().enumerate() {
        w.program_writes(name, text(file, "", LINES));
    }
    w.tick(codi2_attribution::OPEN_MS + 1_000);
    w.hook(HookPhase::Before, "bot", &[]);
    for (file, name) in names.iter().enumerate() {
        w.put(name, text(file, "    ", LINES));
        w.watch_sees(name);
    }
    w.hook(HookPhase::After, "bot", &[]);
    assert_eq!(w.core.kept.values().filter(|kept| kept.parted.is_some()).count(), names.len());
    let before = COMPARED.get();
    writes(&mut w, "bot", "f0.rs", &text(0, "    ", LINES - 2));
    let compared = COMPARED.get() - before;
    // Those that it took out, those that the same file had put in, and one beside them that is like one of them.
    assert!(compared <= 2 * LINES + 5, "{compared} lines compared");
}

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

/// Which of two equal lines a difference takes for the one that went, or came, says nothing of whether a block was moved.
#[test]
fn a_block_between_lines_that_are_like_its_own() {
    let [first, second, third] =
        ["fn written_by_ada() {\n", "    let answer = everything(42);\n", "    print(answer, 42);\n"];
    let block = [first, second, third].concat();
    // What stands before it and behind it, where it goes from and where it comes to.
    let around = [("", ""), (third, ""), ("", first), (second, third)];
    for (from, to) in around.iter().flat_map(|from| around.map(|to| (*from, to))) {
        let ((above, below), (over, under)) = (from, to);
        if from == to && !under.is_empty() && over.is_empty() {
            // As well it may be that the last two lines went, with the next one, behind the one that is like it.
            continue;
        }
        for is_back in [false, true] {
            let mut w = World::new(&[("a.rs", &[HEAD, above].concat()), ("b.rs", &[HEAD, over].concat())]);
            w.opens("ada", "a.rs");
            w.types("ada", "a.rs", HEAD.len() + above.len(), &block);
            w.types("ada", "a.rs", HEAD.len() + above.len() + block.len(), below);
            w.saves("ada", "a.rs");
            w.closes("ada", "a.rs");
            w.opens("bea", "b.rs");
            w.types("bea", "b.rs", HEAD.len() + over.len(), under);
            w.saves("bea", "b.rs");
            w.closes("bea", "b.rs");
            let cut = |w: &mut World| writes(w, "bot", "a.rs", &[HEAD, above, below].concat());
            let put = |w: &mut World| writes(w, "bot", "b.rs", &[HEAD, over, &block, under].concat());
            if is_back {
                put(&mut w);
                cut(&mut w);
            } else {
                cut(&mut w);
                put(&mut w);
            }
            let lines = w.blame("b.rs");
            let all = [OLD].into_iter().chain((!over.is_empty()).then_some(OLD)).chain([TYPED; 3]);
            let all = all.chain((!under.is_empty()).then_some("person bea declared EditorDeclared"));
            assert_eq!(lines, all.collect::<Vec<_>>(), "{from:?} {to:?} {is_back}\n{:#?}", w.log(0));
        }
    }
}

/// What an agent wrote and takes out again with more, to put it elsewhere, has not gone to where the agent wrote it.
#[test]
fn a_block_with_lines_of_the_movers_own() {
    let own = "fn written_by_bot() {\n    return compute_default();\n";
    for is_back in [false, true] {
        for copied in [false, true] {
            let mut w = world();
            writes(&mut w, "bot", "a.rs", &[HEAD, BLOCK, own].concat());
            if copied {
                writes(&mut w, "bot", "c.rs", own);
            }
            let text = [HEAD, BLOCK, own].concat();
            if is_back {
                w.hook(HookPhase::Before, "bot", &["a.rs", "b.rs"]);
                w.put("b.rs", &text);
                w.watch_sees("b.rs");
                w.put("a.rs", HEAD);
                w.watch_sees("a.rs");
                w.hook(HookPhase::After, "bot", &["a.rs", "b.rs"]);
            } else {
                writes(&mut w, "bot", "a.rs", HEAD);
                writes(&mut w, "bot", "b.rs", &text);
            }
            assert_eq!(w.blame("b.rs"), [OLD, TYPED, TYPED, BOT, BOT, BOT], "{is_back} {copied}\n{:#?}", w.log(0));
            if copied {
                assert_eq!(w.blame("c.rs"), [BOT, BOT]);
            }
        }
    }
}
