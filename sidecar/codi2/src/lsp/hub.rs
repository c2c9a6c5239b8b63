//! The road to the hub over `codi2_ipc`: facts numbered and kept there, everything else told; news turned into inputs.

use std::sync::Arc;
use std::time::{Duration, Instant};

use codi2_ipc::{Client, News, Options, Places, SpawnSpec, Status};
use codi2_protocol::{
    Call, Capability, Count, Digest, Fact, FileId, Heartbeat, Notice, OwnersReply, ProcessStats, Reply, SessionId,
    Text, Touched,
};
use tokio::sync::{Semaphore, mpsc};

use super::link::HubLink;
use super::session::{Input, Link};
use crate::noted;

/// How often the counts of the status are looked at.
const LOOK: Duration = Duration::from_secs(1);
/// How long a hub that is there may take to store anything before that is said.
const PATIENCE: Duration = Duration::from_secs(10);
/// How it is said.
const STUCK: &str = "the hub stores nothing for the moment, edits are kept; codi2 doctor says why";
/// Time the hub has at the end to make everything durable; what it does not is spooled.
const FLUSH: Duration = Duration::from_secs(2);

/// Time there is for what notes know beside the hub's answer.
const NOTED: Duration = Duration::from_secs(5);

/// The road.
pub struct HubRoad {
    client: Client,
    news: mpsc::Sender<Input>,
    /// Whose turn it is to have git look for the commits of a text: that is work, and many files may be open.
    turn: Arc<Semaphore>,
}

impl HubRoad {
    /// Starts the client; `start` says how to run a hub where there is none, `about_settings` what is wrong as long as
    /// nothing worse is.
    pub fn new(
        places: Places,
        start: Option<SpawnSpec>,
        build: &str,
        spool_bytes: u64,
        about_settings: Option<String>,
        news: mpsc::Sender<Input>,
    ) -> Self {
        let mut options = Options::new(build);
        options.limits.bytes = spool_bytes;
        options.capabilities =
            [Capability::Text, Capability::Owners].iter().map(|capability| capability.as_str().to_owned()).collect();
        let (client, from) = Client::spawn(places, start, options);
        tokio::spawn(listen(client.clone(), from, about_settings, news.clone()));
        Self { client, news, turn: Arc::new(Semaphore::new(1)) }
    }
}

/// Turns the client's news into the machine's inputs, and looks at its counts now and then.
async fn listen(client: Client, mut from: mpsc::Receiver<News>, standing: Option<String>, news: mpsc::Sender<Input>) {
    let mut shown = Link::default();
    let mut progress = Progress { durable: 0, since: Instant::now() };
    let mut look = tokio::time::interval(LOOK);
    look.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        let input = tokio::select! {
            heard = from.recv() => match heard {
                None => return,
                Some(News::Connected { .. }) => {
                    (shown.connected, shown.problem) = (true, standing.clone());
                    Some(Input::Link(shown.clone()))
                }
                Some(News::Disconnected { reason } | News::Unreachable { reason }) => {
                    tracing::info!(reason, "the hub is away");
                    let problem = client.status().problem.or_else(|| standing.clone());
                    (shown.connected, shown.problem) = (false, problem);
                    Some(Input::Link(shown.clone()))
                }
                Some(News::Lost(_)) => Some(Input::Lost),
                Some(News::Notice(notice)) => from_notice(notice),
            },
            _ = look.tick() => {
                let status = client.status();
                let stuck = progress.stuck(&status, Instant::now());
                // Whether it is connected is the news' to say, in their order.
                let problem = status.problem.or_else(|| stuck.then(|| STUCK.to_owned())).or_else(|| standing.clone());
                let (pending, spool_bytes) = (status.pending, status.spool_bytes);
                let seen = Link { connected: shown.connected, pending, spool_bytes, problem };
                (std::mem::replace(&mut shown, seen.clone()) != seen).then_some(Input::Link(seen))
            }
        };
        if let Some(input) = input
            && news.send(input).await.is_err()
        {
            return;
        }
    }
}

/// Whether a hub that is there stores what it gets: its store may be away, its disk full, or it stands still itself.
struct Progress {
    durable: u64,
    since: Instant,
}

impl Progress {
    /// Whether facts have waited for [`PATIENCE`] while none became durable.
    fn stuck(&mut self, status: &Status, now: Instant) -> bool {
        if !status.connected || status.pending == 0 || status.durable != self.durable {
            *self = Self { durable: status.durable, since: now };
        }
        now - self.since >= PATIENCE
    }
}

