//! The outbound task: the only holder of the framework's `Client`, so that nothing else can ever wait for the editor.
//!
//! Bounded by construction: the status is one slot, latest wins; questions for text are a short queue, one under way
//! at a time, each with a time-out. An editor that never answers, or never reads, stops this task and nothing else.

use std::time::Duration;

use codi2_protocol::lsp::{DOCUMENT_TEXT, DocumentTextParams, DocumentTextResult, STATUS, StatusParams};
use tokio::sync::{mpsc, watch};
use tower_lsp::Client;
use tower_lsp::gen_lsp_types::{LspNotificationMethod, LspRequestMethod, MessageDirection, Notification, Request};

/// Time an editor has to take a message or to answer a question.
const PATIENCE: Duration = Duration::from_secs(5);
/// Questions for text waiting, at most; one that finds no room counts as not answered.
pub const QUESTIONS: usize = 16;

/// `codi2/status`.
enum StatusNotification {}

impl Notification for StatusNotification {
    type Params = StatusParams;
    const METHOD: LspNotificationMethod<'static> = LspNotificationMethod::Custom(STATUS);
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
    questions: mpsc::Sender<String>,
}

impl Outbox {
    /// An outbox and the task that empties it; text comes back through `answers`.
    pub fn new(client: Client, answers: mpsc::Sender<TextAnswer>) -> (Self, impl Future<Output = ()> + Send) {
        let (status, shown) = watch::channel(None);
        let (questions, asked) = mpsc::channel(QUESTIONS);
        (Self { status, questions }, deliver(client, shown, asked, answers))
    }

    /// Shows a status; the one before is forgotten if it is not yet shown.
    pub fn status(&self, status: StatusParams) {
        self.status.send_replace(Some(status));
    }

    /// Asks for a document's text; `false` if too many questions wait.
    pub fn ask_text(&self, uri: String) -> bool {
        self.questions.try_send(uri).is_ok()
    }
}

async fn deliver(
    client: Client,
    status: watch::Receiver<Option<StatusParams>>,
    questions: mpsc::Receiver<String>,
    answers: mpsc::Sender<TextAnswer>,
) {
    tokio::join!(show(&client, status), ask(&client, questions, answers));
}

async fn show(client: &Client, mut status: watch::Receiver<Option<StatusParams>>) {
    while status.changed().await.is_ok() {
        let shown = status.borrow_and_update().clone();
        let Some(shown) = shown else { continue };
        let sent = client.send_notification::<StatusNotification>(shown);
        if tokio::time::timeout(PATIENCE, sent).await.is_err() {
            tracing::warn!("the editor takes no messages");
        }
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
