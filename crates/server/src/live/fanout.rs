//! What happened, on its way to whoever may hear it: encoded once a voice, and behind it the change of who hears what.

use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use domain::event::{Event, Fact, Signal};
use domain::names::{Kind, PersonId, Room, Timestamp};
use domain::operation::Actor;
use domain::seam::Notice;
use domain::spaces::{EnterRoom, ListContacts};
use engine::{Broadcast, Handle, Namespace, Say, Saying, Shard, SocketKey};

use super::{Job, Live};
use crate::config::Audience;
use crate::dialects::{Dialect, Dialects};

/// How long changes of presence are gathered, so that a storm is one message and not thousands.
const GATHER: Duration = Duration::from_millis(100);

/// Tells this node's connections what the bus brings.
pub struct Fanout {
    engine: OnceLock<Handle<Live>>,
    dialects: Dialects,
    audience: Audience,
    readers: store::Readers,
    clock: fn() -> Timestamp,
    /// Changes of presence that are still to be told.
    gathered: Mutex<Vec<Arc<Signal>>>,
}

impl Fanout {
    /// A fan-out that tells nobody until [`Fanout::connect`].
    pub fn new(dialects: Dialects, audience: Audience, readers: store::Readers, clock: fn() -> Timestamp) -> Self {
        Self { engine: OnceLock::new(), dialects, audience, readers, clock, gathered: Mutex::default() }
    }

    /// Gives it the engine, once.
    pub fn connect(&self, engine: Handle<Live>) {
        // A second engine would be a fault of ours, and the first stays.
        let _ = self.engine.set(engine);
    }

    /// Tells one notice. Called in the order of the notices.
    pub fn tell(&self, notice: Notice) {
        let Some(engine) = self.engine.get() else { return };
        match notice {
            Notice::Fact(fact) => self.fact(engine, fact),
            Notice::Signal(signal) => self.signal(engine, signal),
        }
    }

    fn fact(&self, engine: &Handle<Live>, fact: Arc<Fact>) {
        // Who joins hears of it too, on every device; who leaves hears it as the last.
        match &fact.event {
            Event::MemberJoined { space, person } => join(engine, &space.room, &person.id),
            Event::SpaceCreated { space } => {
                for member in &space.members {
                    join(engine, &space.room, &member.person.id);
                }
            }
            _ => {}
        }
        let rooms = fact.audience().iter().map(|room| room.as_str().into()).collect();
        engine.publish(Broadcast::to_rooms(rooms, FactSaid { fact: fact.clone(), dialects: self.dialects.clone() }));
        if let Event::MemberLeft { space, person } = &fact.event {
            leave(engine, &space.room, person);
        }
    }

    fn signal(&self, engine: &Handle<Live>, signal: Arc<Signal>) {
        match &*signal {
            Signal::Entered { room, .. } | Signal::Left { room, .. } => {
                let said = SignalsSaid {
                    room: Some(room.kind()),
                    now: (self.clock)(),
                    dialects: self.dialects.clone(),
                    signals: vec![signal.clone()],
                };
                engine.publish(Broadcast::to_rooms(vec![room.as_str().into()], said));
            }
            Signal::Online { .. } | Signal::Offline { .. } => {
                let mut gathered = self.gathered.lock().unwrap_or_else(PoisonError::into_inner);
                gathered.push(signal);
                if gathered.len() == 1 {
                    engine.tell(0, Box::new(|live, shard| live.tell_presence_at(shard, shard.now() + GATHER)));
                }
            }
        }
    }

    /// Tells the changes of presence that were gathered.
    pub(super) fn tell_presence(self: &Arc<Self>) {
        let Some(engine) = self.engine.get() else { return };
        let signals = std::mem::take(&mut *self.gathered.lock().unwrap_or_else(PoisonError::into_inner));
        let said = |signals| SignalsSaid { room: None, now: (self.clock)(), dialects: self.dialects.clone(), signals };
        match self.audience {
            Audience::None => {}
            Audience::Everyone if signals.is_empty() => {}
            Audience::Everyone => engine.publish(Broadcast::to_everyone(said(signals))),
            Audience::Contacts => {
                for signal in signals {
                    let (Signal::Online { person, .. } | Signal::Offline { person }) = &*signal else { continue };
                    let actor = Actor { person: person.clone(), admin: false };
                    let (engine, said) = (engine.clone(), said(vec![signal.clone()]));
                    self.readers.ask(actor, ListContacts, move |contacts| match contacts {
                        Ok(contacts) => {
                            let inboxes = contacts.iter().map(|contact| Room::inbox(contact).as_str().into()).collect();
                            engine.publish(Broadcast::to_rooms(inboxes, said));
                        }
                        Err(refusal) => tracing::error!(%refusal, "a person's contacts could not be read"),
                    });
                }
            }
        }
    }
}

