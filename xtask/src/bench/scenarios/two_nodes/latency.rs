//! One event at a time, from a client on the first node to a client on the second.

use std::time::{Duration, Instant};

use anyhow::{Result, ensure};
use serde_json::json;

use crate::bench::fixture::{create_chat_room, reader_client, writer_client};
use crate::bench::latency::Latencies;
use crate::bench::load_generator::{ClientHandshake, LoadGenerator, Script, Sends, client_text};
use crate::bench::metric::Metric;
use crate::bench::rest::post_request;
use crate::bench::scenarios::Scale;
use crate::bench::sequence_numbers::{NumberedMessage, number_in, payload, text};
use crate::bench::servers::ServerKind;
use crate::bench::token::{sign_service, subject};
use crate::bench::two_nodes::TwoNodes;

/// The time before the measurement: enough for Node to compile all code.
const WARM_UP: Duration = Duration::from_secs(2);
/// Without an event for this time, the scenario fails.
const TIMEOUT: Duration = Duration::from_secs(5);
const TEXT: usize = 100;
/// The numbers of the users and clients: the sender is on the first node, and the receiver on the second.
const SENDER: usize = 0;
const RECEIVER: usize = 1;

pub fn measure(kind: ServerKind, nodes: &TwoNodes, scale: &Scale) -> Result<Vec<Metric>> {
    if !kind.is_roomcast() {
        let publish = client_text(&format!(r#"42["publish","room-0",{}]"#, payload(TEXT)));
        return run(nodes, [reader_client(kind, SENDER), reader_client(kind, RECEIVER)], publish, scale, "event");
    }
    // An event of a back end that is not stored, as none of socket.io is.
    let user = subject(RECEIVER);
    let body = json!({"to": {"users": [user]}, "event": "bench", "data": {"text": text(TEXT)}, "volatile": true}).to_string();
    let emit = post_request("/api/v1/emit", &sign_service(), &body, "keep-alive");
    let receiver = || reader_client(kind, RECEIVER);
    let mut metrics = run(nodes, [ClientHandshake::http(), receiver()], emit, scale, "event")?;
    let room = create_chat_room(nodes.first.port, SENDER..RECEIVER + 1)?;
    let message = format!(r#"42/chat,1["message:send",{{"roomId":{room},"content":"{}","type":"TEXT"}}]"#, text(TEXT));
    let handshakes = [SENDER, RECEIVER].map(|number| writer_client(number, &room));
    metrics.extend(run(nodes, handshakes, client_text(&message), scale, "stored message")?);
    Ok(metrics)
}

/// Sends one event after the other, each when the one before has arrived.
fn run(nodes: &TwoNodes, [sender, receiver]: [ClientHandshake; 2], event: Vec<u8>, scale: &Scale, name: &str) -> Result<Vec<Metric>> {
    let mut load = LoadGenerator::new(nodes.first.port)?;
    load.connect_clients([sender].into_iter(), 1)?;
    load.use_port(nodes.second.port);
    load.connect_clients([receiver].into_iter(), 1)?;
    let mut run = PingRun { event: NumberedMessage::new(event), sent: 0, sent_at: Instant::now(), latencies: Latencies::default() };
    let mut first = Sends::default();
    run.send_next(&mut first);
    load.send_all(&mut first)?;
    drive(&mut load, &mut run, WARM_UP)?;
    run.latencies = Latencies::default();
    drive(&mut load, &mut run, scale.durable)?;
    Ok(vec![
        Metric::plain(format!("{name} to the other node, p50, µs"), run.latencies.percentile(0.5)),
        Metric::plain(format!("{name} to the other node, p99, µs"), run.latencies.percentile(0.99)),
    ])
}

fn drive(load: &mut LoadGenerator, run: &mut PingRun, time: Duration) -> Result<()> {
    let end = Instant::now() + time;
    while Instant::now() < end {
        load.poll_once(Duration::from_millis(100), run)?;
        ensure!(run.sent_at.elapsed() < TIMEOUT, "event {} has not arrived at the other node for {} s", run.sent, TIMEOUT.as_secs());
    }
    Ok(())
}

struct PingRun {
    event: NumberedMessage,
    sent: usize,
    sent_at: Instant,
    latencies: Latencies,
}

impl PingRun {
    fn send_next(&mut self, sends: &mut Sends) {
        self.sent += 1;
        sends.push(SENDER, self.event.with_number(self.sent));
        self.sent_at = Instant::now();
    }
}

impl Script for PingRun {
    fn message(&mut self, to: usize, text: &[u8], at: Instant, sends: &mut Sends) {
        if to == RECEIVER && number_in(text) == Some(self.sent) {
            self.latencies.add(at.saturating_duration_since(self.sent_at));
            self.send_next(sends);
        }
    }
}
