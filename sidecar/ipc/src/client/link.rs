//! The client's connection: reaching the hub, and the two tasks that read and write.

use codi2_protocol::Hello;
use tokio::io::{AsyncWriteExt, BufReader};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::connect::{GREETING, connect, connect_blocking};
use crate::frame::{self, FromHub};
use crate::places::Places;
use crate::start::{ReachError, SpawnSpec, until_connected};
use crate::stream::Half;

/// Frames between the client's loop and the socket, each way.
const QUEUE: usize = 8;

/// A connection that stands. Dropping it ends its tasks and closes it.
pub(super) struct Link {
    pub(super) out: mpsc::Sender<Vec<u8>>,
    pub(super) from: mpsc::Receiver<Result<FromHub, String>>,
    tasks: [JoinHandle<()>; 2],
    pub(super) since: Instant,
}

impl Link {
    /// Starts the tasks of a connection that was greeted.
    pub(super) fn open(half: Half) -> Self {
        let (out, waiting) = mpsc::channel(QUEUE);
        let (heard, from) = mpsc::channel(QUEUE);
        let tasks = [tokio::spawn(write(half.clone(), waiting)), tokio::spawn(read(half, heard))];
        Self { out, from, tasks, since: Instant::now() }
    }
}

impl Drop for Link {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// Connects and greets, starting a hub where there is none and `start` says how.
pub(super) async fn reach(places: Places, start: Option<SpawnSpec>, ours: Hello) -> Result<(Half, Hello), ReachError> {
    match (connect(&places, &ours).await, start) {
        (Err(error), Some(spec)) if error.is_absent() => {
            let probe = Hello { producer: None, ..ours.clone() };
            let (at, pause) = (places.clone(), GREETING);
            let started = tokio::task::spawn_blocking(move || {
                until_connected(&at, &spec, || connect_blocking(&at, &probe, pause))
            });
            match started.await {
                Ok(reached) => drop(reached?),
                Err(error) => tracing::warn!(%error, "starting the hub broke off"),
            }
            Ok(connect(&places, &ours).await?)
        }
        (reached, _) => Ok(reached?),
    }
}

async fn write(mut half: Half, mut waiting: mpsc::Receiver<Vec<u8>>) {
    while let Some(bytes) = waiting.recv().await {
        if let Err(error) = half.write_all(&bytes).await {
            return tracing::debug!(%error, "the hub takes no more");
        }
    }
}

async fn read(half: Half, heard: mpsc::Sender<Result<FromHub, String>>) {
    let mut stream = BufReader::new(half);
    loop {
        let frame = match frame::read(&mut stream).await {
            Ok(None) => return,
            Ok(Some(body)) => frame::decode_from_hub(&body).map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        let is_last = frame.is_err();
        if heard.send(frame).await.is_err() || is_last {
            return;
        }
    }
}
