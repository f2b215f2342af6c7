//! The cost of a connection that does nothing: the growth of the server's memory for each connection, after it has settled.

use std::time::Duration;

use anyhow::Result;

use super::{Scale, micros};
use crate::bench::build_env::BuildEnv;
use crate::bench::fixture::{CONCURRENT_CONNECTS, reader_clients};
use crate::bench::load_generator::{IgnoreAll, LoadGenerator};
use crate::bench::metric::Metric;
use crate::bench::server_process::ServerProcess;
use crate::bench::servers::ServerKind;

/// The clients that connect before the first measurement, so that memory that a server allocates once is not counted.
const WARM_UP: usize = 100;

pub fn run(kind: ServerKind, build_env: &BuildEnv, scale: &Scale) -> Result<Vec<Metric>> {
    let count = scale.idle_connections;
    let server = ServerProcess::start(kind, build_env, &[])?;
    let mut load = LoadGenerator::new(server.port)?;
    load.connect_clients(reader_clients(kind, count, WARM_UP), CONCURRENT_CONNECTS)?;
    let (memory, cpu) = (server.process.memory_when_settled(|time| load.run_for(time, &mut IgnoreAll))?, server.process.cpu()?);
    load.connect_clients(reader_clients(kind, 0, count), CONCURRENT_CONNECTS)?;
    load.run_for(Duration::from_secs(1), &mut IgnoreAll)?;
    let connecting = server.process.cpu()? - cpu;
    let grown = server.process.memory_when_settled(|time| load.run_for(time, &mut IgnoreAll))?.saturating_sub(memory);
    Ok(vec![
        Metric::plain("memory per connection, KB", grown as f64 / 1024.0 / count as f64),
        Metric::cost("CPU to connect and settle, µs", micros(connecting, count)),
    ])
}
