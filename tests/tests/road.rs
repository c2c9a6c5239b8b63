//! The road without an editor: programs write files, agents announce themselves or do not, git works; hub and log.

use std::thread::sleep;
use std::time::{Duration, Instant};

use codi2_tests::editor::Editor;
use codi2_tests::{Agent, DEADLINE, Entry, World, wait_for};

#[test]
fn a_program_that_nobody_announced_is_external() {
    let world = World::new(&[("a.txt", "one\n")]);
    let mut monitor = world.monitor();
    world.write("a.txt", "one\nby a program\n");
    world.write("new/b.txt", "made by a program\n");
    let blame =
        world.wait_blame("the program's line", "a.txt", false, |blame| blame.kinds() == ["unknown", "external"]);
    assert_eq!(blame.lines[1].class, "unknown");
    world.wait_blame("the new file", "new/b.txt", false, |blame| blame.kinds() == ["external"]);
    let log = world.log();
    assert!(log.iter().all(|entry| entry.actor() != "person"), "{}", world.explain());
    monitor.kill().expect("our own child");
    monitor.wait().expect("our own child");
}

#[test]
fn an_agent_that_announces_itself_is_named() {
    let world = World::new(&[("a.txt", "one\ntwo\n")]);
    let mut monitor = world.monitor();
    let agent = Agent::new(&world);
    agent.write("a.txt", "one\nby the agent\ntwo\n");
    let blame =
        world.wait_blame("the agent's line", "a.txt", false, |blame| blame.kinds() == ["unknown", "agent", "unknown"]);
    assert_eq!((blame.lines[1].name.as_str(), blame.lines[1].class.as_str()), (agent.name, "exact"));
    monitor.kill().expect("our own child");
    monitor.wait().expect("our own child");
}

/// On branch `work`, committed, an agent's line; `main` has the file without it.
fn two_branches(world: &World) {
    Agent::new(world).write("a.txt", "one\nby the agent\n");
    world.wait_blame("the agent's line", "a.txt", false, |blame| blame.kinds() == ["unknown", "agent"]);
    world.git(&["switch", "--quiet", "--create", "work"]);
    world.git(&["commit", "--quiet", "--all", "--message", "work"]);
}

#[test]
fn a_branch_switch_leaves_owners_where_they_were() {
    let world = World::new(&[("a.txt", "one\n")]);
    let mut monitor = world.monitor();
    two_branches(&world);
    for (round, (branch, owners)) in
        [("main", &["unknown"][..]), ("work", &["unknown", "agent"]), ("main", &["unknown"])].into_iter().enumerate()
    {
        world.git(&["switch", "--quiet", branch]);
        world.wait_blame(branch, "a.txt", false, |blame| blame.kinds() == owners);
        world.wait_log("the switch", |log| {
            let switches = log.iter().filter(|entry| entry.kind() == "git" && entry.operation() == "checkout");
            // The first made the branch.
            (switches.count() >= round + 2).then_some(())
        });
        // A state that only `blame` saw, because the next switch came before the watch had looked, stays unexplained:
        // that is the other test's matter.
        world.wait_no_strangers();
    }
    monitor.kill().expect("our own child");
    monitor.wait().expect("our own child");
}

#[test]
fn switches_in_quick_succession_make_nobody_an_author() {
    let world = World::new(&[("a.txt", "one\n")]);
    let mut monitor = world.monitor();
    two_branches(&world);
    for _ in 0..3 {
        world.git(&["switch", "--quiet", "main"]);
        world.git(&["switch", "--quiet", "work"]);
    }
    world.wait_log("all switches", |log| {
        let switches = log.iter().filter(|entry| entry.kind() == "git" && entry.operation() == "checkout");
        (switches.count() >= 7).then_some(())
    });
    world.wait_blame("the agent's line", "a.txt", false, |blame| blame.kinds() == ["unknown", "agent"]);
    assert!(world.log().iter().all(|entry| entry.actor() != "person"), "{}", world.explain());
    monitor.kill().expect("our own child");
    monitor.wait().expect("our own child");
}

#[test]
fn a_hub_that_was_killed_keeps_what_it_acknowledged() {
    let world = World::new(&[("a.txt", "one\n")]);
    let mut monitor = world.monitor();
    world.write("a.txt", "one\nby a program\n");
    world.wait_blame("the program's line", "a.txt", false, |blame| blame.kinds() == ["unknown", "external"]);
    let before: Vec<String> = world.log().iter().map(|entry| entry.id().to_owned()).collect();
    let old = world.kill_hub();
    // Somebody asks, and another hub starts.
    wait_for(
        "another hub",
        || world.explain(),
        || {
            world.log();
            world.hub_pid().filter(|pid| *pid != old)
        },
    );
    let after: Vec<String> = world.log().iter().map(|entry| entry.id().to_owned()).collect();
    assert_eq!(after[..before.len()], before[..], "{}", world.explain());
    assert_eq!(world.blame("a.txt").kinds(), ["unknown", "external"]);
    monitor.kill().expect("our own child");
    monitor.wait().expect("our own child");
}

