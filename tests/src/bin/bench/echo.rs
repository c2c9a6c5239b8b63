//! The floor of every round trip to the hub: a bare Unix socket to another process that sends back what it reads.
//!
//! The other process is this program again, run with [`ARGUMENT`].

use std::io::{Read, Write};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use codi2_tests::wait_for;

/// The argument, before the socket's path, that makes this program the echo.
pub const ARGUMENT: &str = "--echo";

/// Sends back what is read, until killed.
pub fn serve(socket: &Path) {
    let listener = UnixListener::bind(socket).expect("a socket in our own folder");
    for stream in listener.incoming() {
        let Ok(mut stream) = stream else { return };
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            while let Ok(read @ 1..) = stream.read(&mut bytes) {
                if stream.write_all(&bytes[..read]).is_err() {
                    return;
                }
            }
        });
    }
}

/// A running echo; dropping it ends it.
pub struct Echo {
    child: Child,
    socket: PathBuf,
}

impl Echo {
    /// Starts one with its socket in `folder`.
    pub fn start(folder: &Path) -> Self {
        let socket = folder.join("echo.sock");
        let mut command = Command::new(std::env::current_exe().expect("our own path"));
        let child = command.arg(ARGUMENT).arg(&socket).stdin(Stdio::null()).spawn().expect("this program starts");
        let echo = Self { child, socket };
        wait_for("the echo", String::new, || UnixStream::connect(&echo.socket).ok());
        echo
    }

    /// A connection to it.
    pub fn connect(&self) -> UnixStream {
        UnixStream::connect(&self.socket).expect("the echo listens")
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
        let _ = std::fs::remove_file(&self.socket);
    }
}

/// The time in which `bytes` bytes go there and come back; at most 4,096.
pub fn there_and_back(stream: &mut UnixStream, bytes: usize) -> Duration {
    let mut buffer = [7; 4096];
    let start = Instant::now();
    stream.write_all(&buffer[..bytes]).expect("the echo reads");
    stream.read_exact(&mut buffer[..bytes]).expect("the echo answers");
    start.elapsed()
}
