//! The thread that lets a clerk look, and the doors to it: wishes that came together are one look for each place.
//!
//! Absent on purpose: what a look does.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use codi2_protocol::{ErrorCode, HubError, Reply, RepositoryId};
use codi2_workspace::Place;

use super::{Clerk, Informant, Options};
use crate::core::{Asked, Input, Ticket, Told, Why};
use crate::engine::{Engine, now_ms};

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
        loop {
            let first = match clerk.next_ms() {
                None => inbox.recv().map_err(|_| RecvTimeoutError::Disconnected),
                Some(at_ms) => inbox.recv_timeout(Duration::from_millis(at_ms.saturating_sub(now_ms()))),
            };
            if matches!(first, Err(RecvTimeoutError::Disconnected)) {
                return;
            }
            let wishes: Vec<Wish> = first.into_iter().chain(inbox.try_iter()).collect();
            for (place, whys) in by_place(wishes, clerk.due()) {
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

/// What came together, one look for each place; also for those where a last look is due.
fn by_place(wishes: Vec<Wish>, due: Vec<Place>) -> Vec<(Place, Vec<Why>)> {
    let mut places: Vec<(Place, Vec<Why>)> = Vec::new();
    let wishes = wishes.into_iter().map(|Wish { place, why }| (place, Some(why)));
    for (place, why) in wishes.chain(due.into_iter().map(|place| (place, None))) {
        match places.iter_mut().find(|(other, _)| other.worktree == place.worktree) {
            Some((_, whys)) => whys.extend(why),
            None => places.push((place, why.into_iter().collect())),
        }
    }
    places
}
