//! From paths that settled to observations: read, compare with what was last seen, pair renames, ask git, hand over.

use std::time::{Duration, SystemTime};

use codi2_protocol::Digest;

use super::at_work::Git;
use super::engine::{Engine, Seen};
use super::moves::{Departed, Departures};
use crate::git::{Explainer, Found, Oid, Writing};
use crate::observe::{Cause, Content, GitExplanation, Observation, WatchEvent};
use crate::read::{Reading, Stamp, read};
use crate::rules::Rule;
use crate::settle::Waiting;

/// A page of observations: at most so many files.
const PAGE_FILES: usize = 256;
/// A page of observations: at most about so many bytes of content.
const PAGE_BYTES: u64 = 1 << 20;

/// How long after a report without explanation git may still begin to explain it: a command of git may pause between
/// two steps for longer than closes a window.
const UNSURE: Duration = Duration::from_millis(500);
const UNSURE_PATHS: usize = 4_096;
/// Paths that others read before anything was seen there, at most: each is soon judged, or gone.
const ONLY_READ: usize = 4_096;
/// A path that is gone tells no time; git may have taken it so long before its event came.
const GONE_BEFORE: Duration = Duration::from_millis(500);

/// Observations on their way out, in pages, git's operations first.
struct Pages {
    page: Vec<Observation>,
    bytes: u64,
    scan: bool,
}

impl Pages {
    fn push(&mut self, observation: Observation) -> bool {
        self.bytes += observation.content.size();
        self.page.push(observation);
        self.page.len() >= PAGE_FILES || self.bytes >= PAGE_BYTES
    }

    fn take(&mut self) -> Option<WatchEvent> {
        self.bytes = 0;
        let page = std::mem::take(&mut self.page);
        if page.is_empty() {
            return None;
        }
        Some(if self.scan { WatchEvent::Scan(page) } else { WatchEvent::Observed(page) })
    }
}

/// Why a batch is judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Batch {
    /// Its paths settled; those that are gone may wait a little longer for their new names.
    Settled,
    /// It waited long enough.
    Forced,
    /// Git just finished something, and its operations are reported first.
    Closing,
}

impl Engine {
    /// The first look at everything.
    pub(super) fn first_scan(&mut self) {
        let mut pages = Pages { page: Vec::new(), bytes: 0, scan: true };
        let mut files = 0;
        for path in self.walk("") {
            if self.shared.stopping() {
                return;
            }
            match self.shared.rules.file(&path, &self.index) {
                Rule::Ignore => continue,
                Rule::Private => {
                    let stamp = self.stamp(&path);
                    self.private.insert(path, stamp);
                    continue;
                }
                Rule::Watch => {}
            }
            let Some(reading) = self.read_path(&path) else { continue };
            let Some(digest) = reading.content.digest() else { continue };
            self.remember(&path, digest, &reading);
            let blob = self.clean(&path, &reading);
            files += 1;
            let full = pages.push(Observation {
                path,
                from: None,
                content: reading.content,
                git: None,
                blob,
                written: reading.written,
                cause: Cause::Scan,
                at_ms: reading.at_ms,
            });
            if full && let Some(event) = pages.take() {
                self.send(event);
            }
        }
        if let Some(event) = pages.take() {
            self.send(event);
        }
        self.rest();
        self.send(WatchEvent::ScanDone { files });
    }

