//! The outbound task: the only holder of the framework's `Client`, so that nothing else can ever wait for the editor.
//!
//! Bounded by construction: the status and what is to be asked for again are one slot each, latest wins; questions for
//! text and messages are short queues. Of each kind one is under way at a time, with a time-out, and none waits for
//! another's answer. An editor that never answers, or never reads, stops this task and nothing else.

use std::time::Duration;

use codi2_protocol::lsp::{
    DOCUMENT_TEXT, DocumentTextParams, DocumentTextResult, OWNERS_CHANGED, OwnersChangedParams, STATUS, StatusParams,
};
use tokio::sync::{mpsc, watch};
use tower_lsp::Client;
use tower_lsp::gen_lsp_types::{
    LspNotificationMethod, LspRequestMethod, MessageDirection, MessageType, Notification, Registration, Request,
};

use super::session::Refresh;

/// Time an editor has to take a message or to answer a question.
const PATIENCE: Duration = Duration::from_secs(5);
/// Questions for text waiting, at most; one that finds no room counts as not answered.
pub const QUESTIONS: usize = 16;
/// Messages waiting, at most; one that finds no room is left out.
const MESSAGES: usize = 4;

/// `codi2/status`.
enum StatusNotification {}

impl Notification for StatusNotification {
    type Params = StatusParams;
    const METHOD: LspNotificationMethod<'static> = LspNotificationMethod::Custom(STATUS);
    const MESSAGE_DIRECTION: MessageDirection = MessageDirection::ServerToClient;
}

/// `codi2/ownersChanged`.
enum OwnersChangedNotification {}

impl Notification for OwnersChangedNotification {
    type Params = OwnersChangedParams;
    const METHOD: LspNotificationMethod<'static> = LspNotificationMethod::Custom(OWNERS_CHANGED);
    const MESSAGE_DIRECTION: MessageDirection = MessageDirection::ServerToClient;
}

/// `codi2/documentText`.
enum DocumentTextRequest {}

impl Request for DocumentTextRequest {
    type Params = DocumentTextParams;
    type Result = DocumentTextResult;
    const METHOD: LspRequestMethod<'static> = LspRequestMethod::Custom(DOCUMENT_TEXT);
    const MESSAGE_DIRECTION: MessageDirection = MessageDirection::ServerToClient;
}

/// The answer to a question for a document's text; no text if the editor failed to give it.
#[derive(Debug)]
pub struct TextAnswer {
    /// The document.
    pub uri: String,
    /// Its text.
    pub result: Option<DocumentTextResult>,
}

/// Where the session puts what is for the editor. Never waits.
#[derive(Debug, Clone)]
pub struct Outbox {
    status: watch::Sender<Option<StatusParams>>,
    stale: watch::Sender<Stale>,
    messages: mpsc::Sender<String>,
    questions: mpsc::Sender<String>,
}

/// How often each view was to be asked for again, and whether hints are offered.
#[derive(Debug, Clone, Copy, Default)]
struct Stale {
    code_lens: u64,
    inlay_hints: u64,
    blame: u64,
    offered: bool,
}

impl Outbox {
    /// An outbox and the task that empties it; text comes back through `answers`.
    pub fn new(client: Client, answers: mpsc::Sender<TextAnswer>) -> (Self, impl Future<Output = ()> + Send) {
        let (status, shown) = watch::channel(None);
        let (stale, seen) = watch::channel(Stale::default());
        let (messages, said) = mpsc::channel(MESSAGES);
        let (questions, asked) = mpsc::channel(QUESTIONS);
        let emptied = async move {
            tokio::join!(
                show(&client, shown),
                tell_owners(&client, seen.clone()),
                refresh_lenses(&client, seen.clone()),
                refresh_hints(&client, seen),
                say(&client, said),
                ask(&client, asked, answers)
            );
        };
        (Self { status, stale, messages, questions }, emptied)
    }

    /// Shows a status; the one before is forgotten if it is not yet shown.
    pub fn status(&self, status: StatusParams) {
        self.status.send_replace(Some(status));
    }

