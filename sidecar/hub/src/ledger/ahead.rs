//! What the ledger will ask the store about a file, so that it can be asked for ahead (ADR 0108).
//!
//! Mirrors `owners_of`, `owners_of_converted` and `learn_earlier`: what is left out here is asked for by itself then, no more.

use codi2_protocol::{Digest, FileId, RepositoryId};
use codi2_text::Text;

use super::{Ledger, key};
use crate::ports::Glance;

impl Ledger {
    /// The ids under which the owners of a repository's contents are stored, the one to believe first. What was stored before it
    /// was joined is under its own id.
    pub(super) fn repositories(&self, own: RepositoryId) -> Vec<RepositoryId> {
        self.joined.get(&own).copied().filter(|shared| *shared != own).into_iter().chain([own]).collect()
    }

    /// What is asked about a file that was found with this text, or this digest where it is none; `sources` are texts that
    /// git may have put it together from.
    pub fn glance(&self, file: FileId, digest: Option<Digest>, text: Option<&Text>, sources: &[Text]) -> Glance {
        let mut texts: Vec<Digest> = match text {
            Some(text) => {
                let other = converted(&text.to_string()).map(|other| codi2_text::digest_of(other.as_bytes()));
                [text.digest()]
                    .into_iter()
                    .chain(other)
                    .chain(sources.iter().map(Text::digest))
                    .map(Digest::new)
                    .collect()
            }
            None => digest.into_iter().collect(),
        };
        texts.retain(|text| self.asks_for(&file, *text));
        let is_new = !self.disk.contains_key(&file);
        let any = text.is_some() && !self.asked_for_earlier(&file);
        Glance { is_new, repositories: self.repositories(file.worktree.repository), texts, any, file }
    }

    /// What is asked about earlier contents of a file.
    pub fn glance_back(&self, file: &FileId, texts: &[Text]) -> Glance {
        let mut texts: Vec<Digest> = texts.iter().map(|text| Digest::new(text.digest())).collect();
        texts.retain(|text| self.asks_for(file, *text));
        let repositories = self.repositories(file.worktree.repository);
        Glance { file: file.clone(), is_new: false, repositories, texts, any: false }
    }

    /// Whether the store is asked for the owners of this content.
    fn asks_for(&self, file: &FileId, digest: Digest) -> bool {
        let is_joined = || self.joined.contains_key(&file.worktree.repository);
        self.seen.get(&(key(file), digest)).is_none_or(|tree| is_joined() && self.is_unknown_in(tree))
    }
}

/// A text with the other line ends; nothing where that is the same.
pub(super) fn converted(text: &str) -> Option<String> {
    let other = if text.contains("\r\n") { text.replace("\r\n", "\n") } else { text.replace('\n', "\r\n") };
    (other != text).then_some(other)
}
