//! The handle of a watch: what other threads may ask. The work is done by one thread per worktree (`engine`).

mod at_work;
mod engine;
mod feed;
mod folders;
mod hand;
mod held;
mod judge;
mod moves;
mod queue;
mod shared;
#[cfg_attr(target_os = "linux", path = "watch/inotify.rs")]
#[cfg_attr(not(target_os = "linux"), path = "watch/elsewhere.rs")]
mod source;
mod survey;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use codi2_config::WatchSettings;
use codi2_protocol::Digest;

use crate::git::{About, Asked, Foreign, Oid};
use crate::observe::{Cause, Observation, WatchEvent};
use crate::place::Place;
use crate::read::{Unwatched, read};
use engine::{Engine, Message};
use queue::{Slot, queue};
use shared::Shared;

pub use hand::Hand;

/// How to watch.
#[derive(Debug, Clone)]
pub struct WatchOptions {
    /// Poll even where the file system gives events.
    pub poll: bool,
    /// Between two rounds of polling (ms).
    pub poll_ms: u64,
    /// If not empty, only files that match one of these globs are looked at. A glob without `/` is matched with every
    /// name on the path, any other with the path below the root and its folders.
    pub include: Vec<String>,
    /// Files and folders that match one of these globs are left out.
    pub exclude: Vec<String>,
    /// Files of which nothing is recorded but that they changed: globs, letter case ignored.
    pub private: Vec<String>,
    /// Whether a path holds a secret, so that its file is private too.
    pub secret: fn(&str) -> bool,
    /// Absolute paths of folders that are never looked at: whoever watches keeps what it finds there.
    pub apart: Vec<PathBuf>,
    /// Quiet time after the last event of a path before it is looked at (ms).
    pub settle_ms: u64,
    /// Files longer than this are hashed but not handed over (bytes).
    pub max_file_bytes: u64,
    /// Folders watched by events at most; the rest is polled and the watch says it is degraded.
    pub max_folders: usize,
    /// Who moves the time on and does the watch's turns; none: the system's time, and a thread of its own.
    pub hand: Option<Hand>,
}

impl Default for WatchOptions {
    fn default() -> Self {
        Self::from(&WatchSettings::default())
    }
}

impl From<&WatchSettings> for WatchOptions {
    fn from(settings: &WatchSettings) -> Self {
        Self {
            poll: settings.poll,
            poll_ms: settings.poll_ms,
            include: settings.include.clone(),
            exclude: settings.exclude.clone(),
            private: settings.private.clone(),
            secret: |_| false,
            apart: Vec::new(),
            settle_ms: settings.settle_ms,
            max_file_bytes: settings.max_file_mib << 20,
            max_folders: settings.max_folders.and_then(|most| most.try_into().ok()).unwrap_or(usize::MAX),
            hand: None,
        }
    }
}

/// Messages that wait for the watch's thread, at most, as many as the system itself keeps; beyond, everything is looked
/// at again.
const WAITING: usize = 16_384;

/// A watch that cannot start. Ends the request; a started watch degrades instead and says so.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    /// The root is not a readable folder.
    #[error("cannot read {path}: {why}")]
    Root {
        /// The root.
        path: PathBuf,
        /// Why; in the words above already, and so no source of them.
        why: io::Error,
    },
    /// An include, exclude or private glob is not one.
    #[error(transparent)]
    Glob(#[from] codi2_config::GlobError),
    /// The thread could not be started.
    #[error("cannot start the watching thread: {0}")]
    Thread(io::Error),
}

/// A running watch of one worktree. Dropping it stops the thread and waits for it.
#[derive(Debug)]
pub struct Watch {
    shared: Arc<Shared>,
    messages: Slot<Message>,
    thread: Option<JoinHandle<()>>,
    asked: Mutex<Asked>,
}

