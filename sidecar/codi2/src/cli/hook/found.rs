//! What the files of a call hold, read by the hook itself where no hub is there to do it.
//!
//! The agent waits, so it is bounded in files and bytes; what is left out is told of as not read. Absent on purpose: the
//! contents, of which only digests are kept; links, pipes and devices.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};

use codi2_protocol::{Digest, HookFound};

/// Files that are read, at most.
const FILES: usize = 64;
/// Bytes that are read, all files together, at most.
const BYTES: u64 = 2 << 20;

/// What is found in these files, by their place in the list.
pub(super) fn found(files: &[String]) -> Vec<HookFound> {
    let mut left = BYTES;
    let one = |(file, path): (u32, &String)| Some(HookFound { file, digest: state(path, &mut left)? });
    (0..).zip(files).take(FILES).filter_map(one).collect()
}

/// The digest of a file, or that there is none; absent where it cannot be told.
fn state(path: &str, left: &mut u64) -> Option<Option<Digest>> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Some(None),
        Ok(file) if file.is_file() && file.len() <= *left => {
            // It may grow meanwhile.
            let (digest, length) = codi2_text::digest_of_reader(File::open(path).ok()?.take(*left + 1)).ok()?;
            let is_whole = length <= *left;
            *left = left.saturating_sub(length);
            is_whole.then_some(Some(Digest::new(digest)))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_within_bounds() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        fs::write(path("a"), "text\n").unwrap();
        fs::write(path("large"), vec![b'x'; BYTES as usize]).unwrap();
        let files = ["a", "none", "large", "", "a"].map(path);
        let text = Some(Digest::new(codi2_text::digest_of(b"text\n")));
        let expected = [(0, text), (1, None), (4, text)].map(|(file, digest)| HookFound { file, digest });
        assert_eq!(found(&files), expected, "what is too large, and a folder, is left out");
    }
}
