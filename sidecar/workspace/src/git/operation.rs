//! What git did between two states: the reflog's new lines, and a name where there are none.

use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use super::{Oid, State, View};
use crate::observe::{GitOperation, GitSource};

/// One line of HEAD's reflog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Moved {
    pub(crate) old: Option<Oid>,
    pub(crate) new: Option<Oid>,
    pub(crate) message: String,
}

/// Where the content of a HEAD that moved comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// From the worktree or the index: git wrote no file (commit, amend, a rebase continued with resolved files).
    Records,
    /// Git wrote the files (checkout, reset, pull, merge, rebase, cherry-pick, revert, am).
    Writes,
    /// A message nobody knows: git may have written the files if their blobs are older.
    Unsure,
}

impl Moved {
    /// The operation: the message up to its colon.
    pub(crate) fn operation(&self) -> &str {
        self.message.split(": ").next().unwrap_or_default().trim_end_matches(':')
    }

    pub(crate) fn kind(&self) -> Kind {
        let operation = self.operation();
        let word = operation.split([' ', '-', '(']).next().unwrap_or_default();
        match word {
            "commit" => Kind::Records,
            "rebase" if operation.contains("(continue)") => Kind::Records,
            "checkout" | "reset" | "pull" | "merge" | "rebase" | "cherry" | "revert" | "am" | "filter" | "clone"
            | "initial" | "bisect" => Kind::Writes,
            _ => Kind::Unsure,
        }
    }
}

/// Reads the end of a reflog file from a position; returns the lines and the new position (bytes).
pub(super) fn read_from(file: &Path, from: u64) -> (Vec<Moved>, u64) {
    let Ok(mut open) = std::fs::File::open(file) else { return (Vec::new(), 0) };
    let length = open.metadata().map(|meta| meta.len()).unwrap_or_default();
    if length <= from {
        // Shorter than before: it was expired or made anew; only the difference of the states speaks.
        return (Vec::new(), length);
    }
    let mut bytes = Vec::new();
    if open.seek(SeekFrom::Start(from)).is_err() || open.take(4 << 20).read_to_end(&mut bytes).is_err() {
        return (Vec::new(), length);
    }
    // A line being written is left for the next time.
    let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    (parse_lines(&bytes[..whole]), from + whole as u64)
}

/// `<old> <new> <who> <when> <zone>\t<message>` a line.
fn parse_lines(bytes: &[u8]) -> Vec<Moved> {
    let parse = |line: &str| {
        let (head, message) = line.split_once('\t').unwrap_or((line, ""));
        let mut fields = head.split(' ');
        let mut name = || Some(Oid::parse(fields.next()?)?).map(|oid| (!oid.is_zero()).then_some(oid));
        Some(Moved { old: name()?, new: name()?, message: message.to_owned() })
    };
    String::from_utf8_lossy(bytes).lines().filter_map(parse).collect()
}

/// Reads `git log -g -z --format='%H %gs'`, newest first; the name before is that of the next older entry.
pub(super) fn parse_log_walk(bytes: &[u8]) -> Vec<Moved> {
    let text = String::from_utf8_lossy(bytes);
    let mut entries: Vec<Moved> = text
        .split('\0')
        .filter_map(|entry| {
            let (name, message) = entry.split_once(' ').unwrap_or((entry, ""));
            Some(Moved { old: None, new: Some(Oid::parse(name)?), message: message.to_owned() })
        })
        .collect();
    entries.reverse();
    for at in 1..entries.len() {
        entries[at].old = entries[at - 1].new;
    }
    entries
}

/// What happened between two states of a worktree's git.
#[derive(Debug)]
pub(crate) struct Movement {
    /// New lines of HEAD's reflog, oldest first.
    pub(crate) entries: Vec<Moved>,
    head: bool,
    stash: Stash,
    started: Option<&'static str>,
    ended: Option<&'static str>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stash {
    Same,
    Pushed,
    Dropped,
}

