//! What the files of a call hold, read by the hook itself: nobody is nearer in time, and a hub may be away, or late.
//!
//! The agent waits, so it is bounded in files and bytes; what is left out is told of as not read. Absent on purpose: the
//! contents, of which only digests are kept, and where in them stands what the call put in; links, pipes and devices.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};

use codi2_protocol::{Digest, HookFound, limits};

/// Files that are read, at most.
const FILES: usize = 64;
/// Bytes that are read, all files together, at most.
const BYTES: u64 = 2 << 20;

/// What is found in these files, by their place in the list, and where what the call puts in stands there, if it says that.
pub(super) fn found(files: &[String], written: Option<&[String]>) -> Vec<HookFound> {
    let (mut left, mut pieces) = (BYTES, limits::PUT_PIECES);
    let one = |(file, path): (u32, &String)| {
        let Some(bytes) = content(path, &mut left)? else { return Some(HookFound { file, digest: None, put: None }) };
        let put = written.and_then(|written| put(&bytes, written, &mut pieces));
        Some(HookFound { file, digest: Some(Digest::new(codi2_text::digest_of(&bytes))), put })
    };
    (0..).zip(files).take(FILES).filter_map(one).collect()
}

/// The content of a file, or that there is none; absent where it cannot be told.
fn content(path: &str, left: &mut u64) -> Option<Option<Vec<u8>>> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => Some(None),
        Ok(file) if file.is_file() && file.len() <= *left => {
            let mut bytes = Vec::new();
            // It may grow meanwhile.
            let length = File::open(path).ok()?.take(*left + 1).read_to_end(&mut bytes).ok()? as u64;
            let is_whole = length <= *left;
            *left = left.saturating_sub(length);
            is_whole.then_some(Some(bytes))
        }
        _ => None,
    }
}

/// Where in a file's text stands what a call puts in; `left`: pieces that may still be told of.
fn put(bytes: &[u8], written: &[String], left: &mut usize) -> Option<Vec<(u32, u32)>> {
    let decoded = codi2_workspace::decode(bytes);
    if decoded.encoding == codi2_workspace::Encoding::Binary {
        return None;
    }
    let pieces = codi2_text::standing(&decoded.text, written)?;
    *left = left.checked_sub(pieces.len())?;
    pieces.into_iter().map(|piece| Some((u32::try_from(piece.start).ok()?, u32::try_from(piece.end).ok()?))).collect()
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
        let expected = [(0, text), (1, None), (4, text)].map(|(file, digest)| HookFound { file, digest, put: None });
        assert_eq!(found(&files, None), expected, "what is too large, and a folder, is left out");
    }
    #[test]
    fn where_it_stands_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a").to_str().unwrap().to_owned();
        let put = |bytes: &[u8], written: &[&str]| {
            fs::write(&path, bytes).unwrap();
            let written: Vec<String> = written.iter().map(|text| (*text).to_owned()).collect();
            found(std::slice::from_ref(&path), Some(&written)).remove(0).put
        };
        assert_eq!(put(b"one\ntwo\nthree\n", &["two"]), Some(vec![(3, 8)]));
        assert_eq!(put("\u{feff}café\nx\n".as_bytes(), &["café"]), Some(vec![(0, 6)]), "bytes of the text");
        assert_eq!(put(b"one\n", &["two"]), Some(vec![]));
        assert_eq!(put(b"one\0two\n", &["two"]), None);
        assert_eq!(put("x y\n".repeat(limits::PUT_PIECES + 1).as_bytes(), &["x"]), None, "in too many places");
    }
}
