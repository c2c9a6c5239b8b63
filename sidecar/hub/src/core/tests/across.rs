//! Agents move blocks with two changes, inside a file, to another one, or with the file: the authors stay, in every order in
//! which the changes can be seen. What anybody may write again is whose it was announced by.

mod files;
mod none;
mod which;

use codi2_protocol::{Actor, ActorKind, Call, EvidenceKind, HookPhase, HookRecord};

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
    assert_eq!(
        w.blame("c.rs"),
        ["person ada inferred EditorDeclared"; 3],
        "a copy is known no better than who made it"
    );
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
