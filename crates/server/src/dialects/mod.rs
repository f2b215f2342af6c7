//! How each contract says what happens, and what it means by what its clients say. One file or folder a contract.
//!
//! A dialect knows names and shapes, nothing else: no connection, no store, no clock. To add a contract, write its file, and its line in
//! [`Dialects::new`].

pub mod answers;
pub mod household;
pub mod ids;
pub mod messenger;
pub mod schemas;
pub mod studio;
pub mod times;
pub mod tokens;
pub mod trip;
pub mod vocabulary;
pub mod workspace;

use std::sync::Arc;

use domain::calls::Call;
use domain::event::{Fact, Signal};
use domain::names::{Kind, PersonId, Room, Timestamp};
use domain::operation::Tx;
use domain::people::Person;
use domain::refusal::Refusal;
use engine::{Namespace, Saying};
use serde::Serialize;
use serde_json::Value;
use wire::socketio::Args;

use crate::auth::Unauthenticated;
use crate::config::Config;
use crate::limits::Spending;
pub use answers::{refused, resync, told, unknown, wrong_field};
use vocabulary::Vocabulary;

/// One contract's way of speaking.
pub trait Dialect: Send + Sync {
    /// Where it is spoken alone; `None` for the one that is spoken on the raw WebSocket. All that have a namespace are spoken on `/` too.
    fn namespace(&self) -> Option<&'static str>;

    /// Every word of it. What it says and understands, it says and understands by these.
    fn vocabulary(&self) -> Vocabulary;

    /// The kinds of spaces that are this contract's: what happens in others it does not tell.
    fn kinds(&self) -> &'static [Kind];

    /// What clients call the part of a request that names a room.
    fn room_field(&self) -> &'static str;

    /// The rooms of a person that a new connection is in without asking, besides the inbox.
    fn joins_by_itself(&self, room: &Room) -> bool {
        let _ = room;
        false
    }

    /// Whether the answer to a connection that enters a room names the users who have the room open: [`Outcome::EnteredAmong`] instead of
    /// [`Outcome::Entered`].
    fn names_who_is_present(&self) -> bool {
        false
    }

    /// What a newly accepted connection is told; `connection` is its id, which others may know.
    fn greeting(&self, person: &Person, connection: &str, now: Timestamp) -> Option<Saying> {
        let _ = (person, connection, now);
        None
    }

    /// Tells a fact, whole: in as many messages as the contract has for it, which go out in one write. None if it has no word for it.
    fn fact(&self, fact: &Fact) -> Vec<Saying>;

    /// Tells a signal, likewise.
    fn signal(&self, signal: &Signal, now: Timestamp) -> Option<Saying> {
        let _ = (signal, now);
        None
    }