impl Watch {
    /// Starts watching: first a scan of all files ([`WatchEvent::Scan`], [`WatchEvent::ScanDone`]), then changes.
    /// Changes made while the scan runs are reported after it. `sink` is called on the watch's own thread, in order;
    /// it may block, and then the watch waits.
    pub fn start(
        place: Place,
        options: WatchOptions,
        sink: impl Fn(WatchEvent) + Send + 'static,
    ) -> Result<Self, WatchError> {
        std::fs::read_dir(&place.root).map_err(|why| WatchError::Root { path: place.root.clone(), why })?;
        let (messages, inbox) = queue(WAITING);
        let shared = Arc::new(Shared::new(place, options)?);
        let engine = Engine::new(Arc::clone(&shared), messages.clone(), inbox, Box::new(sink));
        if let Some(hand) = &shared.options.hand {
            hand.take(engine);
            return Ok(Self { shared, messages, thread: None, asked: Mutex::default() });
        }
        let thread = std::thread::Builder::new()
            .name("codi2-watch".into())
            .spawn(move || engine.run())
            .map_err(WatchError::Thread)?;
        Ok(Self { shared, messages, thread: Some(thread), asked: Mutex::default() })
    }

    /// The place watched, as it was when the watch started.
    pub fn place(&self) -> &Place {
        &self.shared.place
    }

    /// Asks for an immediate look at one path (written as in [`codi2_protocol::FileId`]). The answer comes through the
    /// sink with cause [`Cause::Asked`], also if nothing changed; for a path that is not watched none comes.
    pub fn look(&self, path: &str) {
        // A thread that is gone has said so through the sink.
        self.shared.tell(&self.messages, Message::Look(path.to_owned()));
    }

    /// Reads one path now, on the calling thread: cause [`Cause::Asked`], no explanation by git (one may follow as
    /// [`WatchEvent::Explained`]). `blob` is judged by
    /// the index as the watch last saw it, and is absent where only a filter could tell.
    pub fn read(&self, path: &str) -> Result<Observation, Unwatched> {
        self.shared.permitted(path)?;
        self.shared.note_read(path);
        let found = read(&self.shared.place.root, path, self.shared.options.max_file_bytes, &self.shared.clock)?;
        let index = self.shared.index();
        let staged = index.entry(path).and_then(|entry| entry.oid());
        let blob = staged.filter(|oid| found.raw.as_ref().is_some_and(|bytes| oid.is_blob_of(bytes)));
        self.shared.tell_read(&self.messages, path, found.clone());
        Ok(Observation {
            path: path.to_owned(),
            from: None,
            content: found.content,
            git: None,
            blob,
            written: found.written,
            cause: Cause::Asked,
            at_ms: found.at_ms,
        })
    }

    /// Whether nothing of a file is recorded but that it changed.
    pub fn is_private(&self, path: &str) -> bool {
        self.shared.rules.is_private(path)
    }

    /// Bytes with this BLAKE3 that git still has for a path, in their form in the worktree (after filters): those of
    /// `blob` ([`Observation::blob`]), else the index's or HEAD's. Runs on the calling thread with a git handle of the
    /// askers' own; what is asked until [`Watch::rest`] is asked together, with the settings that git had at its beginning.
    pub fn blob_bytes(&self, path: &str, blob: Option<Oid>, digest: Digest) -> Option<Vec<u8>> {
        self.ask(path, |asked, about| asked.bytes(about, blob, digest))?
    }

    /// A file as git's index has it: the blob, and the bytes that a checkout would write. Runs as [`Watch::blob_bytes`] does.
    pub fn indexed(&self, path: &str) -> Option<(Oid, Vec<u8>)> {
        self.ask(path, |asked, about| asked.indexed(about))?
    }

    /// The contents that a path had in the newest commits, of branches and of what reflogs name (rewritten ones, stashes):
    /// newest first, in their form in the worktree, bounded in number. Runs as [`Watch::blob_bytes`] does; lists the commits
    /// once for as long as HEAD does not move, and what they have in a folder once for all of its files.
    pub fn earlier(&self, path: &str) -> Vec<Vec<u8>> {
        let Some(earlier) = self.ask(path, |asked, about| asked.earlier(about)) else { return Vec::new() };
        earlier.inspect_err(|error| tracing::debug!(path, %error, "no earlier contents")).unwrap_or_default()
    }

