//! The people's live connections: the program that runs on the engine, one copy a shard.
//!
//! - `gate`: who may begin, and what is kept of a handshake.
//! - `session`: what is kept with a socket.
//! - `entrance`: from a request to be connected to a greeted socket.
//! - `requests`: what clients ask, in their order. `rooms`: how many rooms a connection may be in.
//! - `tenure`: until when those who are held to their tokens may stay. `tokens`: newer tokens, and what becomes of who has none.
//! - `recovery`: coming back, and what was missed meanwhile. `moved`: where those are who came back. `leaving`: whose end is still to be
//!   written down. `losses`: what had not arrived for certain when they left. `since`: what those have heard that keep count by themselves.
//! - `calls`: who sits in a call, and what the server ends by itself.
//! - `departures`: leaving, and what is told when the grace is over. `absent`: who was here before the start.
//! - `fanout`: what happened, on its way to whoever may hear it. `said`: its words. `published`: from the writer to the bus.
//! - `announcements`: broadcasts of who came online and went offline. `missed`: the events that a client has missed.
//! - `waiting`: the bytes that wait in connections, counted with all others in hand.
//! - `tally`: what happens on a shard, counted. `census`: who is connected, and the counts, gathered from all shards when somebody asks.
//!
//! What needs no engine is a method of [`Shared`] or of [`Fanout`]; the methods of [`Live`] do with a shard what those say.

mod absent;
mod announcements;
mod calls;
mod census;
mod departures;
mod entrance;
mod fanout;
mod gate;
mod leaving;
mod losses;
mod missed;
mod moved;
mod published;
mod recovery;
mod requests;
mod rooms;
mod said;
mod session;
mod since;
mod tally;
mod tenure;
mod tokens;
mod waiting;

use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::names::Timestamp;
use domain::seam::Bus;
use engine::{App, Connect, ConnectionRef, Event, Handle, Reason, Refusal, Shard, SocketKey};

use crate::auth::Authenticator;
use crate::bytes_in_hand::BytesInHand;
use crate::config::Cap;
use crate::dialects::{Dialects, Heard};
use crate::limits::Limits;
use crate::presence::{Attendance, People, Seats, Typing};
pub use absent::{Before, RETURN, give_up_absent};
use calls::Chores;
pub use census::{Census, Crowd, Here};
use departures::Departures;
pub use entrance::{Entrant, TurnedAway};
pub use fanout::{Effect, Fanout, Who};
pub use gate::{Gate, Handshake};
pub use leaving::Leaving;
pub use losses::Losses;
pub use missed::NoPage;
pub use moved::Moved;
pub use published::Published;
pub use recovery::{Coming, offered};
pub use said::Said;
pub use session::Session;
pub use tally::{Counts, Tally};
use tenure::Tenures;
pub use tokens::Renewal;

/// What all shards share. Nothing here is locked for longer than a look-up takes.
pub struct Shared {
    /// The contracts.
    pub dialects: Dialects,
    /// Whose tokens are believed.
    pub authenticator: Arc<Authenticator>,
    /// Where changes are decided.
    pub writer: store::Writer,
    /// Where queries are answered.
    pub readers: store::Readers,
    /// Who is online.
    pub people: Arc<People>,
    /// Who has which room open.
    pub attendance: Arc<Attendance>,
    /// Who is typing where.
    pub typing: Typing,
    /// Who is in which call, on which connection.
    pub seats: Seats,
    /// Budgets.
    pub limits: Arc<Limits>,
    /// Most Socket.IO connections of a person; `None`: no cap.
    pub most_socketio: Option<u32>,
    /// Most raw WebSockets of a person, likewise.
    pub most_raw: Option<u32>,
    /// Most rooms of a connection, besides its person's own.
    pub most_rooms: Cap,
    /// Whether a connection ends with its token, also if no newer one is ever shown.
    pub ends_with_token: bool,
    /// Where the sockets are that came back.
    pub moved: Moved,
    /// What the sockets have heard whose end is not written down yet.
    pub leaving: Leaving,
    /// What those owe who are away.
    pub losses: Arc<Losses>,
    /// For how long it is remembered what somebody who is gone has heard.
    pub window: Duration,
    /// How long somebody who is gone still counts as here.
    pub grace: Duration,
    /// What was before the start.
    pub before: Before,
    /// Whether anybody is told who is online.
    pub tells_presence: bool,
    /// Whether everybody may ask who is online; else people who share a space.
    pub shows_presence: bool,
    /// What time it is.
    pub clock: fn() -> Timestamp,
    /// Where signals go.
    pub bus: Arc<dyn Bus>,
    /// Where what the bus brings is told.
    pub fanout: Arc<Fanout>,
    /// Counts the bytes that wait in connections.
    pub in_hand: Arc<BytesInHand>,
}

