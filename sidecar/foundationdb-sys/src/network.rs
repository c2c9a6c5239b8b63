//! The client's one network thread: started once, stopped before the process exits, however it exits.
//!
//! Leaving a process while that thread runs crashes in the library's destructors, so the stop hangs on the C library's
//! own exit (`atexit`): a return from `main`, `process::exit` and the end of a test run all pass there; an abort needs
//! no stop. Absent on purpose: a second start (the library cannot), and a stop that callers could forget.

use std::ffi::CStr;
use std::sync::{Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::{FDB_API_VERSION, fdb_error_t, table};

/// Why the network thread does not run.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The library is of an older version.
    #[error("the client library ({library}) knows API versions up to {known}, {FDB_API_VERSION} is needed")]
    Version {
        /// What the library says of its version.
        library: String,
        /// The highest API version that it knows.
        known: i32,
    },
    /// The library refused.
    #[error("the client library cannot be started: {0}")]
    Refused(
        /// In the library's words.
        String,
    ),
}

enum Network {
    Idle,
    Running(JoinHandle<()>),
    Over(StartError),
}

static NETWORK: Mutex<Network> = Mutex::new(Network::Idle);

unsafe extern "C" {
    // In every C library; each platform of the client has it.
    safe fn atexit(at_exit: extern "C" fn()) -> core::ffi::c_int;
}

/// Selects the API version and starts the network thread; does nothing where it runs already. Call it after
/// [`crate::load`]; the thread is stopped when the process exits.
///
/// # Errors
/// [`StartError`], the same from then on: the library cannot be started twice.
pub fn start() -> Result<(), StartError> {
    let mut network = NETWORK.lock().unwrap_or_else(PoisonError::into_inner);
    match &*network {
        Network::Running(_) => Ok(()),
        Network::Over(error) => Err(error.clone()),
        Network::Idle => match run() {
            Ok(thread) => {
                *network = Network::Running(thread);
                Ok(())
            }
            Err(error) => {
                *network = Network::Over(error.clone());
                Err(error)
            }
        },
    }
}

fn run() -> Result<JoinHandle<()>, StartError> {
    // SAFETY: these take no pointers, and stand before everything else that is called, on this thread alone.
    unsafe {
        let known = crate::fdb_get_max_api_version();
        if i64::from(known) < i64::from(FDB_API_VERSION) {
            let version = crate::fdb_get_client_version();
            let library = if version.is_null() { "unknown version".into() } else { words(version) };
            return Err(StartError::Version { library, known });
        }
        allowed(crate::fdb_select_api_version_impl(FDB_API_VERSION as i32, FDB_API_VERSION as i32))?;
        allowed(crate::fdb_setup_network())?;
    }
    let thread = std::thread::Builder::new().name("foundationdb".to_owned()).spawn(|| {
        // SAFETY: the network is set up, and runs once. It returns only at the end, so it passes by the lock on calls.
        let _ = unsafe { (table::table().fdb_run_network)() };
    });
    let thread = thread.map_err(|error| StartError::Refused(error.to_string()))?;
    if stop_at_exit() { Ok(thread) } else { Err(StartError::Refused("its stop cannot be registered".to_owned())) }
}

/// Registers the stop; whether that went well. What was registered last runs first, and the library registers the end of
/// what it makes when it first needs it: so that the thread is stopped before that, this is done again now and then.
pub(crate) fn stop_at_exit() -> bool {
    atexit(stop) == 0
}

/// Ends the network thread and lets no call in any more. Whoever still waits for an answer then waits as long as the
/// process has left to live.
extern "C" fn stop() {
    let mut network = NETWORK.lock().unwrap_or_else(PoisonError::into_inner);
    let over = Network::Over(StartError::Refused("the process is about to exit".to_owned()));
    if let Network::Running(thread) = std::mem::replace(&mut *network, over) {
        table::close();
        let halt = || {
            // SAFETY: it runs, and is stopped once, by the one caller who still gets in.
            let _ = unsafe { (table::table().fdb_stop_network)() };
        };
        // On a thread of its own: this one's share of the library's memory was given back before its exit began.
        match std::thread::Builder::new().spawn(halt) {
            Ok(halting) => drop(halting.join()),
            Err(_) => halt(),
        }
        let _ = thread.join();
    }
}

fn allowed(code: fdb_error_t) -> Result<(), StartError> {
    // SAFETY: the library answers every code with a text of its own that stays.
    if code == 0 { Ok(()) } else { Err(StartError::Refused(unsafe { words(crate::fdb_get_error(code)) })) }
}

/// # Safety
/// `text` is a C string.
unsafe fn words(text: *const core::ffi::c_char) -> String {
    // SAFETY: as the caller says.
    unsafe { CStr::from_ptr(text) }.to_string_lossy().into_owned()
}
