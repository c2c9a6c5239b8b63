//! A move is two changes, a copy is one: in every order in which they can be seen, the owners come along. Absent on
//! purpose: how the watch pairs the two ends (`workspace/watch/moves.rs`).

use codi2_workspace::{Cause, GitExplanation, GitSource, Observation, WatchEvent};

use super::super::Input;
use super::orders::interleavings;
use super::world::{World, worktree};

const OLD: &str = "unknown unknown BeforeCodi2";
const TYPED: &str = "person ada declared EditorDeclared";
const AGENT: &str = "agent bot exact IntentExact";
const EXTERNAL: &str = "external unknown DiskChange";
const LONG: &str = "a line that is longer than thirty characters\n";

type Step = fn(&mut World);

/// `a.rs`: a line of the agent's, one of Ada's, an old one.
fn written(old: &str) -> World {
    let mut w = World::new(&[("a.rs", old)]);
    w.opens("ada", "a.rs");
    w.types("ada", "a.rs", 0, "typed\n");
    w.saves("ada", "a.rs");
    w.closes("ada", "a.rs");
    w.agent_before("bot", "a.rs");
    w.put("a.rs", format!("bot's\ntyped\n{old}"));
    w.agent_after("bot", "a.rs");
    assert_eq!(w.blame("a.rs"), [AGENT, TYPED, OLD]);
    w
}

fn moved(old: &str) -> World {
    let mut w = written(old);
    let bytes = w.ports.files.remove("a.rs").unwrap();
    w.put("b.rs", &bytes);
    w.staged("b.rs");
    w
}

fn git() -> GitExplanation {
    GitExplanation { operation: "restore".into(), what: GitSource::Index, sources: Vec::new() }
}

fn see(w: &mut World, path: &str, from: Option<&str>, git: Option<GitExplanation>) {
    w.ports.now += 30;
    let observation = Observation { from: from.map(str::to_owned), git, ..w.ports.observe(path, Cause::Event) };
    w.feed(Input::Watched(worktree(), WatchEvent::Observed(vec![observation])));
}

fn explain(w: &mut World) {
    let of = w.ports.observe("b.rs", Cause::Event);
    let (digest, written) = (of.content.digest().unwrap(), of.written.unwrap());
    w.feed(Input::Watched(worktree(), WatchEvent::Explained { path: "b.rs".into(), digest, written, git: git() }));
}

/// What a watch may say of a move, each as steps in their order.
const TOLD: [(&str, &[Step]); 8] = [
    ("in one", &[|w| see(w, "b.rs", Some("a.rs"), Some(git()))]),
    ("in one, not git", &[|w| see(w, "b.rs", Some("a.rs"), None)]),
    ("the new path first", &[|w| see(w, "b.rs", None, Some(git())), |w| see(w, "a.rs", None, Some(git()))]),
    ("the old path first", &[|w| see(w, "a.rs", None, Some(git())), |w| see(w, "b.rs", None, Some(git()))]),
    ("explained late", &[|w| see(w, "b.rs", None, None), |w| see(w, "a.rs", None, None), explain]),
    ("explained later still", &[|w| see(w, "a.rs", None, None), |w| see(w, "b.rs", None, None), explain]),
    ("paired late", &[|w| see(w, "b.rs", None, None), |w| see(w, "b.rs", Some("a.rs"), Some(git()))]),
    (
        "paired too late",
        &[|w| see(w, "a.rs", None, None), |w| see(w, "b.rs", None, None), |w| see(w, "b.rs", Some("a.rs"), None)],
    ),
];

/// Looks of editors and of whoever asks come in between.
const LOOKS: [Step; 2] = [|w| drop(w.owners("b.rs", None, false)), |w| drop(w.owners("a.rs", None, false))];

/// Its old path is known of the store alone, and the new one of nobody.
#[test]
fn a_move_while_the_hub_is_away_keeps_the_owners() {
    let mut w = written(LONG);
    let bytes = w.ports.files.remove("a.rs").unwrap();
    w.put("b.rs", &bytes);
    w.hub_restarts();
    w.scan();
    assert_eq!(w.blame("b.rs"), [AGENT, TYPED, OLD]);
}

/// In a new worktree a file may lie at a path where nobody knows it but by another path's text.
#[test]
fn what_is_known_by_another_path_is_known_to_the_next_hub() {
    let mut w = written(LONG);
    w.put("b.rs", w.ports.files["a.rs"].clone());
    w.staged("b.rs");
    w.hub_restarts();
    w.scan();
    assert_eq!(w.blame("b.rs"), [AGENT, TYPED, OLD]);
    w.removes("a.rs");
    w.hub_restarts();
    w.scan();
    assert_eq!(w.blame("b.rs"), [AGENT, TYPED, OLD]);
}

