//! The program on the simulated shards. Its commands go to a model of the writer; see `desk`.
//!
//! Clients send, as the argument of an event `m` or as a plain text: `join ROOM N`, `leave ROOM N`, `say ROOM N PADDING`, `type ROOM N`; N
//! is the client's own count. They receive `welcome`, `done N SEQ`, `fact ROOM SEQ AUTHOR N PADDING`, after some facts, in the same
//! broadcast, `echo ROOM SEQ`, and `noted` and `typing ROOM AUTHOR N`.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use super::desk::{Command, Desk, Does, Flaw, Returning, Told, Wish};
use crate::app::{App, Connect, Event, Reason};
use crate::broadcast::{Broadcast, Saying};
use crate::history::Position;
use crate::id::Id;
use crate::shard::{Recovering, Shard, SocketKey};
use crate::voice::Namespace;

/// A connection of a client: the client's index, and the number of its earlier connections.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Who {
    pub client: usize,
    pub life: usize,
}

/// The most commands of one connection that wait; beyond, the connection is not read.
const PENDING: usize = 3;

/// The accepted sockets and their clients, and the reasons for which connections have ended.
#[derive(Default)]
pub struct Log {
    pub present: HashMap<(usize, SocketKey), Who>,
    pub ends: Vec<(Who, Reason)>,
    pub wrongs: Vec<String>,
}

/// The data of an accepted socket.
pub struct Present {
    pub who: Who,
    pending: usize,
    pub secret: Option<Id>,
    /// The number up to which its client had received broadcasts when it connected.
    begun: u64,
}

pub struct Talk {
    pub desk: Arc<Mutex<Desk>>,
    pub log: Rc<RefCell<Log>>,
}

impl Talk {
    fn said(&mut self, shard: &mut Shard<Self>, socket: SocketKey, text: &str, ack: Option<u64>) {
        let Some(who) = shard.data(socket).map(|present| present.who) else { return };
        let mut words = text.split(' ');
        let (verb, room) = (words.next().unwrap_or_default(), words.next().unwrap_or_default().to_owned());
        let Some(number) = words.next().and_then(|number| number.parse().ok()) else { return };
        let wish = match verb {
            "join" => Wish::Join(room),
            "leave" => Wish::Leave(room),
            "say" => Wish::Say(room, words.next().unwrap_or_default().len()),
            "type" => {
                // An event that ends in a text carries the position of the socket that receives it.
                shard.emit(socket, &saying(shard.namespace(socket).unwrap_or(Namespace::PLAIN), "noted".into()));
                if shard.is_in(socket, &room) {
                    let line = format!("typing {room} {} {number}", who.client);
                    let signal = broadcast(&room, line).volatile();
                    shard.broadcast(shard.id(socket).into_iter().fold(signal, Broadcast::except_socket));
                }
                return;
            }
            _ => return,
        };
        let secret = shard.data(socket).and_then(|present| present.secret);
        self.ask(Command { shard: shard.index(), socket, who, secret, number, ack, wish });
        let pending = shard.data_mut(socket).map_or(0, |present| {
            present.pending += 1;
            present.pending
        });
        if pending >= PENDING {
            shard.pause(socket);
        }
    }

    fn ask(&self, command: Command) {
        self.desk.lock().unwrap().queue.push_back(command);
    }

    fn answer(&self, shard: &mut Shard<Self>, socket: SocketKey, number: u64, ack: Option<u64>, seq: usize) {
        let line = format!("done {number} {seq}");
        match ack {
            Some(id) => shard.ack(socket, id, &format!("\"{line}\""), &[]).unwrap(),
            None => shard.emit(socket, &saying(shard.namespace(socket).unwrap_or(Namespace::PLAIN), line)),
        }
        let Some(present) = shard.data_mut(socket) else { return };
        present.pending -= 1;
        let forgets = self.desk.lock().unwrap().flaw == Some(Flaw::ForgetsToResume);
        if shard.data(socket).is_some_and(|present| present.pending < PENDING) && !forgets {
            shard.resume(socket);
        }
    }
}

impl Talk {
    fn wish(&self, shard: &Shard<Self>, socket: SocketKey, who: Who, wish: Wish) {
        self.ask(Command { shard: shard.index(), socket, who, secret: None, number: 0, ack: None, wish });
    }

    /// Handles an accepted socket.
    fn greet(&mut self, shard: &mut Shard<Self>, socket: SocketKey, who: Who, secret: Option<Id>) {
        if let Some(twice) = self.log.borrow_mut().present.insert((shard.index(), socket), who) {
            self.log.borrow_mut().wrongs.push(format!("{who:?} has the key of {twice:?}"));
        }
        let old = secret.and_then(|secret| self.desk.lock().unwrap().seats.insert(secret, (shard.index(), socket)));
        if let Some(old) = old {
            // Its client has connected before, by a connection that it has given up.
            self.wish(shard, socket, who, Wish::TakeOver(old, None));
        }
        let namespace = shard.namespace(socket).unwrap_or(Namespace::PLAIN);
        // An event whose last argument is a text has a position after it, so a client gets a position from the start. Some clients get
        // none.
        let welcome = match saying(namespace, "welcome".into()) {
            Saying::Event { name, args, .. } if who.client.is_multiple_of(2) => Saying::event(name, format!("{args},0")).unwrap(),
            welcome => welcome,
        };
        shard.emit(socket, &welcome);
    }

