//! A client that speaks real bytes: plain WebSocket, Socket.IO by WebSocket, by long-polling, and the upgrade. What it receives is checked in `model`.

mod model;

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use bytes::Bytes;
use rand::rngs::StdRng;
use rand::{RngCore, SeedableRng};
use tokio::sync::oneshot::{self, Receiver, error::TryRecvError};
use wire::engineio::{Packet, Version, payload};
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
    Begun(Receiver<PollResponse>),
    Sent(Receiver<PollResponse>),
}

/// The state of an upgrade.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Probe {
    No,
    Asked,
    /// The server has agreed: the client begins no further request, and the WebSocket takes over when the last one is answered.
    Agreed,
}

/// One connection of a client.
pub struct ClientConnection {
    pub who: ConnectionId,
    travel: TransportKind,
    hub: Arc<Hub<ModelApp>>,
    desk: Arc<Mutex<ModelWriter>>,
    session: Option<Id>,
    line: Option<ClientEnd>,
    probe: Probe,
    get: Option<Receiver<PollResponse>>,
    post: Option<Posting>,
    outgoing: VecDeque<String>,
    arrived: Vec<u8>,
    knows: Knowledge,
    pub memory: ClientState,
    /// The events that were received before CONNECT.
    early: Vec<(String, Option<String>)>,
    connected: bool,
    pub over: bool,
    pub noisy: bool,
    /// The numbers of POSTs that were handled and of upgrades that were finished since the last reading.
    pub posts: usize,
    pub upgrades: usize,
    pong_waits: bool,
    /// When the server last received an answer to a ping, or began to wait for one.
    pub beaten: Instant,
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
    /// Connects a client, with its memory of earlier connections. The returned shard has to watch the line.
    pub fn begin(
        (who, mut memory): (ConnectionId, ClientState),
        travel: TransportKind,
        hub: &Arc<Hub<ModelApp>>,
        desk: &Arc<Mutex<ModelWriter>>,
        now: Instant,
        sizes: (usize, usize),
    ) -> (Self, Option<(u8, ClientEnd)>) {
        if travel == TransportKind::Raw {
            memory = ClientState::default();
        }
        let mut life = Self {
            who,
            travel,
            hub: hub.clone(),
            desk: desk.clone(),
            session: None,
            line: None,
            probe: Probe::No,
            get: None,
            post: None,
            outgoing: VecDeque::new(),
            arrived: Vec::new(),
            knows: Knowledge::default(),
            memory,
            early: Vec::new(),
            connected: travel == TransportKind::Raw,
            over: false,
            noisy: false,
            posts: 0,
            upgrades: 0,
            pong_waits: false,
            beaten: now,
        };
        let endpoint = if travel == TransportKind::Raw { RAW } else { SOCKET_IO };
        let session = NewSession { endpoint, version: Version::V4, handshake: who, base64: false, auth: None };
        let shard = hub.next_shard();
        if travel == TransportKind::Polling {
            let (reply, answer) = oneshot::channel();
            life.get = Some(answer);
            hub.put(shard, Mail::Request(Box::new(ShardRequest::Open { session, mark: None, reply })));
            return (life, None);
        }
        let early =
            if travel == TransportKind::Eager { Bytes::from(frame(Opcode::Text, life.connect_packet().as_bytes())) } else { Bytes::new() };
        let line = life.arrive(shard, early, Purpose::Session(session), sizes);
        life.line = Some(line.clone());
        (life, Some((shard, line)))
    }

    fn arrive(&self, shard: u8, early: Bytes, purpose: Purpose<ConnectionId>, (send_buffer, grudging): (usize, usize)) -> ClientEnd {
        let (line, end) = network::connect(send_buffer, grudging);
        let arrival = NewConnection { stream: NewStream::Simulated(end), greeting: Vec::new(), early, deflate: None, purpose };
        self.hub.put(shard, Mail::NewConnection(Box::new(arrival)));
        line
    }

