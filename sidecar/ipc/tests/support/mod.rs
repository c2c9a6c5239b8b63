//! A hub as small as it can be: takes facts by the hub's rule, remembers everything, answers a few calls.

#![allow(dead_code, reason = "each test binary uses its own part")]
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "test code")]

pub mod roles;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use codi2_ipc::frame::Incoming;
use codi2_ipc::hooks::Brought;
use codi2_ipc::{HubLock, Listener, Pending, Places, Writer};
use codi2_protocol::{
    Call, ErrorCode, Fact, HookRecord, HubError, HubFrame, HubStatus, Notice, Numbered, ProducerId, Reply,
};
use tokio::task::JoinHandle;

/// Longest wait for a condition; only ever reached by a failure.
pub const LONG: Duration = Duration::from_secs(30);

#[derive(Debug, Default)]
pub struct Kept {
    pub durable: BTreeMap<ProducerId, u64>,
    pub facts: Vec<(ProducerId, Numbered)>,
    pub hooks: Vec<HookRecord>,
    pub told: Vec<Call>,
    pub tails: Vec<Writer>,
}

/// What a hub keeps from one start to the next.
#[derive(Debug, Clone, Default)]
pub struct Store {
    pub kept: Arc<Mutex<Kept>>,
    /// Where facts are written before they are acknowledged: a line of producer, first and last number each.
    pub file: Option<PathBuf>,
}

impl Store {
    /// Reads what an earlier process wrote.
    pub fn open(file: PathBuf) -> Self {
        let store = Self { kept: Arc::default(), file: Some(file.clone()) };
        for line in std::fs::read_to_string(file).unwrap_or_default().lines() {
            let [producer, _, last] = line.split(' ').collect::<Vec<_>>()[..] else { panic!("{line}") };
            store.kept.lock().unwrap().durable.insert(producer.parse().unwrap(), last.parse().unwrap());
        }
        store
    }

    pub fn take(&self, producer: ProducerId, facts: Vec<Numbered>) -> u64 {
        let kept = &mut *self.kept.lock().unwrap();
        let durable = kept.durable.entry(producer).or_default();
        for fact in facts {
            if fact.seq <= *durable {
                continue;
            }
            let first = match &fact.fact {
                Fact::Gap(gap) => gap.first_seq,
                _ => fact.seq,
            };
            assert_eq!(first, *durable + 1, "a hole");
            if let Some(path) = &self.file {
                let mut file = std::fs::File::options().append(true).create(true).open(path).unwrap();
                file.write_all(format!("{producer} {first} {}\n", fact.seq).as_bytes()).unwrap();
            }
            *durable = fact.seq;
            kept.facts.push((producer, fact));
        }
        *durable
    }

    pub fn seqs(&self, producer: ProducerId) -> Vec<u64> {
        let kept = self.kept.lock().unwrap();
        kept.facts.iter().filter(|(id, _)| *id == producer).map(|(_, fact)| fact.seq).collect()
    }

    pub fn told(&self) -> Vec<Call> {
        self.kept.lock().unwrap().told.clone()
    }

    /// Reads dead producers' spools, as a hub does when it starts.
    pub fn drain(&self, places: &Places) {
        for mut spool in codi2_ipc::spool::drain(places, |_| false).unwrap() {
            loop {
                let batch = spool.next_batch().unwrap();
                if batch.is_empty() {
                    break;
                }
                self.take(spool.producer(), batch);
            }
            spool.remove().unwrap();
        }
        for mut hooks in codi2_ipc::hooks::drain(places).unwrap() {
            self.kept.lock().unwrap().hooks.extend(hooks.next_batch().unwrap().into_iter().map(|brought| {
                let Brought::Hook(record) = brought else { panic!("{brought:?}") };
                record
            }));
            hooks.remove().unwrap();
        }
    }
}

/// A hub in this process. Dropping it ends it at once, connections and all.
pub struct TestHub {
    task: JoinHandle<()>,
}

impl TestHub {
    pub fn start(places: &Places, store: &Store) -> Self {
        let mut lock = HubLock::take(places).unwrap();
        store.drain(places);
        let listener = Listener::bind(&mut lock, "test hub", &[]).unwrap();
        let store = store.clone();
        let task = tokio::spawn(async move {
            let _lock = lock;
            serve(&listener, &store).await;
        });
        Self { task }
    }

    /// Ends it and waits until its lock is free.
    pub async fn kill(self) {
        self.task.abort();
        let _ = self.task.await;
    }
}

/// Serves until cancelled.
pub async fn serve(listener: &Listener, store: &Store) {
    let mut tasks = tokio::task::JoinSet::new();
    loop {
        tokio::select! {
            pending = listener.accept() => {
                tasks.spawn(connection(pending.unwrap(), store.clone()));
            }
            Some(ended) = tasks.join_next() => ended.unwrap(),
        }
    }
}

async fn connection(pending: Pending, store: Store) {
    let Ok(greeted) = pending.greet().await else { return };
    let producer = greeted.hello.producer;
    let durable = producer.map(|id| store.kept.lock().unwrap().durable.get(&id).copied().unwrap_or(0));
    let Ok((mut reader, writer)) = greeted.welcome(durable).await else { return };
    while let Ok(Some(incoming)) = reader.next().await {
        let (id, answer) = match incoming {
            Incoming::Unknown { id, method } => (id, Err((ErrorCode::UnknownMethod, method))),
            Incoming::Bad { id, message } => (id, Err((ErrorCode::BadRequest, message))),
            Incoming::Call(frame) => match frame.call {
                Call::Report { facts } => {
                    let seq = store.take(producer.unwrap(), facts);
                    let _ = writer.send(&HubFrame::Notice(Notice::Durable { seq })).await;
                    continue;
                }
                Call::Status => (frame.id, Ok(Reply::Status(Box::new(status(&store))))),
                Call::Tail { .. } => {
                    store.kept.lock().unwrap().tails.push(writer.clone());
                    (frame.id, Ok(Reply::Done))
                }
                Call::Hook(record) => {
                    store.kept.lock().unwrap().hooks.push(record);
                    (frame.id, Ok(Reply::Done))
                }
                // Never answered: what a call does when the connection goes.
                Call::Log { .. } => continue,
                Call::Stop => std::process::exit(0),
                other => {
                    store.kept.lock().unwrap().told.push(other);
                    (frame.id, Ok(Reply::Done))
                }
            },
        };
        let Some(id) = id else { continue };
        let frame = match answer {
            Ok(reply) => HubFrame::Reply { id, reply },
            Err((code, message)) => HubFrame::Error { id: Some(id), error: HubError { code, message } },
        };
        if writer.send(&frame).await.is_err() {
            return;
        }
    }
}

fn status(store: &Store) -> HubStatus {
    HubStatus {
        pid: std::process::id(),
        build: "test hub".into(),
        started_ms: 0,
        store: "memory".into(),
        events: store.kept.lock().unwrap().facts.len() as u64,
        store_bytes: 0,
        reach: None,
        hubs: Vec::new(),
        connections: 0,
        sessions: Vec::new(),
        watches: Vec::new(),
        problems: Vec::new(),
    }
}

pub fn fact(n: u64) -> Fact {
    Fact::SessionEnded { reason: format!("fact {n}") }
}

/// Waits until it holds.
pub async fn until(what: &str, mut holds: impl FnMut() -> bool) {
    let deadline = std::time::Instant::now() + LONG;
    while !holds() {
        assert!(std::time::Instant::now() < deadline, "waited in vain: {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}
