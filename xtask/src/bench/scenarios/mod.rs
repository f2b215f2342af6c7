//! What is measured. Each scenario starts fresh servers, and answers the figures of its rows.

mod ack;
mod burst;
mod connect;
mod fanout;
mod idle;
mod slow;
mod storm;
mod volley;

use anyhow::Result;
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
    /// Everybody connects at once and everybody is told of everybody.
    Storm,
}

/// How big the crowds are and how long it takes.
pub struct Scale {
    pub idle_connections: usize,
    pub fanout_publishes: usize,
    pub burst_deliveries: usize,
    /// Node needs as long for these as the others for theirs.
    pub burst_deliveries_node: usize,
    pub round_trips: usize,
    pub connects: usize,
    pub slow_seconds: usize,
}

impl Scale {
    pub fn full() -> Self {
        Self {
            idle_connections: 10_000,
            fanout_publishes: 400,
            burst_deliveries: 2_000_000,
            burst_deliveries_node: 500_000,
            round_trips: 100_000,
            connects: 5_000,
            slow_seconds: 6,
        }
    }

    pub fn quick() -> Self {
        Self {
            idle_connections: 2_000,
            fanout_publishes: 100,
            burst_deliveries: 200_000,
            burst_deliveries_node: 100_000,
            round_trips: 20_000,
            connects: 1_000,
            slow_seconds: 3,
        }
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
        }
    }

    /// Whether the server can do it at all.
    pub fn suits(self, peer: Peer) -> bool {
        self != Scenario::Storm || peer.is_the_product()
    }

    pub fn run(self, peer: Peer, workshop: &Workshop, scale: &Scale) -> Result<Vec<Figure>> {
        match self {
            Scenario::Idle => idle::run(peer, workshop, scale),
            Scenario::Fanout => fanout::run(peer, workshop, scale),
            Scenario::Burst => burst::run(peer, workshop, scale),
            Scenario::Ack => ack::run(peer, workshop, scale),
            Scenario::Connect => connect::run(peer, workshop, scale),
            Scenario::Slow => slow::run(peer, workshop, scale),
            Scenario::Storm => storm::run(peer, workshop, scale),
        }
    }
}

fn micros(duration: std::time::Duration, count: usize) -> f64 {
    duration.as_secs_f64() * 1e6 / count as f64
}
