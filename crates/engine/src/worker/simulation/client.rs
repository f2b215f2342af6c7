//! A client that sends and receives real bytes: plain WebSocket, Socket.IO by WebSocket, by long-polling, and the upgrade. `model` checks
//! what it receives.

mod model;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use tokio::sync::oneshot::{self, Receiver, error::TryRecvError};
use wire::engineio::{EnginePacket, Version, payload};
use wire::websocket::{Frames, Opcode};

use super::app::{ConnectionId, ModelApp};
use super::model_writer::ModelWriter;
use super::network::{self, ClientEnd};
use super::script::TransportKind;
use crate::hub::Hub;
use crate::id::Id;
use crate::mailbox::Mail;
use crate::shard_request::{NewConnection, NewSession, PollResponse, Purpose, ShardRequest};
use crate::stream::NewStream;
pub use model::ClientState;
use model::{Knowledge, PendingRequest};

const SOCKET_IO: u8 = 0;
const RAW: u8 = 1;

/// A description of a fault of the server.
pub type Violation = String;

/// A POST on its way: announced, or with its body.
enum Posting {
    Announced(Receiver<PollResponse>),
    Sent(Receiver<PollResponse>),
}

/// The state of an upgrade.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Probe {
    No,
    Sent,
    /// The server has agreed: the client begins no further request, and the WebSocket takes over after the response to the last one.
    Accepted,
}

/// One connection of a client.
pub struct ClientConnection {
    pub connection_id: ConnectionId,
    transport: TransportKind,
    hub: Arc<Hub<ModelApp>>,
    writer: Arc<Mutex<ModelWriter>>,
    session: Option<Id>,
    stream: Option<ClientEnd>,
    probe: Probe,
    get: Option<Receiver<PollResponse>>,
    post: Option<Posting>,
    outgoing: VecDeque<String>,
    received: Vec<u8>,
    knowledge: Knowledge,
    pub state: ClientState,
    /// The events that were received before CONNECT.
    early: Vec<(String, Option<String>)>,
    connected: bool,
    pub ended: bool,
    pub noisy: bool,
    /// The numbers of POSTs that were handled and of upgrades that were finished since the last reading.
    pub posts: usize,
    pub upgrades: usize,
    pong_pending: bool,
    /// When the server last received a pong, or began to wait for one.
    pub last_heartbeat: Instant,
}

/// A client's masked frame.
fn frame(opcode: Opcode, payload: &[u8]) -> Vec<u8> {
    let mut frame = Vec::new();
    wire::websocket::encode(&mut frame, opcode, payload);
    let mask = [0x37, 0xfa, 0x21, 0x3d];
    let header = frame.len() - payload.len();
    frame[1] |= 0x80;
    frame.iter_mut().skip(header).zip(mask.iter().cycle()).for_each(|(byte, key)| *byte ^= key);
    frame.splice(header..header, mask);
    frame
}

impl ClientConnection {
    /// Connects a client, with its state from earlier connections. The returned shard has to watch the stream.
    pub fn begin(
        (connection_id, mut state): (ConnectionId, ClientState),
        transport: TransportKind,
        hub: &Arc<Hub<ModelApp>>,
        writer: &Arc<Mutex<ModelWriter>>,
        now: Instant,
        sizes: (usize, usize),
    ) -> (Self, Option<(u8, ClientEnd)>) {
        if transport == TransportKind::Raw {
            state = ClientState::default();
        }
        let mut connection = Self {
            connection_id,
            transport,
            hub: hub.clone(),
            writer: writer.clone(),
            session: None,
            stream: None,
            probe: Probe::No,
            get: None,
            post: None,
            outgoing: VecDeque::new(),
            received: Vec::new(),
            knowledge: Knowledge::default(),
            state,
            early: Vec::new(),
            connected: transport == TransportKind::Raw,
            ended: false,
            noisy: false,
            posts: 0,
            upgrades: 0,
            pong_pending: false,
            last_heartbeat: now,
        };
        let endpoint = if transport == TransportKind::Raw { RAW } else { SOCKET_IO };
        let session = NewSession { endpoint, version: Version::V4, handshake: connection_id, base64: false, auth: None };
        let shard = hub.next_shard();
        if transport == TransportKind::Polling {
            let (reply, response) = oneshot::channel();
            connection.get = Some(response);
            hub.put(shard, Mail::Request(Box::new(ShardRequest::Open { session, mark: None, reply })));
            return (connection, None);
        }
        let early = if transport == TransportKind::Eager {
            Bytes::from(frame(Opcode::Text, connection.connect_packet().as_bytes()))
        } else {
            Bytes::new()
        };
        let stream = connection.open_stream(shard, early, Purpose::Session(session), sizes);
        connection.stream = Some(stream.clone());
        (connection, Some((shard, stream)))
    }

