//! Patches as `git log` and `git diff` print them: the lines that were added and deleted, with their numbers.
//!
//! One reader for diffs of one parent (`@@`) and combined diffs of merges (`@@@`). What a hunk holds is counted by its
//! header, so text that looks like a header is text. In a combined diff a line is added if no parent has it; deleted
//! lines are left out there, since each has its own parent.

use std::io::BufRead;

use super::{PastError, quote};

/// What `git log` prints before the patch of each commit: a line that begins with NUL.
pub(super) const FORMAT: &str = "--format=%x00%H%x00%P%x00%as%x00%at%x00%an%x00%ae%x00%s";

/// How much of a patch is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// The numbers of lines only.
    Numbers,
    /// The lines themselves, with so many lines around each change.
    Text(u32),
}

impl Keep {
    pub(super) fn context(self) -> u32 {
        match self {
            Self::Numbers => 0,
            Self::Text(lines) => lines,
        }
    }
}

/// A commit and what it brought.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommitPatch {
    /// In hexadecimal.
    pub commit: String,
    /// Its parents, in hexadecimal.
    pub parents: Vec<String>,
    /// The day it was authored, in its author's zone: `2026-11-28`.
    pub day: String,
    /// When it was authored, in seconds since the Unix epoch.
    pub at_s: i64,
    /// Its author, `name <address>`.
    pub author: String,
    /// The first line of its message.
    pub subject: String,
    /// The files that it changed, in git's order.
    pub files: Vec<FileChange>,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Status {
    /// It changed, or only its mode did.
    #[default]
    Modified,
    /// It is new.
    Added,
    /// It is gone.
    Deleted,
    /// It has another name.
    Renamed,
    /// It is a copy.
    Copied,
}

/// What changed in a file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct FileChange {
    /// Its protocol path after the change; before it, where the file was deleted.
    pub path: String,
    /// Its protocol path before the change.
    pub from: String,
    /// What became of it.
    pub status: Status,
    /// Whether it is no text: a line that came to it has a NUL, or git shows no lines of it. None are told then.
    pub binary: bool,
    /// Whether it is a symbolic link, whose text is where it leads.
    pub link: bool,
    /// Added lines in a row: first and last, numbers after the change, from 1.
    pub added: Vec<(u32, u32)>,
    /// Deleted lines in a row: first and last, numbers before the change, from 1.
    pub deleted: Vec<(u32, u32)>,
    /// The lines of its patch, where they were wanted.
    pub lines: Vec<PatchLine>,
}

impl FileChange {
    /// How many lines were added.
    pub fn added_lines(&self) -> u64 {
        count(&self.added)
    }

    /// How many lines were deleted.
    pub fn deleted_lines(&self) -> u64 {
        count(&self.deleted)
    }
}

fn count(ranges: &[(u32, u32)]) -> u64 {
    ranges.iter().map(|(first, last)| u64::from(last - first) + 1).sum()
}

/// On which side of a change a line stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Side {
    /// Only after.
    Added,
    /// Only before.
    Deleted,
    /// On both; its number is the one after.
    Both,
}

/// A line of a patch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PatchLine {
    /// Where it stands.
    pub side: Side,
    /// Its number there, from 1.
    pub line: u32,
    /// Whether lines were left out before it.
    pub parted: bool,
    /// Its text without the line feed.
    pub text: Vec<u8>,
}

/// Reads what `git log` prints and hands each commit over.
pub(super) fn commits<E: From<PastError>>(
    input: &mut dyn BufRead,
    keep: Keep,
    each: &mut dyn FnMut(CommitPatch) -> Result<(), E>,
) -> Result<(), E> {
    let mut reader = Reader::new(input, keep);
    let mut commit: Option<CommitPatch> = None;
    while let Some(line) = reader.next()? {
        if let Some(header) = line.strip_prefix(b"\0") {
            let next = self::header(header).ok_or_else(|| odd(header))?;
            if let Some(mut done) = commit.replace(next) {
                done.files = reader.taken();
                each(done)?;
            }
            continue;
        }
        reader.patch(line)?;
    }
    if let Some(mut done) = commit {
        done.files = reader.taken();
        each(done)?;
    }
    Ok(())
}

/// Reads what `git diff` prints.
pub(super) fn files(input: &mut dyn BufRead, keep: Keep) -> Result<Vec<FileChange>, PastError> {
    let mut reader = Reader::new(input, keep);
    while let Some(line) = reader.next()? {
        reader.patch(line)?;
    }
    Ok(reader.taken())
}

