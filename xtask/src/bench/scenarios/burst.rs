//! Fifty messages in flight to a room of a hundred.

use anyhow::Result;

use super::Scale;
use super::volley::fire;
use crate::bench::figure::Figure;
use crate::bench::peers::{Peer, Workshop};
use crate::bench::server::Server;
use crate::bench::stage::{Setting, Stage, Words};

const MEMBERS: usize = 100;
const IN_FLIGHT: usize = 50;

pub fn run(peer: Peer, workshop: &Workshop, scale: &Scale) -> Result<Vec<Figure>> {
    let deliveries = if peer == Peer::SocketIo { scale.burst_deliveries_node } else { scale.burst_deliveries };
    let server = Server::start(peer, workshop, &[])?;
    let mut stage = Stage::set(&server, &Setting { members: MEMBERS, deaf: 0, payload: 100, words: Words::Workspace })?;
    let mut volley = fire(&server, &mut stage, IN_FLIGHT, deliveries / MEMBERS)?;
    let a_million = 1e6 / deliveries as f64;
    Ok(vec![
        Figure::cost("CPU a delivery, µs", volley.cpu_a_delivery),
        Figure::cost("p50, µs", volley.latencies.percentile(0.5)),
        Figure::cost("p99, µs", volley.latencies.percentile(0.99)),
        Figure::plain("lost of a million", (volley.lost as f64 * a_million).round()),
        Figure::plain("reordered of a million", (volley.reordered as f64 * a_million).round()),
        Figure::plain("repeated of a million", (volley.repeated as f64 * a_million).round()),
    ])
}
