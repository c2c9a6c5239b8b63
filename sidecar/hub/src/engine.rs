//! The core's thread: feeds it inputs in order, orders its writes, hands out what it wants sent.
//!
//! The core waits for the writer where that is far behind; the writer never waits for the core, nor does anybody who
//! tells the core something, except watches and, through their places, connections.

mod desk;

use std::sync::mpsc::{Sender, SyncSender, channel};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread::JoinHandle;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use codi2_protocol::{HubError, Notice, ProducerId, Reply};
use codi2_store::{Store, StoreError};

use self::desk::Desk;
use crate::core::{Asked, Core, Input, Ticket, Told};
use crate::dead::Dead;
use crate::measures::Measures;
use crate::notes::{Door, Troubles};
use crate::server::Place;
use crate::turns::{Turns, bytes_of};
use crate::world::{Ground, World};
use crate::writer::Order;

/// Problems remembered for the status.
const PROBLEMS: usize = 20;

/// What leaves the core for a client.
#[derive(Debug)]
pub enum Output {
    /// An answer.
    Reply(Ticket, Result<Reply, HubError>),
    /// News for a producer.
    Notify(ProducerId, Notice),
}

/// Where goes what the core wants done.
pub struct Outlets {
    /// To the writer.
    pub orders: SyncSender<Order>,
    /// To the thread of notes.
    pub notes: Door,
}

enum Message {
    Input(Box<Input>, Option<Place>, Instant),
    /// From a watch, which waited for its turn: so many bytes of content.
    Watched(Box<Input>, usize, Instant),
    /// Told when everything that came before is durable.
    Barrier(Box<dyn FnOnce() + Send>),
    /// What is known of a committed content, for whoever waits for the answer.
    Asked(Box<Asked>, Sender<Known>),
    /// Take in what the dead left before this hub.
    Begin,
    /// Look for what the dead left since.
    Drain,
    End,
}

/// What the core tells of a committed content; nothing of a private one; an error in words.
type Known = Result<Option<Told>, String>;

/// A handle on the core's thread.
#[derive(Clone)]
pub struct Engine {
    messages: Sender<Message>,
    problems: Problems,
    measures: Measures,
    given_up: Arc<OnceLock<StoreError>>,
    troubles: Troubles,
}

/// The thread itself.
pub struct EngineThread(JoinHandle<()>);

/// What is wrong, for the status.
#[derive(Clone, Default)]
struct Problems(Arc<Mutex<Vec<String>>>);

impl Problems {
    fn note(&self, problem: String) {
        tracing::warn!(problem);
        let mut problems = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if problems.len() < PROBLEMS && !problems.contains(&problem) {
            problems.push(problem);
        }
    }
}

impl Engine {
    /// Starts the core over a store.
    ///
    /// # Errors
    /// Where the system has no thread left.
    pub fn start(
        mut core: Core,
        store: Arc<Store>,
        ground: impl Into<Ground>,
        mut dead: Dead,
        outlets: Outlets,
        measures: Measures,
        output: impl Fn(Output) + Send + Sync + 'static,
    ) -> std::io::Result<(Self, EngineThread)> {
        let (messages, inbox) = channel();
        let turns = Turns::default();
        let sink = watch_sink(messages.clone(), turns.clone(), Measures::clone(&measures));
        let joined = join_sink(messages.clone(), Measures::clone(&measures));
        let measured = Measures::clone(&measures);
        let problems = Problems::default();
        let noted = problems.clone();
        let given_up = Arc::<OnceLock<StoreError>>::default();
        let said = Arc::clone(&given_up);
        let (ground, output) = (ground.into(), Arc::new(output) as Arc<dyn Fn(Output) + Send + Sync>);
        let work = move || {
            let mut world = World::new(Arc::clone(&store), core.host(), ground, sink, joined).measured(&measured);
            // Dropped before the world, also in a panic: a watch that waits for its turn would never end, and dropping
            // the world waits for its watches.
            let _taker = turns.taker();
            let mut desk = Desk {
                core: &mut core,
                world: &mut world,
                outlets: &outlets,
                measures: &measured,
                output: &output,
                problems: noted,
                given_up: &said,
            };
            while let Ok(message) = inbox.recv() {
                measured.core_queue.leave();
                match message {
                    Message::Input(input, place, came) => {
                        desk.take(*input, came);
                        drop(place);
                    }
                    Message::Watched(input, bytes, came) => {
                        turns.leave(bytes);
                        desk.take(*input, came);
                    }
                    Message::Asked(asked, tell) => {
                        // Whoever is gone does not ask any more.
                        let _ = tell.send(desk.ask(&asked));
                    }
                    Message::Barrier(tell) => desk.order(Order::Barrier(tell)),
                    Message::Begin => {
                        desk.take(Input::Begin, Instant::now());
                        desk.drain(&mut dead, &store, true);
                        desk.take(Input::CaughtUp, Instant::now());
                    }
                    Message::Drain => desk.drain(&mut dead, &store, false),
                    Message::End => return,
                }
            }
        };
        let thread = std::thread::Builder::new().name("codi2-core".into()).spawn(work)?;
        let troubles = Troubles::default();
        Ok((Self { messages, problems, measures, given_up, troubles }, EngineThread(thread)))
    }

