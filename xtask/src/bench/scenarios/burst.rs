//! Fifty messages in flight to a room of a hundred.

use anyhow::Result;

use super::volley::Gunner;
use super::{Scale, Sliced};
use crate::bench::figure::Figure;
use crate::bench::peers::{Peer, Workshop};
use crate::bench::server::Server;
use crate::bench::stage::{Setting, Stage, Words};

const MEMBERS: usize = 100;
const IN_FLIGHT: usize = 50;
/// A server that writes each message by itself needs as long for fewer of them.
const FEWER: usize = 4;

struct Burst(Gunner);

pub fn open(peer: Peer, workshop: &Workshop, scale: &Scale) -> Result<Box<dyn Sliced>> {
    let publishes = scale.burst_deliveries / MEMBERS / if matches!(peer, Peer::Floor | Peer::SocketIo) { FEWER } else { 1 };
    let server = Server::start(peer, workshop, &[])?;
    let stage = Stage::set(&server, &Setting { members: MEMBERS, deaf: 0, payload: scale.payload_for(peer), words: Words::Workspace })?;
    Ok(Box::new(Burst(Gunner::warmed_up(server, stage, IN_FLIGHT, publishes)?)))
}

impl Sliced for Burst {
    fn slice(&mut self) -> Result<Vec<Figure>> {
        let mut volley = self.0.fire()?;
        Ok(vec![
            Figure::cost("CPU a delivery, µs", volley.cpu_a_delivery),
            Figure::cost("p50, µs", volley.latencies.percentile(0.5)),
            Figure::cost("p99, µs", volley.latencies.percentile(0.99)),
            Figure::count("lost", volley.lost, volley.deliveries),
            Figure::count("reordered", volley.reordered, volley.deliveries),
            Figure::count("repeated", volley.repeated, volley.deliveries),
        ])
    }
}
