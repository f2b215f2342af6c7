//! The server is killed while a thousand users listen, and started again. All users reconnect at once, recover their sessions, and receive the messages
//! that they missed, while other users continue to send to their rooms. Roomcast only.

use std::ops::Range;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde_json::Value;

use super::client_session::ClientSession;
use crate::bench::build_env::BuildEnv;
use crate::bench::fixture::create_chat_room;
use crate::bench::load_generator::{ClientHandshake, LoadGenerator, Script, Sends, client_text};
use crate::bench::metric::Metric;
use crate::bench::sequence_numbers::{DeliveryTracker, number_in, text};
use crate::bench::server_process::ServerProcess;
use crate::bench::servers::ServerKind;

const ROOMS: usize = 20;
/// The listeners of each room. One more user of the room sends the messages.
const LISTENERS: usize = 50;
const USERS_PER_ROOM: usize = LISTENERS + 1;
const ALL_CLIENTS: usize = ROOMS * USERS_PER_ROOM;
/// The time between two messages: 500 messages a second, at fixed times that do not depend on the server. Messages that are due while the server is down
/// are sent when the sender has reconnected.
const INTERVAL: Duration = Duration::from_millis(2);
const TEXT: usize = 100;
/// How long the clients are connected before the server is killed, and after all have reconnected.
const STEADY: Duration = Duration::from_secs(2);
/// The time from the kill to the next start.
const DOWNTIME: Duration = Duration::from_secs(1);
/// A message is lost if it has not arrived when nothing has arrived for this time.
const SILENCE: Duration = Duration::from_secs(5);
const TIMEOUT: Duration = Duration::from_secs(60);

pub fn run(kind: ServerKind, build_env: &BuildEnv) -> Result<Vec<Metric>> {
    let mut server = ServerProcess::start(kind, build_env, &[])?;
    let rooms = (0..ROOMS)
        .map(|room| create_chat_room(server.port, room * USERS_PER_ROOM..(room + 1) * USERS_PER_ROOM))
        .collect::<Result<Vec<String>>>()?;
    let mut run = RestartRun::new(&rooms);
    let mut load = LoadGenerator::new(server.port)?;
    run.connect(&mut load, 0..ALL_CLIENTS)?;
    run.start_sending(&mut load)?;
    load.run_for(STEADY, &mut run)?;

    server.kill()?;
    run.mark_disconnected();
    // The clients read the bytes that the server wrote before.
    poll_until(&mut load, &mut run, |run| run.closed == ALL_CLIENTS)?;
    ensure!(run.closed == ALL_CLIENTS, "{} connections are open after the server was killed", ALL_CLIENTS - run.closed);
    load = LoadGenerator::new(server.port)?;
    thread::sleep(DOWNTIME);

    let starting = Instant::now();
    server.restart()?;
    let accepting = Instant::now();
    // The senders connect first, and send the messages that are due.
    run.connect(&mut load, 0..ROOMS)?;
    run.start_sending(&mut load)?;
    let due = run.due();
    poll_until(&mut load, &mut run, |run| run.confirmed() >= due)?;
    run.connect(&mut load, ROOMS..ALL_CLIENTS)?;
    let all_connected = run.last_connected.context("no client has reconnected")?;
    load.run_for(STEADY, &mut run)?;
    run.is_paused = true;
    poll_until(&mut load, &mut run, |run| !run.is_incomplete())?;

    let mut metrics = vec![
        Metric::plain("starts in, s", (accepting - starting).as_secs_f64()),
        Metric::plain("all 1,000 recovered after, s", all_connected.saturating_duration_since(accepting).as_secs_f64()),
        Metric::plain("messages replayed", run.replayed as f64),
    ];
    metrics.extend(run.totals());
    Ok(metrics)
}

/// Handles events until the condition holds, no event arrives any more, or the server rejects a client.
fn poll_until(load: &mut LoadGenerator, run: &mut RestartRun, reached: impl Fn(&RestartRun) -> bool) -> Result<()> {
    let start = Instant::now();
    let mut progress = (run.events, start);
    while !reached(run) && run.rejection.is_none() && progress.1.elapsed() < SILENCE && start.elapsed() < TIMEOUT {
        load.poll_once(Duration::from_millis(50), run)?;
        if progress.0 != run.events {
            progress = (run.events, Instant::now());
        }
    }
    match &run.rejection {
        Some(rejection) => bail!("rejected: {rejection}"),
        None => Ok(()),
    }
}

