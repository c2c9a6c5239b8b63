//! Which files of a call are private: those are not read, and nothing of them lies in the spool.
//!
//! By name, as the person's settings say and those of a repository add, or because the path holds a token. Absent on purpose:
//! where the worktree begins, which takes too long to find: settings in any folder above a file count.

use std::cell::RefCell;
use std::collections::HashMap;
use std::path::{Path, PathBuf};

use codi2_config::Globs;
use codi2_workspace::{repository_file, repository_settings};

use super::bounds::is_private;

/// The rule of one process.
pub(super) struct Private {
    /// None: they cannot be read, so that every file is private.
    person: Option<Globs>,
    /// What the settings in a folder add, where there are some.
    added: RefCell<HashMap<PathBuf, Option<Globs>>>,
}

impl Private {
    /// What a person's settings name, letter case ignored, and what repositories add.
    pub fn new(globs: &[String]) -> Self {
        Self { person: Globs::any_case(globs).ok(), added: RefCell::default() }
    }

    /// Whether a file is private to whoever works in `folder`, by its name or by that of the place where links lead.
    pub fn covers(&self, folder: &Path, path: &str) -> bool {
        self.names(folder, path) || resolved(path).is_some_and(|place| place != path && self.names(folder, &place))
    }

    fn names(&self, folder: &Path, path: &str) -> bool {
        self.person.as_ref().is_none_or(|globs| is_private(globs, folder, path))
            || codi2_redaction::holds_token(path)
            || Path::new(path).ancestors().skip(1).any(|root| self.is_added(root, Path::new(path)))
    }

    /// Whether the settings in this folder make a file below it private.
    fn is_added(&self, root: &Path, path: &Path) -> bool {
        let mut added = self.added.borrow_mut();
        let globs = added.entry(root.to_owned()).or_insert_with(|| {
            repository_file(root).symlink_metadata().ok()?;
            // What is wrong in them was left out, and costs nothing else.
            Globs::any_case(&repository_settings(root).0.watch.private).ok()
        });
        let below = path.strip_prefix(root).map(Path::to_string_lossy);
        globs.as_ref().zip(below.ok()).is_some_and(|(globs, below)| globs.matches(&below))
    }
}

/// Where a file lies, whose last folder may be a link; absent where that is not there.
fn resolved(path: &str) -> Option<String> {
    let path = Path::new(path);
    let place = path.parent()?.canonicalize().ok()?.join(path.file_name()?);
    Some(place.to_string_lossy().into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_persons_rules_count_and_those_of_repositories_add_to_them() {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path();
        std::fs::create_dir_all(root.join("deep/down")).unwrap();
        std::fs::write(root.join(".codi2.toml"), "[watch]\nprivate = [\"theirs/*\", \"*.own\"]\n").unwrap();
        let private = Private::new(&[".env*".to_owned(), "mine/*".to_owned()]);
        let token = format!("glpat-{}.txt", "q8Zr2LmX0aPd7VtKq8Zr");
        for (path, expected) in [
            ("a.rs", false),
            (".codi2.toml", false),
            (".ENV.local", true),
            ("mine/a", true),
            ("theirs/a", true),
            ("deep/down/A.OWN", true),
            ("deep/theirs/a", false),
            (token.as_str(), true),
        ] {
            let path = root.join(path);
            assert_eq!(private.covers(&root.join("deep"), path.to_str().unwrap()), expected, "{path:?}");
        }
        #[cfg(unix)]
        {
            std::fs::create_dir(root.join("theirs")).unwrap();
            std::os::unix::fs::symlink("theirs", root.join("shown")).unwrap();
            for (path, expected) in [("shown/a", true), ("shown/deep/a", false), ("deep/a", false)] {
                let path = root.join(path);
                assert_eq!(private.covers(root, path.to_str().unwrap()), expected, "{path:?}");
            }
        }
        let broken = Private::new(&["a[".to_owned()]);
        assert!(broken.covers(root, root.join("a.rs").to_str().unwrap()), "nothing is less private for a mistake");
    }
}
