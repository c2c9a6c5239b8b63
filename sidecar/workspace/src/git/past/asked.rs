//! How git is asked: its whole answer, or as it comes; and what its failure means.

use std::ffi::OsString;
use std::io::{BufReader, Read, Write};
use std::process::Stdio;

use super::{Past, PastError};
use crate::git::program::Program;

impl Past {
    pub(super) fn run(
        &self,
        program: &Program,
        words: &[OsString],
        input: Option<&[u8]>,
    ) -> Result<Vec<u8>, PastError> {
        let mut command = program.command(words);
        if input.is_some() {
            command.stdin(Stdio::piped());
        }
        let mut child = command.stdout(Stdio::piped()).spawn().map_err(PastError::NoProgram)?;
        let output = std::thread::scope(|scope| {
            let feed = child.stdin.take();
            // Git may stop reading early; what it says then is the answer.
            scope.spawn(move || feed.zip(input).map(|(mut feed, input)| feed.write_all(input)));
            child.wait_with_output()
        });
        let output = output.map_err(PastError::NoProgram)?;
        if output.status.success() { Ok(output.stdout) } else { Err(self.failed(&output.stderr)) }
    }

    /// Reads git's output as it comes. The inner result is the reader's.
    #[allow(clippy::type_complexity)]
    pub(super) fn streamed<T, E>(
        &self,
        program: &Program,
        words: &[OsString],
        read: &mut dyn FnMut(&mut dyn std::io::BufRead) -> Result<T, E>,
    ) -> Result<Result<T, E>, PastError> {
        let mut command = program.command(words);
        let mut child = command.stdout(Stdio::piped()).spawn().map_err(PastError::NoProgram)?;
        let (stdout, stderr) = (child.stdout.take(), child.stderr.take());
        std::thread::scope(|scope| {
            let stderr = scope.spawn(move || {
                let mut bytes = Vec::new();
                stderr.map(|mut stderr| stderr.read_to_end(&mut bytes));
                bytes
            });
            let done = match stdout {
                Some(stdout) => read(&mut BufReader::with_capacity(1 << 16, stdout)),
                None => read(&mut std::io::empty()),
            };
            // Whoever read no further closed the pipe, and git ends.
            let status = child.wait().map_err(PastError::NoProgram)?;
            let told = stderr.join().unwrap_or_default();
            if done.is_ok() && !status.success() { Err(self.failed(&told)) } else { Ok(done) }
        })
    }

    /// What a failure of git's means whose standard error this is.
    fn failed(&self, stderr: &[u8]) -> PastError {
        let said = said(stderr);
        let all = String::from_utf8_lossy(stderr);
        if said.contains("dubious ownership") {
            PastError::NotTrusted(self.root.clone())
        } else if MISSING.iter().any(|words| all.contains(words)) && self.is_partial() {
            PastError::Missing(said)
        } else {
            PastError::Git(said)
        }
    }
}

/// How git says that it has no such object, or could not fetch it.
const MISSING: [&str; 5] =
    ["annot read blob", "unable to read ", "ould not fetch", "Could not read from remote", "missing blob"];

fn said(stderr: &[u8]) -> String {
    let text = String::from_utf8_lossy(stderr);
    let first = text.lines().find(|line| !line.trim().is_empty()).unwrap_or("git failed and said nothing");
    first.trim().trim_start_matches("fatal: ").to_owned()
}

/// Whether a setting of the person's may be what git failed by.
pub(super) fn may_be_set(error: &PastError) -> bool {
    matches!(error, PastError::Git(_))
}
