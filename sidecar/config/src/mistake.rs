//! What is wrong, where, and what to do about it.

use std::fmt;
use std::path::PathBuf;

use crate::tree::Place;

/// Where a value comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Origin {
    /// Nobody said otherwise.
    Default,
    /// The file had it when it last was without mistakes.
    LastGood,
    /// This place in a file.
    File(PathBuf, Place),
    /// This environment variable.
    Environment(String),
    /// This flag.
    Flag(String),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => f.write_str("default"),
            Self::LastGood => f.write_str("last good settings"),
            Self::File(path, place) => write!(f, "{}:{place}", path.display()),
            Self::Environment(name) => write!(f, "env {name}"),
            Self::Flag(name) => write!(f, "flag {name}"),
        }
    }
}

/// One mistake in settings.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Mistake {
    /// Where it is.
    pub origin: Origin,
    /// What is there.
    pub found: String,
    /// What to do.
    pub todo: String,
    /// Which setting it is of, `watch.private`; empty where more than one may be lost by it.
    pub setting: String,
}

impl fmt::Display for Mistake {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}; {}", self.origin, self.found, self.todo)
    }
}
