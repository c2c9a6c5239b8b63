//! Transcripts and logs as files: reads as much of one as sessions are looked for in, and hands it to the pure reader.
//!
//! A long file is read at both ends: its head has what the tool wrote first, its tail what it writes now. A small one that
//! is one document is read whole. Absent on purpose: databases, compressed files (they are no text, and said so), writing.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;

use anyhow::{Context, Result, anyhow, bail};
use codi2_attribution::sessions::{Extractor, Sessions, of_path};
use codi2_attribution::tools::Catalogue;

use super::failure::{Code, Failure};

/// Longest text that is read whole, in bytes.
const WHOLE: u64 = 16 << 20;
/// Of a longer one, this much is read at its beginning and at its end, in bytes.
const END: u64 = 2 << 20;

/// The sessions that a file names, or standard input where it is called `-`.
///
/// # Errors
/// It cannot be read, or is no text.
pub fn read(path: &Path, catalogue: &Catalogue) -> Result<Sessions> {
    let extractor = Extractor::of(catalogue);
    let mut found = Sessions::default();
    if path == Path::new("-") {
        let (head, more) = beginning(std::io::stdin().lock(), WHOLE).context("standard input cannot be read")?;
        extractor.read(&whole_lines(&head, false, more)?, &mut found);
        return Ok(found);
    }
    let unreadable = || format!("{} cannot be read", path.display());
    // Looked at first: opening a pipe would wait for somebody to write into it.
    let known = std::fs::metadata(path).with_context(unreadable).code(Failure::NotFound)?;
    if !known.is_file() {
        bail!("{} is no file", path.display());
    }
    if let Some(mention) = path.to_str().and_then(of_path) {
        found.add(codi2_attribution::sessions::Mention { times: 0, ..mention }, 0);
    }
    let mut file = File::open(path).with_context(unreadable)?;
    if known.len() <= WHOLE {
        let (head, more) = beginning(&mut file, WHOLE).with_context(unreadable)?;
        extractor.read(&whole_lines(&head, false, more)?, &mut found);
        return Ok(found);
    }
    let (head, _) = beginning(&mut file, END).with_context(unreadable)?;
    extractor.read(&whole_lines(&head, false, true)?, &mut found);
    file.seek(SeekFrom::Start(known.len().saturating_sub(END))).with_context(unreadable)?;
    let (tail, more) = beginning(&mut file, END).with_context(unreadable)?;
    extractor.read(&whole_lines(&tail, true, more)?, &mut found);
    Ok(found)
}

/// At most so many bytes, and whether there is more.
fn beginning(from: impl Read, most: u64) -> std::io::Result<(Vec<u8>, bool)> {
    let mut bytes = Vec::new();
    from.take(most + 1).read_to_end(&mut bytes)?;
    let more = bytes.len() as u64 > most;
    bytes.truncate(most as usize);
    Ok((bytes, more))
}

/// The text without a line that is cut at its beginning or end.
fn whole_lines(bytes: &[u8], cut_before: bool, cut_after: bool) -> Result<String> {
    let mut bytes = bytes;
    if cut_before {
        let start = bytes.iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| at + 1);
        bytes = &bytes[start..];
    }
    if cut_after {
        let end = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        bytes = &bytes[..end];
    }
    if bytes.iter().take(8 << 10).any(|byte| *byte == 0) {
        return Err(anyhow!("it is no text; a transcript in a database or an archive cannot be read here"));
    }
    Ok(String::from_utf8_lossy(bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;

    const UUID: &str = "0b5e2f4a-7c1d-4e8f-9a3b-2d6c8e0f1a2b";

    fn catalogue() -> Catalogue {
        crate::tools::catalogue(&codi2_config::Settings::default())
    }

    #[test]
    fn a_long_transcript_is_read_at_both_ends() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("long.log");
        let mut text = format!("codex resume {UUID}\n");
        let filler = "x".repeat(1_000);
        while (text.len() as u64) < WHOLE + 2 * END {
            writeln!(text, "{filler}").unwrap();
        }
        // In the middle nobody looks.
        let middle = text.len() / 2;
        text.replace_range(middle..middle, "\nopencode -s ses_middle1\n");
        text.push_str("opencode -s ses_latest1\n");
        std::fs::write(&path, &text).unwrap();
        let sessions: Vec<String> =
            read(&path, &catalogue()).unwrap().mentions.into_iter().map(|mention| mention.session).collect();
        assert_eq!(sessions, [UUID, "ses_latest1"]);
    }

    #[test]
    fn what_is_no_transcript_is_said() {
        let folder = tempfile::tempdir().unwrap();
        let database = folder.path().join("state.db");
        std::fs::write(&database, b"SQLite format 3\0\0\x01").unwrap();
        let error = read(&database, &catalogue()).unwrap_err().to_string();
        assert!(error.contains("no text"), "{error}");
        assert!(read(folder.path(), &catalogue()).unwrap_err().to_string().contains("is no file"));
        let gone = read(&folder.path().join("gone"), &catalogue()).unwrap_err();
        assert_eq!(crate::cli::failure::exit_code(&gone), 3);
        std::fs::write(&database, b"caf\xe9 session_id=x\n").unwrap();
        assert_eq!(read(&database, &catalogue()).unwrap().mentions, []);
    }
}
