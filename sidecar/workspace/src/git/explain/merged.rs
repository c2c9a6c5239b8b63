//! Contents that git put together: clean merges and conflicts.

use std::collections::HashSet;

use super::{Content, Explainer, Found, Writing};
use crate::git::Oid;
use crate::git::index::Entry;
use crate::git::operation::Kind;
use crate::observe::GitSource;

impl Explainer<'_> {
    /// The clean merge or the conflict that git made of what it had, if the content is one.
    pub(super) fn merged(&mut self, content: &mut Content<'_>, writing: Writing) -> Option<GitSource> {
        let path = content.path;
        let Found::Bytes(bytes) = content.found else { return None };
        let introduced = self.moved.introduced(self.view, path, |view, oid| content.is(view, oid));
        if matches!(introduced, Some((Kind::Records, _))) {
            // Somebody's own text, recorded: a merge that has it as a side took it from here.
            return self.squashed(content, writing);
        }
        let stages = self.after.index.entry(path).map(Entry::stages).unwrap_or_default();
        let old_stages = self.before.index.entry(path).map(Entry::stages).unwrap_or_default();
        if stages != old_stages && stages.iter().any(Option::is_some) {
            let side = stages.into_iter().flatten().any(|oid| content.is(self.view, oid) && !self.fresh(oid));
            if side || self.has_only_lines_of(path, bytes, stages) {
                return Some(GitSource::Conflict);
            }
        }
        if old_stages.iter().any(Option::is_some)
            && beside_marks(bytes).is_some()
            && self.remade(path, bytes, old_stages)
        {
            // `git checkout -m` or `--conflict` makes the conflict anew.
            return Some(GitSource::Conflict);
        }
        for (base, theirs) in self.other_sides() {
            let base = base.and_then(|commit| self.view.entry(commit, path));
            let theirs = self.view.entry(theirs, path);
            if theirs.is_some_and(|oid| content.is(self.view, oid) && self.fresh(oid)) {
                // It may have been taken from here: an automatic stash is.
                continue;
            }
            let ours = [self.before.index.entry(path).and_then(Entry::oid), self.head_after(path)];
            for ours in ours.into_iter().flatten() {
                // A merge that changes nothing here writes nothing here.
                if !content.is(self.view, ours)
                    && let (Some(base), Some(theirs)) = (base, theirs)
                    && let Some((merge, true)) = self.merge(path, base, ours, theirs)
                    && merge == bytes
                {
                    return Some(GitSource::Merge);
                }
            }
        }
        (writing == Writing::Indexed && self.moved.writes()).then_some(GitSource::Merge)
    }

    /// Whether it is a conflict of which each line is git's mark or stands in one of the stages: else somebody has written
    /// in it since.
    fn has_only_lines_of(&mut self, path: &str, bytes: &[u8], stages: [Option<Oid>; 3]) -> bool {
        let Some(beside) = beside_marks(bytes) else { return false };
        let sides: Vec<Vec<u8>> =
            stages.into_iter().flatten().filter_map(|stage| self.view.worktree_form(path, stage)).collect();
        let known: HashSet<&[u8]> = sides.iter().flat_map(|side| lines(side)).collect();
        beside.iter().all(|line| known.contains(line))
    }

    /// Whether the bytes are the conflict of three stages, whatever the labels say.
    fn remade(&mut self, path: &str, bytes: &[u8], [base, ours, theirs]: [Option<Oid>; 3]) -> bool {
        let (Some(base), Some(ours), Some(theirs)) = (base, ours, theirs) else { return false };
        let without_labels = |bytes: &[u8]| -> Vec<Vec<u8>> {
            let has_label = |line: &&[u8]| [b'<', b'>'].iter().any(|mark| is_mark(line, *mark, MARK));
            bytes.split(|byte| *byte == b'\n').filter(|line| !has_label(line)).map(<[u8]>::to_vec).collect()
        };
        self.merge(path, base, ours, theirs).is_some_and(|(merge, _)| without_labels(&merge) == without_labels(bytes))
    }

    /// Pairs (base, theirs) of commits that git may have merged into the worktree.
    pub(super) fn other_sides(&mut self) -> Vec<(Option<Oid>, Oid)> {
        let mut out = Vec::new();
        let mut seen = HashSet::new();
        let (before, after) = (self.before, self.after);
        for marks in [&after.marks, &before.marks] {
            for merge in &marks.merge {
                if seen.insert(*merge)
                    && let Some(head) = before.head.commit
                {
                    out.push((self.view.merge_base(head, *merge), *merge));
                }
            }
            if let Some(pick) = marks.cherry_pick.filter(|oid| seen.insert(*oid)) {
                out.push((self.view.parents(pick).first().copied(), pick));
            }
            if let Some(revert) = marks.revert.filter(|oid| seen.insert(*oid))
                && let Some(parent) = self.view.parents(revert).first()
            {
                out.push((Some(revert), *parent));
            }
            if let Some(stash) = marks.autostash.filter(|oid| seen.insert(*oid)) {
                out.push((self.view.parents(stash).first().copied(), stash));
            }
        }
        for stash in &before.stashes {
            if seen.insert(*stash) {
                out.push((self.view.parents(*stash).first().copied(), *stash));
            }
        }
        out
    }

    /// Merges three blobs in their form in the worktree; says whether it was clean.
    pub(super) fn merge(&mut self, path: &str, base: Oid, ours: Oid, theirs: Oid) -> Option<(Vec<u8>, bool)> {
        let [base, ours, theirs] = [base, ours, theirs].map(|oid| self.view.worktree_form(path, oid));
        merge_bytes(&base?, &ours?, &theirs?)
    }
}