/// Something to be done on a shard by another thread's wish.
pub type Job = Box<dyn FnOnce(&mut Live, &mut Shard<Live>) + Send>;

/// The program on one shard.
pub struct Live {
    shared: Arc<Shared>,
    handle: Handle<Live>,
    departures: Departures,
    /// Who was here before the start, and may come back.
    expected: Departures,
    chores: Chores,
    /// When the gathered changes of presence are to be told.
    presence_due: Option<Instant>,
    /// When the signals gathered in crowded rooms are due.
    crowds_due: Option<Instant>,
    /// Those who are held to their tokens.
    tenures: Tenures<SocketKey>,
    tally: Tally,
}

impl Live {
    /// The program for one shard.
    pub fn new(shared: Arc<Shared>, handle: Handle<Live>) -> Self {
        let (departures, expected) = (Departures::new(shared.grace), Departures::new(shared.grace.max(RETURN)));
        Self {
            shared,
            handle,
            departures,
            expected,
            chores: Chores::default(),
            presence_due: None,
            crowds_due: None,
            tenures: Tenures::default(),
            tally: Tally::default(),
        }
    }

    /// A way for another thread to have a job done on the shard that this runs on.
    fn back(&self, shard: &Shard<Self>) -> impl Fn(Job) + Send + use<> {
        let (handle, index) = (self.handle.clone(), shard.index());
        move |job| handle.tell(index, job)
    }
}

impl App for Live {
    type Handshake = Handshake;
    type Data = Session;
    type Message = Job;

    fn connect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, request: Connect<'_>) {
        self.ask_in(shard, socket, request);
    }

    fn connect_unknown(&mut self, handshake: &mut Handshake) -> Result<(), Refusal> {
        self.pass_by(handshake)
    }

    fn event(&mut self, shard: &mut Shard<Self>, socket: SocketKey, event: Event<'_>) {
        self.hear(shard, socket, &Heard::Event { name: event.name, args: &event.args }, event.ack);
    }

    fn text(&mut self, shard: &mut Shard<Self>, socket: SocketKey, text: &str) {
        self.hear(shard, socket, &Heard::Text(text), None);
    }

    fn binary(&mut self, shard: &mut Shard<Self>, socket: SocketKey, bytes: &[u8]) {
        // The raw contract is JSON text. Some clients send it as bytes; what is not even that is answered as a bad envelope.
        self.hear(shard, socket, &Heard::Text(std::str::from_utf8(bytes).unwrap_or_default()), None);
    }

    fn disconnect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, reason: Reason) {
        self.depart(shard, socket, reason);
    }

    fn is_busy(&self, shard: &Shard<Self>, socket: SocketKey) -> bool {
        shard.data(socket).is_some_and(|session| session.in_flight > 0)
    }

    fn waits(&mut self, shard: &mut Shard<Self>, connection: ConnectionRef, bytes: usize) -> bool {
        self.count_waiting(shard, connection, bytes)
    }

    fn message(&mut self, shard: &mut Shard<Self>, job: Job) {
        job(self, shard);
    }

    fn wake(&mut self, shard: &mut Shard<Self>) {
        self.expire(shard);
    }
}
