//! One publisher, a bounded number of messages in flight: a message is in flight until every member has it.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::micros;
use crate::bench::latency::Latencies;
use crate::bench::load::{Script, Sends};
use crate::bench::sequence::{Account, Numbered, number_in};
use crate::bench::server::Server;
use crate::bench::stage::Stage;

/// When nothing comes for so long, what is in flight is given up as lost.
const SILENCE: Duration = Duration::from_millis(500);

/// What one slice has shown.
pub struct Volley {
    pub cpu_a_delivery: f64,
    pub latencies: Latencies,
    /// How many deliveries there should have been.
    pub deliveries: usize,
    pub lost: usize,
    pub reordered: usize,
    pub repeated: usize,
}

/// A server, its crowd, and the publisher.
pub struct Gunner {
    server: Server,
    stage: Stage,
    window: usize,
    publishes: usize,
    /// The number of the next message.
    next: usize,
}

impl Gunner {
    /// Publishes as much as in a slice, so that the first slice is like the others.
    pub fn warmed_up(server: Server, stage: Stage, window: usize, publishes: usize) -> Result<Self> {
        let mut gunner = Self { server, stage, window, publishes, next: 0 };
        gunner.fire()?;
        Ok(gunner)
    }

    pub fn fire(&mut self) -> Result<Volley> {
        let cpu = self.server.process.cpu()?;
        let Firing { account, latencies, .. } = shoot(&mut self.stage, self.window, self.next, self.publishes)?;
        let cpu = self.server.process.cpu()? - cpu;
        self.next += self.publishes;
        Ok(Volley {
            cpu_a_delivery: micros(cpu, account.delivered),
            latencies,
            deliveries: self.publishes * self.stage.members,
            lost: account.lost(self.publishes),
            reordered: account.reordered,
            repeated: account.repeated,
        })
    }
}

fn shoot(stage: &mut Stage, window: usize, first: usize, count: usize) -> Result<Firing<'_>> {
    let Stage { load, members, publisher, publish, .. } = stage;
    let mut firing = Firing {
        members: *members,
        publisher: *publisher,
        publish,
        first,
        count,
        window,
        sent: Vec::with_capacity(count),
        missing: Vec::with_capacity(count),
        in_flight: 0,
        account: Account::new(*members),
        latencies: Latencies::default(),
    };
    let mut start = Sends::default();
    firing.fill(&mut start);
    load.send_all(&mut start)?;
    let mut heard = (0, Instant::now());
    while firing.account.delivered < count * firing.members {
        load.turn(Duration::from_millis(50), &mut firing)?;
        if heard.0 != firing.account.delivered {
            heard = (firing.account.delivered, Instant::now());
        } else if heard.1.elapsed() > SILENCE {
            if firing.sent.len() == count {
                break;
            }
            firing.give_up();
            firing.fill(&mut start);
            load.send_all(&mut start)?;
            heard.1 = Instant::now();
        }
    }
    Ok(firing)
}

struct Firing<'a> {
    members: usize,
    publisher: usize,
    publish: &'a mut Numbered,
    /// The number of the first message; those below are an earlier volley's.
    first: usize,
    count: usize,
    window: usize,
    /// When each message was sent, and how many members do not have it yet.
    sent: Vec<Instant>,
    missing: Vec<usize>,
    in_flight: usize,
    account: Account,
    latencies: Latencies,
}

impl Firing<'_> {
    fn fill(&mut self, sends: &mut Sends) {
        while self.in_flight < self.window && self.sent.len() < self.count {
            sends.push(self.publisher, self.publish.with(self.first + self.sent.len()));
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

impl Script for Firing<'_> {
    fn message(&mut self, to: usize, text: &[u8], at: Instant, sends: &mut Sends) {
        let number = number_in(text).and_then(|number| number.checked_sub(self.first));
        let Some(number) = number.filter(|number| to < self.members && *number < self.sent.len()) else { return };
        if !self.account.enter(to, number) {
            return;
        }
        self.latencies.add(at.saturating_duration_since(self.sent[number]));
        if self.missing[number] == 0 {
            // It had been given up.
            return;
        }
        self.missing[number] -= 1;
        if self.missing[number] == 0 {
            self.in_flight -= 1;
            self.fill(sends);
        }
    }
}
