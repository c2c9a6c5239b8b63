//! The ledger: who owns the text of every file on disk and of every open buffer, by content.
//!
//! Content seen again gets its owners back: states are found by (repository, path, digest) in a bounded memory, then
//! in the store. The ledger also remembers who owned deleted bytes, so that undo and moves bring owners back.
//! Absent on purpose: verdicts (the core decides) and writes (the core commits rows).

mod ahead;
mod branch;
mod elsewhere;
mod lines;

pub use branch::{Branch, Drift};
pub use lines::{New, TELLING, is_telling};

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};

use codi2_attribution::Moment;
use codi2_protocol::{Class, Digest, FileId, GroupId, Owner, RepositoryId, SessionId};
use codi2_text::{OwnerTree, Text};
use codi2_workspace::Oid;

use crate::book::{Book, OwnerRef, StoredOwners, better, open_to_change};
use crate::known::{Content, Known, lines_of};
use crate::ports::Ports;
use crate::recent::Recent;
use crate::rows::DiskRow;

/// States of contents kept in memory.
const SEEN_STATES: usize = if cfg!(test) { 256 } else { 4_096 };
/// Contents that are known by themselves, whatever their path.
const PLACED: usize = if cfg!(test) { 256 } else { 32_768 };
/// Deletions whose owners are kept in memory.
const DELETIONS: usize = if cfg!(test) { 512 } else { 8_192 };
/// Texts of files kept in memory, by number: each takes some memory of its own, however short.
const TEXTS: usize = 2_048;
/// Texts of files kept in memory, in bytes together; beyond, git's blobs and line hashes serve.
const TEXT_BYTES: usize = 32 << 20;
/// A file as it lies on disk.
#[derive(Debug, Clone)]
pub struct DiskFile {
    /// Digest of its bytes.
    pub bytes: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// Its text and owners.
    pub known: Known,
    /// Git's blob with this content, where the index held it, so that its text can be had again.
    pub blob: Option<Oid>,
    /// When it was last seen to be so; the very first moment: by an earlier hub.
    pub seen: Moment,
}

/// Who owns what.
#[derive(Debug)]
pub struct Ledger {
    /// Every distinct owner once.
    pub book: Book,
    /// Files on disk; a path that is known to be absent has an empty entry.
    pub disk: BTreeMap<FileId, Option<DiskFile>>,
    /// Open buffers.
    pub branches: BTreeMap<(FileId, SessionId), Branch>,
    seen: Recent<(FileKey, Digest), OwnerTree<OwnerRef>>,
    /// Where a text lay on disk, the newest place last.
    places: Recent<(RepositoryId, Digest), Box<[FileId]>>,
    /// Texts that have had two histories.
    parted: Recent<(RepositoryId, Digest), ()>,
    deletions: Recent<(GroupId, u32), Vec<(usize, OwnerRef)>>,
    /// Whose lines stood at which path.
    lines: lines::Lines,
    texts: VecDeque<(FileId, Digest, usize)>,
    text_bytes: usize,
    /// Repositories that share with those of other clones, and the id under which they do.
    joined: HashMap<RepositoryId, RepositoryId>,
    /// Bytes of the buffers' texts, and how often one changed.
    live_bytes: usize,
    used: u64,
    secret: [u8; 32],
}

/// A path of a repository, whatever the worktree.
type FileKey = (RepositoryId, String);

fn key(file: &FileId) -> FileKey {
    (file.worktree.repository, file.path.clone())
}

impl Ledger {
    /// An empty ledger; `secret` keys the hashes of lines.
    pub fn new(secret: [u8; 32]) -> Self {
        Self {
            book: Book::default(),
            disk: BTreeMap::new(),
            branches: BTreeMap::new(),
            seen: Recent::new(SEEN_STATES),
            places: Recent::new(PLACED),
            parted: Recent::new(PLACED),
            deletions: Recent::new(DELETIONS),
            lines: lines::Lines::default(),
            texts: VecDeque::new(),
            text_bytes: 0,
            joined: HashMap::new(),
            live_bytes: 0,
            used: 0,
            secret,
        }
    }

    /// The local secret that keys the hashes of lines.
    pub fn secret(&self) -> &[u8; 32] {
        &self.secret
    }

