//! Begins sessions.

use std::rc::Rc;

use wire::engineio::{Handshake, Version};
use wire::websocket::{Input, Window};

use super::Worker;
use crate::app::{App, Connect, DisconnectReason};
use crate::config::Protocol;
use crate::encoding::Namespace;
use crate::handshake_rejection::HandshakeRejection;
use crate::id::MAX_SLOTS;
use crate::shard::{ConnectionKey, NewTransport, Phase, Transport, WebSocket};
use crate::shard_request::{NewConnection, NewSession, Purpose};
use crate::stream::Stream;

impl<A: App> Worker<A> {
    /// Takes a WebSocket over from the HTTP server.
    pub(super) fn accept(&mut self, new: NewConnection<A::Handshake>) {
        let mut stream = Stream::new(new.stream);
        let tls = matches!(stream, Stream::Tls(_));
        if self.shard.connections.len() >= MAX_SLOTS || stream.register(self.poll.registry(), self.shard.connections.vacant_key()).is_err()
        {
            return;
        }
        let transport = Transport::WebSocket(WebSocket { stream, reader: Default::default(), blocked: false });
        let key = match new.purpose {
            Purpose::Session(session) => Some(self.begin_session(session, transport, new.deflate, new.greeting)),
            Purpose::Reject(rejection) => return self.reject_handshake(&rejection, transport, new.greeting),
            Purpose::Upgrade(session) => self.begin_probe(session, transport, new.deflate),
        };
        let Some(key) = key else { return };
        if !new.early.is_empty() {
            self.handle(key, Input::new(&mut new.early.to_vec()));
        }
        if tls && self.shard.is_alive(key) {
            // Bytes that TLS has decrypted already raise no edge.
            self.shard.mark_readable(key.slot);
        }
    }

    /// Closes a rejected WebSocket with the reason.
    fn reject_handshake(&mut self, rejection: &HandshakeRejection, transport: Transport, greeting: Vec<u8>) {
        let key = self.shard.insert_connection(NewTransport::closing(transport));
        self.send_greeting(key, greeting);
        self.close_rejected(key, rejection.code.unwrap_or_default(), &rejection.message);
    }

    /// Sends the bytes that come before all others.
    fn send_greeting(&mut self, key: ConnectionKey, greeting: Vec<u8>) {
        if !greeting.is_empty() {
            self.shard.send(key.slot, Rc::from(greeting));
        }
    }

    /// Begins a session: its client receives the handshake, its heartbeat starts, and a session on a plain endpoint requests its connection
    /// from the application at once.
    pub(super) fn begin_session(
        &mut self,
        session: NewSession<A::Handshake>,
        transport: Transport,
        deflate: Option<Window>,
        greeting: Vec<u8>,
    ) -> ConnectionKey {
        let (endpoint, version) = (session.endpoint, session.version);
        let key = self.shard.insert_connection(NewTransport { endpoint, version, deflate, phase: Phase::Open, transport });
        self.send_greeting(key, greeting);
        let config = self.shard.config.clone();
        let endpoint = &config.endpoints[session.endpoint as usize];
        let connection = &mut self.shard.connections[key.slot as usize];
        connection.handshake = Some(Box::new(session.handshake));
        let websocket = matches!(connection.transport, Transport::WebSocket(_));
        connection.base64 = session.base64;
        let id = connection.id;
        self.shard.restart_heartbeat(key.slot);
        if endpoint.protocol != Protocol::Raw {
            let upgrades: &[&str] = if !websocket && config.websocket && config.allow_upgrades { &["websocket"] } else { &[] };
            let handshake = Handshake {
                sid: &id.text(),
                upgrades,
                ping_interval_ms: endpoint.ping_interval.as_millis() as u64,
                ping_timeout_ms: config.ping_timeout.as_millis() as u64,
                max_payload: config.max_payload,
            };
            self.shard.send_text(key.slot, &handshake.encode());
        }
        match endpoint.protocol {
            Protocol::SocketIo => {
                let due = self.shard.tick_after(config.connect_timeout);
                self.shard.connections[key.slot as usize].end_due = due;
                self.shard.schedule(key.slot);
                if session.version == Version::V3 {
                    // The client is connected to the main namespace without a request.
                    self.connect(key, "/", session.auth.as_deref());
                }
            }
            Protocol::EngineIo | Protocol::Raw => {
                let Some(socket) = self.add_socket(key, Namespace::PLAIN) else {
                    self.violation(key, DisconnectReason::TransportError);
                    return key;
                };
                self.app.connect(&mut self.shard, socket, Connect { namespace: Namespace::PLAIN, auth: "{}" });
            }
        }
        key
    }
}
