//! The users of [`durable`], with a database that is a network away: a proxy makes each round trip to it take a millisecond.

use std::time::Duration;

use anyhow::{Result, ensure};

use super::{Scale, durable};
use crate::bench::build_env::BuildEnv;
use crate::bench::metric::Metric;
use crate::bench::server_process::ServerProcess;
use crate::bench::servers::ServerKind;

/// How long a round trip to the database takes at least.
const ROUND_TRIP: Duration = Duration::from_millis(1);
/// One message while nothing else happens, and many at once.
const IN_FLIGHT: [usize; 2] = [1, 2_560];

pub fn run(kind: ServerKind, build_env: &BuildEnv, scale: &Scale) -> Result<Vec<Metric>> {
    let server = ServerProcess::start_at_distance(kind, build_env, &[], Some(ROUND_TRIP))?;
    durable::run_on(&server, &IN_FLIGHT, scale.durable, |mut measured| {
        let name = |name: &str| format!("{} in flight: {name}", measured.in_flight);
        let per_second = measured.messages_per_second();
        ensure!(per_second > 0.0, "no message was acknowledged");
        let (per_second_name, p50_name, p99_name) =
            (name("messages per second"), name("ack p50, round trips"), name("ack p99, round trips"));
        let mut round_trips = |share| measured.latencies.percentile(share) / (ROUND_TRIP.as_secs_f64() * 1e6);
        Ok(vec![
            Metric::throughput(per_second_name, per_second),
            Metric::plain(p50_name, round_trips(0.5)),
            Metric::plain(p99_name, round_trips(0.99)),
        ])
    })
}
