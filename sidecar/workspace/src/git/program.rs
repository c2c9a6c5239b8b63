//! Reading through the `git` program: one-shot commands and a `cat-file` that answers many questions.
//!
//! Every call: no optional locks, no lazy fetch unless somebody asked for it ([`Program::fetching`]), no prompt, no pager, no file-system monitor, none of the caller's
//! `GIT_*` variables that would point it elsewhere, none of the person's settings that change what a line is or whose it
//! is. Where a setting of theirs alone makes git fail, it is asked again without them ([`Program::settled`]).

use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::mpsc::{RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::plain::{Folders, Plain};
use super::{Oid, ViewError};

/// Settings that count whatever the person's say: lines and commits are those that notes speak of.
const SETTLED: [&str; 12] = [
    "core.fsmonitor=false",
    "diff.algorithm=myers",
    "diff.autoRefreshIndex=false",
    "diff.indentHeuristic=true",
    "diff.orderFile=/dev/null",
    "diff.renameLimit=1000",
    "diff.renames=true",
    "diff.suppressBlankEmpty=false",
    "blame.date=iso",
    "log.date=default",
    "log.follow=false",
    "log.showRoot=true",
];

/// Variables that would lead git to another repository, index or history, or make it read and print otherwise.
const ELSEWHERE: [&str; 19] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_COMMON_DIR",
    "GIT_OBJECT_DIRECTORY",
    "GIT_ALTERNATE_OBJECT_DIRECTORIES",
    "GIT_NAMESPACE",
    "GIT_PREFIX",
    "GIT_CEILING_DIRECTORIES",
    "GIT_DIFF_OPTS",
    "GIT_EXTERNAL_DIFF",
    "GIT_GRAFT_FILE",
    "GIT_SHALLOW_FILE",
    "GIT_REPLACE_REF_BASE",
    "GIT_ATTR_SOURCE",
    "GIT_LITERAL_PATHSPECS",
    "GIT_GLOB_PATHSPECS",
    "GIT_NOGLOB_PATHSPECS",
    "GIT_ICASE_PATHSPECS",
];

/// Says whether a question is to be given up.
pub type Stop = Arc<dyn Fn() -> bool + Send + Sync>;

/// How often that is asked while git works.
const PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Program {
    /// Where git runs.
    folder: PathBuf,
    repository: Folders,
    plain: Option<Plain>,
    stop: Option<Stop>,
    /// Whether git may fetch what a partial clone lacks.
    pub(super) fetches: bool,
}

impl Program {
    pub(super) fn new(folder: &Path, repository: &Folders) -> Self {
        Self { folder: folder.to_owned(), repository: repository.clone(), plain: None, stop: None, fetches: false }
    }

    /// The same, where git may fetch what a partial clone lacks: for commands that a person runs and waits for.
    pub(super) fn fetching(self) -> Self {
        Self { fetches: true, ..self }
    }

    /// See [`super::Commits::stop_when`].
    pub(super) fn stop_when(&mut self, stop: Option<Stop>) {
        self.stop = stop;
    }

    fn is_stopped(&self) -> bool {
        self.stop.as_ref().is_some_and(|stop| stop())
    }

    /// Asks, and where git may have failed by a setting of the person's, once more without those. `may` says of which
    /// failures that is possible.
    pub(super) fn settled<T, E>(
        &self,
        may: impl Fn(&E) -> bool,
        mut ask: impl FnMut(&Self) -> Result<T, E>,
    ) -> Result<T, E> {
        match ask(self) {
            Err(error) if may(&error) && !self.is_stopped() => match Plain::of(self, &self.repository) {
                Ok(Some(plain)) => {
                    let (plain, stop, fetches) = (Some(plain), self.stop.clone(), self.fetches);
                    ask(&Self { plain, stop, fetches, ..Self::new(&self.folder, &self.repository) })
                }
                // What git said first is the reason.
                Ok(None) | Err(_) => Err(error),
            },
            answer => answer,
        }
    }

    /// All of a command's output that no setting of the person's keeps from succeeding.
    pub(super) fn settled_output(&self, arguments: &[&str]) -> Result<Vec<u8>, ViewError> {
        self.settled(|error| matches!(error, ViewError::Read(_)), |program| program.output(arguments))
    }

