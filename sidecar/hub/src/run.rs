//! The life of a hub: lock, store, spools of the dead, connections, end.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use codi2_ipc::{Announcement, HubLock, Listener, LockError, Places, announce, hooks, spool};
use codi2_protocol::{Call, Capability, HubStatus, Notice, ProducerId};
use codi2_store::{Store, StoreError};
use codi2_workspace::WatchOptions;
use tokio::sync::{mpsc, oneshot};

use crate::core::{Core, Input};
use crate::engine::{Engine, EngineThread, Output, now_ms};
use crate::server::{Clients, Shared, Stop, accept_all};
use crate::writer::{News, Writer};

/// How often the core is told that time passed.
const TICK: Duration = Duration::from_secs(1);
/// How often spools of dead producers are looked for.
const SPOOLS: Duration = Duration::from_secs(5);

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
    /// Version and build, for people.
    pub build: String,
}

/// Which store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StoreSpec {
    /// A file of the embedded engine.
    File(PathBuf),
    /// Memory, for tests: everything is gone with the hub.
    Memory,
}

/// Why a hub ended that should not have. Each ends the process.
#[derive(Debug, thiserror::Error)]
pub enum HubFailure {
    /// The lock could not be taken, or the folders can't be used.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// The store can't be used any more.
    #[error(transparent)]
    Store(#[from] StoreError),
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
}

fn system(what: &'static str) -> impl FnOnce(std::io::Error) -> HubFailure {
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

fn start(options: Options, mut lock: HubLock) -> Result<(), HubFailure> {
    let store = Arc::new(match &options.store {
        StoreSpec::File(path) => Store::open(path)?,
        StoreSpec::Memory => Store::memory()?,
    });
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .max_blocking_threads(4)
        .build()
        .map_err(system("cannot start the runtime"))?;
    let secret = secret(&options.places)?;
    let (news_in, news) = mpsc::unbounded_channel();
    let (output_in, output) = mpsc::unbounded_channel();
    let writer = Writer::start(Arc::clone(&store), move |item| drop(news_in.send(item)))
        .map_err(system("cannot start the writer"))?;
    let core = Core::new(ProducerId::new(), secret);
    let (engine, thread) =
        Engine::start(core, Arc::clone(&store), options.watch.clone(), writer.orders(), move |item| {
            drop(output_in.send(item));
        })
        .map_err(system("cannot start the core"))?;
    let (stop_in, stop) = mpsc::channel(4);
    let result = runtime.block_on(async {
        let capabilities = [Capability::Text, Capability::Owners, Capability::Tail].map(|can| can.as_str().to_owned());
        let listener =
            Listener::bind(&mut lock, &options.build, &capabilities).map_err(system("cannot bind the socket"))?;
        let about = HubStatus {
            pid: std::process::id(),
            build: options.build.clone(),
            started_ms: now_ms(),
            store: store.place().to_owned(),
            events: 0,
            store_bytes: 0,
            connections: 0,
            sessions: Vec::new(),
            watches: Vec::new(),
            problems: Vec::new(),
        };
        let shared = Arc::new(Shared::new(Arc::clone(&store), engine.clone(), about, stop_in));
        Hub { options: &options, shared, thread: &thread, news, output, stop, clients: Clients::default() }
            .live(listener)
            .await
    });
    engine.end();
    thread.join();
    writer.finish();
    runtime.shutdown_timeout(Duration::from_millis(500));
    // The store closes before the lock is let go.
    drop(store);
    drop(lock);
    result
}

/// A hub at work.
struct Hub<'a> {
    options: &'a Options,
    shared: Arc<Shared>,
    thread: &'a EngineThread,
    news: mpsc::UnboundedReceiver<News>,
    output: mpsc::UnboundedReceiver<Output>,
    stop: mpsc::Receiver<Stop>,
    clients: Clients,
}

impl Hub<'_> {
    async fn live(mut self, listener: Listener) -> Result<(), HubFailure> {
        // What the dead left is judged before anything new is.
        self.drain_spools();
        let (arrivals_in, mut arrivals) = mpsc::unbounded_channel();
        let mut accepting = tokio::spawn(accept_all(listener, Arc::clone(&self.shared), arrivals_in));
        announce(&Announcement::Ready).map_err(system("cannot tell the starter"))?;
        let mut tick = tokio::time::interval(TICK);
        let mut spools = tokio::time::interval(SPOOLS);
        let mut terminate = signal();
        let mut idle_since = Instant::now();
        let stopped = loop {
            tokio::select! {
                Some(item) = self.news.recv() => match item {
                    News::Durable(due) => {
                        if self.clients.note_all(&mut arrivals) {
                            idle_since = Instant::now();
                        }
                        for (producer, notice) in due {
                            self.clients.deliver(Output::Notify(producer, notice), &self.shared);
                        }
                        self.shared.durable.send_modify(|count| *count += 1);
                    }
                    News::Failed(error) => return Err(error.into()),
                    News::Refused(problem) => self.shared.engine.note_problem(problem),
                },
                Some(item) = self.output.recv() => {
                    // The core may answer a connection before this loop has come to hear of it.
                    if self.clients.note_all(&mut arrivals) {
                        idle_since = Instant::now();
                    }
                    self.clients.deliver(item, &self.shared);
                }
                Some(arrival) = arrivals.recv() => {
                    self.clients.note(arrival);
                    idle_since = Instant::now();
                }
                Some(stop) = self.stop.recv() => break stop,
                error = &mut accepting => {
                    let error = error.unwrap_or_else(std::io::Error::other);
                    return Err(HubFailure::System { what: "cannot accept connections", error });
                }
                _ = tick.tick() => {
                    if self.thread.is_finished() {
                        return Err(HubFailure::Core);
                    }
                    self.shared.engine.tell(Input::Tick, None);
                    if self.clients.len() > 0 {
                        idle_since = Instant::now();
                    } else if idle_since.elapsed() >= Duration::from_millis(self.options.idle_ms) {
                        break Stop { reason: "nobody needs it".into(), done: None };
                    }
                }
                _ = spools.tick() => self.drain_spools(),
                () = terminate.recv() => break Stop { reason: "it was told to end".into(), done: None },
            }
        };
        accepting.abort();
        self.end(stopped).await
    }

