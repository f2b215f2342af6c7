//! Two nodes of one server.
//!
//! - [`latency`]: the time of an event from a client on the first node to a client on the second.
//! - [`cpu`]: the CPU time of a node that receives events of the other. Roomcast only.
//! - [`node_loss`]: a node is killed, and its clients are recovered on the other; and the disconnect of a user on another node. Roomcast only.

mod cpu;
mod latency;
mod node_loss;

use anyhow::Result;

use super::Scale;
use crate::bench::build_env::BuildEnv;
use crate::bench::metric::Metric;
use crate::bench::servers::ServerKind;
use crate::bench::two_nodes::TwoNodes;

pub fn run(kind: ServerKind, build_env: &BuildEnv, scale: &Scale) -> Result<Vec<Metric>> {
    let mut nodes = TwoNodes::start(kind, build_env)?;
    let mut metrics = latency::measure(kind, &nodes, scale)?;
    if kind.is_roomcast() {
        metrics.extend(cpu::measure(&nodes, scale)?);
        metrics.extend(node_loss::measure_disconnects(&nodes)?);
        metrics.extend(node_loss::measure_kill(&mut nodes)?);
    }
    Ok(metrics)
}
