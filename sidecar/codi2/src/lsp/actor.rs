//! The session actor: one task that owns the machine, feeds it in wire order, and carries its effects away.
//!
//! One loop, one closed list of sources: document events, commands of handlers, the editor's answers, the hub's news,
//! time. It never waits for the editor or the hub; what it waits for is the file system when a document is opened, for two
//! seconds at most, and before the first one who started the window, which takes ten at most. A panic of the machine costs one document its sync and nobody else anything.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use codi2_histogram::Histogram;
use codi2_protocol::{Count, Fact, GroupId, ProcessStats, SessionId};
use codi2_text::Position;
use tokio::sync::{mpsc, oneshot, watch};

use super::authorship::Authorship;
use super::clock::now_ms;
use super::ingress::Arrived;
use super::link::HubLink;
use super::outbound::{Outbox, TextAnswer};
use super::place::Locator;
use super::session::{DocumentEvent, Effect, HoverText, Input, Session, View, Window};
use super::wire::WindowEvent;

/// Room of the channel from the ingress: what may wait before standard input does.
pub const ARRIVALS: usize = 64;

/// What handlers want of the actor.
pub enum Command {
    /// The window is known: `initialize` was called.
    Start {
        /// The window.
        window: Box<Window>,
        /// URIs of its folders.
        folders: Vec<String>,
    },
    /// Who wrote the text at a position.
    Hover {
        /// The document.
        uri: String,
        /// The position, in the window's encoding.
        position: Position,
        /// Where the answer goes.
        reply: oneshot::Sender<Option<HoverText>>,
    },
    /// The owners of a document as they are.
    Authorship {
        /// The document.
        uri: String,
        /// For which view.
        view: View,
        /// Where the answer goes; none for what is not recorded or not shown.
        reply: oneshot::Sender<Option<Authorship>>,
    },
    /// Says something to the person at the editor.
    Say(String),
    /// The window closes: everything is sealed, reported and made safe before `done` is told.
    End {
        /// Why, in words.
        reason: String,
        /// Told when all facts are durable or spooled.
        done: oneshot::Sender<()>,
    },
}

/// What the actor listens to.
pub struct Sources {
    /// From the ingress.
    pub arrivals: mpsc::Receiver<Arrived>,
    /// From handlers and the shell.
    pub commands: mpsc::Receiver<Command>,
    /// From the editor, through the outbound task.
    pub texts: mpsc::Receiver<TextAnswer>,
    /// From the hub.
    pub news: mpsc::Receiver<Input>,
}

/// The actor.
pub struct Actor<L> {
    session: Option<Session>,
    link: L,
    outbox: Outbox,
    locator: Locator,
    /// Worktrees that were found, and the way in for them.
    rooted: mpsc::Receiver<Input>,
    roots: mpsc::Sender<Input>,
    passed: watch::Sender<u64>,
    measures: Measures,
    #[cfg(test)]
    pub breaks_on: Option<String>,
}

/// What is measured of the road's beginning, all the time.
#[derive(Debug, Default)]
struct Measures {
    /// The machine's turn for one `didChange`.
    change: Histogram,
    /// A turn that sealed a group without a change of its own: digests, copies, evidence.
    seal: Histogram,
    /// Document events that waited for their turn when one was taken.
    waiting: Histogram,
    /// Gaps: facts that were lost for good.
    gaps: u64,
}

impl Measures {
    fn stats(&self) -> ProcessStats {
        ProcessStats {
            part: "sidecar".to_owned(),
            pid: std::process::id(),
            measured: vec![
                self.change.measured("change", "ns"),
                self.seal.measured("seal", "ns"),
                self.waiting.measured("waiting", "events"),
            ],
            counts: vec![Count { name: "gaps".to_owned(), value: self.gaps }],
        }
    }
}

impl<L: HubLink> Actor<L> {
    /// An actor without a window yet. `passed` tells the ingress which event is done.
    pub fn new(link: L, outbox: Outbox, locator: Locator, passed: watch::Sender<u64>) -> Self {
        let (roots, rooted) = mpsc::channel(4);
        Self {
            session: None,
            link,
            outbox,
            locator,
            rooted,
            roots,
            passed,
            measures: Measures::default(),
            #[cfg(test)]
            breaks_on: None,
        }
    }

    /// Runs until the window ends.
    pub async fn run(mut self, mut from: Sources) {
        loop {
            let wait = self.wait();
            tokio::select! {
                Some(command) = from.commands.recv() => match command {
                    Command::Start { window, folders } => self.start(*window, folders),
                    Command::Hover { uri, position, reply } => {
                        let _ = reply.send(self.hover(&uri, position));
                    }
                    Command::Authorship { uri, view, reply } => {
                        let session = self.session.as_ref();
                        let _ = reply.send(session.and_then(|session| session.authorship(&uri, view)));
                    }
                    Command::Say(message) => self.outbox.say(message),
                    Command::End { reason, done } => {
                        while let Ok(arrived) = from.arrivals.try_recv() {
                            self.arrived(arrived).await;
                        }
                        self.feed(Input::End { reason });
                        self.link.finish().await;
                        let _ = done.send(());
                        return;
                    }
                },
                Some(arrived) = from.arrivals.recv() => {
                    self.measures.waiting.record(from.arrivals.len() as u64);
                    self.arrived(arrived).await;
                }
                Some(answer) = from.texts.recv() => {
                    self.feed(Input::DocumentText { uri: answer.uri, result: answer.result });
                }
                // The hub's news wait until there is a window to hear them.
                Some(news) = from.news.recv(), if self.session.is_some() => self.feed(news),
                Some(rooted) = self.rooted.recv() => self.feed(rooted),
                () = tokio::time::sleep(wait) => {}
            }
            if self.wait().is_zero() {
                self.feed(Input::Tick);
            }
        }
    }

