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
mod survey;

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use codi2_config::WatchSettings;
use codi2_protocol::Digest;

use crate::git::{Earlier, Foreign, Index, Oid, View};
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
    earlier: Mutex<Earlier>,
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
            return Ok(Self { shared, messages, thread: None, earlier: Mutex::default() });
        }
        let thread = std::thread::Builder::new()
            .name("codi2-watch".into())
            .spawn(move || engine.run())
            .map_err(WatchError::Thread)?;
        Ok(Self { shared, messages, thread: Some(thread), earlier: Mutex::default() })
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
    /// `blob` ([`Observation::blob`]), else the index's or HEAD's. Runs on the calling thread with a git handle of its
    /// own.
    pub fn blob_bytes(&self, path: &str, blob: Option<Oid>, digest: Digest) -> Option<Vec<u8>> {
        self.shared.permitted(path).ok()?;
        let (mut view, index) = self.view()?;
        let is_it = |bytes: &Vec<u8>| codi2_text::digest_of(bytes) == *digest.bytes();
        let mut tried = Vec::new();
        let mut bytes_of = |view: &mut View, oid: Oid| {
            // Of files too long to be handed over nobody has the text: unpacking and naming 20 MB takes 150 ms.
            if tried.contains(&oid) || view.blob_size(oid).is_none_or(|size| size > self.shared.options.max_file_bytes)
            {
                return None;
            }
            tried.push(oid);
            view.worktree_form(path, oid).filter(is_it).or_else(|| view.blob(oid).filter(is_it))
        };
        if let Some(bytes) = blob.and_then(|oid| bytes_of(&mut view, oid)) {
            return Some(bytes);
        }
        if let Some(bytes) = index.entry(path).and_then(|entry| entry.oid()).and_then(|oid| bytes_of(&mut view, oid)) {
            return Some(bytes);
        }
        let head = view.head().ok().and_then(|head| head.commit).and_then(|commit| view.entry(commit, path))?;
        bytes_of(&mut view, head)
    }

    /// A file as git's index has it: the blob, and the bytes that a checkout would write. Runs on the calling thread
    /// with a git handle of its own.
    pub fn indexed(&self, path: &str) -> Option<(Oid, Vec<u8>)> {
        self.shared.permitted(path).ok()?;
        let (mut view, index) = self.view()?;
        let oid = index.entry(path).and_then(|entry| entry.oid())?;
        Some((oid, view.worktree_form(path, oid)?))
    }

    /// The contents that a path had in the newest commits, of branches and of what reflogs name (rewritten ones, stashes):
    /// newest first, in their form in the worktree, bounded in number. Runs on the calling thread with a git handle of its
    /// own, opened once; lists the commits once for as long as HEAD does not move, and what they have in a folder once for
    /// all of its files that are asked about one after the other.
    pub fn earlier(&self, path: &str) -> Vec<Vec<u8>> {
        if self.shared.permitted(path).is_err() {
            return Vec::new();
        }
        let mut earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
        let (attributes, most) = (self.shared.index().has_attributes(), self.shared.options.max_file_bytes);
        earlier.contents(|| View::of(&self.shared.place), attributes, path, most).unwrap_or_else(|error| {
            tracing::debug!(path, %error, "no earlier contents");
            Vec::new()
        })
    }

    /// What the newest commits that others made brought to a path (ADR 0112): nothing where there is no git, `None` where it
    /// cannot be asked. Runs as [`Watch::earlier`] does.
    pub fn foreign(&self, path: &str) -> Option<Vec<Foreign>> {
        self.shared.permitted(path).ok()?;
        if self.shared.place.git_dir.is_none() {
            return Some(Vec::new());
        }
        let mut earlier = self.earlier.lock().unwrap_or_else(PoisonError::into_inner);
        let (attributes, most) = (self.shared.index().has_attributes(), self.shared.options.max_file_bytes);
        let foreign = earlier.foreign(|| View::of(&self.shared.place), attributes, path, most);
        foreign.inspect_err(|error| tracing::debug!(path, %error, "others' commits are not known")).ok()
    }

    /// A git handle for the calling thread, and the index as the watch last saw it.
    fn view(&self) -> Option<(View, Arc<Index>)> {
        let place = &self.shared.place;
        let mut view = View::open(&place.root, place.git_dir.as_deref()?, place.common_dir.as_deref()?).ok()?;
        let index = self.shared.index();
        view.set_filters(index.has_attributes());
        Some((view, index))
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
