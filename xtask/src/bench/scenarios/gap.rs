//! A member of a busy room is disconnected for a minute, and recovers all messages that it missed. Roomcast only.

use std::time::{Duration, Instant};

use anyhow::{Result, bail, ensure};
use serde_json::Value;

use super::Scale;
use super::client_session::ClientSession;
use crate::bench::build_env::BuildEnv;
use crate::bench::fixture::create_chat_room;
use crate::bench::load_generator::{ClientHandshake, LoadGenerator, Script, Sends, client_text};
use crate::bench::metric::Metric;
use crate::bench::process::ProcessUsage;
use crate::bench::sequence_numbers::{DeliveryTracker, number_in, text};
use crate::bench::server_process::ServerProcess;
use crate::bench::servers::ServerKind;

/// The time between two ticks: 2,000 messages a second, at fixed times that do not depend on the server.
const INTERVAL: Duration = Duration::from_millis(2);
const MESSAGES_PER_TICK: usize = 4;
/// How long messages are sent before the client disconnects, and after it has recovered.
const STEADY: Duration = Duration::from_secs(2);
const TEXT: usize = 100;
/// A message is lost if it has not arrived when nothing has arrived for this time.
const SILENCE: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(120);
/// The numbers of the three clients.
const SENDER: usize = 0;
const CONNECTED_MEMBER: usize = 1;
const RETURNING_MEMBER: usize = 2;

pub fn run(kind: ServerKind, build_env: &BuildEnv, scale: &Scale) -> Result<Vec<Metric>> {
    let server = ServerProcess::start(kind, build_env, &[])?;
    let mut clients = Clients::connect(server.port)?;
    clients.room.is_sending = true;
    clients.load.tick_every(INTERVAL)?;
    clients.run_for(STEADY)?;

    clients.disconnect_member()?;
    clients.load.run_for(scale.away, &mut clients.room)?;
    let missed = clients.room.acknowledged - clients.returning.received_before;

    let recovery = clients.recover(&server.process)?;
    clients.run_for(STEADY)?;
    clients.finish()?;
    let memory_afterwards = server.process.approximate_memory()?;

    let (sent, connected, returning) = (clients.room.sent, &clients.room.deliveries, &clients.returning.deliveries);
    Ok(vec![
        Metric::count("not recovered", usize::from(!clients.returning.recovered), 1),
        Metric::plain("messages missed", missed as f64),
        Metric::plain("messages per second while disconnected", missed as f64 / scale.away.as_secs_f64()),
        Metric::plain("all received after, s", recovery.duration.as_secs_f64()),
        Metric::plain("memory growth, MB", (recovery.memory_peak - recovery.memory_before) as f64 / 1e6),
        Metric::plain("memory before, MB", recovery.memory_before as f64 / 1e6),
        Metric::plain("memory afterwards, MB", memory_afterwards as f64 / 1e6),
        Metric::count("lost", connected.lost(sent) + returning.lost(sent), 2 * sent),
        Metric::count("reordered", connected.reordered + returning.reordered, 2 * sent),
        Metric::count("repeated", connected.repeated + returning.repeated, 2 * sent),
    ])
}

/// How the returning member received the messages that it had missed.
struct Recovery {
    duration: Duration,
    memory_before: u64,
    memory_peak: u64,
}

/// The clients of the scenario. The returning member has its own load generator, so that dropping it ends its connection.
struct Clients {
    port: u16,
    load: LoadGenerator,
    room: RoomClients,
    returning_load: LoadGenerator,
    returning: ReturningMember,
}

impl Clients {
    fn connect(port: u16) -> Result<Self> {
        let mut room = RoomClients::new(create_chat_room(port, SENDER..RETURNING_MEMBER + 1)?);
        let mut load = LoadGenerator::new(port)?;
        for user in [SENDER, CONNECTED_MEMBER] {
            room.join(&mut load, user)?;
        }
        let mut returning_load = LoadGenerator::new(port)?;
        let mut returning = ReturningMember::new(&room.id);
        returning.join(&mut returning_load)?;
        Ok(Self { port, load, room, returning_load, returning })
    }

    /// Handles the events of all clients for this time.
    fn run_for(&mut self, time: Duration) -> Result<()> {
        let start = Instant::now();
        while start.elapsed() < time {
            self.load.poll_once(INTERVAL, &mut self.room)?;
            self.returning_load.poll_once(Duration::ZERO, &mut self.returning)?;
        }
        Ok(())
    }

    /// Ends the connection of the returning member.
    fn disconnect_member(&mut self) -> Result<()> {
        self.returning_load = LoadGenerator::new(self.port)?;
        self.returning.received_before = self.returning.deliveries.delivered;
        Ok(())
    }

    /// Reconnects the member, and waits until it has received all messages that were acknowledged before.
    fn recover(&mut self, process: &ProcessUsage) -> Result<Recovery> {
        let missed = self.room.acknowledged;
        let memory_before = process.approximate_memory()?;
        let mut memory_peak = memory_before;
        self.returning.start_connecting(&mut self.returning_load)?;
        let start = Instant::now();
        while start.elapsed() < TIMEOUT {
            self.run_for(INTERVAL)?;
            memory_peak = memory_peak.max(process.approximate_memory()?);
            if self.returning.deliveries.delivered >= missed {
                return Ok(Recovery { duration: start.elapsed(), memory_before, memory_peak });
            }
            if let Some(rejection) = self.room.rejection.as_ref().or(self.returning.rejection.as_ref()) {
                bail!("rejected: {rejection}");
            }
        }
        bail!("only {} of {missed} messages have arrived", self.returning.deliveries.delivered)
    }

