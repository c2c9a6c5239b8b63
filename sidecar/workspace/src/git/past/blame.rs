//! `git blame --porcelain`: which commit each line of a file came with, and where the line stood there.

use std::collections::HashMap;
use std::ffi::OsString;

use super::asked::may_be_set;
use super::{Past, PastError, file_name, quote};

/// A blamed file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Blamed {
    /// How many hexadecimal digits a commit's name has here; 0 without lines.
    pub digits: usize,
    /// Each commit once.
    pub commits: Vec<BlamedCommit>,
    /// Each path once that a line had in its commit, as protocol paths.
    pub paths: Vec<String>,
    /// The same paths as git prints them.
    pub names: Vec<Vec<u8>>,
    /// The lines that were asked for, in order.
    pub lines: Vec<BlamedLine>,
}

/// A commit that brought lines.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BlamedCommit {
    /// In hexadecimal; `None`: not committed yet.
    pub commit: Option<String>,
    /// What git prints of it (`author Ada`, …), without `previous`, `boundary` and `filename`, one a line.
    pub headers: Vec<Vec<u8>>,
    /// Whether history ends here: its lines may be older.
    pub boundary: bool,
}

/// A line and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BlamedLine {
    /// Its number in the blamed file, from 1.
    pub line: u32,
    /// Its number in its commit's file, from 1.
    pub original: u32,
    /// Which of the commits, from 0.
    pub commit: usize,
    /// Which of the paths, from 0.
    pub path: usize,
    /// The commit and path before its commit, as git prints them.
    pub previous: Option<Vec<u8>>,
    /// Its text without the line feed.
    pub text: Vec<u8>,
}

impl Blamed {
    /// The commit of a line, in hexadecimal; `None`: not committed yet.
    pub fn commit(&self, line: &BlamedLine) -> Option<&str> {
        self.commits[line.commit].commit.as_deref()
    }

    /// The path that a line had in its commit.
    pub fn path(&self, line: &BlamedLine) -> &str {
        &self.paths[line.path]
    }
}

impl Past {
    /// Which commit each line of a revision's file came with, as `git blame` follows it. `path` is a protocol path. With
    /// `lines` (first and last, from 1) only these are answered.
    ///
    /// # Errors
    /// No such revision or file, or whatever git says.
    pub fn blame(&self, revision: &str, path: &str, lines: &[(u32, u32)]) -> Result<Blamed, PastError> {
        self.blamed(revision, &[self.named(revision)?.into()], path, None, lines)
    }

    /// The same for these bytes of the worktree's file, as written on top of what is checked out (and, in the middle of a
    /// merge, of what is merged): their new lines are of no commit.
    ///
    /// # Errors
    /// Nothing is committed yet, no such file, or whatever git says.
    pub fn blame_standing(&self, path: &str, bytes: &[u8], lines: &[(u32, u32)]) -> Result<Blamed, PastError> {
        // No commit is named: before 2.41 git takes a text of ours on top of HEAD alone (ADR 0130).
        self.blamed("HEAD", &["--contents", "-"].map(Into::into), path, Some(bytes), lines)
    }

    fn blamed(
        &self,
        revision: &str,
        what: &[OsString],
        path: &str,
        input: Option<&[u8]>,
        lines: &[(u32, u32)],
    ) -> Result<Blamed, PastError> {
        let name = file_name(path)?;
        // An option without a file: the same setting on the command line would not keep the person's from being read.
        let mut words: Vec<OsString> =
            ["blame", "--ignore-revs-file=", "--porcelain", "--encoding=UTF-8"].map(Into::into).into();
        words.extend(lines.iter().map(|(first, last)| format!("-L{first},{last}").into()));
        words.extend_from_slice(what);
        words.extend([OsString::from("--"), name]);
        let output = self.top.settled(may_be_set, |program| match self.run(program, &words, input) {
            Err(PastError::Git(said)) => Err(self.why(revision, path, said)),
            answer => answer,
        })?;
        parse(&output).ok_or_else(|| PastError::Git(format!("git blame {path}: output that makes no sense")))
    }

    /// What a failed question about a file of a revision means.
    fn why(&self, revision: &str, path: &str, said: String) -> PastError {
        if let Err(error) = self.commit(revision) {
            return error;
        }
        if self.is_file(revision, path) {
            return PastError::Git(said);
        }
        PastError::NoFile { path: path.to_owned(), revision: revision.to_owned() }
    }
}

