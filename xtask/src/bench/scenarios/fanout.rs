//! One message at a time to a room of a thousand members. The next message follows when all members have it.

use anyhow::Result;

use super::pipelined::Sender;
use super::{Scale, Sliced};
use crate::bench::build_env::BuildEnv;
use crate::bench::fixture::{FixtureOptions, PublishBy, RoomFixture};
use crate::bench::metric::Metric;
use crate::bench::server_process::ServerProcess;
use crate::bench::servers::ServerKind;

const MEMBERS: usize = 1_000;

struct Fanout(Sender);

pub fn open(kind: ServerKind, build_env: &BuildEnv, scale: &Scale) -> Result<Box<dyn Sliced>> {
    let server = ServerProcess::start(kind, build_env, &[])?;
    let stage = RoomFixture::connect(
        &server,
        &FixtureOptions { members: MEMBERS, non_readers: 0, payload: scale.payload_for(kind), publish_by: PublishBy::Household },
    )?;
    Ok(Box::new(Fanout(Sender::warmed_up(server, stage, 1, scale.fanout_publishes)?)))
}

impl Sliced for Fanout {
    fn slice(&mut self) -> Result<Vec<Metric>> {
        let mut result = self.0.send_slice()?;
        Ok(vec![
            Metric::cost("CPU per delivery, µs", result.cpu_a_delivery),
            Metric::cost("p50, µs", result.latencies.percentile(0.5)),
            Metric::cost("p99, µs", result.latencies.percentile(0.99)),
            Metric::count("lost", result.lost, result.deliveries),
        ])
    }
}
