//! Which files are private: nothing of them is recorded but that one changed, and nothing is asked of who wrote them.
//!
//! By name, as a person's settings and a repository's own say, or because the path holds a secret; the files that say it are
//! never private. Absent on purpose: what is done about it.

use std::path::Path;

use codi2_config::{GlobError, Globs};

use crate::path::shown;
use crate::repository_file;

/// The rule for one repository, or for none in particular.
#[derive(Debug, Clone)]
pub struct Private {
    globs: Vec<Globs>,
    secret: fn(&str) -> bool,
}

impl Private {
    /// What a person's settings name, letter case ignored, and every path of which `secret` says that it holds one.
    ///
    /// # Errors
    /// A glob that is none.
    pub fn new(globs: &[String], secret: fn(&str) -> bool) -> Result<Self, GlobError> {
        Ok(Self { globs: vec![Globs::any_case(globs)?], secret })
    }

    /// These, and what a repository's own settings add.
    ///
    /// # Errors
    /// A glob that is none.
    pub(crate) fn and(&self, globs: &[String]) -> Result<Self, GlobError> {
        let globs = self.globs.iter().cloned().map(Ok).chain([Globs::any_case(globs)]);
        Ok(Self { globs: globs.collect::<Result<_, _>>()?, secret: self.secret })
    }

    /// These, and what the settings add that lie at a repository's root now. A mistake in them costs what is wrong.
    ///
    /// # Errors
    /// A glob that is none.
    pub fn at(&self, root: &Path) -> Result<Self, GlobError> {
        self.and(&repository_file::read(root).0.watch.private)
    }

    /// Whether a file is private; its path as in [`codi2_protocol::FileId`].
    pub fn covers(&self, path: &str) -> bool {
        let named = shown(path);
        !repository_file::is_one(path) && (self.globs.iter().any(|globs| globs.matches(&named)) || (self.secret)(path))
    }
}
