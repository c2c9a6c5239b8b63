//! The thread that writes the spool, so that no disk holds up the client's task. It starts with the first need.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::time::Duration;

use codi2_protocol::{Numbered, ProducerId};
use tokio::sync::{mpsc::UnboundedSender, oneshot};

use crate::places::Places;
use crate::spool::SpoolFile;

/// What was appended reaches the disk within this time.
const SYNC: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(super) enum Job {
    Append(Vec<Arc<Numbered>>),
    Rewrite(Vec<Arc<Numbered>>),
    Clear,
    /// Bring everything to the disk and say whether all of it is there.
    Sync(oneshot::Sender<bool>),
}

/// The handle; the thread ends with it, after the jobs given so far.
#[derive(Debug)]
pub(super) struct Keeper {
    jobs: mpsc::Sender<Job>,
    bytes: Arc<AtomicU64>,
}

impl Keeper {
    /// Starts the thread. What goes wrong is sent to `problems`, in words.
    pub(super) fn start(
        places: Places,
        producer: ProducerId,
        problems: UnboundedSender<String>,
    ) -> std::io::Result<Self> {
        let (jobs, inbox) = mpsc::channel();
        let bytes = Arc::new(AtomicU64::new(0));
        let shown = Arc::clone(&bytes);
        std::thread::Builder::new().name("codi2-spool".into()).spawn(move || {
            let spool = SpoolFile::new(&places, producer);
            run(&places, spool, &inbox, &problems, &shown);
        })?;
        Ok(Self { jobs, bytes })
    }

    pub(super) fn give(&self, job: Job) {
        // The thread ends only with this handle.
        let _ = self.jobs.send(job);
    }

    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Ordering::Relaxed)
    }
}

fn run(
    places: &Places,
    mut spool: SpoolFile,
    inbox: &mpsc::Receiver<Job>,
    problems: &UnboundedSender<String>,
    shown: &AtomicU64,
) {
    let (mut dirty, mut whole) = (false, true);
    loop {
        let job = match inbox.recv_timeout(if dirty { SYNC } else { Duration::MAX }) {
            Ok(job) => Some(job),
            Err(RecvTimeoutError::Timeout) => None,
            Err(RecvTimeoutError::Disconnected) => break,
        };
        let prepared = || places.prepare().map_err(std::io::Error::other);
        let done = match &job {
            // After a failure only a whole rewrite mends the file.
            Some(Job::Append(_)) if !whole => Ok(()),
            Some(Job::Append(facts)) => prepared().and_then(|()| spool.append(facts)).map(|()| dirty = true),
            Some(Job::Rewrite(facts)) => prepared().and_then(|()| spool.rewrite(facts)).map(|()| whole = true),
            Some(Job::Clear) => spool.clear().map(|()| whole = true),
            Some(Job::Sync(_)) | None => {
                dirty = false;
                spool.sync()
            }
        };
        if let Err(error) = &done {
            whole = false;
            let _ = problems.send(format!("can't spool to {}: {error}", places.spool().display()));
        }
        shown.store(spool.bytes(), Ordering::Relaxed);
        if let Some(Job::Sync(tell)) = job {
            let _ = tell.send(whole && done.is_ok());
        }
    }
    let _ = spool.sync();
}
