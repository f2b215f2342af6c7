//! What is measured. Each scenario starts fresh servers, and answers the figures of its rows.

mod ack;
mod burst;
mod chat;
mod connect;
mod durable;
mod fanout;
mod gap;
mod idle;
mod restart;
mod session;
mod sizes;
mod slow;
mod storm;
mod volley;

use std::time::Duration;

use anyhow::{Result, bail};
use clap::ValueEnum;

use super::figure::Figure;
use super::peers::{Peer, Workshop};

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub enum Scenario {
    /// Many authenticated connections, each in two rooms, that do nothing.
    Idle,
    /// One message at a time to a thousand.
    Fanout,
    /// Fifty messages in flight to a hundred.
    Burst,
    /// A hundred clients asking and being answered.
    Ack,
    /// Thousands connecting with a JWT.
    Connect,
    /// Ten of two hundred never read.
    Slow,
    /// All users connect at once, and each receives the presence events of all others.
    Storm,
    /// The server is killed, and a thousand come back at once.
    Restart,
    /// Ten users send messages that are on the disk before they are delivered.
    Durable,
    /// Spaces of ten members and of very many.
    Sizes,
    /// A client is away for a minute while much is said in its room.
    Gap,
}

/// The bytes of JSON in a message of [`Scenario::Fanout`] and [`Scenario::Burst`].
pub const PAYLOAD: usize = 100;

/// How big the crowds are and how long it takes.
pub struct Scale {
    /// The same, sent by servers without a contract.
    pub payload: usize,
    pub idle_connections: usize,
    pub connects: usize,
    pub slow_messages: usize,
    /// How long messages are sent and counted in [`Scenario::Durable`], and how long two people chat before [`Scenario::Storm`].
    pub durable: Duration,
    pub calm: Duration,
    /// So many slices are measured by turns in a round; what follows is the size of each.
    pub slices: usize,
    pub fanout_publishes: usize,
    pub burst_deliveries: usize,
    pub round_trips: usize,
    /// How long the client is away in [`Scenario::Gap`].
    pub away: Duration,
    /// How many members the spaces have in [`Scenario::Sizes`].
    pub members: [usize; 3],
}

impl Scale {
    pub fn full() -> Self {
        Self {
            payload: PAYLOAD,
            idle_connections: 10_000,
            connects: 5_000,
            slow_messages: 3_000,
            durable: Duration::from_secs(10),
            calm: Duration::from_secs(5),
            slices: 10,
            fanout_publishes: 50,
            burst_deliveries: 200_000,
            round_trips: 10_000,
            away: Duration::from_secs(60),
            members: [10, 1_000, 100_000],
        }
    }

    pub fn quick() -> Self {
        let (durable, calm) = (Duration::from_secs(3), Duration::from_secs(2));
        Self {
            idle_connections: 2_000,
            connects: 1_000,
            slow_messages: 1_000,
            durable,
            calm,
            slices: 3,
            away: Duration::from_secs(5),
            members: [10, 1_000, 10_000],
            ..Self::full()
        }
    }

    /// The bytes of JSON that are published to a server: the whole product wraps them into its envelope.
    fn payload_for(&self, peer: Peer) -> usize {
        if peer.is_the_product() { PAYLOAD } else { self.payload }
    }

    pub fn most_connections(&self) -> usize {
        self.idle_connections.max(self.connects)
    }
}

impl Scenario {
    pub fn name(self) -> &'static str {
        match self {
            Scenario::Idle => "idle",
            Scenario::Fanout => "fanout",
            Scenario::Burst => "burst",
            Scenario::Ack => "ack",
            Scenario::Connect => "connect",
            Scenario::Slow => "slow",
            Scenario::Storm => "storm",
            Scenario::Restart => "restart",
            Scenario::Durable => "durable",
            Scenario::Sizes => "sizes",
            Scenario::Gap => "gap",
        }
    }

    /// Whether the server can do it at all.
    pub fn suits(self, peer: Peer) -> bool {
        match self {
            Scenario::Storm | Scenario::Restart | Scenario::Sizes | Scenario::Gap => peer.is_the_product(),
            Scenario::Durable => peer.is_the_product() || peer == Peer::Express,
            Scenario::Idle | Scenario::Fanout | Scenario::Burst | Scenario::Ack | Scenario::Connect | Scenario::Slow => {
                peer != Peer::Express
            }
        }
    }

    /// Whether it is measured in slices by [`Scenario::open`], and not in one piece by [`Scenario::run`].
    pub fn is_sliced(self) -> bool {
        matches!(self, Scenario::Fanout | Scenario::Burst | Scenario::Ack)
    }

    pub fn run(self, peer: Peer, workshop: &Workshop, scale: &Scale) -> Result<Vec<Figure>> {
        match self {
            Scenario::Idle => idle::run(peer, workshop, scale),
            Scenario::Connect => connect::run(peer, workshop, scale),
            Scenario::Slow => slow::run(peer, workshop, scale),
            Scenario::Storm => storm::run(peer, workshop, scale),
            Scenario::Restart => restart::run(peer, workshop),
            Scenario::Durable => durable::run(peer, workshop, scale),
            Scenario::Sizes => sizes::run(peer, workshop, scale),
            Scenario::Gap => gap::run(peer, workshop, scale),
            Scenario::Fanout | Scenario::Burst | Scenario::Ack => self.open(peer, workshop, scale)?.slice(),
        }
    }

    /// Starts a server, lets the crowd in and warms up.
    pub fn open(self, peer: Peer, workshop: &Workshop, scale: &Scale) -> Result<Box<dyn Sliced>> {
        match self {
            Scenario::Fanout => fanout::open(peer, workshop, scale),
            Scenario::Burst => burst::open(peer, workshop, scale),
            Scenario::Ack => ack::open(peer, workshop, scale),
            Scenario::Idle
            | Scenario::Connect
            | Scenario::Slow
            | Scenario::Storm
            | Scenario::Restart
            | Scenario::Durable
            | Scenario::Sizes
            | Scenario::Gap => {
                bail!("{} is not measured in slices", self.name())
            }
        }
    }
}

/// A server under way in a scenario that can be measured a little at a time.
pub trait Sliced {
    fn slice(&mut self) -> Result<Vec<Figure>>;
}

fn micros(duration: Duration, count: usize) -> f64 {
    duration.as_secs_f64() * 1e6 / count as f64
}
