//! Two hundred members, ten of them never read. Shows whether the others are slowed down, and whether the server's memory stays bounded.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::Scale;
use crate::bench::build_env::BuildEnv;
use crate::bench::fixture::{FixtureOptions, PublishBy, RoomFixture};
use crate::bench::latency::Latencies;
use crate::bench::load_generator::{Script, Sends};
use crate::bench::metric::Metric;
use crate::bench::sequence_numbers::{DeliveryTracker, NumberedMessage, number_in};
use crate::bench::server_process::ServerProcess;
use crate::bench::servers::ServerKind;

const MEMBERS: usize = 200;
const NON_READERS: usize = 10;
/// The time between two messages: 500 messages a second.
const INTERVAL: Duration = Duration::from_millis(2);
const PAYLOAD: usize = 2048;
/// A message is lost if it has not arrived when nothing has arrived for this time.
const SILENCE: Duration = Duration::from_secs(1);

pub fn run(kind: ServerKind, build_env: &BuildEnv, scale: &Scale) -> Result<Vec<Metric>> {
    let count = scale.slow_messages;
    let mut without = observe(kind, build_env, 0, count)?;
    let mut with = observe(kind, build_env, NON_READERS, count)?;
    Ok(vec![
        Metric::cost("p50 when all read, µs", without.latencies.percentile(0.5)),
        Metric::cost("p50 of the others, µs", with.latencies.percentile(0.5)),
        Metric::cost("p99 when all read, µs", without.latencies.percentile(0.99)),
        Metric::cost("p99 of the others, µs", with.latencies.percentile(0.99)),
        Metric::count("lost by the others", with.lost, count * (MEMBERS - NON_READERS)),
        Metric::plain("memory growth by the 10, MB", (with.memory_growth as f64 - without.memory_growth as f64).max(0.0) / 1_048_576.0),
        Metric::count("of the 10 closed", with.closed, NON_READERS),
    ])
}

struct Observation {
    latencies: Latencies,
    lost: usize,
    /// The peak of the server's memory minus its memory before the first message, in bytes.
    memory_growth: u64,
    closed: usize,
}

fn observe(kind: ServerKind, build_env: &BuildEnv, non_readers: usize, count: usize) -> Result<Observation> {
    let server = ServerProcess::start(kind, build_env, &[])?;
    let mut fixture = RoomFixture::connect(
        &server,
        &FixtureOptions { members: MEMBERS, non_readers, payload: PAYLOAD, publish_by: PublishBy::Workspace },
    )?;
    let readers = fixture.readers();
    let before = server.process.approximate_memory()?;
    let RoomFixture { load, publisher, publish, .. } = &mut fixture;
    // Latency is measured for the same members in both runs.
    let measured = MEMBERS - NON_READERS;
    let mut run = SteadyPublisher {
        publisher: *publisher,
        publish,
        measured,
        count,
        start: Instant::now(),
        sent: 0,
        deliveries: DeliveryTracker::new(measured),
        latencies: Latencies::default(),
    };
    load.tick_every(INTERVAL)?;
    let mut peak = before;
    let mut memory_read = Instant::now();
    let mut progress = (0, Instant::now());
    while run.deliveries.delivered < measured * count && progress.1.elapsed() < SILENCE {
        load.poll_once(Duration::from_millis(50), &mut run)?;
        if progress.0 != run.deliveries.delivered {
            progress = (run.deliveries.delivered, Instant::now());
        }
        if memory_read.elapsed() > Duration::from_millis(100) {
            memory_read = Instant::now();
            peak = peak.max(server.process.approximate_memory()?);
        }
    }
    peak = peak.max(server.process.approximate_memory()?);
    let (latencies, lost) = (run.latencies, run.deliveries.lost(count));
    let closed = (readers..MEMBERS).filter(|non_readers| load.is_closed_after_reading(*non_readers)).count();
    Ok(Observation { latencies, lost, memory_growth: peak - before, closed })
}

/// Publishes at fixed times that do not depend on the server, and measures latency from the time at which a message was due.
struct SteadyPublisher<'a> {
    publisher: usize,
    publish: &'a mut NumberedMessage,
    measured: usize,
    count: usize,
    start: Instant,
    sent: usize,
    deliveries: DeliveryTracker,
    latencies: Latencies,
}

impl Script for SteadyPublisher<'_> {
    fn ticked(&mut self, times: u64, sends: &mut Sends) {
        for _ in 0..times {
            if self.sent < self.count {
                sends.push(self.publisher, self.publish.with_number(self.sent));
                self.sent += 1;
            }
        }
    }

    fn message(&mut self, to: usize, text: &[u8], at: Instant, _sends: &mut Sends) {
        let Some(number) = number_in(text).filter(|number| to < self.measured && *number < self.sent) else { return };
        if self.deliveries.record(to, number) {
            let due = self.start + INTERVAL * (number as u32 + 1);
            self.latencies.add(at.saturating_duration_since(due));
        }
    }
}
