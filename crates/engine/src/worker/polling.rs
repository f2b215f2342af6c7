//! Long-polling requests of a session. A POST is handled before it is answered; a GET waits until there are messages.

use bytes::Bytes;
use wire::engineio::{Version, payload};

use super::Worker;
use crate::app::{App, DisconnectReason};
use crate::id::Id;
use crate::repeated_polls::{RequestMark, RequestMarks};
use crate::shard::{CloseAction, ConnectionKey, PendingClose, Phase, Polling, PollingCloseState, Transport};
use crate::shard_request::{PollResponse, Responder, ShardRequest};

impl<A: App> Worker<A> {
    pub(super) fn request(&mut self, request: ShardRequest<A::Handshake>) {
        match request {
            ShardRequest::Open { session, mark, reply } => {
                let key = self.begin_session(session, Transport::Polling(Box::default()), None, Vec::new());
                if let Some(polling) = self.polling(key) {
                    polling.marks = RequestMarks::begin(mark);
                    polling.get = Some(reply);
                    self.shard.respond_to_poll(key.slot);
                }
            }
            ShardRequest::Poll { session, mark, reply } => {
                self.on_session(session, reply, |worker, key, reply| worker.get(key, mark, reply));
            }
            ShardRequest::PostBegins { session, reply } => self.on_session(session, reply, Self::post_begins),
            ShardRequest::Post { session, body, binary, reply } => {
                self.on_session(session, reply, |worker, key, reply| worker.post(key, body, binary, reply));
            }
            ShardRequest::Upgradable { session, reply } => {
                let exists = self.session(session).is_some();
                let _ = reply.send(if exists { PollResponse::Accepted } else { PollResponse::UnknownSession });
            }
            ShardRequest::PollGone { session } | ShardRequest::PostGone { session } | ShardRequest::ResponseLost { session } => {
                self.end_session(session, DisconnectReason::TransportError)
            }
            ShardRequest::PostInvalid { session } => self.end_session(session, DisconnectReason::ParseError),
            ShardRequest::PostTooLarge { session } => {
                // As in Node, the session survives: the response is enough for the client.
                if let Some(polling) = self.session(session).and_then(|key| self.polling(key)) {
                    polling.posting = false;
                }
            }
        }
    }

    /// The open session with an id.
    pub(super) fn session(&self, id: Id) -> Option<ConnectionKey> {
        let connection = self.shard.connections.get(id.slot() as usize)?;
        let whole = connection.id == id && !matches!(connection.phase, Phase::Probing(_));
        whole.then_some(ConnectionKey { slot: id.slot(), generation: connection.generation })
    }

    fn polling(&mut self, key: ConnectionKey) -> Option<&mut Polling> {
        let connection = self.shard.connections.get_mut(key.slot as usize).filter(|connection| connection.generation == key.generation)?;
        match &mut connection.transport {
            Transport::Polling(polling) => Some(polling),
            Transport::WebSocket(_) => None,
        }
    }

    fn end_session(&mut self, session: Id, reason: DisconnectReason) {
        if let Some(key) = self.session(session)
            && self.polling(key).is_some()
        {
            self.shard.pending_closes.push(PendingClose::Connection(key, reason, CloseAction::Drop));
        }
    }

    /// Handles a request of a session that is still on long-polling.
    fn on_session(&mut self, session: Id, reply: Responder, handle: impl FnOnce(&mut Self, ConnectionKey, Responder)) {
        let Some(key) = self.session(session) else {
            let _ = reply.send(PollResponse::UnknownSession);
            return;
        };
        // The client wrote to its new WebSocket before it sent this request, so that input is handled first.
        if let Some(probe) = self.polling(key).and_then(|polling| polling.probe) {
            self.shard.mark_readable(probe.slot);
            self.read(probe.slot);
            self.close_pending();
        }
        if self.polling(key).is_some() {
            handle(self, key, reply);
        } else if self.shard.is_alive(key) {
            // The output of the WebSocket (`3probe`) must leave before the response to a request that was sent after `2probe`.
            self.shard.flush(key.slot);
            let _ = reply.send(PollResponse::BadRequest);
        } else {
            let _ = reply.send(PollResponse::UnknownSession);
        }
    }

