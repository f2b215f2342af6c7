//! The order in which everything is measured.
//!
//! The machine is never quite quiet, so what is compared is measured close together: in slices of a part of a second, the servers by turns,
//! where a scenario allows it; otherwise one after another within a round.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::measure::Process;
use super::peers::{Peer, Workshop};
use super::scenarios::{Scale, Scenario, Sliced};
use super::table::Table;

pub struct Rounds<'a> {
    pub workshop: &'a Workshop,
    pub scale: Scale,
    pub peers: Vec<Peer>,
    pub rounds: usize,
}

impl Rounds<'_> {
    pub fn measure(&self, scenarios: &[Scenario]) -> Result<Table> {
        let mut table = Table::default();
        for round in 0..self.rounds {
            for scenario in scenarios {
                let watch = Watch::start()?;
                // Each round begins with another peer, so that no peer is always the first after a pause.
                let order = self.peers.iter().copied().cycle().skip(round % self.peers.len()).take(self.peers.len());
                let peers: Vec<Peer> = order.filter(|peer| scenario.suits(*peer)).collect();
                if scenario.is_sliced() {
                    self.by_turns(*scenario, &peers, round, &mut table);
                } else {
                    self.one_after_another(*scenario, &peers, round, &mut table);
                }
                eprintln!("round {} of {}: {}: {}", round + 1, self.rounds, scenario.name(), watch.tell()?);
            }
        }
        Ok(table)
    }

    fn one_after_another(&self, scenario: Scenario, peers: &[Peer], round: usize, table: &mut Table) {
        for peer in peers {
            match scenario.run(*peer, self.workshop, &self.scale) {
                Ok(figures) => table.enter(scenario, *peer, round, figures),
                Err(error) => table.fail(scenario, *peer, &error),
            }
        }
    }

    /// All the servers are up, and one at a time works.
    fn by_turns(&self, scenario: Scenario, peers: &[Peer], round: usize, table: &mut Table) {
        let mut up: Vec<(Peer, Box<dyn Sliced>)> = Vec::new();
        for peer in peers {
            match scenario.open(*peer, self.workshop, &self.scale) {
                Ok(sliced) => up.push((*peer, sliced)),
                Err(error) => table.fail(scenario, *peer, &error),
            }
        }
        for slice in 0..self.scale.slices {
            up.retain_mut(|(peer, sliced)| match sliced.slice() {
                Ok(figures) => {
                    table.enter(scenario, *peer, round * self.scale.slices + slice, figures);
                    true
                }
                Err(error) => {
                    table.fail(scenario, *peer, &error);
                    false
                }
            });
        }
    }
}

/// Says how busy the generator itself was: one that is never idle has measured itself, at least in the latencies.
struct Watch {
    start: Instant,
    own: Process,
    cpu: Duration,
}

impl Watch {
    fn start() -> Result<Self> {
        let own = Process::new(std::process::id())?;
        Ok(Self { start: Instant::now(), own, cpu: own.cpu()? })
    }

    fn tell(&self) -> Result<String> {
        let (took, cpu) = (self.start.elapsed().as_secs_f64(), (self.own.cpu()? - self.cpu).as_secs_f64());
        Ok(format!("{took:.1} s, the generator busy for {:.0} %", 100.0 * cpu / took))
    }
}
