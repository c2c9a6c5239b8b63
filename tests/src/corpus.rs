//! The git corpus on the whole road: scripts of real git against a real hub, with known owners of some lines before.
//!
//! A case is a script, what the editor has open, and a worktree. Before the script's steps some lines are typed by a
//! person in an editor and some are written by an agent that announces itself; each such line holds a token of its own.
//! All of it lies in the first commit, so that every branch of the script has these lines. After each step, once the hub
//! has seen a cookie file come and go, every line of every file must still have the owner it had: a line without a token
//! is nobody's whom we know, a line with one is of whoever wrote it.
//!
//! Absent on purpose: judging what git did (`sidecar/workspace/tests/corpus.rs` does).

#[path = "../git-corpus/corpus.rs"]
mod scripts;

mod case;
mod check;
mod tally;

use std::any::Any;
use std::collections::BTreeMap;
use std::fs;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use crate::{World, program};
use case::Case;
use scripts::Script;
use tally::{Tally, table};

/// What the editor has open while the steps run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Buffers {
    /// Nothing.
    Closed,
    /// Every file, without unsaved edits; it loads what changed again.
    Clean,
    /// Every file, each with an unsaved edit; it keeps its texts, and saves them over git's at the end.
    Dirty,
}

/// Where the steps run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Worktree {
    /// In the repository's main worktree.
    Main,
    /// In a linked worktree.
    Linked,
}

/// Cases at work at once: they mostly wait.
const AT_ONCE: usize = 6;

/// Runs every script that fits; `CODI2_CORPUS` names a single one. Returns the table, and whether all is well.
pub fn run(buffers: Buffers, worktree: Worktree) -> (String, bool) {
    let chosen = std::env::var("CODI2_CORPUS").ok();
    let mut scripts = scripts::load();
    scripts.retain(|script| {
        !(script.only_main && worktree == Worktree::Linked) && chosen.as_ref().is_none_or(|name| *name == script.name)
    });
    let world = World::new(&[("other.txt", "one\n")]);
    let started = world.codi2(&["hub", "start"]);
    assert_eq!(started.code, 0, "{}", started.err);
    let next = AtomicUsize::new(0);
    let results = Mutex::new(BTreeMap::new());
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(script) = scripts.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let began = Instant::now();
                    let mut tally = Tally::default();
                    let ran = catch_unwind(AssertUnwindSafe(|| one(&world, script, buffers, worktree, &mut tally)));
                    if let Err(panic) = ran {
                        tally.broken = Some(words(panic.as_ref()));
                    }
                    tally.ms = began.elapsed().as_millis();
                    results.lock().expect("nobody panics with it").insert(script.name.clone(), tally);
                }
            });
        }
    });
    let results = results.into_inner().expect("nobody panics with it");
    table(&format!("{buffers:?}, {worktree:?}"), &results)
}

/// Shell text: after each checkout and commit of the setup the hub looks at every file. A setup runs faster than files
/// settle, and what a program changes before the hub has seen what git did is all of one change to it.
fn shown_to(world: &World) -> String {
    format!(
        "git() {{
            command git \"$@\" || return
            case \"$1 $PWD\" in \"checkout $HOME/repo\" | \"commit $HOME/repo\") ;; *) return 0 ;; esac
            command git ls-files -z '*.txt' '*.id' '*.rot' '*.crlf' |
                CODI2_STATE_DIR='{}' CODI2_RUNTIME_DIR='{}' xargs -0 -r -n 1 '{}' blame > /dev/null 2>&1 || true
        }}\n",
        world.state().display(),
        world.runtime().display(),
        program().display()
    )
}

fn words(panic: &(dyn Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().map(String::as_str).or_else(|| panic.downcast_ref::<&str>().copied());
    text.unwrap_or("a panic without words").to_owned()
}

fn one(world: &World, script: &Script, buffers: Buffers, worktree: Worktree, tally: &mut Tally) {
    let base = world.repository().with_file_name("cases").join(&script.name);
    let main = base.join("repo");
    fs::create_dir_all(&main).expect("a new folder");
    let shell = |folder: &Path, text: &str| scripts::shell(&script.name, folder, &base, text);
    shell(
        &main,
        "git init -q -b main . && git config user.name 'Ada Example' && git config user.email ada@example.org",
    );
    // Until the first commit, which is not made.
    shell(&main, &format!("commit() {{ exit 0; }}\n{}", script.setup));
    let mut case = Case::new(world, &base, &main);
    case.seed();
    // Everything again, the files of the first commit left as they are now.
    let prelude = scripts::folder().join("prelude.sh");
    let skip = format!("put() {{ :; }}; lines() {{ :; }}; commit() {{ . '{}'; commit \"$@\"; }}\n", prelude.display());
    shell(&main, &format!("{}{skip}{}", shown_to(world), script.setup));
    case.sync();
    if worktree == Worktree::Linked {
        shell(&main, "git checkout -q --detach && git worktree add -q ../linked main");
        case.move_to(&base.join("linked"));
    }
    case.check("before", tally);
    if buffers != Buffers::Closed {
        case.open(buffers == Buffers::Dirty);
        case.check("opened", tally);
    }
    for (number, step) in script.steps.iter().enumerate() {
        shell(&case.root, &step.script);
        case.reload();
        case.sync();
        case.check(&format!("step {}", number + 1), tally);
    }
    if buffers == Buffers::Dirty {
        case.save();
        case.sync();
        case.check("saved", tally);
    }
    case.compare_with_blame();
    case.finish();
}
