//! Starting and ending a hub: lock, store, threads, and all of it in reverse. Its life between is in `live`.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use codi2_ipc::{Announcement, HubLock, Listener, LockError, Places, announce};
use codi2_protocol::{Capability, HubStatus, ProducerId};
use codi2_store::{Engine as StoreEngine, Fate, Store, StoreError};
use codi2_workspace::WatchOptions;
use tokio::sync::mpsc;

use crate::clients::{Clients, Heard};
use crate::core::Core;
use crate::dead::Dead;
use crate::engine::{Engine, Outlets, Output, now_ms};
use crate::footing::Footing;
use crate::host::host;
use crate::live::Hub;
use crate::measures::Measures;
use crate::notes;
use crate::peering::{Board, Peering};
use crate::peers::Peers;
use crate::ports::Tools;
use crate::secret::secret;
use crate::server::Shared as Common;
use crate::twin;
use crate::world::Ground;
use crate::writer::Writer;

/// How long reads of the log that are under way may take at the hub's end.
const LAST_READS: Duration = Duration::from_secs(10);

/// How to run a hub.
#[derive(Debug, Clone)]
pub struct Options {
    /// Its folders.
    pub places: Places,
    /// Its store.
    pub store: StoreSpec,
    /// End after this long without any client, in ms.
    pub idle_ms: u64,
    /// How worktrees are watched.
    pub watch: WatchOptions,
    /// Whether notes on commits are written.
    pub notes: bool,
    /// Version and build, for people.
    pub build: String,
    /// What to say of the settings in each status.
    pub remarks: Remarks,
    /// What is known of AI tools.
    pub tools: Arc<dyn Tools>,
}

/// What whoever runs a hub has to say in each of its statuses, asked anew each time; nothing by default.
#[derive(Clone, Default)]
pub struct Remarks(Option<Arc<dyn Fn() -> Vec<String> + Send + Sync>>);

impl Remarks {
    /// These remarks. Asked on the hub's loop, so not long.
    pub fn from_fn(remarks: impl Fn() -> Vec<String> + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(remarks)))
    }

    pub(crate) fn now(&self) -> Vec<String> {
        self.0.as_ref().map(|remarks| remarks()).unwrap_or_default()
    }
}

impl std::fmt::Debug for Remarks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_list().entries(self.now()).finish()
    }
}

/// Which store.
#[derive(Debug, Clone)]
pub enum StoreSpec {
    /// A file of the embedded engine.
    File(PathBuf),
    /// An engine that others use, too.
    Shared(Shared),
    /// Memory, for tests: everything is gone with the hub.
    Memory,
}

/// An engine that several hubs may use.
#[derive(Clone)]
pub struct Shared(pub Arc<dyn StoreEngine>);

impl std::fmt::Debug for Shared {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Shared").field(&self.0.place()).finish()
    }
}

/// Why a hub ended that should not have. Each ends the process.
#[derive(Debug, thiserror::Error)]
pub enum HubFailure {
    /// The lock could not be taken, or the folders can't be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The store can't be opened.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The store can't be written any more.
    #[error("the store in {place} cannot be written: {error}; nothing acknowledged is lost")]
    Write {
        /// Backend and place.
        place: String,
        /// What the store says.
        error: StoreError,
    },
    /// The state folder or the store was taken away.
    #[error(
        "{} was removed or replaced while the hub ran: what was in it is gone with it, nothing was acknowledged since, \
         and the next hub begins where what lies there now ends",
        state.display()
    )]
    Gone {
        /// The state folder.
        state: PathBuf,
    },
    /// Another hub that lives says that it is this machine.
    #[error(
        "another hub is at work in {place} that says it is this machine ({host}), as after a machine or a state folder was \
         copied; remove the file {} here, and start again", file.display()
    )]
    Twin {
        /// Backend and place.
        place: String,
        /// What both say they are.
        host: codi2_protocol::HostId,
        /// The file that says it here.
        file: PathBuf,
    },
    /// The system refused something.
    #[error("{what}: {error}")]
    System {
        /// What was tried.
        what: &'static str,
        /// What the system says.
        error: std::io::Error,
    },
    /// The core ended in a panic: said in the hub's log.
    #[error("the hub's core ended in a panic; its log has the details, and everything acknowledged is in the store")]
    Core,
    /// The writer ended in a panic: said in the hub's log.
    #[error("the hub's writer ended in a panic; its log has the details, and everything acknowledged is in the store")]
    Writer,
}

pub(crate) fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> HubFailure {
    move |error| HubFailure::System { what, error }
}

/// Runs a hub until it is stopped or idle. Another hub that runs already is no failure.
///
/// # Errors
/// See [`HubFailure`]. The starter is told too.
pub fn run(options: Options) -> Result<(), HubFailure> {
    let lock = match HubLock::take(&options.places) {
        Ok(lock) => lock,
        Err(LockError::Held { .. }) => {
            announce(&Announcement::Running).map_err(system("cannot tell the starter"))?;
            return Ok(());
        }
        Err(error) => {
            let _ = announce(&Announcement::Failed(error.to_string()));
            return Err(error.into());
        }
    };
    let result = start(options, lock);
    if let Err(error) = &result {
        // Where the hub was ready before, nobody listens any more: no harm.
        let _ = announce(&Announcement::Failed(error.to_string()));
    }
    result
}

