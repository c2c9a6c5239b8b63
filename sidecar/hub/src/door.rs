//! The second of the two doors for free text: whatever comes to the core is redacted first, whoever sent it, however
//! old its spool, and what watches see of names and branches too.
//!
//! Redacting twice changes nothing, so what passed the clients' door stays as it is. Absent on purpose: what the core
//! composes of what came in, which is clean already.

use std::borrow::Cow;

use codi2_ipc::door::pass;
use codi2_protocol::{Actor, Owner, Verdict};
use codi2_redaction::Redactor;
use codi2_workspace::{GitExplanation, GitOperation, Observation, WatchEvent};

use crate::core::Input;

/// The hub's door.
pub struct Door {
    redactor: Redactor,
}

impl Door {
    /// A door whose placeholders are keyed by the hub's secret.
    pub fn new(secret: &[u8; 32]) -> Self {
        Self { redactor: Redactor::new(Some(secret)) }
    }

    /// Redacts what comes in.
    pub fn pass(&self, input: &mut Input) {
        match input {
            Input::Begin
            | Input::CaughtUp
            | Input::Joined(..)
            | Input::Left(_)
            | Input::Spent(_)
            | Input::Show
            | Input::Tick => {}
            // From the store, where all that is text passed a door.
            Input::WasEnded | Input::Upgraded(_) | Input::Joins(..) => {}
            // Maybe from a note that somebody else wrote.
            Input::Derived(_, _, owners) => {
                for Owner { verdict, at_ms: _, event: _ } in &mut owners.owners {
                    let Verdict { origin, modifier, acceptor, class: _, evidence } = verdict;
                    pass(&self.redactor, origin);
                    modifier.iter_mut().chain(acceptor).for_each(|actor| pass(&self.redactor, actor));
                    evidence.iter_mut().for_each(|reason| self.words(&mut reason.detail));
                }
            }
            Input::Called(_, _, call) => pass(&self.redactor, call),
            Input::Drained(_, _, facts) => pass(&self.redactor, facts),
            Input::Watched(_, event) => self.watched(event),
        }
    }

    /// Redacts an actor that the world told of: a repository's identity, marks of a process.
    pub fn actor(&self, actor: &mut Actor) {
        pass(&self.redactor, actor);
    }

    fn watched(&self, event: &mut WatchEvent) {
        match event {
            WatchEvent::Scan(page) | WatchEvent::Observed(page) => {
                for Observation { path, from, content: _, git, blob: _, written: _, cause: _, at_ms: _ } in page {
                    self.path(path);
                    from.iter_mut().for_each(|from| self.path(from));
                    git.iter_mut().for_each(|git| self.explanation(git));
                }
            }
            WatchEvent::Git(GitOperation { operation, old_head: _, new_head: _, old_branch, new_branch }) => {
                self.words(operation);
                old_branch.iter_mut().chain(new_branch).for_each(|branch| self.words(branch));
            }
            WatchEvent::Explained { path, digest: _, written: _, git } => {
                self.path(path);
                self.explanation(git);
            }
            WatchEvent::State(_, detail) => self.words(detail),
            WatchEvent::Private(path) => self.path(path),
            WatchEvent::ScanDone { files: _ } | WatchEvent::GitDone | WatchEvent::Noted => {}
        }
    }

    fn explanation(&self, GitExplanation { operation, what: _, sources: _ }: &mut GitExplanation) {
        self.words(operation);
    }

    fn words(&self, text: &mut String) {
        put(text, |text| self.redactor.words(text));
    }

    fn path(&self, text: &mut String) {
        put(text, |text| self.redactor.path(text));
    }
}

fn put(text: &mut String, redact: impl Fn(&str) -> Cow<'_, str>) {
    let changed = match redact(text) {
        Cow::Owned(changed) => changed,
        Cow::Borrowed(_) => return,
    };
    *text = changed;
}

#[cfg(test)]
mod tests {
    use codi2_protocol::Digest;
    use codi2_protocol::{Fact, Numbered, ProducerId, RepositoryId, WatchState, WorktreeId};
    use codi2_workspace::{Cause, GitSource, Written};

    use super::*;

    #[test]
    fn whatever_comes_in_is_redacted() {
        let secret = format!("glpat-{}", "q8Zr2LmX0aPd7VtKq8Zr");
        let text = || secret.clone();
        let worktree = WorktreeId { repository: RepositoryId::from_uuid(uuid::Uuid::nil()), name: String::new() };
        let git = GitExplanation { operation: format!("merge {secret}"), what: GitSource::Merge, sources: Vec::new() };
        let observation = Observation {
            from: Some(format!("a/{secret}")),
            git: Some(git.clone()),
            ..Observation::gone(format!("{secret}.md"), Cause::Event, 0)
        };
        let explained = WatchEvent::Explained {
            path: format!("{secret}.md"),
            digest: Digest::new([0; 32]),
            written: Written { inode: 1, at_ns: 0 },
            git,
        };
        let operation = GitOperation {
            operation: format!("merge {secret}"),
            old_head: None,
            new_head: None,
            old_branch: Some(text()),
            new_branch: Some(text()),
        };
        let fact = Fact::SessionEnded { reason: text() };
        let numbered = Numbered { seq: 1, occurred_ms: 0, session: None, fact };
        let watched = |event| Input::Watched(worktree.clone(), event);
        let inputs = [
            Input::Drained(ProducerId::new(), 0, vec![numbered.clone()]),
            Input::Called(None, 1, codi2_protocol::Call::Report { facts: vec![numbered] }),
            watched(WatchEvent::Scan(vec![observation.clone()])),
            watched(WatchEvent::Observed(vec![observation])),
            watched(explained),
            watched(WatchEvent::Git(operation)),
            watched(WatchEvent::State(WatchState::Degraded, text())),
            watched(WatchEvent::Private(text())),
        ];
        for mut input in inputs {
            assert!(format!("{input:?}").contains(&secret));
            Door::new(&[1; 32]).pass(&mut input);
            let shown = format!("{input:?}");
            assert!(!shown.contains(&secret[6..]) && shown.contains("[redacted:gitlab-token:26:"), "{shown}");
        }
    }
}
