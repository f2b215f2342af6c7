//! A simulated world: shards, a writer, clients and a network between them. Only a script moves them, and no clock runs.

use std::cell::RefCell;
use std::collections::{HashMap, HashSet};
use std::rc::Rc;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rand::SeedableRng;
use rand::rngs::StdRng;

use super::app::{ConnectionId, ModelApp, Trace};
use super::archive::ModelArchive;
use super::client::{ClientConnection, ClientState, Violation};
use super::model_writer::{InjectedBug, ModelWriter};
use super::network::ClientEnd;
use super::script::{CLIENTS, Script, Step, TransportKind};
use crate::app::DisconnectReason;
use crate::config::{Config, Endpoint, Protocol};
use crate::handle::Handle;
use crate::history::Recovery;
use crate::hub::Hub;
use crate::shard::{FlushPriority, Shard};
use crate::worker::Worker;

const PING_INTERVAL: Duration = Duration::from_millis(2_000);
const PING_TIMEOUT: Duration = Duration::from_millis(1_500);
/// The size of a tick; times are counted in ticks.
const TICK: Duration = Duration::from_millis(8);
/// A time after which every connection has ended by itself.
const LONG_WAIT: Duration = Duration::from_secs(60);

/// Counters of events, which show that a script had an effect.
#[derive(Clone, Copy, Default, Debug)]
pub struct RunStats {
    pub persisted_events: usize,
    pub connections: usize,
    /// The numbers of recovered sessions and of rejected recoveries.
    pub resumed: usize,
    pub rejections: usize,
    /// The number of turns after which a socket of a shard still had to catch up, and the number of requests to the archive.
    pub behind: usize,
    pub archive_reads: usize,
    /// The numbers of POSTs that were handled and of upgrades to a WebSocket that were finished.
    pub posts: usize,
    pub upgrades: usize,
}

pub struct World {
    now: Instant,
    hub: Arc<Hub<ModelApp>>,
    workers: Vec<Worker<ModelApp>>,
    /// Each shard's TCP connections.
    streams: Vec<Vec<ClientEnd>>,
    writer: Arc<Mutex<ModelWriter>>,
    archive: Arc<ModelArchive>,
    trace: Rc<RefCell<Trace>>,
    connections: [Option<ClientConnection>; CLIENTS],
    connection_counts: [usize; CLIENTS],
    /// The state of each client from its last connection.
    client_states: [ClientState; CLIENTS],
    /// Streams of ended connections with bytes that are still on their way.
    remaining_streams: Vec<(usize, ClientEnd)>,
    /// The connections that their client has ended, and those whose client has sent noise.
    left: HashSet<ConnectionId>,
    noisy: HashSet<ConnectionId>,
    count: u64,
    sizes: (usize, usize),
    stats: RunStats,
}

/// Plays a script to its end, and continues until every connection has ended by itself.
pub fn play(script: &Script, bug: Option<InjectedBug>) -> Result<RunStats, Violation> {
    let mut world = World::new(script, bug);
    for step in &script.steps {
        world.step(*step)?;
    }
    world.settle()?;
    world.check_survivors()?;
    world.end()
}

impl World {
    fn new(script: &Script, bug: Option<InjectedBug>) -> Self {
        let endpoint = |path: &str, protocol| Endpoint { path: path.into(), protocol, ping_interval: PING_INTERVAL };
        let window = Duration::from_secs(3_600);
        let writer = Arc::new(Mutex::new(ModelWriter::with(bug)));
        let archive = Arc::new(ModelArchive::of(writer.clone()));
        let recovery = Recovery {
            epoch: "e".into(),
            position: 0,
            floor: 0,
            holes: Vec::new(),
            capacity: script.capacity,
            window,
            bytes: script.memory,
            decoder: None,
            archive: Some(archive.clone()),
        };
        let config = Config {
            shards: script.shards,
            endpoints: vec![endpoint("/socket.io", Protocol::SocketIo), endpoint("/raw", Protocol::Raw)],
            ping_timeout: PING_TIMEOUT,
            outbox_limit: script.outbox_limit,
            replay_slice: script.slice,
            recovery: Some(recovery),
            ..Config::default()
        };
        let polls: Vec<mio::Poll> = (0..script.shards).map(|_| mio::Poll::new().unwrap()).collect();
        let gate = Arc::new(|_: &http::request::Parts, _| Ok(ConnectionId { client: 0, sequence: 0 }));
        let hub = Arc::new(Hub::new(config, gate, &polls).unwrap());
        let trace = Rc::<RefCell<Trace>>::default();
        let now = Instant::now();
        let workers = polls.into_iter().enumerate().map(|(index, poll)| {
            let mut worker = Worker::new(index as u8, hub.clone(), poll, ModelApp { writer: writer.clone(), trace: trace.clone() });
            worker.shard = Shard::new(index as u8, hub.config.clone(), hub.history.clone(), now);
            worker.shard.random = StdRng::seed_from_u64(index as u64);
            worker
        });
        Self {
            now,
            workers: workers.collect(),
            streams: vec![Vec::new(); script.shards],
            hub,
            writer,
            archive,
            trace,
            connections: Default::default(),
            connection_counts: [0; CLIENTS],
            client_states: Default::default(),
            remaining_streams: Vec::new(),
            left: HashSet::new(),
            noisy: HashSet::new(),
            count: 0,
            sizes: (script.send_buffer, script.read_limit),
            stats: RunStats::default(),
        }
    }

