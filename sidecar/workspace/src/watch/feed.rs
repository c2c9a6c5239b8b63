//! The change events of the file system, for all watches of this process: one source, so that a hub with hundreds of
//! worktrees needs one inotify instance of the few a user has (`fs.inotify.max_user_instances`, 128).
//!
//! A folder may be of several watches (linked worktrees share git's common folder); each hears of it. That events were
//! lost is said to all: the kernel's queue is one too. Absent on purpose: what an event means (`engine`).

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use notify::event::{AccessKind, AccessMode};
use notify::{ErrorKind, Event, EventKind};

use super::engine::Message;
use super::queue::Slot;
use super::shared::Shared;
use super::source::Source;

/// While git is at work its events are read together after so long: each of them would wake a thread, which takes the
/// processor from git a thousand times in a rebase of 20 commits (ADR 0160).
const GATHERED: Duration = Duration::from_millis(15);

/// A watch that hears.
struct Ear {
    messages: Slot<Message>,
    shared: Arc<Shared>,
}

impl Ear {
    /// Never waits, for all hear by one thread: where too much waits already, that something was missed.
    fn tell(&self, message: Message) {
        self.shared.tell(&self.messages, message);
    }
}

/// Who hears of which folder.
#[derive(Default)]
struct Routes {
    /// Watches by number.
    watches: HashMap<u64, Ear>,
    /// The watches of each folder.
    folders: HashMap<PathBuf, Vec<u64>>,
    last: u64,
}

/// The one source. It ends with the last watch that uses it.
struct Feed {
    routes: Arc<Mutex<Routes>>,
    /// Never held together with `routes`: the source's own thread may be waiting for those while it is told of a folder.
    source: Mutex<Source>,
}

/// The feed of this process while any watch uses it.
static FEED: Mutex<Weak<Feed>> = Mutex::new(Weak::new());

/// A watch's part of the feed; dropping it ends its folders.
pub(super) struct Tap {
    feed: Arc<Feed>,
    number: u64,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Routes {
    fn is_git_at_work(&self) -> bool {
        self.watches.values().any(|watch| watch.shared.is_git_at_work())
    }

    /// Tells the watches of the folders that an event is about, or all of them if it is about none.
    fn tell(&self, event: notify::Result<Event>) {
        let event = match event {
            Ok(event) if is_reading(&event.kind) => return,
            Ok(event) if !event.need_rescan() => event,
            Ok(event) => {
                return self.watches.values().for_each(|watch| watch.tell(Message::Raw(Ok(event.clone()))));
            }
            Err(error) => {
                let again = || notify::Error { kind: copy(&error.kind), paths: error.paths.clone() };
                return self.watches.values().for_each(|watch| watch.tell(Message::Raw(Err(again()))));
            }
        };
        let mut heard: Vec<u64> = Vec::new();
        for path in &event.paths {
            for folder in [Some(path.as_path()), path.parent()].into_iter().flatten() {
                heard.extend(self.folders.get(folder).into_iter().flatten());
            }
        }
        heard.sort_unstable();
        heard.dedup();
        for watch in heard.iter().filter_map(|number| self.watches.get(number)) {
            watch.tell(Message::Raw(Ok(event.clone())));
        }
    }
}

/// Reading, ours too, changes nothing: nobody is told of it, where the system tells of it at all.
fn is_reading(kind: &EventKind) -> bool {
    matches!(kind, EventKind::Access(access) if *access != AccessKind::Close(AccessMode::Write))
}

/// The same kind of error once more: errors cannot be cloned.
fn copy(kind: &ErrorKind) -> ErrorKind {
    match kind {
        ErrorKind::MaxFilesWatch => ErrorKind::MaxFilesWatch,
        ErrorKind::PathNotFound => ErrorKind::PathNotFound,
        ErrorKind::WatchNotFound => ErrorKind::WatchNotFound,
        other => ErrorKind::Generic(format!("{other:?}")),
    }
}

impl Feed {
    fn open() -> notify::Result<Arc<Self>> {
        let mut shared = locked(&FEED);
        if let Some(feed) = shared.upgrade() {
            return Ok(feed);
        }
        let routes = Arc::<Mutex<Routes>>::default();
        let (told, heard) = (Arc::clone(&routes), Arc::clone(&routes));
        let rest = move || {
            let is_at_work = locked(&heard).is_git_at_work();
            if is_at_work {
                std::thread::sleep(GATHERED);
            }
        };
        let source = Source::start(move |event| locked(&told).tell(event), rest)?;
        let feed = Arc::new(Self { routes, source: Mutex::new(source) });
        *shared = Arc::downgrade(&feed);
        Ok(feed)
    }
}

impl Tap {
    /// Begins to hear; fails where the system has no watcher to give.
    pub(super) fn open(messages: Slot<Message>, shared: Arc<Shared>) -> notify::Result<Self> {
        let feed = Feed::open()?;
        let mut routes = locked(&feed.routes);
        routes.last += 1;
        let number = routes.last;
        routes.watches.insert(number, Ear { messages, shared });
        drop(routes);
        Ok(Self { feed, number })
    }

    /// Hears of what happens directly in a folder, from before this returns.
    pub(super) fn watch(&self, folder: &Path) -> notify::Result<()> {
        let source = locked(&self.feed.source);
        self.route(folder);
        // Even of a folder that another watch has: one made again at the same place is another folder to the system.
        let watched = source.watch(folder);
        if watched.is_err() {
            self.unroute(folder);
        }
        watched
    }

    /// Hears of a folder no longer.
    pub(super) fn unwatch(&self, folder: &Path) {
        let source = locked(&self.feed.source);
        if self.unroute(folder) {
            source.unwatch(folder);
        }
    }

    fn route(&self, folder: &Path) {
        let mut routes = locked(&self.feed.routes);
        let of = routes.folders.entry(folder.to_owned()).or_default();
        if !of.contains(&self.number) {
            of.push(self.number);
        }
    }

    /// Whether nobody hears of the folder now.
    fn unroute(&self, folder: &Path) -> bool {
        let mut routes = locked(&self.feed.routes);
        let Some(of) = routes.folders.get_mut(folder) else { return false };
        of.retain(|number| *number != self.number);
        let nobody = of.is_empty();
        if nobody {
            routes.folders.remove(folder);
        }
        nobody
    }
}

impl Drop for Tap {
    fn drop(&mut self) {
        let source = locked(&self.feed.source);
        let mut routes = locked(&self.feed.routes);
        routes.watches.remove(&self.number);
        let mut unheard = Vec::new();
        routes.folders.retain(|folder, of| {
            of.retain(|number| *number != self.number);
            if of.is_empty() {
                unheard.push(folder.clone());
            }
            !of.is_empty()
        });
        let last = routes.watches.is_empty();
        drop(routes);
        // With the last watch the source itself ends.
        for folder in unheard.iter().filter(|_| !last) {
            source.unwatch(folder);
        }
    }
}
