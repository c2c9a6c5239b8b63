//! What was read of folders in git's trees, kept for all of their files: a checkout asks about hundreds at once, and paths in
//! their order lead from folder to folder and back (ADR 0121). Bounded in folders and files together.

use std::collections::HashMap;

/// Folders and files of theirs that are remembered, in all.
const ENTRIES: usize = if cfg!(test) { 6 } else { 32_768 };

/// The files of a folder, by their names.
pub(super) type Folder<T> = HashMap<Vec<u8>, T>;

/// What is known of the files of each folder that was asked about.
pub(super) struct ByFolder<T> {
    folders: HashMap<Vec<u8>, Folder<T>>,
    /// How many they are, with their files.
    entries: usize,
}

impl<T> Default for ByFolder<T> {
    fn default() -> Self {
        Self { folders: HashMap::new(), entries: 0 }
    }
}

impl<T: Clone + Default> ByFolder<T> {
    /// What is known of a file, as git writes its path; `read` reads its folder (which ends in `/`; empty: the root).
    pub(super) fn of(&mut self, path: &[u8], read: impl FnOnce(&[u8]) -> Folder<T>) -> T {
        let at = path.iter().rposition(|byte| *byte == b'/').map_or(0, |slash| slash + 1);
        let (folder, name) = path.split_at(at);
        if !self.folders.contains_key(folder) {
            let files = read(folder);
            if self.entries + files.len() + 1 > ENTRIES {
                self.forget();
            }
            self.entries += files.len() + 1;
            self.folders.insert(folder.to_vec(), files);
        }
        self.folders.get(folder).and_then(|files| files.get(name)).cloned().unwrap_or_default()
    }

    /// Git has moved.
    pub(super) fn forget(&mut self) {
        self.folders.clear();
        self.entries = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A checkout tells of its paths in their order, which leads from a folder into another one and back.
    #[test]
    fn each_folder_is_read_once_as_long_as_there_is_room() {
        let mut known = ByFolder::default();
        let mut ask = |path: &str, reads: bool| {
            let mut read = Vec::new();
            let found = known.of(path.as_bytes(), |folder| {
                read.push(String::from_utf8(folder.to_vec()).unwrap());
                [b"x".to_vec(), b"y".to_vec()].into_iter().map(|name| (name, read.clone())).collect()
            });
            assert_eq!(!read.is_empty(), reads, "{path}");
            found
        };
        assert_eq!(ask("a/b/x", true), ["a/b/"]);
        assert_eq!(ask("y", true), [""]);
        assert_eq!(ask("a/b/y", false), ["a/b/"]);
        assert_eq!(ask("a/b/z", false), Vec::<String>::new());
        // Where there is no room all that were there go.
        assert_eq!(ask("c/x", true), ["c/"]);
        assert_eq!(ask("a/b/x", true), ["a/b/"]);
        assert_eq!(ask("c/x", false), ["c/"]);
        known.forget();
        assert_eq!(known.entries, 0);
    }
}
