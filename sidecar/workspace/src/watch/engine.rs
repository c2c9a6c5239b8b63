//! The loop of a watch: one thread, one queue, nobody else changes its state.
//!
//! Raw events go to the git window or to the settle stage; what settled is judged. Nothing is decided by the kind of
//! an event: the disk is looked at again, and contents are compared.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::RecvTimeoutError;
use std::time::{Duration, Instant, SystemTime};

use codi2_protocol::{Digest, WatchState};
use notify::event::{EventKind, ModifyKind, RenameMode};

use super::at_work::Git;
use super::folders::Folders;
use super::held::Held;
use super::judge::Batch;
use super::moves::Ends;
use super::queue::{Inbox, Slot};
use super::shared::Shared;
use crate::git::{Index, Lock, Window};
use crate::observe::{Cause, WatchEvent};
use crate::path::to_relative;
use crate::read::{Reading, Stamp};
use crate::rules::Rule;
use crate::settle::{Settle, Waiting};

/// While git is at work nothing is judged, and what was read of it together (`feed`) is taken together after so long: not
/// each event is to cost git a share of the processor.
const TOGETHER: Duration = Duration::from_millis(5);

/// What the thread's queue carries.
#[derive(Debug)]
pub(super) enum Message {
    Raw(notify::Result<notify::Event>),
    Look(String),
    /// Another thread read a path and tells of it.
    Read(String, Reading),
    Rescan(String),
    Stop,
}

/// What was last seen at a path.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) digest: Digest,
    pub(super) stamp: Stamp,
    /// The stamp is so young that another change may hide behind it.
    pub(super) young: bool,
}

pub(super) struct Engine {
    pub(super) shared: Arc<Shared>,
    inbox: Inbox<Message>,
    sink: Box<dyn Fn(WatchEvent) + Send>,
    began: Instant,
    pub(super) folders: Folders,
    pub(super) git: Option<Git>,
    pub(super) index: Arc<Index>,
    pub(super) seen: HashMap<String, Seen>,
    /// What others read at paths where nothing was seen yet: it may be gone, or somewhere else, before it settles.
    pub(super) only_read: HashMap<String, Seen>,
    pub(super) private: HashMap<String, Option<Stamp>>,
    pub(super) settle: Settle,
    pub(super) window: Window,
    /// Paths reported without explanation, and until when a window that opens may still explain them.
    pub(super) unsure: BTreeMap<String, (Waiting, Duration)>,
    /// Contents reported without explanation that may be gone when git has one.
    pub(super) held: Held,
    /// Moves of which one end was told.
    pub(super) ends: Ends,
    /// Ignore rules changed: when to read them again.
    pub(super) reload: Option<Duration>,
    next_poll: Duration,
    pub(super) state: Option<WatchState>,
}

impl Engine {
    pub(super) fn new(
        shared: Arc<Shared>,
        messages: Slot<Message>,
        inbox: Inbox<Message>,
        sink: Box<dyn Fn(WatchEvent) + Send>,
    ) -> Self {
        let folders = Folders::new(&shared, messages);
        let settle = Settle::new(Duration::from_millis(shared.options.settle_ms));
        let next_poll = Duration::from_millis(shared.options.poll_ms.max(10));
        Self {
            shared,
            inbox,
            sink,
            began: Instant::now(),
            folders,
            git: None,
            index: Arc::default(),
            seen: HashMap::new(),
            only_read: HashMap::new(),
            private: HashMap::new(),
            settle,
            window: Window::default(),
            unsure: BTreeMap::new(),
            held: Held::default(),
            ends: Ends::default(),
            reload: None,
            next_poll,
            state: None,
        }
    }

    pub(super) fn send(&self, event: WatchEvent) {
        (self.sink)(event);
    }

    pub(super) fn now(&self) -> Duration {
        self.began.elapsed() + self.shared.clock.ahead()
    }

    /// The wall clock at a moment of this watch.
    pub(super) fn clock(&self, at: Duration) -> SystemTime {
        let ago = self.now().saturating_sub(at);
        self.shared.clock.now().checked_sub(ago).unwrap_or(SystemTime::UNIX_EPOCH)
    }

