//! One publisher, a bounded number of messages in flight: a message is in flight until every member has it.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::micros;
use crate::bench::fixture::RoomFixture;
use crate::bench::latency::Latencies;
use crate::bench::load_generator::{Script, Sends};
use crate::bench::sequence_numbers::{DeliveryTracker, NumberedMessage, number_in};
use crate::bench::server_process::ServerProcess;

/// When nothing has arrived for this time, the messages in flight are lost.
const SILENCE: Duration = Duration::from_millis(500);

/// The result of one slice.
pub struct PipelineResult {
    pub cpu_a_delivery: f64,
    pub latencies: Latencies,
    /// How many deliveries there should have been.
    pub deliveries: usize,
    pub lost: usize,
    pub reordered: usize,
    pub repeated: usize,
}

/// A server, the members of a room, and the publisher.
pub struct Sender {
    server: ServerProcess,
    fixture: RoomFixture,
    window: usize,
    publishes: usize,
    /// The number of the next message.
    next: usize,
}

impl Sender {
    /// Sends one slice without measuring it, so that the first measured slice is like the others.
    pub fn warmed_up(server: ServerProcess, fixture: RoomFixture, window: usize, publishes: usize) -> Result<Self> {
        let mut sender = Self { server, fixture, window, publishes, next: 0 };
        sender.send_slice()?;
        Ok(sender)
    }

    pub fn send_slice(&mut self) -> Result<PipelineResult> {
        let cpu = self.server.process.cpu()?;
        let PipelineRun { deliveries, latencies, .. } = run_pipeline(&mut self.fixture, self.window, self.next, self.publishes)?;
        let cpu = self.server.process.cpu()? - cpu;
        self.next += self.publishes;
        Ok(PipelineResult {
            cpu_a_delivery: micros(cpu, deliveries.delivered),
            latencies,
            deliveries: self.publishes * self.fixture.members,
            lost: deliveries.lost(self.publishes),
            reordered: deliveries.reordered,
            repeated: deliveries.repeated,
        })
    }
}

fn run_pipeline(fixture: &mut RoomFixture, window: usize, first: usize, count: usize) -> Result<PipelineRun<'_>> {
    let RoomFixture { load, members, publisher, publish, .. } = fixture;
    let mut run = PipelineRun {
        members: *members,
        publisher: *publisher,
        publish,
        first,
        count,
        window,
        sent: Vec::with_capacity(count),
        missing: Vec::with_capacity(count),
        in_flight: 0,
        deliveries: DeliveryTracker::new(*members),
        latencies: Latencies::default(),
    };
    let mut start = Sends::default();
    run.fill(&mut start);
    load.send_all(&mut start)?;
    let mut progress = (0, Instant::now());
    while run.deliveries.delivered < count * run.members {
        load.poll_once(Duration::from_millis(50), &mut run)?;
        if progress.0 != run.deliveries.delivered {
            progress = (run.deliveries.delivered, Instant::now());
        } else if progress.1.elapsed() > SILENCE {
            if run.sent.len() == count {
                break;
            }
            run.give_up();
            run.fill(&mut start);
            load.send_all(&mut start)?;
            progress.1 = Instant::now();
        }
    }
    Ok(run)
}

struct PipelineRun<'a> {
    members: usize,
    publisher: usize,
    publish: &'a mut NumberedMessage,
    /// The number of the first message. Lower numbers belong to an earlier slice.
    first: usize,
    count: usize,
    window: usize,
    /// When each message was sent.
    sent: Vec<Instant>,
    /// How many members have not received each message.
    missing: Vec<usize>,
    in_flight: usize,
    deliveries: DeliveryTracker,
    latencies: Latencies,
}

impl PipelineRun<'_> {
    fn fill(&mut self, sends: &mut Sends) {
        while self.in_flight < self.window && self.sent.len() < self.count {
            sends.push(self.publisher, self.publish.with_number(self.first + self.sent.len()));
            self.sent.push(Instant::now());
            self.missing.push(self.members);
            self.in_flight += 1;
        }
    }

    fn give_up(&mut self) {
        self.missing.fill(0);
        self.in_flight = 0;
    }
}

impl Script for PipelineRun<'_> {
    fn message(&mut self, to: usize, text: &[u8], at: Instant, sends: &mut Sends) {
        let number = number_in(text).and_then(|number| number.checked_sub(self.first));
        let Some(number) = number.filter(|number| to < self.members && *number < self.sent.len()) else { return };
        if !self.deliveries.record(to, number) {
            return;
        }
        self.latencies.add(at.saturating_duration_since(self.sent[number]));
        if self.missing[number] == 0 {
            // The message was counted as lost before.
            return;
        }
        self.missing[number] -= 1;
        if self.missing[number] == 0 {
            self.in_flight -= 1;
            self.fill(sends);
        }
    }
}