    /// The CONNECT packet of a stock client: with its secret, and its position if it has one.
    fn connect_packet(&self) -> String {
        match (self.memory.secret.map(|secret| secret.text()), &self.memory.position) {
            (None, _) => "40".into(),
            (Some(secret), None) => format!(r#"40{{"pid":"{secret}"}}"#),
            (Some(secret), Some(position)) => format!(r#"40{{"pid":"{secret}","offset":"{position}"}}"#),
        }
    }

    fn on_websocket(&self) -> bool {
        self.line.is_some() && self.probe == Probe::No
    }

    /// Begins an upgrade, if the connection can be upgraded.
    pub fn upgrade(&mut self, sizes: (usize, usize)) -> Option<(u8, ClientEnd)> {
        let session = self.session.filter(|_| self.line.is_none() && !self.over)?;
        let line = self.arrive(session.shard(), Bytes::new(), Purpose::Upgrade(session), sizes);
        line.write(&frame(Opcode::Text, b"2probe"));
        self.line = Some(line.clone());
        self.probe = Probe::Asked;
        Some((session.shard(), line))
    }

    /// Drops the WebSocket of an unfinished upgrade.
    pub fn abort(&mut self) -> Option<ClientEnd> {
        let line = self.line.take_if(|_| self.probe != Probe::No)?;
        self.probe = Probe::No;
        self.arrived.clear();
        line.end();
        Some(line)
    }

    pub fn join(&mut self, room: String, number: u64) {
        self.ask(format!("join {room} {number}"), number, PendingRequest::Join(room));
    }

    pub fn leave(&mut self, room: String, number: u64) {
        self.ask(format!("leave {room} {number}"), number, PendingRequest::Leave(room));
    }

    pub fn send_message(&mut self, room: String, number: u64, padding: usize) {
        self.ask(format!("say {room} {number} {}", "x".repeat(padding)), number, PendingRequest::Say(room));
    }

    pub fn send_typing(&mut self, room: &str, number: u64) {
        if self.knows.welcome {
            self.knows.own.insert(number);
            self.send_line(&format!("type {room} {number}"), None);
        }
    }

    fn ask(&mut self, line: String, number: u64, asked: PendingRequest) {
        if self.knows.welcome && !self.over {
            if let PendingRequest::Join(room) | PendingRequest::Leave(room) = &asked {
                self.memory.unanswered.insert(room.clone());
            }
            self.knows.asked.push_back((number, asked));
            self.send_line(&line, Some(number));
        }
    }

    fn send_line(&mut self, line: &str, ack: Option<u64>) {
        let ack = ack.map_or(String::new(), |id| id.to_string());
        let packet = if self.travel == TransportKind::Raw { line.to_owned() } else { format!(r#"42{ack}["m","{line}"]"#) };
        self.send(packet);
    }

    fn send(&mut self, packet: String) {
        match &self.line {
            Some(line) if self.on_websocket() => line.write(&frame(Opcode::Text, packet.as_bytes())),
            _ => self.outgoing.push_back(packet),
        }
    }

    /// Sends random bytes, or a damaged packet.
    pub fn noise(&mut self, seed: u64) {
        self.noisy = true;
        self.memory = ClientState::default();
        let mut dice = StdRng::seed_from_u64(seed);
        let mut bytes = vec![0; (dice.next_u32() % 40) as usize];
        dice.fill_bytes(&mut bytes);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        match (&self.line, dice.next_u32() % 3) {
            (Some(line), 0) => line.write(&bytes),
            (Some(line), _) => line.write(&frame(Opcode::Text, text.as_bytes())),
            (None, _) => self.outgoing.push_back(text),
        }
    }

    /// Closes the connection as the protocol requires, and ignores all later messages. The returned line may still have bytes for the
    /// server.
    pub fn close(&mut self) -> Option<ClientEnd> {
        match &self.line {
            Some(line) if self.on_websocket() => line.write(&frame(Opcode::Close, &1000_u16.to_be_bytes())),
            _ => {}
        }
        self.end()
    }

    /// Ends the client's TCP connections.
    pub fn end(&mut self) -> Option<ClientEnd> {
        self.drop_requests();
        let line = self.line.take()?;
        line.end();
        Some(line)
    }

    /// Breaks the client's TCP connections.
    pub fn break_off(&mut self) {
        self.drop_requests();
        if let Some(line) = self.line.take() {
            line.reset();
        }
    }

    /// Reports requests of a client that has disconnected, as the HTTP server does.
    fn drop_requests(&mut self) {
        self.over = true;
        let Some(session) = self.session else { return };
        if let Some(mut get) = self.get.take() {
            let answered = get.try_recv().is_ok();
            self.request(if answered { ShardRequest::ResponseLost { session } } else { ShardRequest::PollGone { session } });
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
        if self.over {
            return Ok(false);
        }
        let mut moved = false;
        if !self.on_websocket() {
            moved |= up > 0 && self.begin_requests();
            moved |= down > 0 && self.receive_responses(now)?;
            self.take_over();
        }
        if let Some(line) = self.line.clone().filter(|_| !self.over) {
            moved |= line.rise(up);
            if self.pong_waits && self.on_websocket() && line.has_risen() {
                self.pong_waits = false;
                self.beaten = now;
            }
            let bytes = line.fall(down);
            moved |= !bytes.is_empty();
            self.arrived.extend(bytes);
            self.receive_frames()?;
            if line.is_over() {
                moved = true;
                if self.on_websocket() {
                    self.over = true;
                } else {
                    (self.line, self.probe) = (None, Probe::No);
                }
                self.arrived.clear();
            }
        }
        Ok(moved)
    }

    fn begin_requests(&mut self) -> bool {
        let Some(session) = self.session.filter(|_| self.probe != Probe::Agreed) else { return false };
        let begin_get = self.get.is_none();
        if begin_get {
            let (reply, answer) = oneshot::channel();
            self.get = Some(answer);
            self.request(ShardRequest::Poll { session, mark: None, reply });
        }
        let begin_post = self.post.is_none() && !self.outgoing.is_empty();
        if begin_post {
            let (reply, answer) = oneshot::channel();
            self.post = Some(Posting::Begun(answer));
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
                        let packet = packet.map_err(|error| format!("{:?} is told no payload: {error:?}", self.who))?;
                        self.receive_packet(&packet)?;
                    }
                }
                Ok(_) | Err(TryRecvError::Closed) => (self.get, self.over, moved) = (None, true, true),
            }
        }
        let answer = match &mut self.post {
            Some(Posting::Begun(answer) | Posting::Sent(answer)) => answer.try_recv(),
            None => return Ok(moved),
        };
        match (answer, self.post.take()) {
            (Err(TryRecvError::Empty), post) => {
                self.post = post;
                return Ok(moved);
            }
            (Ok(PollResponse::BodyLimit(_)), Some(Posting::Begun(_))) => self.send_body(now),
            (Ok(PollResponse::Accepted), Some(Posting::Sent(_))) => self.posts += 1,
            _ => self.over = true,
        }
        Ok(true)
    }

    fn send_body(&mut self, now: Instant) {
        let Some(session) = self.session else { return };
        let (reply, answer) = oneshot::channel();
        self.post = Some(Posting::Sent(answer));
        if std::mem::take(&mut self.pong_waits) {
            self.beaten = now;
        }
        let body = Vec::from(std::mem::take(&mut self.outgoing)).join("\x1e").into();
        self.request(ShardRequest::Post { session, body, binary: false, reply });
    }

    /// Makes the WebSocket the transport, if no request is pending on long-polling.
    fn take_over(&mut self) {
        if self.probe == Probe::Agreed && self.get.is_none() && self.post.is_none() {
            self.probe = Probe::No;
            self.upgrades += 1;
            self.send("5".into());
            for packet in std::mem::take(&mut self.outgoing) {
                self.send(packet);
            }
        }
    }

    fn receive_frames(&mut self) -> Result<(), Violation> {
        let arrived = std::mem::take(&mut self.arrived);
        let mut taken = 0;
        for (opcode, bytes) in Frames::new(&arrived) {
            taken = bytes.as_ptr() as usize - arrived.as_ptr() as usize + bytes.len();
            match opcode {
                Opcode::Text => {
                    let text = std::str::from_utf8(bytes).map_err(|error| format!("{:?} is told no text: {error}", self.who))?;
                    if self.travel == TransportKind::Raw {
                        self.receive_line(text)?;
                    } else {
                        let packet = wire::engineio::decode(text, Version::V4).map_err(|error| format!("{text}: {error:?}"))?;
                        self.receive_packet(&packet)?;
                    }
                }
                Opcode::Ping => {
                    self.pong_waits = true;
                    self.line.iter().for_each(|line| line.write(&frame(Opcode::Pong, bytes)));
                }
                Opcode::Close if self.on_websocket() => {
                    self.over = true;
                    self.line.iter().for_each(|line| {
                        line.write(&frame(Opcode::Close, bytes));
                        line.end();
                    });
                }
                Opcode::Close => {}
                _ if self.noisy => {}
                other => return Err(format!("{:?} is told {other:?}", self.who)),
            }
        }
        if self.arrived.is_empty() {
            self.arrived = arrived[taken..].to_vec();
        }
        Ok(())
    }

    fn receive_packet(&mut self, packet: &Packet<'_>) -> Result<(), Violation> {
        match packet {
            Packet::Open(data) => {
                let sid = data.split_once(r#""sid":""#).and_then(|(_, rest)| Id::parse(rest.get(..20)?));
                self.session = Some(sid.ok_or_else(|| format!("{data} has no id"))?);
                if self.travel != TransportKind::Eager {
                    self.send(self.connect_packet());
                }
            }
            Packet::Ping(_) => {
                self.pong_waits = true;
                self.send("3".into());
            }
            Packet::Pong(data) if *data == "probe" && self.probe == Probe::Asked => self.probe = Probe::Agreed,
            Packet::Close => self.over = true,
            Packet::Message(text) if text.starts_with("0{") => self.receive_connected(text)?,
            Packet::Message(text) => match text.split_once('[') {
                Some((kind, args)) => {
                    let texts: Vec<&str> = args.split('"').skip(1).step_by(2).collect();
                    // An event has a name, and a position after its arguments; an acknowledgement has neither.
                    match texts[..] {
                        [line] if kind.starts_with('3') => self.receive_line(line)?,
                        ["m", line] => self.receive_event(line, None)?,
                        ["m", line, position] => self.receive_event(line, Some(position))?,
                        _ if self.noisy => {}
                        _ => return Err(format!("{:?} is told {text}", self.who)),
                    }
                }
                None if self.noisy => {}
                None => return Err(format!("{:?} is told {text}", self.who)),
            },
            Packet::Noop => {}
            other if !self.noisy => return Err(format!("{:?} is told {other:?}", self.who)),
            _ => {}
        }
        Ok(())
    }
}
