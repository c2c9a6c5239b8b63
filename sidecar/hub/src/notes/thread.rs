//! The thread that lets a clerk look, and the doors to it. It gives way: whoever works here wants the processor first.
//!
//! Absent on purpose: whose turn it is ([`Wishes`]), and what a look does.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use codi2_protocol::{ErrorCode, HubError, Reply, RepositoryId};
use codi2_workspace::{Place, is_amid_commits};

use super::wishes::Wishes;
use super::{Clerk, Informant, Options};
use crate::core::{Asked, Input, Ticket, Told, Why};
use crate::engine::{Engine, now_ms};

/// The notes' thread's niceness.
#[cfg(target_os = "linux")]
const NICE: i32 = 10;

/// One wish to look.
pub struct Wish {
    /// The worktree whose git moved.
    pub place: Place,
    /// Why.
    pub why: Why,
}

/// Where wishes go.
pub type Door = Sender<Wish>;

/// Why notes of repositories cannot be written, in words, for the status.
#[derive(Debug, Clone, Default)]
pub struct Troubles(Arc<Mutex<BTreeMap<RepositoryId, String>>>);

impl Troubles {
    /// All of them.
    pub fn now(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).values().cloned().collect()
    }

    fn set(&self, repository: RepositoryId, trouble: Option<String>) {
        let mut troubles = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match trouble {
            Some(words) => {
                if troubles.get(&repository) != Some(&words) {
                    tracing::warn!(words, "notes");
                }
                troubles.insert(repository, words);
            }
            None => drop(troubles.remove(&repository)),
        }
    }
}

impl Informant for Engine {
    fn ask(&self, asked: Asked) -> Result<Option<Told>, String> {
        Self::ask(self, asked)
    }

    fn tell(&self, input: Input) {
        Self::tell(self, input, None);
    }

    fn trouble(&self, repository: RepositoryId, trouble: Option<String>) {
        self.troubles().set(repository, trouble);
    }

    fn now_ms(&self) -> u64 {
        now_ms()
    }
}

/// Starts the thread, which ends with the last door to it. `answer` is told when what was asked for is done.
///
/// # Errors
/// Where the system has no thread left.
pub fn start(
    inbox: Receiver<Wish>,
    engine: Engine,
    options: Options,
    ending: Arc<AtomicBool>,
    answer: impl Fn(Ticket, Result<Reply, HubError>) + Send + 'static,
) -> std::io::Result<JoinHandle<()>> {
    let mut clerk = Clerk::new(engine, options, ending);
    std::thread::Builder::new().name("codi2-notes".into()).spawn(move || {
        give_way();
        let mut wishes = Wishes::default();
        loop {
            let last_look = clerk.next_ms().map(|at_ms| Duration::from_millis(at_ms.saturating_sub(now_ms())));
            let waiting = wishes.next().map(|at| at.saturating_duration_since(Instant::now()));
            let first = match last_look.into_iter().chain(waiting).min() {
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(wait) => inbox.recv_timeout(wait),
            };
            if matches!(first, Err(RecvTimeoutError::Disconnected)) {
                return;
            }
            let now = Instant::now();
            first.into_iter().chain(inbox.try_iter()).for_each(|wish| wishes.add(wish, now));
            for (place, whys) in with_last_looks(wishes.due(now, is_amid_commits), clerk.due()) {
                let done = clerk.look(&place, &whys);
                for why in whys {
                    if let Why::Asked(ticket) = why {
                        let refused = |message: &String| HubError { code: ErrorCode::Other, message: message.clone() };
                        answer(ticket, done.as_ref().map(|()| Reply::Done).map_err(refused));
                    }
                }
            }
        }
    })
}

/// A door and what it leads to.
pub fn door() -> (Door, Receiver<Wish>) {
    channel()
}

/// The calling thread, and the processes of git that it starts, have a small share of a processor that others want.
fn give_way() {
    // Of Linux, where a number of no process means the calling thread; elsewhere it would be the whole hub.
    #[cfg(target_os = "linux")]
    if let Err(error) = rustix::process::setpriority_process(None, NICE) {
        tracing::debug!(%error, "notes are written at the hub's own priority");
    }
}

/// The looks for these wishes, and one for each other place where a last look is due.
fn with_last_looks(mut looks: Vec<(Place, Vec<Why>)>, due: Vec<Place>) -> Vec<(Place, Vec<Why>)> {
    for place in due {
        if !looks.iter().any(|(other, _)| other.worktree == place.worktree) {
            looks.push((place, Vec::new()));
        }
    }
    looks
}
