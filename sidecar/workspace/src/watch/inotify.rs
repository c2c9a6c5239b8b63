//! The kernel's change events on Linux, of all folders that are watched.
//!
//! Asked for is what changes, and not that somebody opens a file: by that every command that reads a worktree (git, a
//! search, a compiler) would wake this thread once a file. What is there is read at once; then the thread may rest while
//! more gathers. Absent on purpose: what an event means, and folders in folders.

use std::collections::HashMap;
use std::ffi::OsStr;
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use notify::event::{AccessKind, AccessMode, CreateKind, DataChange, Flag, MetadataKind, ModifyKind, RemoveKind};
use notify::event::{EventKind, RenameMode};
use notify::{Error, ErrorKind, Event};
use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::io::Errno;

/// What is asked for. That a file is closed, because what is written through a mapping is told of by nothing else.
const CHANGES: WatchFlags = WatchFlags::ONLYDIR
    .union(WatchFlags::CREATE)
    .union(WatchFlags::DELETE)
    .union(WatchFlags::DELETE_SELF)
    .union(WatchFlags::MODIFY)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::MOVED_FROM)
    .union(WatchFlags::MOVED_TO)
    .union(WatchFlags::MOVE_SELF);
/// Read at once (bytes): some two thousand events.
const AT_ONCE: usize = 64 << 10;

/// Events from where they come. Dropping it ends them.
pub(super) struct Source(Arc<Kernel>);

/// What the thread that reads shares with those that ask.
struct Kernel {
    inotify: OwnedFd,
    folders: Mutex<Folders>,
    ending: AtomicBool,
}

/// The kernel's numbers of the folders. It has one for each folder, wherever that lies by now.
#[derive(Default)]
struct Folders {
    paths: HashMap<i32, PathBuf>,
    numbers: HashMap<PathBuf, i32>,
}

impl Folders {
    /// A folder with its number; returns that of another folder that lay at its path.
    fn add(&mut self, number: i32, folder: &Path) -> Option<i32> {
        // It may have been known by another path, from where it was moved.
        self.remove(number);
        self.paths.insert(number, folder.to_owned());
        self.numbers.insert(folder.to_owned(), number)
    }

    fn remove(&mut self, number: i32) {
        if let Some(path) = self.paths.remove(&number)
            && self.numbers.get(&path) == Some(&number)
        {
            self.numbers.remove(&path);
        }
    }
}

impl Source {
    /// Begins to read. `tell` is told of each event, in order, and `rest` called when all that was there is told.
    pub(super) fn start(
        tell: impl Fn(notify::Result<Event>) + Send + 'static,
        rest: impl Fn() + Send + 'static,
    ) -> notify::Result<Self> {
        let inotify = inotify::init(CreateFlags::CLOEXEC).map_err(|error| Error::io(error.into()))?;
        let kernel = Arc::new(Kernel { inotify, folders: Mutex::default(), ending: AtomicBool::new(false) });
        let read = Arc::clone(&kernel);
        std::thread::Builder::new().name("codi2-feed".into()).spawn(move || read.run(tell, rest)).map_err(Error::io)?;
        Ok(Self(kernel))
    }

    /// Tells of what happens directly in a folder, from before this returns.
    pub(super) fn watch(&self, folder: &Path) -> notify::Result<()> {
        // Held meanwhile, so that the folder's first event finds its path.
        let mut folders = self.0.folders();
        let number = inotify::add_watch(&self.0.inotify, folder, CHANGES).map_err(|error| failed(error, folder))?;
        let other = folders.add(number, folder).filter(|other| *other != number);
        other.into_iter().for_each(|other| self.0.drop_one(&mut folders, other));
        Ok(())
    }

    /// Tells of a folder no longer.
    pub(super) fn unwatch(&self, folder: &Path) {
        let mut folders = self.0.folders();
        if let Some(number) = folders.numbers.get(folder).copied() {
            self.0.drop_one(&mut folders, number);
        }
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        self.0.ending.store(true, Ordering::Relaxed);
        // The end of a watch is an event, too, and wakes the thread. Where no more may be made there is one to end.
        let made = inotify::add_watch(&self.0.inotify, "/", WatchFlags::DELETE_SELF).ok();
        let number = made.or_else(|| self.0.folders().paths.keys().next().copied());
        number.map(|number| inotify::remove_watch(&self.0.inotify, number));
    }
}

impl Kernel {
    fn folders(&self) -> MutexGuard<'_, Folders> {
        self.folders.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn drop_one(&self, folders: &mut Folders, number: i32) {
        folders.remove(number);
        // A folder that is gone took its watch along.
        inotify::remove_watch(&self.inotify, number).ok();
    }

    fn run(&self, tell: impl Fn(notify::Result<Event>), rest: impl Fn()) {
        let mut buffer = vec![MaybeUninit::uninit(); AT_ONCE];
        let mut reader = inotify::Reader::new(&self.inotify, &mut buffer);
        loop {
            let event = match reader.next() {
                Ok(event) => self.event(&event),
                Err(Errno::INTR) => continue,
                Err(error) => return tell(Err(Error::io(error.into()))),
            };
            if self.ending.load(Ordering::Relaxed) {
                return;
            }
            event.into_iter().for_each(|event| tell(Ok(event)));
            if reader.is_buffer_empty() {
                rest();
            }
        }
    }