#[test]
fn a_tail_goes_on_where_it_stopped() {
    let world = World::new(&[("a.txt", "one\n")]);
    let mut monitor = world.monitor();
    world.write("a.txt", "one\ntwo\n");
    let from = world.wait_log("the first change", |log| {
        log.iter().rfind(|entry| entry.kind() == "disk").map(|entry| entry.stamp().to_owned())
    });
    world.write("a.txt", "one\ntwo\nthree\n");
    let wanted = world.wait_log("the second change", |log| {
        let later: Vec<String> = log.iter().filter(|e| e.stamp() > from.as_str()).map(|e| e.id().to_owned()).collect();
        (!later.is_empty()).then_some(later)
    });
    let mut tail = world.tail(&["--from", &from]);
    let got = wait_for(
        "the tail",
        || world.explain(),
        || {
            let lines = tail.lines();
            (lines.len() >= wanted.len()).then_some(lines)
        },
    );
    let got: Vec<&str> = got.iter().map(|entry| entry.id()).collect();
    assert_eq!(got[..wanted.len()], wanted[..]);
    monitor.kill().expect("our own child");
    monitor.wait().expect("our own child");
}

/// A person types on and on while git switches branches beside her: the group of edits before it ends with it, although
/// neither quiet (250 ms) nor age (1 s) would end it yet.
#[test]
fn a_git_operation_ends_the_group_that_is_open() {
    let world = World::new(&[("a.txt", "one\n")]);
    let mut editor = Editor::start(&world, world.repository());
    let path = world.path("a.txt");
    editor.open(&path);
    world.wait_until_watched();
    let mut tail = world.tail(&["--kind", "git"]);
    let mut typed = 0;
    wait_for(
        "a group that git ended",
        || world.explain(),
        || {
            let known = groups(&world.log()).len();
            let seen = tail.lines().len();
            let mut git = world.command("git").args(["switch", "--quiet", "--detach"]).spawn().expect("git starts");
            let began = Instant::now();
            let (mut last, mut longest, mut after) = (began, Duration::ZERO, 0);
            while after < 10 {
                assert!(began.elapsed() < DEADLINE, "git's event never came");
                editor.type_at(&path, 0, "x");
                typed += 1;
                longest = longest.max(last.elapsed());
                last = Instant::now();
                sleep(Duration::from_millis(10));
                after += usize::from(tail.lines().len() > seen);
            }
            git.wait().expect("our own child");
            world.git(&["switch", "--quiet", "main"]);
            let groups = world.wait_log("every key", |log| {
                let groups = groups(log);
                (groups.iter().map(|(_, bytes)| bytes).sum::<u64>() == typed).then_some(groups)
            });
            let early = groups[known..].windows(2).any(|pair| pair[1].0 - pair[0].0 < 900);
            // Where the machine stood still, quiet may have ended it: try again.
            (early && longest < Duration::from_millis(200)).then_some(())
        },
    );
    editor.quit();
}

/// A sidecar dies and the hub right after it: nobody is left to say that the session ended. The next hub finds that its
/// process is gone, and leaves the session of one that lives alone.
#[test]
fn a_session_whose_sidecar_died_while_the_hub_was_away_ends() {
    let world = World::new(&[("a.txt", "one\n"), ("b.txt", "one\n")]);
    let started = |log: &[Entry]| log.iter().filter(|entry| entry.kind() == "session-started").count();
    let mut gone = Editor::start(&world, world.repository());
    gone.open(&world.path("a.txt"));
    world.wait_log("the first session", |log| (started(log) == 1).then_some(()));
    let mut lives = Editor::start(&world, world.repository());
    lives.open(&world.path("b.txt"));
    let sessions = world.wait_log("both sessions", |log| {
        let sessions = log.iter().filter(|entry| entry.kind() == "session-started");
        let sessions: Vec<String> = sessions.map(|entry| entry.session().to_owned()).collect();
        (sessions.len() == 2).then_some(sessions)
    });
    gone.kill();
    world.kill_hub();
    let ended = world.wait_log("the end of the dead one", |log| {
        let ended = log.iter().filter(|entry| entry.kind() == "session-ended");
        let ended: Vec<String> = ended.map(|entry| entry.session().to_owned()).collect();
        (!ended.is_empty()).then_some(ended)
    });
    assert_eq!(ended, sessions[..1]);
    lives.quit();
}

/// When each group of edits began (ms since the Unix epoch), and how many bytes it put in.
fn groups(log: &[Entry]) -> Vec<(u64, u64)> {
    let edits = log.iter().filter(|entry| entry.kind() == "edit");
    edits.map(|entry| (entry.occurred_ms(), entry.inserted())).collect()
}
