//! The program on the simulated shards. Its commands go to a model of the writer; see `desk`.
//!
//! Clients send, as the argument of an event `m` or as a plain text: `join ROOM N`, `leave ROOM N`, `say ROOM N PADDING`, `type ROOM N`; N
//! is the client's own count. They receive `welcome`, `done N SEQ`, `fact ROOM SEQ AUTHOR N PADDING`, after some facts, in the same
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

/// A connection of a client: the client's index, and the number of its earlier connections.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ConnectionId {
    pub client: usize,
    pub life: usize,
}

/// The most commands of one connection that wait; beyond, the connection is not read.
const MAX_PENDING: usize = 3;

/// The accepted sockets and their clients, and the reasons for which connections have ended.
#[derive(Default)]
pub struct Trace {
    pub present: HashMap<(usize, SocketKey), ConnectionId>,
    pub ends: Vec<(ConnectionId, DisconnectReason)>,
    pub wrongs: Vec<String>,
}

/// The data of an accepted socket.
pub struct SocketData {
    pub who: ConnectionId,
    pending: usize,
    pub secret: Option<Id>,
    /// The number up to which its client had received broadcasts when it connected.
    begun: u64,
}

pub struct ModelApp {
    pub desk: Arc<Mutex<ModelWriter>>,
    pub log: Rc<RefCell<Trace>>,
}

impl ModelApp {
    fn handle_text(&mut self, shard: &mut Shard<Self>, socket: SocketKey, text: &str, ack: Option<u64>) {
        let Some(who) = shard.data(socket).map(|present| present.who) else { return };
        let mut words = text.split(' ');
        let (verb, room) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_owned());
        let Some(number) = words.next().and_then(|number| number.parse().ok()) else { return };
        let wish = match verb {
            "join" => Intent::Join(room),
            "leave" => Intent::Leave(room),
            "say" => Intent::Say(room, words.next().unwrap_or_default().len()),
            "type" => {
                // An event that ends in a text carries the position of the socket that receives it.
                shard.emit(socket, &message(shard.namespace(socket).unwrap_or(Namespace::PLAIN), "noted".into()));
                if shard.is_in(socket, &room) {
                    let line = format!("typing {room} {} {number}", who.client);
                    let ephemeral = broadcast(&room, line).volatile();
                    shard.broadcast(shard.id(socket).into_iter().fold(ephemeral, Broadcast::except_socket));
                }
                return;
            }
            _ => return,
        };
        let secret = shard.data(socket).and_then(|present| present.secret);
        self.submit(Command { shard: shard.index(), socket, who, secret, number, ack, wish });
        let pending = shard.data_mut(socket).map_or(0, |present| {
            present.pending += 1;
            present.pending
        });
        if pending >= MAX_PENDING {
            shard.pause(socket);
        }
    }

    fn submit(&self, command: Command) {
        self.desk.lock().unwrap().queue.push_back(command);
    }

    fn answer(&self, shard: &mut Shard<Self>, socket: SocketKey, number: u64, ack: Option<u64>, seq: usize) {
        let line = format!("done {number} {seq}");
        match ack {
            Some(id) => shard.ack(socket, id, &format!("\"{line}\""), &[]).unwrap(),
            None => shard.emit(socket, &message(shard.namespace(socket).unwrap_or(Namespace::PLAIN), line)),
        }
        let Some(present) = shard.data_mut(socket) else { return };
        present.pending -= 1;
        let forgets = self.desk.lock().unwrap().flaw == Some(InjectedBug::ForgetsToResume);
        if shard.data(socket).is_some_and(|present| present.pending < MAX_PENDING) && !forgets {
            shard.resume(socket);
        }
    }
}

impl ModelApp {
    fn perform(&self, shard: &Shard<Self>, socket: SocketKey, who: ConnectionId, wish: Intent) {
        self.submit(Command { shard: shard.index(), socket, who, secret: None, number: 0, ack: None, wish });
    }

    /// Handles an accepted socket.
    fn begin_session(&mut self, shard: &mut Shard<Self>, socket: SocketKey, who: ConnectionId, secret: Option<Id>) {
        if let Some(twice) = self.log.borrow_mut().present.insert((shard.index(), socket), who) {
            self.log.borrow_mut().wrongs.push(format!("{who:?} has the key of {twice:?}"));
        }
        let old = secret.and_then(|secret| self.desk.lock().unwrap().seats.insert(secret, (shard.index(), socket)));
        if let Some(old) = old {
            // Its client has connected before, by a connection that it has given up.
            self.perform(shard, socket, who, Intent::TakeOver(old, None));
        }
        let namespace = shard.namespace(socket).unwrap_or(Namespace::PLAIN);
        // An event whose last argument is a text has a position after it, so a client gets a position from the start. Some clients get
        // none.
        let welcome = match message(namespace, "welcome".into()) {
            OutboundMessage::Event { name, args, .. } if who.client.is_multiple_of(2) => {
                OutboundMessage::event(name, format!("{args},0")).unwrap()
            }
            welcome => welcome,
        };
        shard.emit(socket, &welcome);
    }

