//! Globs as settings have them: by name, or by path below the root. Only home of globset.

use std::path::Path;

use globset::{GlobBuilder, GlobSet, GlobSetBuilder};

/// A text that is no glob.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{glob:?} is not a glob: {}", source.kind())]
pub struct GlobError {
    /// The text.
    pub glob: String,
    /// Why.
    source: globset::Error,
}

impl GlobError {
    /// Why it is none, without repeating the text.
    pub fn reason(&self) -> String {
        self.source.kind().to_string()
    }
}

/// Globs without `/` are matched with every name on the path, others with the path and the folders on it.
#[derive(Debug, Clone)]
pub struct Globs {
    names: GlobSet,
    paths: GlobSet,
}

impl Globs {
    /// Reads the globs; [`GlobError`] names the one that is none.
    pub fn new(globs: &[String]) -> Result<Self, GlobError> {
        Self::build(globs, false)
    }

    /// As [`Globs::new`]; letter case is ignored.
    ///
    /// # Errors
    /// As there.
    pub fn any_case(globs: &[String]) -> Result<Self, GlobError> {
        Self::build(globs, true)
    }

    fn build(globs: &[String], any_case: bool) -> Result<Self, GlobError> {
        let (mut names, mut paths) = (GlobSetBuilder::new(), GlobSetBuilder::new());
        for glob in globs {
            let trimmed = glob.trim_start_matches("./").trim_end_matches('/');
            let (set, pattern) = if trimmed.contains('/') {
                (&mut paths, trimmed.trim_start_matches('/'))
            } else {
                (&mut names, trimmed)
            };
            let fail = |source| GlobError { glob: glob.clone(), source };
            set.add(
                GlobBuilder::new(pattern).literal_separator(true).case_insensitive(any_case).build().map_err(fail)?,
            );
        }
        let fail = |source| GlobError { glob: globs.join(" "), source };
        Ok(Self { names: names.build().map_err(fail)?, paths: paths.build().map_err(fail)? })
    }

    /// Whether a path below the root (parts divided by `/`), or a folder on it, matches.
    pub fn matches(&self, path: &str) -> bool {
        path.split('/').any(|name| self.names.is_match(name))
            || Path::new(path).ancestors().any(|at| !at.as_os_str().is_empty() && self.paths.is_match(at))
    }
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
    fn a_broken_glob_is_named() {
        let error = Globs::new(&["*.rs".into(), "a[".into()]).unwrap_err();
        assert_eq!((error.glob.as_str(), error.reason().contains("unclosed")), ("a[", true), "{error}");
    }
}
