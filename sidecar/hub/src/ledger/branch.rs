//! Open buffers: each is a branch of its file until it is saved.
//!
//! Their texts are bounded in bytes together. Absent on purpose: who wrote what is new in one.

use std::collections::VecDeque;

use codi2_protocol::{Digest, FileId, ProducerId, SessionId};
use codi2_text::Text;

use super::Ledger;
use crate::known::{Content, Known, lines_of};
use crate::rows::BranchRow;

/// Lines of a buffer that are written with each of its groups, at most: some 20 bytes each. Of a longer one those of
/// the file on disk serve.
const BRANCH_LINES: usize = 1_024;
/// Texts of open buffers kept in memory, in bytes together; beyond, those edited longest ago are let go: their owners stay.
const LIVE_BYTES: usize = if cfg!(test) { 64 << 10 } else { 64 << 20 };

/// An open buffer: a branch of its file until it is saved.
#[derive(Debug, Clone)]
pub struct Branch {
    /// The sidecar that has it.
    pub producer: ProducerId,
    /// Its last sealed state.
    pub known: Known,
    /// How far its owners can be trusted.
    pub drift: Drift,
    /// The last state whose owners were sure, where those of the present one are not.
    pub base: Option<Known>,
    /// Whether the whole text was asked for and has not come yet.
    pub asked: bool,
    /// A whole text that came before the group that leads to it.
    pub ahead: Option<(Digest, Text)>,
    /// Whether its text was let go, so that it is not asked for again until somebody needs it.
    pub let_go: bool,
    /// Which change of any buffer its latest one was: the higher the newer.
    pub used: u64,
    /// The text that was saved and has not been seen on disk yet, and when the hub was told (ms).
    pub saved: Option<(Digest, u64)>,
    /// The text it took from disk, or gave to it, last, and the number of the newest disk change then: no change up to
    /// that one is a save of this text.
    pub loaded: Option<(Digest, u64)>,
    /// Earlier texts of this very buffer, the newest last, at most [`PAST_STATES`].
    pub past: VecDeque<Digest>,
    /// Whether its sidecar lost facts on the way, so that what nobody saw of it may be among them.
    pub gap: bool,
}

/// How far a buffer's owners can be trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Drift {
    /// They are those of its text.
    Sure,
    /// They are as long as its text, of which only later edits have owners.
    Unseen,
    /// They are longer than its text, whose length nobody said: of its bytes, counted from the first, only later edits
    /// have owners.
    Lost,
}

/// Earlier texts of a buffer that are told from those of others.
const PAST_STATES: usize = 256;
/// How long a save that was not seen on disk may still be, in ms: after that, the same text is somebody else's write.
const SAVE_MS: u64 = 5_000;

impl Branch {
    /// Whether the owners are not as long as the text.
    pub fn is_lost(&self) -> bool {
        self.drift == Drift::Lost
    }

    /// Bytes of the texts it holds on to.
    fn text_bytes(&self) -> usize {
        let known = self.known.text().into_iter().chain(self.base.as_ref().and_then(Known::text));
        known.chain(self.ahead.as_ref().map(|(_, text)| text)).map(Text::len_bytes).sum()
    }

    /// Whether this text was saved and the disk change with this number may be that save.
    pub fn saved_as(&self, text: Digest, change: u64, now: u64) -> bool {
        let saved = self.saved.is_some_and(|(saved, at)| saved == text && now.saturating_sub(at) < SAVE_MS);
        saved && self.loaded.is_none_or(|(loaded, newest)| loaded != text || newest < change)
    }

    /// Whether this is the text it took from disk, or gave to it, last.
    pub fn loaded_as(&self, text: Digest) -> bool {
        self.loaded.is_some_and(|(loaded, _)| loaded == text)
    }

    /// Is where this buffer is now, after states that were not seen: what was known before is what to compare with.
    pub fn goes_on_from(&mut self, missed: Self) {
        (self.asked, self.ahead, self.past, self.let_go) = (missed.asked, missed.ahead, missed.past, missed.let_go);
        let base = if missed.drift == Drift::Sure { Some(missed.known) } else { missed.base };
        // One without its text says nothing.
        self.base = base.filter(|base| !matches!(base.content, Content::Forgotten)).or(self.base.take());
    }

    /// Goes on to another text.
    pub fn moves_on(&mut self, digest: Digest) {
        self.past.push_back(std::mem::replace(&mut self.known.digest, digest));
        if self.past.len() > PAST_STATES {
            self.past.pop_front();
        }
    }
}

impl Ledger {
    /// Takes a buffer out, to change it or because it is closed.
    pub fn take_branch(&mut self, file: &FileId, session: SessionId) -> Option<Branch> {
        let branch = self.branches.remove(&(file.clone(), session))?;
        self.live_bytes = self.live_bytes.saturating_sub(branch.text_bytes());
        Some(branch)
    }

    /// Puts a buffer in; where there are too many texts then, those edited longest ago go.
    pub fn put_branch(&mut self, file: &FileId, session: SessionId, mut branch: Branch) {
        self.take_branch(file, session);
        self.used += 1;
        branch.used = self.used;
        self.live_bytes += branch.text_bytes();
        self.branches.insert((file.clone(), session), branch);
        while self.live_bytes > LIVE_BYTES
            && let Some(oldest) = self.branches.values_mut().filter(|b| b.text_bytes() > 0).min_by_key(|b| b.used)
        {
            self.live_bytes = self.live_bytes.saturating_sub(oldest.text_bytes());
            oldest.known.content = Content::Forgotten;
            // Without its text a base says nothing: what comes is compared with the file.
            (oldest.base, oldest.ahead, oldest.let_go) = (None, None, true);
        }
    }

    /// Bytes of the texts of open buffers, counted anew.
    #[cfg(test)]
    pub fn live_bytes(&self) -> usize {
        let bytes = self.branches.values().map(Branch::text_bytes).sum();
        assert_eq!(bytes, self.live_bytes, "counted right");
        assert!(bytes <= LIVE_BYTES, "{bytes}");
        bytes
    }

    /// The row that keeps a buffer's state.
    pub fn branch_row(&self, known: &Known) -> BranchRow {
        let few = |text: &&Text| text.line_of(text.len_bytes()) < BRANCH_LINES;
        let lines = known.text().filter(few).map(|text| lines_of(text, &self.secret)).unwrap_or_default();
        BranchRow { digest: known.digest, owners: self.book.store(&known.owners), lines }
    }

    /// The buffers of a file.
    pub fn branches_of<'a>(&'a self, file: &FileId) -> impl Iterator<Item = (SessionId, &'a Branch)> {
        let file = file.clone();
        let first = (file.clone(), SessionId::from_uuid(uuid::Uuid::nil()));
        self.branches
            .range(first..)
            .take_while(move |((of, _), _)| *of == file)
            .map(|((_, session), branch)| (*session, branch))
    }
}