/// Merges three texts; says whether it was clean.
pub(in crate::git) fn merge_bytes(base: &[u8], ours: &[u8], theirs: &[u8]) -> Option<(Vec<u8>, bool)> {
    // The library cannot give an empty result: asking it for the bytes of one is undefined, and ends a debug build. So
    // all three begin with a line that no text has.
    const FIRST: &[u8] = b"(the first line, of codi2)\n";
    let [base, ours, theirs] = [base, ours, theirs].map(|text| [FIRST, text].concat());
    let (mut ancestor, mut our, mut their) =
        (git2::MergeFileInput::new(), git2::MergeFileInput::new(), git2::MergeFileInput::new());
    let result = git2::merge_file(ancestor.content(&base), our.content(&ours), their.content(&theirs), None).ok()?;
    Some((result.content().strip_prefix(FIRST)?.to_vec(), result.is_automergeable()))
}

/// Characters of a mark around the sides of a conflict, at least; `conflict-marker-size` asks for more.
const MARK: usize = 7;

/// Whether a line is such a mark. What divides the sides bears no label.
fn is_mark(line: &[u8], mark: u8, width: usize) -> bool {
    let after = line.strip_suffix(b"\r").unwrap_or(line).split_at_checked(width);
    after.is_some_and(|(marks, label)| {
        marks.iter().all(|byte| *byte == mark) && (label.is_empty() || mark != b'=' && label[0] == b' ')
    })
}

/// Lines without their ends: a file's last line may have none, and stands in the middle of a conflict.
fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes
        .split(|byte| *byte == b'\n')
        .map(|line| line.strip_suffix(b"\r").unwrap_or(line))
        .filter(|line| !line.is_empty())
}

/// The lines beside git's marks, where these stand around whole conflicts as git puts them; else absent. A line that looks
/// like one elsewhere is somebody's.
fn beside_marks(bytes: &[u8]) -> Option<Vec<&[u8]>> {
    let first = lines(bytes).find(|line| line.starts_with(&[b'<'; MARK]))?;
    let width = first.iter().take_while(|byte| **byte == b'<').count();
    let (mut last, mut beside) = (b'>', Vec::new());
    for line in lines(bytes) {
        let next: &[u8] = match last {
            b'>' => b"<",
            b'<' => b"|=",
            b'|' => b"=",
            _ => b">",
        };
        match next.iter().find(|mark| is_mark(line, **mark, width)) {
            Some(mark) => last = *mark,
            None => beside.push(line),
        }
    }
    (last == b'>').then_some(beside)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn merges_also_to_nothing() {
        // The library wakes with its first object.
        git2::Config::new().unwrap();
        for (base, ours, theirs, merged) in [
            ("a\nb\nc\nd\ne\n", "A\nb\nc\nd\ne\n", "a\nb\nc\nd\nE\n", Some("A\nb\nc\nd\nE\n")),
            ("a\n", "", "", Some("")),
            ("", "", "", Some("")),
            ("a\n", "", "a\n", Some("")),
            ("\na\n", "a\n", "\na\n", Some("a\n")),
            ("a\n", "b\n", "c\n", None),
        ] {
            let found = merge_bytes(base.as_bytes(), ours.as_bytes(), theirs.as_bytes());
            let found = found.unwrap_or_else(|| panic!("{base:?} {ours:?} {theirs:?}"));
            assert_eq!(found.1, merged.is_some(), "{base:?} {ours:?} {theirs:?}");
            if let Some(merged) = merged {
                assert_eq!(String::from_utf8_lossy(&found.0), merged);
            }
        }
    }
    #[test]
    fn a_line_that_looks_like_a_mark_is_somebodys() {
        for (text, beside) in [
            ("<<<<<<< HEAD\nours\n=======\ntheirs\n>>>>>>> b\n", Some("ours theirs")),
            ("<<<<<<< HEAD\r\nours\r\n=======\r\ntheirs\r\n>>>>>>> b\r\n", Some("ours theirs")),
            ("<<<<<<< HEAD\nours\n||||||| base\nbase\n=======\ntheirs\n>>>>>>> b\n", Some("ours base theirs")),
            ("<<<<<<<<< HEAD\nours\n=========\n=======\n>>>>>>>>> b\n", Some("ours =======")),
            ("<<<<<<< HEAD\n=======\n>>>>>>> b\n======= bot\n", Some("======= bot")),
            ("<<<<<<< HEAD\n=======\n>>>>>>> b\n=======\n", Some("=======")),
            ("<<<<<<< HEAD\n======= bot\n=======\n>>>>>>>bot\n>>>>>>> b\n", Some("======= bot >>>>>>>bot")),
            ("<<<<<<< HEAD\n=======\n=======\n>>>>>>> b\n", Some("=======")),
            ("<<<<<<< HEAD\n======== bot\n>>>>>>> b\n", None),
            ("<<<<<<< HEAD\nours\n", None),
            ("ours\n=======\n", None),
        ] {
            let found = beside_marks(text.as_bytes()).map(|lines| lines.join(&b' '));
            assert_eq!(found.as_deref(), beside.map(str::as_bytes), "{text}");
        }
    }
}
