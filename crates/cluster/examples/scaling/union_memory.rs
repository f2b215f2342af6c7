//! What the union of all online users takes in a node, in a process of its own, so that no memory of an earlier measurement is reused.

use std::fs;
use std::process::Command;
use std::time::{Duration, Instant};

use cluster::identity::NodeInfo;
use cluster::node::{CoreOutput, NodeCore};
use cluster::wire::{Envelope, Message, PresenceChange, PresenceKey, decode, encode};

use super::Failure;
use super::node::{core, in_room, infos, online, user_id};
use super::received::thread_nanoseconds;

/// A sixteenth of 10,000,000 users on 100 nodes: the hash tables are as full as those of the whole.
const NODES: usize = 26;
const USERS: usize = 25_000;

/// The cost of an entry of another node.
pub struct UnionCost {
    pub online_bytes: usize,
    pub room_bytes: usize,
    /// The CPU time of the four changes of a user who comes and goes.
    pub cycle_nanoseconds: u64,
}

/// Measures in a process of its own. `room_users`: the users of each room.
pub fn in_own_process(room_users: usize) -> Result<UnionCost, Failure> {
    let arguments = ["union".to_owned(), NODES.to_string(), USERS.to_string(), room_users.to_string()];
    let output = Command::new(std::env::current_exe()?).args(arguments).output()?;
    if !output.status.success() {
        return Err(String::from_utf8_lossy(&output.stderr).into());
    }
    let text = String::from_utf8(output.stdout)?;
    let numbers: Vec<u64> = text.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [online, room, cycle_nanoseconds] = numbers[..] else { return Err(text.into()) };
    Ok(UnionCost { online_bytes: online as usize, room_bytes: room as usize, cycle_nanoseconds })
}

/// Prints bytes of an online entry, bytes of a room entry, and nanoseconds of a user who comes and goes.
pub fn measure(nodes: usize, users: usize, room_users: usize) -> Result<(), Failure> {
    let now = Instant::now();
    let infos = infos(nodes)?;
    let mut receiver = core(&infos[0], &infos, now);
    let of_others = (nodes - 1) * users;
    let empty = resident()?;
    for (index, info) in infos.iter().enumerate().skip(1) {
        list(&mut receiver, info, 1, (0..users).map(|number| online(&user_id(index, number), 1)), now)?;
    }
    let with_users = resident()?;
    let mut counters = vec![1; nodes];
    for (index, info) in infos.iter().enumerate().skip(1) {
        // The users of a room are on different nodes, as in a room whose users any balancer distributes.
        let entries = (0..users).map(|number| in_room((number * (nodes - 1) + index - 1) / room_users, &user_id(index, number)));
        for part in entries.collect::<Vec<_>>().chunks(1000) {
            counters[index] += 1;
            let changes = part.iter().map(|(key, value)| (key.clone(), PresenceChange::Set(value.clone()))).collect();
            receive(&mut receiver, info, Message::PresenceChanges { counter: counters[index], changes }, now)?;
        }
    }
    let with_rooms = resident()?;
    if receiver.presence().online_count() != of_others || receiver.missed_changes() > 0 {
        return Err("the node does not know all users".into());
    }
    let cycle = measure_cycles(&mut receiver, &infos, &mut counters, (users, room_users), now)?;
    println!("{} {} {cycle}", (with_users - empty) / of_others, (with_rooms - with_users) / of_others);
    Ok(())
}

/// Users connect and open a room, and disconnect later, ten at a time on each node. Returns the CPU time of one user.
fn measure_cycles(
    receiver: &mut NodeCore,
    infos: &[NodeInfo],
    counters: &mut [u64],
    (users, room_users): (usize, usize),
    mut now: Instant,
) -> Result<u64, Failure> {
    const AT_ONCE: usize = 10;
    let rounds = 200;
    let entries = |index: usize, round: usize| -> Vec<(PresenceKey, bytes::Bytes)> {
        let one = |number: usize| {
            let user = user_id(index, users + round * AT_ONCE + number);
            [online(&user, 2), in_room((users + number * infos.len() + round) / room_users, &user)]
        };
        (0..AT_ONCE).flat_map(one).collect()
    };
    let mut messages = Vec::new();
    for round in 0..rounds {
        for index in 1..infos.len() {
            let came = entries(index, round).into_iter().map(|(key, value)| (key, PresenceChange::Set(value)));
            let before = round.checked_sub(5).map(|earlier| entries(index, earlier)).unwrap_or_default();
            let changes = came.chain(before.into_iter().map(|(key, _)| (key, PresenceChange::Ended))).collect();
            counters[index] += 1;
            let message = Message::PresenceChanges { counter: counters[index], changes };
            messages.push(encode(&Envelope { node: infos[index].id.clone(), incarnation: infos[index].incarnation, message }));
        }
    }
    let began = thread_nanoseconds();
    for round in messages.chunks(infos.len() - 1) {
        now += Duration::from_millis(100);
        for message in round {
            receiver.receive(decode(message.clone())?, now);
        }
        receiver.step(now);
        receiver.take_outputs();
    }
    Ok((thread_nanoseconds() - began) / (rounds * AT_ONCE * (infos.len() - 1)) as u64)
}

/// Gives the receiver the list of a node, in one part.
fn list(
    receiver: &mut NodeCore,
    info: &NodeInfo,
    counter: u64,
    entries: impl Iterator<Item = (PresenceKey, bytes::Bytes)>,
    now: Instant,
) -> Result<(), Failure> {
    receive(receiver, info, Message::PresenceList { counter, part: 0, parts: 1, entries: entries.collect() }, now)
}

fn receive(receiver: &mut NodeCore, info: &NodeInfo, message: Message, now: Instant) -> Result<(), Failure> {
    let bytes = encode(&Envelope { node: info.id.clone(), incarnation: info.incarnation, message });
    receiver.receive(decode(bytes)?, now);
    let outputs = receiver.take_outputs();
    let asks = outputs.iter().any(|output| matches!(output, CoreOutput::RenewNow));
    if asks { Err("the sender is not known".into()) } else { Ok(()) }
}

/// The resident memory of this process in bytes.
fn resident() -> Result<usize, Failure> {
    let text = fs::read_to_string("/proc/self/statm")?;
    let pages: usize = text.split(' ').nth(1).ok_or("statm has no resident pages")?.parse()?;
    Ok(pages * 4096)
}
