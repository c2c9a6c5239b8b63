//! When the system is out of what a connection needs: what an accept's error means, and how it is told to people.
//!
//! Absent on purpose: waiting, and freeing anything; whoever is connected keeps what they have.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

/// Why the listener cannot accept now, for a status; clones tell of the same listener.
#[derive(Debug, Clone, Default)]
pub struct Shortage(Arc<Mutex<Option<String>>>);

impl Shortage {
    /// In words, with what to do; none while all is well.
    pub fn words(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn begin(&self, error: &io::Error) {
        self.note(Some(format!(
            "nobody else can connect ({error}), those who are connected are served: raise the hub's limit of open files (ulimit -n), or close some editors"
        )));
    }

    pub(crate) fn end(&self) {
        self.note(None);
    }

    fn note(&self, words: Option<String>) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = words;
    }
}

/// What follows from a failed accept.
pub(crate) enum Fate {
    /// Nothing.
    Again,
    /// The system is out of descriptors or memory: wait.
    Later,
    /// The socket is of no use any more.
    Broken,
}

pub(crate) fn fate(error: &io::Error) -> Fate {
    #[cfg(unix)]
    {
        use rustix::io::Errno;
        match Errno::from_io_error(error) {
            Some(Errno::CONNABORTED | Errno::INTR | Errno::AGAIN) => Fate::Again,
            Some(Errno::MFILE | Errno::NFILE | Errno::NOBUFS | Errno::NOMEM) => Fate::Later,
            _ => Fate::Broken,
        }
    }
    #[cfg(not(unix))]
    match error.kind() {
        io::ErrorKind::ConnectionAborted | io::ErrorKind::Interrupted => Fate::Again,
        io::ErrorKind::OutOfMemory => Fate::Later,
        _ => Fate::Broken,
    }
}
