//! Ctrl-C ends the run in an orderly way: each loop asks here, and what it started is ended by unwinding.
//!
//! The hub lives in a process session of its own, so nothing but us ends it.

use std::sync::atomic::{AtomicBool, Ordering};

static INTERRUPTED: AtomicBool = AtomicBool::new(false);

/// Listens from now on. A second Ctrl-C does nothing more than the first.
pub fn listen() {
    std::thread::spawn(|| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("one more runtime");
        runtime.block_on(async {
            use tokio::signal::unix::{SignalKind, signal};
            let (interrupt, terminate) = (signal(SignalKind::interrupt()), signal(SignalKind::terminate()));
            if let (Ok(mut interrupt), Ok(mut terminate)) = (interrupt, terminate) {
                loop {
                    tokio::select! { _ = interrupt.recv() => {}, _ = terminate.recv() => {} }
                    INTERRUPTED.store(true, Ordering::Relaxed);
                }
            }
        });
    });
}

/// Whether it came.
pub fn came() -> bool {
    INTERRUPTED.load(Ordering::Relaxed)
}

/// Ends the benchmark if it came.
pub fn check() {
    assert!(!came(), "interrupted");
}
