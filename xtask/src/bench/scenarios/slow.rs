//! Two hundred members, ten of them never read. Shows whether the others are slowed down, and whether the server's memory stays bounded.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::Scale;
use crate::bench::figure::Figure;
use crate::bench::latency::Latencies;
use crate::bench::load::{Script, Sends};
use crate::bench::peers::{Peer, Workshop};
use crate::bench::sequence::{Account, Numbered, number_in};
use crate::bench::server::Server;
use crate::bench::stage::{Setting, Stage, Words};

const MEMBERS: usize = 200;
const DEAF: usize = 10;
/// 500 a second.
const INTERVAL: Duration = Duration::from_millis(2);
const PAYLOAD: usize = 2048;
const SILENCE: Duration = Duration::from_secs(1);

pub fn run(peer: Peer, workshop: &Workshop, scale: &Scale) -> Result<Vec<Figure>> {
    let count = scale.slow_messages;
    let mut without = observe(peer, workshop, 0, count)?;
    let mut with = observe(peer, workshop, DEAF, count)?;
    Ok(vec![
        Figure::cost("p50 when all read, µs", without.latencies.percentile(0.5)),
        Figure::cost("p50 of the others, µs", with.latencies.percentile(0.5)),
        Figure::cost("p99 when all read, µs", without.latencies.percentile(0.99)),
        Figure::cost("p99 of the others, µs", with.latencies.percentile(0.99)),
        Figure::count("lost by the others", with.lost, count * (MEMBERS - DEAF)),
        Figure::plain("memory grown by the 10, MB", (with.grown as f64 - without.grown as f64).max(0.0) / 1_048_576.0),
        Figure::count("of the 10 closed", with.closed, DEAF),
    ])
}

struct Observation {
    latencies: Latencies,
    lost: usize,
    /// The peak of the server's memory against before the first message, in bytes.
    grown: u64,
    closed: usize,
}

fn observe(peer: Peer, workshop: &Workshop, deaf: usize, count: usize) -> Result<Observation> {
    let server = Server::start(peer, workshop, &[])?;
    let mut stage = Stage::set(&server, &Setting { members: MEMBERS, deaf, payload: PAYLOAD, words: Words::Workspace })?;
    let readers = stage.readers();
    let before = server.process.memory_at_a_glance()?;
    let Stage { load, publisher, publish, .. } = &mut stage;
    // The same members are looked at with and without the deaf.
    let judged = MEMBERS - DEAF;
    let mut beat = Beat {
        publisher: *publisher,
        publish,
        judged,
        count,
        start: Instant::now(),
        sent: 0,
        account: Account::new(judged),
        latencies: Latencies::default(),
    };
    load.tick_every(INTERVAL)?;
    let mut peak = before;
    let mut looked = Instant::now();
    let mut heard = (0, Instant::now());
    while beat.account.delivered < judged * count && heard.1.elapsed() < SILENCE {
        load.turn(Duration::from_millis(50), &mut beat)?;
        if heard.0 != beat.account.delivered {
            heard = (beat.account.delivered, Instant::now());
        }
        if looked.elapsed() > Duration::from_millis(100) {
            looked = Instant::now();
            peak = peak.max(server.process.memory_at_a_glance()?);
        }
    }
    peak = peak.max(server.process.memory_at_a_glance()?);
    let (latencies, lost) = (beat.latencies, beat.account.lost(count));
    let closed = (readers..MEMBERS).filter(|deaf| load.is_closed_behind(*deaf)).count();
    Ok(Observation { latencies, lost, grown: peak - before, closed })
}

/// Publishes at fixed times that do not depend on the server, and measures latency from the time at which a message was due.
struct Beat<'a> {
    publisher: usize,
    publish: &'a mut Numbered,
    judged: usize,
    count: usize,
    start: Instant,
    sent: usize,
    account: Account,
    latencies: Latencies,
}

impl Script for Beat<'_> {
    fn ticked(&mut self, times: u64, sends: &mut Sends) {
        for _ in 0..times {
            if self.sent < self.count {
                sends.push(self.publisher, self.publish.with(self.sent));
                self.sent += 1;
            }
        }
    }

    fn message(&mut self, to: usize, text: &[u8], at: Instant, _sends: &mut Sends) {
        let Some(number) = number_in(text).filter(|number| to < self.judged && *number < self.sent) else { return };
        if self.account.enter(to, number) {
            let due = self.start + INTERVAL * (number as u32 + 1);
            self.latencies.add(at.saturating_duration_since(due));
        }
    }
}
