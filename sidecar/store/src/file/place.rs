//! Where the file lies: made for this user alone, complete before it has its name, never made over something.
//!
//! Modes are checked on Unix; elsewhere (untested) the folder's own rights hold.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::table::{builder, failed, found, guarded};
use crate::error::StoreError;

/// Makes sure that the file exists, is not empty, and that nobody else may write to it.
pub(super) fn prepare(path: &Path) -> Result<(), StoreError> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    };
    make_folder(folder).map_err(|error| refused("make the folder", folder, &error))?;
    check_folder(folder)?;
    match fs::metadata(path) {
        Ok(metadata) if metadata.len() == 0 => {
            Err(StoreError::damaged(format!("file {}", path.display()), "it has 0 bytes"))
        }
        Ok(_) => close_to_others(path).map_err(|error| refused("set the mode of", path, &error)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => make(path, folder),
        Err(error) => Err(refused("look at", path, &error)),
    }
}

/// The file's length.
pub(super) fn bytes(path: &Path) -> Result<u64, StoreError> {
    fs::metadata(path).map(|metadata| metadata.len()).map_err(|error| refused("look at", path, &error))
}

/// Has the system forget what it holds of the file in memory and did not change since: after a failed sync Linux keeps
/// pages that never reached the disk and calls them clean, and reading those again would prove nothing.
pub(super) fn forget_cached(path: &Path) {
    #[cfg(unix)]
    {
        use rustix::fs::{Advice, fadvise};
        let forgotten = fs::File::open(path).and_then(|file| Ok(fadvise(&file, 0, None, Advice::DontNeed)?));
        if let Err(error) = forgotten {
            tracing::warn!(%error, path = %path.display(), "the system keeps the file's pages in memory");
        }
    }
    #[cfg(not(unix))]
    let _ = path;
}

/// Makes a new store beside its name and gives it the name when it is complete and durable: a crash before that
/// leaves nothing that could be taken for a store. The hub's lifetime lock keeps two processes from doing it at once.
fn make(path: &Path, folder: &Path) -> Result<(), StoreError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let place = format!("file {}", path.display());
    match fs::remove_file(&beside) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(refused("remove", &beside, &error)),
        _ => {}
    }
    new_file(&beside).map_err(|error| refused("make", &beside, &error))?;
    guarded(&place, || {
        let database = builder().create(&beside).map_err(|error| failed(&place, error.into()))?;
        found(&database).map_err(|error| failed(&place, error))?;
        database.close().map_err(|error| failed(&place, error.into()))
    })?;
    fs::rename(&beside, path).and_then(|()| sync_folder(folder)).map_err(|error| refused("name", path, &error))
}

fn refused(doing: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::io(format!("file {}", path.display()), format!("{doing} {}", path.display()), error)
}

#[cfg(unix)]
fn make_folder(folder: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

#[cfg(unix)]
fn check_folder(folder: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::PermissionsExt;
    let metadata = fs::metadata(folder).map_err(|error| refused("look at", folder, &error))?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o022 == 0 { Ok(()) } else { Err(StoreError::Modes { path: folder.display().to_string(), mode }) }
}

#[cfg(unix)]
fn close_to_others(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
    let mode = fs::metadata(path)?.permissions().mode();
    if mode & 0o077 != 0 {
        tracing::warn!(path = %path.display(), mode = format!("{:o}", mode & 0o777), "the store was open to others");
        fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    }
    Ok(())
}

#[cfg(unix)]
fn new_file(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::OpenOptionsExt;
    fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map(drop)
}

#[cfg(unix)]
fn sync_folder(folder: &Path) -> io::Result<()> {
    fs::File::open(folder)?.sync_all()
}

#[cfg(not(unix))]
fn make_folder(folder: &Path) -> io::Result<()> {
    fs::create_dir_all(folder)
}

#[cfg(not(unix))]
fn check_folder(_folder: &Path) -> Result<(), StoreError> {
    Ok(())
}

#[cfg(not(unix))]
fn close_to_others(_path: &Path) -> io::Result<()> {
    Ok(())
}

#[cfg(not(unix))]
fn new_file(path: &Path) -> io::Result<()> {
    fs::OpenOptions::new().write(true).create_new(true).open(path).map(drop)
}

#[cfg(not(unix))]
fn sync_folder(_folder: &Path) -> io::Result<()> {
    Ok(())
}
