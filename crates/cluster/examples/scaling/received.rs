//! What a node does with the messages of all others.

use std::collections::HashSet;
use std::fs;
use std::hint::black_box;
use std::time::Instant;

use bytes::Bytes;
use cluster::EventStream;
use cluster::identity::NodeInfo;
use cluster::sequencer::SequencerConfig;
use cluster::wire::{EventFrame, Message, decode};

use super::Failure;
use super::node::core;

/// How often the messages are repeated, so that the CPU time is long enough to be measured.
const LEAST_MESSAGES: usize = 200_000;

/// A message and when it was published.
pub struct Published {
    pub at: Instant,
    pub message: Bytes,
}

/// The messages of one kind, for one second.
pub struct Kind {
    pub name: &'static str,
    pub messages_per_second: f64,
    pub bytes_per_second: f64,
    pub cpu_microseconds: f64,
}

/// All kinds of messages.
pub struct Received {
    pub kinds: Vec<Kind>,
}

impl Received {
    /// Counts the messages of some seconds, and measures the CPU time of a node that receives them.
    pub fn measure(infos: &[NodeInfo], log: &[Published], seconds: f64) -> Result<Self, Failure> {
        let mut kinds = Vec::new();
        for name in ["events", "ephemeral events", "usage", "presence changes", "digests", "heartbeats"] {
            let mut of_kind = Vec::new();
            for published in log {
                if kind(&decode(published.message.clone())?.message) == name {
                    of_kind.push(published);
                }
            }
            let bytes: usize = of_kind.iter().map(|published| published.message.len()).sum();
            let cpu_microseconds = match name {
                "events" => of_events(&of_kind)?,
                _ => of_others(infos, &of_kind)?,
            } / seconds;
            let messages_per_second = of_kind.len() as f64 / seconds;
            kinds.push(Kind { name, messages_per_second, bytes_per_second: bytes as f64 / seconds, cpu_microseconds });
        }
        Ok(Self { kinds })
    }

    /// Messages and bytes in a second.
    pub fn total_per_second(&self) -> (f64, f64) {
        (self.kinds.iter().map(|kind| kind.messages_per_second).sum(), self.kinds.iter().map(|kind| kind.bytes_per_second).sum())
    }

    /// CPU time of a node in a second.
    pub fn cpu_microseconds(&self) -> f64 {
        self.kinds.iter().map(|kind| kind.cpu_microseconds).sum()
    }
}

fn kind(message: &Message) -> &'static str {
    match message {
        Message::Events(_) => "events",
        Message::Ephemeral(_) => "ephemeral events",
        Message::Usage(_) => "usage",
        Message::PresenceChanges { .. } => "presence changes",
        Message::PresenceDigest(_) => "digests",
        Message::Heartbeat => "heartbeats",
        Message::PresenceRequest { .. } | Message::PresenceList { .. } => "lists",
    }
}

/// The CPU time of decoding events, putting them into order, and looking up their rooms, in microseconds.
fn of_events(messages: &[&Published]) -> Result<f64, Failure> {
    let rooms: HashSet<String> = (0..100_000).map(|number| format!("channel:{number}")).collect();
    let Some(first) = messages.first() else { return Ok(0.0) };
    let repeat = repetitions(messages);
    let mut spent = 0;
    for _ in 0..repeat {
        let rooms = rooms.clone();
        let sink = move |event: &EventFrame| {
            black_box(event.rooms().any(|room| rooms.contains(room)));
        };
        let start = match decode(first.message.clone())?.message {
            Message::Events(events) => events.first().map_or(1, EventFrame::first),
            _ => 1,
        };
        let stream = EventStream::new(SequencerConfig::default(), start, first.at, Box::new(sink));
        let copies = copies(messages);
        let began = thread_nanoseconds();
        for (at, message) in copies {
            if let Message::Events(events) = decode(message)?.message {
                stream.offer(events, at);
            }
        }
        spent += thread_nanoseconds() - began;
    }
    Ok(spent as f64 / repeat as f64 / 1e3)
}

/// The CPU time of all other messages, in microseconds. The changes of presence are decoded and not applied, because the
/// list before them is missing: the union is measured by itself.
fn of_others(infos: &[NodeInfo], messages: &[&Published]) -> Result<f64, Failure> {
    let Some(first) = messages.first() else { return Ok(0.0) };
    let repeat = repetitions(messages);
    let mut spent = 0;
    for _ in 0..repeat {
        let mut core = core(&infos[0], infos, first.at);
        let copies = copies(messages);
        let began = thread_nanoseconds();
        for (at, message) in copies {
            core.receive(decode(message)?, at);
            black_box(core.take_outputs());
        }
        spent += thread_nanoseconds() - began;
    }
    Ok(spent as f64 / repeat as f64 / 1e3)
}

fn repetitions(messages: &[&Published]) -> usize {
    (LEAST_MESSAGES / messages.len().max(1)).clamp(1, 50)
}

/// Each message in memory of its own, as it comes from the network.
fn copies(messages: &[&Published]) -> Vec<(Instant, Bytes)> {
    messages.iter().map(|published| (published.at, Bytes::copy_from_slice(&published.message))).collect()
}

/// The CPU time of this thread, in steps of a scheduler tick.
pub fn thread_nanoseconds() -> u64 {
    let text = fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|number| number.parse().ok()).unwrap_or(0)
}