impl Movement {
    /// Compares two states. `entries` are the reflog's new lines.
    pub(crate) fn between(before: &State, after: &State, entries: Vec<Moved>) -> Self {
        let stash = match (before.stashes.first(), after.stashes.first()) {
            (old, new) if old == new => Stash::Same,
            (_, Some(new)) if !before.stashes.contains(new) => Stash::Pushed,
            _ => Stash::Dropped,
        };
        let (old, new) = (before.marks.names(), after.marks.names());
        Self {
            entries,
            head: before.head != after.head,
            stash,
            started: new.iter().find(|name| !old.contains(name)).copied(),
            ended: old.iter().find(|name| !new.contains(name)).copied(),
        }
    }

    /// Whether git wrote files, as far as the reflog, the stash or a mark says.
    pub(crate) fn writes(&self) -> bool {
        self.entries.iter().any(|entry| entry.kind() != Kind::Records)
            || self.stash != Stash::Same
            || self.started.is_some()
    }

    /// Whether git did nothing but commit what lay there, one commit upon the other, on the branch that it was on. Where nothing
    /// is logged it may have written files all the same (`git restore -SW`, `git read-tree -u`), and so it may before it
    /// commits a merge, a pick, or a branch's first.
    pub(crate) fn commits_alone(&self, before: &State, after: &State) -> bool {
        let is_plain = |entry: &Moved| matches!(entry.operation(), "commit" | "commit (amend)");
        let follows = self.entries.first().is_some_and(|entry| entry.old == before.head.commit);
        !self.writes() && follows && self.entries.iter().all(is_plain) && before.head.branch == after.head.branch
    }

    /// HEAD moved and no reflog says how.
    pub(crate) fn unlogged(&self) -> bool {
        self.head && self.entries.is_empty()
    }

    pub(crate) fn stash_pushed(&self) -> bool {
        self.stash == Stash::Pushed
    }

    /// What git calls it, for a file's explanation.
    pub(crate) fn name(&self, source: GitSource, after: &State) -> String {
        if let Some(entry) =
            self.entries.iter().rev().find(|entry| entry.kind() != Kind::Records && !self.of_stash(entry))
        {
            return entry.operation().to_owned();
        }
        match (self.stash, source, self.started.or(self.ended).or(after.marks.names().first().copied())) {
            (Stash::Pushed, ..) => "stash".into(),
            (Stash::Dropped, ..) => "stash pop".into(),
            (_, GitSource::Stash, _) => "stash apply".into(),
            (_, GitSource::Removed, _) => "commit".into(),
            (_, GitSource::Merge | GitSource::Conflict, Some(mark)) => mark.into(),
            (_, _, Some(mark)) if self.started.is_some() || self.ended.is_some() => mark.into(),
            _ if self.head => "checkout".into(),
            _ => "restore".into(),
        }
    }

    /// Stashing resets, and the reflog says only that.
    fn of_stash(&self, entry: &Moved) -> bool {
        self.stash != Stash::Same && entry.old == entry.new && entry.operation() == "reset"
    }

    /// The operations to report. `explained` names the first file's explanation, if any file was git's; `None` while
    /// that is not known. Returns `None` if it depends on that.
    pub(crate) fn operations(
        &self,
        before: &State,
        after: &State,
        explained: Option<Option<&str>>,
    ) -> Option<Vec<GitOperation>> {
        let hex = |oid: Option<Oid>| oid.map(|oid| oid.to_string());
        let mut out = Vec::new();
        let mut branch = before.head.branch.clone();
        let logged: Vec<_> = self.entries.iter().filter(|entry| !self.of_stash(entry)).collect();
        for (at, entry) in logged.iter().enumerate() {
            let next =
                if at + 1 == logged.len() { after.head.branch.clone() } else { branch_after(entry, branch.clone()) };
            out.push(GitOperation {
                operation: entry.operation().to_owned(),
                old_head: hex(entry.old),
                new_head: hex(entry.new),
                old_branch: branch,
                new_branch: next.clone(),
            });
            branch = next;
        }
        let whole = |operation: &str| GitOperation {
            operation: operation.to_owned(),
            old_head: hex(before.head.commit),
            new_head: hex(after.head.commit),
            old_branch: before.head.branch.clone(),
            new_branch: after.head.branch.clone(),
        };
        match self.stash {
            Stash::Pushed => out.push(whole("stash")),
            Stash::Dropped => match explained {
                None => return None,
                Some(Some(_)) => out.push(whole("stash pop")),
                Some(None) => out.push(whole("stash drop")),
            },
            Stash::Same => {}
        }
        if !out.is_empty() {
            return Some(out);
        }
        if self.head {
            let moved = before.head.commit != after.head.commit;
            return Some(vec![whole(self.started.or(self.ended).unwrap_or(if moved { "checkout" } else { "branch" }))]);
        }
        if let Some(mark) = self.started {
            return Some(vec![whole(mark)]);
        }
        explained.map(|name| name.map(whole).into_iter().collect())
    }