    /// Stops sending, and waits for the messages in flight.
    fn finish(&mut self) -> Result<()> {
        self.room.is_sending = false;
        let mut progress = (0, Instant::now());
        while self.is_incomplete() && progress.1.elapsed() < SILENCE {
            self.run_for(INTERVAL)?;
            let received = self.room.acknowledged + self.returning.deliveries.delivered;
            if progress.0 != received {
                progress = (received, Instant::now());
            }
        }
        Ok(())
    }

    fn is_incomplete(&self) -> bool {
        self.room.acknowledged < self.room.sent || self.returning.deliveries.lost(self.room.sent) > 0
    }
}

/// The sender, and the member that stays connected.
struct RoomClients {
    id: String,
    is_sending: bool,
    joined: usize,
    sent: usize,
    acknowledged: usize,
    deliveries: DeliveryTracker,
    rejection: Option<String>,
}

impl RoomClients {
    fn new(id: String) -> Self {
        Self { id, is_sending: false, joined: 0, sent: 0, acknowledged: 0, deliveries: DeliveryTracker::new(1), rejection: None }
    }

    /// Connects a user, and waits until it has joined the room.
    fn join(&mut self, load: &mut LoadGenerator, user: usize) -> Result<()> {
        load.start_connecting(ClientHandshake::studio(&ClientSession::default().connect_auth(user).to_string(), &self.id))?;
        let start = Instant::now();
        while self.joined <= user && start.elapsed() < SILENCE {
            load.poll_once(INTERVAL, self)?;
        }
        ensure!(self.joined > user, "user {user} has not joined the room");
        Ok(())
    }
}

impl Script for RoomClients {
    fn connected(&mut self, _client: usize, _took: Duration) {
        self.joined += 1;
    }

    fn ticked(&mut self, times: u64, sends: &mut Sends) {
        if !self.is_sending {
            return;
        }
        for _ in 0..times as usize * MESSAGES_PER_TICK {
            let (id, number, filling) = (&self.id, self.sent, text(TEXT).split_off("seq:00000000".len()));
            let message = format!(r#"42/chat,1["message:send",{{"roomId":{id},"content":"seq:{number:08}{filling}"}}]"#);
            sends.push(SENDER, &client_text(&message));
            self.sent += 1;
        }
    }

    fn message(&mut self, to: usize, text: &[u8], _at: Instant, _sends: &mut Sends) {
        let number = number_in(text).filter(|number| *number < self.sent);
        match number {
            Some(number) if to == CONNECTED_MEMBER && text.starts_with(br#"42/chat,["message:new""#) => {
                self.deliveries.record(0, number);
            }
            Some(number) if text.starts_with(br#"43/chat,1[{"ok":true"#) => self.acknowledged = self.acknowledged.max(number + 1),
            _ if text.starts_with(br#"43/chat,1[{"ok":false"#) => {
                self.rejection.get_or_insert(String::from_utf8_lossy(text).into_owned());
            }
            _ => {}
        }
    }
}

/// The member that disconnects and returns.
struct ReturningMember {
    session: ClientSession,
    join: Vec<u8>,
    joined: bool,
    recovered: bool,
    /// How many messages it received before it disconnected.
    received_before: usize,
    deliveries: DeliveryTracker,
    rejection: Option<String>,
}

impl ReturningMember {
    fn new(room: &str) -> Self {
        let join = client_text(&format!(r#"42/chat,0["join_room",{{"roomId":{room}}}]"#));
        Self {
            session: ClientSession::default(),
            join,
            joined: false,
            recovered: false,
            received_before: 0,
            deliveries: DeliveryTracker::new(1),
            rejection: None,
        }
    }

    /// Begins to connect, with the session of the earlier connection if there is one.
    fn start_connecting(&mut self, load: &mut LoadGenerator) -> Result<()> {
        let connect = format!("40/chat,{}", self.session.connect_auth(RETURNING_MEMBER));
        load.start_connecting(ClientHandshake::without_connect_answer(&connect)).map(drop)
    }

    fn join(&mut self, load: &mut LoadGenerator) -> Result<()> {
        self.start_connecting(load)?;
        let start = Instant::now();
        while !self.joined && start.elapsed() < SILENCE {
            load.poll_once(INTERVAL, self)?;
        }
        ensure!(self.joined, "the returning member has not joined the room: {:?}", self.rejection);
        Ok(())
    }
}

impl Script for ReturningMember {
    fn message(&mut self, to: usize, text: &[u8], _at: Instant, sends: &mut Sends) {
        if let Some(answer) = text.strip_prefix(b"40/chat,") {
            let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
            self.recovered = self.session.recovers(answer["pid"].as_str().unwrap_or_default());
            if !self.recovered {
                sends.push(to, &self.join);
            }
        } else if text.starts_with(b"42/chat,") {
            self.session.record_position(text);
            if let Some(number) = number_in(text).filter(|_| text.starts_with(br#"42/chat,["message:new""#)) {
                self.deliveries.record(0, number);
            }
        } else if text.starts_with(br#"43/chat,0[{"ok":true"#) {
            self.joined = true;
        } else {
            self.rejection.get_or_insert(String::from_utf8_lossy(text).into_owned());
        }
    }
}
