//! The checks of the store's file, its folder and its disk while no hub runs. The file is read from a copy.

use std::fs;
use std::path::{Path, PathBuf};

use codi2_store::{Store, StoreError, look};

use super::Finding;
use crate::cli::engine::Chosen;
use crate::cli::status;

/// Longest store that is copied to be checked, in bytes.
const COPY_BYTES: u64 = 512 << 20;
/// Free bytes below which a disk counts as full: the store's file alone grows by steps of this order.
const LITTLE_ROOM: u64 = 16 << 20;
/// Whether there is room.
pub(super) fn disk(state: &Path, room: u64) -> Finding {
    let left = status::bytes(room);
    if room >= LITTLE_ROOM {
        return Finding::well("disk", format!("{left} free for {}", state.display()));
    }
    let found = format!("the disk of {} is nearly full: {left} are free", state.display());
    Finding::wrong("disk", found, "free some space, or set CODI2_STATE_DIR to a folder on another disk")
}

/// Whether others may write in the store's folder, which the hub refuses.
#[cfg(unix)]
fn open_to_others(path: &Path) -> Option<Finding> {
    use std::os::unix::fs::MetadataExt;
    let folder = path.parent()?;
    let mode = fs::metadata(folder).ok()?.mode() & 0o7777;
    let found = format!("the store's folder {} can be written by others (mode {mode:03o})", folder.display());
    (mode & 0o022 != 0).then(|| Finding::wrong("store", found, format!("run chmod 700 {}", folder.display())))
}

/// Untested: elsewhere the user's profile folder guards its content.
#[cfg(not(unix))]
fn open_to_others(_: &Path) -> Option<Finding> {
    None
}

/// The store of the settings, while no hub runs.
pub(super) fn chosen(chosen: &Chosen) -> Finding {
    if let Chosen::File(path) = chosen {
        return store(path);
    }
    let opened = chosen.open().map(|engine| (engine.place(), look(engine)));
    match opened {
        Ok((place, Ok(Some(events)))) => Finding::well("store", format!("{place}, {events} events, reached")),
        Ok((place, Ok(None))) => Finding::well("store", format!("{place}, reached, nothing in it yet")),
        Ok((_, Err(error))) => Finding::told("store", &error.to_string(), "see docs/foundationdb.md"),
        Err(error) => Finding::told("store", &format!("{error:#}"), "see docs/foundationdb.md"),
    }
}

/// Opens a copy of the store, so that a hub starting meanwhile finds its file free.
pub(super) fn store(path: &Path) -> Finding {
    let length = match fs::metadata(path) {
        Ok(found) => found.len(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            return Finding::well("store", format!("none yet at {}", path.display()));
        }
        Err(error) => {
            return Finding::wrong("store", format!("{}: {error}", path.display()), "make the file readable for you");
        }
    };
    if let Some(finding) = open_to_others(path) {
        return finding;
    }
    if length > COPY_BYTES {
        let found = format!("{}, {}: too long to be checked while no hub runs", path.display(), status::bytes(length));
        return Finding::well("store", found);
    }
    let folder = path.with_extension(format!("doctor-{}", std::process::id()));
    let opened = copy(path, &folder).map(|copy| Store::open(&copy).and_then(|store| store.events()));
    let _ = fs::remove_dir_all(&folder);
    judged(path, length, opened)
}

fn judged(path: &Path, length: u64, opened: std::io::Result<Result<u64, StoreError>>) -> Finding {
    // Messages name the copy, which is gone; people know the store by its own name.
    let shown = path.display();
    match opened {
        Err(error) if error.kind() == std::io::ErrorKind::StorageFull => {
            let found = format!("{shown}, {}: no room for a copy to check it", status::bytes(length));
            Finding::wrong("store", found, "free some space")
        }
        Err(error) => Finding::wrong(
            "store",
            format!("{shown} cannot be copied to be checked: {error}"),
            "check rights and free space",
        ),
        Ok(Ok(events)) => Finding::well("store", format!("{shown}, {events} events, {}", status::bytes(length))),
        Ok(Err(StoreError::Newer { found, known, .. })) => Finding::wrong(
            "store",
            format!("{shown} is of a newer codi2: layout {found}, this program knows up to {known}"),
            "update codi2, or set CODI2_STATE_DIR to another folder",
        ),
        Ok(Err(StoreError::Damaged { detail, .. })) => Finding::wrong(
            "store",
            format!("{shown} is damaged: {detail}"),
            "keep a copy of the file, restore it from a backup, or move it away to begin a new log",
        ),
        Ok(Err(error)) => Finding::told("store", &format!("{shown}: {error}"), "check rights and free space"),
    }
}

fn copy(path: &Path, folder: &Path) -> std::io::Result<PathBuf> {
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let copy = folder.join("copy.redb");
    fs::copy(path, &copy)?;
    Ok(copy)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_finding_says_what_to_do() {
        for finding in [
            disk(Path::new("/s"), 1_000),
            judged(Path::new("/s"), 1, Ok(Err(StoreError::Newer { place: "p".into(), found: 9, known: 1 }))),
            judged(Path::new("/s"), 1, Ok(Err(StoreError::Damaged { place: "p".into(), detail: "flip".into() }))),
            judged(Path::new("/s"), 1, Err(std::io::ErrorKind::StorageFull.into())),
        ] {
            assert!(!finding.ok && finding.todo.is_some() && !finding.found.is_empty(), "{finding:?}");
        }
        assert!(disk(Path::new("/s"), 1 << 30).ok);
    }

    #[test]
    fn a_store_is_judged_by_a_copy() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("codi2.redb");
        assert!(store(&path).ok);
        drop(Store::open(&path).unwrap());
        assert!(store(&path).ok, "{:?}", store(&path));
        let mut bytes = fs::read(&path).unwrap();
        let half = bytes.len() / 2;
        bytes.truncate(half);
        fs::write(&path, &bytes).unwrap();
        let finding = store(&path);
        assert!(!finding.ok && finding.found.contains("damaged"), "{finding:?}");
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o770)).unwrap();
            assert!(store(&path).todo.unwrap().contains("chmod 700"));
        }
    }
}
