//! What of a payload may be in a record: plain absolute paths, short names, and not too many of them.

use std::path::{Component, Path, PathBuf};

use codi2_config::Globs;

/// Most files in a record (see [`codi2_protocol::HookRecord::files`]).
pub(super) const FILES: usize = 1_000;
/// Longest list of files, in bytes together: the record must fit in one fact and one event.
pub(super) const LIST_BYTES: usize = 60_000;
/// Longest name, model or conversation kept, in bytes.
pub(super) const NAME_BYTES: usize = 256;

/// The list of files, without repeats. A cut list would claim less than the agent did: one that is too long is none, and
/// the hub takes every path for possible.
pub(super) fn files<'a>(folder: &Path, paths: impl Iterator<Item = &'a str>) -> Vec<String> {
    let (mut files, mut bytes) = (Vec::new(), 0);
    for path in paths.filter(|path| !path.is_empty()) {
        let path = absolute(folder, path);
        if files.last() == Some(&path) {
            continue;
        }
        bytes += path.len();
        if files.len() == FILES || bytes > LIST_BYTES {
            return Vec::new();
        }
        files.push(path);
    }
    files
}

/// The path below the folder, without `.` and `..`. By name only: a link is not followed, the file may not exist yet.
pub(super) fn absolute(folder: &Path, path: &str) -> String {
    let mut plain = PathBuf::new();
    for component in folder.join(path).components() {
        match component {
            Component::CurDir => {}
            Component::ParentDir => {
                plain.pop();
            }
            other => plain.push(other),
        }
    }
    // Both came in as text, so nothing is lost here.
    plain.to_string_lossy().into_owned()
}

/// Whether a file is private to whoever works in `folder`. Where the worktree begins is not looked up here, so that the
/// globs count from the folder and from each one above it; for a file elsewhere, from each one above the file.
pub(in crate::cli) fn is_private(private: &Globs, folder: &Path, path: &str) -> bool {
    let path = PathBuf::from(absolute(folder, path));
    let mut roots = path.ancestors().skip(1).filter(|root| *root == folder || !root.starts_with(folder));
    roots.any(|root| path.strip_prefix(root).is_ok_and(|below| private.matches(&below.to_string_lossy())))
}

/// The beginning of a text, as long as a name may be.
pub(super) fn cut(mut text: String) -> String {
    let mut end = text.len().min(NAME_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}