    /// Gives the core an input; `place` is freed when it has been taken.
    pub fn tell(&self, input: Input, place: Option<Place>) {
        self.send(Message::Input(Box::new(input), place, Instant::now()));
    }

    /// Asks what is known of a committed content and waits for the answer; nothing of a private one.
    ///
    /// # Errors
    /// The store cannot be read, or the core has ended, in words.
    pub fn ask(&self, asked: Asked) -> Result<Option<Told>, String> {
        let (tell, told) = channel();
        self.send(Message::Asked(Box::new(asked), tell));
        told.recv().unwrap_or_else(|_| Err("the hub is ending".into()))
    }

    /// Says when everything told so far is durable; `tell` is dropped where it never will be.
    pub fn barrier(&self, tell: impl FnOnce() + Send + 'static) {
        self.send(Message::Barrier(Box::new(tell)));
    }

    /// Takes in all that earlier hubs, dead producers and hooks left, before anything told later.
    pub fn begin(&self) {
        self.send(Message::Begin);
    }

    /// Takes in what producers and hooks left that died since; some of it, where it is much.
    pub fn drain(&self) {
        self.send(Message::Drain);
    }

    /// Ends the core once it has taken what was told.
    pub fn end(&self) {
        self.send(Message::End);
    }

    fn send(&self, message: Message) {
        self.measures.core_queue.add(1);
        // A core that is gone has ended the hub.
        let _ = self.messages.send(message);
    }

    /// Notes something that is wrong, for the status.
    pub fn note_problem(&self, problem: String) {
        self.problems.note(problem);
    }

    /// Why the store was not waited for any more, where the hub ends while it is away.
    pub fn given_up(&self) -> Option<StoreError> {
        self.given_up.get().cloned()
    }

    /// What is measured of this hub.
    pub fn measures(&self) -> &Measures {
        &self.measures
    }

    /// What is wrong.
    pub fn problems(&self) -> Vec<String> {
        let noted = self.problems.0.lock().unwrap_or_else(PoisonError::into_inner).clone();
        noted.into_iter().chain(self.troubles.now()).collect()
    }

    /// Why notes cannot be written.
    pub fn troubles(&self) -> &Troubles {
        &self.troubles
    }
}

impl EngineThread {
    /// Waits for the core to end.
    pub fn join(self) {
        if self.0.join().is_err() {
            tracing::error!("the core ended in a panic");
        }
    }

    /// Whether the core has ended.
    pub fn is_finished(&self) -> bool {
        self.0.is_finished()
    }
}

fn watch_sink(messages: Sender<Message>, turns: Turns, measures: Measures) -> crate::world::Sink {
    let messages = Mutex::new(messages);
    Arc::new(move |worktree, event| {
        let came = Instant::now();
        let bytes = bytes_of(&event);
        if turns.wait(bytes) {
            measures.core_queue.add(1);
            let messages = messages.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = messages.send(Message::Watched(Box::new(Input::Watched(worktree, event)), bytes, came));
        }
    })
}

fn join_sink(messages: Sender<Message>, measures: Measures) -> crate::world::Joined {
    let messages = Mutex::new(messages);
    Arc::new(move |repository, shared| {
        measures.core_queue.add(1);
        let input = Box::new(Input::Joins(repository, shared));
        let messages = messages.lock().unwrap_or_else(PoisonError::into_inner);
        let _ = messages.send(Message::Input(input, None, Instant::now()));
    })
}

/// Now, in ms since the Unix epoch.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
