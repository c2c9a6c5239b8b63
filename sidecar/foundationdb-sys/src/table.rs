//! The table of the library's functions: filled once, called through.
//!
//! A library that lacks one function is refused whole, so a call never finds that its function is missing.
//! The library is never closed: its network thread and what it handed out live as long as the process.

use std::ffi::OsStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError, RwLock, RwLockReadGuard};

use libloading::Library;

use crate::functions::Table;

/// Why the client library cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LoadError {
    /// None of the names could be opened.
    #[error("the client library cannot be opened ({0})")]
    Missing(
        /// Each name that was tried, with what the system said.
        String,
    ),
    /// It opens, but is not a client library of API version 730.
    #[error("the library {library} has no function {function}")]
    TooOld {
        /// The name by which it was opened.
        library: String,
        /// The first function it lacks.
        function: String,
    },
}

static TABLE: OnceLock<Table> = OnceLock::new();
static LOADING: Mutex<()> = Mutex::new(());

/// Held by every call while it is in the library, and from its end on by nobody: see [`close`].
static OPEN: RwLock<()> = RwLock::new(());
/// Calls so far.
static CALLS: AtomicU64 = AtomicU64::new(0);
/// In so many calls the library first needs most of what it makes for itself.
const FIRST_CALLS: u64 = 1_024;

/// Opens the first of these libraries that can be opened (paths, or names for the system's loader to find) and looks
/// up every function. Once it has succeeded it does nothing more, whatever it is asked for.
///
/// # Errors
/// [`LoadError`]; it may be tried again.
pub fn load(libraries: &[&OsStr]) -> Result<(), LoadError> {
    let _alone = LOADING.lock().unwrap_or_else(PoisonError::into_inner);
    if TABLE.get().is_some() {
        return Ok(());
    }
    let mut tried = Vec::new();
    for name in libraries {
        // SAFETY: a shared library runs its initialisers when it is opened. The person who set it up vouches for it,
        // as for every library that the system's linker loads into a program.
        match unsafe { Library::new(name) } {
            Ok(library) => {
                let table = Table::of(&library)
                    .map_err(|function| LoadError::TooOld { library: name.to_string_lossy().into_owned(), function })?;
                // Its functions stay in the table: it must never be closed.
                std::mem::forget(library);
                TABLE.get_or_init(|| table);
                return Ok(());
            }
            Err(error) => tried.push(format!("{}: {}", name.to_string_lossy(), reason(&error))),
        }
    }
    Err(LoadError::Missing(tried.join("; ")))
}

/// What the system said, without the name that stands before it already.
fn reason(error: &libloading::Error) -> String {
    let source = std::error::Error::source(error).map(ToString::to_string);
    source.unwrap_or_else(|| error.to_string())
}

/// The functions; a call before [`load`] succeeded is a mistake in the program.
pub(crate) fn table() -> &'static Table {
    let Some(table) = TABLE.get() else { panic!("FoundationDB's client library is called before it was loaded") };
    table
}

/// Lets a call into the library. At each of the first, and then at each doubling of their number, the stop is registered
/// anew (some 32 bytes each time): see [`crate::network::stop_at_exit`].
pub(crate) fn enter() -> RwLockReadGuard<'static, ()> {
    let calls = CALLS.fetch_add(1, Ordering::Relaxed) + 1;
    if calls <= FIRST_CALLS || calls.is_power_of_two() {
        crate::network::stop_at_exit();
    }
    OPEN.read().unwrap_or_else(PoisonError::into_inner)
}

/// Waits until no call is in the library and lets none in again: whoever calls then waits for the end of the process.
/// When a process exits, the library's destructors run while its other threads go on.
pub(crate) fn close() {
    std::mem::forget(OPEN.write().unwrap_or_else(PoisonError::into_inner));
}

/// Declares the functions: the table that holds them, the look-up that fills it, and a function of each name that
/// calls through it.
macro_rules! functions {
    ($(fn $name:ident($($argument:ident: $type:ty),*) $(-> $result:ty)?;)*) => {
        /// One pointer for each function.
        pub(crate) struct Table {
            $(pub(crate) $name: unsafe extern "C" fn($($type),*) $(-> $result)?,)*
        }

        impl Table {
            /// Every function of the library, or the name of the first that is not in it.
            pub(crate) fn of(library: &libloading::Library) -> Result<Self, String> {
                Ok(Self {
                    // SAFETY: the declarations are those of the header of the API version that the library has.
                    $($name: unsafe { library.get(concat!(stringify!($name), "\0").as_bytes()) }
                        .map(|function| *function)
                        .map_err(|_| stringify!($name).to_owned())?,)*
                })
            }
        }

        /// The functions' names, sorted.
        pub const NAMES: &[&str] = &[$(stringify!($name)),*];

        $(
            pub unsafe fn $name($($argument: $type),*) $(-> $result)? {
                let table = crate::table::table();
                let _open = crate::table::enter();
                // SAFETY: the caller keeps what the C client's documentation asks of this function's callers.
                unsafe { (table.$name)($($argument),*) }
            }
        )*
    };
}
pub(crate) use functions;
