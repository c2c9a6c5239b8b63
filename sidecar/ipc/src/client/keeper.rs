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
/// Facts that wait for a disk that hangs, at most, unless one rewrite alone has more; then they are in memory only,
/// until the spool can be written anew.
const WAITING_FACTS: u64 = 4_096;

#[derive(Debug)]
pub(super) enum Job {
    Append(Vec<Arc<Numbered>>),
    Rewrite(Vec<Arc<Numbered>>),
    Clear,
    /// Bring everything to the disk and say whether all of it is there.
    Sync(oneshot::Sender<bool>),
}

impl Job {
    /// How many facts it holds on to.
    fn facts(&self) -> u64 {
        match self {
            Self::Append(facts) | Self::Rewrite(facts) => facts.len() as u64,
            Self::Clear | Self::Sync(_) => 0,
        }
    }
}

/// The handle; the thread ends with it, after the jobs given so far.
#[derive(Debug)]
pub(super) struct Keeper {
    jobs: mpsc::Sender<Job>,
    shown: Arc<Shown>,
    /// Whether an append was refused: only a rewrite makes the spool whole again.
    torn: bool,
}

/// What the thread shows of itself.
#[derive(Debug, Default)]
struct Shown {
    /// Bytes of the spool.
    bytes: AtomicU64,
    /// Facts of the jobs that are not done.
    waiting: AtomicU64,
}

impl Keeper {
    /// Starts the thread. What goes wrong is sent to `problems`, in words.
    pub(super) fn start(
        places: Places,
        producer: ProducerId,
        problems: UnboundedSender<String>,
    ) -> std::io::Result<Self> {
        let (jobs, inbox) = mpsc::channel();
        let shown = Arc::<Shown>::default();
        let theirs = Arc::clone(&shown);
        std::thread::Builder::new().name("codi2-spool".into()).spawn(move || {
            let spool = SpoolFile::new(&places, producer);
            run(&places, spool, &inbox, &problems, &theirs);
        })?;
        Ok(Self { jobs, shown, torn: false })
    }

    /// Hands a job over; `false`: too much waits for the disk already, and the spool is not whole.
    pub(super) fn give(&mut self, job: Job) -> bool {
        let (facts, waiting) = (job.facts(), self.shown.waiting.load(Ordering::Relaxed));
        let is_torn = self.torn && matches!(job, Job::Append(_) | Job::Sync(_));
        if is_torn || (facts > 0 && waiting > 0 && waiting + facts > WAITING_FACTS) {
            self.torn = true;
            return false;
        }
        if !matches!(job, Job::Append(_) | Job::Sync(_)) {
            self.torn = false;
        }
        self.shown.waiting.fetch_add(facts, Ordering::Relaxed);
        // The thread ends only with this handle.
        let _ = self.jobs.send(job);
        true
    }

    pub(super) fn bytes(&self) -> u64 {
        self.shown.bytes.load(Ordering::Relaxed)
    }
}

fn run(
    places: &Places,
    mut spool: SpoolFile,
    inbox: &mpsc::Receiver<Job>,
    problems: &UnboundedSender<String>,
    shown: &Shown,
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
        shown.bytes.store(spool.bytes(), Ordering::Relaxed);
        shown.waiting.fetch_sub(job.as_ref().map_or(0, Job::facts), Ordering::Relaxed);
        if let Some(Job::Sync(tell)) = job {
            let _ = tell.send(whole && done.is_ok());
        }
    }
    let _ = spool.sync();
}

#[cfg(test)]
mod tests {
    use codi2_protocol::Fact;

    use super::*;

    /// A disk that hangs is a thread that takes no job: what waits for it stays bounded, and nothing is appended over
    /// a hole.
    #[test]
    fn a_disk_that_hangs_holds_only_so_many_facts() {
        let (jobs, inbox) = mpsc::channel();
        let mut keeper = Keeper { jobs, shown: Arc::default(), torn: false };
        let fact = |seq| {
            let fact = Fact::SessionEnded { reason: String::new() };
            Arc::new(Numbered { seq, occurred_ms: 0, session: None, fact })
        };
        let given = (1..=3 * WAITING_FACTS).filter(|seq| keeper.give(Job::Append(vec![fact(*seq)]))).count() as u64;
        assert_eq!(given, WAITING_FACTS);
        assert!(!keeper.give(Job::Rewrite((0..10).map(fact).collect())), "no room for that either");
        // The disk moves again, but what it lacks must not be jumped over.
        keeper.shown.waiting.store(0, Ordering::Relaxed);
        assert!(!keeper.give(Job::Append(vec![fact(9)])));
        assert!(keeper.give(Job::Rewrite((0..2 * WAITING_FACTS).map(fact).collect())), "a rewrite alone may be long");
        assert!(!keeper.give(Job::Append(vec![fact(10)])));
        assert!(keeper.give(Job::Clear));
        drop(keeper);
        assert_eq!(inbox.iter().count() as u64, WAITING_FACTS + 2);
    }
}
