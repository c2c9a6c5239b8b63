//! Small files of the state folder, for this user's eyes only: whole or absent, because they are written beside, synced
//! and renamed. Absent on purpose: what is in them, and two writers; only the holder of the hub's lock writes.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::path::Path;

/// Opens a file for reading, never through a symbolic link.
///
/// # Errors
/// What the system says.
pub fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(&mut options, rustix::fs::OFlags::NOFOLLOW.bits() as i32);
    options.open(path)
}

/// Puts a file in place, over an older one.
///
/// # Errors
/// What the system says; the older one is whole then.
pub fn write(state: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let fresh = state.join(format!("{name}.new"));
    // Left by a hub that died here.
    let _ = std::fs::remove_file(&fresh);
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    std::fs::rename(&fresh, state.join(name))?;
    #[cfg(unix)]
    File::open(state)?.sync_all()?;
    Ok(())
}