    /// Has the editor ask for views again; once for all that it was not yet told of.
    pub fn refresh(&self, refresh: Refresh) {
        self.stale.send_modify(|stale| {
            stale.code_lens += u64::from(refresh.code_lens);
            stale.inlay_hints += u64::from(refresh.inlay_hints);
            stale.blame += u64::from(refresh.blame);
        });
    }

    /// Offers inlay hints.
    pub fn offer_hints(&self) {
        self.stale.send_modify(|stale| stale.offered = true);
    }

    /// Shows a message to the person at the editor.
    pub fn say(&self, message: String) {
        if self.messages.try_send(message).is_err() {
            tracing::warn!("the editor takes no messages");
        }
    }

    /// Asks for a document's text; `false` if too many questions wait.
    pub fn ask_text(&self, uri: String) -> bool {
        self.questions.try_send(uri).is_ok()
    }
}

async fn say(client: &Client, mut messages: mpsc::Receiver<String>) {
    while let Some(message) = messages.recv().await {
        in_time(client.show_message(MessageType::Info, message)).await;
    }
}

async fn show(client: &Client, mut status: watch::Receiver<Option<StatusParams>>) {
    while status.changed().await.is_ok() {
        let shown = status.borrow_and_update().clone();
        let Some(shown) = shown else { continue };
        in_time(client.send_notification::<StatusNotification>(shown)).await;
    }
}

async fn tell_owners(client: &Client, mut stale: watch::Receiver<Stale>) {
    let mut told = 0;
    while changed(&mut stale, &mut told, |stale| stale.blame).await.is_some() {
        in_time(client.send_notification::<OwnersChangedNotification>(OwnersChangedParams {})).await;
    }
}

async fn refresh_lenses(client: &Client, mut stale: watch::Receiver<Stale>) {
    let mut told = 0;
    while changed(&mut stale, &mut told, |stale| stale.code_lens).await.is_some() {
        in_time(client.code_lens_refresh()).await;
    }
}

async fn refresh_hints(client: &Client, mut stale: watch::Receiver<Stale>) {
    let mut told = (false, 0);
    while let Some(before) = changed(&mut stale, &mut told, |stale| (stale.offered, stale.inlay_hints)).await {
        if told.0 && !before.0 {
            let (id, method) = ("codi2-inlay-hints".to_owned(), "textDocument/inlayHint".to_owned());
            let offer = Registration { id, method, register_options: None };
            in_time(client.register_capability(vec![offer])).await;
        }
        if told.1 != before.1 {
            in_time(client.inlay_hint_refresh()).await;
        }
    }
}

/// Waits until a part of what is stale is not what was told, notes it as told, and returns what was; nothing at the end.
async fn changed<K: PartialEq + Copy>(
    stale: &mut watch::Receiver<Stale>,
    told: &mut K,
    part: fn(&Stale) -> K,
) -> Option<K> {
    loop {
        stale.changed().await.ok()?;
        let now = part(&stale.borrow_and_update());
        if now != *told {
            return Some(std::mem::replace(told, now));
        }
    }
}

/// Waits for an editor no longer than its patience lasts; what it answers does not matter.
async fn in_time(sent: impl Future) {
    if tokio::time::timeout(PATIENCE, sent).await.is_err() {
        tracing::warn!("the editor takes no messages");
    }
}

async fn ask(client: &Client, mut questions: mpsc::Receiver<String>, answers: mpsc::Sender<TextAnswer>) {
    while let Some(uri) = questions.recv().await {
        let asked = client.send_request::<DocumentTextRequest>(DocumentTextParams { uri: uri.clone() });
        let result = match tokio::time::timeout(PATIENCE, asked).await {
            Ok(Ok(result)) => Some(result),
            Ok(Err(error)) => {
                tracing::warn!(%error, "the editor did not give a document's text");
                None
            }
            Err(_) => {
                tracing::warn!("the editor did not answer in time");
                None
            }
        };
        if answers.send(TextAnswer { uri, result }).await.is_err() {
            return;
        }
    }
}