/// What a watch must never look at: a worktree may hold the hub's own folders (a home under git does), and each look
/// at the store would be written to the store.
fn ours(options: &Options) -> Vec<PathBuf> {
    let mut ours = vec![options.places.state().to_owned(), options.places.runtime().to_owned()];
    if let StoreSpec::File(path) = &options.store {
        ours.push(path.clone());
    }
    // Watches know folders with their links resolved; one that is not there yet has none.
    ours.into_iter().map(|path| path.canonicalize().unwrap_or(path)).collect()
}

/// Whether another hub says that it is this machine; a store that cannot be reached now says nothing.
fn is_twin(store: &Store, host: codi2_protocol::HostId, ground: &str) -> Result<bool, StoreError> {
    match twin::lives(store, host, ground) {
        Err(error) if error.fate() == Fate::Later => Ok(false),
        answer => answer,
    }
}

fn start(options: Options, mut lock: HubLock) -> Result<(), HubFailure> {
    let store = match &options.store {
        StoreSpec::File(path) => Store::open(path)?,
        StoreSpec::Shared(Shared(engine)) => Store::on(Arc::clone(engine))?,
        StoreSpec::Memory => Store::memory()?,
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build()
        .map_err(system("cannot start the runtime"))?;
    let (secret, about_secret) =
        secret(options.places.state()).map_err(system("cannot use the secret in the state folder"))?;
    let (host, about_host) = host(options.places.state()).map_err(system("cannot use the host in the state folder"))?;
    let store = Arc::new(store.of(host)?);
    let ground = twin::ground();
    if store.is_shared() && is_twin(&store, host, &ground)? {
        let (place, file) = (store.place().to_owned(), crate::host::file(options.places.state()));
        return Err(HubFailure::Twin { place, host, file });
    }
    let (heard_in, heard) = mpsc::unbounded_channel();
    let (news, outputs) = (heard_in.clone(), heard_in.clone());
    let ending = Arc::new(AtomicBool::new(false));
    let measures = Measures::default();
    let footing = Footing::of(&options.store);
    let (measured, ends) = (Measures::clone(&measures), Arc::clone(&ending));
    let writer = Writer::start(Arc::clone(&store), host, footing, measured, ends, move |item| {
        drop(news.send(Heard::News(item)));
    })
    .map_err(system("cannot start the writer"))?;
    let producer = ProducerId::new();
    let (door, wishes) = notes::door();
    let (engine, thread) = Engine::start(
        Core::new(producer, host, secret),
        Arc::clone(&store),
        Ground {
            watch: WatchOptions {
                apart: ours(&options),
                secret: codi2_redaction::holds_token,
                ..options.watch.clone()
            },
            tools: Arc::clone(&options.tools),
        },
        Dead::new(options.places.clone(), producer),
        Outlets { orders: writer.orders(), notes: door },
        measures,
        move |item| drop(outputs.send(Heard::Output(item))),
    )
    .map_err(system("cannot start the core"))?;
    let answers = heard_in.clone();
    let about_notes = notes::Options { write: options.notes, max_file_bytes: options.watch.max_file_bytes };
    let clerk = notes::start(wishes, engine.clone(), about_notes, Arc::clone(&ending), move |ticket, answer| {
        drop(answers.send(Heard::Output(Output::Reply(ticket, answer))));
    })
    .map_err(system("cannot start the thread of notes"))?;
    about_secret.into_iter().chain(about_host).for_each(|note| engine.note_problem(note));
    let board = store.is_shared().then(Arc::<Board>::default);
    let started_ms = now_ms();
    let peers = board.is_some().then(|| Peers::new(host, producer, options.build.clone(), started_ms, ground));
    let mut peering = None;
    let result = runtime.block_on(async {
        let capabilities = [Capability::Text, Capability::Owners, Capability::Tail].map(|can| can.as_str().to_owned());
        let listener =
            Listener::bind(&mut lock, &options.build, &capabilities).map_err(system("cannot bind the socket"))?;
        let lock = &lock;
        let about = HubStatus {
            pid: std::process::id(),
            build: options.build.clone(),
            started_ms,
            store: store.place().to_owned(),
            events: 0,
            store_bytes: 0,
            reach: None,
            hubs: Vec::new(),
            connections: 0,
            sessions: Vec::new(),
            watches: Vec::new(),
            problems: Vec::new(),
        };
        let mut shared =
            Common::new(Arc::clone(&store), engine.clone(), about, &options, heard_in, ending, listener.shortage());
        shared.board.clone_from(&board);
        let shared = Arc::new(shared);
        if let (Some(board), Some(peers)) = (board, peers) {
            let durable = shared.durable.clone();
            let wake = move || durable.send_modify(|count| *count += 1);
            let started = Peering::start(peers, Arc::clone(&store), engine.clone(), board, wake);
            peering = Some(started.map_err(system("cannot start watching other hubs"))?);
        }
        let idle = Duration::from_millis(options.idle_ms);
        Hub {
            idle,
            shared,
            thread: &thread,
            heard,
            clients: Clients::default(),
            asked: BTreeMap::new(),
            last: Default::default(),
            lock,
        }
        .live(listener)
        .await
    });
    engine.end();
    thread.join();
    writer.finish();
    if clerk.join().is_err() {
        tracing::error!("the thread of notes ended in a panic");
    }
    // Last, for what it says of this machine's sessions must be what was written.
    if let Some(peering) = peering {
        peering.finish();
    }
    runtime.shutdown_timeout(LAST_READS);
    // The store closes before the lock is let go: the next hub may open it at once.
    match Arc::try_unwrap(store) {
        Ok(store) => {
            drop(store);
            drop(lock);
        }
        Err(_) => {
            tracing::warn!("a read of the log goes on: the lock is held until this process ends");
            std::mem::forget(lock);
        }
    }
    result
}