    /// The owners that a content of this file had, if it was ever seen.
    pub fn owners_of(&mut self, ports: &dyn Ports, file: &FileId, digest: Digest) -> Option<OwnerTree<OwnerRef>> {
        let own = file.worktree.repository;
        let shared = self.joined.get(&own).copied();
        if let Some(tree) = self.seen.get(&(key(file), digest)).cloned() {
            // Where nobody is known here, another hub may know by now.
            let shared = shared.filter(|_| self.is_unknown_in(&tree));
            let stored = shared.and_then(|shared| ports.stored_owners(&[shared], &file.path, digest));
            let Some(stored) = stored else { return Some(tree) };
            let merged = better(stored, self.book.store(&tree));
            let merged = self.load(ports, merged);
            self.seen.put((key(file), digest), merged.clone());
            return Some(merged);
        }
        let stored = ports.stored_owners(&self.repositories(own), &file.path, digest)?;
        let tree = self.load(ports, stored);
        self.seen.put((key(file), digest), tree.clone());
        Some(tree)
    }

    /// The owners of a content that was seen with other line ends: git's filters convert them, and who wrote a line stays
    /// who wrote it. A line end belongs to whoever owned the line's end.
    pub fn owners_of_converted(
        &mut self,
        ports: &dyn Ports,
        file: &FileId,
        text: &Text,
    ) -> Option<OwnerTree<OwnerRef>> {
        let text = text.to_string();
        let other = ahead::converted(&text)?;
        let digest = Digest::new(codi2_text::digest_of(other.as_bytes()));
        let known = self.owners_of(ports, file, digest).filter(|tree| tree.len() == other.len())?;
        let mut at = 0;
        let mut spans = Vec::new();
        for (line, known_line) in text.split_inclusive('\n').zip(other.split_inclusive('\n')) {
            let content = line.trim_end_matches(['\r', '\n']).len().min(known_line.len());
            spans.extend(known.spans(at..at + content));
            at += known_line.len();
            if content < line.len() {
                let end = known.spans(at - 1..at).first().map(|(_, owner)| *owner)?;
                spans.push((line.len() - content, end));
            }
        }
        Some(OwnerTree::from_spans(spans)).filter(|tree| tree.len() == text.len())
    }

    /// The tree of stored owners, with everything that was explained since.
    pub fn load(&mut self, ports: &dyn Ports, mut stored: StoredOwners) -> OwnerTree<OwnerRef> {
        for owner in &mut stored.owners {
            if let Some(event) = owner.event.filter(|_| open_to_change(owner))
                && let Some(better) = ports.upgrade(event)
            {
                owner.verdict = better.verdict;
            }
        }
        self.book.load(&stored)
    }

    /// The id under which a repository shares owners with its other clones: its own, as long as none are known.
    pub fn shared(&self, repository: RepositoryId) -> RepositoryId {
        self.joined.get(&repository).copied().unwrap_or(repository)
    }

    /// A repository shares from now on.
    pub fn join(&mut self, repository: RepositoryId, shared: RepositoryId) {
        self.joined.insert(repository, shared);
    }

    fn is_unknown_in(&self, tree: &OwnerTree<OwnerRef>) -> bool {
        tree.iter().any(|(_, owner)| self.book.owner(owner).verdict.class == Class::Unknown)
    }

    /// Remembers who owns a content of this file.
    pub fn remember(&mut self, file: &FileId, digest: Digest, owners: &OwnerTree<OwnerRef>) {
        self.seen.put((key(file), digest), owners.clone());
    }

    /// Remembers who owned deleted bytes.
    pub fn remember_deleted(&mut self, group: GroupId, edit: u32, runs: Vec<(usize, OwnerRef)>) {
        if !runs.is_empty() {
            self.deletions.put((group, edit), runs);
        }
    }

    /// Who owned `len` bytes from `from` on, of what this edit deleted; none where that is not known for all of them.
    pub fn deleted(&mut self, group: GroupId, edit: u32, from: usize, len: usize) -> Option<Vec<(usize, OwnerRef)>> {
        let runs = self.deletions.get(&(group, edit))?;
        let part = OwnerTree::from_spans(runs.iter().copied()).spans(from..from + len);
        (part.iter().map(|(len, _)| len).sum::<usize>() == len).then_some(part)
    }

