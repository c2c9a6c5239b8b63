//! An agent's command copies lines of other files into one that was there: they stay their authors' (ADR 0166).

use codi2_protocol::{Call, HookFound, HookPhase, HookRecord};

use super::super::Input;
use super::orders::{Step, interleavings};
use super::world::{World, of};

const OLD: &str = "unknown unknown BeforeCodi2";
const TYPED: &str = "person ada declared EditorDeclared";
const COPIED: &str = "person ada inferred EditorDeclared";
const CALL: &str = "agent bot inferred OnlyAgentCall";
const POSSIBLE: &str = "unknown unknown Candidate";

const THERE: &str = "it was there\nand so was this\n";
const SHORT: &str =
    "fn written_by_ada() {\n    let answer = everything(42);\n    let other = nothing_but_this(answer);\n}\n";
const OWN: &str = "the agent's own line\n";
/// Lines of `long.rs`.
const LONG: usize = 24;

fn long(lines: std::ops::Range<usize>) -> String {
    lines.map(|line| format!("    ada typed the line {line}\n")).collect()
}

/// `b.rs`, older than codi2, and two files that Ada typed.
fn world() -> World {
    let mut w = World::new(&[("b.rs", THERE), ("short.rs", ""), ("long.rs", "")]);
    for (path, text) in [("short.rs", SHORT), ("long.rs", &long(0..LONG))] {
        w.opens("ada", path);
        w.types("ada", path, 0, text);
        w.saves("ada", path);
        w.closes("ada", path);
    }
    assert_eq!(w.blame("short.rs"), [TYPED; 4]);
    w.tick(10_000);
    w
}

fn by_command(w: &mut World, text: &str) -> Vec<String> {
    w.hook(HookPhase::Before, "bot", &[]);
    w.put("b.rs", text);
    w.watch_sees("b.rs");
    w.hook(HookPhase::After, "bot", &[]);
    w.blame("b.rs")
}

/// So many lines of one and of another.
fn rows<'a>(rows: &[(usize, &'a str)]) -> Vec<&'a str> {
    rows.iter().flat_map(|(count, owner)| vec![*owner; *count]).collect()
}

#[test]
fn what_a_command_copies_into_a_file_stays_its_authors() {
    let imports = "use std::collections::BTreeMap;\nuse std::collections::HashMap;\n";
    for (name, text, expected) in [
        ("cat short >> b", format!("{THERE}{SHORT}"), rows(&[(2, OLD), (4, COPIED)])),
        ("and more", format!("{THERE}{OWN}{SHORT}{OWN}"), rows(&[(2, OLD), (1, CALL), (4, COPIED), (1, CALL)])),
        ("between", format!("it was there\n{SHORT}and so was this\n"), rows(&[(1, OLD), (4, COPIED), (1, OLD)])),
        ("in its place", format!("{SHORT}{}", long(0..LONG)), rows(&[(4 + LONG, COPIED)])),
        ("a part of long", format!("{THERE}{}", long(3..15)), rows(&[(2, OLD), (12, COPIED)])),
        ("less of long", format!("{THERE}{}", long(3..12)), rows(&[(2, OLD), (9, CALL)])),
        (
            "lines of long, one here and one there",
            format!("{THERE}{}", (0..LONG).map(|at| long(at..at + 1) + OWN).collect::<String>()),
            rows(&[(2, OLD), (2 * LONG, CALL)]),
        ),
        (
            "a part of short",
            format!("{THERE}fn written_by_ada() {{\n    let answer = everything(42);\n{OWN}}}\n"),
            rows(&[(2, OLD), (4, CALL)]),
        ),
        ("imports", format!("{imports}{THERE}{OWN}"), rows(&[(2, CALL), (2, OLD), (1, CALL)])),
    ] {
        let mut w = world();
        w.program_writes("imports.rs", imports);
        w.tick(10_000);
        assert_eq!(by_command(&mut w, &text), expected, "{name}\n{:#?}", w.log(0));
        w.hub_restarts();
        w.scan();
        assert_eq!(w.blame("b.rs"), expected, "{name}, and the next hub");
    }
}

