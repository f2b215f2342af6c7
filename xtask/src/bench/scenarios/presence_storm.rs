//! Thousands of users come online at once, and each receives the presence events of all others (`PRESENCE_AUDIENCE=everyone`), while two users
//! continue to chat. Roomcast only.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use super::background_chat::{BackgroundChat, ChatMessage};
use super::{Scale, micros};
use crate::bench::build_env::BuildEnv;
use crate::bench::fixture::reader_clients;
use crate::bench::latency::Latencies;
use crate::bench::load_generator::{LoadGenerator, Script, Sends};
use crate::bench::metric::Metric;
use crate::bench::server_process::ServerProcess;
use crate::bench::servers::ServerKind;

/// How many clients connect at the same time.
const CONCURRENT_CONNECTS: usize = 1_000;
/// The storm is over when nothing has arrived for this time.
const SILENCE: Duration = Duration::from_secs(1);
const TIMEOUT: Duration = Duration::from_secs(60);

pub fn run(kind: ServerKind, build_env: &BuildEnv, scale: &Scale) -> Result<Vec<Metric>> {
    let count = scale.connects;
    let server = ServerProcess::start(kind, build_env, &[("PRESENCE_AUDIENCE", "everyone")])?;
    let mut chat = BackgroundChat::connect(&server, count)?;
    let chat_start = Instant::now();
    let before = chat.run_while(|| chat_start.elapsed() < scale.calm)?;

    // The chat has its own thread, so that it does not wait for the load generator of the storm.
    let over = AtomicBool::new(false);
    let (storm, during) = thread::scope(|scope| {
        let chatting = scope.spawn(|| chat.run_while(|| !over.load(Ordering::Relaxed)));
        let storm = run_storm(&server, count);
        over.store(true, Ordering::Relaxed);
        (storm, chatting.join())
    });
    let (storm, mut during) = (storm?, during.ok().context("the chat's thread panicked")??);
    during.retain(|message| message.due <= storm.last);

    let mut metrics = vec![
        Metric::plain("CPU per connection, µs", micros(storm.cpu, count)),
        Metric::plain("messages per connection", storm.events as f64 / count as f64),
        Metric::plain("all connected after, s", storm.connected.as_secs_f64()),
        Metric::plain("all events received after, s", (storm.last - storm.start).as_secs_f64()),
        Metric::plain("memory per connection, KB", storm.memory_growth as f64 / 1024.0 / count as f64),
    ];
    metrics.extend(chat_metrics("chat message before", &before));
    metrics.extend(chat_metrics("chat message in the storm", &during));
    Ok(metrics)
}

fn chat_metrics(name: &str, messages: &[ChatMessage]) -> [Metric; 3] {
    let mut took: Latencies = messages.iter().filter_map(|message| message.took).collect();
    let lost = messages.iter().filter(|message| message.took.is_none()).count();
    [
        Metric::plain(format!("{name}, p50, µs"), took.percentile(0.5)),
        Metric::plain(format!("{name}, p99, µs"), took.percentile(0.99)),
        Metric::count(format!("{name}, lost"), lost, messages.len()),
    ]
}

/// The result of a storm.
struct PresenceStorm {
    start: Instant,
    /// The time until all users were connected.
    connected: Duration,
    /// When the last presence event arrived.
    last: Instant,
    /// How many presence events arrived.
    events: usize,
    cpu: Duration,
    /// The growth of the server's memory in bytes.
    memory_growth: u64,
}

/// Connects all users, and waits until no more presence events arrive.
fn run_storm(server: &ServerProcess, count: usize) -> Result<PresenceStorm> {
    let mut load = LoadGenerator::new(server.port)?;
    let (cpu, memory) = (server.process.cpu()?, server.process.memory()?);
    let start = Instant::now();
    let outcome = load.connect_clients(reader_clients(server.kind, 0, count), CONCURRENT_CONNECTS)?;
    let connected = start.elapsed();
    let mut listener = PresenceListener { events: outcome.messages, last: Instant::now() };
    while listener.last.elapsed() < SILENCE && start.elapsed() < TIMEOUT {
        load.poll_once(Duration::from_millis(50), &mut listener)?;
    }
    let PresenceListener { events, last } = listener;
    let cpu = server.process.cpu()? - cpu;
    Ok(PresenceStorm { start, connected, last, events, cpu, memory_growth: server.process.memory()?.saturating_sub(memory) })
}

struct PresenceListener {
    events: usize,
    last: Instant,
}

impl Script for PresenceListener {
    fn message(&mut self, _to: usize, _text: &[u8], at: Instant, _sends: &mut Sends) {
        self.events += 1;
        self.last = at;
    }
}