    /// Judges a batch.
    pub(super) fn judge(&mut self, batch: Vec<(String, Waiting)>, why: Batch) {
        let closing = why == Batch::Closing;
        if batch.is_empty() && !closing {
            return;
        }
        let mut named = !closing || self.explain_held(true);
        let mut pages = Pages { page: Vec::new(), bytes: 0, scan: false };
        let (mut departed, present) = self.part(batch, why);
        if present.iter().any(|(path, _)| !self.seen.contains_key(path)) {
            departed.extend(self.pending_departures());
        }
        let mut departed = Departures::new(departed);
        for (path, mut waiting) in present {
            let Some(reading) = self.read_path(&path) else { continue };
            let Some(digest) = reading.content.digest() else { continue };
            let last = self.seen.get(&path).copied();
            waiting.arrived |= last.is_none();
            let read_past = self.shared.take_read(&path);
            let same = last.is_some_and(|seen| seen.digest == digest) && !read_past;
            let from = match last {
                None => self.came_from(&path, digest, &reading, &mut departed),
                Some(_) => None,
            };
            self.remember(&path, digest, &reading);
            let asked = waiting.cause == Cause::Asked;
            if same && !asked && !waiting.late {
                continue;
            }
            let git = self.explain(&path, &reading, &waiting);
            if same && !asked && git.is_none() {
                continue;
            }
            let passed = if git.is_none() { self.passed(&path, &reading) } else { None };
            if git.is_none() && !same {
                self.keep_unsure(&path, waiting);
                self.hold(&path, reading.clone());
            }
            if !named {
                named = self.name(git.as_ref().map(|git| git.operation.as_str()));
            }
            let blob = self.clean(&path, &reading);
            let Reading { content, written, at_ms, .. } = reading;
            let (cause, git) = (waiting.cause, git.or(passed));
            self.hand_over(&mut pages, Observation { path, from, content, git, blob, written, cause, at_ms });
        }
        for (gone, paired) in departed.into_pairs() {
            if gone.pending {
                if paired {
                    self.settle.take_path(&gone.path);
                    self.forget(&gone.path);
                }
                continue;
            }
            self.forget(&gone.path);
            if paired {
                continue;
            }
            if let Some(arrived) = self.went_to(&gone) {
                if !named {
                    named = self.name(arrived.git.as_ref().map(|git| git.operation.as_str()));
                }
                self.hand_over(&mut pages, arrived);
                continue;
            }
            let git = self.explain(&gone.path, &Reading::gone(gone.at_ms), &gone.waiting);
            if git.is_none() {
                if gone.seen.is_none() {
                    continue;
                }
                self.keep_unsure(&gone.path, gone.waiting);
            }
            if !named {
                named = self.name(git.as_ref().map(|git| git.operation.as_str()));
            }
            let (path, cause, at_ms) = (gone.path, gone.waiting.cause, gone.at_ms);
            self.hand_over(&mut pages, Observation { git, ..Observation::gone(path, cause, at_ms) });
        }
        if !named
            && let Some(git) = &self.git
            && let Some((before, moved)) = git.history.last_step()
        {
            for operation in moved.operations(before, git.history.latest(), Some(None)).unwrap_or_default() {
                self.send(WatchEvent::Git(operation));
            }
        }
        if let Some(event) = pages.take() {
            self.send(event);
        }
        self.rest();
    }

    fn hand_over(&self, pages: &mut Pages, observation: Observation) {
        if pages.push(observation)
            && let Some(event) = pages.take()
        {
            self.send(event);
        }
    }

    fn keep_unsure(&mut self, path: &str, waiting: Waiting) {
        if self.git.is_some() && self.unsure.len() < UNSURE_PATHS {
            let waiting = Waiting { late: true, ..waiting };
            self.unsure.insert(path.to_owned(), (waiting, self.now() + self.unsure_for()));
        }
    }

    /// How long what git does not explain now may still be explained.
    pub(super) fn unsure_for(&self) -> Duration {
        UNSURE + Duration::from_millis(if self.folders.polls() { self.shared.options.poll_ms } else { 0 })
    }

    /// Sends git's operations if their names are known now. `explained` is the first explanation found, if any.
    pub(super) fn name(&self, explained: Option<&str>) -> bool {
        let Some(git) = &self.git else { return true };
        let Some((before, moved)) = git.history.last_step() else { return true };
        let Some(operations) = moved.operations(before, git.history.latest(), explained.map(Some)) else {
            return false;
        };
        for operation in operations {
            self.send(WatchEvent::Git(operation));
        }
        true
    }

    /// Parts a batch into files that were seen and are gone, and files that are there. Private files are told of and
    /// dropped; files never seen and not there are nothing.
    fn part(&mut self, batch: Vec<(String, Waiting)>, why: Batch) -> (Vec<Departed>, Vec<(String, Waiting)>) {
        let (mut departed, mut present) = (Vec::new(), Vec::new());
        for (path, waiting) in batch {
            match self.shared.rules.file(&path, &self.index) {
                Rule::Ignore => continue,
                Rule::Private => {
                    let stamp = self.stamp(&path);
                    if self.private.get(&path).copied().flatten() != stamp {
                        self.private.insert(path.clone(), stamp);
                        self.send(WatchEvent::Private(path));
                    }
                    continue;
                }
                Rule::Watch => {}
            }
            let file = self
                .folders
                .full(&path)
                .and_then(|full| std::fs::symlink_metadata(full).ok())
                .is_some_and(|meta| meta.is_file());
            match (file, self.last_of(&path)) {
                (true, _) => present.push((path, waiting)),
                (false, Some(_)) if why == Batch::Settled && !waiting.departing => self.settle.depart(path, waiting),
                (false, Some(seen)) => {
                    let (seen, at_ms) = (Some(seen), self.shared.clock.now_ms());
                    departed.push(Departed { seen, path, waiting, at_ms, pending: false });
                }
                (false, None) if waiting.cause == Cause::Asked => {
                    let at_ms = self.shared.clock.now_ms();
                    self.send(WatchEvent::Observed(vec![Observation::gone(path, Cause::Asked, at_ms)]));
                }
                (false, None) if waiting.late => {
                    let at_ms = self.shared.clock.now_ms();
                    departed.push(Departed { seen: None, path, waiting, at_ms, pending: false });
                }
                (false, None) => {}
            }
        }
        (departed, present)
    }

