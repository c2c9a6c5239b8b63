//! The outermost service: document events go to the session in wire order, everything else to the framework.
//!
//! The framework runs handlers concurrently and starts each at its first poll, so two `didChange` handlers can
//! interleave. `call`, however, runs in wire order: here each document event is stamped with its arrival and a number
//! and put into the session's channel at once. `poll_ready` has reserved the slot before, so that a session that is
//! behind makes the framework stop reading, and standard input is the back-pressure. A request waits until the session
//! has passed the number last given out when it arrived; its answer may reflect newer text, never older.
//!
//! Absent on purpose: state of documents, and any wait for the editor.

use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};

use tokio::sync::mpsc::error::{SendError, TrySendError};
use tokio::sync::mpsc::{OwnedPermit, Sender};
use tokio::sync::watch;
use tower::Service;
use tower_lsp::jsonrpc::{Error, Request, Response};

use super::clock::now_ms;
use super::frames::MALFORMED;
use super::wire::{WindowEvent, initialize_params, is_window_event, window_event};

/// A document event with its stamp.
#[derive(Debug)]
pub struct Arrived {
    /// Its number, from 1, in wire order.
    pub number: u64,
    /// When it arrived (ms since the Unix epoch).
    pub at_ms: u64,
    /// The event.
    pub event: WindowEvent,
}

/// What ingress, handlers and the shell share.
#[derive(Debug, Default)]
pub struct Gate {
    /// Set once `initialize` has succeeded: before that, document events are not the session's.
    pub initialized: AtomicBool,
    /// Set by `shutdown`: the end of the input then is an orderly exit.
    pub shut_down: AtomicBool,
    /// Frames and messages that could not be read.
    pub malformed: AtomicU64,
}

/// The outermost service.
pub struct Ingress<S> {
    inner: S,
    gate: Arc<Gate>,
    session: Sender<Arrived>,
    slot: Option<OwnedPermit<Arrived>>,
    waiting: Option<Reserving>,
    number: u64,
    passed: watch::Receiver<u64>,
}

type Reserving = Pin<Box<dyn Future<Output = Result<OwnedPermit<Arrived>, SendError<()>>> + Send>>;
type Answer<E> = Pin<Box<dyn Future<Output = Result<Option<Response>, E>> + Send>>;

impl<S> Ingress<S> {
    /// Wraps a service. `passed` tells the number of the last event the session is done with.
    pub fn new(inner: S, gate: Arc<Gate>, session: Sender<Arrived>, passed: watch::Receiver<u64>) -> Self {
        Self { inner, gate, session, slot: None, waiting: None, number: 0, passed }
    }

    /// Reserves a slot of the session's channel. A session that has ended takes nothing more, and nothing waits for it.
    fn poll_slot(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.slot.is_some() {
            return Poll::Ready(());
        }
        if self.waiting.is_none() {
            match self.session.clone().try_reserve_owned() {
                Ok(slot) => {
                    self.slot = Some(slot);
                    return Poll::Ready(());
                }
                Err(TrySendError::Closed(_)) => return Poll::Ready(()),
                Err(TrySendError::Full(session)) => self.waiting = Some(Box::pin(session.reserve_owned())),
            }
        }
        if let Some(waiting) = &mut self.waiting {
            self.slot = ready!(waiting.as_mut().poll(cx)).ok();
            self.waiting = None;
        }
        Poll::Ready(())
    }

    /// Hands an event to the session.
    fn hand_over(&mut self, event: WindowEvent) {
        if let Some(slot) = self.slot.take() {
            self.number += 1;
            slot.send(Arrived { number: self.number, at_ms: now_ms(), event });
        }
    }

    fn count_malformed(&self, what: &str) {
        self.gate.malformed.fetch_add(1, Ordering::Relaxed);
        tracing::warn!(what, "a message could not be read");
    }
}

impl<S> Service<Request> for Ingress<S>
where
    S: Service<Request, Response = Option<Response>>,
    S::Future: Send + 'static,
    S::Error: Send + 'static,
{
    type Response = Option<Response>;
    type Error = S::Error;
    type Future = Answer<S::Error>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        ready!(self.poll_slot(cx));
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, request: Request) -> Self::Future {
        if request.method().is_empty() {
            // An answer the framework could not read as one; nobody is to be answered.
            self.count_malformed("an answer");
            return Box::pin(async { Ok(None) });
        }
        if request.method() == MALFORMED {
            self.count_malformed("a frame");
            let response = Response::from_error(tower_lsp::jsonrpc::Id::Null, Error::parse_error());
            return Box::pin(async { Ok(Some(response)) });
        }
        let initialized = self.gate.initialized.load(Ordering::Acquire);
        if initialized && request.id().is_none() && is_window_event(request.method()) {
            let (method, _, params) = request.into_parts();
            match window_event(&method, params) {
                Some(event) => self.hand_over(event),
                None => self.count_malformed("a notification"),
            }
            return Box::pin(async { Ok(None) });
        }
        let request = if request.method() == "initialize" { lenient(request) } else { request };
        let id = request.id().cloned();
        let failed = move || Ok(id.clone().map(|id| Response::from_error(id, Error::internal_error())));
        let inner = match catch_unwind(AssertUnwindSafe(|| self.inner.call(request))) {
            Ok(inner) => inner,
            Err(_) => {
                tracing::error!("a handler broke");
                return Box::pin(std::future::ready(failed()));
            }
        };
        let (mut passed, number) = (self.passed.clone(), self.number);
        Box::pin(async move {
            // An error means that the session has ended: there is nothing left to wait for.
            let _ = passed.wait_for(|passed| *passed >= number).await;
            match Unwinding(Box::pin(inner)).await {
                Some(answer) => answer,
                None => {
                    tracing::error!("a handler broke");
                    failed()
                }
            }
        })
    }
}

/// The same request with parameters that no client gets wrong.
fn lenient(request: Request) -> Request {
    let (method, id, params) = request.into_parts();
    let kept = Request::build(method).params(initialize_params(params));
    match id {
        Some(id) => kept.id(id).finish(),
        None => kept.finish(),
    }
}

/// A future whose panic is its end and nobody else's: `None` then.
struct Unwinding<F>(Pin<Box<F>>);

impl<F: Future> Future for Unwinding<F> {
    type Output = Option<F::Output>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        match catch_unwind(AssertUnwindSafe(|| self.0.as_mut().poll(cx))) {
            Ok(Poll::Ready(output)) => Poll::Ready(Some(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(None),
        }
    }
}
