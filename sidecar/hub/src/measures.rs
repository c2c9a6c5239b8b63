//! What the hub measures of itself, all the time: latencies of its road, sizes of its queues, what was lost.
//!
//! One value shared by the threads; recording is an atomic addition. `codi2 stats --internal` shows it. Absent on
//! purpose: anything about files, people or texts.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use codi2_histogram::Histogram;
use codi2_protocol::{Count, Measured, ProcessStats};

/// Shared by the threads of one hub.
pub type Measures = Arc<All>;

/// Everything measured.
#[derive(Debug, Default)]
pub struct All {
    /// From a fact's arrival at the hub to its being durable.
    pub durable: Histogram,
    /// The core's turn for one report of facts: decisions included.
    pub decide: Histogram,
    /// The core's turn for one thing that it was told or asked, whatever that is: all others wait so long.
    pub turn: Histogram,
    /// The core's questions to git, on its thread.
    pub git: Git,
    /// From a watch's telling to the event's being durable.
    pub watched: Histogram,
    /// From a hook's arrival to its answer.
    pub hook: Histogram,
    /// One transaction of the log, its sync included.
    pub commit: Histogram,
    /// Entries in one transaction.
    pub entries: Histogram,
    /// Inputs that wait for the core.
    pub core_queue: Gauge,
    /// Orders that wait for the writer.
    pub writer_queue: Gauge,
    /// Gaps that producers told of.
    pub gaps: Gauge,
    /// Facts that those gaps lack.
    pub gap_facts: Gauge,
    /// Events that could not be stored as they were.
    pub refused: Gauge,
}

/// What the core asks git, by what it asks for.
#[derive(Debug, Default)]
pub struct Git {
    /// The text that a file had, where the hub let go of it.
    pub blob: Asked,
    /// Earlier contents of a path.
    pub earlier: Asked,
    /// What others' commits brought to a path.
    pub foreign: Asked,
    /// The file as the index has it.
    pub indexed: Asked,
}

/// Questions of one kind.
#[derive(Debug, Default)]
pub struct Asked {
    each: Histogram,
    /// All of them together, in µs.
    all_us: Gauge,
}

impl Asked {
    /// Counts one that took so long.
    pub fn took(&self, time: Duration) {
        self.each.took(time);
        self.all_us.add(u64::try_from(time.as_micros()).unwrap_or(u64::MAX));
    }
}

/// A number that grows and, where it is a size, shrinks.
#[derive(Debug, Default)]
pub struct Gauge(AtomicU64);

impl Gauge {
    /// So many more.
    pub fn add(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// One less.
    pub fn leave(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }

    fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl All {
    /// As a process tells it; `more` are counts that others know.
    pub fn stats(&self, more: impl IntoIterator<Item = (&'static str, u64)>) -> ProcessStats {
        let count = |(name, value): (&str, u64)| Count { name: name.to_owned(), value };
        let own = [
            ("core_queue", self.core_queue.get()),
            ("writer_queue", self.writer_queue.get()),
            ("gaps", self.gaps.get()),
            ("gap_facts", self.gap_facts.get()),
            ("refused", self.refused.get()),
            ("git_blob_us", self.git.blob.all_us.get()),
            ("git_earlier_us", self.git.earlier.all_us.get()),
            ("git_foreign_us", self.git.foreign.all_us.get()),
            ("git_indexed_us", self.git.indexed.all_us.get()),
        ];
        let measured: Vec<Measured> = vec![
            self.durable.measured("durable", "ns"),
            self.decide.measured("decide", "ns"),
            self.turn.measured("turn", "ns"),
            self.git.blob.each.measured("git_blob", "ns"),
            self.git.earlier.each.measured("git_earlier", "ns"),
            self.git.foreign.each.measured("git_foreign", "ns"),
            self.git.indexed.each.measured("git_indexed", "ns"),
            self.watched.measured("watched", "ns"),
            self.hook.measured("hook", "ns"),
            self.commit.measured("commit", "ns"),
            self.entries.measured("commit_entries", "entries"),
        ];
        ProcessStats {
            part: "hub".to_owned(),
            pid: std::process::id(),
            measured,
            counts: own.into_iter().chain(more).map(count).collect(),
        }
    }
}