    /// Puts a file's new state in place. Of a file that git can give back, the text is not kept.
    pub fn settle(&mut self, file: &FileId, new: DiskFile) {
        self.remember(file, new.known.digest, &new.known.owners);
        self.place(file, new.known.digest);
        self.learn_lines(file, &new.known);
        if let Content::Text(text) = &new.known.content {
            self.text_bytes += text.len_bytes();
            self.texts.push_back((file.clone(), new.bytes, text.len_bytes()));
        }
        self.disk.insert(file.clone(), Some(new));
        while (self.text_bytes > TEXT_BYTES || self.texts.len() > TEXTS)
            && let Some((old, bytes, len)) = self.texts.pop_front()
        {
            self.text_bytes -= len;
            let secret = self.secret;
            if let Some(Some(on_disk)) = self.disk.get_mut(&old)
                && on_disk.bytes == bytes
                && old != *file
                && let Content::Text(text) = &on_disk.known.content
            {
                on_disk.known.content =
                    if on_disk.blob.is_some() { Content::Forgotten } else { Content::Lines(lines_of(text, &secret)) };
            }
        }
    }

    /// Notes that a file is not there. While its worktree is looked at for the first time that is knowledge; afterwards
    /// what is not listed is not there, and the list does not grow with every name that ever was.
    pub fn gone(&mut self, file: &FileId, scanned: bool) {
        if scanned {
            self.disk.remove(file);
        } else {
            self.disk.insert(file.clone(), None);
        }
    }

    /// Every owner that a state points to.
    pub fn owners_in_use(&self) -> HashSet<OwnerRef> {
        let disk = self.disk.values().flatten().map(|on_disk| &on_disk.known.owners);
        let live = self.branches.values();
        let live = live.flat_map(|branch| [Some(&branch.known.owners), branch.base.as_ref().map(|base| &base.owners)]);
        let trees = disk.chain(live.flatten()).chain(self.seen.values());
        let mut used: HashSet<OwnerRef> = trees.flat_map(|tree| tree.iter().map(|(_, owner)| owner)).collect();
        used.extend(self.deletions.values().flatten().map(|(_, owner)| *owner));
        used.extend(self.lines.owners());
        used
    }

    /// The row that keeps a file's state.
    pub fn disk_row(&self, on_disk: &DiskFile) -> DiskRow {
        let lines = match &on_disk.known.content {
            Content::Text(text) => lines_of(text, &self.secret),
            Content::Lines(lines) => lines.clone(),
            Content::Forgotten => Vec::new(),
        };
        DiskRow { bytes: on_disk.bytes, text: on_disk.known.digest, size: on_disk.size, lines }
    }

    /// The known state of a file as it lies on disk, with its text fetched from git's blob if it was let go.
    pub fn on_disk(&mut self, ports: &mut dyn Ports, file: &FileId) -> Option<Known> {
        let known = self.disk.get(file)?.as_ref()?.known.clone();
        Some(self.with_text(ports, file, known))
    }

    /// What is known of a file as it lies on disk, with its text, if git has it where it was let go.
    pub fn with_text(&self, ports: &mut dyn Ports, file: &FileId, mut known: Known) -> Known {
        if !matches!(known.content, Content::Text(_))
            && let Some(Some(on_disk)) = self.disk.get(file)
            && let Some(bytes) = ports.blob(file, on_disk.blob, on_disk.bytes)
            && let Some(text) = crate::core::decode_text(&bytes)
        {
            known.content = Content::Text(text);
        }
        known
    }

    /// Whether the file on disk is known to hold the text with this digest.
    pub fn is_on_disk(&self, file: &FileId, text: Digest) -> bool {
        self.disk.get(file).and_then(Option::as_ref).is_some_and(|on_disk| on_disk.known.digest == text)
    }

    /// One owner for a whole text.
    pub fn uniform(&mut self, len: usize, owner: Owner) -> OwnerTree<OwnerRef> {
        OwnerTree::new(len, self.book.enter(owner))
    }

    /// How many texts are counted as kept.
    #[cfg(test)]
    pub fn kept_texts(&self) -> usize {
        self.texts.len()
    }
}