#[test]
fn every_order_of_a_move_keeps_the_owners() {
    let mut orders = 0;
    for old in ["old\n", LONG] {
        for (name, told) in TOLD {
            for order in interleavings(&[told.len(), 1, 1]) {
                let mut w = moved(old);
                let mut lanes = [told.iter(), LOOKS[..1].iter(), LOOKS[1..].iter()];
                for lane in &order {
                    lanes[*lane].next().unwrap()(&mut w);
                }
                assert_eq!(w.blame("b.rs"), [AGENT, TYPED, OLD], "{name}: {order:?}\n{:#?}", w.log(0));
                orders += 1;
            }
        }
    }
    assert_eq!(orders, 2 * (6 + 6 + 12 + 12 + 20 + 20 + 12 + 20));
}

#[test]
fn a_copy_keeps_the_owners() {
    let mut w = written(LONG);
    let bytes = w.ports.files["a.rs"].clone();
    w.program_writes("copy.rs", &bytes);
    assert_eq!(w.blame("copy.rs"), [AGENT, TYPED, OLD]);
    assert_eq!(w.last("disk").actor.to_string(), "external", "who copied it is not who wrote it");
    // A text that anybody may write again is nobody's.
    let mut w = written("old\n");
    let bytes = w.ports.files["a.rs"].clone();
    w.program_writes("copy.rs", &bytes);
    assert_eq!(w.blame("copy.rs"), [EXTERNAL; 3]);
}

#[test]
fn a_copy_over_another_text_takes_only_what_is_new_there() {
    let mut w = written(LONG);
    let bytes = w.ports.files["a.rs"].clone();
    w.opens("ada", "b.rs");
    w.types("ada", "b.rs", 0, LONG);
    w.saves("ada", "b.rs");
    w.program_writes("b.rs", &bytes);
    assert_eq!(w.blame("b.rs"), [AGENT, TYPED, TYPED], "the last line stood there before");
}

#[test]
fn what_an_agent_announced_is_its_own_whatever_it_copied() {
    for seen_first in [false, true] {
        let mut w = written(LONG);
        let bytes = w.ports.files["a.rs"].clone();
        w.agent_before("bea", "b.rs");
        w.put("b.rs", &bytes);
        if seen_first {
            w.watch_sees("b.rs");
            assert_eq!(w.blame("b.rs"), [AGENT, TYPED, OLD], "nobody has said anything yet");
        }
        w.agent_after("bea", "b.rs");
        assert_eq!(w.blame("b.rs"), ["agent bea exact IntentExact"; 3]);
    }
}

#[test]
fn one_text_with_two_histories_is_nobodys_where_it_comes_up_next() {
    let mut w = World::new(&[]);
    for (who, path) in [("ada", "a.rs"), ("bea", "b.rs")] {
        w.opens(who, path);
        w.types(who, path, 0, LONG);
        w.saves(who, path);
    }
    w.program_writes("c.rs", LONG);
    assert_eq!(w.blame("c.rs"), [EXTERNAL]);
    // Unless it is known which of them it was.
    w.renames("b.rs", "d.rs");
    assert_eq!(w.blame("d.rs"), ["person bea declared EditorDeclared"]);
    let bytes = w.ports.files.remove("a.rs").unwrap();
    w.program_writes("e.rs", &bytes);
    see(&mut w, "e.rs", Some("a.rs"), None);
    assert_eq!(w.blame("e.rs"), [TYPED]);
}

/// A line of it begins as one that she typed there.
#[test]
fn a_copy_over_another_file_has_all_its_lines_from_there() {
    let copied = "the first of many lines\nreturn 0;\n";
    let mut w = World::new(&[("a.rs", copied), ("b.rs", "")]);
    w.opens("ada", "b.rs");
    w.types("ada", "b.rs", 0, "return None\n");
    w.saves("ada", "b.rs");
    w.program_writes("b.rs", copied);
    assert_eq!(w.blame("b.rs"), [OLD, OLD]);
}

/// Somebody's lines are copied before it is known whose they are: the copy follows.
#[test]
fn a_copy_of_what_is_explained_later() {
    let mut w = World::new(&[("a.rs", LONG)]);
    w.opens("ada", "a.rs");
    w.holds("ada");
    w.appends("ada", "a.rs", "typed\n");
    w.writes_file("ada", "a.rs");
    w.watch_sees("a.rs");
    let bytes = w.ports.files["a.rs"].clone();
    w.program_writes("b.rs", &bytes);
    assert_eq!(w.blame("b.rs"), [OLD, EXTERNAL]);
    w.says_saved("ada", "a.rs");
    w.arrives("ada");
    assert_eq!(w.blame("a.rs"), [OLD, TYPED]);
    assert_eq!(w.blame("b.rs"), [OLD, TYPED]);
}
