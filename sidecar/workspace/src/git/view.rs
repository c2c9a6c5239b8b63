//! One thread's view of a worktree's git: what reads it, and what is kept while one batch is judged.

mod blobs;
mod history;

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use super::libgit::Libgit;
use super::plain::Folders;
use super::program::{Cat, Program};
use super::{Oid, ViewError, others};
use crate::place::Place;

#[cfg(test)]
thread_local! {
    /// Views that were opened, and processes started to filter.
    pub(crate) static OPENED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
    pub(crate) static STARTED: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// One thread's view of a worktree's git.
pub(crate) struct View {
    pub(super) library: Option<Libgit>,
    pub(super) program: Program,
    /// A running `git cat-file`, kept while one batch is judged.
    cat: Option<Cat>,
    filtering: Option<Cat>,
    /// Whether any filter may apply: else the form in the worktree is the blob itself.
    pub(super) filters: bool,
    configured_filters: bool,
    pub(crate) git_dir: PathBuf,
    pub(crate) common_dir: PathBuf,
    entries: HashMap<(Oid, String), Option<Oid>>,
    /// Where branches end, while one batch is judged.
    ends: Option<Vec<Oid>>,
}

impl View {
    /// The view of a place; a plain folder has none.
    pub(crate) fn of(place: &Place) -> Result<Self, ViewError> {
        let (Some(git_dir), Some(common_dir)) = (&place.git_dir, &place.common_dir) else {
            return Err(ViewError::Refused(format!("{} is not in a git repository", place.root.display())));
        };
        Self::open(&place.root, git_dir, common_dir)
    }

    pub(crate) fn open(root: &Path, git_dir: &Path, common_dir: &Path) -> Result<Self, ViewError> {
        #[cfg(test)]
        OPENED.set(OPENED.get() + 1);
        let folders = Folders { root: root.to_owned(), git_dir: git_dir.to_owned(), common_dir: common_dir.to_owned() };
        let program = Program::new(root, &folders);
        let library = match Libgit::open(root) {
            Ok(library) => Some(library),
            Err(reason) => {
                program.probe(&reason)?;
                None
            }
        };
        let mut view = Self {
            library,
            program,
            cat: None,
            filtering: None,
            filters: true,
            configured_filters: true,
            git_dir: git_dir.to_owned(),
            common_dir: common_dir.to_owned(),
            entries: HashMap::new(),
            ends: None,
        };
        view.reload_config();
        Ok(view)
    }

    /// Reads again whether the configuration asks for filters.
    pub(crate) fn reload_config(&mut self) {
        let on =
            |key| self.config(key).is_some_and(|value| !matches!(value.as_str(), "false" | "no" | "off" | "0" | ""));
        let user_file = self.config("core.attributesfile").map(PathBuf::from).or_else(default_attributes);
        self.configured_filters = on("core.autocrlf")
            || self.config("core.eol").is_some()
            || self.common_dir.join("info/attributes").exists()
            || user_file.is_some_and(|file| file.exists());
        self.filters = self.configured_filters;
    }

    /// Says whether the index (or the worktree) has attribute files.
    pub(crate) fn set_filters(&mut self, attributes: bool) {
        self.filters = self.configured_filters || attributes;
    }

    pub(crate) fn config(&self, key: &str) -> Option<String> {
        match &self.library {
            Some(library) => library.config(key),
            None => self.program.line(&["config", "--get", key]),
        }
    }

    /// libgit2, where it sees the history that git sees.
    pub(super) fn same_history(&self) -> Option<&Libgit> {
        self.library.as_ref().filter(|library| library.has_plain_history())
    }

    fn cat(&mut self) -> Option<&mut Cat> {
        if self.cat.is_none() {
            self.cat = self.program.cat(false);
        }
        self.cat.as_mut()
    }

    /// Where branches and remotes' branches end, and what was fetched last: the newest of them.
    pub(super) fn ends(&mut self) -> &[Oid] {
        if self.ends.is_none() {
            self.ends = Some(others::ends(self));
        }
        self.ends.as_deref().unwrap_or_default()
    }

    /// Ends the helper processes; called when a batch is judged. They cache attributes, so none outlives its batch.
    pub(crate) fn rest(&mut self) {
        self.ends = None;
        self.cat = None;
        self.filtering = None;
    }
}

/// Where git looks for the user's attributes if nothing else is configured.
fn default_attributes() -> Option<PathBuf> {
    let base = std::env::var_os("XDG_CONFIG_HOME")
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
        .or_else(|| std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".config")))?;
    Some(base.join("git/attributes"))
}
