//! One window from its first byte to its end: puts the pieces together, and ends them in order.
//!
//! The window ends with `exit`, with the end of the input (an orderly exit after `shutdown`, else an abandoned window),
//! with the editor's process, or by a signal. Whatever ends it, open groups are sealed and facts made safe before
//! [`serve`] returns.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use codi2_config::EditorSettings;
use codi2_protocol::lsp::BLAME;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::{mpsc, oneshot, watch};
use tower_lsp::{LspService, Server};

use super::actor::{ARRIVALS, Actor, Command, Sources};
use super::frames::sieve;
use super::handlers::{Handlers, blame, code_lens, execute_command, hover, inlay_hint};
use super::ingress::{Gate, Ingress};
use super::link::HubLink;
use super::outbound::Outbox;
use super::parent;
use super::place::Locator;
use super::session::Input;

/// Bytes for the editor kept while it does not read.
const UNREAD_BYTES: usize = 1 << 20;
/// Bytes from the editor between the sieve and the framework.
const UNPARSED_BYTES: usize = 64 << 10;
/// Time the framework has to finish answering when the input has ended.
const LAST_WORDS: Duration = Duration::from_secs(1);
/// Time the session has to seal, report and spool at the end.
const FAREWELL: Duration = Duration::from_secs(5);

/// How a window ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended {
    /// After `shutdown`.
    Orderly,
    /// The input ended, or `exit` came, without `shutdown`.
    Abandoned,
    /// The editor's process is gone.
    Orphaned,
    /// A signal ended it.
    Stopped,
}

impl Ended {
    /// In words, for the log.
    pub const fn reason(self) -> &'static str {
        match self {
            Self::Orderly => "the editor closed the window",
            Self::Abandoned => "the editor closed the connection without a shutdown",
            Self::Orphaned => "the editor's process is gone",
            Self::Stopped => "the sidecar was told to stop",
        }
    }
}

/// Knobs that only tests turn.
#[derive(Debug, Default)]
pub struct Trial {
    /// A text whose arrival breaks the session machine.
    #[cfg(test)]
    pub breaks_on: Option<String>,
}

/// Serves one window over `input` and `output`; `link` makes the road to the hub, given where its news go. `locator`
/// says which files are recorded and for whom, `shown` what the editor shows if it does not say so itself; `stop` ends
/// it from outside.
pub async fn serve<R, W, L>(
    input: R,
    output: W,
    link: impl FnOnce(mpsc::Sender<Input>) -> L,
    locator: Locator,
    shown: EditorSettings,
    stop: impl Future<Output = ()>,
    trial: Trial,
) -> Ended
where
    R: AsyncRead + Unpin + Send + 'static,
    W: AsyncWrite + Unpin + Send + 'static,
    L: HubLink + 'static,
{
    let gate = Arc::new(Gate::default());
    let (arrivals, arrived) = mpsc::channel(ARRIVALS);
    let (commands, commanded) = mpsc::channel(16);
    let (texts, told) = mpsc::channel(4);
    let (news, heard) = mpsc::channel(256);
    let (passed, done) = watch::channel(0);
    let (editor, mut editor_pid) = watch::channel(None);

    let mut made = None;
    let handlers_gate = gate.clone();
    let handlers_commands = commands.clone();
    let (service, socket) = LspService::build_with_lifecycle_methods(|client| {
        made = Some(Outbox::new(client, texts));
        Handlers { gate: handlers_gate, commands: handlers_commands, editor, shown }
    })
    .custom_method("textDocument/hover", hover)
    .custom_method("textDocument/codeLens", code_lens)
    .custom_method("textDocument/inlayHint", inlay_hint)
    .custom_method("workspace/executeCommand", execute_command)
    .custom_method(BLAME, blame)
    .finish();
    let Some((outbox, outbound)) = made else { return Ended::Abandoned };
    let outbound = tokio::spawn(outbound);

    let actor = Actor::new(link(news), outbox, locator, passed);
    #[cfg(test)]
    let actor = {
        let mut actor = actor;
        actor.breaks_on = trial.breaks_on;
        actor
    };
    #[cfg(not(test))]
    let Trial {} = trial;
    let actor = tokio::spawn(actor.run(Sources { arrivals: arrived, commands: commanded, texts: told, news: heard }));

    let service = Ingress::new(service, gate.clone(), arrivals, done);
    let (readable, frames) = tokio::io::duplex(UNPARSED_BYTES);
    let (written, mut unread) = tokio::io::duplex(UNREAD_BYTES);
    let reading = tokio::spawn(async move {
        if let Err(error) = sieve(input, frames).await {
            tracing::warn!(%error, "the input failed");
        }
    });
    // An editor that does not read its pipe fills this buffer before it stops anything here.
    let writing = tokio::spawn(async move {
        let mut output = output;
        let mut chunk = vec![0; 64 << 10];
        while let Ok(read @ 1..) = unread.read(&mut chunk).await {
            if output.write_all(&chunk[..read]).await.is_err() || output.flush().await.is_err() {
                return;
            }
        }
    });
    let mut served = tokio::spawn(Server::new(readable, written, socket).serve(service));
    let reading_ended = reading;

    let orphaned = async {
        let pid = match editor_pid.wait_for(Option::is_some).await {
            Ok(pid) => *pid,
            Err(_) => None,
        };
        match pid {
            Some(pid) => parent::gone(pid).await,
            None => std::future::pending().await,
        }
    };
    let cut = tokio::select! {
        _ = &mut served => None,
        _ = async { let _ = reading_ended.await; tokio::time::sleep(LAST_WORDS).await } => None,
        () = orphaned => Some(Ended::Orphaned),
        () = stop => Some(Ended::Stopped),
    };
    let orderly = gate.shut_down.load(Ordering::Acquire);
    let ended = cut.unwrap_or(if orderly { Ended::Orderly } else { Ended::Abandoned });
    let (done, finished) = oneshot::channel();
    let farewell = async {
        let end = Command::End { reason: ended.reason().to_owned(), done };
        if commands.send(end).await.is_ok() {
            let _ = finished.await;
        }
    };
    if tokio::time::timeout(FAREWELL, farewell).await.is_err() {
        tracing::error!("the session did not end in time");
    }
    served.abort();
    outbound.abort();
    actor.abort();
    // What is written already still goes out, if the editor reads it.
    let _ = tokio::time::timeout(LAST_WORDS, writing).await;
    ended
}
