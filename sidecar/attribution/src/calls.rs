//! Agents' calls: pairs the hooks before and after an edit, and remembers for a while what each call did to a file.
//!
//! A call is open from its hook before to its hook after. Pairs are found by the tool's own call id where the format
//! has one, else by the path and the hook's parent process. The hub reads each file at both hooks; a finished call is
//! an [`Intent`]: this agent, this file, from these bytes to those.
//!
//! Absent on purpose: judgement (see `disk`), and dedupe of records, which the hub does by their ids.

mod told;

use std::collections::{BTreeMap, VecDeque};

use codi2_protocol::{FileId, HookPhase, HookRecord, WorktreeId};

pub use told::{Effect, Hook, Intent, OpenCall, Reading, Said};

use crate::Moment;

/// How long a call whose hook after never came stays open, in ms.
pub const CALL_MS: u64 = 10 * 60_000;
/// How long a finished call is remembered, in ms.
pub const FINISHED_MS: u64 = 5 * 60_000;
/// How many finished calls are remembered per file.
pub const FINISHED_PER_FILE: usize = 128;
/// How many finished calls are remembered in all; the oldest quarter goes first.
pub const FINISHED_IN_ALL: usize = if cfg!(test) { 400 } else { 16_384 };
/// How many calls may be open at once, all files together; the oldest goes first.
const OPEN_CALLS: usize = 1_024;

/// Who a hook belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Pair {
    format: String,
    /// The tool's own id: of one call and no other.
    call: Option<String>,
    /// What else pairs; two calls at once may share it.
    pair: Option<String>,
    parent: (u32, Option<u64>),
}

impl Pair {
    fn of(record: &HookRecord) -> Self {
        Self {
            format: record.format.clone(),
            call: record.call.clone(),
            pair: record.pair.clone(),
            parent: (record.parent_pid, record.parent_start),
        }
    }

    /// Whether the two hooks belong to one call: its id decides where both have one.
    fn matches(&self, other: &Self) -> bool {
        self.format == other.format
            && match ((&self.call, &other.call), (&self.pair, &other.pair)) {
                ((Some(one), Some(two)), _) | (_, (Some(one), Some(two))) => one == two,
                _ => self.same_process(other),
            }
    }

    /// Whether the two tell of one call for sure: then the second is a repetition.
    fn is_same_call(&self, other: &Self) -> bool {
        self.format == other.format && self.call.is_some() && self.call == other.call
    }

    /// The process id, and its start where both are known: a pid that is used again never pairs.
    fn same_process(&self, other: &Self) -> bool {
        let ((pid, start), (other_pid, other_start)) = (self.parent, other.parent);
        pid == other_pid && (start == other_start || start.is_none() || other_start.is_none())
    }
}

#[derive(Debug, Clone)]
struct Open {
    pair: Pair,
    info: OpenCall,
    /// When the hub heard of it: what it expires by, whatever the producer's clock says.
    heard_ms: u64,
    files: BTreeMap<FileId, Reading>,
    worktree: Option<WorktreeId>,
}

impl Open {
    fn dropped(self) -> Effect {
        Effect::Dropped { call: self.info.call, files: self.files.into_keys().collect() }
    }
}

#[derive(Debug, Clone)]
struct Finished {
    /// Which finished call of the book it is: the higher the newer.
    number: u64,
    pair: Pair,
    heard_ms: u64,
    intent: Intent,
}

/// The book of calls.
#[derive(Debug, Clone, Default)]
pub struct Calls {
    next: u64,
    open: Vec<Open>,
    files: BTreeMap<FileId, VecDeque<Finished>>,
    anywhere: BTreeMap<WorktreeId, VecDeque<Finished>>,
    /// Finished calls in all, and the number of the newest.
    finished: usize,
    newest: u64,
}

