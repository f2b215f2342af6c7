//! A client that records the messages that it receives, in order.

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use domain::command::Actor;
use engine::{Namespace, OutboundMessage};
use realtime::presence::{ConnectionId, Transport};
use serde_json::{Value, json};

use crate::schema_coverage::SCHEMA_COVERAGE;

/// A virtual client. It is connected until it leaves or is closed.
pub struct TestClient {
    pub actor: Actor,
    pub connection: ConnectionId,
    pub namespace: Namespace,
    /// The addresses of its rooms.
    pub rooms: BTreeSet<String>,
    pub connected: bool,
    /// The received messages that no step has consumed: `{event, args}`, `{envelope}` or `{closed}`.
    pub received: VecDeque<Value>,
    /// The names of the events that are not recorded.
    ignored_events: Rc<[String]>,
}

impl TestClient {
    pub fn new(actor: Actor, connection: ConnectionId, namespace: Namespace, ignored_events: Rc<[String]>) -> Self {
        Self { actor, connection, namespace, rooms: BTreeSet::new(), connected: true, received: VecDeque::new(), ignored_events }
    }

    /// A client that was accepted only to be closed.
    pub fn closed(connection: ConnectionId, namespace: Namespace, code: u16, reason: &str) -> Self {
        let unknown = Actor { user: domain::ids::UserId::new("unknown"), admin: false };
        let mut client = Self::new(unknown, connection, namespace, Rc::default());
        client.close(code, reason);
        client
    }

    /// Receives a message of a contract.
    pub fn receive(&mut self, message: &OutboundMessage) {
        SCHEMA_COVERAGE.check_server_message(self.namespace, message);
        if !matches!(message, OutboundMessage::Event { name, .. } if self.ignored_events.iter().any(|ignored| ignored == name)) {
            self.receive_custom(message);
        }
    }

    /// Receives a message that no contract defines, in the form of its transport.
    pub fn receive_custom(&mut self, message: &OutboundMessage) {
        let received = match (message, self.connection.transport()) {
            (OutboundMessage::Event { name, args, attachments, .. }, Transport::SocketIo) => {
                assert!(attachments.is_empty(), "no contract sends binary data");
                json!({ "event": name, "args": values(args) })
            }
            (OutboundMessage::Text(text), Transport::Raw) => {
                let mut envelope: Value = serde_json::from_str(text).unwrap();
                // The position in the event log is no part of a contract's message.
                envelope.as_object_mut().map(|envelope| envelope.remove("id"));
                json!({ "envelope": envelope })
            }
            _ => panic!("{:?} cannot receive {message:?}", self.connection.transport()),
        };
        self.received.push_back(received);
    }

    /// Receives the close of the connection by the server.
    pub fn close(&mut self, code: u16, reason: &str) {
        self.connected = false;
        self.received.push_back(json!({ "closed": { "code": code, "reason": reason } }));
    }
}

/// Raw JSON values joined by commas, as a list.
pub fn values(args: &str) -> Value {
    serde_json::from_str(&format!("[{args}]")).unwrap()
}
