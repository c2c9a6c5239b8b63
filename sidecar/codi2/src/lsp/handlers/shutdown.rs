//! `shutdown`: from here on the end of the input is an orderly exit. The work is done when the input ends, because
//! some editors end it without `exit`, and some give `shutdown` two seconds only.

use std::sync::atomic::Ordering;

use super::Handlers;

/// Notes the shutdown.
pub(super) fn shutdown(handlers: &Handlers) {
    handlers.gate.shut_down.store(true, Ordering::Release);
}
