//! Whose the lines of commits are, as anybody may find out: `git blame` leads to a commit, its note says the rest.

use std::collections::HashMap;
use std::path::Path;
use std::time::Duration;

use codi2_attribution::record::CommitRecord;
use codi2_attribution::record::codi2::{self, NoteError};
use codi2_ipc::CallError;
use codi2_protocol::{Call, HubError, Reply};

use crate::{World, wait_for};

/// Longest wait for an answer; only ever reached by a failure.
const PATIENCE: Duration = Duration::from_secs(60);
/// What a line whose commit has no note, or whose note does not have it, is said to be.
pub const NO_NOTE: &str = "-";

impl World {
    /// Has the hub write the notes of everything that is committed by now.
    ///
    /// # Errors
    /// What the hub says.
    pub fn write_notes(&self, worktree: &Path) -> Result<(), HubError> {
        let mut link = self.link();
        let path = worktree.to_string_lossy().into_owned();
        let watch = link.call_within(Call::Watch { path, poll: false }, PATIENCE);
        let Ok(Reply::Watch(status)) = watch else { panic!("no watch: {watch:?}") };
        match link.call_within(Call::Notes { worktree: status.worktree }, PATIENCE) {
            Ok(Reply::Done) => Ok(()),
            Err(CallError::Hub(error)) => Err(error),
            other => panic!("no notes: {other:?}"),
        }
    }

    /// What the note on a commit says; none where there is no note, or one of a later program.
    pub fn note(&self, commit: &str) -> Option<CommitRecord> {
        let notes = self.git(&["notes", "--ref", "codi2", "list"]);
        let noted = notes.lines().any(|line| line.split(' ').nth(1) == Some(commit));
        let text = noted.then(|| self.git(&["notes", "--ref", "codi2", "show", commit]))?;
        match codi2::read(commit, text.as_bytes()) {
            Ok(record) => Some(record),
            Err(NoteError::Version(_)) => None,
            Err(error) => panic!("{error}: {text}"),
        }
    }

    /// Every line of the files of a revision that are not empty, and whose it is: `kind name`, `-` without a note.
    pub fn noted(&self, revision: &str) -> Vec<(String, String)> {
        let mut notes: HashMap<String, Option<CommitRecord>> = HashMap::new();
        let mut all = Vec::new();
        for path in self.git(&["ls-tree", "-r", "--name-only", revision]).lines() {
            let (mut commit, mut number, mut name) = (String::new(), 0, String::new());
            for line in self.git(&["blame", "--line-porcelain", revision, "--", path]).lines() {
                if let Some(text) = line.strip_prefix('\t') {
                    let note = notes.entry(commit.clone()).or_insert_with(|| self.note(&commit));
                    let owner = note.as_ref().and_then(|note| note.owner(&name, number));
                    let who = owner.map(|owner| {
                        let origin = &owner.verdict.origin;
                        format!("{} {}", origin.kind, origin.name).trim_end().to_owned()
                    });
                    all.push((text.to_owned(), who.unwrap_or_else(|| NO_NOTE.into())));
                } else if let Some(text) = line.strip_prefix("filename ") {
                    text.clone_into(&mut name);
                } else if let [id, first, ..] = line.split(' ').collect::<Vec<_>>()[..]
                    && id.len() == 40
                    && id.bytes().all(|byte| byte.is_ascii_hexdigit())
                {
                    id.clone_into(&mut commit);
                    number = first.parse().expect("a number of a line");
                }
            }
        }
        all
    }

    /// Waits until the notes say this of the lines of a revision; lines that are not listed may be anybody's. The hub is
    /// asked to write them.
    pub fn wait_noted(&self, what: &str, revision: &str, expected: &[(&str, &str)]) {
        self.wait_told(what, revision, expected, &|| drop(self.write_notes(self.repository())));
    }

    /// The same without asking: the hub writes them by itself.
    pub fn wait_noted_unasked(&self, what: &str, revision: &str, expected: &[(&str, &str)]) {
        self.wait_told(what, revision, expected, &|| {});
    }

    fn wait_told(&self, what: &str, revision: &str, expected: &[(&str, &str)], ask: &dyn Fn()) {
        let told = || {
            ask();
            self.noted(revision)
        };
        let explain = || {
            let history = self.git(&["log", "--graph", "--oneline", "--all", "--", "."]);
            format!("{:#?}\nexpected {expected:?}\n{history}\n{}", told(), self.explain())
        };
        wait_for(what, explain, || {
            let noted = told();
            let is_told = |(text, who): &(&str, &str)| noted.iter().any(|(line, is)| line == text && is == who);
            expected.iter().all(is_told).then_some(())
        });
    }
}
