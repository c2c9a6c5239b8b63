//! How files differ between commits and their parents, as git's own comparison tells it. Reading alone.

use std::collections::HashMap;
use std::io::{self, BufRead};
use std::ops::RangeInclusive;

use super::Before;
use crate::git::Oid;
use crate::git::past::patch::numbers;
use crate::path::from_git_bytes;

/// How one file differs between a commit and one of its parents.
#[derive(Debug, Default)]
pub(super) struct Entry {
    status: u8,
    pub path: String,
    pub before: Option<Before>,
    /// `None` where nothing is there any more, or no regular file.
    pub blob: Option<Oid>,
    pub lines: Vec<RangeInclusive<u32>>,
    pub is_binary: bool,
    /// Moved as it was.
    is_same: bool,
}

impl Entry {
    /// Whether the parent did not have this path.
    pub fn is_new(&self) -> bool {
        matches!(self.status, b'A' | b'R' | b'T') && !self.is_same
    }

    fn is_source(&self) -> bool {
        matches!(self.status, b'D' | b'R')
    }
}

pub(super) fn by_path(entries: &[Entry]) -> HashMap<&str, &Entry> {
    entries.iter().map(|entry| (entry.path.as_str(), entry)).collect()
}

/// Whether several new files may have taken over the same old one: blame follows each by itself.
pub(super) fn are_unsure(entries: &[Entry]) -> bool {
    let mut new = entries.iter().filter(|entry| entry.is_new());
    entries.iter().any(Entry::is_source) && new.next().is_some_and(|one| one.status == b'T' || new.next().is_some())
}

/// What lies in both.
pub(super) fn common(one: &[RangeInclusive<u32>], other: &[RangeInclusive<u32>]) -> Vec<RangeInclusive<u32>> {
    let (mut out, mut a, mut b) = (Vec::new(), 0, 0);
    while let (Some(left), Some(right)) = (one.get(a), other.get(b)) {
        let (first, last) = (*left.start().max(right.start()), *left.end().min(right.end()));
        if first <= last {
            out.push(first..=last);
        }
        if left.end() <= right.end() { a += 1 } else { b += 1 }
    }
    joined(out)
}

/// Ascending ranges, with those that touch made one.
pub(super) fn joined(lines: Vec<RangeInclusive<u32>>) -> Vec<RangeInclusive<u32>> {
    let mut out: Vec<RangeInclusive<u32>> = Vec::new();
    for range in lines {
        match out.last_mut() {
            Some(last) if *range.start() <= last.end() + 1 => *last = *last.start()..=*last.end().max(range.end()),
            _ => out.push(range),
        }
    }
    out
}

/// Reads `diff-tree --stdin --raw -p -z`, one comparison after the other: the commit's name and a NUL; the entries; a NUL
/// and their patches, in the same order.
pub(super) fn compared(output: &mut dyn BufRead) -> io::Result<Vec<(Oid, Vec<Entry>)>> {
    let mut source = Source { output, ahead: Vec::new() };
    let mut all = Vec::new();
    loop {
        let name = source.until(0)?;
        if name.is_empty() {
            return Ok(all);
        }
        let id = std::str::from_utf8(&name).ok().and_then(Oid::parse).ok_or_else(not_understood)?;
        let mut entries = Vec::new();
        while source.peek()? == Some(b':') {
            entries.push(entry(&mut source)?);
        }
        if !entries.is_empty() {
            source.until(0)?;
            patches(&mut source, &mut entries)?;
        }
        all.push((id, entries));
    }
}

fn not_understood() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "git diff-tree says what is not understood")
}

/// `:<mode> <mode> <blob> <blob> <status>\0<path>\0`, and the path it has now where it was renamed.
fn entry(source: &mut Source<'_>) -> io::Result<Entry> {
    let head = String::from_utf8(source.until(0)?).map_err(|_| not_understood())?;
    let fields: Vec<&str> = head.trim_start_matches(':').split(' ').collect();
    let [old_mode, new_mode, old, new, status] = fields[..] else { return Err(not_understood()) };
    let side = |mode: &str, name: &str| {
        let name = Oid::parse(name).ok_or_else(not_understood)?;
        Ok::<_, io::Error>((mode.starts_with("100") && !name.is_zero()).then_some(name))
    };
    let (old, blob) = (side(old_mode, old)?, side(new_mode, new)?);
    let was = from_git_bytes(&source.until(0)?);
    let kind = *status.as_bytes().first().ok_or_else(not_understood)?;
    let path = if kind == b'R' { from_git_bytes(&source.until(0)?) } else { was.clone() };
    let before = old.map(|blob| Before { path: was, blob });
    Ok(Entry { status: kind, path, before, blob, is_same: status == "R100", ..Entry::default() })
}

/// Takes each patch's new lines to its entry.
fn patches(source: &mut Source<'_>, entries: &mut [Entry]) -> io::Result<()> {
    // A file that became another type has two.
    let mut owners = (0..entries.len()).flat_map(|at| vec![at; if entries[at].status == b'T' { 2 } else { 1 }]);
    let owners: Vec<usize> = owners.by_ref().collect();
    let mut owners = owners.into_iter();
    let mut at = None;
    loop {
        let line = source.until(b'\n')?;
        if line.is_empty() {
            return Ok(());
        }
        if is_name(&line) {
            source.ahead = line;
            return Ok(());
        }
        if line.starts_with(b"diff --git ") {
            at = owners.next();
        } else if let Some(entry) = at.and_then(|at| entries.get_mut(at)) {
            entry.lines.extend(hunk(&line));
            entry.is_binary |= line.starts_with(b"Binary files ");
        }
    }
}

/// Whether a line begins the next comparison; a patch has no such line.
fn is_name(line: &[u8]) -> bool {
    let name = line.iter().position(|byte| *byte == 0).and_then(|end| std::str::from_utf8(&line[..end]).ok());
    name.is_some_and(|name| Oid::parse(name).is_some())
}

/// The new lines of `@@ -4,0 +5,2 @@`.
fn hunk(line: &[u8]) -> Option<RangeInclusive<u32>> {
    let (_, (first, count)) = line.starts_with(b"@@ -").then(|| numbers(line))??;
    (count > 0).then(|| first..=first + count - 1)
}

/// A program's output, of which a line can be given back.
struct Source<'a> {
    output: &'a mut dyn BufRead,
    ahead: Vec<u8>,
}

impl Source<'_> {
    /// Everything up to this byte, which is left out of what a NUL ends and kept in a line.
    fn until(&mut self, end: u8) -> io::Result<Vec<u8>> {
        let mut taken = match self.ahead.iter().position(|byte| *byte == end) {
            Some(at) => self.ahead.drain(..=at).collect(),
            None => {
                let mut taken = std::mem::take(&mut self.ahead);
                self.output.read_until(end, &mut taken)?;
                taken
            }
        };
        if end == 0 && taken.last() == Some(&0) {
            taken.pop();
        }
        Ok(taken)
    }

    fn peek(&mut self) -> io::Result<Option<u8>> {
        match self.ahead.first() {
            Some(byte) => Ok(Some(*byte)),
            None => Ok(self.output.fill_buf()?.first().copied()),
        }
    }
}