/// Reads the whole output; `None` where it makes no sense.
pub(in crate::git) fn parse(output: &[u8]) -> Option<Blamed> {
    let mut blamed = Blamed::default();
    let mut commits: HashMap<Vec<u8>, usize> = HashMap::new();
    let mut paths: HashMap<Vec<u8>, usize> = HashMap::new();
    // Of each commit, its path and what was before it, as they were printed last.
    let mut latest: Vec<(Option<usize>, Option<Vec<u8>>)> = Vec::new();
    let mut open: Option<Open> = None;
    let mut rest = output;
    while !rest.is_empty() {
        let end = rest.iter().position(|byte| *byte == b'\n').unwrap_or(rest.len());
        let (line, after) = (&rest[..end], rest.get(end + 1..).unwrap_or_default());
        rest = after;
        let Some(group) = &mut open else {
            let (hex, original, line) = header(line)?;
            let next = blamed.commits.len();
            blamed.digits = hex.len();
            let commit = *commits.entry(hex.to_owned()).or_insert(next);
            if commit == next {
                let none = hex.iter().all(|digit| *digit == b'0');
                let commit = (!none).then(|| String::from_utf8_lossy(hex).into_owned());
                blamed.commits.push(BlamedCommit { commit, ..BlamedCommit::default() });
                latest.push((None, None));
            }
            open = Some(Open { commit, original, line, path: None, previous: None });
            continue;
        };
        let commit = group.commit;
        if let Some(text) = line.strip_prefix(b"\t") {
            if group.path.is_some() {
                latest[commit] = (group.path, group.previous.take());
            }
            let (path, previous) = latest[commit].clone();
            let (line, original) = (group.line, group.original);
            blamed.lines.push(BlamedLine { line, original, commit, path: path?, previous, text: text.to_owned() });
            open = None;
        } else if let Some(name) = line.strip_prefix(b"filename ") {
            let next = blamed.paths.len();
            let path = *paths.entry(name.to_owned()).or_insert(next);
            if path == next {
                blamed.paths.push(quote::path(name));
                blamed.names.push(name.to_owned());
            }
            group.path = Some(path);
        } else if let Some(previous) = line.strip_prefix(b"previous ") {
            group.previous = Some(previous.to_owned());
        } else if line == b"boundary" {
            blamed.commits[commit].boundary = true;
        } else {
            blamed.commits[commit].headers.push(line.to_owned());
        }
    }
    open.is_none().then_some(blamed)
}

/// The line whose headers are being read.
struct Open {
    commit: usize,
    original: u32,
    line: u32,
    path: Option<usize>,
    previous: Option<Vec<u8>>,
}

/// `<commit> <line there> <line here> [<lines of the group>]`
fn header(line: &[u8]) -> Option<(&[u8], u32, u32)> {
    let mut words = line.split(|byte| *byte == b' ');
    let hex = words.next().filter(|hex| matches!(hex.len(), 40 | 64) && hex.iter().all(u8::is_ascii_hexdigit))?;
    let mut number = || std::str::from_utf8(words.next()?).ok()?.parse::<u32>().ok().filter(|number| *number > 0);
    Some((hex, number()?, number()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "1111111111111111111111111111111111111111";
    const TWO: &str = "2222222222222222222222222222222222222222";
    const NONE: &str = "0000000000000000000000000000000000000000";

    #[test]
    fn a_commit_keeps_its_headers_and_its_path_until_another_is_printed() {
        let output = format!(
            "{ONE} 3 1 1\nauthor Ada\nsummary one\nboundary\nfilename a.rs\n\tfirst\n\
             {TWO} 1 2 2\nauthor Bo\nprevious {ONE} a.rs\nfilename a.rs\n\tfilename no\n{TWO} 2 3\n\t\t\r\n\
             {TWO} 9 4 1\nfilename \"caf\\351.rs\"\n\tx\n\
             {NONE} 5 5 1\nauthor Not Committed Yet\nfilename a.rs\n\tend"
        );
        let blamed = parse(output.as_bytes()).unwrap();
        let expected = [
            (1, Some(ONE), "a.rs", 3, false, &b"first"[..]),
            (2, Some(TWO), "a.rs", 1, true, b"filename no"),
            (3, Some(TWO), "a.rs", 2, true, b"\t\r"),
            (4, Some(TWO), "caf%E9.rs", 9, false, b"x"),
            (5, None, "a.rs", 5, false, b"end"),
        ];
        assert_eq!(blamed.lines.len(), expected.len());
        for (l, expected) in blamed.lines.iter().zip(expected) {
            let seen = (l.line, blamed.commit(l), blamed.path(l), l.original, l.previous.is_some(), &l.text[..]);
            assert_eq!(seen, expected);
        }
        let headers = |commit: usize| blamed.commits[commit].headers.iter().map(|line| String::from_utf8_lossy(line));
        assert_eq!(headers(0).collect::<Vec<_>>(), ["author Ada", "summary one"]);
        assert_eq!(blamed.commits.iter().map(|commit| commit.boundary).collect::<Vec<_>>(), [true, false, false]);
    }

    #[test]
    fn what_is_no_blame_is_refused() {
        assert_eq!(parse(b""), Some(Blamed::default()));
        for output in [
            "fatal: x\n".to_owned(),
            format!("{ONE} 1\n"),
            format!("{ONE} 1 0 1\nfilename a\n\tx\n"),
            format!("{ONE} 1 1 1\nauthor Ada\n"),
            format!("{ONE} 1 1 1\nauthor Ada\n\tno name\n"),
        ] {
            assert_eq!(parse(output.as_bytes()), None, "{output:?}");
        }
    }
}