    pub(super) fn root(&self) -> &Path {
        &self.shared.place.root
    }

    /// When a file was written, in the watch's time.
    pub(super) fn changed(&self, reading: &Reading) -> Option<SystemTime> {
        reading.changed()
    }

    /// The first look.
    pub(super) fn begin(&mut self) {
        self.open_git();
        self.first_scan();
        self.announce();
    }

    /// Runs until it is told to stop or the root is gone.
    pub(super) fn run(mut self) {
        self.begin();
        while !self.shared.stopping() {
            let wait = self.due_in().unwrap_or(Duration::from_secs(3_600));
            match self.inbox.wait(wait) {
                Ok(message) => {
                    if self.window.is_open() {
                        std::thread::sleep(TOGETHER);
                    }
                    self.take(message);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return,
            }
            if !self.turn() {
                return;
            }
            self.shared.set_git_at_work(self.window.is_open());
        }
    }

    /// Takes what it was told and does what is due; false where it ends.
    pub(super) fn turn(&mut self) -> bool {
        // Everything that is already there comes before any judgement.
        self.drain();
        if self.shared.stopping() {
            return false;
        }
        if self.shared.take_missed() {
            self.rescan("changes came faster than they could be looked at");
        }
        self.step();
        if self.root().is_dir() {
            return true;
        }
        for path in self.seen.keys().cloned().collect::<Vec<_>>() {
            self.touch(path, Cause::Event);
        }
        self.step_all();
        let words = "the folder is gone; it is watched again when it is back";
        self.send(WatchEvent::State(WatchState::Stopped, words.into()));
        false
    }

    /// In how long something is due; none where nothing waits.
    pub(super) fn due_in(&self) -> Option<Duration> {
        let now = self.now();
        self.deadline(now).map(|at| at.saturating_sub(now))
    }

    /// Takes what it is told until it hears of this path; false where it does not for ten seconds.
    pub(super) fn hear_until(&mut self, path: &Path) -> bool {
        while let Ok(message) = self.inbox.wait(Duration::from_secs(10)) {
            let is_it = matches!(&message, Message::Raw(Ok(event)) if event.paths.iter().any(|about| about == path));
            self.take(message);
            if is_it {
                return true;
            }
        }
        false
    }

    fn deadline(&self, now: Duration) -> Option<Duration> {
        let settled = self.settle.deadline().filter(|_| !self.window.is_open());
        let polled = self.folders.polls().then_some(self.next_poll);
        let held = self.held.due(now).filter(|_| !self.window.is_open());
        [settled, self.window.deadline(now), self.reload, polled, held].into_iter().flatten().min()
    }

    /// Says how the watch goes on, if that changed.
    pub(super) fn announce(&mut self) {
        let (state, detail) = self.folders.state(&self.shared.options);
        if self.state != Some(state) {
            self.state = Some(state);
            self.send(WatchEvent::State(state, detail));
        }
    }

    /// Handles all messages that are there.
    pub(super) fn drain(&mut self) {
        while let Some(message) = self.inbox.take() {
            self.take(message);
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Raw(Ok(event)) => self.raw(&event),
            Message::Raw(Err(error)) => {
                if matches!(error.kind, notify::ErrorKind::MaxFilesWatch) {
                    self.folders.limit_reached();
                    self.announce();
                } else {
                    tracing::warn!(%error, "watching");
                }
            }
            Message::Look(path) => self.look(&path),
            Message::Read(path, reading) => {
                self.shared.heard(&reading);
                self.note_read(&path, &reading);
                self.hold(&path, reading);
            }
            Message::Rescan(why) => self.rescan(&why),
            // The flag is set already; this only wakes the thread.
            Message::Stop => {}
        }
    }

    fn raw(&mut self, event: &notify::Event) {
        if event.need_rescan() {
            self.rescan("the system dropped change events");
            return;
        }
        for path in &event.paths {
            let place = &self.shared.place;
            let own = place.git_dir.as_deref().and_then(|folder| path.strip_prefix(folder).ok()).map(Path::to_owned);
            let common =
                place.common_dir.as_deref().and_then(|folder| path.strip_prefix(folder).ok()).map(Path::to_owned);
            if let Some(name) = own {
                let shared = common.is_some();
                self.git_event(&name, &event.kind, true, shared);
            } else if let Some(name) = common {
                self.git_event(&name, &event.kind, false, true);
            } else if let Ok(below) = path.strip_prefix(&place.root) {
                let below = below.to_owned();
                self.tree_event(&below, &event.kind);
            }
        }
    }

    /// Something in the worktree moved.
    fn tree_event(&mut self, below: &Path, kind: &EventKind) {
        if below.file_name().is_some_and(|name| name == ".git") {
            if let Some(parent) = below.parent().and_then(to_relative) {
                self.nested(&parent);
            }
            return;
        }
        let Some(path) = to_relative(below) else { return };
        let full = self.root().join(below);
        let created = matches!(
            kind,
            EventKind::Create(_) | EventKind::Modify(ModifyKind::Name(RenameMode::To | RenameMode::Any))
        );
        match std::fs::symlink_metadata(&full) {
            Ok(meta) if meta.is_dir() => {
                if self.seen.contains_key(&path) {
                    // It was a file.
                    self.touch(path.clone(), Cause::Event);
                }
                if created || !self.folders.knows(&path) {
                    self.enter(&path, Cause::Event);
                }
            }
            Ok(_) => {
                self.leave(&path, Cause::Event);
                // In a folder that became another place, or is left out, nothing is ours.
                if self.folders.parent_known(&path) {
                    self.touch(path, Cause::Event);
                }
            }
            Err(_) => {
                self.leave(&path, Cause::Event);
                self.touch(path, Cause::Event);
            }
        }
    }

    /// A file changed, or may have.
    pub(super) fn touch(&mut self, path: String, cause: Cause) {
        let decides = matches!(path.rsplit('/').next(), Some(".gitignore" | ".gitattributes"));
        if decides || crate::repository_file::is_one(&path) {
            self.reload = Some(self.now() + Duration::from_millis(30));
        }
        if self.shared.rules.file(&path, &self.index) == Rule::Ignore {
            return;
        }
        let under_lock = self.window.lock == Lock::Empty;
        self.settle.touch(path, self.now(), cause, under_lock);
    }

    fn look(&mut self, path: &str) {
        if self.shared.permitted(path).is_err() {
            return;
        }
        let now = self.now();
        let waiting = self.settle.take_path(path);
        let first = waiting.map_or(now, |waiting| waiting.first);
        let under_lock = waiting.is_some_and(|waiting| waiting.under_lock);
        let asked = Waiting {
            first,
            last: now,
            cause: Cause::Asked,
            under_lock,
            late: false,
            arrived: waiting.is_some_and(|waiting| waiting.arrived),
            departing: false,
        };
        self.judge(vec![(path.to_owned(), asked)], Batch::Forced);
    }

    /// Does what is due.
    fn step(&mut self) {
        let now = self.now();
        if self.folders.polls() && now >= self.next_poll {
            self.poll();
            self.next_poll = self.now() + Duration::from_millis(self.shared.options.poll_ms.max(10));
        }
        if self.reload.is_some_and(|at| now >= at) {
            self.reload = None;
            self.reload_rules();
        }
        self.look_at_git(now);
        if self.window.is_open() {
            let locked = self.locked();
            if self.window.may_close(now, locked, self.settle.last()) {
                self.close_window(locked);
            } else {
                let overdue = self.settle.take_where(|waiting| Window::overdue(now, waiting.first, waiting.last));
                self.judge(overdue, Batch::Forced);
            }
            return;
        }
        if self.held.due(now).is_some_and(|due| now >= due) {
            self.explain_held(false);
        }
        let due = self.settle.take_due(now);
        self.judge(due, Batch::Settled);
    }

    /// Judges everything that still waits.
    pub(super) fn step_all(&mut self) {
        let all = self.settle.take_where(|_| true);
        self.judge(all, Batch::Forced);
    }
}
