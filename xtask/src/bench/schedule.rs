//! The order in which the servers are measured.
//!
//! Other programs disturb the machine at any time. Measurements that are compared are therefore taken close together: by slices of a part of a second,
//! with all servers in turn, if the scenario allows it, and otherwise one server after another within a round.

use std::time::{Duration, Instant};

use anyhow::Result;

use super::build_env::BuildEnv;
use super::process::ProcessUsage;
use super::scenarios::{Scale, Scenario, Sliced};
use super::servers::ServerKind;
use super::table::Table;

pub struct Schedule<'a> {
    pub build_env: &'a BuildEnv,
    pub scale: Scale,
    pub kinds: Vec<ServerKind>,
    pub rounds: usize,
}

impl Schedule<'_> {
    pub fn run(&self, scenarios: &[Scenario]) -> Result<Table> {
        let mut table = Table::default();
        for round in 0..self.rounds {
            for scenario in scenarios {
                let usage = GeneratorUsage::start()?;
                // Each round begins with another server, so that no server is always the first after a pause.
                let order = self.kinds.iter().copied().cycle().skip(round % self.kinds.len()).take(self.kinds.len());
                let kinds: Vec<ServerKind> = order.filter(|kind| scenario.supports(*kind)).collect();
                if scenario.is_sliced() {
                    self.measure_interleaved(*scenario, &kinds, round, &mut table);
                } else {
                    self.measure_sequentially(*scenario, &kinds, round, &mut table);
                }
                eprintln!("round {} of {}: {}: {}", round + 1, self.rounds, scenario.name(), usage.describe()?);
            }
        }
        Ok(table)
    }

    fn measure_sequentially(&self, scenario: Scenario, kinds: &[ServerKind], round: usize, table: &mut Table) {
        for kind in kinds {
            match scenario.run(*kind, self.build_env, &self.scale) {
                Ok(metrics) => table.add(scenario, *kind, round, metrics),
                Err(error) => table.add_failure(scenario, *kind, &error),
            }
        }
    }

    /// Starts all servers, and gives work to one server at a time.
    fn measure_interleaved(&self, scenario: Scenario, kinds: &[ServerKind], round: usize, table: &mut Table) {
        let mut running: Vec<(ServerKind, Box<dyn Sliced>)> = Vec::new();
        for kind in kinds {
            match scenario.open(*kind, self.build_env, &self.scale) {
                Ok(sliced) => running.push((*kind, sliced)),
                Err(error) => table.add_failure(scenario, *kind, &error),
            }
        }
        for slice in 0..self.scale.slices {
            running.retain_mut(|(kind, sliced)| match sliced.slice() {
                Ok(metrics) => {
                    table.add(scenario, *kind, round * self.scale.slices + slice, metrics);
                    true
                }
                Err(error) => {
                    table.add_failure(scenario, *kind, &error);
                    false
                }
            });
        }
    }
}

/// How busy the load generator is. If it is never idle, the latencies are its own and not the server's.
struct GeneratorUsage {
    start: Instant,
    own: ProcessUsage,
    cpu: Duration,
}

impl GeneratorUsage {
    fn start() -> Result<Self> {
        let own = ProcessUsage::new(std::process::id())?;
        Ok(Self { start: Instant::now(), own, cpu: own.cpu()? })
    }

    fn describe(&self) -> Result<String> {
        let (elapsed, cpu) = (self.start.elapsed().as_secs_f64(), (self.own.cpu()? - self.cpu).as_secs_f64());
        Ok(format!("{elapsed:.1} s, the generator busy for {:.0} %", 100.0 * cpu / elapsed))
    }
}
