//! How long a write waits, because the writers of all nodes hold one lock, one after the other.
//!
//! A model and no measurement: the cost of a transaction is a parameter.

use std::collections::VecDeque;

/// The round trips of a transaction to PostgreSQL.
pub const ROUND_TRIPS: f64 = 11.0;
/// The time of a message in a transaction without the round trips, in microseconds.
pub const MESSAGE_MICROSECONDS: f64 = 35.5;
/// The most messages of a transaction.
const MAX_BATCH: usize = 256;
/// The virtual time, in seconds.
const SECONDS: f64 = 60.0;
/// The most messages that wait in a node; further ones are rejected.
const MAX_WAITING: usize = 65_536;

/// How long writes wait until they are committed.
pub struct Waits {
    /// Messages in a second.
    pub written: f64,
    /// Milliseconds.
    pub mean: f64,
    /// 99 % of the messages wait less, in milliseconds.
    pub most: f64,
}

struct Writer {
    /// When each message arrived, in microseconds.
    waiting: VecDeque<f64>,
    batch: Vec<f64>,
    next_arrival: f64,
}

/// Runs the writers of all nodes. `round_trip`: in microseconds.
pub fn simulate(nodes: usize, messages_per_second: f64, round_trip: u32) -> Waits {
    let interval = 1e6 * nodes as f64 / messages_per_second;
    let writer =
        |index: usize| Writer { waiting: VecDeque::new(), batch: Vec::new(), next_arrival: interval * index as f64 / nodes as f64 };
    let mut writers: Vec<Writer> = (0..nodes).map(writer).collect();
    let mut queue: VecDeque<usize> = VecDeque::new();
    let (mut now, mut waits) = (0.0, Vec::new());
    while now < SECONDS * 1e6 {
        for (index, writer) in writers.iter_mut().enumerate() {
            while writer.next_arrival <= now {
                if writer.waiting.len() < MAX_WAITING {
                    writer.waiting.push_back(writer.next_arrival);
                }
                writer.next_arrival += interval;
            }
            // A writer takes its batch before it asks for the lock.
            if writer.batch.is_empty() && !writer.waiting.is_empty() {
                let count = writer.waiting.len().min(MAX_BATCH);
                writer.batch.extend(writer.waiting.drain(..count));
                queue.push_back(index);
            }
        }
        let Some(index) = queue.pop_front() else {
            now = writers.iter().map(|writer| writer.next_arrival).fold(f64::MAX, f64::min);
            continue;
        };
        let batch = std::mem::take(&mut writers[index].batch);
        now += ROUND_TRIPS * f64::from(round_trip) + MESSAGE_MICROSECONDS * batch.len() as f64;
        waits.extend(batch.into_iter().map(|arrival| (now - arrival) / 1e3));
    }
    waits.sort_by(f64::total_cmp);
    let most = waits.get(waits.len() * 99 / 100).copied().unwrap_or(0.0);
    Waits { written: waits.len() as f64 / SECONDS, mean: waits.iter().sum::<f64>() / waits.len().max(1) as f64, most }
}
