//! A hundred clients that each send a request, wait for the response, and send the next request.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use memchr::memmem;

use super::{Scale, Sliced, micros};
use crate::bench::build_env::BuildEnv;
use crate::bench::fixture::{CONCURRENT_CONNECTS, reader_clients, shared_room};
use crate::bench::latency::Latencies;
use crate::bench::load_generator::{LoadGenerator, Script, Sends, client_text};
use crate::bench::metric::Metric;
use crate::bench::sequence_numbers::payload;
use crate::bench::server_process::ServerProcess;
use crate::bench::servers::ServerKind;

const CLIENTS: usize = 100;
/// Without a response for this time, the scenario fails.
const TIMEOUT: Duration = Duration::from_secs(5);

struct AckScenario {
    server: ServerProcess,
    load: LoadGenerator,
    request: Vec<u8>,
    round_trips: usize,
}

pub fn open(kind: ServerKind, build_env: &BuildEnv, scale: &Scale) -> Result<Box<dyn Sliced>> {
    let server = ServerProcess::start(kind, build_env, &[])?;
    let mut load = LoadGenerator::new(server.port)?;
    load.connect_clients(reader_clients(kind, 0, CLIENTS), CONCURRENT_CONNECTS)?;
    // Roomcast's request changes nothing: the clients join the household that all of them have joined already.
    let request = match kind.is_roomcast() {
        true => format!(r#"420["join:household",{{"householdId":"{}"}}]"#, shared_room(0)),
        false => format!(r#"420["echo",{}]"#, payload(50)),
    };
    let mut ack = AckScenario { server, load, request: client_text(&request), round_trips: scale.round_trips };
    ack.slice()?;
    Ok(Box::new(ack))
}

impl Sliced for AckScenario {
    fn slice(&mut self) -> Result<Vec<Metric>> {
        let cpu = self.server.process.cpu()?;
        let mut latencies = run_round_trips(&mut self.load, &self.request, self.round_trips)?;
        let cpu = self.server.process.cpu()? - cpu;
        Ok(vec![
            Metric::cost("CPU per round trip, µs", micros(cpu, self.round_trips)),
            Metric::cost("p50, µs", latencies.percentile(0.5)),
            Metric::cost("p99, µs", latencies.percentile(0.99)),
        ])
    }
}

/// Lets each client send a request after each response, until `round_trips` requests were sent and all were answered.
fn run_round_trips(load: &mut LoadGenerator, request: &[u8], round_trips: usize) -> Result<Latencies> {
    let mut requests = RequestLoop {
        request,
        sent_at: [Instant::now(); CLIENTS],
        sent: 0,
        answered: 0,
        round_trips,
        latencies: Latencies::default(),
        rejection: None,
    };
    let mut sends = Sends::default();
    (0..CLIENTS).for_each(|client| requests.send_next(client, &mut sends));
    load.send_all(&mut sends)?;
    let mut progress = (0, Instant::now());
    while requests.answered < round_trips {
        load.poll_once(Duration::from_millis(100), &mut requests)?;
        if progress.0 != requests.answered {
            progress = (requests.answered, Instant::now());
        }
        if let Some(rejection) = &requests.rejection {
            bail!("rejected: {rejection}");
        }
        ensure!(progress.1.elapsed() < TIMEOUT, "{} of {} requests have no response", requests.sent - progress.0, requests.sent);
    }
    Ok(requests.latencies)
}

struct RequestLoop<'a> {
    request: &'a [u8],
    sent_at: [Instant; CLIENTS],
    sent: usize,
    answered: usize,
    round_trips: usize,
    latencies: Latencies,
    /// The first response that is an error.
    rejection: Option<String>,
}

impl RequestLoop<'_> {
    fn send_next(&mut self, client: usize, sends: &mut Sends) {
        if self.sent < self.round_trips {
            self.sent += 1;
            self.sent_at[client] = Instant::now();
            sends.push(client, self.request);
        }
    }
}

impl Script for RequestLoop<'_> {
    fn message(&mut self, to: usize, text: &[u8], at: Instant, sends: &mut Sends) {
        if text.starts_with(b"430[") {
            if memmem::find(text, br#""ok":false"#).is_some() {
                self.rejection.get_or_insert_with(|| String::from_utf8_lossy(text).into_owned());
            }
            self.answered += 1;
            self.latencies.add(at.saturating_duration_since(self.sent_at[to]));
            self.send_next(to, sends);
        }
    }
}
