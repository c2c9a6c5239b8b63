//! Exit codes: 0 done, 1 failed, 2 wrong use or settings, 3 nothing known of what was asked for, 4 no hub runs.
//!
//! `docs/cli.md` lists them; they do not change between versions. Absent on purpose: a code for each cause.

use std::fmt;

/// A failure that scripts tell apart from others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// Flags, times, globs or settings that make no sense.
    Usage,
    /// The file, folder or repository is not there, or nothing is recorded about it.
    NotFound,
    /// No hub runs, and the command starts none.
    NotRunning,
}

impl Failure {
    const fn exit_code(self) -> u8 {
        match self {
            Self::Usage => 2,
            Self::NotFound => 3,
            Self::NotRunning => 4,
        }
    }
}

/// An error with its failure. It reads as the error alone.
#[derive(Debug)]
struct Coded {
    failure: Failure,
    error: anyhow::Error,
}

impl fmt::Display for Coded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.error)
    }
}

// No source: the text above has the whole chain.
impl std::error::Error for Coded {}

/// Marks errors with what scripts are to know.
pub trait Code<T> {
    /// The same error, exiting with the failure's code.
    fn code(self, failure: Failure) -> anyhow::Result<T>;
}

impl<T, E: Into<anyhow::Error>> Code<T> for Result<T, E> {
    fn code(self, failure: Failure) -> anyhow::Result<T> {
        self.map_err(|error| anyhow::Error::new(Coded { failure, error: error.into() }))
    }
}

/// What the program exits with after this error.
pub fn exit_code(error: &anyhow::Error) -> u8 {
    let coded = error.chain().find_map(|cause| cause.downcast_ref::<Coded>());
    coded.map_or(1, |coded| coded.failure.exit_code())
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::{Context, anyhow};

    #[test]
    fn a_code_survives_what_is_said_around_it() {
        let coded: anyhow::Result<()> = Err(anyhow!("cause")).context("inner").code(Failure::NotFound).context("outer");
        let error = coded.unwrap_err();
        assert_eq!((exit_code(&error), format!("{error:#}").as_str()), (3, "outer: inner: cause"));
        assert_eq!(exit_code(&anyhow!("plain")), 1);
    }
}
