//! A hundred clients that each ask, wait for the answer, and ask again.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};

use super::{Scale, Sliced, micros};
use crate::bench::figure::Figure;
use crate::bench::latency::Latencies;
use crate::bench::load::{Load, Script, Sends, client_text};
use crate::bench::peers::{Peer, Workshop};
use crate::bench::sequence::payload;
use crate::bench::server::Server;
use crate::bench::stage::{AT_ONCE, visitors};

const CLIENTS: usize = 100;
const PATIENCE: Duration = Duration::from_secs(5);

struct Ack {
    server: Server,
    load: Load,
    question: Vec<u8>,
    round_trips: usize,
}

pub fn open(peer: Peer, workshop: &Workshop, scale: &Scale) -> Result<Box<dyn Sliced>> {
    let server = Server::start(peer, workshop, &[])?;
    let mut load = Load::new(server.port)?;
    load.admit(visitors(peer, 0, CLIENTS), AT_ONCE)?;
    // The product is asked for what it answers without a change: to join the household that they are in.
    let question = match peer.is_the_product() {
        true => r#"420["join:household",{"householdId":"hall-0"}]"#.into(),
        false => format!(r#"420["echo",{}]"#, payload(50)),
    };
    let mut ack = Ack { server, load, question: client_text(&question), round_trips: scale.round_trips };
    ack.slice()?;
    Ok(Box::new(ack))
}

impl Sliced for Ack {
    fn slice(&mut self) -> Result<Vec<Figure>> {
        let cpu = self.server.process.cpu()?;
        let mut latencies = converse(&mut self.load, &self.question, self.round_trips)?;
        let cpu = self.server.process.cpu()? - cpu;
        Ok(vec![
            Figure::cost("CPU a round trip, µs", micros(cpu, self.round_trips)),
            Figure::cost("p50, µs", latencies.percentile(0.5)),
            Figure::cost("p99, µs", latencies.percentile(0.99)),
        ])
    }
}

/// Lets every client ask once, and again at each answer, until `round_trips` have been begun and all are answered.
fn converse(load: &mut Load, question: &[u8], round_trips: usize) -> Result<Latencies> {
    let mut conversation =
        Conversation { question, asked: [Instant::now(); CLIENTS], begun: 0, answered: 0, round_trips, latencies: Latencies::default() };
    let mut sends = Sends::default();
    (0..CLIENTS).for_each(|client| conversation.ask(client, &mut sends));
    load.send_all(&mut sends)?;
    let mut heard = (0, Instant::now());
    while conversation.answered < round_trips {
        load.turn(Duration::from_millis(100), &mut conversation)?;
        if heard.0 != conversation.answered {
            heard = (conversation.answered, Instant::now());
        }
        ensure!(heard.1.elapsed() < PATIENCE, "{} of {} questions are never answered", conversation.begun - heard.0, conversation.begun);
    }
    Ok(conversation.latencies)
}

struct Conversation<'a> {
    question: &'a [u8],
    asked: [Instant; CLIENTS],
    begun: usize,
    answered: usize,
    round_trips: usize,
    latencies: Latencies,
}

impl Conversation<'_> {
    fn ask(&mut self, client: usize, sends: &mut Sends) {
        if self.begun < self.round_trips {
            self.begun += 1;
            self.asked[client] = Instant::now();
            sends.push(client, self.question);
        }
    }
}

impl Script for Conversation<'_> {
    fn message(&mut self, to: usize, text: &[u8], at: Instant, sends: &mut Sends) {
        if text.starts_with(b"430[") {
            self.answered += 1;
            self.latencies.add(at.saturating_duration_since(self.asked[to]));
            self.ask(to, sends);
        }
    }
}