    /// What the newest commits that others made brought to a path (ADR 0112): nothing where there is no git, `None` where it
    /// cannot be asked. Runs as [`Watch::earlier`] does.
    pub fn foreign(&self, path: &str) -> Option<Vec<Foreign>> {
        self.shared.permitted(path).ok()?;
        if self.shared.place.git_dir.is_none() {
            return Some(Vec::new());
        }
        let foreign = self.ask(path, |asked, about| asked.foreign(about))?;
        foreign.inspect_err(|error| tracing::debug!(path, %error, "others' commits are not known")).ok()
    }

    /// Ends what was asked together.
    pub fn rest(&self) {
        self.asked.lock().unwrap_or_else(PoisonError::into_inner).rest();
    }

    /// Asks git about a path that may be looked at.
    fn ask<T>(&self, path: &str, ask: impl FnOnce(&mut Asked, About<'_>) -> T) -> Option<T> {
        self.shared.permitted(path).ok()?;
        let (place, index, most) = (&self.shared.place, self.shared.index(), self.shared.options.max_file_bytes);
        let mut asked = self.asked.lock().unwrap_or_else(PoisonError::into_inner);
        Some(ask(&mut asked, About { place, index: &index, path, most }))
    }

    /// Acts as if the kernel had dropped events: everything is looked at again. For tests, and for whoever knows that
    /// events were lost.
    pub fn rescan(&self) {
        self.shared.tell(&self.messages, Message::Rescan("asked for".into()));
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.shared.stop();
        // Where there is no room the thread has enough to wake it.
        self.messages.put(Message::Stop);
        if let Some(thread) = self.thread.take()
            && thread.thread().id() != std::thread::current().id()
        {
            thread.join().ok();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;
    use crate::git::{OPENED, STARTED};
    use crate::place::identify;

    /// Thousands of files change with one command: to open the repository, or to start git, for each of them takes seconds.
    #[test]
    fn what_is_asked_together_takes_one_handle_and_one_process() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().canonicalize().unwrap();
        let git = |arguments: &[&str]| {
            let identity =
                ["-c", "user.name=Ada", "-c", "user.email=ada@example.invalid", "-c", "commit.gpgsign=false"];
            let mut command = Command::new("git");
            assert!(command.current_dir(&root).args(identity).args(arguments).status().unwrap().success());
        };
        git(&["init", "-q"]);
        std::fs::write(root.join(".gitattributes"), "* eol=crlf\n").unwrap();
        let names: Vec<String> = (0..8).map(|number| format!("f{number}")).collect();
        names.iter().for_each(|name| std::fs::write(root.join(name), format!("{name}\r\n")).unwrap());
        git(&["add", "--all"]);
        git(&["commit", "-q", "-m", "first"]);
        // Without a thread: what is counted is counted here.
        let options = WatchOptions { hand: Some(Hand::default()), ..WatchOptions::default() };
        let watch = Watch::start(identify(&root).unwrap(), options.clone(), |_| {}).unwrap();
        let (opened, started) = (OPENED.get(), STARTED.get());
        for round in 1..=2 {
            for name in &names {
                let text = format!("{name}\r\n").into_bytes();
                let digest = Digest::new(codi2_text::digest_of(&text));
                assert_eq!(watch.blob_bytes(name, None, digest), Some(text.clone()));
                assert_eq!(watch.indexed(name).map(|(_, bytes)| bytes), Some(text.clone()));
                assert_eq!(watch.earlier(name), [text]);
                assert_eq!(watch.foreign(name), Some(Vec::new()));
                assert_eq!(watch.indexed("none"), None);
            }
            assert_eq!((OPENED.get() - opened, STARTED.get() - started), (1, round));
            watch.rest();
        }
        // Attributes are read anew for what is asked next.
        std::fs::write(root.join(".gitattributes"), "* -text\n").unwrap();
        assert_eq!(watch.indexed("f0").map(|(_, bytes)| bytes), Some(b"f0\n".to_vec()));
        options.hand.unwrap().end();
    }
}