/// What a notice is to the machine; none for what the client deals with itself.
pub(super) fn from_notice(notice: Notice) -> Option<Input> {
    match notice {
        Notice::Judged { group, verdict } => Some(Input::Judged { group, verdict }),
        Notice::WantText { session, file } => Some(Input::WantText { session, file }),
        Notice::Sessions { sessions, worktree } => Some(Input::Sessions { sessions, worktree }),
        Notice::Git { worktree } => Some(Input::Git { worktree }),
        Notice::Noted { worktree } => Some(Input::Noted { worktree }),
        Notice::Ending { .. } => Some(Input::Flush),
        Notice::Durable { .. } | Notice::Events { .. } => None,
    }
}

impl HubLink for HubRoad {
    fn report(&mut self, session: SessionId, at_ms: u64, fact: Fact) {
        self.client.report(session, at_ms, fact);
    }

    fn text(&mut self, text: Text) {
        self.client.text(text);
    }

    fn touched(&mut self, touched: Touched) {
        self.client.touched(touched);
    }

    fn heartbeat(&mut self, heartbeat: Heartbeat) {
        self.client.heartbeat(heartbeat);
    }

    fn measured(&mut self, mut stats: ProcessStats) {
        let status = self.client.status();
        let counts =
            [("pending", status.pending), ("spool_bytes", status.spool_bytes), ("dropped_texts", status.dropped_texts)];
        stats.counts.extend(counts.map(|(name, value)| Count { name: name.to_owned(), value }));
        self.client.measured(stats);
    }

    fn watch(&mut self, root: String) {
        let client = self.client.clone();
        tokio::spawn(async move {
            if let Err(error) = client.call(Call::Watch { path: root, poll: false }).await {
                tracing::warn!(%error, "the hub does not watch the worktree");
            }
        });
    }

    fn ask_owners(&mut self, ask: u64, file: FileId, digest: Digest, text: codi2_text::Text, root: String) {
        let (client, news, turn) = (self.client.clone(), self.news.clone(), Arc::clone(&self.turn));
        tokio::spawn(async move {
            let path = file.path.clone();
            let call = Call::Owners { file, digest: Some(digest), buffer: false };
            let reply = match client.call(call).await {
                Ok(Reply::Owners(reply)) => Some(with_notes(turn, reply, root, path, text).await),
                Ok(_) => None,
                Err(error) => {
                    tracing::debug!(%error, "no owners");
                    None
                }
            };
            let _ = news.send(Input::Owners { ask, reply }).await;
        });
    }

    async fn finish(&mut self) {
        let flushed = self.client.flush(FLUSH).await;
        tracing::debug!(?flushed, "facts made safe");
    }
}

/// The hub's answer with what notes know of lines that nobody saw; as the hub gave it where that takes too long.
async fn with_notes(
    turn: Arc<Semaphore>,
    reply: OwnersReply,
    root: String,
    path: String,
    text: codi2_text::Text,
) -> OwnersReply {
    if !noted::may_know_more(&reply) {
        return reply;
    }
    let seen = reply.clone();
    let look = async move {
        let turn = turn.acquire_owned().await.ok()?;
        let look = move || {
            let completed = noted::completed(root.as_ref(), &path, &text, reply);
            drop(turn);
            completed
        };
        tokio::task::spawn_blocking(look).await.ok()
    };
    tokio::time::timeout(NOTED, look).await.ok().flatten().unwrap_or(seen)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hub_that_is_there_and_stores_nothing_is_noticed() {
        // Seconds; connected, facts that wait, durable up to; whether it is stuck then.
        let seen = [
            (60, true, 0, 0, false),
            (61, true, 3, 0, false),
            (69, true, 9, 0, false),
            (70, true, 9, 0, true),
            (71, true, 8, 1, false),
            (80, true, 8, 1, false),
            (81, true, 8, 1, true),
            (82, false, 8, 1, false),
            (83, true, 8, 1, false),
            (92, true, 8, 1, true),
            (93, true, 0, 9, false),
        ];
        let start = Instant::now();
        let mut progress = Progress { durable: 0, since: start };
        for (second, connected, pending, durable, stuck) in seen {
            let status = Status { connected, pending, durable, ..Status::default() };
            assert_eq!(progress.stuck(&status, start + Duration::from_secs(second)), stuck, "at {second} s");
        }
    }
}