    pub(super) fn command<A: AsRef<OsStr>>(&self, arguments: &[A]) -> Command {
        let mut command = Command::new("git");
        command.arg("--no-pager").args(SETTLED.iter().flat_map(|setting| ["-c", setting])).args(arguments);
        command.current_dir(&self.folder).stdin(Stdio::null()).stderr(Stdio::piped());
        for name in ELSEWHERE {
            command.env_remove(name);
        }
        command.env("GIT_OPTIONAL_LOCKS", "0").env("GIT_TERMINAL_PROMPT", "0");
        if !self.fetches {
            command.env("GIT_NO_LAZY_FETCH", "1");
        }
        command.env("GIT_TRACE2_EVENT", "0").env("LC_ALL", "C");
        if let Some(plain) = &self.plain {
            plain.lead(&mut command);
        }
        command
    }

    /// Whether git can read what libgit2 refused for this reason.
    pub(super) fn probe(&self, reason: &str) -> Result<(), ViewError> {
        let output = self
            .command(&["rev-parse", "--is-inside-work-tree"])
            .output()
            .map_err(|_| ViewError::NeedsProgram { reason: reason.to_owned() })?;
        if output.status.success() {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&output.stderr);
        let said = said.trim().strip_prefix("fatal: ").unwrap_or(said.trim()).to_owned();
        Err(ViewError::Refused(if said.is_empty() { reason.to_owned() } else { said }))
    }

    /// All of a command's output, if it succeeds.
    pub(super) fn output(&self, arguments: &[&str]) -> Result<Vec<u8>, ViewError> {
        if self.stop.is_some() {
            let all = |output: &mut dyn BufRead| {
                let mut bytes = Vec::new();
                output.read_to_end(&mut bytes).map(|_| bytes)
            };
            return self.converse(arguments, &[], all);
        }
        let fail = |detail: String| ViewError::Read(format!("git {}: {detail}", arguments.join(" ")));
        let output = self.command(arguments).output().map_err(|error| fail(error.to_string()))?;
        if output.status.success() {
            Ok(output.stdout)
        } else {
            Err(fail(String::from_utf8_lossy(&output.stderr).trim().to_owned()))
        }
    }

    /// Runs a command that is told `input` and hands its output to `read`; what `read` gives counts if the command
    /// succeeds. No hook of the repository runs.
    pub(super) fn converse<T>(
        &self,
        arguments: &[&str],
        input: &[u8],
        read: impl FnOnce(&mut dyn BufRead) -> std::io::Result<T>,
    ) -> Result<T, ViewError> {
        let fail = |detail: String| ViewError::Read(format!("git {}: {detail}", arguments.join(" ")));
        let io = |error: std::io::Error| fail(error.to_string());
        let arguments = [&["-c", "core.hooksPath=/dev/null"], arguments].concat();
        if self.is_stopped() {
            return Err(fail("it is not asked any more".into()));
        }
        let mut command = self.command(&arguments);
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().map_err(io)?;
        let (to, from, said) = (child.stdin.take(), child.stdout.take(), child.stderr.take());
        let child = Mutex::new(child);
        let (tell, told) = channel::<()>();
        // All three at once: git answers before it has heard everything.
        let (answer, said) = std::thread::scope(|scope| {
            if let Some(stop) = &self.stop {
                scope.spawn(|| {
                    end_when(stop, &child, move || told.recv_timeout(PAUSE) == Err(RecvTimeoutError::Timeout))
                });
            }
            // Where git ends early its own words say why.
            scope.spawn(move || to.map(|mut to| to.write_all(input)));
            let said = scope.spawn(move || {
                let mut words = Vec::new();
                said.map(|mut said| said.read_to_end(&mut words));
                words
            });
            let answer = from.map(|from| {
                let mut from = BufReader::new(from);
                let answer = read(&mut from);
                // What was not read must not keep it waiting.
                std::io::copy(&mut from, &mut std::io::sink()).ok();
                answer
            });
            drop(tell);
            (answer, said.join().unwrap_or_default())
        });
        let status = child.into_inner().unwrap_or_else(PoisonError::into_inner).wait().map_err(io)?;
        if !status.success() {
            let said = String::from_utf8_lossy(&said).trim().to_owned();
            return Err(fail(if self.is_stopped() { "it was stopped".into() } else { said }));
        }
        answer.ok_or_else(|| fail("it has no output".into()))?.map_err(io)
    }

    /// The first line of a command's output; `None` if it fails or says nothing.
    pub(super) fn line(&self, arguments: &[&str]) -> Option<String> {
        let output = self.output(arguments).ok()?;
        let text = String::from_utf8_lossy(&output);
        text.lines().next().filter(|line| !line.is_empty()).map(str::to_owned)
    }

    /// Starts `git cat-file`; with `filters` it hands blobs over as the worktree would hold them.
    pub(super) fn cat(&self, filters: bool) -> Option<Cat> {
        // `--batch-command` does not take paths for its filters, `--batch` does.
        let arguments: &[&str] =
            if filters { &["cat-file", "--filters", "--batch"] } else { &["cat-file", "--batch-command"] };
        let mut child =
            self.command(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null()).spawn().ok()?;
        let input = child.stdin.take()?;
        let output = BufReader::new(child.stdout.take()?);
        Some(Cat { child, input: Some(input), output })
    }
}

