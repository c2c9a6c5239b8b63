//! The story of one line: typed by a person, extended by an accepted completion, rewritten by an announced agent,
//! formatted, moved to another file, committed, rebased, squashed. Whoever wrote it is named after each step.

#![allow(clippy::print_stdout)] // `--nocapture` tells the story.

use codi2_tests::editor::Editor;
use codi2_tests::{Agent, Blame, World};
use serde_json::json;

/// Where the line's text is found.
const BESIDE: &str = "use std::fmt;\n\nfn main() {\n}\n";

/// Waits until `file` is owned like this, line by line, and prints what a person would see.
fn told(world: &World, step: &str, file: &str, buffer: bool, owned: impl Fn(&Blame) -> bool) -> Blame {
    let blame = world.wait_blame(step, file, buffer, owned);
    let arguments: &[&str] = if buffer { &["--buffer", file] } else { &[file] };
    println!("== {step}\n{}", world.codi2(&[&["blame", "--format", "human"], arguments].concat()).out);
    blame
}

fn is(blame: &Blame, line: usize, kind: &str, name: &str) -> bool {
    blame.lines.get(line).is_some_and(|line| line.kind == kind && (name.is_empty() || line.name == name))
}

#[test]
fn one_line_keeps_its_author() {
    let world = World::new(&[("a.rs", BESIDE), ("b.rs", "fn other() {\n}\n")]);
    let (a, b) = (world.path("a.rs"), world.path("b.rs"));
    let mut editor = Editor::start(&world, world.repository());
    editor.open(&a);
    editor.open(&b);
    world.wait_until_watched();

    let at = BESIDE.len() - 2;
    let typed = "let total =\n";
    editor.type_at(&a, at, typed);
    let person = |blame: &Blame| is(blame, 3, "person", world.person());
    told(&world, "typed by a person", "a.rs", true, person);

    let accepted = " order.prices().sum();";
    let end = at + typed.len() - 1;
    editor.hint(&a, &json!({"kind": "completion", "name": "ghost-writer"}));
    editor.replace(&a, end..end, accepted);
    let mixed = |blame: &Blame| is(blame, 3, "completion", "ghost-writer") && blame.lines[3].mixed;
    told(&world, "extended by an accepted completion", "a.rs", true, mixed);
    editor.save(&a);
    told(&world, "saved", "a.rs", false, mixed);

    let rewritten = "let total: Money = order.lines().map(Line::price).sum::<Money>().rounded(2);\n";
    let agent = Agent::new(&world);
    agent.write("a.rs", &format!("{}{rewritten}}}\n", &BESIDE[..at]));
    let agents = |line: usize| move |blame: &Blame| is(blame, line, "agent", "scripted-agent");
    told(&world, "rewritten by an announced agent", "a.rs", false, agents(3));

    assert!(editor.reload(&a), "the agent changed it");
    editor.hint(&a, &json!({"kind": "format", "name": "rustfmt"}));
    editor.replace(&a, at..at, "    ");
    editor.save(&a);
    let indented = format!("{}    {rewritten}}}\n", &BESIDE[..at]);
    assert_eq!(world.read("a.rs"), indented);
    told(&world, "formatted", "a.rs", false, agents(3));

    let line = format!("    {rewritten}");
    editor.hint(&a, &json!({"kind": "cut"}));
    editor.replace(&a, at..at + line.len(), "");
    editor.hint(&b, &json!({"kind": "paste"}));
    editor.replace(&b, "fn other() {\n".len().."fn other() {\n".len(), &line);
    editor.save(&a);
    editor.save(&b);
    let moved = told(&world, "moved to another file", "b.rs", false, agents(1));
    assert!(moved.lines[1].evidence.iter().any(|kind| kind == "moved" || kind == "copied"), "{moved:?}");

    world.git(&["switch", "--quiet", "--create", "work"]);
    world.git(&["commit", "--quiet", "--all", "--message", "Sum up in other"]);
    told(&world, "committed", "b.rs", false, agents(1));
    world.write("b.rs", &format!("fn other() {{\n{line}    // checked\n}}\n"));
    world.git(&["commit", "--quiet", "--all", "--message", "Say that it is checked"]);

    world.git(&["switch", "--quiet", "main"]);
    world.write("b.rs", "// by another program\nfn other() {\n}\n");
    world.git(&["commit", "--quiet", "--all", "--message", "A line above"]);
    world.git(&["switch", "--quiet", "work"]);
    world.git(&["rebase", "--quiet", "main"]);
    told(&world, "rebased", "b.rs", false, agents(2));

    world.git(&["switch", "--quiet", "main"]);
    world.git(&["merge", "--quiet", "--squash", "work"]);
    world.git(&["commit", "--quiet", "--message", "All of it"]);
    told(&world, "squashed", "b.rs", false, agents(2));
    editor.kill();

    world.kill_hub();
    told(&world, "after a crash of the hub", "b.rs", false, agents(2));
}
