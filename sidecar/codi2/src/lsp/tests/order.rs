//! Wire order, proved with a session that is deliberately slow. To be run again on every upgrade of the framework.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Waker};

use serde_json::json;
use tokio::io::AsyncWriteExt;
use tokio::sync::{mpsc, watch};
use tower::Service;
use tower_lsp::jsonrpc::{Request, Response};

use super::*;
use crate::lsp::actor::Command;
use crate::lsp::handlers::{Handlers, hover};
use crate::lsp::ingress::{Arrived, Gate, Ingress};
use crate::lsp::session::DocumentEvent;
use crate::lsp::wire::WindowEvent;

fn change(version: i32) -> Value {
    let document = json!({"uri": "file:///a", "version": version});
    json!({"jsonrpc": "2.0", "method": "textDocument/didChange",
           "params": {"textDocument": document, "contentChanges": [{"text": "x"}]}})
}

fn version(arrived: &Arrived) -> i32 {
    match &arrived.event {
        WindowEvent::Document(DocumentEvent::Change { version, .. }) => *version,
        other => panic!("not a change: {other:?}"),
    }
}

#[tokio::test]
async fn a_slow_session_gets_every_change_in_wire_order_and_answers_wait_for_it() {
    const CHANGES: i32 = 600;
    let gate = Arc::new(Gate::default());
    gate.initialized.store(true, Ordering::Release);
    let (arrivals, mut arrived) = mpsc::channel(4);
    let (passed, done) = watch::channel(0);
    let (commands, mut commanded) = mpsc::channel::<Command>(4);
    let (editor, _pid) = watch::channel(None);
    let handlers = Handlers { gate: Arc::new(Gate::default()), commands, editor, shown: EditorSettings::default() };
    let (service, socket) = tower_lsp::LspService::build_with_lifecycle_methods(|_| handlers)
        .custom_method("textDocument/hover", hover)
        .finish();
    let service = Ingress::new(service, gate, arrivals, done);
    let (mut to, input) = tokio::io::duplex(1 << 10);
    let (output, from) = tokio::io::duplex(1 << 10);
    let served = tokio::spawn(tower_lsp::Server::new(input, output, socket).serve(service));

    let writing = tokio::spawn(async move {
        let mut frame = async |message: Value| {
            let body = message.to_string();
            to.write_all(format!("Content-Length: {}\r\n\r\n{body}", body.len()).as_bytes()).await.unwrap();
        };
        frame(json!({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": {"capabilities": {}}})).await;
        for number in 1..=CHANGES {
            frame(change(number)).await;
            if number % 50 == 0 {
                let at = json!({"line": 0, "character": 0});
                let params = json!({"textDocument": {"uri": "file:///a"}, "position": at});
                frame(json!({"jsonrpc": "2.0", "id": 1000 + number, "method": "textDocument/hover", "params": params}))
                    .await;
            }
        }
        to
    });
    let mut from = tokio::io::BufReader::new(from);
    let reading = tokio::spawn(async move {
        let mut sink = Vec::new();
        let _ = from.read_to_end(&mut sink).await;
    });
    let mut seen = 0;
    let mut hovers = 0;
    while seen < CHANGES {
        tokio::select! {
            Some(event) = arrived.recv() => {
                // Slow: everything else has its turn many times between two changes.
                for _ in 0..20 {
                    tokio::task::yield_now().await;
                }
                seen += 1;
                assert_eq!(version(&event), seen, "no change overtakes another");
                assert_eq!(event.number, u64::try_from(seen).unwrap());
                passed.send_replace(event.number);
            }
            Some(command) = commanded.recv() => {
                if let Command::Hover { reply, .. } = command {
                    hovers += 1;
                    assert!(seen >= hovers * 50, "hover {hovers} ran after {seen} changes only");
                    let _ = reply.send(None);
                }
            }
        }
    }
    drop(writing.await.unwrap());
    drop(arrived);
    drop(passed);
    drop(commanded);
    tokio::time::timeout(PATIENCE, served).await.unwrap().unwrap();
    reading.abort();
}

/// A service that does nothing, or breaks.
struct Inner {
    breaks: bool,
    called: Arc<AtomicBool>,
}

impl Service<Request> for Inner {
    type Response = Option<Response>;
    type Error = std::convert::Infallible;
    type Future = std::pin::Pin<Box<dyn Future<Output = Result<Option<Response>, Self::Error>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Self::Error>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request) -> Self::Future {
        let (breaks, called) = (self.breaks, self.called.clone());
        assert!(request.method() != "break/atOnce", "broken on request");
        Box::pin(async move {
            called.store(true, Ordering::Release);
            assert!(!breaks, "broken on request");
            Ok(request.id().cloned().map(|id| Response::from_ok(id, json!("done"))))
        })
    }
}

fn ingress(
    breaks: bool,
    room: usize,
) -> (Ingress<Inner>, mpsc::Receiver<Arrived>, watch::Sender<u64>, Arc<AtomicBool>) {
    let gate = Arc::new(Gate::default());
    gate.initialized.store(true, Ordering::Release);
    let (arrivals, arrived) = mpsc::channel(room);
    let (passed, done) = watch::channel(0);
    let called = Arc::new(AtomicBool::new(false));
    let inner = Inner { breaks, called: called.clone() };
    (Ingress::new(inner, gate, arrivals, done), arrived, passed, called)
}

fn ready(ingress: &mut Ingress<Inner>) -> bool {
    ingress.poll_ready(&mut Context::from_waker(Waker::noop())).is_ready()
}

fn message(message: Value) -> Request {
    serde_json::from_value(message).unwrap()
}

#[tokio::test]
async fn a_full_session_is_not_ready_and_so_nothing_more_is_read() {
    let (mut ingress, mut arrived, _passed, _) = ingress(false, 2);
    for number in 1..=2 {
        assert!(ready(&mut ingress));
        assert!(ingress.call(message(change(number))).await.unwrap().is_none());
    }
    assert!(!ready(&mut ingress) && !ready(&mut ingress));
    assert_eq!(version(&arrived.recv().await.unwrap()), 1);
    assert!(ready(&mut ingress));
    ingress.call(message(change(3))).await.unwrap();
    drop(ingress);
    let mut rest = Vec::new();
    while let Some(event) = arrived.recv().await {
        rest.push(version(&event));
    }
    assert_eq!(rest, [2, 3]);
}

#[tokio::test]
async fn a_session_that_has_ended_stops_nobody() {
    let (mut ingress, arrived, passed, _) = ingress(false, 1);
    drop((arrived, passed));
    for number in 1..=3 {
        assert!(ready(&mut ingress));
        assert!(ingress.call(message(change(number))).await.unwrap().is_none());
    }
    assert!(ready(&mut ingress));
    let answer = ingress.call(message(json!({"jsonrpc": "2.0", "id": 1, "method": "x"}))).await.unwrap();
    assert!(answer.unwrap().is_ok());
}

#[tokio::test]
async fn a_request_waits_for_the_changes_before_it() {
    let (mut ingress, _arrived, passed, called) = ingress(false, 8);
    for number in 1..=3 {
        assert!(ready(&mut ingress));
        ingress.call(message(change(number))).await.unwrap();
    }
    assert!(ready(&mut ingress));
    let answer = tokio::spawn(ingress.call(message(json!({"jsonrpc": "2.0", "id": 1, "method": "x"}))));
    for number in 1..=2 {
        passed.send_replace(number);
        for _ in 0..50 {
            tokio::task::yield_now().await;
        }
        assert!(!called.load(Ordering::Acquire), "{number} of 3 are done");
    }
    passed.send_replace(3);
    assert!(answer.await.unwrap().unwrap().unwrap().is_ok());
}

#[tokio::test]
async fn a_broken_handler_breaks_nothing_else() {
    let (mut ingress, _arrived, _passed, _) = ingress(true, 8);
    for method in ["break/later", "break/atOnce"] {
        assert!(ready(&mut ingress));
        let asked = message(json!({"jsonrpc": "2.0", "id": 1, "method": method}));
        let answer = ingress.call(asked).await.unwrap().unwrap();
        assert_eq!(answer.error().unwrap().code.code(), -32603);
        assert!(ready(&mut ingress));
        let told = message(json!({"jsonrpc": "2.0", "method": method}));
        assert!(ingress.call(told).await.unwrap().is_none());
    }
}
