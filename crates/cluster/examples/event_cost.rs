//! Measures the CPU time of a node for an event of another node that concerns no connection on it: decoding its frame, putting it into order, and looking
//! up its rooms. `cargo run --release -p roomcast-cluster --example event_cost`

use std::collections::HashSet;
use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use cluster::EventStream;
use cluster::identity::{Incarnation, NodeId};
use cluster::sequencer::SequencerConfig;
use cluster::wire::{EventFrame, Message, decode, encode_events};

/// The events of one message, as of a busy writer.
const BATCH: u64 = 64;
/// How many events are measured.
const EVENTS: u64 = 4_000_000;
/// The rooms of this node's connections.
const JOINED: u64 = 100_000;

fn main() -> Result<(), String> {
    let node = NodeId::parse("node-1").ok_or("the id is not valid")?;
    let joined: HashSet<String> = (0..JOINED).map(|number| format!("chat_room:{number}")).collect();
    let delivered = Arc::new(AtomicU64::new(0));
    let (rooms, counter) = (joined, delivered.clone());
    let sink = move |event: &EventFrame| {
        if event.rooms().any(|room| rooms.contains(room)) {
            counter.fetch_add(1, Ordering::Relaxed);
        }
    };
    let stream = EventStream::new(SequencerConfig::default(), 1, Instant::now(), Box::new(sink));
    let body = Bytes::from(vec![b'x'; 300]);
    let message = |first: u64| {
        let event = |offset| EventFrame::new(offset, 1, [format!("chat_room:{}", JOINED + offset % 1000).as_str()], body.clone());
        encode_events(&node, Incarnation(1), &(first..first + BATCH).map(event).collect::<Vec<_>>())
    };
    // Each message is encoded just before it is decoded, because a message that has just arrived is in the processor's cache.
    let mut spent = Duration::ZERO;
    for batch in 0..EVENTS / BATCH {
        let message = black_box(message(1 + batch * BATCH));
        let began = Instant::now();
        let envelope = decode(message).map_err(|error| error.to_string())?;
        let Message::Events(events) = envelope.message else { return Err("the message has events".to_owned()) };
        stream.offer(events, Instant::now());
        spent += began.elapsed();
    }
    let nanoseconds = spent.as_nanos() / u128::from(EVENTS);
    println!("{EVENTS} events in messages of {BATCH}, {} delivered: {nanoseconds} ns each", delivered.load(Ordering::Relaxed));
    Ok(())
}