    fn step(&mut self, step: Step) -> Result<(), Violation> {
        self.count += 1;
        let number = self.count;
        let room = |room: usize| format!("room-{room}");
        match step {
            Step::Wait(time) => self.now += Duration::from_millis(time),
            Step::Rest => self.settle()?,
            Step::Turn(shard) => drop(self.turn(shard)?),
            Step::Write(most) => self.write(most),
            Step::Chatter(at, count) => self.writer.lock().unwrap().chatter(&Handle(self.hub.clone()), &room(at), count),
            Step::Read(most) => drop(self.archive.respond(most)),
            Step::Connect(client, transport) => self.connect(client, transport, false),
            Step::Reconnect(client, transport) => self.connect(client, transport, true),
            Step::Flow(client, up, down) => drop(self.flow(client, up, down)?),
            Step::Join(client, at) => self.with_connection(client, |connection| connection.join(room(at), number)),
            Step::Leave(client, at) => self.with_connection(client, |connection| connection.leave(room(at), number)),
            Step::Publish(client, at, length) => {
                self.with_connection(client, |connection| connection.send_message(room(at), number, length))
            }
            Step::Type(client, at) => self.with_connection(client, |connection| connection.send_typing(&room(at), number)),
            Step::Upgrade(client) => {
                let sizes = self.sizes;
                let stream = self.connections[client].as_mut().and_then(|connection| connection.upgrade(sizes));
                self.add_stream(stream);
            }
            Step::Abort(client) => {
                let stream = self.connections[client].as_mut().and_then(ClientConnection::abort);
                self.remaining_streams.extend(stream.map(|stream| (client, stream)));
            }
            Step::Close(client) => self.end_connection_by(client, ClientConnection::close),
            Step::End(client) => self.end_connection_by(client, ClientConnection::end),
            Step::Break(client) => self.end_connection_by(client, |connection| {
                connection.break_off();
                None
            }),
            Step::Vanish(client) => self.end_connection_by(client, |connection| {
                connection.ended = true;
                None
            }),
            Step::Noise(client, seed) => {
                if let Some(connection) = self.connections[client].as_mut().filter(|connection| !connection.ended) {
                    connection.noise(seed);
                    self.noisy.insert(connection.connection_id);
                }
            }
        }
        Ok(())
    }

    fn connect(&mut self, client: usize, transport: TransportKind, resumed: bool) {
        if self.connections[client].as_ref().is_some_and(|connection| !connection.ended) {
            return;
        }
        self.keep_stream(client);
        let connection_id = ConnectionId { client, sequence: self.connection_counts[client] };
        self.connection_counts[client] += 1;
        if !resumed {
            self.client_states[client] = ClientState::default();
        }
        let (connection, stream) = ClientConnection::begin(
            (connection_id, self.client_states[client].clone()),
            transport,
            &self.hub,
            &self.writer,
            self.now,
            self.sizes,
        );
        self.connections[client] = Some(connection);
        self.add_stream(stream);
    }

    fn with_connection(&mut self, client: usize, action: impl FnOnce(&mut ClientConnection)) {
        if let Some(connection) = self.connections[client].as_mut().filter(|connection| !connection.ended) {
            action(connection);
        }
    }

    /// Ends a client's connection in one of the ways.
    fn end_connection_by(&mut self, client: usize, end: impl FnOnce(&mut ClientConnection) -> Option<ClientEnd>) {
        let Some(mut connection) = self.connections[client].take() else { return };
        self.client_states[client] = connection.state.clone();
        if !connection.ended {
            self.left.insert(connection.connection_id);
            let stream = end(&mut connection);
            self.remaining_streams.extend(stream.map(|stream| (client, stream)));
        }
    }

