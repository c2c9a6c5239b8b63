//! An agent's hook: the whole process `codi2 hook agent-v1`, with a hub and without, and the hub's part of it alone.
//!
//! The agent waits for the process, so what counts is the time from before it is made until it has been waited for,
//! with its input written to it. Between before and after the agent really writes its file, outside the times. It
//! goes round many files, as agents do; what one file edited again and again costs has a line of its own, because the
//! hub keeps the changes of five minutes open to late evidence.

use std::time::{Duration, Instant};

use codi2_ipc::blocking::Link;
use codi2_protocol::{Actor, ActorKind, Call, EventId, HookPhase, HookRecord, Reply};
use codi2_tests::program;
use serde_json::json;

use crate::echo::{Echo, there_and_back};
use crate::editor::code;
use crate::ground::{Counts, Ground};
use crate::interrupt;
use crate::report::Row;
use crate::samples::Samples;

const FILES: usize = 50;
const BYTES: usize = 10 << 10;
/// Pairs of before and after.
const PAIRS: usize = 200;

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let text = code(BYTES);
    let names: Vec<String> = (0..FILES).map(|number| format!("file{number}.rs")).collect();
    let files: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), text.as_str())).collect();
    let ground = Ground::new(&files);
    let mut agent = Agent { ground: &ground, names: &names, text, writes: 0 };
    ground.start_hub();
    // As where an editor is open or somebody monitors: the worktree is watched already.
    let mut link = ground.link();
    ground.watch(&mut link);
    let pairs = counts.of(PAIRS);
    agent.processes(counts.of(20));

    let with = agent.processes(pairs);
    let (asked, echoed) = agent.in_the_hub(&mut link, pairs);
    let mut stubborn = Agent { names: &names[..1], text: agent.text.clone(), ..agent };
    let (asked_again, echoed_again) = stubborn.in_the_hub(&mut link, pairs);
    drop(link);
    ground.stop_hub();
    let without = agent.processes(pairs);
    assert!(ground.world.hub_pid().is_none(), "a hook starts no hub");
    vec![
        Row::time("hook, whole process, hub there", with.hook, ("/bin/true", with.nothing.clone()), "p50 5 ms", ""),
        Row::time(
            "hook, whole process, hub away (spooled)",
            without.hook,
            ("/bin/true", without.nothing),
            "p50 5 ms",
            "",
        ),
        Row::time("`git --version`, whole process", with.git, ("/bin/true", with.nothing), "", "for comparison"),
        Row::time(
            "hook acknowledged, on an open connection",
            asked,
            ("bare Unix socket echo of 500 bytes", echoed),
            "p50 < 1 ms",
            "",
        ),
        Row::time(
            "the same, one file again and again",
            asked_again,
            ("bare Unix socket echo of 500 bytes", echoed_again),
            "p50 < 1 ms",
            format!("{pairs} writes in a few seconds"),
        ),
    ]
}

struct Processes {
    hook: Samples,
    git: Samples,
    nothing: Samples,
}

/// An agent that edits one file after the other.
struct Agent<'a> {
    ground: &'a Ground,
    names: &'a [String],
    text: String,
    writes: usize,
}

impl Agent<'_> {
    /// The file in turn.
    fn file(&self) -> &str {
        &self.names[self.writes % self.names.len()]
    }

    fn write(&mut self) {
        self.text.push_str("let more = 1;\n");
        self.ground.world.write(self.file(), &self.text);
    }

    /// Hooks before and after real writes, each with its floors beside it.
    fn processes(&mut self, pairs: usize) -> Processes {
        let ground = self.ground;
        let folder = ground.world.repository();
        let [mut hook, mut git, mut nothing] = std::array::from_fn(|_| Samples::default());
        for _ in 0..pairs {
            interrupt::check();
            let file = self.file();
            let before = json!({"type": "human", "repo_working_dir": folder, "will_edit_filepaths": [file]});
            let after = json!({"type": "ai_agent", "repo_working_dir": folder, "edited_filepaths": [file],
                "agent_name": "bench", "model": "none", "conversation_id": "1"});
            for (payload, is_before) in [(before.to_string(), true), (after.to_string(), false)] {
                nothing.add(ground.whole_process("/bin/true", &[], &payload));
                git.add(ground.whole_process("git", &["--version"], &payload));
                hook.add(ground.whole_process(program(), &["hook", "agent-v1"], &payload));
                if is_before {
                    self.write();
                }
            }
            self.writes += 1;
        }
        Processes { hook, git, nothing }
    }

    /// The same records on a connection that stands, with a bare echo beside each.
    fn in_the_hub(&mut self, link: &mut Link, pairs: usize) -> (Samples, Samples) {
        let echo = Echo::start(self.ground.places.runtime());
        let mut stream = echo.connect();
        let (mut asked, mut echoed) = (Samples::default(), Samples::default());
        for _ in 0..pairs {
            interrupt::check();
            for phase in [HookPhase::Before, HookPhase::After] {
                echoed.add(there_and_back(&mut stream, 500));
                let record = self.record(phase);
                let start = Instant::now();
                let reply = link.call(Call::Hook(record));
                asked.add(start.elapsed());
                assert!(matches!(reply, Ok(Reply::Done)), "{reply:?}");
                if phase == HookPhase::Before {
                    self.write();
                }
            }
            self.writes += 1;
        }
        (asked, echoed)
    }

    fn record(&self, phase: HookPhase) -> HookRecord {
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::ZERO);
        let world = &self.ground.world;
        HookRecord {
            id: EventId::new(),
            at_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
            phase,
            format: "agent-v1".to_owned(),
            actor: (phase == HookPhase::After).then(|| Actor::named(ActorKind::Agent, "bench")),
            parent_pid: std::process::id(),
            parent_start: None,
            call: None,
            pair: None,
            folder: world.repository().to_string_lossy().into_owned(),
            files: vec![world.path(self.file()).to_string_lossy().into_owned()],
            found: Vec::new(),
        }
    }
}
