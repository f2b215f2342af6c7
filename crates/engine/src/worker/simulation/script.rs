//! The steps of a simulated world. Each step has a meaning, or no effect, in any state, so a script stays a script without some of its
//! steps. A script that fails is reduced in this way.

use std::fmt::{self, Display};
use std::str::FromStr;

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

/// The transport of a client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum TransportKind {
    Raw,
    WebSocket,
    /// A WebSocket, with its CONNECT directly after the handshake.
    Eager,
    Polling,
}

/// One step.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Step {
    /// Time passes; in milliseconds.
    Wait(u64),
    /// All clients, shards and the writer do all their pending work, in no time.
    Rest,
    /// This shard has a turn.
    Turn(usize),
    /// The writer decides at most this many commands.
    Write(usize),
    /// The writer decides this many events of a room that no client has requested.
    Chatter(usize, usize),
    /// The archive responds to at most this many requests.
    Read(usize),
    /// A client that is not connected connects: with a new session, or with its earlier one.
    Connect(usize, TransportKind),
    Reconnect(usize, TransportKind),
    /// The network moves at most this many bytes (a request, a response) of a client: upwards, downwards.
    Flow(usize, usize, usize),
    Join(usize, usize),
    Leave(usize, usize),
    /// A client publishes an event: client, room, length of the padding.
    Publish(usize, usize, usize),
    Type(usize, usize),
    /// A client on long-polling begins an upgrade, or drops the WebSocket of one.
    Upgrade(usize),
    Abort(usize),
    /// A client closes as the protocol requires; its TCP connection ends; its TCP connection breaks.
    Close(usize),
    End(usize),
    Break(usize),
    /// A client sends and receives no bytes any more.
    Vanish(usize),
    /// A client sends noise.
    Noise(usize, u64),
}

/// The world in which a script is played, and its steps.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Script {
    pub shards: usize,
    pub outbox_limit: usize,
    pub send_buffer: usize,
    pub read_limit: usize,
    /// The number of broadcasts that are kept for replay.
    pub capacity: usize,
    /// The most bytes of broadcasts that stay in memory; older ones are read from the archive.
    pub memory: usize,
    /// The most bytes of missed broadcasts that are sent at once.
    pub slice: usize,
    pub steps: Vec<Step>,
}

pub const CLIENTS: usize = 6;
pub const ROOMS: usize = 3;

impl Script {
    /// Makes the script of a seed.
    pub fn from_seed(seed: u64) -> Self {
        let random = &mut StdRng::seed_from_u64(seed);
        let shards = random.random_range(1..=3);
        let outbox_limit = *[2_000, 20_000, 200_000].choose(random).unwrap();
        let send_buffer = *[200, 4_000, 60_000].choose(random).unwrap();
        let read_limit = *[0, 0, 50, 300].choose(random).unwrap();
        let capacity = *[1, 5, 30, 1_000, 1_000].choose(random).unwrap();
        let memory = *[0, 1_000, 20_000, usize::MAX].choose(random).unwrap();
        let slice = *[1, 200, 1_000, 64 << 10].choose(random).unwrap();
        let length = random.random_range(40..600);
        let patience = *[0.2, 1.0, 3.0].choose(random).unwrap();
        // In some worlds connections break all the time, and most clients reconnect.
        let restless = *[0.0, 0.05, 0.2].choose(random).unwrap();
        // In some worlds clients have many events to catch up with.
        let behind = *[0.0, 0.0, 0.5].choose(random).unwrap();
        let next = |random: &mut StdRng| match () {
            () if random.random_bool(restless) => restless_step(random),
            () if random.random_bool(behind) => catching_up_step(random, shards),
            () => step(random, shards, patience),
        };
        let steps = (0..length).map(|_| next(random)).collect();
        Self { shards, outbox_limit, send_buffer, read_limit, capacity, memory, slice, steps }
    }

    /// The same script without `count` steps from `at` on.
    fn without(&self, at: usize, count: usize) -> Self {
        let mut less = self.clone();
        less.steps.drain(at..(at + count).min(self.steps.len()));
        less
    }

