//! Who is connected, and what goes to whom.
//!
//! Only the server's loop has this. Nothing here waits: whoever takes too little is cut off, and its task with it, so
//! that it connects again instead of waiting for what was never sent. Absent on purpose: sockets, what calls mean.

use std::collections::HashMap;

use codi2_ipc::{SendError, Writer};
use codi2_protocol::{ErrorCode, HubError, HubFrame, Notice, ProducerId, Reply};
use tokio::sync::oneshot;

use crate::core::{ConnectionId, Ticket};
use crate::engine::Output;
use crate::writer::News;

/// Everything that the server's loop hears, in one queue: what comes first is heard first, so that a client is known
/// before anything is sent to it.
pub enum Heard {
    /// A client greeted.
    Joined(ConnectionId, Option<ProducerId>, Client),
    /// A connection ended, or must.
    Left(ConnectionId),
    /// Somebody wants the hub to end, and to be answered when everything is durable.
    Stop(Option<Ticket>),
    /// Somebody asks how the hub is while the core may be waiting.
    Status(Ticket),
    /// Somebody asks the core how the hub is, or what it may need the store for.
    Asked(Ticket),
    /// Is to be answered how the hub is now, if the core has not.
    Late(Ticket),
    /// Is to be told why the core does not answer, if it has not and the store is away.
    Unanswered(Ticket),
    /// From the core.
    Output(Output),
    /// From the writer.
    News(News),
}

/// A connected client.
pub struct Client {
    /// What goes to it.
    pub writer: Writer,
    /// Dropped with this: then the connection's task ends.
    pub seat: oneshot::Sender<()>,
}

/// The clients connected, by the numbers that tickets name.
#[derive(Default)]
pub struct Clients {
    clients: HashMap<ConnectionId, Client>,
    producers: HashMap<ProducerId, ConnectionId>,
}

impl Clients {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// A client greeted; of several connections of one producer, the latest is told.
    pub fn joined(&mut self, id: ConnectionId, producer: Option<ProducerId>, client: Client) {
        self.clients.insert(id, client);
        if let Some(producer) = producer {
            self.producers.insert(producer, id);
        }
    }

    /// Forgets a connection and ends its task.
    pub fn left(&mut self, id: ConnectionId) {
        if let Some(client) = self.clients.remove(&id) {
            drop(client.seat);
        }
        self.producers.retain(|_, connection| *connection != id);
    }

    /// Answers a call; one whose connection has ended wants no answer.
    pub fn answer(&mut self, ticket: Ticket, answer: Result<Reply, HubError>) {
        let frame = match answer {
            Ok(reply) => HubFrame::Reply { id: ticket.id, reply },
            Err(error) => HubFrame::Error { id: Some(ticket.id), error },
        };
        self.send(ticket.connection, &frame);
    }

    /// Tells a producer, if it is connected.
    pub fn notify(&mut self, producer: ProducerId, notice: Notice) {
        if let Some(&connection) = self.producers.get(&producer) {
            self.send(connection, &HubFrame::Notice(notice));
        }
    }

    /// Tells everybody.
    pub fn tell_all(&mut self, notice: &Notice) {
        let frame = HubFrame::Notice(notice.clone());
        let ids: Vec<_> = self.clients.keys().copied().collect();
        for id in ids {
            self.send(id, &frame);
        }
    }

    /// What goes to each client.
    pub fn writers(&self) -> Vec<Writer> {
        self.clients.values().map(|client| client.writer.clone()).collect()
    }

    fn send(&mut self, connection: ConnectionId, frame: &HubFrame) {
        let Some(client) = self.clients.get(&connection) else { return };
        let mut sent = client.writer.try_send(frame);
        if let Err(SendError::Frame(error)) = &sent {
            tracing::warn!(%error, connection, "not sent");
            sent = match frame {
                HubFrame::Reply { id, .. } => client.writer.try_send(&too_large(*id, error)),
                _ => Ok(()),
            };
        }
        if let Err(error) = sent {
            tracing::info!(%error, connection, "a client is cut off");
            self.left(connection);
        }
    }
}

/// The answer in the place of one that does not fit into a frame.
pub fn too_large(id: u64, error: &codi2_ipc::frame::FrameError) -> HubFrame {
    let message = format!("the answer does not fit: {error}; ask for less");
    HubFrame::Error { id: Some(id), error: HubError { code: ErrorCode::TooLarge, message } }
}