    /// Makes everything durable, tells everybody, ends.
    async fn end(mut self, stop: Stop) -> Result<(), HubFailure> {
        tracing::info!(reason = %stop.reason, "the hub ends");
        let (durable, mut is_durable) = oneshot::channel();
        self.shared.engine.barrier(move || {
            let _ = durable.send(());
        });
        loop {
            tokio::select! {
                biased;
                Some(item) = self.output.recv() => self.clients.deliver(item, &self.shared),
                Some(item) = self.news.recv() => match item {
                    News::Durable(due) => for (producer, notice) in due {
                        self.clients.deliver(Output::Notify(producer, notice), &self.shared);
                    },
                    News::Failed(error) => return Err(error.into()),
                    News::Refused(problem) => self.shared.engine.note_problem(problem),
                },
                _ = &mut is_durable => break,
            }
        }
        self.clients.tell_all(&Notice::Ending { reason: stop.reason });
        if let Some(done) = stop.done {
            let _ = done.send(());
        }
        // Lets the connections' tasks write what is queued.
        tokio::time::sleep(Duration::from_millis(50)).await;
        Ok(())
    }

    /// Takes in what dead producers and hooks left, and removes each file once it is durable.
    fn drain_spools(&mut self) {
        let places = &self.options.places;
        match spool::drain(places, |producer| self.clients.has(producer)) {
            Ok(dead) => {
                for mut spool in dead {
                    loop {
                        match spool.next_batch() {
                            Ok(batch) if batch.is_empty() => break,
                            Ok(batch) => self.shared.engine.tell(Input::Drained(spool.producer(), batch), None),
                            Err(error) => {
                                self.shared.engine.note_problem(format!("a spool cannot be read: {error}"));
                                break;
                            }
                        }
                    }
                    self.shared.engine.barrier(move || match spool.remove() {
                        Ok(None) => {}
                        Ok(Some(kept)) => tracing::warn!(kept = %kept.display(), "a damaged spool is kept aside"),
                        Err(error) => tracing::warn!(%error, "a spool that is in the log cannot be removed"),
                    });
                }
            }
            Err(error) => self.shared.engine.note_problem(format!("the spools cannot be listed: {error}")),
        }
        match hooks::drain(places) {
            Ok(dead) => {
                for mut spool in dead {
                    while let Ok(batch) = spool.next_batch()
                        && !batch.is_empty()
                    {
                        for record in batch {
                            self.shared.engine.tell(Input::Called(None, 0, Call::Hook(record)), None);
                        }
                    }
                    self.shared.engine.barrier(move || {
                        if let Err(error) = spool.remove() {
                            tracing::warn!(%error, "the hooks' spool that is in the log cannot be removed");
                        }
                    });
                }
            }
            Err(error) => self.shared.engine.note_problem(format!("the hooks' spool cannot be read: {error}")),
        }
    }
}

/// The wish of the system that the hub ends.
fn signal() -> Terminate {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let (terminate, interrupt) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()));
        Terminate { signals: terminate.ok().zip(interrupt.ok()) }
    }
    #[cfg(not(unix))]
    Terminate {}
}

struct Terminate {
    #[cfg(unix)]
    signals: Option<(tokio::signal::unix::Signal, tokio::signal::unix::Signal)>,
}

impl Terminate {
    async fn recv(&mut self) {
        #[cfg(unix)]
        if let Some((terminate, interrupt)) = &mut self.signals {
            tokio::select! { _ = terminate.recv() => {}, _ = interrupt.recv() => {} }
            return;
        }
        std::future::pending().await
    }
}

/// The local secret that keys the hashes of lines: 32 random bytes in the state folder, for this user's eyes only.
fn secret(places: &Places) -> Result<[u8; 32], HubFailure> {
    let path = places.state().join("secret");
    if let Ok(bytes) = std::fs::read(&path)
        && let Ok(secret) = <[u8; 32]>::try_from(bytes)
    {
        return Ok(secret);
    }
    let mut secret = [0; 32];
    secret[..16].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    secret[16..].copy_from_slice(uuid::Uuid::new_v4().as_bytes());
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&path).map_err(system("cannot create the secret in the state folder"))?;
    std::io::Write::write_all(&mut file, &secret).map_err(system("cannot write the secret"))?;
    file.sync_all().map_err(system("cannot write the secret"))?;
    Ok(secret)
}