    /// What a client asks for. `None` if this contract does not know the word.
    fn understand(&self, heard: &Heard<'_>) -> Option<Request>;

    /// What a request costs besides a command, by the request's name.
    fn spends(&self, request: &str) -> Option<Spending> {
        let _ = request;
        None
    }

    /// What is told to somebody who has shown a newer token: until when it is believed, or why it is not.
    fn refreshed(&self, shown: Result<Option<Timestamp>, Unauthenticated>, acked: bool, now: Timestamp) -> Reply {
        let _ = now;
        tokens::refreshed(shown, acked)
    }

    /// Tells somebody that the newest token that they have shown ends soon.
    fn expiring(&self, ends: Timestamp, now: Timestamp) -> Saying {
        tokens::expiring(ends, now)
    }

    /// What the asker alone is told.
    fn answer(&self, answer: &Answer<'_>) -> Reply;
}

/// What a client said.
#[derive(Clone, Debug)]
pub enum Heard<'a> {
    /// A Socket.IO event.
    Event {
        /// Its name.
        name: &'a str,
        /// Its arguments, raw JSON.
        args: &'a Args<'a>,
    },
    /// A message on the raw WebSocket.
    Text(&'a str),
}

/// What a client asks for, understood.
pub struct Request {
    /// What the client calls it; the answer may name it.
    pub name: &'static str,
    /// What is to be done, or why it cannot be meant.
    pub ask: Result<Ask, Refusal>,
}

/// What is to be done for a client.
pub enum Ask {
    /// To hear a room.
    Enter(Room),
    /// To hear a room, on this connection no other of its kind any longer, and to learn who of its members is online.
    Move(Room),
    /// To hear it no longer.
    Leave(Room),
    /// To be answered.
    Ping,
    /// Others are told that the asker is typing in a room. It needs membership, not having entered.
    Typing(Room),
    /// Others are told that the asker has stopped, if they were told of the typing.
    StopTyping(Room),
    /// To know of each of these people whether they are online.
    Statuses(Vec<PersonId>),
    /// To know who of a room's members is online, anywhere.
    OnlineIn(Room),
    /// The same, by which the asker may come to be in a call, on this connection.
    TakePart(TakePart),
    /// To be held to this token from now on.
    Refresh(String),
    /// A command, run in the writer's transaction; its value goes into the answer.
    Change(Change),
}

/// A command, with its answer in the contract's words.
pub type Change = Box<dyn FnOnce(&mut Tx<'_>) -> Result<Value, Refusal> + Send>;

/// A command that answers with a call, too.
pub type TakePart = Box<dyn FnOnce(&mut Tx<'_>) -> Result<(Call, Value), Refusal> + Send>;

/// What came of it.
#[derive(Clone, PartialEq, Debug)]
pub enum Outcome {
    /// The room is heard from now on (or was already).
    Entered(Room),
    /// The connection is in the room, and `count` users have it open, its own user included; `present` are at most
    /// [`MOST_PRESENT`](crate::presence::MOST_PRESENT) of them, those who opened it first.
    #[expect(missing_docs, reason = "the variant's sentence names them")]
    EnteredAmong { room: Room, present: Vec<Person>, count: usize },
    /// The room is heard from now on, and no other of its kind; these of its members are online, each with a connection's id.
    #[expect(missing_docs, reason = "the variant's sentence names them")]
    Moved { room: Room, online: Vec<(PersonId, String)> },
    /// The room is heard no longer (or was not).
    Left(Room),
    /// To a ping.
    Pong,
    /// It was told to others; there is nothing to say to the asker.
    Noted,
    /// Of each, whether they are online as far as the asker may know.
    Statuses(Vec<(PersonId, bool)>),
    /// Who is online.
    Online(Vec<PersonId>),
    /// The asker is held to the token until this moment (`None`: for ever), or it is not believed; see [`Dialect::refreshed`].
    Refreshed(Result<Option<Timestamp>, Unauthenticated>),
    /// What the command answered.
    Changed(Value),
}

/// Everything that an answer depends on.
pub struct Answer<'a> {
    /// The request's name.
    pub name: &'a str,
    /// What came of it.
    pub result: Result<&'a Outcome, &'a Refusal>,
    /// Whether the client waits for an acknowledgement.
    pub acked: bool,
    /// Who asked.
    pub person: &'a PersonId,
    /// The moment.
    pub now: Timestamp,
}

/// What the asker alone is told.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct Reply {
    /// The acknowledgement: raw JSON values joined by commas.
    pub ack: Option<String>,
    /// Messages.
    pub say: Vec<Saying>,
    /// The connection is closed behind them, with this code and reason.
    pub close: Option<(u16, &'static str)>,
}

/// All dialects, by where they are spoken.
#[derive(Clone)]
pub struct Dialects(Arc<Spoken>);

struct Spoken {
    /// In the engine's order of namespaces; the first is `/`.
    namespaces: Vec<(&'static str, Vec<Arc<dyn Dialect>>)>,
    raw: Vec<Arc<dyn Dialect>>,
}

impl Dialects {
    /// The contracts that are served.
    pub fn new(config: &Config) -> Self {
        let all: Vec<Arc<dyn Dialect>> = vec![
            Arc::new(household::Household),
            Arc::new(trip::Trip),
            Arc::new(studio::Studio),
            Arc::new(messenger::Messenger),
            Arc::new(workspace::Workspace::new(config.realtime.ws_close_on_forbidden)),
        ];
        let (named, raw): (Vec<_>, Vec<_>) = all.into_iter().partition(|dialect| dialect.namespace().is_some());
        let alone = named.iter().filter_map(|dialect| Some((dialect.namespace()?, vec![dialect.clone()])));
        let namespaces = [("/", named.clone())].into_iter().chain(alone).collect();
        Self(Arc::new(Spoken { namespaces, raw }))
    }

    /// The words of each contract.
    pub fn vocabularies(&self) -> Vec<Vocabulary> {
        let everywhere = self.0.namespaces.first().map(|(_, dialects)| dialects).into_iter().flatten();
        everywhere.chain(&self.0.raw).map(|dialect| dialect.vocabulary()).collect()
    }

    /// The names of the namespaces, `/` first.
    pub fn namespaces(&self) -> Vec<String> {
        self.0.namespaces.iter().map(|(name, _)| (*name).to_owned()).collect()
    }

    /// The dialects that are spoken in a namespace; [`Namespace::PLAIN`] is the raw WebSocket.
    pub fn spoken_in(&self, namespace: Namespace) -> &[Arc<dyn Dialect>] {
        match self.0.namespaces.get(namespace.0 as usize) {
            Some((_, dialects)) => dialects,
            None if namespace == Namespace::PLAIN => &self.0.raw,
            None => &[],
        }
    }

    /// Whether connections of a namespace are in a room of their person's without asking, besides the inbox.
    pub fn join_by_themselves(&self, namespace: Namespace, room: &Room) -> bool {
        self.spoken_in(namespace).iter().any(|dialect| dialect.joins_by_itself(room))
    }
}

/// A value as JSON text.
pub fn json(value: &impl Serialize) -> String {
    // Only a map with keys that are no text, or a writer that fails, could be an error; our objects have neither.
    serde_json::to_string(value).expect("an object of ours is JSON")
}