    fn come_back(&mut self, shard: &mut Shard<Self>, socket: SocketKey, who: Who, secret: Id, returning: Returning) {
        let Returning { id, from, rooms } = returning;
        let rooms: Vec<(&str, u64)> = rooms.iter().map(|(room, since)| (room.as_str(), *since)).collect();
        let present = Present { who, pending: 0, secret: Some(secret), begun: from.number };
        match shard.recover(socket, present, &Recovering { id, secret, from, rooms: &rooms }) {
            Ok(true) => {
                self.desk.lock().unwrap().returns += 1;
                self.greet(shard, socket, who, Some(secret));
            }
            Ok(false) => {}
            Err(_) => {
                self.desk.lock().unwrap().refusals += 1;
                let place = (shard.new_secret(socket), shard.id(socket).unwrap());
                self.wish(shard, socket, who, Wish::Restart(secret, place));
            }
        }
    }
}

/// The secret and the position in the auth object of a CONNECT.
fn left_off(auth: &str) -> Option<(Id, Option<Position>)> {
    let text = |name: &str| auth.split_once(&format!(r#""{name}":""#))?.1.split('"').next();
    let position = text("offset").and_then(Position::parse).map(|(_, position)| position);
    Some((Id::parse(text("pid")?)?, position))
}

pub fn saying(namespace: Namespace, line: String) -> Saying {
    if namespace == Namespace::PLAIN { Saying::Text(line) } else { Saying::event("m", format!("\"{line}\"")).unwrap() }
}

fn broadcast(room: &str, line: String) -> Broadcast {
    Broadcast::to_rooms([room.into()], move |namespace| vec![saying(namespace, line.clone())])
}

impl App for Talk {
    type Handshake = Who;
    type Data = Present;
    type Message = Told;

    fn connect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, request: Connect<'_>) {
        let Some(&who) = shard.handshake(socket) else { return };
        let place = shard.may_recover(socket).then(|| (shard.new_secret(socket), shard.id(socket).unwrap()));
        let back = left_off(request.auth).filter(|_| place.is_some());
        let seat = back.and_then(|(secret, _)| self.desk.lock().unwrap().seats.get(&secret).copied());
        let enter = Wish::Enter(place, back);
        match seat {
            None => self.wish(shard, socket, who, enter),
            Some(seat) => {
                let enter = Command { shard: shard.index(), socket, who, secret: None, number: 0, ack: None, wish: enter };
                self.wish(shard, socket, who, Wish::TakeOver(seat, Some(Box::new(enter))));
            }
        }
    }

    fn event(&mut self, shard: &mut Shard<Self>, socket: SocketKey, event: Event<'_>) {
        let text = event.args.get(0).unwrap_or_default().trim_matches('"').to_owned();
        self.said(shard, socket, &text, event.ack);
    }

    fn text(&mut self, shard: &mut Shard<Self>, socket: SocketKey, text: &str) {
        self.said(shard, socket, text, None);
    }

    fn disconnect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, reason: Reason) {
        let mut ended = None;
        if let Some((who, Some(secret), begun)) = shard.data(socket).map(|present| (present.who, present.secret, present.begun)) {
            // A socket that another one has replaced does not end the session.
            let seats = &mut self.desk.lock().unwrap().seats;
            let own = seats.get(&secret) == Some(&(shard.index(), socket)) && seats.remove(&secret).is_some();
            let confirmed = (reason != Reason::ParseError).then(|| shard.confirmed(socket).unwrap().max(begun));
            if own {
                ended = Some(Command {
                    shard: shard.index(),
                    socket,
                    who,
                    secret: None,
                    number: 0,
                    ack: None,
                    wish: Wish::End(secret, confirmed),
                });
            }
        }
        if let Some(ended) = ended {
            self.ask(ended);
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

    fn message(&mut self, shard: &mut Shard<Self>, told: Told) {
        let Told { socket, number, ack, does } = told;
        match does {
            Does::Accept(who, secret) => {
                let present = Present { who, pending: 0, secret, begun: shard.position() };
                let accepted = match secret {
                    Some(secret) => shard.accept_recoverable(socket, present, secret),
                    None => shard.accept(socket, present),
                };
                if accepted {
                    self.greet(shard, socket, who, secret);
                }
            }
            Does::Return(who, secret, returning) => self.come_back(shard, socket, who, secret, returning),
            Does::TakeOver(command) => {
                shard.take_over(socket);
                if let Some(command) = command {
                    let who = command.who;
                    self.wish(shard, socket, who, Wish::Again(command));
                }
            }
            Does::Again(command) => self.ask(*command),
            Does::Join(room, seq) => {
                shard.join(socket, &room);
                self.answer(shard, socket, number, ack, seq);
            }
            Does::Leave(room, seq) => {
                let stays = self.desk.lock().unwrap().flaw == Some(Flaw::KeepsMembers);
                if !stays {
                    shard.leave(socket, &room);
                }
                self.answer(shard, socket, number, ack, seq);
            }
            Does::Answer(seq) => self.answer(shard, socket, number, ack, seq),
        }
    }
}
