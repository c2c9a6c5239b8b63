//! The thread that keeps a hub among the others of its store: beats, looks, and wakes tails when another hub appends.
//!
//! It waits for the newest event and for sessions that moved by watches, so nothing is asked again and again for news; each
//! beat is the net for a watch that was lost. It alone reads the store for the status, so that nobody who asks how the hub is waits for a store
//! that cannot be reached. Only for stores that others have, too. Absent on purpose: what rows mean (`peers`).

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use codi2_protocol::Reach;
use codi2_store::{Fate, Store, StoreError, Subspace, Watch};

use crate::core::Input;
use crate::engine::{Engine, now_ms};
use crate::peers::{BEAT_MS, Peers, Round};
use crate::rows::MOVED;

/// Between two looks at the others, at least, however often they append.
const LOOK: Duration = Duration::from_secs(1);
/// Between two looks at where their sessions are, at least.
const SHOW: Duration = Duration::from_millis(250);
/// Between two turns of the thread, at least: where much is appended, one tells of all of it.
const TURN: Duration = Duration::from_millis(10);

/// What the last look showed, for the status.
#[derive(Debug, Clone, Default)]
pub struct View {
    /// Who there is.
    pub round: Round,
    /// Events in the log.
    pub events: u64,
    /// Bytes of the store.
    pub bytes: u64,
    /// Whether the store can be reached; none before the first try.
    pub reach: Option<Reach>,
}

/// What the thread and the server share.
#[derive(Debug, Default)]
pub struct Board {
    view: Mutex<View>,
    /// Whether the store could not be reached when it was tried last.
    is_away: AtomicBool,
    /// What the thread waits for now.
    watch: Mutex<Watch>,
    ending: AtomicBool,
}

impl Board {
    /// What the last look showed.
    pub fn view(&self) -> View {
        held(&self.view).clone()
    }

    /// Whether the store could not be reached when it was tried last.
    pub fn is_away(&self) -> bool {
        self.is_away.load(Ordering::Relaxed)
    }
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A running thread.
pub struct Peering {
    board: Arc<Board>,
    thread: JoinHandle<()>,
}

impl Peering {
    /// Starts it; `wake` is told whenever there may be new events.
    ///
    /// # Errors
    /// Where the system has no thread left.
    pub fn start(
        peers: Peers,
        store: Arc<Store>,
        engine: Engine,
        board: Arc<Board>,
        wake: impl Fn() + Send + 'static,
    ) -> std::io::Result<Self> {
        let shown = Arc::clone(&board);
        let work = move || Desk { peers, store: &store, engine, board: &shown, began: Instant::now() }.keep(&wake);
        let thread = std::thread::Builder::new().name("codi2-peers".into()).spawn(work)?;
        Ok(Self { board, thread })
    }

    /// Ends it, and takes leave of the others.
    pub fn finish(self) {
        self.board.ending.store(true, Ordering::Relaxed);
        held(&self.board.watch).ring();
        if self.thread.join().is_err() {
            tracing::error!("the thread that watches other hubs ended in a panic");
        }
    }
}

struct Desk<'a> {
    peers: Peers,
    store: &'a Store,
    engine: Engine,
    board: &'a Board,
    began: Instant,
}

