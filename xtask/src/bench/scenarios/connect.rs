//! Thousands of clients connecting with a JWT, a bounded number at a time.

use anyhow::Result;

use super::{Scale, micros};
use crate::bench::figure::Figure;
use crate::bench::latency::Latencies;
use crate::bench::load::Load;
use crate::bench::peers::{Peer, Workshop};
use crate::bench::server::Server;
use crate::bench::stage::{AT_ONCE, visitors};

/// Enough for Node to have compiled the way in.
const WARM_UP: usize = 500;

pub fn run(peer: Peer, workshop: &Workshop, scale: &Scale) -> Result<Vec<Figure>> {
    let count = scale.connects;
    let server = Server::start(peer, workshop, &[])?;
    let mut load = Load::new(server.port)?;
    load.admit(visitors(peer, count, WARM_UP), AT_ONCE)?;
    let cpu = server.process.cpu()?;
    let admission = load.admit(visitors(peer, 0, count), AT_ONCE)?;
    let connecting = server.process.cpu()? - cpu;
    let mut took: Latencies = admission.took.into_iter().collect();
    Ok(vec![
        Figure::cost("CPU a connect, µs", micros(connecting, count)),
        Figure::cost("p50, µs", took.percentile(0.5)),
        Figure::cost("p99, µs", took.percentile(0.99)),
    ])
}
