//! What is measured. Each scenario starts new server processes, and returns the metrics of its rows.

mod ack;
mod background_chat;
mod burst;
mod client_session;
mod connect;
mod durable;
mod fanout;
mod gap;
mod idle;
mod pipelined;
mod presence_storm;
mod remote_database;
mod restart;
mod slow_readers;
mod space_sizes;
mod two_nodes;

use std::time::Duration;

use anyhow::{Result, bail};
use clap::ValueEnum;

use super::build_env::BuildEnv;
use super::metric::Metric;
use super::servers::ServerKind;

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, ValueEnum)]
pub enum Scenario {
    /// Many authenticated connections, each in two rooms, that do nothing.
    Idle,
    /// One message at a time to a thousand clients.
    Fanout,
    /// Fifty messages in flight to a hundred clients.
    Burst,
    /// A hundred clients that send requests and wait for the responses.
    Ack,
    /// Thousands of clients that connect with a JWT.
    Connect,
    /// Two hundred clients, ten of them never read.
    SlowReaders,
    /// All users connect at the same time, and each receives the presence events of all others.
    PresenceStorm,
    /// The server is killed, and a thousand clients reconnect at the same time.
    Restart,
    /// Ten users send messages, and the server writes each to the disk before it delivers it.
    Durable,
    /// The same users, with a database that is a network away.
    RemoteDatabase,
    /// Two nodes of one server: what one client sends on the first, others receive on the second.
    TwoNodes,
    /// Spaces of ten members and of a hundred thousand.
    SpaceSizes,
    /// A client is disconnected for a minute while others send messages to its room.
    Gap,
}

/// The bytes of JSON in a message of [`Scenario::Fanout`] and [`Scenario::Burst`].
pub const PAYLOAD: usize = 100;

/// How many clients there are, and how long each scenario takes.
pub struct Scale {
    /// The bytes of JSON in a message of the servers without a contract.
    pub payload: usize,
    pub idle_connections: usize,
    pub connects: usize,
    pub slow_messages: usize,
    /// How long messages are sent and counted in [`Scenario::Durable`] and [`Scenario::RemoteDatabase`].
    pub durable: Duration,
    /// How long two users chat before [`Scenario::PresenceStorm`].
    pub calm: Duration,
    /// How many slices a round has, in the scenarios that are measured in slices. The next three fields are the size of a slice.
    pub slices: usize,
    pub fanout_publishes: usize,
    pub burst_deliveries: usize,
    pub round_trips: usize,
    /// How long the client is disconnected in [`Scenario::Gap`].
    pub away: Duration,
    /// How many members the spaces have in [`Scenario::SpaceSizes`].
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

    /// The bytes of JSON that are published to a server. Roomcast adds its envelope to them.
    fn payload_for(&self, kind: ServerKind) -> usize {
        if kind.is_roomcast() { PAYLOAD } else { self.payload }
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
            Scenario::SlowReaders => "slow-readers",
            Scenario::PresenceStorm => "presence-storm",
            Scenario::Restart => "restart",
            Scenario::Durable => "durable",
            Scenario::RemoteDatabase => "remote-database",
            Scenario::TwoNodes => "two-nodes",
            Scenario::SpaceSizes => "space-sizes",
            Scenario::Gap => "gap",
        }
    }

    /// Whether the server has what the scenario measures.
    pub fn supports(self, kind: ServerKind) -> bool {
        match self {
            Scenario::RemoteDatabase => matches!(kind, ServerKind::RoomcastPostgres | ServerKind::Express),
            Scenario::Durable => kind.is_roomcast() || kind == ServerKind::Express,
            Scenario::TwoNodes => matches!(kind, ServerKind::RoomcastPostgres | ServerKind::SocketIo),
            // What differs between the databases is measured by the scenarios above.
            _ if kind == ServerKind::RoomcastPostgres => false,
            Scenario::PresenceStorm | Scenario::Restart | Scenario::SpaceSizes | Scenario::Gap => kind.is_roomcast(),
            Scenario::Idle | Scenario::Fanout | Scenario::Burst | Scenario::Ack | Scenario::Connect | Scenario::SlowReaders => {
                kind != ServerKind::Express
            }
        }
    }

    /// Whether it is measured in slices ([`Scenario::open`]), and not as a whole ([`Scenario::run`]).
    pub fn is_sliced(self) -> bool {
        matches!(self, Scenario::Fanout | Scenario::Burst | Scenario::Ack)
    }

    pub fn run(self, kind: ServerKind, build_env: &BuildEnv, scale: &Scale) -> Result<Vec<Metric>> {
        match self {
            Scenario::Idle => idle::run(kind, build_env, scale),
            Scenario::Connect => connect::run(kind, build_env, scale),
            Scenario::SlowReaders => slow_readers::run(kind, build_env, scale),
            Scenario::PresenceStorm => presence_storm::run(kind, build_env, scale),
            Scenario::Restart => restart::run(kind, build_env),
            Scenario::Durable => durable::run(kind, build_env, scale),
            Scenario::RemoteDatabase => remote_database::run(kind, build_env, scale),
            Scenario::TwoNodes => two_nodes::run(kind, build_env, scale),
            Scenario::SpaceSizes => space_sizes::run(kind, build_env, scale),
            Scenario::Gap => gap::run(kind, build_env, scale),
            Scenario::Fanout | Scenario::Burst | Scenario::Ack => self.open(kind, build_env, scale)?.slice(),
        }
    }

    /// Starts a server, connects the clients, and warms up.
    pub fn open(self, kind: ServerKind, build_env: &BuildEnv, scale: &Scale) -> Result<Box<dyn Sliced>> {
        match self {
            Scenario::Fanout => fanout::open(kind, build_env, scale),
            Scenario::Burst => burst::open(kind, build_env, scale),
            Scenario::Ack => ack::open(kind, build_env, scale),
            Scenario::Idle
            | Scenario::Connect
            | Scenario::SlowReaders
            | Scenario::PresenceStorm
            | Scenario::Restart
            | Scenario::Durable
            | Scenario::RemoteDatabase
            | Scenario::TwoNodes
            | Scenario::SpaceSizes
            | Scenario::Gap => {
                bail!("{} is not measured in slices", self.name())
            }
        }
    }
}

/// A running server in a scenario that is measured in slices.
pub trait Sliced {
    fn slice(&mut self) -> Result<Vec<Metric>>;
}

fn micros(duration: Duration, count: usize) -> f64 {
    duration.as_secs_f64() * 1e6 / count as f64
}
