//! From paths that settled to observations: read, compare with what was last seen, pair renames, ask git, hand over.

use std::collections::BTreeMap;
use std::time::SystemTime;

use codi2_protocol::Digest;

use super::engine::{Engine, Git, Seen};
use crate::git::{Explainer, Found, Movement, State, Writing};
use crate::observe::{Cause, Content, Observation, WatchEvent};
use crate::read::{Reading, Stamp, read};
use crate::rules::Rule;
use crate::settle::Waiting;

/// A page of observations: at most so many files.
const PAGE_FILES: usize = 256;
/// A page of observations: at most about so many bytes of content.
const PAGE_BYTES: u64 = 4 << 20;

/// What git did: the state before, what moved, and whether it was this worktree's git.
type Moved = (State, Movement, bool);

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

/// A path that is gone, with what was last seen of it.
struct Departed {
    path: String,
    seen: Seen,
    waiting: Waiting,
    at_ms: u64,
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
            let clean = self.clean(&path, &reading);
            files += 1;
            let full = pages.push(Observation {
                path,
                from: None,
                content: reading.content,
                git: None,
                clean,
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

    /// Judges a batch. `moved` is what git did while the batch waited; `open` says that git is still at work, so what
    /// cannot be explained now is judged again later.
    pub(super) fn judge(&mut self, batch: Vec<(String, Waiting)>, moved: Option<Moved>, open: bool) {
        if batch.is_empty() && moved.is_none() {
            return;
        }
        let mut named = moved.is_none();
        let mut pages = Pages { page: Vec::new(), bytes: 0, scan: false };
        let (mut departed, present) = self.part(batch);
        let mut arrivals = BTreeMap::new();
        for (index, gone) in departed.iter().enumerate() {
            arrivals.entry(gone.seen.digest).or_insert_with(Vec::new).push(index);
        }
        let mut paired = vec![false; departed.len()];
        for (path, waiting) in present {
            let Some(reading) = self.read_path(&path) else { continue };
            let Some(digest) = reading.content.digest() else { continue };
            let last = self.seen.get(&path).copied();
            let same = last.is_some_and(|seen| seen.digest == digest);
            let late = same && waiting.late && waiting.cause != Cause::Asked;
            let from = if last.is_none() {
                self.pair(&path, digest, &reading, &departed, &mut paired, &arrivals)
            } else {
                None
            };
            self.remember(&path, digest, &reading);
            if same && waiting.cause != Cause::Asked && !late {
                continue;
            }
            let git = self.explain(&path, &reading, &waiting, moved.as_ref());
            if late && git.is_none() {
                continue;
            }
            let clean = self.clean(&path, &reading);
            if open && git.is_none() {
                self.unsure.insert(path.clone(), Waiting { late: true, ..waiting });
            }
            if !named {
                let explained = git.as_ref().map(|git| git.operation.as_str());
                named = self.name(moved.as_ref(), explained);
            }
            let cause = waiting.cause;
            let full = pages.push(Observation {
                path,
                from,
                content: reading.content,
                git,
                clean,
                cause,
                at_ms: reading.at_ms,
            });
            if full && let Some(event) = pages.take() {
                self.send(event);
            }
        }
        for (gone, paired) in departed.drain(..).zip(paired) {
            self.seen.remove(&gone.path);
            if paired {
                continue;
            }
            let reading = Reading { content: Content::Gone, raw: None, stamp: None, at_ms: gone.at_ms };
            let git = self.explain(&gone.path, &reading, &gone.waiting, moved.as_ref());
            if !named {
                named = self.name(moved.as_ref(), git.as_ref().map(|git| git.operation.as_str()));
            }
            let cause = gone.waiting.cause;
            let content = Content::Gone;
            let full = pages.push(Observation {
                path: gone.path,
                from: None,
                content,
                git,
                clean: false,
                cause,
                at_ms: gone.at_ms,
            });
            if full && let Some(event) = pages.take() {
                self.send(event);
            }
        }
        if !named && let (Some((before, moved, _)), Some(git)) = (&moved, &self.git) {
            for operation in moved.operations(before, &git.before, Some(None)).unwrap_or_default() {
                self.send(WatchEvent::Git(operation));
            }
        }
        if let Some(event) = pages.take() {
            self.send(event);
        }
        self.rest();
    }

    /// Sends git's operations if their names are known now. `explained` is the first explanation found, if any.
    fn name(&self, moved: Option<&Moved>, explained: Option<&str>) -> bool {
        let (Some((before, moved, _)), Some(git)) = (moved, &self.git) else { return true };
        let Some(operations) = moved.operations(before, &git.before, explained.map(Some)) else { return false };
        for operation in operations {
            self.send(WatchEvent::Git(operation));
        }
        true
    }

    /// Parts a batch into files that were seen and are gone, and files that are there. Private files are told of and
    /// dropped; files never seen and not there are nothing.
    fn part(&mut self, batch: Vec<(String, Waiting)>) -> (Vec<Departed>, Vec<(String, Waiting)>) {
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
            match (file, self.seen.get(&path)) {
                (true, _) => present.push((path, waiting)),
                (false, Some(seen)) => {
                    departed.push(Departed { seen: *seen, path, waiting, at_ms: crate::read::now_ms() });
                }
                (false, None) if waiting.cause == Cause::Asked => {
                    let at_ms = crate::read::now_ms();
                    let content = Content::Gone;
                    let gone =
                        Observation { path, from: None, content, git: None, clean: false, cause: Cause::Asked, at_ms };
                    self.send(WatchEvent::Observed(vec![gone]));
                }
                (false, None) => {}
            }
        }
        (departed, present)
    }

    /// Finds the path that a new file had before: gone in the same batch with equal content. Several candidates: the
    /// same inode first, then the same file name. An empty file needs one of the two.
    fn pair(
        &self,
        path: &str,
        digest: Digest,
        reading: &Reading,
        departed: &[Departed],
        paired: &mut [bool],
        arrivals: &BTreeMap<Digest, Vec<usize>>,
    ) -> Option<String> {
        let name = |path: &str| path.rsplit('/').next().map(str::to_owned);
        let inode = reading.stamp.map(|stamp| stamp.inode);
        let candidates = arrivals.get(&digest)?.iter().copied().filter(|at| !paired[*at]);
        let rank = |at: &usize| {
            let gone = &departed[*at];
            (inode == Some(gone.seen.stamp.inode), name(&gone.path) == name(path))
        };
        let best = candidates.max_by_key(rank)?;
        if reading.content.size() == 0 && rank(&best) == (false, false) {
            return None;
        }
        paired[best] = true;
        Some(departed[best].path.clone())
    }

    fn explain(
        &mut self,
        path: &str,
        reading: &Reading,
        waiting: &Waiting,
        moved: Option<&Moved>,
    ) -> Option<crate::observe::GitExplanation> {
        let (before, moved, own) = moved?;
        if !own {
            return None;
        }
        let Git { view, before: after } = self.git.as_mut()?;
        let writing = if waiting.under_lock { Writing::UnderLock } else { Writing::Free };
        Explainer { view, before, after, moved }.explain(path, found(reading), writing)
    }

    fn clean(&mut self, path: &str, reading: &Reading) -> bool {
        self.git.as_mut().is_some_and(|git| Explainer::clean(&mut git.view, &git.before, path, found(reading)))
    }

    fn rest(&mut self) {
        if let Some(git) = &mut self.git {
            git.view.rest();
        }
    }

    fn read_path(&self, path: &str) -> Option<Reading> {
        match read(self.root(), path, self.shared.options.max_file_bytes) {
            Ok(reading) => Some(reading),
            Err(error) => {
                tracing::debug!(path, %error, "not read");
                None
            }
        }
    }

    fn remember(&mut self, path: &str, digest: Digest, reading: &Reading) {
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
        (_, None) => Found::Large,
    }
}
