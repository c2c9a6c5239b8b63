//! The local secret that keys the hashes of lines: 32 random bytes in the state folder, for this user's eyes only.
//!
//! A damaged one is kept aside and replaced, and the status
//! says so: with another secret the stored lines match nothing, so changes that nobody saw are judged without them;
//! nothing recorded is lost. One that cannot be read is left alone and ends the start. Absent on purpose: other uses.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use uuid::Uuid;

use crate::small_file;

/// The file's name in the state folder: [`codi2_ipc::Places::secret`].
const NAME: &str = "secret";

/// The secret, and what is to be said about it. Only the holder of the hub's lock may call this.
///
/// # Errors
/// What the system says.
pub fn secret(state: &Path) -> io::Result<([u8; 32], Option<String>)> {
    let path = state.join(NAME);
    let mut note = None;
    match small_file::open(&path) {
        Ok(mut file) => {
            let mut bytes = Vec::new();
            Read::by_ref(&mut file).take(64).read_to_end(&mut bytes)?;
            match <[u8; 32]>::try_from(bytes) {
                Ok(secret) => return Ok((secret, private(&file)?)),
                Err(bytes) => {
                    let kept = state.join("secret.damaged");
                    std::fs::rename(&path, &kept)?;
                    note = Some(format!(
                        "{} had {} bytes instead of 32 and was replaced (the old one is {}): changes made while no hub \
                         ran are judged anew, without the lines remembered before",
                        path.display(),
                        bytes.len(),
                        kept.display()
                    ));
                }
            }
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let mut secret = [0; 32];
    secret[..16].copy_from_slice(Uuid::new_v4().as_bytes());
    secret[16..].copy_from_slice(Uuid::new_v4().as_bytes());
    small_file::write(state, NAME, &secret)?;
    Ok((secret, note))
}

/// Takes the file away from everybody else's eyes, and says so where others could read it.
#[cfg(unix)]
fn private(file: &File) -> io::Result<Option<String>> {
    use std::os::unix::fs::PermissionsExt;
    let mode = file.metadata()?.permissions().mode() & 0o777;
    if mode & 0o077 == 0 {
        return Ok(None);
    }
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    Ok(Some(format!("the secret in the state folder had mode {mode:o}: others could read it; it is 600 again")))
}

#[cfg(not(unix))]
fn private(_: &File) -> io::Result<Option<String>> {
    Ok(None)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn mode(path: &Path) -> u32 {
        std::fs::metadata(path).unwrap().permissions().mode() & 0o777
    }

    #[test]
    fn is_made_once_and_private() {
        let state = tempfile::tempdir().unwrap();
        // What a hub that died while making it left.
        std::fs::write(state.path().join("secret.new"), "half").unwrap();
        let (first, note) = secret(state.path()).unwrap();
        assert_eq!(note, None);
        assert_eq!(mode(&state.path().join(NAME)), 0o600);
        assert!(!state.path().join("secret.new").exists());
        assert_eq!(secret(state.path()).unwrap(), (first, None));
        let other = tempfile::tempdir().unwrap();
        assert_ne!(secret(other.path()).unwrap().0, first);
    }

    #[test]
    fn a_damaged_one_is_replaced_with_a_note_and_kept() {
        for damaged in [&b""[..], b"short", &[7; 33]] {
            let state = tempfile::tempdir().unwrap();
            std::fs::write(state.path().join(NAME), damaged).unwrap();
            let (fresh, note) = secret(state.path()).unwrap();
            assert!(note.unwrap().contains(&format!("{} bytes instead of 32", damaged.len())));
            assert_eq!(std::fs::read(state.path().join("secret.damaged")).unwrap(), damaged);
            assert_eq!(secret(state.path()).unwrap(), (fresh, None));
        }
    }

    #[test]
    fn one_that_others_could_read_is_closed_with_a_note() {
        let state = tempfile::tempdir().unwrap();
        let (first, _) = secret(state.path()).unwrap();
        let path = state.path().join(NAME);
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
        let (again, note) = secret(state.path()).unwrap();
        assert_eq!(again, first);
        assert!(note.unwrap().contains("644"));
        assert_eq!(mode(&path), 0o600);
    }

    #[test]
    fn what_cannot_be_read_as_a_file_is_left_alone() {
        let state = tempfile::tempdir().unwrap();
        let elsewhere = state.path().join("elsewhere");
        std::fs::write(&elsewhere, [1; 32]).unwrap();
        std::os::unix::fs::symlink(&elsewhere, state.path().join(NAME)).unwrap();
        secret(state.path()).unwrap_err();
        assert_eq!(std::fs::read(elsewhere).unwrap(), [1; 32]);
    }
}