    /// Keeps the stream of a connection that the server has ended, with the bytes that are still on their way.
    fn keep_stream(&mut self, client: usize) {
        let stream = self.connections[client].take().and_then(|mut connection| {
            self.client_states[client] = std::mem::take(&mut connection.state);
            connection.end()
        });
        self.remaining_streams.extend(stream.map(|stream| (client, stream)));
    }

    fn add_stream(&mut self, stream: Option<(u8, ClientEnd)>) {
        if let Some((shard, stream)) = stream {
            self.streams[shard as usize].push(stream);
        }
    }

    fn flow(&mut self, client: usize, up: usize, down: usize) -> Result<bool, Violation> {
        let mut moved = false;
        for (_, stream) in self.remaining_streams.iter().filter(|(owner, _)| *owner == client) {
            moved |= stream.move_up(up) | !stream.move_down(down).is_empty();
        }
        if let Some(connection) = &mut self.connections[client] {
            moved |= connection.flow(up, down, self.now)?;
            self.stats.posts += std::mem::take(&mut connection.posts);
            self.stats.upgrades += std::mem::take(&mut connection.upgrades);
        }
        Ok(moved)
    }

    fn write(&mut self, most: usize) {
        self.writer.lock().unwrap().work(&Handle(self.hub.clone()), most);
    }

    /// Runs one turn of a shard, if its thread would not sleep. True if it did not.
    fn turn(&mut self, shard: usize) -> Result<bool, Violation> {
        let Some(worker) = self.workers.get_mut(shard) else { return Ok(false) };
        let mailbox = &self.hub.mailboxes[shard];
        let sleeps = worker.is_idle() && mailbox.set_asleep();
        mailbox.set_awake();
        let due = [worker.shard.timers.next(), worker.shard.wake_at].into_iter().flatten().min().is_some_and(|next| next <= self.now);
        if sleeps && !due && !self.streams[shard].iter().any(ClientEnd::has_edges) {
            return Ok(false);
        }
        worker.shard.now = self.now;
        for (token, edges) in self.streams[shard].iter().filter_map(ClientEnd::take_edges) {
            worker.note(token, edges.readable, edges.writable, edges.ended);
        }
        worker.turn(|| self.now);
        self.streams[shard].retain(|stream| !stream.is_dropped());
        self.inspect(shard)?;
        self.stats.behind += usize::from(self.workers[shard].shard.sockets.iter().any(|(_, socket)| socket.catch_up.is_some()));
        self.check_ends()?;
        Ok(true)
    }

    /// Checks a shard after a turn.
    fn inspect(&self, index: usize) -> Result<(), Violation> {
        let shard = &self.workers[index].shard;
        let check = |good: bool, what: String| if good { Ok(()) } else { Err(format!("shard {index}: {what}")) };
        let mut memberships = HashMap::<&str, usize>::new();
        for (slot, socket) in &shard.sockets {
            let connection = shard.connections.get(socket.connection as usize);
            let is_known = connection.is_some_and(|connection| connection.sockets.contains(&(slot as u32)));
            check(is_known, format!("socket {slot} has no connection"))?;
            let key = crate::SocketKey::new(shard.index, slot as u32, socket.generation);
            for room in shard.rooms_of(key) {
                *memberships.entry(room).or_default() += 1;
                let times = shard.members(room).filter(|member| *member == key).count();
                check(times == 1, format!("socket {slot} is {times} times a member of {room}"))?;
            }
            let accepted = self.trace.borrow().accepted.get(&(index, key)).copied();
            check(accepted == socket.data.as_ref().map(|data| data.connection_id), format!("socket {slot} belongs to {accepted:?}"))?;
            if let Some((connection_id, Some(secret))) = socket.data.as_ref().map(|data| (data.connection_id, data.secret)) {
                let state = self.connections[connection_id.client]
                    .as_ref()
                    .map_or(&self.client_states[connection_id.client], |connection| &connection.state);
                state.check_confirmed(&self.writer.lock().unwrap(), secret, shard.acked(key).unwrap_or(0))?;
            }
        }
        for (room, memberships) in &memberships {
            let members = shard.members(room).count();
            check(members == *memberships, format!("{room} has {members} members, and {memberships} sockets are in it"))?;
        }
        check(shard.room_count() == memberships.len(), "there is an empty room".into())?;
        for (slot, connection) in &shard.connections {
            let paused = connection.sockets.iter().filter(|&&socket| shard.sockets[socket as usize].paused).count();
            check(connection.pauses as usize == paused, format!("connection {slot} has {paused} paused sockets, and counts others"))?;
            let bytes = connection.outbox.bytes();
            let bounded =
                connection.queued != FlushPriority::Idle || bytes <= shard.config.outbox_limit || !connection.outbox.has_several();
            check(bounded, format!("{bytes} bytes wait for connection {slot}"))?;
            let behind = connection.sockets.iter().filter(|&&socket| shard.sockets[socket as usize].catch_up.is_some()).count();
            check(
                connection.catching_up as usize == behind,
                format!("connection {slot} has {behind} sockets that catch up, and counts others"),
            )?;
            check(connection.outbox.is_empty() == (bytes == 0), format!("{bytes} bytes are counted for connection {slot}"))?;
        }
        check(shard.outgoing.is_empty() && shard.pending_closes.is_empty(), "a turn leaves broadcasts or closes undone".into())
    }