    /// Time until the machine wants a tick.
    fn wait(&self) -> Duration {
        let deadline = self.session.as_ref().and_then(Session::deadline);
        let wait = deadline.map_or(Duration::from_secs(60), |at| Duration::from_millis(at.saturating_sub(now_ms())));
        // Never longer than a minute: a clock set back must not stop the heart.
        wait.min(Duration::from_secs(60))
    }

    fn start(&mut self, window: Window, folders: Vec<String>) {
        if self.session.is_some() {
            return;
        }
        let session = Session::new(window, GroupId::new);
        #[cfg(test)]
        let session = {
            let mut session = session;
            session.breaks_on.clone_from(&self.breaks_on);
            session
        };
        self.session = Some(session);
        self.locator.look_above();
        self.find_roots(folders, true);
        self.feed(Input::Tick);
    }

    /// Finds the worktrees of folders in the background; with `own`, the first one found is the window's own.
    fn find_roots(&self, folders: Vec<String>, mut own: bool) {
        let (locator, roots) = (self.locator.clone(), self.roots.clone());
        tokio::spawn(async move {
            for folder in folders {
                if let Some(site) = locator.folder(&folder).await {
                    let _ = roots.send(Input::Rooted { site: Box::new(site), own }).await;
                    own = false;
                }
            }
        });
    }

    /// Looks in the background who works in the window's worktree by now.
    fn look_who(&self) {
        let Some(root) = self.session.as_ref().and_then(Session::root).map(PathBuf::from) else { return };
        let (locator, roots) = (self.locator.clone(), self.roots.clone());
        tokio::spawn(async move {
            if let Some(site) = locator.root(root).await {
                // Where others wait already, the next heartbeat looks again.
                let _ = roots.try_send(Input::Rooted { site: Box::new(site), own: false });
            }
        });
    }

    async fn arrived(&mut self, arrived: Arrived) {
        let Arrived { number, at_ms, event } = arrived;
        let input = match event {
            WindowEvent::Open { uri, version, text } => {
                let place = self.locator.document(&uri).await;
                Some(Input::Open { uri, version, text, place })
            }
            WindowEvent::Document(event) => Some(Input::Document(event)),
            WindowEvent::Shows(shows) => Some(Input::Shows(shows)),
            WindowEvent::Folders { added } => {
                self.find_roots(added, false);
                None
            }
        };
        if let Some(input) = input {
            self.feed_at(input, at_ms);
        }
        self.passed.send_replace(number);
    }

    fn feed(&mut self, input: Input) {
        self.feed_at(input, now_ms());
    }

    /// Gives the machine one input; a panic in it costs the document the input was about its sync.
    fn feed_at(&mut self, input: Input, at_ms: u64) {
        let Some(session) = &mut self.session else { return };
        let uri = document_of(&input).map(str::to_owned);
        let change = matches!(input, Input::Document(DocumentEvent::Change { .. }));
        self.measures.gaps += u64::from(matches!(input, Input::Lost));
        let begun = Instant::now();
        let effects = match catch_unwind(AssertUnwindSafe(|| session.on(input, at_ms))) {
            Ok(effects) => effects,
            Err(_) => {
                tracing::error!("the session machine broke on an input");
                let Some(uri) = uri else { return };
                catch_unwind(AssertUnwindSafe(|| session.on(Input::Broke { uri }, at_ms))).unwrap_or_default()
            }
        };
        let id = session.id();
        if change {
            self.measures.change.took(begun.elapsed());
        } else if effects.iter().any(|effect| matches!(effect, Effect::Fact { fact: Fact::Edits(_), .. })) {
            self.measures.seal.took(begun.elapsed());
        }
        for effect in effects {
            self.carry(id, effect);
        }
    }

    fn carry(&mut self, session: SessionId, effect: Effect) {
        match effect {
            Effect::Fact { at_ms, fact } => self.link.report(session, at_ms, fact),
            Effect::Text(text) => self.link.text(text),
            Effect::Touched(touched) => self.link.touched(touched),
            Effect::Heartbeat(heartbeat) => {
                self.link.heartbeat(heartbeat);
                self.link.measured(self.measures.stats());
                self.look_who();
            }
            Effect::Watch { root } => self.link.watch(root),
            Effect::AskOwners { ask, file, digest, text, root } => {
                self.link.ask_owners(ask, file, digest, text, root);
            }
            Effect::AskText { uri } => {
                if !self.outbox.ask_text(uri.clone()) {
                    tracing::warn!("too many questions wait for the editor");
                    self.feed(Input::DocumentText { uri, result: None });
                }
            }
            Effect::Status(status) => self.outbox.status(status),
            Effect::Refresh(refresh) => self.outbox.refresh(refresh),
            Effect::OfferHints => self.outbox.offer_hints(),
            Effect::Note(note) => tracing::info!("{note}"),
        }
    }

    fn hover(&self, uri: &str, position: Position) -> Option<HoverText> {
        let session = self.session.as_ref()?;
        let now = jiff::Zoned::now();
        let when = |at_ms: u64| crate::cli::when::minute(at_ms, &now);
        // A read: a panic in it leaves the machine as it was.
        catch_unwind(AssertUnwindSafe(|| session.hover(uri, position, &when))).unwrap_or_default()
    }
}

/// The document an input is about.
fn document_of(input: &Input) -> Option<&str> {
    match input {
        Input::Open { uri, .. } | Input::DocumentText { uri, .. } => Some(uri),
        Input::Document(event) => Some(event.uri()),
        _ => None,
    }
}