    fn event(&self, event: &inotify::Event<'_>) -> Option<Event> {
        if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
            return Some(Event::new(EventKind::Other).set_flag(Flag::Rescan));
        }
        let mut folders = self.folders();
        if event.events().contains(ReadFlags::IGNORED) {
            folders.remove(event.wd());
            return None;
        }
        let folder = folders.paths.get(&event.wd())?;
        let name = event.file_name().map(|name| OsStr::from_bytes(name.to_bytes()));
        let path = name.map_or_else(|| folder.clone(), |name| folder.join(name));
        Some(Event::new(kind(event.events())?).add_path(path))
    }
}

/// What an event is; the kernel tells of one change at a time.
fn kind(events: ReadFlags) -> Option<EventKind> {
    let is_folder = events.contains(ReadFlags::ISDIR);
    let (created, removed) = match is_folder {
        true => (CreateKind::Folder, RemoveKind::Folder),
        false => (CreateKind::File, RemoveKind::File),
    };
    let kinds = [
        (ReadFlags::MOVED_FROM, EventKind::Modify(ModifyKind::Name(RenameMode::From))),
        (ReadFlags::MOVED_TO, EventKind::Modify(ModifyKind::Name(RenameMode::To))),
        (ReadFlags::MOVE_SELF, EventKind::Modify(ModifyKind::Name(RenameMode::From))),
        (ReadFlags::CREATE, EventKind::Create(created)),
        (ReadFlags::DELETE, EventKind::Remove(removed)),
        (ReadFlags::DELETE_SELF, EventKind::Remove(RemoveKind::Folder)),
        (ReadFlags::MODIFY, EventKind::Modify(ModifyKind::Data(DataChange::Any))),
        (ReadFlags::CLOSE_WRITE, EventKind::Access(AccessKind::Close(AccessMode::Write))),
        (ReadFlags::ATTRIB, EventKind::Modify(ModifyKind::Metadata(MetadataKind::Any))),
    ];
    kinds.into_iter().find(|(change, _)| events.contains(*change)).map(|(_, kind)| kind)
}

fn failed(error: Errno, folder: &Path) -> Error {
    let error = match error {
        Errno::NOSPC => Error::new(ErrorKind::MaxFilesWatch),
        Errno::NOENT => Error::new(ErrorKind::PathNotFound),
        error => Error::io(error.into()),
    };
    error.add_path(folder.to_owned())
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::mpsc::{RecvTimeoutError, channel};
    use std::time::Duration;

    use super::*;

    const LONG: Duration = Duration::from_secs(30);

    #[test]
    fn a_folder_is_heard_of_where_it_lies_now_and_what_is_made_at_its_place_is_another() {
        let base = tempfile::tempdir().unwrap();
        let at = |name: &str| base.path().join(name);
        fs::create_dir(at("one")).unwrap();
        let (told, events) = channel();
        let tell = move |event: notify::Result<Event>| {
            let event = event.unwrap();
            told.send((event.paths[0].clone(), event.kind)).unwrap();
        };
        let source = Source::start(tell, || {}).unwrap();
        // Where a file is said to come that comes in this folder.
        let heard = |folder: &str| {
            fs::write(at(folder).join("new"), "").unwrap();
            fs::remove_file(at(folder).join("new")).unwrap();
            loop {
                let (path, kind) = events.recv_timeout(LONG).expect("its event comes");
                if kind == EventKind::Create(CreateKind::File) {
                    return path.parent().unwrap().to_owned();
                }
            }
        };
        source.watch(&at("one")).unwrap();
        assert_eq!(heard("one"), at("one"));
        // Moved, with the word of it not yet taken; then its old place is let go of.
        fs::rename(at("one"), at("two")).unwrap();
        source.watch(&at("two")).unwrap();
        source.unwatch(&at("one"));
        assert_eq!(heard("two"), at("two"));
        // Gone and made again before anybody hears of either.
        fs::remove_dir(at("two")).unwrap();
        fs::create_dir(at("two")).unwrap();
        source.watch(&at("two")).unwrap();
        assert_eq!(heard("two"), at("two"));
        assert!(matches!(source.watch(&at("none")).unwrap_err().kind, ErrorKind::PathNotFound));
        let held = source.0.folders();
        assert_eq!((held.paths.len(), held.numbers.len()), (1, 1));
    }

    #[test]
    fn what_gathers_while_the_thread_rests_is_read_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let (told, events) = channel();
        let (rests, rested) = channel();
        let (go_on, next) = channel::<()>();
        let tell = move |event: notify::Result<Event>| told.send(event.unwrap().kind).unwrap();
        let rest = move || {
            rests.send(()).unwrap();
            next.recv().unwrap();
        };
        let source = Source::start(tell, rest).unwrap();
        source.watch(folder.path()).unwrap();
        fs::create_dir(folder.path().join("first")).unwrap();
        rested.recv_timeout(LONG).unwrap();
        (0..100).for_each(|number| fs::create_dir(folder.path().join(number.to_string())).unwrap());
        // Reading changes nothing.
        (0..100).for_each(|_| drop(fs::read_dir(folder.path()).unwrap()));
        go_on.send(()).unwrap();
        rested.recv_timeout(LONG).unwrap();
        assert_eq!(events.try_iter().collect::<Vec<_>>(), vec![EventKind::Create(CreateKind::Folder); 101]);
        drop(source);
        go_on.send(()).unwrap();
        // Its thread ends, and with it what it holds.
        assert_eq!(events.recv_timeout(LONG), Err(RecvTimeoutError::Disconnected));
    }
}
