//! The program on the simulated shards, and a model of the writer behind it: commands are decided in one queue, answered, and told as facts.
//!
//! What is said, to the server as the argument of an event `m` or as a plain text: `join ROOM N`, `leave ROOM N`, `say ROOM N PADDING`,
//! `type ROOM N`; N is the client's own count. What is heard: `welcome`, `done N SEQ`, `fact ROOM SEQ AUTHOR N PADDING`, `typing ROOM AUTHOR N`.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::{Arc, Mutex};

use crate::app::{App, Connect, Event, Reason};
use crate::broadcast::{Broadcast, Saying};
use crate::hub::Handle;
use crate::shard::{Shard, SocketKey};
use crate::voice::Namespace;

/// Which of a client's connections: the client, and how many it has had before.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Who {
    pub client: usize,
    pub life: usize,
}

/// Commands of one connection that may wait before it is read no further.
const PENDING: usize = 3;

/// A fact as the writer has decided it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Fact {
    pub author: usize,
    pub number: u64,
    pub padding: usize,
}

/// A mistake that is built in, to see that it is found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Flaw {
    /// One fact in seven is not told.
    Loses,
    /// One in seven is told twice.
    Doubles,
    /// One in seven is told behind the next.
    Reorders,
    /// Who leaves a room stays in it.
    KeepsMembers,
    /// Who waits for too much is not read again.
    ForgetsToResume,
}

/// What a client wants changed.
pub struct Command {
    shard: usize,
    socket: SocketKey,
    who: Who,
    number: u64,
    ack: Option<u64>,
    wish: Wish,
}

enum Wish {
    Enter,
    Join(String),
    Leave(String),
    Say(String, usize),
}

/// The writer's queue and what it has decided. It stands for the server's writer and database.
#[derive(Default)]
pub struct Desk {
    queue: VecDeque<Command>,
    pub facts: HashMap<String, Vec<Fact>>,
    flaw: Option<Flaw>,
    held: Option<Broadcast>,
}

/// What the desk tells a shard.
pub struct Told {
    socket: SocketKey,
    number: u64,
    ack: Option<u64>,
    does: Does,
}

enum Does {
    Accept(Who),
    Join(String, usize),
    Leave(String, usize),
    Answer(usize),
}

/// Whose sockets there are, and how connections have ended.
#[derive(Default)]
pub struct Log {
    pub present: HashMap<(usize, SocketKey), Who>,
    pub ends: Vec<(Who, Reason)>,
    pub wrongs: Vec<String>,
}

/// What is kept with a socket.
pub struct Present {
    pub who: Who,
    pending: usize,
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
                if shard.is_in(socket, &room) {
                    let line = format!("typing {room} {} {number}", who.client);
                    let signal = broadcast(&room, line).volatile();
                    shard.broadcast(shard.id(socket).into_iter().fold(signal, Broadcast::except_socket));
                }
                return;
            }
            _ => return,
        };
        self.ask(shard, Command { shard: shard.index(), socket, who, number, ack, wish });
        let pending = shard.data_mut(socket).map_or(0, |present| {
            present.pending += 1;
            present.pending
        });
        if pending >= PENDING {
            shard.pause(socket);
        }
    }

    fn ask(&self, _: &Shard<Self>, command: Command) {
        self.desk.lock().unwrap().queue.push_back(command);
    }

    fn answer(&self, shard: &mut Shard<Self>, socket: SocketKey, number: u64, ack: Option<u64>, seq: usize) {
        let line = format!("done {number} {seq}");
        match ack {
            Some(id) => shard.ack(socket, id, &format!("\"{line}\""), &[]),
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

fn saying(namespace: Namespace, line: String) -> Saying {
    if namespace == Namespace::PLAIN { Saying::Text(line) } else { Saying::event("m", format!("\"{line}\"")) }
}

fn broadcast(room: &str, line: String) -> Broadcast {
    Broadcast::to_rooms(vec![room.into()], move |namespace| vec![saying(namespace, line.clone())])
}

impl App for Talk {
    type Handshake = Who;
    type Data = Present;
    type Message = Told;

    fn connect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, _: Connect<'_>) {
        let Some(&who) = shard.handshake(socket) else { return };
        self.ask(shard, Command { shard: shard.index(), socket, who, number: 0, ack: None, wish: Wish::Enter });
    }

    fn event(&mut self, shard: &mut Shard<Self>, socket: SocketKey, event: Event<'_>) {
        let text = event.args.get(0).unwrap_or_default().trim_matches('"').to_owned();
        self.said(shard, socket, &text, event.ack);
    }

    fn text(&mut self, shard: &mut Shard<Self>, socket: SocketKey, text: &str) {
        self.said(shard, socket, text, None);
    }

    fn disconnect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, reason: Reason) {
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
            Does::Accept(who) => {
                if shard.accept(socket, Present { who, pending: 0 }) {
                    let twice = self.log.borrow_mut().present.insert((shard.index(), socket), who);
                    if let Some(twice) = twice {
                        self.log.borrow_mut().wrongs.push(format!("{who:?} has the key of {twice:?}"));
                    }
                    shard.emit(socket, &saying(shard.namespace(socket).unwrap_or(Namespace::PLAIN), "welcome".into()));
                }
            }
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

impl Desk {
    /// An empty one.
    pub fn with(flaw: Option<Flaw>) -> Self {
        Self { flaw, ..Self::default() }
    }

    pub fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Decides up to `most` commands, as the writer does with a batch: each is answered and then told, and the shards find all of it at once.
    pub fn work(&mut self, hub: &Handle<Talk>, most: usize) {
        let _hold = hub.hold();
        for _ in 0..most.min(self.queue.len()) {
            let Some(Command { shard, socket, who, number, ack, wish }) = self.queue.pop_front() else { break };
            let mut told = None;
            let does = match wish {
                Wish::Enter => Does::Accept(who),
                Wish::Join(room) => {
                    let seq = self.seq(&room);
                    Does::Join(room, seq)
                }
                Wish::Leave(room) => {
                    let seq = self.seq(&room);
                    Does::Leave(room, seq)
                }
                Wish::Say(room, padding) => {
                    self.facts.entry(room.clone()).or_default().push(Fact { author: who.client, number, padding });
                    let seq = self.seq(&room);
                    let line = format!("fact {room} {seq} {} {number} {}", who.client, "x".repeat(padding));
                    told = Some((seq, broadcast(&room, line.clone()), broadcast(&room, line)));
                    Does::Answer(seq)
                }
            };
            hub.tell(shard, Told { socket, number, ack, does });
            if let Some((seq, fact, again)) = told {
                self.publish(hub, seq, fact, again);
            }
        }
    }

    fn seq(&self, room: &str) -> usize {
        self.facts.get(room).map_or(0, Vec::len)
    }

    fn publish(&mut self, hub: &Handle<Talk>, seq: usize, fact: Broadcast, again: Broadcast) {
        match self.flaw.filter(|_| seq.is_multiple_of(7)) {
            Some(Flaw::Loses) => return,
            Some(Flaw::Doubles) => hub.publish(again),
            Some(Flaw::Reorders) => {
                self.held = Some(fact);
                return;
            }
            _ => {}
        }
        hub.publish(fact);
        if let Some(held) = self.held.take() {
            hub.publish(held);
        }
    }
}
