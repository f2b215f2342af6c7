//! Fifty messages in flight to a room of a hundred members.

use anyhow::Result;

use super::pipelined::Sender;
use super::{Scale, Sliced};
use crate::bench::build_env::BuildEnv;
use crate::bench::fixture::{FixtureOptions, PublishBy, RoomFixture};
use crate::bench::metric::Metric;
use crate::bench::server_process::ServerProcess;
use crate::bench::servers::ServerKind;

const MEMBERS: usize = 100;
const IN_FLIGHT: usize = 50;
/// A server that writes each message with its own system call gets a fraction of the messages, so that a slice takes about the same time on all servers.
const SLOW_SERVER_DIVISOR: usize = 4;

struct Burst(Sender);

pub fn open(kind: ServerKind, build_env: &BuildEnv, scale: &Scale) -> Result<Box<dyn Sliced>> {
    let publishes = scale.burst_deliveries
        / MEMBERS
        / if matches!(kind, ServerKind::Baseline | ServerKind::SocketIo) { SLOW_SERVER_DIVISOR } else { 1 };
    let server = ServerProcess::start(kind, build_env, &[])?;
    let stage = RoomFixture::connect(
        &server,
        &FixtureOptions { members: MEMBERS, non_readers: 0, payload: scale.payload_for(kind), publish_by: PublishBy::Workspace },
    )?;
    Ok(Box::new(Burst(Sender::warmed_up(server, stage, IN_FLIGHT, publishes)?)))
}

impl Sliced for Burst {
    fn slice(&mut self) -> Result<Vec<Metric>> {
        let mut result = self.0.send_slice()?;
        Ok(vec![
            Metric::cost("CPU per delivery, µs", result.cpu_a_delivery),
            Metric::cost("p50, µs", result.latencies.percentile(0.5)),
            Metric::cost("p99, µs", result.latencies.percentile(0.99)),
            Metric::count("lost", result.lost, result.deliveries),
            Metric::count("reordered", result.reordered, result.deliveries),
            Metric::count("repeated", result.repeated, result.deliveries),
        ])
    }
}