    /// Whether every connection that has ended had a reason.
    fn check_ends(&self) -> Result<(), Violation> {
        let mut trace = self.trace.borrow_mut();
        if let Some(violation) = trace.violations.pop() {
            return Err(violation);
        }
        for (connection_id, reason) in trace.ends.drain(..) {
            let fair = match reason {
                _ if self.noisy.contains(&connection_id) || self.left.contains(&connection_id) => true,
                DisconnectReason::TooSlow => true,
                // A client that gives up waiting and connects again may be accepted on both connections, in the other order; it reconnects.
                DisconnectReason::TakenOver => true,
                DisconnectReason::PingTimeout => self.was_silent(connection_id),
                // A client that has received the end of its connection ends it too.
                _ => !self.connections[connection_id.client]
                    .as_ref()
                    .is_some_and(|connection| connection.connection_id == connection_id && !connection.ended),
            };
            if !fair {
                return Err(format!("the connection of {connection_id:?} ends by a {}", reason.as_str()));
            }
        }
        Ok(())
    }

    /// Whether a client's pong was late.
    fn was_silent(&self, connection_id: ConnectionId) -> bool {
        let connection = self.connections[connection_id.client]
            .as_ref()
            .filter(|connection| connection.connection_id == connection_id && self.sizes.1 == 0);
        connection.is_none_or(|connection| self.now + TICK >= connection.last_heartbeat + PING_INTERVAL + PING_TIMEOUT)
    }

    /// Moves the whole network and all clients, shards and the writer, until none has any work left.
    fn settle(&mut self) -> Result<(), Violation> {
        for _ in 0..20_000 {
            let mut moved = false;
            for client in 0..CLIENTS {
                moved |= self.flow(client, usize::MAX, usize::MAX)?;
            }
            moved |= !self.writer.lock().unwrap().is_idle();
            self.write(usize::MAX);
            moved |= self.archive.respond(usize::MAX);
            for shard in 0..self.workers.len() {
                moved |= self.turn(shard)?;
            }
            if !moved {
                return Ok(());
            }
        }
        Err("the world does not become idle".into())
    }

    fn check_survivors(&self) -> Result<(), Violation> {
        self.connections
            .iter()
            .flatten()
            .filter(|connection| !connection.ended && !connection.noisy)
            .try_for_each(ClientConnection::check_all_received)
    }

    /// Ends the world: all clients vanish and time passes, and then no state may be left.
    fn end(mut self) -> Result<RunStats, Violation> {
        for client in 0..CLIENTS {
            self.step(Step::Vanish(client))?;
        }
        let end = self.now + LONG_WAIT;
        while self.now < end {
            self.now += Duration::from_millis(500);
            self.settle()?;
        }
        for worker in &self.workers {
            let shard = &worker.shard;
            let left = [
                shard.connections.len(),
                shard.sockets.len(),
                shard.room_count(),
                shard.readable.len(FlushPriority::Soon) + shard.readable.len(FlushPriority::Later),
            ];
            if left != [0; 4]
                || !shard.renamed.is_empty()
                || !shard.flush_queue.is_empty()
                || shard.timers.next().is_some()
                || !self.trace.borrow().accepted.is_empty()
            {
                return Err(format!("shard {} keeps connections, sockets, rooms, readable {left:?}, or a timer", shard.index));
            }
        }
        let writer = self.writer.lock().unwrap();
        let persisted_events = writer.persisted_events.values().map(Vec::len).sum();
        let (connections, archive_reads) = (self.connection_counts.iter().sum(), self.archive.response_count());
        Ok(RunStats { persisted_events, connections, resumed: writer.resumed, rejections: writer.rejections, archive_reads, ..self.stats })
    }
}
