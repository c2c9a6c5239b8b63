//! What the commits of a range brought, and what differs between two.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ffi::OsString;

use super::asked::may_be_set;
use super::patch::{self, CommitPatch, FileChange, Keep};
use super::{NO_OPTIONS, Past, PastError};
use crate::git::COMPARED;
use crate::git::program::Program;

/// How diffs are made, whatever the person's configuration says, besides [`COMPARED`].
const DIFF: [&str; 6] = [
    "--patch",
    // What is no text is told by its bytes: the change itself may say by attributes what is shown of it.
    "--text",
    "--no-relative",
    "--ignore-submodules=all",
    "--src-prefix=a/",
    "--dst-prefix=b/",
];

/// How git says that it knows no such revision.
const UNKNOWN: [&str; 4] = ["unknown revision", "bad revision", "Invalid revision range", "bad object"];

impl Past {
    /// Every path that commits of a range touched, merges by each of their parents; as protocol paths, sorted.
    ///
    /// # Errors
    /// No such revisions.
    pub fn touched(&self, range: &[&str]) -> Result<Vec<String>, PastError> {
        let fixed = ["log", "-m", "-z", "--name-only", "--no-renames", "--no-relative"];
        let mut words: Vec<OsString> = fixed.map(Into::into).into();
        words.extend(["--format=", "--no-show-signature", "--ignore-submodules=all", NO_OPTIONS].map(Into::into));
        words.extend(range.iter().map(Into::into));
        words.push("--".into());
        let ask = |program: &Program| self.run(program, &words, None).map_err(|error| self.about_range(range, error));
        let listing = self.top.settled(may_be_set, ask)?;
        let names = listing.split(|byte| *byte == 0).filter(|name| !name.is_empty());
        let mut names: Vec<String> = names.map(crate::path::from_git_bytes).collect();
        names.sort();
        names.dedup();
        Ok(names)
    }

    /// The files there are where a range begins or ends, as protocol paths.
    ///
    /// # Errors
    /// No such revisions.
    pub fn files_at_ends(&self, range: &str) -> Result<BTreeSet<String>, PastError> {
        let words = ["rev-parse", "--revs-only", NO_OPTIONS, range].map(OsString::from);
        let ends = self.run(&self.top, &words, None).map_err(|error| self.about_range(&[range], error))?;
        let mut files = BTreeSet::new();
        for end in String::from_utf8_lossy(&ends).lines() {
            files.extend(self.files(end.trim_start_matches('^'))?);
        }
        Ok(files)
    }

    /// Hands over every commit of a range with what it brought, newest first. A merge brings what none of its parents
    /// has. `range`: revisions and ranges as `git log` takes them, such as `main..` or `HEAD~3`, no options; `paths`: pathspecs from the
    /// folder this was opened for.
    ///
    /// # Errors
    /// No such revisions, whatever git says, and what `each` returns.
    pub fn commits<E: From<PastError>>(
        &self,
        range: &[&str],
        paths: &[OsString],
        keep: Keep,
        each: &mut dyn FnMut(CommitPatch) -> Result<(), E>,
    ) -> Result<(), E> {
        let fixed = ["log", "--cc", "--no-show-signature"];
        let mut words: Vec<OsString> = fixed.map(Into::into).into();
        words.extend(["--encoding=UTF-8", patch::FORMAT].map(Into::into));
        words.extend(COMPARED.into_iter().chain(DIFF).map(Into::into));
        words.extend([format!("--unified={}", keep.context()).into(), NO_OPTIONS.into()]);
        words.extend(range.iter().map(Into::into));
        words.push("--".into());
        words.extend(paths.iter().cloned());
        let begun = Cell::new(false);
        let each = &mut |commit| {
            begun.set(true);
            each(commit)
        };
        let ask = |program: &Program| {
            let about = |error| self.about_range(range, error);
            self.streamed(program, &words, &mut |output| patch::commits(output, keep, each)).map_err(about)
        };
        // Nothing is handed over twice.
        self.here.settled(|error| !begun.get() && may_be_set(error), ask)??;
        if begun.get() { Ok(()) } else { Ok(self.names_commits(range)?) }
    }

    /// A range that is empty names commits all the same; git takes a file or a folder of one for none, too.
    fn names_commits(&self, range: &[&str]) -> Result<(), PastError> {
        let words = [&["rev-parse", "--revs-only", NO_OPTIONS], range].concat();
        let named = self.run(&self.top, &words.iter().map(Into::into).collect::<Vec<_>>(), None)?;
        let named: String = String::from_utf8_lossy(&named)
            .lines()
            .map(|line| format!("{}^{{}}\n", line.trim_start_matches('^')))
            .collect();
        let kinds = ["cat-file", "--batch-check=%(objecttype)"].map(OsString::from);
        let kinds = self.run(&self.top, &kinds, Some(named.as_bytes()))?;
        let is_none = |kind: &str| matches!(kind, "tree" | "blob");
        if String::from_utf8_lossy(&kinds).lines().any(is_none) {
            return Err(PastError::NoCommit(range.join(" ")));
        }
        Ok(())
    }

    fn about_range(&self, range: &[&str], error: PastError) -> PastError {
        match error {
            PastError::Git(said) if UNKNOWN.iter().any(|words| said.contains(words)) => {
                self.no_revision(&range.join(" "))
            }
            other => other,
        }
    }

    /// What differs between two commits or trees, or between one and the worktree (`to` is none), in order of paths.
    ///
    /// # Errors
    /// No such revision, or whatever git says.
    pub fn diff(
        &self,
        from: &str,
        to: Option<&str>,
        paths: &[OsString],
        keep: Keep,
    ) -> Result<Vec<FileChange>, PastError> {
        let mut words: Vec<OsString> = vec!["diff".into()];
        words.extend(COMPARED.into_iter().chain(DIFF).map(Into::into));
        words.extend([format!("--unified={}", keep.context()).into(), NO_OPTIONS.into()]);
        words.push(from.into());
        words.extend(to.map(Into::into));
        words.push("--".into());
        words.extend(paths.iter().cloned());
        let ask = |program: &Program| {
            let about = |error| self.about_range(&[&[from], to.as_slice()].concat(), error);
            self.streamed(program, &words, &mut |output| patch::files(output, keep)).map_err(about)
        };
        self.here.settled(may_be_set, ask)?
    }
}
