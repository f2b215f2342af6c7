//! Measures what presence costs a node: memory for each user who is online on another node, and CPU time for each change, by the number of nodes.
//! `cargo run --release -p roomcast-cluster --example presence_cost`

use std::fs;
use std::time::{Duration, Instant};

use bytes::Bytes;
use cluster::identity::{Incarnation, NodeAddress, NodeId, NodeInfo};
use cluster::membership::{LeaseState, Listing};
use cluster::node::{CoreOutput, NodeCore};
use cluster::wire::{Envelope, Message, PresenceChange, PresenceKey, decode, encode};

/// The users who are online on each node.
const USERS: usize = 50_000;
/// How many users of each node change in one message, as in 100 ms of a busy node.
const CHANGED: usize = 200;
/// How many messages of changes each node sends.
const ROUNDS: usize = 200;

fn main() -> Result<(), String> {
    for nodes in [2, 5, 10, 20] {
        measure(nodes)?;
    }
    Ok(())
}

/// A node, as the others list it.
fn node(index: usize) -> Result<NodeInfo, String> {
    Ok(NodeInfo {
        id: NodeId::parse(&format!("node-{index}")).map_err(|error| error.to_string())?,
        incarnation: Incarnation(index as u64),
        address: NodeAddress::parse("http://localhost:3000").map_err(|error| error.to_string())?,
    })
}

fn measure(nodes: usize) -> Result<(), String> {
    let now = Instant::now();
    let all: Vec<NodeInfo> = (0..nodes).map(node).collect::<Result<_, _>>()?;
    let mut receiver = NodeCore::new(all[0].clone(), Duration::from_secs(2), now, Box::new(|| Incarnation(0)));
    let listing = Listing { lease: LeaseState::Missing, epoch: "1".to_owned(), nodes: all.clone() };
    receiver.renewed(listing, now, now);
    let memory = resident();
    for sender in &all[1..] {
        let mut core = NodeCore::new(sender.clone(), Duration::from_secs(2), now, Box::new(|| Incarnation(0)));
        for user in 0..USERS {
            core.set_presence(&key(sender, user), value(user), now);
        }
        let request = Message::PresenceRequest { of: sender.id.clone() };
        core.receive(Envelope { node: all[0].id.clone(), incarnation: all[0].incarnation, message: request }, now);
        core.step(now);
        for bytes in published(&mut core, sender) {
            receiver.receive(decode(bytes).map_err(|error| error.to_string())?, now);
        }
        receiver.take_outputs();
    }
    let known = receiver.presence().count("");
    if known != (nodes - 1) * USERS {
        return Err(format!("the node knows {known} users"));
    }
    let bytes = resident().saturating_sub(memory) / known;

    let mut messages = Vec::new();
    for round in 0..ROUNDS {
        for sender in &all[1..] {
            // Every message is numbered; the list had the number 1.
            let changes = (0..CHANGED).map(|user| (key(sender, user), PresenceChange::Set(value(user + round + 1)))).collect();
            let message = Message::PresenceChanges { counter: 2 + round as u64, changes };
            messages.push(encode(&Envelope { node: sender.id.clone(), incarnation: sender.incarnation, message }));
        }
    }
    let began = processor_time();
    for message in messages {
        receiver.receive(decode(message).map_err(|error| error.to_string())?, now);
        receiver.take_outputs();
    }
    let spent = processor_time().saturating_sub(began);
    if receiver.missed_changes() > 0 {
        return Err("changes were missed".to_owned());
    }
    let changes = ROUNDS * CHANGED * (nodes - 1);
    println!("{nodes} nodes: {bytes} bytes for each user on another node, {} ns for each change", spent.as_nanos() / changes as u128);
    Ok(())
}

fn key(node: &NodeInfo, user: usize) -> PresenceKey {
    PresenceKey::online(&format!("user-{user}-of-{}", node.id))
}

/// As long as a list with one connection.
fn value(number: usize) -> Bytes {
    Bytes::from(format!("{number:024}"))
}

/// The messages that a node publishes, encoded.
fn published(core: &mut NodeCore, own: &NodeInfo) -> Vec<Bytes> {
    let outputs = core.take_outputs().into_iter();
    let messages = outputs.filter_map(|output| match output {
        CoreOutput::Publish(message) => Some(message),
        _ => None,
    });
    messages.map(|message| encode(&Envelope { node: own.id.clone(), incarnation: own.incarnation, message })).collect()
}

/// The resident memory of this process in bytes.
fn resident() -> usize {
    let pages = fs::read_to_string("/proc/self/statm").ok().and_then(|text| text.split(' ').nth(1)?.parse::<usize>().ok());
    pages.unwrap_or(0) * 4096
}

/// The processor time of this process, in steps of 10 ms.
fn processor_time() -> Duration {
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the process, in parentheses, may contain spaces. Fields 14 and 15 are the time in user and kernel mode.
    let fields = stat.rsplit(')').next().unwrap_or_default().split_whitespace().skip(11).take(2);
    Duration::from_millis(10 * fields.filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>())
}
