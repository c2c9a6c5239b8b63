//! The core's thread: feeds it inputs in order, orders its writes, hands out what it wants sent.

use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::{SystemTime, UNIX_EPOCH};

use codi2_protocol::{HubError, Notice, ProducerId, Reply};
use codi2_store::Store;
use codi2_workspace::WatchOptions;
use tokio::sync::OwnedSemaphorePermit;

use crate::core::{Core, Effect, Input, Ticket};
use crate::world::World;
use crate::writer::Order;

/// Watch events that wait for the core, at most; then the watches wait.
const WAITING_WATCH_EVENTS: usize = 32;

/// What leaves the core for a client.
#[derive(Debug)]
pub enum Output {
    /// An answer.
    Reply(Ticket, Result<Reply, HubError>),
    /// News for a producer.
    Notify(ProducerId, Notice),
}

enum Message {
    Input(Box<Input>, Option<OwnedSemaphorePermit>),
    /// From a watch, which waits for its turn.
    Watched(Box<Input>),
    /// Told when everything that came before is durable.
    Barrier(Box<dyn FnOnce() + Send>),
    End,
}

/// A handle on the core's thread.
#[derive(Clone)]
pub struct Engine {
    messages: Sender<Message>,
    problems: Arc<Mutex<Vec<String>>>,
}

/// The thread itself.
pub struct EngineThread(JoinHandle<()>);

impl Engine {
    /// Starts the core over a store.
    ///
    /// # Errors
    /// Where the system has no thread left.
    pub fn start(
        mut core: Core,
        store: Arc<Store>,
        options: WatchOptions,
        orders: Sender<Order>,
        output: impl Fn(Output) + Send + 'static,
    ) -> std::io::Result<(Self, EngineThread)> {
        let (messages, inbox) = channel();
        let (turns, taken) = sync_channel::<()>(WAITING_WATCH_EVENTS);
        let sink = watch_sink(messages.clone(), turns);
        let mut world = World::new(store, options, sink);
        let run = move || run(&mut core, &mut world, &inbox, &taken, &orders, &output);
        let thread = std::thread::Builder::new().name("codi2-core".into()).spawn(run)?;
        let engine = Self { messages, problems: Arc::default() };
        Ok((engine, EngineThread(thread)))
    }

    /// Gives the core an input; `permit` is freed when it has been taken.
    pub fn tell(&self, input: Input, permit: Option<OwnedSemaphorePermit>) {
        // A core that is gone has ended the hub.
        let _ = self.messages.send(Message::Input(Box::new(input), permit));
    }

    /// Says when everything told so far is durable.
    pub fn barrier(&self, tell: impl FnOnce() + Send + 'static) {
        let _ = self.messages.send(Message::Barrier(Box::new(tell)));
    }

    /// Ends the core once it has taken what was told.
    pub fn end(&self) {
        let _ = self.messages.send(Message::End);
    }

    /// Notes something that is wrong, for the status.
    pub fn note_problem(&self, problem: String) {
        let mut problems = self.problems.lock().unwrap_or_else(PoisonError::into_inner);
        if problems.len() < 20 && !problems.contains(&problem) {
            problems.push(problem);
        }
    }

    /// What is wrong.
    pub fn problems(&self) -> Vec<String> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone()
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

fn watch_sink(messages: Sender<Message>, turns: SyncSender<()>) -> crate::world::Sink {
    let messages = Mutex::new(messages);
    Arc::new(move |worktree, event| {
        if turns.send(()).is_ok() {
            let messages = messages.lock().unwrap_or_else(PoisonError::into_inner);
            let _ = messages.send(Message::Watched(Box::new(Input::Watched(worktree, event))));
        }
    })
}

fn run(
    core: &mut Core,
    world: &mut World,
    inbox: &Receiver<Message>,
    turns: &Receiver<()>,
    orders: &Sender<Order>,
    output: &dyn Fn(Output),
) {
    while let Ok(message) = inbox.recv() {
        let (input, _permit) = match message {
            Message::Input(input, permit) => (input, permit),
            Message::Watched(input) => {
                let _ = turns.try_recv();
                (input, None)
            }
            Message::Barrier(tell) => {
                let _ = orders.send(Order::Barrier(tell));
                continue;
            }
            Message::End => return,
        };
        for effect in core.on(*input, now_ms(), world) {
            match effect {
                Effect::Commit(entry) => {
                    let _ = orders.send(Order::Write(Box::new(entry)));
                }
                Effect::Reply(ticket, answer) => output(Output::Reply(ticket, answer)),
                Effect::Notify(producer, notice) => output(Output::Notify(producer, notice)),
            }
        }
    }
}

/// Now, in ms since the Unix epoch.
pub fn now_ms() -> u64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    u64::try_from(since.as_millis()).unwrap_or(u64::MAX)
}