    fn get(&mut self, key: ConnectionKey, mark: Option<RequestMark>, reply: Responder) {
        let Some(polling) = self.polling(key) else { return };
        if polling.marks.repeats(mark) {
            // The client has not received the last response. It reconnects and recovers the messages in it.
            let _ = reply.send(PollResponse::UnknownSession);
            self.shard.pending_closes.push(PendingClose::Connection(key, DisconnectReason::TransportError, CloseAction::Drop));
        } else if let Some(close_state) = polling.close_state {
            self.respond_to_closed(key, close_state, reply);
        } else if polling.get.is_some() {
            let _ = reply.send(PollResponse::Rejected);
            self.violation(key, DisconnectReason::TransportError);
        } else {
            polling.get = Some(reply);
            let probed = polling.probed;
            if probed && self.shard.connections[key.slot as usize].outbox.is_empty() {
                self.shard.send_text(key.slot, "6");
            }
            self.shard.respond_to_poll(key.slot);
        }
    }

    /// Responds to a GET of a session that has ended. Pending messages get a response of their own: a stock client that finds a close after
    /// them handles the close first; then it neither handles the messages nor learns that the server closed the session on purpose.
    fn respond_to_closed(&mut self, key: ConnectionKey, close_state: PollingCloseState, reply: Responder) {
        let has_output = !self.shard.connections[key.slot as usize].outbox.is_empty();
        let Some(polling) = self.polling(key) else { return };
        if close_state == PollingCloseState::Reported {
            let _ = reply.send(PollResponse::UnknownSession);
            return;
        }
        polling.get = Some(reply);
        if close_state == PollingCloseState::ByServer && has_output {
            return self.shard.respond_to_poll(key.slot);
        }
        self.shard.send_text(key.slot, "6");
        if close_state == PollingCloseState::ByServer {
            return self.send_polling_close(key);
        }
        self.shard.respond_to_poll(key.slot);
        self.shard.pending_closes.push(PendingClose::Connection(key, DisconnectReason::ForcedClose, CloseAction::Drop));
    }

    fn post_begins(&mut self, key: ConnectionKey, reply: Responder) {
        let Some(polling) = self.polling(key) else { return };
        if polling.close_state == Some(PollingCloseState::ByClient) {
            let _ = reply.send(PollResponse::UnknownSession);
        } else if std::mem::replace(&mut polling.posting, true) {
            let _ = reply.send(PollResponse::Rejected);
            self.violation(key, DisconnectReason::TransportError);
        } else {
            let limit = self.shard.max_input(key.slot);
            let _ = reply.send(PollResponse::BodyLimit(limit));
        }
    }

    /// Handles a body, or the rest of one.
    fn post(&mut self, key: ConnectionKey, body: Bytes, binary: bool, reply: Responder) {
        let version = self.shard.connections[key.slot as usize].version;
        if binary && version == Version::V4 {
            let _ = reply.send(PollResponse::Rejected);
            return self.violation(key, DisconnectReason::TransportError);
        }
        self.budget.begin_connection();
        let mut packets = payload::decode(&body, version, binary);
        let mut handled = 0;
        while let Some(packet) = packets.next() {
            if self.polling(key).is_none_or(|polling| polling.close_state.is_some()) {
                break;
            }
            let is_over = self.budget.is_connection_over();
            if is_over || self.shard.connections[key.slot as usize].pauses > 0 {
                if is_over {
                    self.shard.defer_reading(key.slot);
                }
                if let Some(polling) = self.polling(key) {
                    polling.rest = Some((body.slice(handled..), binary, reply));
                }
                return;
            }
            match packet {
                Ok(packet) => {
                    self.budget.spend(packet.len());
                    self.packet(key, packet);
                }
                Err(_) => {
                    let _ = reply.send(PollResponse::Rejected);
                    return self.violation(key, DisconnectReason::ParseError);
                }
            }
            self.close_pending();
            handled = body.len() - packets.left();
        }
        match self.polling(key) {
            Some(polling) if polling.close_state == Some(PollingCloseState::ByClient) => polling.last_post = Some(reply),
            Some(polling) => {
                polling.posting = false;
                let _ = reply.send(PollResponse::Accepted);
            }
            None => drop(reply.send(PollResponse::Accepted)),
        }
    }

    /// Continues with a POST that was stopped while the connection was paused or had used up its share.
    pub(super) fn resume_post(&mut self, key: ConnectionKey) {
        if let Some((body, binary, reply)) = self.polling(key).and_then(|polling| polling.rest.take()) {
            self.post(key, body, binary, reply);
        }
    }
}