    fn open_stream(&self, shard: u8, early: Bytes, purpose: Purpose<ConnectionId>, (send_buffer, read_limit): (usize, usize)) -> ClientEnd {
        let (stream, end) = network::connect(send_buffer, read_limit);
        let new_connection = NewConnection { stream: NewStream::Simulated(end), greeting: Vec::new(), early, deflate: None, purpose };
        self.hub.put(shard, Mail::NewConnection(Box::new(new_connection)));
        stream
    }

    /// The CONNECT packet of a stock client: with its secret, and its position if it has one.
    fn connect_packet(&self) -> String {
        match (self.state.secret.map(|secret| secret.text()), &self.state.position) {
            (None, _) => "40".into(),
            (Some(secret), None) => format!(r#"40{{"pid":"{secret}"}}"#),
            (Some(secret), Some(position)) => format!(r#"40{{"pid":"{secret}","offset":"{position}"}}"#),
        }
    }

    fn on_websocket(&self) -> bool {
        self.stream.is_some() && self.probe == Probe::No
    }

    /// Begins an upgrade, if the connection can be upgraded.
    pub fn upgrade(&mut self, sizes: (usize, usize)) -> Option<(u8, ClientEnd)> {
        let session = self.session.filter(|_| self.stream.is_none() && !self.ended)?;
        let stream = self.open_stream(session.shard(), Bytes::new(), Purpose::Upgrade(session), sizes);
        stream.write(&frame(Opcode::Text, b"2probe"));
        self.stream = Some(stream.clone());
        self.probe = Probe::Sent;
        Some((session.shard(), stream))
    }

    /// Drops the WebSocket of an unfinished upgrade.
    pub fn abort(&mut self) -> Option<ClientEnd> {
        let stream = self.stream.take_if(|_| self.probe != Probe::No)?;
        self.probe = Probe::No;
        self.received.clear();
        stream.end();
        Some(stream)
    }

    pub fn join(&mut self, room: String, number: u64) {
        self.send_request(format!("join {room} {number}"), number, PendingRequest::Join(room));
    }

    pub fn leave(&mut self, room: String, number: u64) {
        self.send_request(format!("leave {room} {number}"), number, PendingRequest::Leave(room));
    }

    pub fn send_message(&mut self, room: String, number: u64, padding: usize) {
        self.send_request(format!("publish {room} {number} {}", "x".repeat(padding)), number, PendingRequest::Publish(room));
    }

    pub fn send_typing(&mut self, room: &str, number: u64) {
        if self.knowledge.welcome {
            self.knowledge.own_typing.insert(number);
            self.send_line(&format!("type {room} {number}"), None);
        }
    }

    fn send_request(&mut self, line: String, number: u64, request: PendingRequest) {
        if self.knowledge.welcome && !self.ended {
            if let PendingRequest::Join(room) | PendingRequest::Leave(room) = &request {
                self.state.unanswered.insert(room.clone());
            }
            self.knowledge.pending.push_back((number, request));
            self.send_line(&line, Some(number));
        }
    }

    fn send_line(&mut self, line: &str, ack: Option<u64>) {
        let ack = ack.map_or(String::new(), |id| id.to_string());
        let packet = if self.transport == TransportKind::Raw { line.to_owned() } else { format!(r#"42{ack}["m","{line}"]"#) };
        self.send(packet);
    }

    fn send(&mut self, packet: String) {
        match &self.stream {
            Some(stream) if self.on_websocket() => stream.write(&frame(Opcode::Text, packet.as_bytes())),
            _ => self.outgoing.push_back(packet),
        }
    }

    /// Sends random bytes, or a damaged packet.
    pub fn noise(&mut self, seed: u64) {
        self.noisy = true;
        self.state = ClientState::default();
        let mut random = StdRng::seed_from_u64(seed);
        let mut bytes = vec![0; (random.next_u32() % 40) as usize];
        random.fill_bytes(&mut bytes);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match (&self.stream, random.next_u32() % 3) {
            (Some(stream), 0) => stream.write(&bytes),
            (Some(stream), _) => stream.write(&frame(Opcode::Text, text.as_bytes())),
            (None, _) => self.outgoing.push_back(text),
        }
    }

    /// Closes the connection as the protocol requires, and ignores all later messages. The returned stream may still have bytes for the
    /// server.
    pub fn close(&mut self) -> Option<ClientEnd> {
        match &self.stream {
            Some(stream) if self.on_websocket() => stream.write(&frame(Opcode::Close, &1000_u16.to_be_bytes())),
            _ => {}
        }
        self.end()
    }

    /// Ends the client's TCP connections.
    pub fn end(&mut self) -> Option<ClientEnd> {
        self.drop_requests();
        let stream = self.stream.take()?;
        stream.end();
        Some(stream)
    }

    /// Breaks the client's TCP connections.
    pub fn break_off(&mut self) {
        self.drop_requests();
        if let Some(stream) = self.stream.take() {
            stream.reset();
        }
    }

    /// Reports requests of a client that has disconnected, as the HTTP server does.
    fn drop_requests(&mut self) {
        self.ended = true;
        let Some(session) = self.session else { return };
        if let Some(mut get) = self.get.take() {
            let has_response = get.try_recv().is_ok();
            self.request(if has_response { ShardRequest::ResponseLost { session } } else { ShardRequest::PollGone { session } });
        }
        if self.post.take().is_some() {
            self.request(ShardRequest::PostGone { session });
        }
    }

    fn request(&self, request: ShardRequest<ConnectionId>) {
        if let Some(session) = self.session {
            self.hub.put(session.shard(), Mail::Request(Box::new(request)));
        }
    }

    /// Moves bytes over the network. True if any were moved.
    pub fn flow(&mut self, up: usize, down: usize, now: Instant) -> Result<bool, Violation> {
        if self.ended {
            return Ok(false);
        }
        let mut moved = false;
        if !self.on_websocket() {
            moved |= up > 0 && self.begin_requests();
            moved |= down > 0 && self.receive_responses(now)?;
            self.take_over();
        }
        if let Some(stream) = self.stream.clone().filter(|_| !self.ended) {
            moved |= stream.move_up(up);
            if self.pong_pending && self.on_websocket() && stream.has_reached_server() {
                self.pong_pending = false;
                self.last_heartbeat = now;
            }
            let bytes = stream.move_down(down);
            moved |= !bytes.is_empty();
            self.received.extend(bytes);
            self.receive_frames()?;
            if stream.is_over() {
                moved = true;
                if self.on_websocket() {
                    self.ended = true;
                } else {
                    (self.stream, self.probe) = (None, Probe::No);
                }
                self.received.clear();
            }
        }
        Ok(moved)
    }

    fn begin_requests(&mut self) -> bool {
        let Some(session) = self.session.filter(|_| self.probe != Probe::Accepted) else { return false };
        let begin_get = self.get.is_none();
        if begin_get {
            let (reply, response) = oneshot::channel();
            self.get = Some(response);
            self.request(ShardRequest::Poll { session, mark: None, reply });
        }
        let begin_post = self.post.is_none() && !self.outgoing.is_empty();
        if begin_post {
            let (reply, response) = oneshot::channel();
            self.post = Some(Posting::Announced(response));
            self.request(ShardRequest::PostBegins { session, reply });
        }
        begin_get || begin_post
    }

    fn receive_responses(&mut self, now: Instant) -> Result<bool, Violation> {
        let mut moved = false;
        if let Some(get) = &mut self.get {
            match get.try_recv() {
                Err(TryRecvError::Empty) => {}
                Ok(PollResponse::Payload(body, _)) => {
                    (self.get, moved) = (None, true);
                    for packet in payload::decode(&body, Version::V4, false) {
                        let packet = packet.map_err(|error| format!("{:?} receives no payload: {error:?}", self.connection_id))?;
                        self.receive_packet(&packet)?;
                    }
                }
                Ok(_) | Err(TryRecvError::Closed) => (self.get, self.ended, moved) = (None, true, true),
            }
        }
        let response = match &mut self.post {
            Some(Posting::Announced(response) | Posting::Sent(response)) => response.try_recv(),
            None => return Ok(moved),
        };
        match (response, self.post.take()) {
            (Err(TryRecvError::Empty), post) => {
                self.post = post;
                return Ok(moved);
            }
            (Ok(PollResponse::BodyLimit(_)), Some(Posting::Announced(_))) => self.send_body(now),
            (Ok(PollResponse::Accepted), Some(Posting::Sent(_))) => self.posts += 1,
            _ => self.ended = true,
        }
        Ok(true)
    }

    fn send_body(&mut self, now: Instant) {
        let Some(session) = self.session else { return };
        let (reply, response) = oneshot::channel();
        self.post = Some(Posting::Sent(response));
        if std::mem::take(&mut self.pong_pending) {
            self.last_heartbeat = now;
        }
        let body = Vec::from(std::mem::take(&mut self.outgoing)).join("\x1e").into();
        self.request(ShardRequest::Post { session, body, binary: false, reply });
    }

    /// Makes the WebSocket the transport, if no request is pending on long-polling.
    fn take_over(&mut self) {
        if self.probe == Probe::Accepted && self.get.is_none() && self.post.is_none() {
            self.probe = Probe::No;
            self.upgrades += 1;
            self.send("5".into());
            for packet in std::mem::take(&mut self.outgoing) {
                self.send(packet);
            }
        }
    }

    fn receive_frames(&mut self) -> Result<(), Violation> {
        let received = std::mem::take(&mut self.received);
        let mut taken = 0;
        for (opcode, bytes) in Frames::new(&received) {
            taken = bytes.as_ptr() as usize - received.as_ptr() as usize + bytes.len();
            match opcode {
                Opcode::Text => {
                    let text = std::str::from_utf8(bytes).map_err(|error| format!("{:?} receives no text: {error}", self.connection_id))?;
                    if self.transport == TransportKind::Raw {
                        self.receive_line(text)?;
                    } else {
                        let packet = wire::engineio::decode(text, Version::V4).map_err(|error| format!("{text}: {error:?}"))?;
                        self.receive_packet(&packet)?;
                    }
                }
                Opcode::Ping => {
                    self.pong_pending = true;
                    self.stream.iter().for_each(|stream| stream.write(&frame(Opcode::Pong, bytes)));
                }
                Opcode::Close if self.on_websocket() => {
                    self.ended = true;
                    self.stream.iter().for_each(|stream| {
                        stream.write(&frame(Opcode::Close, bytes));
                        stream.end();
                    });
                }
                Opcode::Close => {}
                _ if self.noisy => {}
                other => return Err(format!("{:?} receives {other:?}", self.connection_id)),
            }
        }
        if self.received.is_empty() {
            self.received = received[taken..].to_vec();
        }
        Ok(())
    }

    fn receive_packet(&mut self, packet: &EnginePacket<'_>) -> Result<(), Violation> {
        match packet {
            EnginePacket::Open(data) => {
                let sid = data.split_once(r#""sid":""#).and_then(|(_, rest)| Id::parse(rest.get(..20)?));
                self.session = Some(sid.ok_or_else(|| format!("{data} has no id"))?);
                if self.transport != TransportKind::Eager {
                    self.send(self.connect_packet());
                }
            }
            EnginePacket::Ping(_) => {
                self.pong_pending = true;
                self.send("3".into());
            }
            EnginePacket::Pong(data) if *data == "probe" && self.probe == Probe::Sent => self.probe = Probe::Accepted,
            EnginePacket::Close => self.ended = true,
            EnginePacket::Message(text) if text.starts_with("0{") => self.receive_connected(text)?,
            EnginePacket::Message(text) => match text.split_once('[') {
                Some((kind, args)) => {
                    let texts: Vec<&str> = args.split('"').skip(1).step_by(2).collect();
                    // An event has a name, and a position after its arguments; an acknowledgement has neither.
                    match texts[..] {
                        [line] if kind.starts_with('3') => self.receive_line(line)?,
                        ["m", line] => self.receive_event(line, None)?,
                        ["m", line, position] => self.receive_event(line, Some(position))?,
                        _ if self.noisy => {}
                        _ => return Err(format!("{:?} receives {text}", self.connection_id)),
                    }
                }
                None if self.noisy => {}
                None => return Err(format!("{:?} receives {text}", self.connection_id)),
            },
            EnginePacket::Noop => {}
            other if !self.noisy => return Err(format!("{:?} receives {other:?}", self.connection_id)),
            _ => {}
        }
        Ok(())
    }
}
