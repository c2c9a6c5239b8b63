//! Whether a file would be recorded, asked by those who run no watch: a sidecar that opens a buffer.
//!
//! Absent on purpose: include and exclude globs, which say what is watched on disk, not what an editor may tell.

use crate::git::View;
use crate::place::Place;
use crate::read::Unwatched;
use crate::rules::{Rule, Rules};
use crate::watch::WatchOptions;

/// Why a file of this place (path as in [`codi2_protocol::FileId`]) is not recorded: private, ignored and not tracked,
/// or no path below the root. `None`: it is recorded. Reads git's index and ignore files: for opening a buffer, not for
/// each keystroke.
pub fn unrecorded(place: &Place, path: &str, private: &[String]) -> Option<Unwatched> {
    if crate::path::from_relative(path).is_none() {
        return Some(Unwatched::Outside);
    }
    let options = WatchOptions { private: private.to_vec(), ..WatchOptions::default() };
    // A private glob that is none was refused when the settings were read; without rules nothing is recorded.
    let Ok(rules) = Rules::new(&place.root, &options) else { return Some(Unwatched::Ignored) };
    let view = place.git_dir.as_deref().zip(place.common_dir.as_deref());
    let view = view.and_then(|(git, common)| View::open(&place.root, git, common).ok());
    let index = view.and_then(|view| view.index().ok()).unwrap_or_default();
    match rules.file(path, &index) {
        Rule::Watch => None,
        Rule::Private => Some(Unwatched::Private),
        Rule::Ignore => Some(Unwatched::Ignored),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn private_and_ignored_files_are_named() {
        let folder = tempfile::tempdir().unwrap();
        git2::Repository::init(folder.path()).unwrap();
        std::fs::write(folder.path().join(".gitignore"), "target/\n*.log\n").unwrap();
        let place = crate::identify(folder.path()).unwrap();
        for (path, why) in [
            ("src/main.rs", None),
            ("x.log", Some(Unwatched::Ignored)),
            ("target/debug/x.rs", Some(Unwatched::Ignored)),
            ("keys/server.pem", Some(Unwatched::Private)),
            (".env.local", Some(Unwatched::Private)),
            ("../x", Some(Unwatched::Outside)),
        ] {
            assert_eq!(unrecorded(&place, path, &WatchOptions::default().private), why, "{path}");
        }
    }
}
