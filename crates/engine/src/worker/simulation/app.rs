//! The program on the simulated shards. Its commands go to a model of the writer; see `model_writer`.
//!
//! Clients send, as the argument of an event `m` or as a plain text: `join ROOM N`, `leave ROOM N`, `publish ROOM N PADDING`, `type ROOM
//! N`; N is the client's own count. They receive `welcome`, `done N SEQ`, `event ROOM SEQ AUTHOR N PADDING`, after some events, in the same
//! broadcast, `echo ROOM SEQ`, and `noted` and `typing ROOM AUTHOR N`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use super::model_writer::{Command, InjectedBug, Intent, ModelWriter, ResumedSession, ShardAction, ShardMessage};
use crate::app::{App, Connect, DisconnectReason, Event};
use crate::broadcast::Broadcast;
use crate::encoding::Namespace;
use crate::id::Id;
use crate::message::OutboundMessage;
use crate::position::Position;
use crate::shard::{Shard, SocketKey, SocketResume};

/// A connection of a client.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ConnectionId {
    /// The index of the client.
    pub client: usize,
    /// The number of the client's earlier connections.
    pub sequence: usize,
}

/// The most commands of one connection that wait; beyond, the connection is not read.
const MAX_PENDING: usize = 3;

/// The accepted sockets and their clients, and the reasons for which connections have ended.
#[derive(Default)]
pub struct Trace {
    pub accepted: HashMap<(usize, SocketKey), ConnectionId>,
    pub ends: Vec<(ConnectionId, DisconnectReason)>,
    pub violations: Vec<String>,
}

/// The data of an accepted socket.
pub struct SocketData {
    pub connection_id: ConnectionId,
    pending: usize,
    pub secret: Option<Id>,
    /// The number up to which its client had received broadcasts when it connected.
    start_offset: u64,
}

pub struct ModelApp {
    pub writer: Arc<Mutex<ModelWriter>>,
    pub trace: Rc<RefCell<Trace>>,
}

impl ModelApp {
    fn handle_text(&mut self, shard: &mut Shard<Self>, socket: SocketKey, text: &str, ack: Option<u64>) {
        let Some(connection_id) = shard.data(socket).map(|data| data.connection_id) else { return };
        let mut words = text.split(' ');
        let (verb, room) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_owned());
        let Some(number) = words.next().and_then(|number| number.parse().ok()) else { return };
        let intent = match verb {
            "join" => Intent::Join(room),
            "leave" => Intent::Leave(room),
            "publish" => Intent::Publish(room, words.next().unwrap_or_default().len()),
            "type" => {
                // An event that ends in a text carries the position of the socket that receives it.
                shard.emit(socket, &message(shard.namespace(socket).unwrap_or(Namespace::PLAIN), "noted".into()));
                if shard.is_in(socket, &room) {
                    let line = format!("typing {room} {} {number}", connection_id.client);
                    let ephemeral = broadcast(&room, line).volatile();
                    shard.broadcast(shard.id(socket).into_iter().fold(ephemeral, Broadcast::except_socket));
                }
                return;
            }
            _ => return,
        };
        let secret = shard.data(socket).and_then(|data| data.secret);
        self.submit(Command { shard: shard.index(), socket, connection_id, secret, number, ack, intent });
        let pending = shard.data_mut(socket).map_or(0, |data| {
            data.pending += 1;
            data.pending
        });
        if pending >= MAX_PENDING {
            shard.pause(socket);
        }
    }

    fn submit(&self, command: Command) {
        self.writer.lock().unwrap().queue.push_back(command);
    }

    fn send_done(&self, shard: &mut Shard<Self>, socket: SocketKey, number: u64, ack: Option<u64>, seq: usize) {
        let line = format!("done {number} {seq}");
        match ack {
            Some(id) => shard.ack(socket, id, &format!("\"{line}\""), &[]).unwrap(),
            None => shard.emit(socket, &message(shard.namespace(socket).unwrap_or(Namespace::PLAIN), line)),
        }
        let Some(data) = shard.data_mut(socket) else { return };
        data.pending -= 1;
        let forgets = self.writer.lock().unwrap().bug == Some(InjectedBug::ForgetsToResume);
        if shard.data(socket).is_some_and(|data| data.pending < MAX_PENDING) && !forgets {
            shard.resume(socket);
        }
    }
}

