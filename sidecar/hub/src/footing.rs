//! Whether the store's file still lies where it was opened.
//!
//! On Unix a file goes on living for whoever has it open when it is removed: a hub would write on, acknowledge, and
//! lose all of it with its end. Absent on purpose: the state folder itself, which the lock stands for.

use std::path::PathBuf;

use crate::run::StoreSpec;

/// Which file a store was opened at.
#[derive(Debug, Clone, Default)]
pub struct Footing(Option<(PathBuf, File)>);

type File = Option<(u64, u64)>;

impl Footing {
    /// Of a store that is open.
    pub fn of(spec: &StoreSpec) -> Self {
        match spec {
            StoreSpec::File(path) => Self(Some((path.clone(), file(path)))),
            StoreSpec::Shared(_) | StoreSpec::Memory => Self(None),
        }
    }

    /// Whether what is written there is found there.
    pub fn is_firm(&self) -> bool {
        self.0.as_ref().is_none_or(|(path, made)| file(path) == *made)
    }
}

fn file(path: &std::path::Path) -> File {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        std::fs::metadata(path).ok().map(|found| (found.dev(), found.ino()))
    }
    // An open file can be neither renamed nor deleted there by default.
    #[cfg(not(unix))]
    {
        let _ = path;
        None
    }
}