    fn resume(&mut self, shard: &mut Shard<Self>, socket: SocketKey, who: ConnectionId, secret: Id, returning: ResumedSession) {
        let ResumedSession { id, from, rooms } = returning;
        let rooms: Vec<(&str, u64)> = rooms.iter().map(|(room, since)| (room.as_str(), *since)).collect();
        let present = SocketData { who, pending: 0, secret: Some(secret), begun: from.number };
        match shard.recover(socket, present, &SocketResume { id, secret, from, rooms: &rooms }) {
            Ok(true) => {
                self.desk.lock().unwrap().returns += 1;
                self.begin_session(shard, socket, who, Some(secret));
            }
            Ok(false) => {}
            Err(_) => {
                self.desk.lock().unwrap().refusals += 1;
                let place = (shard.new_secret(socket), shard.id(socket).unwrap());
                self.perform(shard, socket, who, Intent::Restart(secret, place));
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
        let Some(&who) = shard.handshake(socket) else { return };
        let place = shard.may_recover(socket).then(|| (shard.new_secret(socket), shard.id(socket).unwrap()));
        let back = resume_position(request.auth).filter(|_| place.is_some());
        let seat = back.and_then(|(secret, _)| self.desk.lock().unwrap().seats.get(&secret).copied());
        let enter = Intent::Enter(place, back);
        match seat {
            None => self.perform(shard, socket, who, enter),
            Some(seat) => {
                let enter = Command { shard: shard.index(), socket, who, secret: None, number: 0, ack: None, wish: enter };
                self.perform(shard, socket, who, Intent::TakeOver(seat, Some(Box::new(enter))));
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
        if let Some((who, Some(secret), begun)) = shard.data(socket).map(|present| (present.who, present.secret, present.begun)) {
            // A socket that another one has replaced does not end the session.
            let seats = &mut self.desk.lock().unwrap().seats;
            let own = seats.get(&secret) == Some(&(shard.index(), socket)) && seats.remove(&secret).is_some();
            let confirmed = (reason != DisconnectReason::ParseError).then(|| shard.acked(socket).unwrap().max(begun));
            if own {
                ended = Some(Command {
                    shard: shard.index(),
                    socket,
                    who,
                    secret: None,
                    number: 0,
                    ack: None,
                    wish: Intent::End(secret, confirmed),
                });
            }
        }
        if let Some(ended) = ended {
            self.submit(ended);
        }
        let mut log = self.log.borrow_mut();
        match (log.present.remove(&(shard.index(), socket)), shard.data(socket)) {
            (Some(known), Some(present)) if known == present.who => log.ends.push((known, reason)),
            (known, present) => {
                let found = present.map(|present| present.who);
                log.wrongs.push(format!("{known:?} ends, and its socket is {found:?}'s"));
            }
        }
    }

    fn message(&mut self, shard: &mut Shard<Self>, told: ShardMessage) {
        let ShardMessage { socket, number, ack, does } = told;
        match does {
            ShardAction::Accept(who, secret) => {
                let present = SocketData { who, pending: 0, secret, begun: shard.position() };
                let accepted = match secret {
                    Some(secret) => shard.accept_recoverable(socket, present, secret),
                    None => shard.accept(socket, present),
                };
                if accepted {
                    self.begin_session(shard, socket, who, secret);
                }
            }
            ShardAction::Return(who, secret, returning) => self.resume(shard, socket, who, secret, returning),
            ShardAction::TakeOver(command) => {
                shard.take_over(socket);
                if let Some(command) = command {
                    let who = command.who;
                    self.perform(shard, socket, who, Intent::Again(command));
                }
            }
            ShardAction::Again(command) => self.submit(*command),
            ShardAction::Join(room, seq) => {
                shard.join(socket, &room);
                self.answer(shard, socket, number, ack, seq);
            }
            ShardAction::Leave(room, seq) => {
                let stays = self.desk.lock().unwrap().flaw == Some(InjectedBug::KeepsMembers);
                if !stays {
                    shard.leave(socket, &room);
                }
                self.answer(shard, socket, number, ack, seq);
            }
            ShardAction::Answer(seq) => self.answer(shard, socket, number, ack, seq),
        }
    }
}
