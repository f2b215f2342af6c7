//! One message at a time to a room of a thousand; the next when everybody has it.

use anyhow::Result;

use super::Scale;
use super::volley::fire;
use crate::bench::figure::Figure;
use crate::bench::peers::{Peer, Workshop};
use crate::bench::server::Server;
use crate::bench::stage::{Setting, Stage, Words};

pub fn run(peer: Peer, workshop: &Workshop, scale: &Scale) -> Result<Vec<Figure>> {
    let server = Server::start(peer, workshop, &[])?;
    let mut stage = Stage::set(&server, &Setting { members: 1_000, deaf: 0, payload: 100, words: Words::Household })?;
    let mut volley = fire(&server, &mut stage, 1, scale.fanout_publishes)?;
    Ok(vec![
        Figure::cost("CPU a delivery, µs", volley.cpu_a_delivery),
        Figure::cost("p50, µs", volley.latencies.percentile(0.5)),
        Figure::cost("p99, µs", volley.latencies.percentile(0.99)),
        Figure::plain("lost", volley.lost as f64),
    ])
}