impl ModelApp {
    fn submit_intent(&self, shard: &Shard<Self>, socket: SocketKey, connection_id: ConnectionId, intent: Intent) {
        self.submit(Command { shard: shard.index(), socket, connection_id, secret: None, number: 0, ack: None, intent });
    }

    /// Handles an accepted socket.
    fn begin_session(&mut self, shard: &mut Shard<Self>, socket: SocketKey, connection_id: ConnectionId, secret: Option<Id>) {
        if let Some(other) = self.trace.borrow_mut().accepted.insert((shard.index(), socket), connection_id) {
            self.trace.borrow_mut().violations.push(format!("{connection_id:?} has the key of {other:?}"));
        }
        let old = secret.and_then(|secret| self.writer.lock().unwrap().sockets.insert(secret, (shard.index(), socket)));
        if let Some(old) = old {
            // Its client has connected before, by a connection that it has abandoned.
            self.submit_intent(shard, socket, connection_id, Intent::TakeOver(old, None));
        }
        let namespace = shard.namespace(socket).unwrap_or(Namespace::PLAIN);
        // An event whose last argument is a text has a position after it, so a client gets a position from the start. Some clients get
        // none.
        let welcome = match message(namespace, "welcome".into()) {
            OutboundMessage::Event { name, args, .. } if connection_id.client.is_multiple_of(2) => {
                OutboundMessage::event(name, format!("{args},0")).unwrap()
            }
            welcome => welcome,
        };
        shard.emit(socket, &welcome);
    }

    fn resume(&mut self, shard: &mut Shard<Self>, socket: SocketKey, connection_id: ConnectionId, secret: Id, resumed: ResumedSession) {
        let ResumedSession { id, from, rooms } = resumed;
        let rooms: Vec<(&str, u64)> = rooms.iter().map(|(room, since)| (room.as_str(), *since)).collect();
        let data = SocketData { connection_id, pending: 0, secret: Some(secret), start_offset: from.number };
        match shard.recover(socket, data, &SocketResume { id, secret, from, rooms: &rooms }) {
            Ok(true) => {
                self.writer.lock().unwrap().resumed += 1;
                self.begin_session(shard, socket, connection_id, Some(secret));
            }
            Ok(false) => {}
            Err(_) => {
                self.writer.lock().unwrap().rejections += 1;
                let keys = (shard.new_secret(socket), shard.id(socket).unwrap());
                self.submit_intent(shard, socket, connection_id, Intent::Restart(secret, keys));
            }
        }
    }
}

