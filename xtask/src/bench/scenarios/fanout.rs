//! One message at a time to a room of a thousand members. The next message follows when all members have it.

use anyhow::Result;

use super::volley::Gunner;
use super::{Scale, Sliced};
use crate::bench::figure::Figure;
use crate::bench::peers::{Peer, Workshop};
use crate::bench::server::Server;
use crate::bench::stage::{Setting, Stage, Words};

const MEMBERS: usize = 1_000;

struct Fanout(Gunner);

pub fn open(peer: Peer, workshop: &Workshop, scale: &Scale) -> Result<Box<dyn Sliced>> {
    let server = Server::start(peer, workshop, &[])?;
    let stage = Stage::set(&server, &Setting { members: MEMBERS, deaf: 0, payload: scale.payload_for(peer), words: Words::Household })?;
    Ok(Box::new(Fanout(Gunner::warmed_up(server, stage, 1, scale.fanout_publishes)?)))
}

impl Sliced for Fanout {
    fn slice(&mut self) -> Result<Vec<Figure>> {
        let mut volley = self.0.fire()?;
        Ok(vec![
            Figure::cost("CPU a delivery, µs", volley.cpu_a_delivery),
            Figure::cost("p50, µs", volley.latencies.percentile(0.5)),
            Figure::cost("p99, µs", volley.latencies.percentile(0.99)),
            Figure::count("lost", volley.lost, volley.deliveries),
        ])
    }
}
