//! What tells a worktree from another one made at the same place after the first was deleted.

use std::path::Path;

/// What was at a worktree's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    root: Made,
    git: Option<Made>,
}

/// Which file or folder: one made later at the same path differs.
type Made = (u64, Option<std::time::SystemTime>);

impl Identity {
    /// What is at a root now; none where nothing is.
    pub fn of(root: &Path) -> Option<Self> {
        Some(Self { root: made(root)?, git: made(&root.join(".git")) })
    }
}

fn made(path: &Path) -> Option<Made> {
    let found = std::fs::symlink_metadata(path).ok()?;
    #[cfg(unix)]
    let number = std::os::unix::fs::MetadataExt::ino(&found);
    #[cfg(not(unix))]
    let number = 0;
    Some((number, found.created().ok()))
}