fn header(line: &[u8]) -> Option<CommitPatch> {
    let text = String::from_utf8_lossy(line);
    let mut fields = text.splitn(7, '\0');
    let mut next = || fields.next();
    let (commit, parents, day, at_s) = (next()?, next()?, next()?, next()?);
    let (name, address, subject) = (next()?, next()?, next()?);
    Some(CommitPatch {
        commit: commit.to_owned(),
        parents: parents.split_whitespace().map(str::to_owned).collect(),
        day: day.to_owned(),
        at_s: at_s.parse().ok()?,
        author: format!("{name} <{address}>"),
        subject: subject.to_owned(),
        files: Vec::new(),
    })
}

fn odd(line: &[u8]) -> PastError {
    let line: String = String::from_utf8_lossy(line).chars().take(80).collect();
    PastError::Git(format!("git printed a patch that makes no sense: {line:?}"))
}

struct Reader<'a> {
    input: &'a mut dyn BufRead,
    keep: Keep,
    line: Vec<u8>,
    files: Vec<FileChange>,
}

impl<'a> Reader<'a> {
    fn new(input: &'a mut dyn BufRead, keep: Keep) -> Self {
        Self { input, keep, line: Vec::new(), files: Vec::new() }
    }

    /// The files that were read; of what is no text without lines.
    fn taken(&mut self) -> Vec<FileChange> {
        let mut files = std::mem::take(&mut self.files);
        for file in files.iter_mut().filter(|file| file.binary) {
            (file.added, file.deleted, file.lines) = (Vec::new(), Vec::new(), Vec::new());
        }
        files
    }

    /// The next line without its line feed; it borrows nothing, since reading goes on.
    fn next(&mut self) -> Result<Option<Vec<u8>>, PastError> {
        Ok(self.fill()?.then(|| std::mem::take(&mut self.line)))
    }

    fn fill(&mut self) -> Result<bool, PastError> {
        self.line.clear();
        let read = self.input.read_until(b'\n', &mut self.line);
        let read = read.map_err(|error| PastError::Git(format!("git's output cannot be read: {error}")))?;
        if self.line.last() == Some(&b'\n') {
            self.line.pop();
        }
        Ok(read > 0)
    }

    /// One line outside hunks; a hunk's header reads the hunk.
    fn patch(&mut self, line: Vec<u8>) -> Result<(), PastError> {
        if let Some(names) = line.strip_prefix(b"diff --git ") {
            let path = both(names).unwrap_or_default();
            self.files.push(FileChange { from: path.clone(), path, ..FileChange::default() });
            return Ok(());
        }
        if let Some(name) = line.strip_prefix(b"diff --cc ").or_else(|| line.strip_prefix(b"diff --combined ")) {
            let path = quote::path(name);
            self.files.push(FileChange { from: path.clone(), path, ..FileChange::default() });
            return Ok(());
        }
        let Some(file) = self.files.last_mut() else { return Ok(()) };
        if line.starts_with(b"@@") {
            return self.hunk(&line);
        }
        if let Some(name) = line.strip_prefix(b"+++ ").and_then(|name| side(name, b"b/")) {
            file.path = name;
        } else if let Some(name) = line.strip_prefix(b"--- ").and_then(|name| side(name, b"a/")) {
            file.from = name;
        } else if let Some(name) = line.strip_prefix(b"rename from ") {
            (file.from, file.status) = (quote::path(name), Status::Renamed);
        } else if let Some(name) = line.strip_prefix(b"rename to ") {
            file.path = quote::path(name);
        } else if let Some(name) = line.strip_prefix(b"copy from ") {
            (file.from, file.status) = (quote::path(name), Status::Copied);
        } else if let Some(name) = line.strip_prefix(b"copy to ") {
            file.path = quote::path(name);
        } else if line.starts_with(b"new file mode ") {
            file.status = Status::Added;
        } else if line.starts_with(b"deleted file mode ") {
            file.status = Status::Deleted;
        } else if line.starts_with(b"Binary files ") {
            file.binary = true;
        }
        // `new file mode 120000`, `index 1a2b..3c4d 120000`
        file.link |= line.ends_with(b" 120000") && (line.starts_with(b"new ") || line.starts_with(b"index "));
        Ok(())
    }

