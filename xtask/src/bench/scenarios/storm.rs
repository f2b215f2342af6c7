//! Thousands of users come online at once, and each receives the presence events of all others (`PRESENCE_AUDIENCE=everyone`), while two users
//! continue to chat. The whole product only.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::chat::{Chat, Exchange};
use super::{Scale, micros};
use crate::bench::figure::Figure;
use crate::bench::latency::Latencies;
use crate::bench::load::{Load, Script, Sends};
use crate::bench::peers::{Peer, Workshop};
use crate::bench::server::Server;
use crate::bench::stage::visitors;

const AT_ONCE: usize = 1_000;
/// The storm is over when nothing has come for so long.
const SILENCE: Duration = Duration::from_secs(1);
const PATIENCE: Duration = Duration::from_secs(60);

pub fn run(peer: Peer, workshop: &Workshop, scale: &Scale) -> Result<Vec<Figure>> {
    let count = scale.connects;
    let server = Server::start(peer, workshop, &[("PRESENCE_AUDIENCE", "everyone")])?;
    let mut chat = Chat::begin(&server, count)?;
    let calm = Instant::now();
    let calm = chat.go_on_while(|| calm.elapsed() < scale.calm)?;

    // The two have a thread of their own: they are not to wait for the generator, which has a storm of its own to see to.
    let over = AtomicBool::new(false);
    let (storm, stormy) = thread::scope(|scope| {
        let chatting = scope.spawn(|| chat.go_on_while(|| !over.load(Ordering::Relaxed)));
        let storm = weather(&server, count);
        over.store(true, Ordering::Relaxed);
        (storm, chatting.join())
    });
    let (storm, mut stormy) = (storm?, stormy.ok().context("the chat's thread panicked")??);
    stormy.retain(|exchange| exchange.due <= storm.last);

    let mut figures = vec![
        Figure::plain("CPU a connection, µs", micros(storm.cpu, count)),
        Figure::plain("messages a connection", storm.heard as f64 / count as f64),
        Figure::plain("all in after, s", storm.entered.as_secs_f64()),
        Figure::plain("calm again after, s", (storm.last - storm.start).as_secs_f64()),
        Figure::plain("memory a connection, KB", storm.grown as f64 / 1024.0 / count as f64),
    ];
    figures.extend(told("a chat's message before", &calm));
    figures.extend(told("a chat's message in the storm", &stormy));
    Ok(figures)
}

fn told(name: &str, exchanges: &[Exchange]) -> [Figure; 3] {
    let mut took: Latencies = exchanges.iter().filter_map(|exchange| exchange.took).collect();
    let lost = exchanges.iter().filter(|exchange| exchange.took.is_none()).count();
    [
        Figure::plain(format!("{name}, p50, µs"), took.percentile(0.5)),
        Figure::plain(format!("{name}, p99, µs"), took.percentile(0.99)),
        Figure::count(format!("{name}, lost"), lost, exchanges.len()),
    ]
}

/// What a storm was like.
struct Storm {
    start: Instant,
    /// The time until all users were connected.
    entered: Duration,
    /// When the last of them heard something.
    last: Instant,
    heard: usize,
    cpu: Duration,
    /// The server's memory, against before.
    grown: u64,
}

/// Connects all users, and waits until no more presence events arrive.
fn weather(server: &Server, count: usize) -> Result<Storm> {
    let mut load = Load::new(server.port)?;
    let (cpu, memory) = (server.process.cpu()?, server.process.memory()?);
    let start = Instant::now();
    let admission = load.admit(visitors(server.peer, 0, count), AT_ONCE)?;
    let entered = start.elapsed();
    let mut hearing = Hearing { heard: admission.heard, last: Instant::now() };
    while hearing.last.elapsed() < SILENCE && start.elapsed() < PATIENCE {
        load.turn(Duration::from_millis(50), &mut hearing)?;
    }
    let Hearing { heard, last } = hearing;
    let cpu = server.process.cpu()? - cpu;
    Ok(Storm { start, entered, last, heard, cpu, grown: server.process.memory()?.saturating_sub(memory) })
}

struct Hearing {
    heard: usize,
    last: Instant,
}

impl Script for Hearing {
    fn message(&mut self, _to: usize, _text: &[u8], at: Instant, _sends: &mut Sends) {
        self.heard += 1;
        self.last = at;
    }
}
