//! What the files of a call hold, read by the hook itself: nobody is nearer in time, and a hub may be away, or late.
//!
//! The agent waits, so it is bounded in files and bytes; what is left out is told of as not read. Absent on purpose: the
//! contents, of which only digests are kept, where in them stands what the call put in, and keyed hashes of those lines; links,
//! pipes and devices.

use std::fs::{self, File};
use std::io::{ErrorKind, Read};
use std::ops::Range;

use codi2_attribution::said_lines;
use codi2_protocol::{Digest, HookFound, limits};
use codi2_text::Piece;

/// Files that are read, at most.
const FILES: usize = 64;
/// Bytes that are read, all files together, at most.
const BYTES: u64 = 2 << 20;

/// What is found in these files, by their place in the list, without private ones, and where what the call puts in stands there,
/// if it says that; `key` keys the hashes of its lines, where a hub has made one.
pub(super) fn found(
    files: &[String],
    is_private: impl Fn(&str) -> bool,
    written: Option<&[Piece]>,
    key: Option<&[u8; 32]>,
) -> Vec<HookFound> {
    let (mut left, mut said) = (BYTES, Said { pieces: limits::PUT_PIECES, lines: limits::SAID_LINES });
    let one = |(file, path): (u32, &String)| {
        let found = HookFound { file, digest: None, put: None, lines: None };
        let Some(bytes) = content(path, &mut left)? else { return Some(found) };
        let (put, lines) = written.and_then(|written| said.put(&bytes, written, key)).unzip();
        let digest = Some(Digest::new(codi2_text::digest_of(&bytes)));
        Some(HookFound { digest, put, lines: lines.flatten(), ..found })
    };
    // Not even whether there is one is told of a private file.
    let may_be_read = |(_, path): &(u32, &String)| !is_private(path);
    (0..).zip(files).take(FILES).filter(may_be_read).filter_map(one).collect()
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

/// What may still be told of the text that a call puts in, of all files together.
struct Said {
    pieces: usize,
    lines: usize,
}

impl Said {
    /// Where in a file's text stands what a call puts in, and which lines that are.
    #[allow(clippy::type_complexity)] // The two fields of the record.
    fn put(
        &mut self,
        bytes: &[u8],
        written: &[Piece],
        key: Option<&[u8; 32]>,
    ) -> Option<(Vec<(u32, u32)>, Option<Vec<u64>>)> {
        let decoded = codi2_workspace::decode(bytes);
        if decoded.encoding == codi2_workspace::Encoding::Binary {
            return None;
        }
        let mut pieces = codi2_text::standing(&decoded.text, written)?;
        if pieces.len() > self.pieces {
            // With what stood between them they are fewer.
            let whole: Vec<Piece> = written.iter().map(|piece| Piece::from(piece.text())).collect();
            pieces = codi2_text::standing(&decoded.text, &whole)?;
        }
        self.pieces = self.pieces.checked_sub(pieces.len())?;
        let short = |at: usize| u32::try_from(at).ok();
        let put: Vec<Range<u32>> =
            pieces.iter().map(|piece| Some(short(piece.start)?..short(piece.end)?)).collect::<Option<_>>()?;
        let lines = key.and_then(|key| {
            let lines = said_lines(&decoded.text, &put, key);
            self.lines = self.lines.checked_sub(lines.len())?;
            Some(lines)
        });
        Some((put.into_iter().map(|piece| (piece.start, piece.end)).collect(), lines))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anybodys(_: &str) -> bool {
        false
    }

    /// Neither one that is there nor one that is not.
    #[test]
    fn of_private_files_nothing_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        ["a", "private", "b"].iter().for_each(|name| fs::write(path(name), "text\n").unwrap());
        // It would leave nothing for the others.
        fs::write(path("private-large"), vec![b'x'; BYTES as usize - 1]).unwrap();
        let files = ["private-large", "a", "private", "private-none", "b"].map(path);
        let is_private = |path: &str| path.contains("/private");
        let found = found(&files, is_private, Some(&[Piece::from("text")]), None);
        let told: Vec<(u32, bool)> = found.iter().map(|found| (found.file, found.put.is_some())).collect();
        assert_eq!(told, [(1, true), (4, true)]);
    }

    #[test]
    fn files_are_read_within_bounds() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
        fs::write(path("a"), "text\n").unwrap();
        fs::write(path("large"), vec![b'x'; BYTES as usize]).unwrap();
        let files = ["a", "none", "large", "", "a"].map(path);
        let text = Some(Digest::new(codi2_text::digest_of(b"text\n")));
        let expected =
            [(0, text), (1, None), (4, text)].map(|(file, digest)| HookFound { file, digest, put: None, lines: None });
        assert_eq!(found(&files, anybodys, None, None), expected, "what is too large, and a folder, is left out");
    }

    #[test]
    fn where_it_stands_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a").to_str().unwrap().to_owned();
        let put = |bytes: &[u8], written: &[&str]| {
            fs::write(&path, bytes).unwrap();
            let written: Vec<Piece> = written.iter().map(|text| Piece::from(*text)).collect();
            let found = found(std::slice::from_ref(&path), anybodys, Some(&written), Some(&[7; 32])).remove(0);
            assert_eq!(found.put.is_some(), found.lines.is_some());
            found.put
        };
        assert_eq!(put(b"one\ntwo\nthree\n", &["two"]), Some(vec![(3, 8)]));
        assert_eq!(put("\u{feff}café\nx\n".as_bytes(), &["café"]), Some(vec![(0, 6)]), "bytes of the text");
        assert_eq!(put(b"one\n", &["two"]), Some(vec![]));
        assert_eq!(put(b"one\0two\n", &["two"]), None);
        assert_eq!(put("x y\n".repeat(limits::PUT_PIECES + 1).as_bytes(), &["x"]), None, "in too many places");
    }

    #[test]
    fn the_lines_of_it_are_told_where_there_is_a_key_and_they_are_few() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a").to_str().unwrap().to_owned();
        let lines = |count: usize, key: Option<&[u8; 32]>| {
            let text: String = (0..count).map(|number| format!("line {number}\n")).collect();
            fs::write(&path, format!("first\n{text}")).unwrap();
            let found = found(std::slice::from_ref(&path), anybodys, Some(&[Piece::new(text)]), key).remove(0);
            assert_eq!(found.put.map(|put| put.len()), Some(1));
            found.lines.map(|lines| lines.len())
        };
        let key = Some(&[7; 32]);
        assert_eq!([lines(2, key), lines(2, None)], [Some(2), None]);
        assert_eq!(
            [limits::SAID_LINES, limits::SAID_LINES + 1].map(|count| lines(count, key)),
            [Some(limits::SAID_LINES), None]
        );
    }
}