impl Calls {
    /// Takes a hook in. One that repeats what another told of the same call (hooks of a person and of a repository are
    /// both called) has no effect.
    pub fn on(&mut self, hook: Hook<'_>, now_ms: u64) -> Vec<Effect> {
        let mut effects = self.expire(now_ms);
        match hook.record.phase {
            HookPhase::Before => self.before(hook, now_ms, &mut effects),
            HookPhase::After | HookPhase::Failed => self.after(hook, now_ms, &mut effects),
            HookPhase::Refused => self.refused(hook.record, &mut effects),
        }
        effects
    }

    /// Forgets what is too old.
    pub fn expire(&mut self, now_ms: u64) -> Vec<Effect> {
        for finished in self.files.values_mut().chain(self.anywhere.values_mut()).flatten() {
            // A clock that was set back makes what it heard before as old as now.
            finished.heard_ms = finished.heard_ms.min(now_ms);
        }
        for open in &mut self.open {
            open.heard_ms = open.heard_ms.min(now_ms);
        }
        self.keep(|finished| now_ms < finished.heard_ms.saturating_add(FINISHED_MS));
        let old = |open: &mut Open| now_ms >= open.heard_ms.saturating_add(CALL_MS);
        self.open.extract_if(.., old).map(Open::dropped).collect()
    }

    fn keep(&mut self, which: impl Fn(&Finished) -> bool) {
        for book in self.files.values_mut().chain(self.anywhere.values_mut()) {
            book.retain(&which);
        }
        self.files.retain(|_, book| !book.is_empty());
        self.anywhere.retain(|_, book| !book.is_empty());
        self.finished = self.files.values().chain(self.anywhere.values()).map(VecDeque::len).sum();
    }

    /// When [`Calls::expire`] has something to do next; absent while the book is empty.
    pub fn deadline(&self) -> Option<u64> {
        let finished = self.files.values().chain(self.anywhere.values()).flatten();
        let finished = finished.map(|finished| finished.heard_ms.saturating_add(FINISHED_MS));
        finished.chain(self.open.iter().map(|open| open.heard_ms.saturating_add(CALL_MS))).min()
    }

    /// The calls that may be writing this file now, in the order they began.
    pub fn open_on(&self, file: &FileId) -> Vec<OpenCall> {
        let covers = |open: &&Open| {
            open.files.contains_key(file) || !open.info.names_path && open.worktree.as_ref() == Some(&file.worktree)
        };
        self.open.iter().filter(covers).map(|open| open.info.clone()).collect()
    }

    /// The finished calls that may have written this file, in the order the hub heard of their end.
    pub fn intents(&self, file: &FileId) -> Vec<Intent> {
        let named = self.files.get(file).into_iter().flatten();
        let anywhere = self.anywhere.get(&file.worktree).into_iter().flatten();
        named.chain(anywhere).map(|finished| finished.intent.clone()).collect()
    }

    fn before(&mut self, hook: Hook<'_>, now_ms: u64, effects: &mut Vec<Effect>) {
        let record = hook.record;
        let pair = Pair::of(record);
        let mut files: BTreeMap<FileId, Reading> = BTreeMap::new();
        // Out of a spool the hook after may have come first. What a file holds now is then not what it held before.
        for (file, reading) in hook.files {
            if self.knows_begin(&pair, Some(file), hook.worktree) {
                continue;
            }
            match self.files.get_mut(file).and_then(|book| complete(book, &pair, record)) {
                Some(intent) => effects.push(Effect::Finished { file: Some(file.clone()), intent }),
                None => {
                    files.insert(file.clone(), *reading);
                }
            }
        }
        let mut late = None;
        let known = record.files.is_empty() && self.knows_begin(&pair, None, hook.worktree);
        if record.files.is_empty() && !known {
            let book = hook.worktree.and_then(|worktree| self.anywhere.get_mut(worktree));
            late = book.and_then(|book| complete(book, &pair, record));
            effects.extend(late.clone().map(|intent| Effect::Finished { file: None, intent }));
        }
        if record.files.is_empty() && late.is_none() && !known || !files.is_empty() {
            if pair.call.is_none() && pair.pair.is_none() {
                self.abandon(&pair, &files, effects);
            }
            self.open_call(hook, pair, files, now_ms, effects);
        }
    }