    pub(super) fn explain(&mut self, path: &str, reading: &Reading, waiting: &Waiting) -> Option<GitExplanation> {
        let last_heard = self.clock(waiting.last);
        let after = self.git.as_ref()?.history.latest();
        let changed = self.changed(reading);
        let writing = match changed {
            // Written again since the events that the lock speaks for: those say nothing about this content.
            Some(written) if waiting.under_lock && written <= last_heard => {
                if after.indexed.is_some_and(|indexed| written <= indexed) {
                    Writing::Indexed
                } else {
                    Writing::UnderLock
                }
            }
            _ => Writing::Free,
        };
        let oldest = self.git.as_ref()?.history.since_when();
        if reading.written.is_some() && (!waiting.arrived || changed >= Some(oldest)) {
            return self.explain_written(path, reading, writing);
        }
        // It went or came along with its folder: what counts is when that was.
        let heard = self.clock(waiting.first);
        [heard, (heard - GONE_BEFORE).max(oldest)]
            .into_iter()
            .find_map(|at| self.explain_since(at, path, reading, writing))
    }

    /// Explains a file that is there, or was, by what git did since it was written.
    pub(super) fn explain_written(
        &mut self,
        path: &str,
        reading: &Reading,
        writing: Writing,
    ) -> Option<GitExplanation> {
        self.explain_since(self.changed(reading)?, path, reading, writing)
    }

    fn explain_since(
        &mut self,
        at: SystemTime,
        path: &str,
        reading: &Reading,
        writing: Writing,
    ) -> Option<GitExplanation> {
        let written = self.changed(reading);
        self.explainer(at, |mut git| git.explain(path, found(reading), written, writing))
    }

    /// What git may have put at a path before somebody wrote what stands there.
    fn passed(&mut self, path: &str, reading: &Reading) -> Option<GitExplanation> {
        let written = self.changed(reading)?;
        self.explainer(written, |mut git| git.passed(path, found(reading)))
    }

    fn explainer<T>(&mut self, at: SystemTime, ask: impl FnOnce(Explainer<'_>) -> Option<T>) -> Option<T> {
        let clock = &self.shared.clock;
        let Git { view, history } = self.git.as_mut()?;
        let (before, moved, own) = history.before(at)?;
        let after = history.latest();
        ask(Explainer { view, clock, before, after, moved: &moved, own })
    }

    pub(super) fn clean(&mut self, path: &str, reading: &Reading) -> Option<Oid> {
        let git = self.git.as_mut()?;
        Explainer::clean(&mut git.view, git.history.latest(), path, found(reading))
    }

    pub(super) fn rest(&mut self) {
        if let Some(git) = &mut self.git {
            git.view.rest();
        }
    }

    pub(super) fn read_path(&self, path: &str) -> Option<Reading> {
        match read(self.root(), path, self.shared.options.max_file_bytes, &self.shared.clock) {
            Ok(reading) => Some(reading),
            Err(error) => {
                tracing::debug!(path, %error, "not read");
                None
            }
        }
    }

    /// Another thread read a path and knows what lay there.
    pub(super) fn note_read(&mut self, path: &str, reading: &Reading) {
        let (Some(digest), Some(stamp)) = (reading.content.digest(), reading.stamp) else { return };
        if !self.seen.contains_key(path) && self.only_read.len() < ONLY_READ {
            self.only_read.insert(path.to_owned(), Seen { digest, stamp, young: true });
        }
    }

    /// What was last seen at a path, by this thread or another.
    pub(super) fn last_of(&self, path: &str) -> Option<Seen> {
        self.seen.get(path).or_else(|| self.only_read.get(path)).copied()
    }

    pub(super) fn forget(&mut self, path: &str) {
        self.seen.remove(path);
        self.only_read.remove(path);
    }

    fn remember(&mut self, path: &str, digest: Digest, reading: &Reading) {
        self.only_read.remove(path);
        if let Some(stamp) = reading.stamp {
            let young = stamp.is_fresh(SystemTime::now());
            self.seen.insert(path.to_owned(), Seen { digest, stamp, young });
        }
    }

    fn stamp(&self, path: &str) -> Option<Stamp> {
        self.folders.full(path).and_then(|full| Stamp::of(&full))
    }
}

fn found(reading: &Reading) -> Found<'_> {
    match (&reading.content, &reading.raw) {
        (Content::Gone, _) => Found::Gone,
        (_, Some(raw)) => Found::Bytes(raw),
        (content, None) => Found::Large(content.size()),
    }
}
