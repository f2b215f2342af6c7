//! The end of connections on another node: of a user who is disconnected, and of all clients of a node that is killed.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use memchr::memmem;
use serde_json::{Value, json};

use crate::bench::fixture::reader_client;
use crate::bench::latency::Latencies;
use crate::bench::load_generator::{ClientHandshake, LoadGenerator, Script, Sends};
use crate::bench::metric::Metric;
use crate::bench::rest::post_request;
use crate::bench::scenarios::client_session::ClientSession;
use crate::bench::servers::ServerKind;
use crate::bench::token::{sign_service, subject};
use crate::bench::two_nodes::TwoNodes;

const DISCONNECTS: usize = 200;
const CLIENTS: usize = 1_000;
/// Without an event for this time, the scenario fails.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Disconnects users of the second node by requests to the first, one after the other.
pub fn measure_disconnects(nodes: &TwoNodes) -> Result<Vec<Metric>> {
    let mut latencies = Latencies::default();
    let mut load = LoadGenerator::new(nodes.first.port)?;
    load.connect_clients([ClientHandshake::http()].into_iter(), 1)?;
    load.use_port(nodes.second.port);
    for number in 1..=DISCONNECTS {
        load.connect_clients([reader_client(ServerKind::RoomcastPostgres, number)].into_iter(), 1)?;
        let body = json!({"users": [subject(number)], "reason": "Signed out"}).to_string();
        let mut request = Sends::default();
        request.push(0, &post_request("/api/v1/disconnect", &sign_service(), &body, "keep-alive"));
        let sent = Instant::now();
        load.send_all(&mut request)?;
        let mut end = EndRun { client: number, ended: None };
        while end.ended.is_none() {
            load.poll_once(Duration::from_millis(100), &mut end)?;
            ensure!(sent.elapsed() < TIMEOUT, "the user of client {number} is still connected to the other node");
        }
        latencies.add(end.ended.unwrap_or(sent).saturating_duration_since(sent));
    }
    Ok(vec![
        Metric::plain("disconnect of a user on the other node, p50, µs", latencies.percentile(0.5)),
        Metric::plain("disconnect of a user on the other node, p99, µs", latencies.percentile(0.99)),
    ])
}

/// Waits until a client has lost its socket.
struct EndRun {
    client: usize,
    ended: Option<Instant>,
}

impl Script for EndRun {
    fn message(&mut self, to: usize, text: &[u8], at: Instant, _sends: &mut Sends) {
        if to == self.client && text.starts_with(b"41") {
            self.ended.get_or_insert(at);
        }
    }

    fn closed(&mut self, client: usize) {
        if client == self.client {
            self.ended.get_or_insert_with(Instant::now);
        }
    }
}

/// Kills the second node. All its clients connect to the first at once, when they have lost their connections.
pub fn measure_kill(nodes: &mut TwoNodes) -> Result<Vec<Metric>> {
    let mut run =
        RecoveryRun { sessions: std::iter::repeat_with(ClientSession::default).take(CLIENTS).collect(), ..RecoveryRun::default() };
    let mut load = LoadGenerator::new(nodes.second.port)?;
    run.connect(&mut load)?;
    let killed = Instant::now();
    nodes.second.kill()?;
    while run.closed < CLIENTS {
        load.poll_once(Duration::from_millis(50), &mut run)?;
        ensure!(killed.elapsed() < TIMEOUT, "{} connections are open after their node was killed", CLIENTS - run.closed);
    }
    let mut load = LoadGenerator::new(nodes.first.port)?;
    run.recovered = 0;
    run.connect(&mut load)?;
    Ok(vec![
        Metric::plain("1,000 clients of a killed node connected to the other after, s", killed.elapsed().as_secs_f64()),
        Metric::count("not recovered", CLIENTS - run.recovered, CLIENTS),
    ])
}

#[derive(Default)]
struct RecoveryRun {
    sessions: Vec<ClientSession>,
    answers: usize,
    recovered: usize,
    closed: usize,
    rejection: Option<String>,
}

impl RecoveryRun {
    /// Connects all clients with what they know of their sessions.
    fn connect(&mut self, load: &mut LoadGenerator) -> Result<()> {
        self.answers = 0;
        for (number, session) in self.sessions.iter().enumerate() {
            let connect = format!("40/chat,{}", session.connect_auth(number));
            load.start_connecting(ClientHandshake::without_connect_answer(&connect))?;
        }
        let start = Instant::now();
        while self.answers < CLIENTS {
            load.poll_once(Duration::from_millis(50), self)?;
            if let Some(rejection) = &self.rejection {
                bail!("rejected: {rejection}");
            }
            ensure!(start.elapsed() < TIMEOUT, "only {} of {CLIENTS} clients have connected", self.answers);
        }
        Ok(())
    }
}

impl Script for RecoveryRun {
    fn message(&mut self, to: usize, text: &[u8], _at: Instant, _sends: &mut Sends) {
        let Some(answer) = text.strip_prefix(b"40/chat,") else {
            if text.starts_with(b"44") || memmem::find(text, br#""ok":false"#).is_some() {
                self.rejection.get_or_insert_with(|| String::from_utf8_lossy(text).into_owned());
            }
            return self.sessions[to].record_position(text);
        };
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        let Some(pid) = answer["pid"].as_str() else { return };
        self.answers += 1;
        self.recovered += usize::from(self.sessions[to].recovers(pid));
    }

    fn closed(&mut self, _client: usize) {
        self.closed += 1;
    }
}
