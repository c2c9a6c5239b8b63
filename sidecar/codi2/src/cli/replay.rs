//! `codi2 replay`: a recorded editing history once more, through a real sidecar and a real hub, held against a naive
//! model.
//!
//! The history is typed into a file of a repository made for it, by a plain editor ([`editor`]), with a hub of its own
//! in a temporary folder unless told otherwise. On the way and at the end the hub is asked for the buffer's text and
//! its owners, and both must be the model's ([`model`]). Absent on purpose: the times of the history.

mod editor;
pub mod model;
mod report;
mod trace;
mod wire;

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use codi2_ipc::Places;
use codi2_protocol::{Call, Digest, EventBody, FileId, Filter, OwnersReply, Reply, limits};

use super::args::Replay;
use super::link::{Hub, LinkError};
use super::printer::Printer;
use super::surroundings::Surroundings;
use editor::Editor;
use model::{Change, Model};
use report::Report;
use trace::{Trace, Transaction};

use crate::settings::Flags;

/// The file typed into, and who types.
const FILE: &str = "history.txt";
const PERSON: (&str, &str) = ("Replay", "replay@example.invalid");
/// Milliseconds a key takes that no hand is quicker than.
const HAND_MS: u64 = 15;
/// How long the hub may take to say what is asked for at a check.
const PATIENCE: Duration = Duration::from_secs(60);

/// Replays a history and prints what came of it. An error where anything is not as the model says.
pub fn run(replay: &Replay, printer: &mut Printer, surroundings: Surroundings) -> Result<()> {
    let begun = Instant::now();
    let trace = Trace::read(&replay.trace)?;
    let stage = Stage::set(replay.live, surroundings)?;
    let mut report = Report {
        trace: replay.trace.display().to_string(),
        encoding: replay.encoding.as_str().to_owned(),
        ..Report::default()
    };
    let played = play(replay, &trace, &stage, &mut report);
    let ended = stage.end();
    played?;
    ended?;
    report.all_ms = millis(begun.elapsed());
    report.print(printer)?;
    ensure!(report.differences == 0, "text or owners are not what was typed: {} differences", report.differences);
    Ok(())
}

fn play(replay: &Replay, trace: &Trace, stage: &Stage, report: &mut Report) -> Result<()> {
    let mut model = Model::new(&trace.start, replay.encoding, replay.pace >= HAND_MS);
    std::fs::write(stage.path(), &trace.start).context("the replayed file cannot be written")?;
    let mut editor = Editor::start(stage.sidecar()?, &stage.root, &stage.path(), replay.encoding)?;
    editor.open(&trace.start)?;
    let mut hub = stage.hub()?;
    let begun = Instant::now();
    let (mut pace, mut unchecked) = (Pace::new(replay.pace), 0);
    let limit = replay.limit.unwrap_or(u64::MAX);
    for Transaction { patches } in &trace.transactions {
        if report.edits >= limit {
            break;
        }
        let place = || format!("transaction {} of {}", report.transactions + 1, replay.trace.display());
        let changes = patches.iter().map(|patch| model.apply(patch)).collect::<Result<Vec<Change>>>();
        let changes = changes.with_context(place)?;
        pace.wait(changes.iter().filter(|change| !change.text.is_empty()).count());
        editor.change(&changes)?;
        report.transactions += 1;
        report.edits += changes.len() as u64;
        report.inserted += changes.iter().map(|change| change.text.len() as u64).sum::<u64>();
        unchecked += changes.len() as u64;
        if replay.check_every > 0 && unchecked >= replay.check_every {
            unchecked = 0;
            editor.settle()?;
            let when = format!("after {} edits", report.edits);
            report.check(&when, &model, &stage.person, &stage.owners(&mut *hub, &model, true)?);
        }
    }
    editor.settle()?;
    report.edit_ms = millis(begun.elapsed());
    if replay.limit.is_none() && model.text() != trace.end {
        bail!("{} does not lead to its own endContent", replay.trace.display());
    }
    report.check("at the end", &model, &stage.person, &stage.owners(&mut *hub, &model, true)?);
    std::fs::write(stage.path(), model.text()).context("the replayed file cannot be written")?;
    editor.saved()?;
    report.check("in the saved file", &model, &stage.person, &stage.owners(&mut *hub, &model, false)?);
    editor.quit()?;
    stage.count(&mut *hub, report)
}

/// Keys at a pace: each waits until its time has come, and no lost time is caught up.
struct Pace {
    key: Duration,
    next: Instant,
}

impl Pace {
    fn new(ms: u64) -> Self {
        Self { key: Duration::from_millis(ms), next: Instant::now() }
    }

    fn wait(&mut self, keys: usize) {
        thread::sleep(self.next.saturating_duration_since(Instant::now()));
        self.next = Instant::now() + self.key * u32::try_from(keys).unwrap_or(u32::MAX);
    }
}

/// Where a history is replayed: a repository of its own, and a hub.
struct Stage {
    root: PathBuf,
    person: String,
    file: FileId,
    surroundings: Surroundings,
    /// The hub is ours too: it ends with the replay.
    own: bool,
    /// Goes with the stage.
    folder: tempfile::TempDir,
}