    fn hunk(&mut self, header: &[u8]) -> Result<(), PastError> {
        let (sides, new) = numbers(header).ok_or_else(|| odd(header))?;
        let parents = sides.len();
        let mut left: Vec<u32> = sides.iter().map(|(_, count)| *count).collect();
        let (mut old_line, mut new_line, mut new_left) = (sides[0].0, new.0, new.1);
        let mut parted = true;
        while new_left > 0 || left.iter().any(|left| *left > 0) {
            if !self.fill()? {
                return Err(odd(b"a hunk that ends early"));
            }
            if self.line.starts_with(b"\\") {
                continue;
            }
            // Some mailers' trick that git itself understands: an empty line of context without its blank.
            let (marks, text) = self.line.split_at(parents.min(self.line.len()));
            let deleted = marks.contains(&b'-');
            let added = !deleted && !marks.is_empty() && marks.iter().all(|mark| *mark == b'+');
            for (left, mark) in left.iter_mut().zip(marks) {
                let theirs = if deleted { *mark == b'-' } else { *mark != b'+' };
                *left = if theirs { left.checked_sub(1).ok_or_else(|| odd(header))? } else { *left };
            }
            if !deleted {
                new_left = new_left.checked_sub(1).ok_or_else(|| odd(header))?;
            }
            let side = match (deleted, added) {
                (true, _) => Side::Deleted,
                (_, true) => Side::Added,
                _ => Side::Both,
            };
            let line = if deleted { old_line } else { new_line };
            let file = self.files.last_mut().ok_or_else(|| odd(header))?;
            file.binary |= (added || file.status == Status::Deleted) && text.contains(&0);
            match side {
                Side::Added => extend(&mut file.added, line),
                Side::Deleted if parents == 1 => extend(&mut file.deleted, line),
                _ => {}
            }
            if self.keep != Keep::Numbers && !file.binary && (side != Side::Deleted || parents == 1) {
                file.lines.push(PatchLine { side, line, parted: std::mem::take(&mut parted), text: text.to_owned() });
            }
            old_line += u32::from(side != Side::Added);
            new_line += u32::from(!deleted);
        }
        Ok(())
    }
}

/// One more line behind a run, or a run of its own.
fn extend(ranges: &mut Vec<(u32, u32)>, line: u32) {
    match ranges.last_mut() {
        Some((_, last)) if *last + 1 == line => *last = line,
        _ => ranges.push((line, line)),
    }
}

/// The header of a hunk: `@@ -1,2 +3,4 @@`, with one more `@` and old side for each further parent: the old sides and the new one.
#[allow(clippy::type_complexity)]
pub(in crate::git) fn numbers(header: &[u8]) -> Option<(Vec<(u32, u32)>, (u32, u32))> {
    let ats = header.iter().take_while(|byte| **byte == b'@').count();
    let text = std::str::from_utf8(header.get(ats + 1..)?).ok().or_else(|| {
        // The function's name behind the numbers may be cut within a character.
        let end = header[ats..].iter().position(|byte| *byte == b'@')? + ats;
        std::str::from_utf8(&header[ats + 1..end]).ok()
    })?;
    let mut words = text.split(' ');
    let side = |word: &str, mark: char| {
        let (line, count) = word.strip_prefix(mark)?.split_once(',').unwrap_or((word.strip_prefix(mark)?, "1"));
        Some((line.parse().ok()?, count.parse().ok()?))
    };
    let old = (0..ats - 1).map(|_| side(words.next()?, '-')).collect::<Option<Vec<_>>>()?;
    let new = side(words.next()?, '+')?;
    (!old.is_empty()).then_some((old, new))
}

/// The name in `--- a/NAME` or `+++ b/NAME`; none for `/dev/null`. Git puts a tab behind names with blanks.
fn side(printed: &[u8], prefix: &[u8]) -> Option<String> {
    if printed.starts_with(b"\"") {
        let bytes = quote::bytes(printed.strip_suffix(b"\t").unwrap_or(printed));
        return bytes.strip_prefix(prefix).map(crate::path::from_git_bytes);
    }
    let name = printed.strip_prefix(prefix)?;
    Some(quote::path(name.strip_suffix(b"\t").unwrap_or(name)))
}

/// The name in `a/NAME b/NAME`, where both are the same; where they are not, later lines name both.
fn both(names: &[u8]) -> Option<String> {
    let half = names.len().checked_sub(1)? / 2;
    let (one, other) = (names.get(..half)?, names.get(half + 1..)?);
    let (one, other) = (side(one, b"a/")?, side(other, b"b/")?);
    (one == other).then_some(one)
}
