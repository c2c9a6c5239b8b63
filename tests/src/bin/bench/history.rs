//! Git's own work in a repository with a long history, watched by the hub, beside the same in one that nobody watches:
//! a commit, a rebase of twenty commits, and both while eight agents announce what they write.
//!
//! Both worlds take the same steps in turn, first and second by turns: what the first one warms is the second one's
//! gain. Counted is git's whole process, begun when the hub is done with everything before it: what it does with twenty
//! new commits would run beside the other world's command.

use std::thread;
use std::time::{Duration, Instant};

use codi2_ipc::blocking::Link;
use codi2_protocol::{Actor, ActorKind, Call, EventId, HookPhase, HookRecord, Reply, WatchStatus};

use crate::ground::{BUILD, Counts, Ground};
use crate::interrupt;
use crate::long_history::{self, COMMITS, FILES, name};
use crate::report::Row;
use crate::samples::Samples;

const CHANGED: usize = 10;
const TIMES: usize = 60;
const REBASED: usize = 20;
const REBASES: usize = 15;
const AGENTS: usize = 8;
/// Pairs of before and after, of each agent.
const PAIRS: usize = 250;

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let (watched, plain) = (long_history::ground(), long_history::ground());
    watched.start_hub();
    let mut link = watched.link();
    let watch = watched.watch(&mut link);
    watched.world.wait_until_watched();
    let mut both = Both { watched: &watched, plain: &plain, link, watch };
    let (commit, commit_plain) = both.in_turn(counts.of(TIMES), commit_prepared, &["commit", "-qam", "more"]);
    let (rebase, rebase_plain) = both.in_turn(counts.of(REBASES), branch_prepared, &["rebase", "-q", "main"]);
    let (hook, rate) = agents(&watched, counts.of(PAIRS));
    let repository = format!("{COMMITS} commits, {FILES} files");
    vec![
        Row::time(
            "`git commit` after a long history, watched",
            commit,
            ("the same in one that nobody watches", commit_plain),
            "≤ 1.05 × plain git",
            format!("{repository}, {CHANGED} changed"),
        ),
        Row::time(
            "`git rebase` of 20 commits, watched",
            rebase,
            ("the same in one that nobody watches", rebase_plain),
            "≤ 1.1 × plain git",
            repository,
        ),
        Row::beyond(
            "hook acknowledged, 8 agents at once, each writing its files between before and after",
            hook,
            "> 2,000 hooks/s, p95 < 20 ms",
            format!("{rate:.0} hooks/s"),
        ),
    ]
}

struct Both<'a> {
    watched: &'a Ground,
    plain: &'a Ground,
    link: Link,
    watch: WatchStatus,
}

impl Both<'_> {
    /// Times a git command in both worlds, each time prepared alike.
    fn in_turn(&mut self, times: usize, prepare: fn(&Ground, usize), command: &[&str]) -> (Samples, Samples) {
        let [mut with, mut without] = std::array::from_fn(|_| Samples::default());
        for time in 0..times {
            interrupt::check();
            let order = if time % 2 == 0 { [self.watched, self.plain] } else { [self.plain, self.watched] };
            order.iter().for_each(|ground| prepare(ground, time));
            for ground in order {
                // Both wait: git looks again at files that are as young as its index.
                self.watched.rest(&mut self.link, &self.watch);
                let took = ground.whole_process("git", command, "");
                if std::ptr::eq(ground, self.watched) { with.add(took) } else { without.add(took) }
            }
        }
        (with, without)
    }
}

fn commit_prepared(ground: &Ground, time: usize) {
    for at in 0..CHANGED {
        let file = name((time * CHANGED + at) % FILES);
        let text = ground.world.read(&file);
        ground.world.write(&file, &format!("{text}let committed_{time} = {time};\n"));
    }
}

/// Twenty commits on a branch that left `main` before its last commit.
fn branch_prepared(ground: &Ground, time: usize) {
    let world = &ground.world;
    let branch = format!("topic{time}");
    world.git(&["switch", "--quiet", "--create", &branch, "main~1"]);
    for commit in 0..REBASED {
        let file = name(1 + (time * REBASED + commit) % (FILES - 1));
        let text = world.read(&file);
        // On top: `main` wrote at the end, and nothing shall conflict.
        world.write(&file, &format!("let rebased_{time}_{commit} = {commit};\n{text}"));
        world.git(&["commit", "--quiet", "--all", "--message", "topic"]);
    }
}

/// Agents that announce, write and say that they have written, each on a connection of its own.
fn agents(ground: &Ground, pairs: usize) -> (Samples, f64) {
    let start = Instant::now();
    let times = thread::scope(|scope| {
        let agents: Vec<_> = (0..AGENTS).map(|agent| scope.spawn(move || work(ground, agent, pairs))).collect();
        agents.into_iter().map(|agent| agent.join().expect("no agent breaks")).collect::<Vec<_>>()
    });
    let took = start.elapsed().as_secs_f64();
    let mut all = Samples::default();
    times.into_iter().for_each(|times| all.append(times));
    let rate = all.count() as f64 / took;
    (all, rate)
}

fn work(ground: &Ground, agent: usize, pairs: usize) -> Samples {
    let mut link = Link::connect(&ground.places, BUILD).expect("the hub runs");
    let mut times = Samples::default();
    for pair in 0..pairs {
        let file = name((agent * FILES / AGENTS + pair) % FILES);
        for phase in [HookPhase::Before, HookPhase::After] {
            if phase == HookPhase::After {
                let text = ground.world.read(&file);
                ground.world.write(&file, &format!("{text}let by_{agent} = {pair};\n"));
            }
            let record = record(ground, agent, phase, &file);
            let start = Instant::now();
            let reply = link.call(Call::Hook(record));
            times.add(start.elapsed());
            assert!(matches!(reply, Ok(Reply::Done)), "{reply:?}");
        }
    }
    times
}

fn record(ground: &Ground, agent: usize, phase: HookPhase, file: &str) -> HookRecord {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    HookRecord {
        id: EventId::new(),
        at_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        phase,
        format: "agent-v1".to_owned(),
        actor: Some(Actor::named(ActorKind::Agent, format!("agent-{agent}"))),
        parent_pid: std::process::id(),
        parent_start: None,
        call: None,
        pair: None,
        folder: ground.world.repository().to_string_lossy().into_owned(),
        files: vec![ground.world.path(file).to_string_lossy().into_owned()],
        found: Vec::new(),
    }
}
