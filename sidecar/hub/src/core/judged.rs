//! How a change is judged: by all that is known of it, of its file and of calls now.
//!
//! Absent on purpose: the ladder (the attribution crate), and what follows from a ruling (`ruled`).

use codi2_attribution::{DiskFacts, DiskRuling, GitFact, Intent, OpenCall, Rung, Transition, judge_disk};
use codi2_protocol::{Digest, FileId, SessionId};

use super::Core;
use super::kept::Kept;
use crate::known::Known;
use crate::ledger::{Branch, Drift};

/// What a change is judged by beside itself: what calls did to its file, and the way of the file's bytes.
pub(super) struct Beside {
    intents: Vec<Intent>,
    calls: Vec<OpenCall>,
    transitions: Vec<Transition>,
}

/// Who a change belongs to, and the buffer whose save it is.
#[derive(Clone, Copy)]
pub(super) struct Ruled<'a> {
    pub ruling: &'a DiskRuling,
    pub saved_by: Option<SessionId>,
}

impl<'a> From<&'a DiskRuling> for Ruled<'a> {
    fn from(ruling: &'a DiskRuling) -> Self {
        Self { ruling, saved_by: None }
    }
}

impl Core {
    /// Judges a change that has just been seen. With the buffer whose save it is.
    pub(super) fn judge_seen(&self, file: &FileId, kept: &Kept, now: u64) -> (DiskRuling, Option<SessionId>) {
        let saver = |text: Digest| self.saver(file, text, kept.number, now).or_else(|| self.about_to_save(file, text));
        let saved_by = kept.after_text.and_then(saver);
        let mut beside = self.beside(file);
        beside.transitions.push(kept.transition());
        let ruling = self.rule(file, kept, &beside, saved_by.is_some());
        let is_echo = matches!(ruling, DiskRuling::Echo { .. });
        (ruling, saved_by.filter(|_| is_echo))
    }

    /// What the changes of a file are judged by beside themselves, now.
    pub(super) fn beside(&self, file: &FileId) -> Beside {
        let (intents, calls) = (self.calls.intents(file), self.calls.open_on(file));
        Beside { intents, calls, transitions: self.open.transitions(file) }
    }

    /// Judges a change with all that is known now. `saved`: a buffer was saved with this text.
    pub(super) fn rule(&self, file: &FileId, kept: &Kept, beside: &Beside, saved: bool) -> DiskRuling {
        let git = kept
            .git
            .as_ref()
            .map(|git| GitFact { operation: git.operation.clone(), what: git.what.as_str().to_owned() });
        let texts = |digest: Digest| {
            if Some(digest) == kept.before_bytes {
                kept.before.as_ref().and_then(Known::text).cloned()
            } else if Some(digest) == kept.after_bytes {
                kept.after.clone()
            } else {
                let mut changes = self.open.on(file).filter_map(|change| self.kept.get(&change.event));
                changes.find_map(|other| other.text_of(digest))
            }
        };
        let facts = DiskFacts {
            before: kept.before_bytes,
            after: kept.after_bytes,
            from: kept.from,
            to: kept.to,
            written: (kept.alone.is_some() || kept.written.is_some()).then(|| kept.begun()),
            observed: kept.observed,
            saved,
            git: git.as_ref(),
            seen: kept.seen.as_ref().map(|(at, _)| *at),
            intents: &beside.intents,
            calls: &beside.calls,
            transitions: &beside.transitions,
            texts: &texts,
            key: self.ledger.secret(),
        };
        let ruling = judge_disk(&facts);
        let (tell, all) = between(kept, &beside.intents);
        if ruling.rung() >= Rung::IntentPartial && tell && (all || ruling.rung() == Rung::OnlyCall) {
            // What they put in is known by their word, and the rest is not theirs for it (ADR 0168). Nor is it, all of it, of one
            // that was at work when the file was written last.
            let told = judge_disk(&DiskFacts { from: kept.held, ..facts });
            // Nor is less known for it of one that was known by a part.
            return if ruling.rung() == Rung::IntentPartial && told.rung() > ruling.rung() { ruling } else { told };
        }
        ruling
    }

    /// The buffer whose save of this text the disk change with this number may be.
    pub(super) fn saver(&self, file: &FileId, text: Digest, change: u64, now: u64) -> Option<SessionId> {
        self.ledger.branches_of(file).find(|(_, branch)| branch.saved_as(text, change, now)).map(|(session, _)| session)
    }

    /// The buffer whose save is on its way: it came to this text by edits of its own.
    fn about_to_save(&self, file: &FileId, text: Digest) -> Option<SessionId> {
        let own =
            |branch: &Branch| branch.known.digest == text && !branch.loaded_as(text) && branch.drift == Drift::Sure;
        self.ledger.branches_of(file).find(|(_, branch)| own(branch)).map(|(session, _)| session)
    }
}

/// Whether calls ended between the last look at a file and its last write that tell lines which they put in, and whether all
/// that ended then do.
fn between(kept: &Kept, intents: &[Intent]) -> (bool, bool) {
    let tells = |call: &Intent| call.said.as_ref().is_some_and(|said| said.lines.is_some());
    let between: Vec<bool> = intents.iter().filter(|call| kept.is_between(call)).map(tells).collect();
    (between.contains(&true), !between.contains(&false))
}