impl Stage {
    fn set(live: bool, surroundings: Surroundings) -> Result<Self> {
        // Short, because addresses of sockets are.
        let folder = tempfile::Builder::new().prefix("codi2-").tempdir().context("no temporary folder can be made")?;
        let base = folder.path().canonicalize().context("the temporary folder is gone")?;
        let root = base.join("repository");
        git(&base, &["init", "--quiet", "repository"])?;
        git(&root, &["config", "user.name", PERSON.0])?;
        git(&root, &["config", "user.email", PERSON.1])?;
        let surroundings = if live {
            surroundings
        } else {
            Surroundings { places: Places::at(base.join("state"), base.join("run")), flags: Flags::default() }
        };
        let place = codi2_workspace::identify(&root).context("the new repository cannot be read")?;
        let file = FileId { worktree: place.worktree, path: FILE.to_owned() };
        let person = format!("{} <{}>", PERSON.0, PERSON.1);
        Ok(Self { root, person, file, surroundings, own: !live, folder })
    }

    fn path(&self) -> PathBuf {
        self.root.join(FILE)
    }

    /// The sidecar, with the stage's hub. With a hub of our own, no settings of the person's count.
    fn sidecar(&self) -> Result<Command> {
        let mut command = Command::new(std::env::current_exe().context("this program's own path is not known")?);
        command.arg("lsp");
        if self.own {
            let settings = self.folder.path().join("config.toml");
            std::fs::write(&settings, "").context("the temporary folder cannot be written to")?;
            for (name, _) in std::env::vars_os() {
                if name.to_str().is_some_and(|name| name.starts_with("CODI2_")) {
                    command.env_remove(name);
                }
            }
            let places = &self.surroundings.places;
            let state = places.state().to_owned();
            command.env("CODI2_CONFIG", settings).env("CODI2_STATE_DIR", state).env("CODI2_LOG", "error");
            command.env("CODI2_RUNTIME_DIR", self.folder.path().canonicalize()?.join("run"));
        }
        Ok(command)
    }

    /// The hub that the sidecar has started.
    fn hub(&self) -> Result<Box<dyn Hub>> {
        let deadline = Instant::now() + PATIENCE;
        loop {
            if let Some(hub) = self.surroundings.connect_if_running()? {
                return Ok(hub);
            }
            ensure!(Instant::now() < deadline, "`codi2 lsp` started no hub within {} s", PATIENCE.as_secs());
            thread::sleep(Duration::from_millis(10));
        }
    }

    /// The owners of the model's text: of the buffer, or of the file. Waits until the hub has that very text.
    fn owners(&self, hub: &mut dyn Hub, model: &Model, buffer: bool) -> Result<OwnersReply> {
        let wanted = Digest::new(codi2_text::digest_of(model.text().as_bytes()));
        let deadline = Instant::now() + PATIENCE;
        loop {
            let last = match hub.call(Call::Owners { file: self.file.clone(), digest: None, buffer }) {
                Ok(Reply::Owners(reply)) if reply.digest == wanted => return Ok(reply),
                Ok(Reply::Owners(reply)) => format!("it has {}", reply.digest.short()),
                Ok(_) => return Err(LinkError::Odd("no owners").into()),
                // Not yet opened there.
                Err(LinkError::Refused(error)) => error.to_string(),
                Err(error) => return Err(error.into()),
            };
            if Instant::now() > deadline {
                bail!("the hub does not have the text that was typed, {}: {last}", wanted.short());
            }
            thread::sleep(Duration::from_millis(20));
        }
    }

    /// Counts what the log has of the file, and holds it to the promise that nobody else is named.
    fn count(&self, hub: &mut dyn Hub, report: &mut Report) -> Result<()> {
        let filter = Filter {
            worktree: Some(self.file.worktree.clone()),
            file: Some(self.file.path.clone()),
            ..Filter::default()
        };
        let (mut cursor, mut groups) = (None, BTreeSet::new());
        loop {
            let limit = limits::PAGE_EVENTS as u32;
            let page = hub.call(Call::Log { filter: filter.clone(), cursor, newest_first: false, limit })?;
            let Reply::Events { events, next } = page else { return Err(LinkError::Odd("no events").into()) };
            for stamped in events {
                report.events += 1;
                if let Some(EventBody::Edit { group, change, .. }) = stamped.event.body.known() {
                    groups.insert(*group);
                    let agent = |verdict: &codi2_protocol::Verdict| verdict.origin.kind.as_str() == "agent";
                    if change.verdicts.iter().any(agent) {
                        report.differ(format!("event {} names an agent", stamped.event.id));
                    }
                }
            }
            cursor = next;
            if cursor.is_none() {
                break;
            }
        }
        report.groups = groups.len() as u64;
        Ok(())
    }

    fn end(self) -> Result<()> {
        if self.own
            && let Some(hub) = self.surroundings.connect_if_running()?
        {
            super::hub::end(hub, &self.surroundings)?;
        }
        Ok(())
    }
}

fn git(folder: &Path, arguments: &[&str]) -> Result<()> {
    let mut command = Command::new("git");
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    // A repository that this process was started for is not the one meant.
    for name in ["GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR"] {
        command.env_remove(name);
    }
    let output = command.output().context("git cannot be run; a replay needs it to make a repository")?;
    ensure!(output.status.success(), "git {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr).trim());
    Ok(())
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}
