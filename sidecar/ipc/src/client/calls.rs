//! Calls that somebody waits for. Each goes after the facts that were reported before it, and where the connection goes
//! while it is on its way its caller is told so.
//!
//! Absent on purpose: trying again. Only the caller knows whether a call may be made twice.

use std::collections::{BTreeMap, VecDeque};

use codi2_protocol::{Call, ClientFrame, Reply};
use tokio::sync::oneshot;

use super::CallError;
use crate::frame;

/// Where an answer goes.
pub(super) type Answer = oneshot::Sender<Result<Reply, CallError>>;

#[derive(Debug, Default)]
pub(super) struct Calls {
    queued: VecDeque<Queued>,
    /// Sent, by their ids.
    out: BTreeMap<u64, Answer>,
    last_id: u64,
}

#[derive(Debug)]
struct Queued {
    /// Goes after the fact of this number.
    after: u64,
    call: Call,
    answer: Answer,
}

impl Calls {
    /// Queues a call behind the fact of this number.
    pub(super) fn push(&mut self, after: u64, call: Call, answer: Answer) {
        self.queued.push_back(Queued { after, call, answer });
    }

    /// Whether one may go, where facts were sent up to this number.
    pub(super) fn is_next(&self, sent: Option<u64>) -> bool {
        self.queued.front().zip(sent).is_some_and(|(queued, sent)| queued.after <= sent)
    }

    /// The frame of the next one; none where nobody waits for it any more, or it makes no frame.
    pub(super) fn next(&mut self) -> Option<Vec<u8>> {
        let Queued { call, answer, .. } = self.queued.pop_front()?;
        if answer.is_closed() {
            return None;
        }
        self.last_id += 1;
        match frame::encode(&ClientFrame { id: Some(self.last_id), call }) {
            Ok(bytes) => {
                self.out.insert(self.last_id, answer);
                Some(bytes)
            }
            Err(error) => {
                let _ = answer.send(Err(CallError::Frame(error)));
                None
            }
        }
    }

    /// An answer came.
    pub(super) fn answered(&mut self, id: u64, answered: Result<Reply, CallError>) {
        if let Some(answer) = self.out.remove(&id) {
            let _ = answer.send(answered);
        }
    }

    /// The connection is gone: what was sent gets no answer.
    pub(super) fn lost(&mut self, reason: &str) {
        for (_, answer) in std::mem::take(&mut self.out) {
            let _ = answer.send(Err(CallError::Lost(reason.to_owned())));
        }
    }

    /// Forgets those whose callers gave up.
    pub(super) fn forget_given_up(&mut self) {
        self.queued.retain(|queued| !queued.answer.is_closed());
        self.out.retain(|_, answer| !answer.is_closed());
    }
}