/// The state of a client.
#[derive(Default)]
struct ClientState {
    session: ClientSession,
    is_connected: bool,
    recovered: bool,
    /// The messages of its room with lower numbers were acknowledged when this client reconnected.
    missed: usize,
}

/// The messages of a room.
struct RoomProgress {
    id: String,
    due: usize,
    sent: usize,
    confirmed: usize,
    deliveries: DeliveryTracker,
}

/// All clients and rooms. The client with the number of a room sends the messages of that room.
struct RestartRun {
    clients: Vec<ClientState>,
    rooms: Vec<RoomProgress>,
    /// When sending began. From then on a message is due every [`INTERVAL`].
    sending_since: Option<Instant>,
    is_paused: bool,
    /// How many clients are connected.
    connected: usize,
    last_connected: Option<Instant>,
    replayed: usize,
    closed: usize,
    /// The number of all events, which stands still when the server sends nothing.
    events: usize,
    rejection: Option<String>,
}

impl RestartRun {
    fn new(rooms: &[String]) -> Self {
        let room =
            |id: &String| RoomProgress { id: id.clone(), due: 0, sent: 0, confirmed: 0, deliveries: DeliveryTracker::new(LISTENERS) };
        Self {
            clients: std::iter::repeat_with(ClientState::default).take(ALL_CLIENTS).collect(),
            rooms: rooms.iter().map(room).collect(),
            sending_since: None,
            is_paused: false,
            connected: 0,
            last_connected: None,
            replayed: 0,
            closed: 0,
            events: 0,
            rejection: None,
        }
    }

    /// Connects clients at the same time, and waits until they have joined their rooms.
    fn connect(&mut self, load: &mut LoadGenerator, numbers: Range<usize>) -> Result<()> {
        for number in numbers.clone() {
            load.start_connecting(ClientHandshake::without_connect_answer(&format!(
                "40/chat,{}",
                self.clients[number].session.connect_auth(user_of(number))
            )))?;
        }
        poll_until(load, self, |run| run.connected == numbers.end)?;
        ensure!(self.connected == numbers.end, "only {} of {} clients are connected", self.connected, numbers.end);
        Ok(())
    }

    /// Starts to send, or continues.
    fn start_sending(&mut self, load: &mut LoadGenerator) -> Result<()> {
        self.sending_since.get_or_insert_with(Instant::now);
        self.is_paused = false;
        // Messages without an acknowledgement are sent again, with the same id.
        self.rooms.iter_mut().for_each(|room| room.sent = room.confirmed);
        load.tick_every(INTERVAL)
    }

    /// How many messages are due by now, in all rooms together.
    fn due(&self) -> usize {
        self.sending_since.map_or(0, |start| (start.elapsed().as_micros() / INTERVAL.as_micros()) as usize)
    }

    fn confirmed(&self) -> usize {
        self.rooms.iter().map(|room| room.confirmed).sum()
    }

    /// The server has ended: all clients are disconnected and send nothing.
    fn mark_disconnected(&mut self) {
        self.clients.iter_mut().for_each(|client| client.is_connected = false);
        self.connected = 0;
        self.is_paused = true;
    }

