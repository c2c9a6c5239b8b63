//! This machine's id: a UUID in the state folder, made once. Sessions carry it, so that whoever reads several machines'
//! logs tells equal process ids and paths apart. Absent on purpose: the machine's name, which is nobody's business.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use codi2_protocol::HostId;

use crate::small_file;

/// The file's name in the state folder.
const NAME: &str = "host";

/// Where the id is.
pub fn file(state: &Path) -> PathBuf {
    state.join(NAME)
}

/// The id, for whoever only reads; none where no hub made one yet.
pub fn known(state: &Path) -> Option<HostId> {
    let file = small_file::open(&file(state)).ok()?;
    read(file).ok().flatten()
}

fn read(file: impl Read) -> io::Result<Option<HostId>> {
    let mut bytes = Vec::new();
    file.take(64).read_to_end(&mut bytes)?;
    Ok(std::str::from_utf8(&bytes).ok().and_then(|text| text.trim().parse().ok()))
}

/// The id, and what is to be said about it. Only the holder of the hub's lock may call this.
///
/// # Errors
/// What the system says.
pub fn host(state: &Path) -> io::Result<(HostId, Option<String>)> {
    let path = file(state);
    let mut note = None;
    match small_file::open(&path) {
        Ok(file) => {
            if let Some(host) = read(file)? {
                return Ok((host, None));
            }
            let path = path.display();
            note = Some(format!("{path} held no UUID and was replaced: sessions from now on are of another host"));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => return Err(error),
    }
    let host = HostId::new();
    small_file::write(state, NAME, format!("{host}\n").as_bytes())?;
    Ok((host, note))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn is_made_once_and_replaced_with_a_note_where_it_is_damaged() {
        let state = tempfile::tempdir().unwrap();
        // What a hub that died while making it left.
        std::fs::write(state.path().join("host.new"), "half").unwrap();
        assert_eq!(known(state.path()), None);
        let (first, note) = host(state.path()).unwrap();
        assert_eq!((note, known(state.path())), (None, Some(first)));
        assert_eq!(host(state.path()).unwrap(), (first, None));
        for damaged in [&b""[..], b"\xff", b"0199", &[b'a'; 99]] {
            std::fs::write(state.path().join(NAME), damaged).unwrap();
            assert_eq!(known(state.path()), None);
            let (fresh, note) = host(state.path()).unwrap();
            assert!(fresh != first && note.is_some(), "{damaged:?}");
            assert_eq!(host(state.path()).unwrap(), (fresh, None));
        }
    }
}
