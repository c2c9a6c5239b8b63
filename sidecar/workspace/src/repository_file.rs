//! The settings that a repository brings along: files at the root of the worktree.
//!
//! They are whoever's who may write there, so they are read like any file of the worktree (no link is followed) and may
//! only add to what is private and to what is not watched. Absent on purpose: files further down, and remembering.

use std::path::{Path, PathBuf};

use codi2_config::{Mistake, Origin, Owner, Place, RepositorySettings, Syntax, check};

use crate::observe::Content;

/// Their names. More than one is a mistake, and then all of them count.
const NAMES: [&str; 3] = [".codi2.toml", ".codi2.yaml", ".codi2.yml"];
/// Longest one that is read, in bytes.
const LONGEST: u64 = 64 << 10;

/// The file at this root: the first that is there, else the one to make.
pub fn path(root: &Path) -> PathBuf {
    let there = NAMES.iter().map(|name| root.join(name)).find(|path| path.symlink_metadata().is_ok());
    there.unwrap_or_else(|| root.join(NAMES[0]))
}

/// Whether a path below the root (its parts divided by `/`) is such a file.
pub(crate) fn is_one(path: &str) -> bool {
    NAMES.contains(&path)
}

/// What the files at this root add, and every mistake in them. No file is no mistake.
pub fn read(root: &Path) -> (RepositorySettings, Vec<Mistake>) {
    let (mut settings, mut mistakes, mut first) = (RepositorySettings::default(), Vec::new(), None);
    for name in NAMES {
        let path = root.join(name);
        let mut mistake = |found: String, todo: &str| {
            let origin = Origin::File(path.clone(), Place { line: 1, column: 1 });
            mistakes.push(Mistake { origin, found, todo: todo.to_owned(), setting: String::new() });
        };
        let text = match text(root, name) {
            Ok(None) => continue,
            Ok(Some(text)) => text,
            Err(reason) => {
                mistake(reason, "make it a plain text file of at most 64 KiB, or remove it");
                continue;
            }
        };
        match first {
            None => first = Some(name),
            Some(first) => mistake(format!("{first} is there, too"), "keep one of them"),
        }
        let syntax = Syntax::of(&path).unwrap_or(Syntax::Toml);
        let (layer, wrong) = check(Owner::Repository, syntax, &path, &text);
        let RepositorySettings { watch } = layer.repository();
        settings.watch.private.extend(watch.private);
        settings.watch.exclude.extend(watch.exclude);
        mistakes.extend(wrong);
    }
    (settings, mistakes)
}

/// A file's text; none where there is no file.
fn text(root: &Path, name: &str) -> Result<Option<String>, String> {
    let reading =
        crate::read::read(root, name, LONGEST, &crate::clock::Clock::default()).map_err(|error| error.to_string())?;
    match (reading.content, reading.raw) {
        (Content::Gone, _) if root.join(name).symlink_metadata().is_err() => Ok(None),
        (Content::Gone, _) => Err("is not a plain file".to_owned()),
        (Content::Large { .. }, _) => Err(format!("is longer than {} KiB", LONGEST >> 10)),
        (_, bytes) => {
            let bytes = bytes.map(|bytes| bytes.to_vec()).unwrap_or_default();
            String::from_utf8(bytes).map(Some).map_err(|_| "is not UTF-8".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(root: &Path) -> (RepositorySettings, Vec<String>) {
        let (settings, mistakes) = read(root);
        let root = format!("{}/", root.display());
        (settings, mistakes.iter().map(|mistake| mistake.to_string().replace(&root, "")).collect())
    }

    #[test]
    fn what_the_files_add_and_what_is_wrong_with_them() {
        let root = tempfile::tempdir().unwrap();
        let root = root.path();
        assert_eq!(shown(root), (RepositorySettings::default(), Vec::new()));
        std::fs::write(root.join(".codi2.toml"), "[watch]\nprivate = [\"a\"]\n").unwrap();
        std::fs::write(root.join(".codi2.yml"), "watch: {private: [b], exclude: [c], poll: true}\n").unwrap();
        let (settings, mistakes) = shown(root);
        assert_eq!((settings.watch.private, settings.watch.exclude), (vec!["a".into(), "b".into()], vec!["c".into()]));
        assert_eq!(mistakes.len(), 2);
        assert_eq!(mistakes[0], ".codi2.yml:1:1: .codi2.toml is there, too; keep one of them");
        assert!(
            mistakes[1].starts_with(".codi2.yml:1:37: `watch.poll` is not for a repository to set;"),
            "{mistakes:?}"
        );
    }

    #[test]
    fn only_short_plain_texts_are_read() {
        let folder = tempfile::tempdir().unwrap();
        for (content, reason) in [
            (None, "is not a plain file"),
            (Some(vec![b'#'; 65_537]), "is longer than 64 KiB"),
            (Some(vec![0xff]), "is not UTF-8"),
        ] {
            let path = folder.path().join(".codi2.toml");
            match content {
                None => std::fs::create_dir(&path).unwrap(),
                Some(bytes) => std::fs::write(&path, bytes).unwrap(),
            }
            let (settings, mistakes) = shown(folder.path());
            assert_eq!(settings, RepositorySettings::default());
            assert!(mistakes.len() == 1 && mistakes[0].contains(reason), "{mistakes:?}");
            if path.is_dir() {
                std::fs::remove_dir(&path).unwrap()
            }
        }
        #[cfg(unix)]
        {
            let root = tempfile::tempdir().unwrap();
            let elsewhere = folder.path().join("elsewhere.toml");
            std::fs::write(&elsewhere, "[watch]\nprivate = [\"a\"]\n").unwrap();
            std::os::unix::fs::symlink(&elsewhere, root.path().join(".codi2.toml")).unwrap();
            assert!(shown(root.path()).1[0].contains("is not a plain file"));
        }
    }
}