impl Desk<'_> {
    fn keep(mut self, wake: &dyn Fn()) {
        let mut looked: Option<Instant> = None;
        let mut shown: Option<Instant> = None;
        let mut turned: Option<Instant> = None;
        let (mut appended, mut moved) = (true, false);
        while !self.is_ending() {
            // What this hub appends itself rings, too.
            if let Some(rest) = turned.and_then(|turned| TURN.checked_sub(turned.elapsed())) {
                self.waits_for(Watch::silent()).wait(rest);
            }
            turned = Some(Instant::now());
            // Before the reads: what changes from here on rings.
            let news = self.store.watch().unwrap_or_else(|error| self.unreached(&error));
            // Where nobody else is, only what this hub's own sessions do would ring.
            let moves = if self.peers.has_others() {
                let moves = self.store.watch_row(Subspace::Meta, &[MOVED.into()]);
                moves.unwrap_or_else(|error| self.unreached(&error))
            } else {
                Watch::silent()
            };
            let either = self.waits_for(news.or(&moves));
            if self.is_ending() {
                break;
            }
            if appended {
                wake();
            }
            let pause = if appended { LOOK } else { Duration::from_millis(BEAT_MS) };
            let heard = if looked.is_none_or(|looked| looked.elapsed() >= pause) {
                self.look();
                looked = Some(Instant::now());
                either.wait(Duration::from_millis(BEAT_MS))
            } else {
                if moved {
                    self.show();
                    shown = Some(Instant::now());
                }
                either.wait(LOOK)
            };
            moved = moves.fired();
            // Typing moves often: it is looked at now and then, what is appended at once.
            let rest = shown.map_or(Duration::ZERO, |shown| SHOW.saturating_sub(shown.elapsed()));
            if moved && !news.fired() && !rest.is_zero() {
                self.waits_for(news.clone());
                if !self.is_ending() {
                    news.wait(rest);
                }
            }
            appended = !heard || news.fired();
        }
        if let Err(error) = self.peers.leave(self.store) {
            tracing::warn!(%error, "the other hubs were not told that this one ends");
        }
    }

    fn is_ending(&self) -> bool {
        self.board.ending.load(Ordering::Relaxed)
    }

    /// What is rung when the thread is to end.
    fn waits_for(&self, watch: Watch) -> Watch {
        held(&self.board.watch).clone_from(&watch);
        watch
    }

    /// Where the others' sessions are now.
    fn show(&self) {
        // What fails is told by the next look.
        if let Ok(sessions) = self.peers.sessions(self.store) {
            held(&self.board.view).round.sessions = sessions;
        }
    }

    fn unreached(&self, error: &StoreError) -> Watch {
        self.reached(Some(error));
        Watch::silent()
    }

    fn look(&mut self) {
        let now = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let mut round = match self.peers.look(self.store, now, now_ms()) {
            Ok(round) => round,
            Err(error) if error.fate() == Fate::Later => return self.reached(Some(&error)),
            // It answers, but what it says is wrong.
            Err(error) => {
                tracing::warn!(%error, "the other hubs cannot be looked at");
                held(&self.board.view).round.problem = Some(error.to_string());
                return self.reached(None);
            }
        };
        if round.was_ended {
            tracing::warn!("another hub took this one for dead and ended its sessions: they begin again");
            self.engine.tell(Input::WasEnded, None);
        }
        if !round.upgraded.is_empty() {
            self.engine.tell(Input::Upgraded(std::mem::take(&mut round.upgraded)), None);
        }
        let counted = self.store.events().and_then(|events| Ok((events, self.store.bytes()?)));
        let mut view = held(&self.board.view);
        view.round = round;
        if let Ok(counted) = &counted {
            (view.events, view.bytes) = *counted;
        }
        drop(view);
        self.reached(counted.as_ref().err().filter(|error| error.fate() == Fate::Later));
    }

    fn reached(&self, error: Option<&StoreError>) {
        let mut view = held(&self.board.view);
        let ok = error.is_none();
        let since_ms = view.reach.as_ref().filter(|reach| reach.ok == ok).map_or_else(now_ms, |reach| reach.since_ms);
        let detail = error.map(ToString::to_string).unwrap_or_default();
        if let Some(error) = error.filter(|_| view.reach.as_ref().is_none_or(|reach| reach.ok)) {
            tracing::warn!(%error, "the store cannot be reached");
        }
        view.reach = Some(Reach { ok, since_ms, detail });
        self.board.is_away.store(!ok, Ordering::Relaxed);
    }
}
