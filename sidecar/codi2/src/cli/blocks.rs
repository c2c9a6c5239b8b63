//! Large blocks of memory go back to the system when they are freed (ADR 0030).
//!
//! glibc does so at first, and stops once one was freed: from then on it keeps what is smaller than the largest freed so
//! far, so that a sidecar would hold twice the text that an editor has open. A variable read at a process's start fixes
//! the border; a program cannot move it for itself without unsafe code. Absent on purpose: another allocator.

use std::ffi::OsString;
use std::process::Command;

/// Read by glibc, unknown to others.
const NAME: &str = "MALLOC_MMAP_THRESHOLD_";
/// Bytes from which a block is one of its own: above what a message or a page of the log takes.
const VALUE: &str = "1048576";

/// The variable, for a process that is started; a person's own choice stays.
pub fn variable() -> Option<(OsString, OsString)> {
    let wanted = cfg!(all(target_os = "linux", target_env = "gnu")) && std::env::var_os(NAME).is_none();
    wanted.then(|| (NAME.into(), VALUE.into()))
}

/// Begins this process anew with the variable, where it has none: same process id, same descriptors. Returns where there
/// is nothing to do, or it cannot be done; then the process only takes more memory.
pub fn begin_anew() {
    #[cfg(unix)]
    {
        use std::os::unix::process::CommandExt;
        let mut words = std::env::args_os();
        if let (Some(variable), Ok(program), Some(own)) = (variable(), std::env::current_exe(), words.next()) {
            let error = Command::new(program).arg0(own).args(words).envs([variable]).exec();
            tracing::debug!(%error, "large blocks stay");
        }
    }
}