    /// Handles the answer to CONNECT.
    fn connect_answered(&mut self, number: usize, answer: &[u8], at: Instant, sends: &mut Sends) {
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        let Some(pid) = answer["pid"].as_str() else { return self.note_rejection(answer.to_string()) };
        let client = &mut self.clients[number];
        client.recovered = client.session.recovers(pid);
        if client.recovered {
            return self.joined(number, at, sends);
        }
        let join = format!(r#"42/chat,0["join_room",{{"roomId":{}}}]"#, self.rooms[room_of(number)].id);
        sends.push(number, &client_text(&join));
    }

    fn joined(&mut self, number: usize, at: Instant, sends: &mut Sends) {
        self.clients[number].is_connected = true;
        self.connected += 1;
        self.last_connected = Some(at);
        self.send_due(room_of(number), sends);
    }

    /// Sends the due messages of a room, if its sender is connected.
    fn send_due(&mut self, number: usize, sends: &mut Sends) {
        let room = &mut self.rooms[number];
        while self.clients[number].is_connected && room.sent < room.due {
            sends.push(number, &client_text(&room.message(room.sent)));
            room.sent += 1;
        }
    }

    fn event_received(&mut self, number: usize, event: &[u8]) {
        let (client, room) = (&mut self.clients[number], &mut self.rooms[room_of(number)]);
        client.session.record_position(event);
        let Some(message) = number_in(event).filter(|message| *message < room.due) else { return };
        // A message that a sender sends again is delivered again to that sender only.
        let Some(listener) = number.checked_sub(ROOMS).filter(|_| event.starts_with(br#"42/chat,["message:new""#)) else { return };
        if room.deliveries.record(listener % LISTENERS, message) && message < client.missed {
            self.replayed += 1;
        }
    }

    /// Handles the answer to `message:send`.
    fn send_answered(&mut self, number: usize, answer: &[u8]) {
        match number_in(answer) {
            Some(message) if answer.starts_with(br#"[{"ok":true"#) => {
                let room = &mut self.rooms[room_of(number)];
                room.confirmed = room.confirmed.max(message + 1);
            }
            _ => self.note_rejection(String::from_utf8_lossy(answer).into_owned()),
        }
    }

    fn note_rejection(&mut self, rejection: String) {
        self.rejection.get_or_insert(rejection);
    }

    fn is_incomplete(&self) -> bool {
        self.rooms.iter().any(|room| room.confirmed < room.due || room.deliveries.lost(room.due) > 0)
    }

    /// The faults of all clients and messages.
    fn totals(&self) -> [Metric; 5] {
        let listeners = &self.clients[ROOMS..];
        let sum = |count: fn(&RoomProgress) -> usize| self.rooms.iter().map(count).sum::<usize>();
        let due = sum(|room| room.due);
        [
            Metric::count("not recovered", listeners.iter().filter(|client| !client.recovered).count(), listeners.len()),
            Metric::count("not acknowledged", sum(|room| room.due - room.confirmed), due),
            Metric::count("lost", sum(|room| room.deliveries.lost(room.due)), due * LISTENERS),
            Metric::count("reordered", sum(|room| room.deliveries.reordered), due * LISTENERS),
            Metric::count("repeated", sum(|room| room.deliveries.repeated), due * LISTENERS),
        ]
    }
}

impl Script for RestartRun {
    fn connected(&mut self, number: usize, _took: Duration) {
        self.events += 1;
        self.clients[number].missed = self.rooms[room_of(number)].confirmed;
    }

    fn message(&mut self, to: usize, text: &[u8], at: Instant, sends: &mut Sends) {
        self.events += 1;
        if let Some(answer) = text.strip_prefix(b"40/chat,") {
            self.connect_answered(to, answer, at, sends);
        } else if text.starts_with(b"42/chat,") {
            self.event_received(to, text);
        } else if let Some(answer) = text.strip_prefix(b"43/chat,1") {
            self.send_answered(to, answer);
        } else if text.starts_with(br#"43/chat,0[{"ok":true"#) {
            self.joined(to, at, sends);
        } else {
            self.note_rejection(String::from_utf8_lossy(text).into_owned());
        }
    }

    fn closed(&mut self, _client: usize) {
        self.events += 1;
        self.closed += 1;
    }

    fn ticked(&mut self, _times: u64, sends: &mut Sends) {
        if self.is_paused {
            return;
        }
        let due = self.due();
        for (number, room) in self.rooms.iter_mut().enumerate() {
            // The rooms take turns.
            room.due = (due + ROOMS - 1 - number) / ROOMS;
        }
        (0..ROOMS).for_each(|room| self.send_due(room, sends));
    }
}

impl RoomProgress {
    fn message(&self, number: usize) -> String {
        let filling = text(TEXT).split_off("seq:00000000".len());
        let id = &self.id;
        format!(r#"42/chat,1["message:send",{{"roomId":{id},"content":"seq:{number:08}{filling}","clientId":"{id}-{number}"}}]"#)
    }
}

fn room_of(client: usize) -> usize {
    client.checked_sub(ROOMS).map_or(client, |listener| listener / LISTENERS)
}

/// The number of the client's user. The users of a room have consecutive numbers, and the sender has the first.
fn user_of(client: usize) -> usize {
    let place = client.checked_sub(ROOMS).map_or(0, |listener| 1 + listener % LISTENERS);
    room_of(client) * USERS_PER_ROOM + place
}
