//! Git and somebody else write a file one after the other, and one look sees both: each has its own lines.

use codi2_protocol::HookPhase;
use codi2_workspace::GitSource;

use super::world::World;

const OLD: &str = "unknown unknown BeforeCodi2";
const RIVAL: &str = "agent rival exact IntentExact";
const MAIN: &str = "base one\nbase two\nbase three\n";
const TOPIC: &str = "base one\nrival wrote this on topic\nbase two\nbase three\n";
const AFTER: &str = "header by bot\nbase one\nrival wrote this on topic\nbase two\nbase three\n";

/// The rival's topic, and main checked out.
fn topic() -> World {
    let mut w = World::new(&[("a.rs", MAIN)]);
    w.agent_before("rival", "a.rs");
    w.put("a.rs", TOPIC);
    w.agent_after("rival", "a.rs");
    w.git_writes("a.rs", Some(MAIN), "checkout", GitSource::NewHead, &[TOPIC]);
    assert_eq!(w.blame("a.rs"), [OLD; 3]);
    w.tick(codi2_attribution::OPEN_MS);
    w
}

/// `git checkout topic && sed -i '1i header by bot' a.rs`, in a command and in an announced edit; the watch or the hook sees
/// it first.
#[test]
fn a_checkout_and_a_write_behind_it() {
    // A hook looks only at what it was announced for.
    for (named, first) in [(true, "watch"), (true, "hook"), (true, "late"), (false, "watch"), (false, "late")] {
        let mut w = topic();
        let paths: &[&str] = if named { &["a.rs"] } else { &[] };
        w.hook(HookPhase::Before, "bot", paths);
        w.put("a.rs", AFTER);
        match first {
            "watch" => w.git_explains("a.rs", "checkout", GitSource::Passed, &[TOPIC]),
            "late" => w.watch_sees("a.rs"),
            _ => {}
        }
        w.hook(HookPhase::After, "bot", paths);
        if first != "watch" {
            w.git_explains("a.rs", "checkout", GitSource::Passed, &[TOPIC]);
        }
        let blame = w.blame("a.rs");
        assert_eq!(blame[1..], [OLD, RIVAL, OLD, OLD], "{named} {first}");
        assert!(blame[0].starts_with("agent bot"), "{named} {first}: {blame:?}");
    }
}

/// Nobody knows who wrote what git brought: it is not the agent's, nor that of whoever wrote such a line before.
#[test]
fn what_git_brings_of_a_colleague_is_not_the_agents() {
    let mut w = World::new(&[("a.rs", MAIN)]);
    w.agent_before("bot", "a.rs");
    w.put("a.rs", TOPIC);
    w.agent_after("bot", "a.rs");
    w.put("a.rs", MAIN);
    w.watch_sees("a.rs");
    w.agent_before("bot", "a.rs");
    w.put("a.rs", "header by bot\nbase one\nbase two\nrival wrote this on topic\nbase three\n");
    w.git_explains("a.rs", "pull", GitSource::Passed, &["base one\nbase two\nrival wrote this on topic\nbase three\n"]);
    w.agent_after("bot", "a.rs");
    let git = "git pull carried Git";
    assert_eq!(w.blame("a.rs"), ["agent bot exact IntentExact", OLD, OLD, git, OLD]);
}

/// The marks of a conflict are taken out at once: each side keeps its own, and what stood there before is no step of git's.
#[test]
fn a_conflict_resolved_at_once() {
    let mut w = topic();
    w.agent_before("bot", "a.rs");
    w.put("a.rs", "base one\nours, by bot\nbase two\nbase three\n");
    w.agent_after("bot", "a.rs");
    w.agent_before("cat", "a.rs");
    w.put("a.rs", "base one\nours, by bot\nrival wrote this on topic\nresolved by cat\nbase two\nbase three\n");
    w.git_explains(
        "a.rs",
        "merge topic",
        GitSource::Passed,
        &["base one\nours, by bot\nbase two\nbase three\n", TOPIC],
    );
    w.agent_after("cat", "a.rs");
    let (bot, cat) = ("agent bot exact IntentExact", "agent cat exact IntentExact");
    assert_eq!(w.blame("a.rs"), [OLD, bot, RIVAL, cat, OLD, OLD]);
}
