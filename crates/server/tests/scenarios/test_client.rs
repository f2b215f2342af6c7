//! What a person listens with: everything that it hears, in order.

use std::collections::{BTreeSet, VecDeque};

use domain::command::Actor;
use engine::{Namespace, OutboundMessage};
use serde_json::{Value, json};
use server::presence::{Connection, Transport};

use crate::schema_coverage::SCHEMA_COVERAGE;

/// A virtual device. It is connected until it leaves or is closed.
pub struct TestClient {
    pub actor: Actor,
    pub connection: Connection,
    pub namespace: Namespace,
    /// The addresses of the rooms that it is in.
    pub rooms: BTreeSet<String>,
    pub connected: bool,
    /// What it has heard and no step has asked for: `{event, args}`, `{envelope}` or `{closed}`.
    pub heard: VecDeque<Value>,
}

impl TestClient {
    pub fn new(actor: Actor, connection: Connection, namespace: Namespace) -> Self {
        Self { actor, connection, namespace, rooms: BTreeSet::new(), connected: true, heard: VecDeque::new() }
    }

    /// One that was let in only to be closed.
    pub fn closed(connection: Connection, namespace: Namespace, code: u16, reason: &str) -> Self {
        let nobody = Actor { user: domain::ids::UserId::new("nobody"), admin: false };
        let mut device = Self::new(nobody, connection, namespace);
        device.close(code, reason);
        device
    }

    /// Hears a message in a contract's words.
    pub fn hear(&mut self, message: &OutboundMessage) {
        SCHEMA_COVERAGE.check_said(self.namespace, message);
        self.hear_whatever(message);
    }

    /// Hears a message in words of somebody's own, as a client of its sort reads it.
    pub fn hear_whatever(&mut self, message: &OutboundMessage) {
        let heard = match (message, self.connection.transport()) {
            (OutboundMessage::Event { name, args, attachments, .. }, Transport::SocketIo) => {
                assert!(attachments.is_empty(), "no contract says binaries so far");
                json!({ "event": name, "args": values(args) })
            }
            (OutboundMessage::Text(text), Transport::Raw) => {
                let mut envelope: Value = serde_json::from_str(text).unwrap();
                // Where it stands among all that is stored is no part of what a contract says.
                envelope.as_object_mut().map(|envelope| envelope.remove("id"));
                json!({ "envelope": envelope })
            }
            _ => panic!("{:?} cannot hear {message:?}", self.connection.transport()),
        };
        self.heard.push_back(heard);
    }

    /// Hears that the server closes the connection.
    pub fn close(&mut self, code: u16, reason: &str) {
        self.connected = false;
        self.heard.push_back(json!({ "closed": { "code": code, "reason": reason } }));
    }
}

/// Raw JSON values joined by commas, as a list.
pub fn values(args: &str) -> Value {
    serde_json::from_str(&format!("[{args}]")).unwrap()
}