    /// The first line that brought a content to a path, and the blob it is, if one did: `is` tells whether a blob is
    /// that content.
    pub(crate) fn introduced(
        &self,
        view: &mut View,
        path: &str,
        mut is: impl FnMut(&mut View, Oid) -> bool,
    ) -> Option<(Kind, Oid)> {
        for entry in &self.entries {
            let new = entry.new.and_then(|commit| view.entry(commit, path));
            let old = entry.old.and_then(|commit| view.entry(commit, path));
            if let Some(new) = new.filter(|new| Some(*new) != old)
                && is(view, new)
            {
                return Some((entry.kind(), new));
            }
        }
        None
    }
}

/// The branch after a line in the middle of several.
fn branch_after(entry: &Moved, before: Option<String>) -> Option<String> {
    if let Some((_, to)) = entry.message.split_once("returning to refs/heads/") {
        return Some(to.to_owned());
    }
    match entry.operation() {
        "checkout" => {
            let to = entry.message.rsplit(" to ").next()?;
            // A detached checkout names a commit.
            (Oid::parse(to).is_none() && !to.contains(['~', '^'])).then(|| to.to_owned())
        }
        operation if operation.starts_with("rebase") => None,
        _ => before,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds() {
        for (message, operation, kind) in [
            ("commit: x", "commit", Kind::Records),
            ("commit (amend): a: b", "commit (amend)", Kind::Records),
            ("commit (merge): Merge branch 'x'", "commit (merge)", Kind::Records),
            ("checkout: moving from a to b", "checkout", Kind::Writes),
            ("pull: Fast-forward", "pull", Kind::Writes),
            (
                "pull --rebase origin main (finish): returning to refs/heads/main",
                "pull --rebase origin main (finish)",
                Kind::Writes,
            ),
            ("merge topic: Fast-forward", "merge topic", Kind::Writes),
            ("rebase (pick): x", "rebase (pick)", Kind::Writes),
            ("rebase (continue): x", "rebase (continue)", Kind::Records),
            ("cherry-pick: x", "cherry-pick", Kind::Writes),
            ("am: x", "am", Kind::Writes),
            ("filter-branch: rewrite", "filter-branch", Kind::Writes),
            ("amend by hand", "amend by hand", Kind::Unsure),
            ("", "", Kind::Unsure),
        ] {
            let moved = Moved { old: None, new: None, message: message.into() };
            assert_eq!((moved.operation(), moved.kind()), (operation, kind), "{message}");
        }
    }

    #[test]
    fn reflog_file_and_walk_agree() {
        let (a, b) = ("a".repeat(40), "b".repeat(40));
        let file = format!(
            "{z} {a} N <e> 1 +0000\tcommit (initial): one\n{a} {b} N <e> 2 +0000\tcommit: two\n",
            z = "0".repeat(40)
        );
        let walk = format!("{b} commit: two\0{a} commit (initial): one\0");
        let entries = parse_lines(file.as_bytes());
        assert_eq!(entries.len(), 2);
        assert_eq!(entries, parse_log_walk(walk.as_bytes()));
        assert_eq!(entries[0].old, None);
        assert_eq!(entries[1].old, Oid::parse(&a));
    }
}
