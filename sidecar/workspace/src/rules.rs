//! Which paths are looked at: git's ignore files, include, exclude and private globs. Absent on purpose: the look at
//! the disk itself, and noticing that an ignore file changed (then new rules are made).

use std::path::Path;
use std::sync::{Mutex, PoisonError, RwLock};

use codi2_config::Globs;
use ignore::IncrementalIgnore;
use ignore::WalkBuilder;

use crate::git::Index;
use crate::path::{from_relative, shown, to_relative};
use crate::private::Private;
use crate::repository_file;
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
    private: Private,
    /// With what the repository's own settings add.
    added: RwLock<Added>,
    /// Paths of the folders apart.
    apart: Vec<String>,
}

struct Added {
    exclude: Globs,
    private: Private,
}

impl Added {
    /// As the files at the root say now; a mistake in them is said in the log and costs what is wrong.
    fn read(root: &Path, own: &Private) -> Result<Self, WatchError> {
        let (settings, mistakes) = repository_file::read(root);
        mistakes.iter().for_each(|mistake| tracing::warn!("settings of the repository: {mistake}"));
        Ok(Self { exclude: Globs::new(&settings.watch.exclude)?, private: own.and(&settings.watch.private)? })
    }
}

impl Rules {
    pub(crate) fn new(root: &Path, options: &WatchOptions) -> Result<Self, WatchError> {
        let private = Private::new(&options.private, options.secret)?;
        let rules = Self {
            ignore: Mutex::new(None),
            include: (!options.include.is_empty()).then(|| Globs::new(&options.include)).transpose()?,
            exclude: Globs::new(&options.exclude)?,
            added: RwLock::new(Added::read(root, &private)?),
            private,
            apart: options.apart.iter().filter_map(|folder| to_relative(folder.strip_prefix(root).ok()?)).collect(),
        };
        rules.reload_ignore(root);
        Ok(rules)
    }

    /// Reads the ignore files and the repository's settings again.
    pub(crate) fn reload(&self, root: &Path) {
        match Added::read(root, &self.private) {
            Ok(added) => *self.added.write().unwrap_or_else(PoisonError::into_inner) = added,
            Err(error) => tracing::warn!(%error, "the repository's settings stay as they were"),
        }
        self.reload_ignore(root);
    }

    fn reload_ignore(&self, root: &Path) {
        let mut builder = WalkBuilder::new(root);
        // Git's rules and no others: not `.ignore`, not the folders above the worktree; `.gitignore` also without git.
        builder.hidden(false).ignore(false).parents(false).git_ignore(true).git_exclude(true).git_global(true);
        builder.require_git(false).follow_links(false);
        let matcher = builder.build_matchers().into_iter().next();
        *self.ignore.lock().unwrap_or_else(PoisonError::into_inner) = matcher;
    }

    /// Whether a file is looked at.
    pub(crate) fn file(&self, path: &str, index: &Index) -> Rule {
        // Whoever changes what is recorded is recorded.
        if repository_file::is_one(path) {
            return Rule::Watch;
        }
        let added = self.added.read().unwrap_or_else(PoisonError::into_inner);
        let named = shown(path);
        let excluded = self.exclude.matches(&named) || added.exclude.matches(&named);
        if excluded || in_git_rewrite(path) || self.is_apart(path) {
            return Rule::Ignore;
        }
        if self.include.as_ref().is_some_and(|include| !include.matches(&named)) {
            return Rule::Ignore;
        }
        if !index.tracks(path) && self.ignored(path, false) {
            return Rule::Ignore;
        }
        drop(added);
        if self.is_private(path) { Rule::Private } else { Rule::Watch }
    }

    /// Whether nothing of a file is recorded but that it changed.
    pub(crate) fn is_private(&self, path: &str) -> bool {
        self.added.read().unwrap_or_else(PoisonError::into_inner).private.covers(path)
    }

    /// Whether a folder is entered.
    pub(crate) fn folder(&self, path: &str, index: &Index) -> bool {
        let added = self.added.read().unwrap_or_else(PoisonError::into_inner);
        let named = shown(path);
        let excluded = self.exclude.matches(&named) || added.exclude.matches(&named);
        !(excluded || in_git_rewrite(path) || self.is_apart(path) || index.submodule(path))
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
        let mut ignore = self.ignore.lock().unwrap_or_else(PoisonError::into_inner);
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
    fn private_globs_ignore_case_and_a_secret_in_the_path_is_private_too() {
        let options = WatchOptions {
            secret: |path| path.contains("s3cret"),
            exclude: vec!["50%.off".into()],
            ..WatchOptions::default()
        };
        let rules = Rules::new(Path::new("/nonexistent"), &options).unwrap();
        for (path, rule) in [
            ("a/.env", Rule::Private),
            ("a/.ENV.local", Rule::Private),
            ("Server.PEM", Rule::Private),
            ("keys/ID_RSA", Rule::Private),
            ("notes/s3cret.md", Rule::Private),
            ("s3cret/notes.md", Rule::Private),
            ("notes/secret.md", Rule::Watch),
            ("id_100%25", Rule::Private),
            ("50%25.off", Rule::Ignore),
        ] {
            assert_eq!(rules.file(path, &Index::default()), rule, "{path}");
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
    fn a_repository_adds_to_what_is_private_and_excluded_and_takes_nothing_away() {
        let root = tempfile::tempdir().unwrap();
        let write = |text: &str| std::fs::write(root.path().join(".codi2.toml"), text).unwrap();
        let options = WatchOptions { exclude: vec!["mine".into()], ..WatchOptions::default() };
        write("[watch]\nprivate = [\"customers/**\"]\nexclude = [\"vendor\", \"*.toml\"]\n");
        let rules = Rules::new(root.path(), &options).unwrap();
        let index = Index::default();
        let of = |path: &str| rules.file(path, &index);
        assert_eq!(of("customers/a.csv"), Rule::Private);
        assert_eq!((of("vendor/x.c"), rules.folder("vendor", &index)), (Rule::Ignore, false));
        assert_eq!((of(".env"), of("mine/x"), of("a.rs")), (Rule::Private, Rule::Ignore, Rule::Watch));
        assert_eq!((of("Cargo.toml"), of(".codi2.toml")), (Rule::Ignore, Rule::Watch));
        // Read again: a mistake costs what is wrong, and nothing of one's own settings.
        write("[watch]\nprivate = [\"a[\", \"secret\"]\ninclude = []\n[hub]\nidle_minutes = 0\n");
        rules.reload(root.path());
        assert_eq!((of("secret"), of("customers/a.csv"), of("vendor/x.c")), (Rule::Private, Rule::Watch, Rule::Watch));
        assert_eq!((of(".env"), of("mine/x")), (Rule::Private, Rule::Ignore));
    }

    #[test]
    fn a_broken_glob_is_named() {
        let options = WatchOptions { exclude: vec!["a[".into()], ..WatchOptions::default() };
        let error = Rules::new(Path::new("/nonexistent"), &options).err().unwrap();
        assert!(error.to_string().contains("a["), "{error}");
    }
}