    /// Whether the beginning of this very call on this file (none: anywhere) was told of already, and perhaps its end.
    fn knows_begin(&self, pair: &Pair, file: Option<&FileId>, worktree: Option<&WorktreeId>) -> bool {
        let covers = |open: &&Open| match file {
            Some(file) => open.files.contains_key(file),
            None => !open.info.names_path && open.worktree.as_ref() == worktree,
        };
        self.open.iter().filter(covers).any(|open| open.pair.is_same_call(pair))
            || self.finished_as(pair, file, worktree).is_some_and(|finished| finished.intent.since.is_some())
    }

    /// The end of this very call, where it was told of.
    fn finished_as(&self, pair: &Pair, file: Option<&FileId>, worktree: Option<&WorktreeId>) -> Option<&Finished> {
        let book = match file {
            Some(file) => self.files.get(file),
            None => self.anywhere.get(worktree?),
        };
        book.into_iter().flatten().find(|finished| finished.pair.is_same_call(pair))
    }

    /// The call that a tool gives up, or all of a session whose turn is over.
    fn refused(&mut self, record: &HookRecord, effects: &mut Vec<Effect>) {
        let pair = Pair::of(record);
        let session = record.actor.as_ref().and_then(|actor| actor.session.as_ref());
        let gone = |open: &mut Open| {
            if pair.call.is_some() || pair.pair.is_some() {
                return open.pair.matches(&pair);
            }
            let its = open.info.actor.as_ref().and_then(|actor| actor.session.as_ref());
            open.pair.format == pair.format && session.is_some() && its == session
        };
        effects.extend(self.open.extract_if(.., gone).map(Open::dropped));
    }

    /// The same process begins again on the same files without ever having ended: the earlier call did not happen
    /// (people refuse calls after the hook before has run).
    fn abandon(&mut self, pair: &Pair, files: &BTreeMap<FileId, Reading>, effects: &mut Vec<Effect>) {
        let gone = |open: &mut Open| {
            if !open.pair.matches(pair) || open.info.names_path == files.is_empty() {
                return false;
            }
            open.files.retain(|file, _| !files.contains_key(file));
            open.files.is_empty()
        };
        effects.extend(self.open.extract_if(.., gone).map(Open::dropped));
    }

    fn open_call(
        &mut self,
        hook: Hook<'_>,
        pair: Pair,
        files: BTreeMap<FileId, Reading>,
        now_ms: u64,
        effects: &mut Vec<Effect>,
    ) {
        if self.open.len() >= OPEN_CALLS {
            effects.push(self.open.remove(0).dropped());
        }
        let (call, record) = (self.number(), hook.record);
        let info = OpenCall {
            call,
            actor: record.actor.clone(),
            format: record.format.clone(),
            pid: record.parent_pid,
            since: hook.at,
            names_path: !files.is_empty(),
        };
        effects.push(Effect::Opened { call: info.clone(), files: files.keys().cloned().collect() });
        self.open.push(Open { pair, info, heard_ms: now_ms, files, worktree: hook.worktree.cloned() });
    }