/// Whoever is told first, the watch or the hooks.
#[test]
fn in_every_order() {
    let steps: [Step; 3] = [
        |w| drop(w.hook(HookPhase::Before, "bot", &[])),
        |w| w.put("b.rs", format!("{THERE}{SHORT}{OWN}")),
        |w| drop(w.hook(HookPhase::After, "bot", &[])),
    ];
    for order in interleavings(&[steps.len(), 1]) {
        let mut w = world();
        let look: [Step; 1] = [|w| w.watch_sees("b.rs")];
        let mut lanes = [steps.iter(), look.iter()];
        order.iter().for_each(|lane| lanes[*lane].next().unwrap()(&mut w));
        w.watch_sees("b.rs");
        assert_eq!(w.blame("b.rs"), rows(&[(2, OLD), (4, COPIED), (1, CALL)]), "{order:?}\n{:#?}", w.log(0));
    }
}

/// What is judged again has its copies still, also where their source is gone.
#[test]
fn a_copy_stays_one() {
    let mut w = world();
    let expected = rows(&[(2, OLD), (4, COPIED)]);
    assert_eq!(by_command(&mut w, &format!("{THERE}{SHORT}")), expected);
    w.hook(HookPhase::Before, "bot", &[]);
    w.removes("short.rs");
    w.hook(HookPhase::After, "bot", &[]);
    assert_eq!(w.blame("b.rs").len(), expected.len());
    assert!(w.blame("b.rs")[2..].iter().all(|line| line.starts_with("person ada")), "{:?}", w.blame("b.rs"));
}

/// What its tool itself puts in is the agent's, also where a command was open beside it.
#[test]
fn what_the_agent_announces_is_its_own() {
    let mut w = world();
    w.agent_before("bot", "b.rs");
    w.put("b.rs", format!("{THERE}{SHORT}"));
    w.watch_sees("b.rs");
    w.agent_after("bot", "b.rs");
    assert_eq!(w.blame("b.rs"), rows(&[(2, OLD), (4, "agent bot exact IntentExact")]));
    // An edit that is long over says nothing of what a command copies now.
    w.tick(10_000);
    let text = format!("{THERE}{SHORT}{}", long(0..LONG));
    assert_eq!(by_command(&mut w, &text)[6..], rows(&[(LONG, COPIED)]));
}

/// Late, its tool tells that it announced this edit.
#[test]
fn what_the_agent_is_known_to_have_announced_is_its_own() {
    let mut w = world();
    let found = |text: &str| vec![HookFound { file: 0, digest: Some(of(text)), put: None, lines: None }];
    let text = format!("{THERE}{SHORT}");
    let before = HookRecord { found: found(THERE), ..w.hook_record(HookPhase::Before, "bot", &["b.rs"]) };
    w.hook(HookPhase::Before, "bot", &[]);
    w.put("b.rs", &text);
    w.watch_sees("b.rs");
    let after = HookRecord { found: found(&text), ..w.hook_record(HookPhase::After, "bot", &["b.rs"]) };
    w.hook(HookPhase::After, "bot", &[]);
    assert_eq!(w.blame("b.rs"), rows(&[(2, OLD), (4, COPIED)]));
    for record in [before, after] {
        w.feed(Input::Called(None, 0, Call::Hook(record)));
    }
    assert_eq!(w.blame("b.rs"), rows(&[(2, OLD), (4, "agent bot exact IntentExact")]), "{:#?}", w.log(0));
}

/// Of two authors nobody knows whose it is; what the command put into two files tells nothing of either.
#[test]
fn what_is_not_clear() {
    let mut w = world();
    w.agent_before("other", "like.rs");
    w.put("like.rs", SHORT);
    w.agent_after("other", "like.rs");
    w.tick(10_000);
    assert_eq!(by_command(&mut w, &format!("{THERE}{SHORT}")), rows(&[(2, OLD), (4, POSSIBLE)]));
    let mut w = world();
    let made: String = (0..LONG).map(|line| format!("the command made line {line}\n")).collect();
    w.hook(HookPhase::Before, "bot", &[]);
    for path in ["b.rs", "short.rs"] {
        w.put(path, format!("{THERE}{made}"));
        w.watch_sees(path);
    }
    w.hook(HookPhase::After, "bot", &[]);
    assert_eq!(w.blame("b.rs"), rows(&[(2, OLD), (LONG, CALL)]));
}
