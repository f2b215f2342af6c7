//! The program on the simulated shards, and a model of the writer behind it: commands are decided in one queue, answered, and told as facts.
//!
//! What is said, to the server as the argument of an event `m` or as a plain text: `join ROOM N`, `leave ROOM N`, `say ROOM N PADDING`,
//! `type ROOM N`; N is the client's own count. What is heard: `welcome`, `done N SEQ`, `fact ROOM SEQ AUTHOR N PADDING`, behind some of them, in
//! the same broadcast, `echo ROOM SEQ`, `noted`, and `typing ROOM AUTHOR N`.
//!
//! Clients of Socket.IO may come back. What is remembered of them is at the desk, as the server's is in its database: it is decided in the
//! order of everything else.

use std::cell::RefCell;
use std::collections::{HashMap, VecDeque};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use super::script::CLIENTS;
use crate::app::{App, Connect, Event, Reason};
use crate::broadcast::{Broadcast, Saying};
use crate::history::{Archive, Position};
use crate::hub::Handle;
use crate::id::Id;
use crate::shard::{Recovering, Shard, SocketKey};
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
    /// Its place among all facts, from 1.
    pub offset: u64,
}

impl Fact {
    /// Whether it is told in two messages.
    pub fn is_echoed(&self) -> bool {
        self.offset.is_multiple_of(3)
    }
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
    /// Who comes back is told only what comes next.
    SkipsWhatWasMissed,
    /// Who comes back is told everything again.
    Repeats,
}

/// What a client wants changed.
pub struct Command {
    shard: usize,
    socket: SocketKey,
    who: Who,
    /// Of its session.
    secret: Option<Id>,
    number: u64,
    ack: Option<u64>,
    wish: Wish,
}

enum Wish {
    /// With the secret of the session that is to begin, and whose the client says it is already, with what it has heard.
    Enter(Option<Place>, Option<(Id, Option<Position>)>),
    /// Ends the connection of a session first that seems to live.
    TakeOver(Seat, Option<Box<Command>>),
    /// That is done; it goes on behind what came of it.
    Again(Box<Command>),
    /// What a session has missed is known no longer.
    Restart(Id, Place),
    /// A session's connection has ended, and so much has arrived; nothing is remembered of it if it has left.
    End(Id, Option<u64>),
    Join(String),
    Leave(String),
    Say(String, usize),
}

/// A session's secret, and its id.
type Place = (Id, Id);

/// Where a session's socket is.
type Seat = (usize, SocketKey);

/// A session, as the desk remembers it.
pub struct Remembered {
    id: Id,
    /// Each with the offset behind which it was joined.
    pub rooms: HashMap<String, u64>,
    confirmed: u64,
}

/// The writer's queue and what it has decided. It stands for the server's writer and database.
#[derive(Default)]
pub struct Desk {
    queue: VecDeque<Command>,
    pub facts: HashMap<String, Vec<Fact>>,
    offset: u64,
    pub sessions: HashMap<Id, Remembered>,
    seats: HashMap<Id, Seat>,
    /// How often somebody came back, and how often that could not be.
    pub returns: usize,
    pub refusals: usize,
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
    Accept(Who, Option<Id>),
    Return(Who, Id, Returning),
    TakeOver(Option<Box<Command>>),
    Again(Box<Command>),
    Join(String, usize),
    Leave(String, usize),
    Answer(usize),
}

/// How a session goes on.
struct Returning {
    id: Id,
    from: Position,
    rooms: Vec<(String, u64)>,
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
    pub secret: Option<Id>,
    /// What it had heard as it came.
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
                // What ends in a text carries the position of who is told it.
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

