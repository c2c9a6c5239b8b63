//! What is known late is noted late: by a hub that was away, and of whoever was heard late.

use codi2_protocol::Class;
use codi2_tests::editor::Editor;
use codi2_tests::{Agent, Frozen, wait_for};

use crate::{ADA, BEGIN, Work};

#[test]
fn a_hub_that_was_away_catches_up() {
    let work = Work::new(&[("a.txt", BEGIN)]);
    let world = &work.world;
    work.write(ADA, "a.txt", "first\nseen by ada\nlast\n");
    world.wait_no_strangers();
    world.write_notes(world.repository()).expect("notes are written");
    let hub = world.without_hub();
    world.git(&["commit", "--quiet", "--all", "--message", "while nobody looked"]);
    let commit = work.head();
    assert_eq!(world.note(&commit), None);
    drop(hub);
    world.wait_until_watched();
    world.wait_noted_unasked("after a start", "HEAD", &[("seen by ada", ADA)]);
}

#[test]
fn what_is_known_later_is_noted_later() {
    let work = Work::new(&[("a.txt", BEGIN)]);
    let world = &work.world;
    let agent = Agent::named(world, "ada");
    agent.announce(&["a.txt"]);
    world.write("a.txt", "first\nof whom?\nlast\n");
    let commit = work.commit("before it is told");
    world.write_notes(world.repository()).expect("notes are written");
    agent.done(&["a.txt"]);
    // Nobody asks any more: what is learned is written by itself.
    let told = || world.note(&commit).and_then(|note| Some(note.owner("a.txt", 2)?.verdict.clone()));
    let is_told = || told().filter(|told| told.origin.name == "ada" && told.class == Class::Exact);
    wait_for("the note to name the agent", || format!("{:?}\n{}", told(), world.explain()), || is_told().map(drop));
}

/// A hub notes a commit, and dies before the editor can tell it whose the lines are.
#[test]
fn what_a_dead_hub_noted_is_mended_by_the_next_one() {
    let work = Work::new(&[("a.txt", BEGIN)]);
    let world = &work.world;
    let mut editor = Editor::start(world, world.repository());
    let file = world.path("a.txt");
    editor.open(&file);
    let frozen = Frozen::stop(editor.sidecar());
    editor.type_at(&file, "first\n".len(), "typed\n");
    editor.save(&file);
    let commit = work.commit("before it is told");
    world.write_notes(world.repository()).expect("notes are written");
    let told = || world.note(&commit).and_then(|note| Some(note.owner("a.txt", 2)?.verdict.clone()));
    assert_eq!(told().map(|told| told.class), Some(Class::Unknown));
    world.kill_hub();
    let started = world.codi2(&["hub", "start"]);
    assert_eq!(started.code, 0, "{}", started.err);
    world.wait_until_watched();
    world.write_notes(world.repository()).expect("notes are written");
    assert_eq!(told().map(|told| told.class), Some(Class::Unknown));
    drop(frozen);
    let is_told = || told().filter(|told| told.origin.name == world.person());
    wait_for("the note to name the person", || format!("{:?}\n{}", told(), world.explain()), || is_told().map(drop));
    editor.quit();
}