    fn after(&mut self, hook: Hook<'_>, now_ms: u64, effects: &mut Vec<Effect>) {
        let pair = Pair::of(hook.record);
        let fresh = self.number();
        let mut ended: Vec<u64> = Vec::new();
        for (file, after) in hook.files {
            let open = self.open.iter().rev().find(|open| open.pair.matches(&pair) && open.files.contains_key(file));
            let begun = open.map(|open| (&open.info, open.files[file]));
            let anywhere = || self.open.iter().rev().find(|open| open.pair.matches(&pair) && !open.info.names_path);
            let begun = begun.or_else(|| anywhere().map(|open| (&open.info, Reading::NotRead)));
            if begun.is_none() && self.finished_as(&pair, Some(file), None).is_some() {
                continue;
            }
            let (info, before) = (begun.map(|(info, _)| info), begun.map_or(Reading::NotRead, |(_, before)| before));
            let mut intent = Self::finish(hook, info, fresh, before, *after, true);
            intent.said = hook.said.iter().find(|(of, _)| of == file).map(|(_, said)| said.clone());
            ended.extend(info.map(|info| info.call));
            effects.push(Effect::Finished { file: Some(file.clone()), intent: intent.clone() });
            self.newest += 1;
            let finished = Finished { number: self.newest, pair: pair.clone(), heard_ms: now_ms, intent };
            self.finished += remember(self.files.entry(file.clone()).or_default(), finished);
        }
        if hook.record.files.is_empty() {
            let open = self.open.iter().rev().find(|open| open.pair.matches(&pair));
            if open.is_none() && self.finished_as(&pair, None, hook.worktree).is_some() {
                return;
            }
            let begun = open.map(|open| &open.info);
            let intent = Self::finish(hook, begun, fresh, Reading::NotRead, Reading::NotRead, false);
            ended.extend(open.map(|open| open.info.call));
            effects.push(Effect::Finished { file: None, intent: intent.clone() });
            if let Some(worktree) = hook.worktree {
                let book = self.anywhere.entry(worktree.clone()).or_default();
                self.newest += 1;
                self.finished += remember(book, Finished { number: self.newest, pair, heard_ms: now_ms, intent });
            }
        }
        if self.finished > FINISHED_IN_ALL {
            let last = self.newest - (FINISHED_IN_ALL / 4 * 3) as u64;
            self.keep(|finished| finished.number > last);
        }
        self.open.retain(|open| !ended.contains(&open.info.call));
    }

    /// A finished call from its hook after and, where there was one, its hook before.
    fn finish(
        hook: Hook<'_>,
        begun: Option<&OpenCall>,
        fresh: u64,
        before: Reading,
        after: Reading,
        names_path: bool,
    ) -> Intent {
        let record = hook.record;
        Intent {
            call: begun.map_or(fresh, |call| call.call),
            actor: record.actor.clone().or_else(|| begun.and_then(|call| call.actor.clone())),
            format: record.format.clone(),
            pid: record.parent_pid,
            since: begun.map(|call| call.since),
            until: hook.at,
            before,
            after,
            names_path,
            failed: record.phase == HookPhase::Failed,
            said: None,
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }
}

/// Gives the hook before to a finished call that had none and ended after it.
fn complete(book: &mut VecDeque<Finished>, pair: &Pair, record: &HookRecord) -> Option<Intent> {
    let times = record.at_ms..=record.at_ms.saturating_add(CALL_MS);
    let fits = |finished: &&mut Finished| {
        let intent = &finished.intent;
        intent.since.is_none() && finished.pair.matches(pair) && times.contains(&intent.until.ms)
    };
    let finished = book.iter_mut().filter(fits).min_by_key(|finished| finished.intent.until)?;
    // What its files hold by now is not what they held then: its own time is all there is.
    finished.intent.since = Some(Moment::earliest(record.at_ms));
    if finished.intent.actor.is_none() {
        finished.intent.actor.clone_from(&record.actor);
    }
    Some(finished.intent.clone())
}

/// Remembers one more, in the place of the oldest where there are enough; how many more there are then.
fn remember(book: &mut VecDeque<Finished>, finished: Finished) -> usize {
    let is_full = book.len() >= FINISHED_PER_FILE;
    if is_full {
        book.pop_front();
    }
    if book.is_empty() {
        // Most files have one.
        book.reserve_exact(1);
    }
    book.push_back(finished);
    usize::from(!is_full)
}

#[cfg(test)]
mod tests;