    /// A socket was let in.
    fn greet(&mut self, shard: &mut Shard<Self>, socket: SocketKey, who: Who, secret: Option<Id>) {
        if let Some(twice) = self.log.borrow_mut().present.insert((shard.index(), socket), who) {
            self.log.borrow_mut().wrongs.push(format!("{who:?} has the key of {twice:?}"));
        }
        let old = secret.and_then(|secret| self.desk.lock().unwrap().seats.insert(secret, (shard.index(), socket)));
        if let Some(old) = old {
            // Its client had come already, by a connection that it has given up.
            self.wish(shard, socket, who, Wish::TakeOver(old, None));
        }
        let namespace = shard.namespace(socket).unwrap_or(Namespace::PLAIN);
        // What ends in a text has a position behind it, and so a client has one from the start; some have not.
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

/// How a fact is told.
fn telling(room: &str, seq: usize, fact: &Fact) -> Broadcast {
    let Fact { author, number, padding, offset } = *fact;
    let mut lines = vec![format!("fact {room} {seq} {author} {number} {}", "x".repeat(padding))];
    if fact.is_echoed() {
        lines.push(format!("echo {room} {seq}"));
    }
    let say = move |namespace| lines.iter().map(|line| saying(namespace, line.clone())).collect();
    Broadcast::to_rooms([room.into()], say).numbered(offset).charged_to(author as u64)
}

/// What somebody has asked of the archive.
struct Question {
    numbers: Vec<u64>,
    bytes: usize,
    then: Box<dyn FnOnce(Option<Vec<Broadcast>>) + Send>,
}

/// The archive: it answers out of what the desk has decided, when it is told to.
pub struct Shelves {
    desk: Arc<Mutex<Desk>>,
    asked: Mutex<VecDeque<Question>>,
    answered: AtomicUsize,
}

impl Shelves {
    pub fn of(desk: Arc<Mutex<Desk>>) -> Self {
        Self { desk, asked: Mutex::default(), answered: AtomicUsize::default() }
    }

    /// How many questions it has answered.
    pub fn answered(&self) -> usize {
        self.answered.load(Ordering::Relaxed)
    }

    /// Answers up to `most` questions. False if there were none.
    pub fn answer(&self, most: usize) -> bool {
        let mut asked = self.asked.lock().unwrap();
        let count = most.min(asked.len());
        let questions: Vec<Question> = asked.drain(..count).collect();
        drop(asked);
        let any = !questions.is_empty();
        self.answered.fetch_add(questions.len(), Ordering::Relaxed);
        for Question { numbers, bytes, then } in questions {
            let (mut said, mut size) = (Vec::new(), 0);
            for number in numbers {
                if size >= bytes {
                    break;
                }
                let desk = self.desk.lock().unwrap();
                let (room, at) =
                    desk.facts.iter().find_map(|(room, facts)| Some((room, facts.iter().position(|fact| fact.offset == number)?))).unwrap();
                size += 100 + desk.facts[room][at].padding;
                said.push(telling(room, at + 1, &desk.facts[room][at]));
            }
            then(Some(said));
        }
        any
    }
}

impl Archive for Shelves {
    fn read(&self, numbers: Vec<u64>, bytes: usize, then: Box<dyn FnOnce(Option<Vec<Broadcast>>) + Send>) {
        self.asked.lock().unwrap().push_back(Question { numbers, bytes, then });
    }
}

/// What a CONNECT says of where its client left off.
fn left_off(auth: &str) -> Option<(Id, Option<Position>)> {
    let text = |name: &str| auth.split_once(&format!(r#""{name}":""#))?.1.split('"').next();
    let position = text("offset").and_then(Position::parse).map(|(_, position)| position);
    Some((Id::parse(text("pid")?)?, position))
}

fn saying(namespace: Namespace, line: String) -> Saying {
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
            // One that another has taken the place of has nothing to say.
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
            let Some(Command { shard, socket, who, secret, number, ack, wish }) = self.queue.pop_front() else { break };
            let mut told = None;
            let does = match wish {
                Wish::Enter(place, back) => self.enter(who, place, back),
                Wish::TakeOver((there, old), command) => {
                    hub.tell(there, Told { socket: old, number, ack, does: Does::TakeOver(command) });
                    continue;
                }
                Wish::Again(command) => Does::Again(command),
                Wish::Restart(old, place) => {
                    self.sessions.remove(&old);
                    self.enter(who, Some(place), None)
                }
                Wish::End(secret, None) => {
                    self.sessions.remove(&secret);
                    continue;
                }
                Wish::End(secret, Some(confirmed)) => {
                    self.sessions.entry(secret).and_modify(|session| session.confirmed = confirmed);
                    continue;
                }
                Wish::Join(room) => {
                    let (seq, since) = (self.seq(&room), self.offset);
                    if let Some(session) = secret.and_then(|secret| self.sessions.get_mut(&secret)) {
                        session.rooms.entry(room.clone()).or_insert(since);
                    }
                    Does::Join(room, seq)
                }
                Wish::Leave(room) => {
                    let seq = self.seq(&room);
                    if let Some(session) = secret.and_then(|secret| self.sessions.get_mut(&secret)) {
                        session.rooms.remove(&room);
                    }
                    Does::Leave(room, seq)
                }
                Wish::Say(room, padding) => {
                    self.offset += 1;
                    let fact = Fact { author: who.client, number, padding, offset: self.offset };
                    self.facts.entry(room.clone()).or_default().push(fact.clone());
                    let seq = self.seq(&room);
                    told = Some((seq, telling(&room, seq, &fact), telling(&room, seq, &fact)));
                    Does::Answer(seq)
                }
            };
            hub.tell(shard, Told { socket, number, ack, does });
            if let Some((seq, fact, again)) = told {
                self.publish(hub, seq, fact, again);
            }
        }
    }

    /// Decides so many facts of a room that no client has asked for.
    pub fn chatter(&mut self, hub: &Handle<Talk>, room: &str, count: usize) {
        let _hold = hub.hold();
        for _ in 0..count {
            self.offset += 1;
            let fact = Fact { author: CLIENTS, number: self.offset, padding: 40, offset: self.offset };
            self.facts.entry(room.to_owned()).or_default().push(fact.clone());
            let seq = self.seq(room);
            self.publish(hub, seq, telling(room, seq, &fact), telling(room, seq, &fact));
        }
    }

    /// Somebody asks to be let in; who has been here comes back.
    fn enter(&mut self, who: Who, place: Option<Place>, back: Option<(Id, Option<Position>)>) -> Does {
        let Some((secret, id)) = place else { return Does::Accept(who, None) };
        if let Some((secret, offered)) = back
            && let Some(session) = self.sessions.get_mut(&secret)
        {
            let confirmed = Position::from(session.confirmed);
            let from = match self.flaw {
                Some(Flaw::SkipsWhatWasMissed) => Position::from(self.offset),
                Some(Flaw::Repeats) => Position::default(),
                _ => offered.map_or(confirmed, |offered| offered.max(confirmed)),
            };
            session.confirmed = from.number;
            let rooms = session.rooms.iter().map(|(room, since)| (room.clone(), *since)).collect();
            return Does::Return(who, secret, Returning { id: session.id, from, rooms });
        }
        self.sessions.insert(secret, Remembered { id, rooms: HashMap::new(), confirmed: self.offset });
        Does::Accept(who, Some(secret))
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
