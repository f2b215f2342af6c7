//! Thousands of clients connect with a JWT, a bounded number at the same time.

use anyhow::Result;

use super::{Scale, micros};
use crate::bench::build_env::BuildEnv;
use crate::bench::fixture::{CONCURRENT_CONNECTS, reader_clients};
use crate::bench::latency::Latencies;
use crate::bench::load_generator::LoadGenerator;
use crate::bench::metric::Metric;
use crate::bench::server_process::ServerProcess;
use crate::bench::servers::ServerKind;

/// The clients that connect before the measurement: enough for Node to compile the code of the handshake.
const WARM_UP: usize = 500;

pub fn run(kind: ServerKind, build_env: &BuildEnv, scale: &Scale) -> Result<Vec<Metric>> {
    let count = scale.connects;
    let server = ServerProcess::start(kind, build_env, &[])?;
    let mut load = LoadGenerator::new(server.port)?;
    load.connect_clients(reader_clients(kind, count, WARM_UP), CONCURRENT_CONNECTS)?;
    let cpu = server.process.cpu()?;
    let outcome = load.connect_clients(reader_clients(kind, 0, count), CONCURRENT_CONNECTS)?;
    let connecting = server.process.cpu()? - cpu;
    let mut durations: Latencies = outcome.durations.into_iter().collect();
    Ok(vec![
        Metric::cost("CPU per connect, µs", micros(connecting, count)),
        Metric::cost("p50, µs", durations.percentile(0.5)),
        Metric::cost("p99, µs", durations.percentile(0.99)),
    ])
}