/// The secret and the position in the auth object of a CONNECT.
fn resume_position(auth: &str) -> Option<(Id, Option<Position>)> {
    let text = |name: &str| auth.split_once(&format!(r#""{name}":""#))?.1.split('"').next();
    let position = text("offset").and_then(Position::parse).map(|(_, position)| position);
    Some((Id::parse(text("pid")?)?, position))
}

pub fn message(namespace: Namespace, line: String) -> OutboundMessage {
    if namespace == Namespace::PLAIN { OutboundMessage::Text(line) } else { OutboundMessage::event("m", format!("\"{line}\"")).unwrap() }
}

fn broadcast(room: &str, line: String) -> Broadcast {
    Broadcast::to_rooms([room.into()], move |namespace| vec![message(namespace, line.clone())])
}

impl App for ModelApp {
    type Handshake = ConnectionId;
    type Data = SocketData;
    type Message = ShardMessage;

    fn connect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, request: Connect<'_>) {
        let Some(&connection_id) = shard.handshake(socket) else { return };
        let keys = shard.may_recover(socket).then(|| (shard.new_secret(socket), shard.id(socket).unwrap()));
        let resume = resume_position(request.auth).filter(|_| keys.is_some());
        let address = resume.and_then(|(secret, _)| self.writer.lock().unwrap().sockets.get(&secret).copied());
        let connect = Intent::Connect(keys, resume);
        match address {
            None => self.submit_intent(shard, socket, connection_id, connect),
            Some(address) => {
                let connect = Command { shard: shard.index(), socket, connection_id, secret: None, number: 0, ack: None, intent: connect };
                self.submit_intent(shard, socket, connection_id, Intent::TakeOver(address, Some(Box::new(connect))));
            }
        }
    }

    fn event(&mut self, shard: &mut Shard<Self>, socket: SocketKey, event: Event<'_>) {
        let text = event.args.get(0).unwrap_or_default().trim_matches('"').to_owned();
        self.handle_text(shard, socket, &text, event.ack);
    }

    fn text(&mut self, shard: &mut Shard<Self>, socket: SocketKey, text: &str) {
        self.handle_text(shard, socket, text, None);
    }

    fn disconnect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, reason: DisconnectReason) {
        let mut ended = None;
        if let Some((connection_id, Some(secret), start_offset)) =
            shard.data(socket).map(|data| (data.connection_id, data.secret, data.start_offset))
        {
            // A socket that another one has replaced does not end the session.
            let sockets = &mut self.writer.lock().unwrap().sockets;
            let own = sockets.get(&secret) == Some(&(shard.index(), socket)) && sockets.remove(&secret).is_some();
            let acked = (reason != DisconnectReason::ParseError).then(|| shard.acked(socket).unwrap().max(start_offset));
            if own {
                ended = Some(Command {
                    shard: shard.index(),
                    socket,
                    connection_id,
                    secret: None,
                    number: 0,
                    ack: None,
                    intent: Intent::End(secret, acked),
                });
            }
        }
        if let Some(ended) = ended {
            self.submit(ended);
        }
        let mut trace = self.trace.borrow_mut();
        match (trace.accepted.remove(&(shard.index(), socket)), shard.data(socket)) {
            (Some(known), Some(data)) if known == data.connection_id => trace.ends.push((known, reason)),
            (known, data) => {
                let found = data.map(|data| data.connection_id);
                trace.violations.push(format!("{known:?} ends, and its socket is {found:?}'s"));
            }
        }
    }

    fn message(&mut self, shard: &mut Shard<Self>, message: ShardMessage) {
        let ShardMessage { socket, number, ack, action } = message;
        match action {
            ShardAction::Accept(connection_id, secret) => {
                let data = SocketData { connection_id, pending: 0, secret, start_offset: shard.position() };
                let accepted = match secret {
                    Some(secret) => shard.accept_recoverable(socket, data, secret),
                    None => shard.accept(socket, data),
                };
                if accepted {
                    self.begin_session(shard, socket, connection_id, secret);
                }
            }
            ShardAction::Resume(connection_id, secret, resumed) => self.resume(shard, socket, connection_id, secret, resumed),
            ShardAction::TakeOver(command) => {
                shard.take_over(socket);
                if let Some(command) = command {
                    let connection_id = command.connection_id;
                    self.submit_intent(shard, socket, connection_id, Intent::Continue(command));
                }
            }
            ShardAction::Continue(command) => self.submit(*command),
            ShardAction::Join(room, seq) => {
                shard.join(socket, &room);
                self.send_done(shard, socket, number, ack, seq);
            }
            ShardAction::Leave(room, seq) => {
                let stays = self.writer.lock().unwrap().bug == Some(InjectedBug::KeepsMember);
                if !stays {
                    shard.leave(socket, &room);
                }
                self.send_done(shard, socket, number, ack, seq);
            }
            ShardAction::Done(seq) => self.send_done(shard, socket, number, ack, seq),
        }
    }
}
