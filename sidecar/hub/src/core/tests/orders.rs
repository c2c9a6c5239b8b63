//! Save, watch, hook and git meet by content: every order in which they can arrive ends in the same owners.

use codi2_workspace::GitSource;

use super::world::World;

const OLD: &str = "unknown unknown BeforeCodi2";
const TYPED: &str = "person ada declared EditorDeclared";
const AGENT: &str = "agent bot exact IntentExact";

/// All interleavings of lanes, each in its own order: as sequences of lane numbers.
pub fn interleavings(lengths: &[usize]) -> Vec<Vec<usize>> {
    if lengths.iter().all(|len| *len == 0) {
        return vec![Vec::new()];
    }
    let mut all = Vec::new();
    for lane in 0..lengths.len() {
        if lengths[lane] > 0 {
            let mut rest = lengths.to_vec();
            rest[lane] -= 1;
            for mut tail in interleavings(&rest) {
                tail.insert(0, lane);
                all.push(tail);
            }
        }
    }
    all
}

pub type Step = fn(&mut World);

/// Runs every interleaving and compares what is said in the end.
fn check(name: &str, start: impl Fn() -> World, lanes: &[&[Step]], end: Step, expected: &[&str]) -> usize {
    let lengths: Vec<usize> = lanes.iter().map(|lane| lane.len()).collect();
    let orders = interleavings(&lengths);
    for order in &orders {
        let mut world = start();
        let mut at = vec![0; lanes.len()];
        for lane in order {
            lanes[*lane][at[*lane]](&mut world);
            at[*lane] += 1;
        }
        end(&mut world);
        assert_eq!(world.blame("a.rs"), expected, "{name}: {order:?}\n{:#?}", world.log(0));
    }
    orders.len()
}

fn one_line() -> World {
    let mut w = World::new(&[("a.rs", "one\n")]);
    w.opens("ada", "a.rs");
    w
}

fn see(w: &mut World) {
    w.watch_sees("a.rs");
}

/// Lets the first of the held inputs arrive.
fn next(w: &mut World) {
    let held = w.person("ada").held.as_mut().unwrap();
    let input = held.remove(0);
    w.feed(input);
}

/// Ada types and saves; then the agent writes. What is on its way from her editor may come at any time.
fn saved_by_ada() -> World {
    let mut w = one_line();
    w.holds("ada");
    w.appends("ada", "a.rs", "ada\n");
    w.writes_file("ada", "a.rs");
    w.says_saved("ada", "a.rs");
    w
}

#[test]
fn a_save_and_its_echo() {
    // Text, group, save; the watch sees the file three times at any time.
    let count = check("save", saved_by_ada, &[&[next, next, next], &[see, see, see]], see, &[OLD, TYPED]);
    assert_eq!(count, 20);
}

#[test]
fn a_save_and_then_an_agent() {
    let agent: &[Step] =
        &[|w| w.agent_before("bot", "a.rs"), |w| w.put("a.rs", "one\nada\nbot\n"), |w| w.agent_after("bot", "a.rs")];
    let count =
        check("save, agent", saved_by_ada, &[&[next, next, next], agent, &[see, see]], see, &[OLD, TYPED, AGENT]);
    assert_eq!(count, 560);
}

/// The agent writes, the editor loads that, Ada types on and saves.
#[test]
fn an_agent_and_then_a_save() {
    let physical: &[Step] = &[
        |w| w.agent_before("bot", "a.rs"),
        |w| w.put("a.rs", "one\nbot\n"),
        |w| w.agent_after("bot", "a.rs"),
        |w| {
            w.holds("ada");
            w.reloads("ada", "a.rs");
            w.appends("ada", "a.rs", "ada\n");
            w.writes_file("ada", "a.rs");
            w.says_saved("ada", "a.rs");
        },
        next,
        next,
        next,
        next,
        next,
    ];
    let count = check("agent, save", one_line, &[physical, &[see, see]], see, &[OLD, AGENT, TYPED]);
    assert_eq!(count, 55);
}

/// Ada saves and the agent writes inside one call; the call's hooks are read before and after both.
#[test]
fn a_save_inside_a_call() {
    let start = || {
        let mut w = one_line();
        w.agent_before("bot", "a.rs");
        w.holds("ada");
        w.appends("ada", "a.rs", "ada\n");
        w.writes_file("ada", "a.rs");
        w.says_saved("ada", "a.rs");
        // The watch is quick enough to see the two writes apart.
        w.watch_sees("a.rs");
        w
    };
    let agent: &[Step] = &[|w| w.put("a.rs", "one\nada\nbot\n"), see, |w| w.agent_after("bot", "a.rs")];
    // The call's digests are those of both steps together.
    let call = "agent bot inferred OnlyAgentCall";
    let count = check("inside", start, &[&[next, next, next], agent], see, &[OLD, TYPED, call]);
    assert_eq!(count, 20);
}

/// A pull brings a line; the watch first sees the change without git's explanation, the editor loads it again.
#[test]
fn git_watch_and_reload() {
    let start = || {
        let mut w = one_line();
        w.put("a.rs", "one\npulled\n");
        w.holds("ada");
        w.reloads("ada", "a.rs");
        w
    };
    fn explain(w: &mut World) {
        w.git_explains("a.rs", "pull", GitSource::NewHead, &["one\n"]);
    }
    let pulled = "git pull carried Git";
    let count = check("git", start, &[&[next, next], &[see], &[explain]], see, &[OLD, pulled]);
    assert_eq!(count, 12);
    let buffer = |w: &mut World| assert_eq!(w.blame_buffer("ada", "a.rs"), [OLD, "git pull carried Git"]);
    check("git, buffer", start, &[&[next, next], &[see], &[explain]], buffer, &[OLD, pulled]);
}

/// Git restores a file while a call is open and after a save: git's content is never the agent's.
#[test]
fn git_inside_a_call_after_a_save() {
    let git: &[Step] = &[
        |w| w.agent_before("bot", "a.rs"),
        |w| w.put("a.rs", "one\n"),
        |w| w.git_explains("a.rs", "checkout", GitSource::Index, &["one\nada\n"]),
        |w| w.agent_after("bot", "a.rs"),
    ];
    check("git in a call", saved_by_ada, &[&[next, next, next], git, &[see]], see, &[OLD]);
}
