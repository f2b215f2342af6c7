//! A load like that of a chat, the same on every node.

use std::time::{Duration, Instant};

use super::Failure;
use super::node::{SimulatedNode, infos};
use super::received::{Published, Received};

/// The connections of each node; each is a user of its own who has one room open.
pub const CONNECTIONS: usize = 100_000;
/// How long a user stays, in seconds.
const SESSION: f64 = 1800.0;
/// A user sends a message once in so many seconds, after one event of typing.
const MESSAGE_INTERVAL: f64 = 600.0;
/// How often a node commits what waits, in milliseconds. [`super::write_lock`] computes how often it can.
const COMMIT_INTERVAL: u64 = 50;
/// The time before messages are counted, in milliseconds: the first users of each node connect.
const WARM_UP: u64 = 2_000;
/// The time in which messages are counted, in milliseconds of virtual time: two digests of every node.
const MEASURED: u64 = 10_000;

/// The load as text.
pub fn describe() -> String {
    format!(
        "Each node has {CONNECTIONS} connections. A user stays for {SESSION} s, has one room open, and sends a message and an event of typing every \
         {MESSAGE_INTERVAL} s. A node commits every {COMMIT_INTERVAL} ms."
    )
}

/// Messages that all nodes commit in a second.
pub fn events_per_second(nodes: usize) -> f64 {
    (nodes * CONNECTIONS) as f64 / MESSAGE_INTERVAL
}

/// Changes of presence in a second: each session begins and ends, and opens and leaves a room.
pub fn changes_per_second(nodes: usize) -> f64 {
    (nodes * CONNECTIONS) as f64 / SESSION * 4.0
}

/// What goes through Redis in a second.
pub struct Traffic {
    pub nodes: usize,
    pub received: Received,
}

impl Traffic {
    /// Runs a cluster of so many nodes.
    pub fn of(nodes: usize) -> Result<Self, Failure> {
        let mut now = Instant::now();
        let infos = infos(nodes)?;
        let mut cluster: Vec<SimulatedNode> = (0..nodes).map(|index| SimulatedNode::new(&infos, index, now)).collect();
        let (mut log, mut next_offset) = (Vec::new(), 1);
        for millisecond in 0..WARM_UP + MEASURED {
            now += Duration::from_millis(1);
            if millisecond == WARM_UP {
                log.clear();
            }
            for node in &mut cluster {
                let published = node.step(millisecond, now, &mut next_offset);
                log.extend(published.into_iter().map(|message| Published { at: now, message }));
            }
        }
        let received = Received::measure(&infos, &log, MEASURED as f64 / 1e3)?;
        Ok(Self { nodes, received })
    }
}

/// Happens at a rate, without chance: the nodes begin at different times.
#[derive(Debug)]
pub struct Rate {
    per_millisecond: f64,
    due: f64,
}

impl Rate {
    /// The rate of a node for an interval of each of its users, in seconds.
    fn every(seconds: f64, phase: f64) -> Self {
        Self { per_millisecond: CONNECTIONS as f64 / seconds / 1e3, due: phase }
    }

    /// The rate at which users connect, and disconnect.
    pub fn of_sessions(phase: f64) -> Self {
        Self::every(SESSION, phase)
    }

    /// The rate at which users send messages.
    pub fn of_messages(phase: f64) -> Self {
        Self::every(MESSAGE_INTERVAL, phase)
    }

    /// How often it happens in the next millisecond.
    pub fn next(&mut self) -> usize {
        self.due += self.per_millisecond;
        let whole = self.due.floor();
        self.due -= whole;
        whole as usize
    }
}

/// Whether a node commits in this millisecond.
pub fn commits(millisecond: u64, index: usize) -> bool {
    (millisecond + index as u64).is_multiple_of(COMMIT_INTERVAL)
}
