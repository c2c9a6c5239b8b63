//! Diagnostics to standard error, redacted: a log line may quote a path, a name, what somebody sent.
//!
//! Absent on purpose: log files of our own. The hub's standard error is `hub.err`.

use std::io::{self, Write};

use codi2_redaction::Redactor;
use tracing_subscriber::EnvFilter;

/// Sends what the settings name, else `level`, to standard error; panics too.
pub fn to_stderr(settings: &codi2_config::Settings, level: &str) {
    let filter = EnvFilter::new(settings.log.as_deref().unwrap_or(level));
    // Not told of lines that cannot be written: it would say so on the same standard error, and panic when that fails,
    // too, as it does on a full disk.
    let lines = tracing_subscriber::fmt().log_internal_errors(false).with_writer(|| Lines(io::stderr()));
    let _ = lines.with_ansi(false).with_env_filter(filter).try_init();
    std::panic::set_hook(Box::new(|panic| {
        // Not through the filter: a panic must reach the user.
        let said = format!("{panic}\n{}\n", std::backtrace::Backtrace::capture());
        let _ = Lines(io::stderr()).write_all(said.as_bytes());
    }));
}

/// Redacts what is written, a whole line at a time as the subscriber writes them.
struct Lines<W>(W);

impl<W: Write> Write for Lines<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let line = String::from_utf8_lossy(bytes);
        self.0.write_all(Redactor::new(None).words(&line).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_redacted() {
        let mut out = Vec::new();
        let token = format!("glpat-{}", "q8Zr2LmX0aPd7VtKq8Zr");
        Lines(&mut out).write_all(format!("WARN not read path=\"a/{token}\"\n").as_bytes()).unwrap();
        assert_eq!(String::from_utf8(out).unwrap(), "WARN not read path=\"a/[redacted:gitlab-token:26]\"\n");
    }
}