/// A fact in the words of whoever listens.
struct FactSaid {
    fact: Arc<Fact>,
    dialects: Dialects,
}

impl Say for FactSaid {
    fn say(&self, namespace: Namespace) -> Vec<Saying> {
        let kind = self.fact.room.kind();
        let dialects = self.dialects.spoken_in(namespace).iter().filter(|dialect| tells(&***dialect, kind));
        dialects.filter_map(|dialect| dialect.fact(&self.fact)).collect()
    }
}

/// Signals, likewise, in one message buffer.
struct SignalsSaid {
    /// Of which kind their room is; none if they are of no room.
    room: Option<Kind>,
    now: Timestamp,
    dialects: Dialects,
    signals: Vec<Arc<Signal>>,
}

impl Say for SignalsSaid {
    fn say(&self, namespace: Namespace) -> Vec<Saying> {
        let dialects = self.dialects.spoken_in(namespace).iter();
        let dialects: Vec<_> = dialects.filter(|dialect| self.room.is_none_or(|kind| tells(&***dialect, kind))).collect();
        let each = self.signals.iter().flat_map(|signal| dialects.iter().filter_map(|dialect| dialect.signal(signal, self.now)));
        each.collect()
    }
}

/// Whether a contract tells what happens in rooms of this kind.
fn tells(dialect: &dyn Dialect, kind: Kind) -> bool {
    kind == Kind::User || dialect.kinds().contains(&kind)
}

/// Puts all connections of a person into a room, where their contract joins it without asking.
fn join(engine: &Handle<Live>, room: &Room, person: &PersonId) {
    engine.tell_all(|| {
        let (room, inbox) = (room.clone(), Room::inbox(person));
        let job: Job = Box::new(move |live, shard| {
            for socket in sockets_in(shard, &inbox) {
                let namespace = shard.namespace(socket).unwrap_or(Namespace::PLAIN);
                if live.shared.dialects.spoken_in(namespace).iter().any(|dialect| dialect.joins_by_itself(&room)) {
                    shard.join(socket, room.as_str());
                }
            }
        });
        job
    });
}

/// Takes all connections of a person out of a room, and out of the rooms inside it.
fn leave(engine: &Handle<Live>, room: &Room, person: &PersonId) {
    engine.tell_all(|| {
        let (room, inbox) = (room.clone(), Room::inbox(person));
        let job: Job = Box::new(move |live, shard| {
            for socket in sockets_in(shard, &inbox) {
                live.leave(shard, socket, &room);
                if room.kind() == Kind::Project {
                    live.ask_again(shard, socket);
                }
            }
        });
        job
    });
}

fn sockets_in(shard: &Shard<Live>, room: &Room) -> Vec<SocketKey> {
    shard.members(room.as_str()).collect()
}

impl Live {
    /// Asks for every channel and task that a socket hears whether its person still may: their members are the project's.
    fn ask_again(&mut self, shard: &mut Shard<Self>, socket: SocketKey) {
        let Some(actor) = shard.data(socket).map(|session| session.actor.clone()) else { return };
        let rooms = shard.rooms_of(socket).filter_map(Room::parse);
        let inside: Vec<Room> = rooms.filter(|room| matches!(room.kind(), Kind::Channel | Kind::Task)).collect();
        for room in inside {
            let back = self.back(shard);
            self.shared.writer.run(actor.clone(), EnterRoom { room: room.clone() }, move |answer| {
                if answer.is_err() {
                    back(Box::new(move |live, shard| live.leave(shard, socket, &room)));
                }
            });
        }
    }
}