    /// The smallest script that is found to fail still: steps are left out, many at once, then few.
    pub fn shrunk(mut self, fails: impl Fn(&Self) -> bool) -> Self {
        let mut count = self.steps.len().next_power_of_two();
        while count > 0 {
            let before = self.steps.len();
            let mut at = 0;
            while at < self.steps.len() {
                let less = self.without(at, count);
                if fails(&less) {
                    self = less;
                } else {
                    at += count;
                }
            }
            // A single step may become unnecessary only after a later one was left out.
            if count > 1 || self.steps.len() == before {
                count /= 2;
            }
        }
        self
    }
}

fn restless_step(random: &mut StdRng) -> Step {
    let client = random.random_range(0..CLIENTS);
    match random.random_range(0..8) {
        0 => Step::Vanish(client),
        1 | 2 => Step::Break(client),
        3..7 => Step::Reconnect(client, *[TransportKind::WebSocket, TransportKind::Eager, TransportKind::Polling].choose(random).unwrap()),
        _ => Step::Rest,
    }
}

fn catching_up_step(random: &mut StdRng, shards: usize) -> Step {
    let (client, room) = (random.random_range(0..2), random.random_range(0..ROOMS));
    match random.random_range(0..40) {
        0..2 => Step::Break(client),
        2..4 => Step::Chatter(room, *[3, 30].choose(random).unwrap()),
        4..9 => Step::Reconnect(client, *[TransportKind::WebSocket, TransportKind::Eager, TransportKind::Polling].choose(random).unwrap()),
        9..14 => Step::Flow(client, 100_000, *[0, 50, 300, 2_000].choose(random).unwrap()),
        14..17 => Step::Join(client, room),
        17..19 => Step::Leave(client, room),
        19..21 => Step::Type(client, room),
        21..28 => Step::Write(100),
        28..37 => Step::Turn(random.random_range(0..shards)),
        _ => Step::Read(1),
    }
}

fn step(random: &mut StdRng, shards: usize, patience: f64) -> Step {
    let (client, room) = (random.random_range(0..CLIENTS), random.random_range(0..ROOMS));
    let bytes = |random: &mut StdRng| *[0, 1, 20, 200, 100_000, 100_000].choose(random).unwrap();
    match random.random_range(0..1000) {
        0..250 => Step::Turn(random.random_range(0..shards)),
        250..480 => Step::Flow(client, bytes(random), bytes(random)),
        480..560 => Step::Write(*[1, 2, 100].choose(random).unwrap()),
        560..564 => Step::Chatter(room, *[3, 30, 300].choose(random).unwrap()),
        564..580 => Step::Read(*[1, 3].choose(random).unwrap()),
        580..680 => {
            let transports =
                [TransportKind::Raw, TransportKind::WebSocket, TransportKind::Eager, TransportKind::Polling, TransportKind::Polling];
            let transport = *transports.choose(random).unwrap();
            if random.random_range(0..4) == 0 { Step::Connect(client, transport) } else { Step::Reconnect(client, transport) }
        }
        680..740 => Step::Join(client, room),
        740..755 => Step::Leave(client, room),
        755..890 => Step::Publish(client, room, *[0, 0, 10, 10, 130, 130, 3_000].choose(random).unwrap()),
        890..920 => Step::Type(client, room),
        920..940 => Step::Upgrade(client),
        940..943 => Step::Abort(client),
        943..950 => Step::Close(client),
        950..955 => Step::End(client),
        955..962 => Step::Break(client),
        962..964 => Step::Vanish(client),
        964..967 => Step::Noise(client, random.random_range(0..1 << 30)),
        967..975 => Step::Rest,
        _ => Step::Wait((patience * random.random_range(1..300) as f64) as u64),
    }
}

impl Display for TransportKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Raw => "raw",
            Self::WebSocket => "websocket",
            Self::Eager => "eager",
            Self::Polling => "polling",
        })
    }
}

