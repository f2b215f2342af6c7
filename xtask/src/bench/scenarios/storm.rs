//! Thousands of people come online at once, and everybody is told of everybody (`PRESENCE_AUDIENCE=everyone`). The whole product only.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::{Scale, micros};
use crate::bench::figure::Figure;
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
    let mut load = Load::new(server.port)?;
    let (cpu, memory) = (server.process.cpu()?, server.process.memory()?);
    let start = Instant::now();
    let admission = load.admit(visitors(peer, 0, count), AT_ONCE)?;
    let mut storm = Storm { heard: admission.heard, last: Instant::now() };
    while storm.last.elapsed() < SILENCE && start.elapsed() < PATIENCE {
        load.turn(Duration::from_millis(50), &mut storm)?;
    }
    let cpu = server.process.cpu()? - cpu;
    Ok(vec![
        Figure::plain("CPU a connection, µs", micros(cpu, count)),
        Figure::plain("messages a connection", storm.heard as f64 / count as f64),
        Figure::plain("calm again after, s", (storm.last - start).as_secs_f64()),
        Figure::plain("memory a connection, KB", server.process.memory()?.saturating_sub(memory) as f64 / 1024.0 / count as f64),
    ])
}

struct Storm {
    heard: usize,
    last: Instant,
}

impl Script for Storm {
    fn message(&mut self, _to: usize, _text: &[u8], at: Instant, _sends: &mut Sends) {
        self.heard += 1;
        self.last = at;
    }
}
