//! An agent's hook: the whole process `codi2 hook agent-v1`, with a hub and without, and the hub's part of it alone.
//!
//! The agent waits for the process, so what counts is the time from before it is made until it has been waited for,
//! with its input written to it. Between before and after the agent really writes its file, outside the times.

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

const FILE: &str = "agent.rs";
const BYTES: usize = 10 << 10;
/// Pairs of before and after.
const PAIRS: usize = 200;

/// Measures.
pub fn run(counts: Counts) -> Vec<Row> {
    let mut text = code(BYTES);
    let ground = Ground::new(&[(FILE, &text)]);
    ground.start_hub();
    // As where an editor is open or somebody monitors: the worktree is watched already.
    let mut link = ground.link();
    ground.watch(&mut link);
    let pairs = counts.of(PAIRS);
    processes(&ground, counts.of(20), &mut text);

    let with = processes(&ground, pairs, &mut text);
    let (asked, echoed) = in_the_hub(&ground, &mut link, pairs, &mut text);
    drop(link);
    ground.stop_hub();
    let without = processes(&ground, pairs, &mut text);
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
    ]
}

struct Processes {
    hook: Samples,
    git: Samples,
    nothing: Samples,
}

/// Hooks before and after real writes, each with its floors beside it.
fn processes(ground: &Ground, pairs: usize, text: &mut String) -> Processes {
    let folder = ground.world.repository();
    let before = json!({"type": "human", "repo_working_dir": folder, "will_edit_filepaths": [FILE]}).to_string();
    let after = json!({"type": "ai_agent", "repo_working_dir": folder, "edited_filepaths": [FILE],
        "agent_name": "bench", "model": "none", "conversation_id": "1"})
    .to_string();
    let [mut hook, mut git, mut nothing] = std::array::from_fn(|_| Samples::default());
    for _ in 0..pairs {
        interrupt::check();
        for (payload, is_last) in [(&before, false), (&after, true)] {
            nothing.add(ground.whole_process("/bin/true", &[], payload));
            git.add(ground.whole_process("git", &["--version"], payload));
            hook.add(ground.whole_process(program(), &["hook", "agent-v1"], payload));
            if !is_last {
                text.push_str("let more = 1;\n");
                ground.world.write(FILE, text);
            }
        }
    }
    Processes { hook, git, nothing }
}

/// The same records on a connection that stands, with a bare echo beside each.
fn in_the_hub(ground: &Ground, link: &mut Link, pairs: usize, text: &mut String) -> (Samples, Samples) {
    let echo = Echo::start(ground.places.runtime());
    let mut stream = echo.connect();
    let (mut asked, mut echoed) = (Samples::default(), Samples::default());
    for _ in 0..pairs {
        interrupt::check();
        for phase in [HookPhase::Before, HookPhase::After] {
            echoed.add(there_and_back(&mut stream, 500));
            let record = record(ground, phase);
            let start = Instant::now();
            let reply = link.call(Call::Hook(record));
            asked.add(start.elapsed());
            assert!(matches!(reply, Ok(Reply::Done)), "{reply:?}");
            if phase == HookPhase::Before {
                text.push_str("let more = 2;\n");
                ground.world.write(FILE, text);
            }
        }
    }
    (asked, echoed)
}

fn record(ground: &Ground, phase: HookPhase) -> HookRecord {
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or(Duration::ZERO);
    HookRecord {
        id: EventId::new(),
        at_ms: u64::try_from(now.as_millis()).unwrap_or(u64::MAX),
        phase,
        format: "agent-v1".to_owned(),
        actor: (phase == HookPhase::After).then(|| Actor::named(ActorKind::Agent, "bench")),
        parent_pid: std::process::id(),
        parent_start: None,
        call: None,
        folder: ground.world.repository().to_string_lossy().into_owned(),
        files: vec![ground.world.path(FILE).to_string_lossy().into_owned()],
    }
}