impl Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Wait(time) => write!(f, "wait {time}"),
            Self::Rest => f.write_str("rest"),
            Self::Turn(shard) => write!(f, "turn {shard}"),
            Self::Write(most) => write!(f, "write {most}"),
            Self::Chatter(room, count) => write!(f, "chatter {room} {count}"),
            Self::Read(most) => write!(f, "read {most}"),
            Self::Connect(client, transport) => write!(f, "connect {client} {transport}"),
            Self::Reconnect(client, transport) => write!(f, "reconnect {client} {transport}"),
            Self::Flow(client, up, down) => write!(f, "flow {client} {up} {down}"),
            Self::Join(client, room) => write!(f, "join {client} {room}"),
            Self::Leave(client, room) => write!(f, "leave {client} {room}"),
            Self::Publish(client, room, length) => write!(f, "publish {client} {room} {length}"),
            Self::Type(client, room) => write!(f, "type {client} {room}"),
            Self::Upgrade(client) => write!(f, "upgrade {client}"),
            Self::Abort(client) => write!(f, "abort {client}"),
            Self::Close(client) => write!(f, "close {client}"),
            Self::End(client) => write!(f, "end {client}"),
            Self::Break(client) => write!(f, "break {client}"),
            Self::Vanish(client) => write!(f, "vanish {client}"),
            Self::Noise(client, seed) => write!(f, "noise {client} {seed}"),
        }
    }
}

impl Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { shards, outbox_limit, send_buffer, read_limit, capacity, memory, slice, steps } = self;
        writeln!(f, "world {shards} {outbox_limit} {send_buffer} {read_limit} {capacity} {memory} {slice}")?;
        steps.iter().try_for_each(|step| writeln!(f, "{step}"))
    }
}

impl FromStr for TransportKind {
    type Err = String;

    fn from_str(word: &str) -> Result<Self, String> {
        let transports = [Self::Raw, Self::WebSocket, Self::Eager, Self::Polling];
        transports.into_iter().find(|transport| transport.to_string() == word).ok_or_else(|| format!("no transport {word}"))
    }
}

impl FromStr for Step {
    type Err = String;

    fn from_str(line: &str) -> Result<Self, String> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<usize>().ok()).ok_or_else(|| format!("{line}: word {at}"));
        Ok(match words[..] {
            ["wait", _] => Self::Wait(number(1)? as u64),
            ["rest"] => Self::Rest,
            ["turn", _] => Self::Turn(number(1)?),
            ["write", _] => Self::Write(number(1)?),
            ["chatter", ..] => Self::Chatter(number(1)?, number(2)?),
            ["read", _] => Self::Read(number(1)?),
            ["connect", _, transport] => Self::Connect(number(1)?, transport.parse()?),
            ["reconnect", _, transport] => Self::Reconnect(number(1)?, transport.parse()?),
            ["flow", ..] => Self::Flow(number(1)?, number(2)?, number(3)?),
            ["join", ..] => Self::Join(number(1)?, number(2)?),
            ["leave", ..] => Self::Leave(number(1)?, number(2)?),
            ["publish", ..] => Self::Publish(number(1)?, number(2)?, number(3)?),
            ["type", ..] => Self::Type(number(1)?, number(2)?),
            ["upgrade", _] => Self::Upgrade(number(1)?),
            ["abort", _] => Self::Abort(number(1)?),
            ["close", _] => Self::Close(number(1)?),
            ["end", _] => Self::End(number(1)?),
            ["break", _] => Self::Break(number(1)?),
            ["vanish", _] => Self::Vanish(number(1)?),
            ["noise", ..] => Self::Noise(number(1)?, number(2)? as u64),
            _ => return Err(format!("{line}: no step")),
        })
    }
}

impl FromStr for Script {
    type Err = String;

    /// Reads a script; lines that begin with `#` are comments.
    fn from_str(text: &str) -> Result<Self, String> {
        let mut lines = text.lines().filter(|line| !line.starts_with('#') && !line.trim().is_empty());
        let world: Vec<usize> = lines.next().unwrap_or_default().split(' ').filter_map(|word| word.parse().ok()).collect();
        let [shards, outbox_limit, send_buffer, read_limit, capacity, ref more @ ..] = world[..] else {
            return Err("the first line is no world".into());
        };
        // Older scripts keep all broadcasts in memory.
        let memory = more.first().copied().unwrap_or(usize::MAX);
        let slice = more.get(1).copied().unwrap_or(64 << 10);
        Ok(Self {
            shards,
            outbox_limit,
            send_buffer,
            read_limit,
            capacity,
            memory,
            slice,
            steps: lines.map(str::parse).collect::<Result<_, _>>()?,
        })
    }
}
