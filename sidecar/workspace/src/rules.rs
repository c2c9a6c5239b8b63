//! Which paths are looked at: git's ignore files, include, exclude and private globs. Absent on purpose: the look at
//! the disk itself, and noticing that an ignore file changed (then new rules are made).

use std::path::Path;
use std::sync::Mutex;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};
use ignore::IncrementalIgnore;
use ignore::WalkBuilder;

use crate::git::Index;
use crate::path::{from_relative, to_relative};
use crate::watch::{WatchError, WatchOptions};

/// Git's own working folder in the worktree while `filter-branch` runs.
const GIT_REWRITE: &str = ".git-rewrite";

/// What to do with a path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Rule {
    Watch,
    Private,
    Ignore,
}

pub(crate) struct Rules {
    ignore: Mutex<Option<IncrementalIgnore>>,
    include: Option<Globs>,
    exclude: Globs,
    private: Globs,
    /// Paths of the folders apart.
    apart: Vec<String>,
}

/// Globs without `/` are matched with every name on the path, others with the path and the folders on it.
#[derive(Debug)]
pub struct Globs {
    names: GlobSet,
    paths: GlobSet,
}

impl Globs {
    /// Reads the globs; [`WatchError::Glob`] names the one that is none.
    pub fn new(globs: &[String]) -> Result<Self, WatchError> {
        let (mut names, mut paths) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for glob in globs {
            let trimmed = glob.trim_start_matches("./").trim_end_matches('/');
            let (set, pattern) = if trimmed.contains('/') {
                (&mut paths, trimmed.trim_start_matches('/'))
            } else {
                (&mut names, trimmed)
            };
            let fail = |source| WatchError::Glob { glob: glob.clone(), source };
            set.add(GlobBuilder::new(pattern).literal_separator(true).build().map_err(fail)?);
        }
        let fail = |source| WatchError::Glob { glob: globs.join(" "), source };
        Ok(Self { names: names.build().map_err(fail)?, paths: paths.build().map_err(fail)? })
    }

    /// Whether a path below the root (written as in [`codi2_protocol::FileId`]), or a folder on it, matches.
    pub fn matches(&self, path: &str) -> bool {
        path.split('/').any(|name| self.names.is_match(name))
            || Path::new(path).ancestors().any(|at| !at.as_os_str().is_empty() && self.paths.is_match(at))
    }
}

impl Rules {
    pub(crate) fn new(root: &Path, options: &WatchOptions) -> Result<Self, WatchError> {
        let rules = Self {
            ignore: Mutex::new(None),
            include: (!options.include.is_empty()).then(|| Globs::new(&options.include)).transpose()?,
            exclude: Globs::new(&options.exclude)?,
            private: Globs::new(&options.private)?,
            apart: options.apart.iter().filter_map(|folder| to_relative(folder.strip_prefix(root).ok()?)).collect(),
        };
        rules.reload(root);
        Ok(rules)
    }

    /// Reads the ignore files again.
    pub(crate) fn reload(&self, root: &Path) {
        let mut builder = WalkBuilder::new(root);
        // Git's rules and no others: not `.ignore`, not the folders above the worktree; `.gitignore` also without git.
        builder.hidden(false).ignore(false).parents(false).git_ignore(true).git_exclude(true).git_global(true);
        builder.require_git(false).follow_links(false);
        let matcher = builder.build_matchers().into_iter().next();
        *self.ignore.lock().unwrap_or_else(std::sync::PoisonError::into_inner) = matcher;
    }

    /// Whether a file is looked at.
    pub(crate) fn file(&self, path: &str, index: &Index) -> Rule {
        if self.exclude.matches(path) || in_git_rewrite(path) || self.is_apart(path) {
            return Rule::Ignore;
        }
        if self.include.as_ref().is_some_and(|include| !include.matches(path)) {
            return Rule::Ignore;
        }
        if !index.tracks(path) && self.ignored(path, false) {
            return Rule::Ignore;
        }
        if self.private.matches(path) { Rule::Private } else { Rule::Watch }
    }

    /// Whether a folder is entered.
    pub(crate) fn folder(&self, path: &str, index: &Index) -> bool {
        !(self.exclude.matches(path) || in_git_rewrite(path) || self.is_apart(path) || index.submodule(path))
            && (index.tracks_below(path) || !self.ignored(path, true))
    }

    fn is_apart(&self, path: &str) -> bool {
        let below = |folder: &String| {
            path.strip_prefix(folder.as_str()).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.apart.iter().any(below)
    }

    fn ignored(&self, path: &str, folder: bool) -> bool {
        let Some(below) = from_relative(path) else { return true };
        let mut ignore = self.ignore.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        ignore.as_mut().is_some_and(|ignore| ignore.matched(&below, folder).is_ignore())
    }
}

fn in_git_rewrite(path: &str) -> bool {
    path.split('/').next() == Some(GIT_REWRITE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn globs_by_name_and_by_path() {
        let globs = Globs::new(&["*.pem", "id_*", "src/gen/**", "/docs/api", "build/"].map(str::to_owned)).unwrap();
        for (path, is) in [
            ("a.pem", true),
            ("deep/down/a.pem", true),
            ("a.pem.txt", false),
            ("keys/id_rsa", true),
            ("src/gen/x/y.rs", true),
            ("src/general.rs", false),
            ("docs/api/x.md", true),
            ("x/docs/api", false),
            ("build/x", true),
            ("x/build/y", true),
        ] {
            assert_eq!(globs.matches(path), is, "{path}");
        }
    }

    #[test]
    fn folders_apart_are_never_entered() {
        let apart = vec!["/w/home/.local/state/codi2".into(), "/elsewhere".into()];
        let rules = Rules::new(Path::new("/w/home"), &WatchOptions { apart, ..WatchOptions::default() }).unwrap();
        let index = Index::default();
        assert!(!rules.folder(".local/state/codi2", &index) && rules.folder(".local/state", &index));
        assert_eq!(rules.file(".local/state/codi2/store/codi2.redb", &index), Rule::Ignore);
        assert_eq!(rules.file(".local/state/codi2.md", &index), Rule::Watch);
    }

    #[test]
    fn a_broken_glob_is_named() {
        let options = WatchOptions { exclude: vec!["a[".into()], ..WatchOptions::default() };
        let error = Rules::new(Path::new("/nonexistent"), &options).err().unwrap();
        assert!(error.to_string().contains("a["), "{error}");
    }
}