/// Ends a child as soon as that is asked for, and asks for as long as somebody is `waiting`, which takes its time to say so.
fn end_when(stop: &Stop, child: &Mutex<Child>, waiting: impl Fn() -> bool) {
    while waiting() {
        if stop() {
            // One that has ended is no error.
            let _ = child.lock().unwrap_or_else(PoisonError::into_inner).kill();
            return;
        }
    }
}

/// A running `git cat-file`. Any failure makes it answer `None` from then on.
pub(super) struct Cat {
    child: Child,
    input: Option<ChildStdin>,
    output: BufReader<ChildStdout>,
}

/// An object as `cat-file` describes it.
pub(super) struct Info {
    pub(super) oid: Oid,
    pub(super) blob: bool,
    pub(super) size: usize,
}

impl Cat {
    /// Looks an object up by any name git understands.
    pub(super) fn info(&mut self, name: &[u8]) -> Option<Info> {
        if name.contains(&b'\n') {
            return None;
        }
        self.ask(&[b"info ", name, b"\n"].concat())?;
        self.header()
    }

    fn ask(&mut self, lines: &[u8]) -> Option<()> {
        let input = self.input.as_mut()?;
        if input.write_all(lines).and_then(|()| input.flush()).is_err() {
            self.input = None;
        }
        self.input.as_ref().map(|_| ())
    }

    /// `<name> <type> <size>`, or anything else for a name that leads nowhere.
    fn header(&mut self) -> Option<Info> {
        let mut line = Vec::new();
        self.output.read_until(b'\n', &mut line).ok()?;
        let line = String::from_utf8(line).ok()?;
        let mut fields = line.trim_end().split(' ');
        let oid = Oid::parse(fields.next()?)?;
        let blob = fields.next()? == "blob";
        Some(Info { oid, blob, size: fields.next()?.parse().ok()? })
    }

    /// A blob's bytes.
    pub(super) fn contents(&mut self, oid: Oid) -> Option<Vec<u8>> {
        if !self.info(oid.to_string().as_bytes())?.blob {
            return None;
        }
        self.ask(format!("contents {oid}\n").as_bytes())?;
        let size = self.header()?.size;
        let mut bytes = vec![0; size + 1];
        self.output.read_exact(&mut bytes).ok()?;
        bytes.pop();
        Some(bytes)
    }

    /// A blob's bytes as they would stand at `path`. They come without their length, so a question that no file can
    /// foresee follows, and its answer ends them.
    pub(super) fn filtered(&mut self, oid: Oid, path: &[u8]) -> Option<Vec<u8>> {
        let mark = format!("{}{}", codi2_protocol::EventId::new(), codi2_protocol::EventId::new());
        self.ask(&[format!("{oid} ").as_bytes(), path, format!("\n{mark}\n").as_bytes()].concat())?;
        let stop = format!("\n{mark} missing\n").into_bytes();
        // A blob that is missing answers with one line, and the mark's line follows it.
        let known = self.header().is_some_and(|info| info.blob);
        let mut bytes = if known { Vec::new() } else { vec![b'\n'] };
        while !bytes.ends_with(&stop) {
            if self.output.read_until(b'\n', &mut bytes).ok()? == 0 {
                self.input = None;
                return None;
            }
        }
        bytes.truncate(bytes.len() - stop.len());
        known.then_some(bytes)
    }
}

impl Drop for Cat {
    fn drop(&mut self) {
        // End of input ends it.
        self.input = None;
        self.child.wait().ok();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    /// Git opens a pipe that nobody writes into.
    #[cfg(unix)]
    #[test]
    fn git_is_asked_no_longer_than_somebody_waits() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        let folder = folder.path().to_owned();
        let folders = Folders { root: folder.clone(), git_dir: folder.clone(), common_dir: folder.clone() };
        let mut program = Program::new(&folder, &folders);
        let asked = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&asked);
        // Not before git runs.
        program.stop_when(Some(Arc::new(move || count.fetch_add(1, Ordering::Relaxed) > 0)));
        let error = program.output(&["hash-object", "--no-filters", "pipe"]).unwrap_err().to_string();
        assert!(error.contains("it was stopped"), "{error}");
        let error = program.output(&["version"]).unwrap_err().to_string();
        assert!(error.contains("it is not asked any more"), "{error}");
        program.stop_when(None);
        assert!(program.output(&["version"]).unwrap().starts_with(b"git version"));
    }
}
