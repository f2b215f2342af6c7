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
    pub returns: usize,
    pub refusals: usize,
    /// The number of turns after which a socket of a shard still had to catch up, and the number of requests to the archive.
    pub behind: usize,
    pub questions: usize,
    /// The numbers of POSTs that were handled and of upgrades to a WebSocket that were finished.
    pub posts: usize,
    pub upgrades: usize,
}

pub struct World {
    now: Instant,
    hub: Arc<Hub<ModelApp>>,
    workers: Vec<Worker<ModelApp>>,
    /// Each shard's TCP connections.
    lines: Vec<Vec<ClientEnd>>,
    desk: Arc<Mutex<ModelWriter>>,
    archive: Arc<ModelArchive>,
    log: Rc<RefCell<Trace>>,
    lives: [Option<ClientConnection>; CLIENTS],
    lived: [usize; CLIENTS],
    /// The memory of each client from its last connection.
    memories: [ClientState; CLIENTS],
    /// Lines of ended connections with bytes that are still on their way.
    behind: Vec<(usize, ClientEnd)>,
    /// The connections that their client has ended, and those whose client has sent noise.
    left: HashSet<ConnectionId>,
    noisy: HashSet<ConnectionId>,
    count: u64,
    sizes: (usize, usize),
    deeds: RunStats,
}

/// Plays a script to its end, and continues until every connection has ended by itself.
pub fn play(script: &Script, flaw: Option<InjectedBug>) -> Result<RunStats, Violation> {
    let mut world = World::new(script, flaw);
    for step in &script.steps {
        world.step(*step)?;
    }
    world.settle()?;
    world.check_survivors()?;
    world.end()
}

impl World {
    fn new(script: &Script, flaw: Option<InjectedBug>) -> Self {
        let endpoint = |path: &str, protocol| Endpoint { path: path.into(), protocol, ping_interval: PING_INTERVAL };
        let window = Duration::from_secs(3_600);
        let desk = Arc::new(Mutex::new(ModelWriter::with(flaw)));
        let archive = Arc::new(ModelArchive::of(desk.clone()));
        let recovery = Recovery {
            epoch: "e".into(),
            position: 0,
            floor: 0,
            holes: Vec::new(),
            keep: script.keep,
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
        let gate = Arc::new(|_: &http::request::Parts, _| Ok(ConnectionId { client: 0, life: 0 }));
        let hub = Arc::new(Hub::new(config, gate, &polls).unwrap());
        let log = Rc::<RefCell<Trace>>::default();
        let now = Instant::now();
        let workers = polls.into_iter().enumerate().map(|(index, poll)| {
            let mut worker = Worker::new(index as u8, hub.clone(), poll, ModelApp { desk: desk.clone(), log: log.clone() });
            worker.shard = Shard::new(index as u8, hub.config.clone(), hub.history.clone(), now);
            worker.shard.random = StdRng::seed_from_u64(index as u64);
            worker
        });
        Self {
            now,
            workers: workers.collect(),
            lines: vec![Vec::new(); script.shards],
            hub,
            desk,
            archive,
            log,
            lives: Default::default(),
            lived: [0; CLIENTS],
            memories: Default::default(),
            behind: Vec::new(),
            left: HashSet::new(),
            noisy: HashSet::new(),
            count: 0,
            sizes: (script.send_buffer, script.grudging),
            deeds: RunStats::default(),
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
            Step::Chatter(at, count) => self.desk.lock().unwrap().chatter(&Handle(self.hub.clone()), &room(at), count),
            Step::Read(most) => drop(self.archive.answer(most)),
            Step::Connect(client, travel) => self.connect(client, travel, false),
            Step::Return(client, travel) => self.connect(client, travel, true),
            Step::Flow(client, up, down) => drop(self.flow(client, up, down)?),
            Step::Join(client, at) => self.with_connection(client, |life| life.join(room(at), number)),
            Step::Leave(client, at) => self.with_connection(client, |life| life.leave(room(at), number)),
            Step::Say(client, at, length) => self.with_connection(client, |life| life.send_message(room(at), number, length)),
            Step::Type(client, at) => self.with_connection(client, |life| life.send_typing(&room(at), number)),
            Step::Upgrade(client) => {
                let sizes = self.sizes;
                let line = self.lives[client].as_mut().and_then(|life| life.upgrade(sizes));
                self.watch(line);
            }
            Step::Abort(client) => {
                let line = self.lives[client].as_mut().and_then(ClientConnection::abort);
                self.behind.extend(line.map(|line| (client, line)));
            }
            Step::Close(client) => self.part(client, ClientConnection::close),
            Step::End(client) => self.part(client, ClientConnection::end),
            Step::Break(client) => self.part(client, |life| {
                life.break_off();
                None
            }),
            Step::Vanish(client) => self.part(client, |life| {
                life.over = true;
                None
            }),
            Step::Noise(client, seed) => {
                if let Some(life) = self.lives[client].as_mut().filter(|life| !life.over) {
                    life.noise(seed);
                    self.noisy.insert(life.who);
                }
            }
        }
        Ok(())
    }

    fn connect(&mut self, client: usize, travel: TransportKind, returns: bool) {
        if self.lives[client].as_ref().is_some_and(|life| !life.over) {
            return;
        }
        self.leave_behind(client);
        let who = ConnectionId { client, life: self.lived[client] };
        self.lived[client] += 1;
        if !returns {
            self.memories[client] = ClientState::default();
        }
        let (life, line) =
            ClientConnection::begin((who, self.memories[client].clone()), travel, &self.hub, &self.desk, self.now, self.sizes);
        self.lives[client] = Some(life);
        self.watch(line);
    }

    fn with_connection(&mut self, client: usize, does: impl FnOnce(&mut ClientConnection)) {
        if let Some(life) = self.lives[client].as_mut().filter(|life| !life.over) {
            does(life);
        }
    }

    /// Ends a client's connection in one of the ways.
    fn part(&mut self, client: usize, how: impl FnOnce(&mut ClientConnection) -> Option<ClientEnd>) {
        let Some(mut life) = self.lives[client].take() else { return };
        self.memories[client] = life.memory.clone();
        if !life.over {
            self.left.insert(life.who);
            let line = how(&mut life);
            self.behind.extend(line.map(|line| (client, line)));
        }
    }

    /// Keeps the line of a connection that the server has ended, with the bytes that are still on their way.
    fn leave_behind(&mut self, client: usize) {
        let line = self.lives[client].take().and_then(|mut life| {
            self.memories[client] = std::mem::take(&mut life.memory);
            life.end()
        });
        self.behind.extend(line.map(|line| (client, line)));
    }

    fn watch(&mut self, line: Option<(u8, ClientEnd)>) {
        if let Some((shard, line)) = line {
            self.lines[shard as usize].push(line);
        }
    }

    fn flow(&mut self, client: usize, up: usize, down: usize) -> Result<bool, Violation> {
        let mut moved = false;
        for (_, line) in self.behind.iter().filter(|(whose, _)| *whose == client) {
            moved |= line.rise(up) | !line.fall(down).is_empty();
        }
        if let Some(life) = &mut self.lives[client] {
            moved |= life.flow(up, down, self.now)?;
            self.deeds.posts += std::mem::take(&mut life.posts);
            self.deeds.upgrades += std::mem::take(&mut life.upgrades);
        }
        Ok(moved)
    }

    fn write(&mut self, most: usize) {
        self.desk.lock().unwrap().work(&Handle(self.hub.clone()), most);
    }

    /// Runs one turn of a shard, if its thread would not sleep. True if it did not.
    fn turn(&mut self, shard: usize) -> Result<bool, Violation> {
        let Some(worker) = self.workers.get_mut(shard) else { return Ok(false) };
        let mailbox = &self.hub.mailboxes[shard];
        let sleeps = worker.is_idle() && mailbox.set_asleep();
        mailbox.set_awake();
        let due = [worker.shard.timers.next(), worker.shard.wake_at].into_iter().flatten().min().is_some_and(|next| next <= self.now);
        if sleeps && !due && !self.lines[shard].iter().any(ClientEnd::has_edges) {
            return Ok(false);
        }
        worker.shard.now = self.now;
        for (token, edges) in self.lines[shard].iter().filter_map(ClientEnd::take_edges) {
            worker.note(token, edges.readable, edges.writable, edges.ended);
        }
        worker.turn(|| self.now);
        self.lines[shard].retain(|line| !line.is_let_go());
        self.inspect(shard)?;
        self.deeds.behind += usize::from(self.workers[shard].shard.sockets.iter().any(|(_, socket)| socket.behind.is_some()));
        self.check_ends()?;
        Ok(true)
    }

    /// Checks a shard after a turn.
    fn inspect(&self, index: usize) -> Result<(), Violation> {
        let shard = &self.workers[index].shard;
        let check = |good: bool, what: String| if good { Ok(()) } else { Err(format!("shard {index}: {what}")) };
        let mut seats = HashMap::<&str, usize>::new();
        for (slot, socket) in &shard.sockets {
            let connection = shard.connections.get(socket.connection as usize);
            let known = connection.is_some_and(|connection| connection.sockets.contains(&(slot as u32)));
            check(known, format!("socket {slot} has no connection"))?;
            let key = crate::SocketKey::new(shard.index, slot as u32, socket.generation);
            for room in shard.rooms_of(key) {
                *seats.entry(room).or_default() += 1;
                let times = shard.members(room).filter(|member| *member == key).count();
                check(times == 1, format!("socket {slot} sits {times} times in {room}"))?;
            }
            let present = self.log.borrow().present.get(&(index, key)).copied();
            check(present == socket.data.as_ref().map(|data| data.who), format!("socket {slot} is {present:?}'s"))?;
            if let Some((who, Some(secret))) = socket.data.as_ref().map(|data| (data.who, data.secret)) {
                let memory = self.lives[who.client].as_ref().map_or(&self.memories[who.client], |life| &life.memory);
                memory.check_confirmed(&self.desk.lock().unwrap(), secret, shard.acked(key).unwrap_or(0))?;
            }
        }
        for (room, seats) in &seats {
            let members = shard.members(room).count();
            check(members == *seats, format!("{members} members on {seats} seats in {room}"))?;
        }
        check(shard.room_count() == seats.len(), "there is an empty room".into())?;
        for (slot, connection) in &shard.connections {
            let paused = connection.sockets.iter().filter(|&&socket| shard.sockets[socket as usize].paused).count();
            check(connection.pauses as usize == paused, format!("connection {slot} has {paused} paused sockets, and counts others"))?;
            let bytes = connection.outbox.bytes();
            let bounded = connection.queued != FlushPriority::Not || bytes <= shard.config.outbox_limit || !connection.outbox.has_several();
            check(bounded, format!("{bytes} bytes wait for connection {slot}"))?;
            let behind = connection.sockets.iter().filter(|&&socket| shard.sockets[socket as usize].behind.is_some()).count();
            check(
                connection.behind as usize == behind,
                format!("connection {slot} has {behind} sockets that catch up, and counts others"),
            )?;
            check(connection.outbox.is_empty() == (bytes == 0), format!("{bytes} bytes are counted for connection {slot}"))?;
        }
        check(shard.outgoing.is_empty() && shard.doomed.is_empty(), "a turn leaves something undone".into())
    }

    /// Whether every connection that has ended had a reason.
    fn check_ends(&self) -> Result<(), Violation> {
        let mut log = self.log.borrow_mut();
        if let Some(wrong) = log.wrongs.pop() {
            return Err(wrong);
        }
        for (who, reason) in log.ends.drain(..) {
            let fair = match reason {
                _ if self.noisy.contains(&who) || self.left.contains(&who) => true,
                DisconnectReason::TooSlow => true,
                // A client that gives up waiting and connects again may be accepted on both connections, in the other order; it reconnects.
                DisconnectReason::TakenOver => true,
                DisconnectReason::PingTimeout => self.was_silent(who),
                // A client that has received the end of its connection ends it too.
                _ => !self.lives[who.client].as_ref().is_some_and(|life| life.who == who && !life.over),
            };
            if !fair {
                return Err(format!("the connection of {who:?} ends by a {}", reason.as_str()));
            }
        }
        Ok(())
    }

    /// Whether a client's answer to a ping was late.
    fn was_silent(&self, who: ConnectionId) -> bool {
        let life = self.lives[who.client].as_ref().filter(|life| life.who == who && self.sizes.1 == 0);
        life.is_none_or(|life| self.now + TICK >= life.beaten + PING_INTERVAL + PING_TIMEOUT)
    }

    /// Moves the whole network and all clients, shards and the writer, until none has any work left.
    fn settle(&mut self) -> Result<(), Violation> {
        for _ in 0..20_000 {
            let mut moved = false;
            for client in 0..CLIENTS {
                moved |= self.flow(client, usize::MAX, usize::MAX)?;
            }
            moved |= !self.desk.lock().unwrap().is_idle();
            self.write(usize::MAX);
            moved |= self.archive.answer(usize::MAX);
            for shard in 0..self.workers.len() {
                moved |= self.turn(shard)?;
            }
            if !moved {
                return Ok(());
            }
        }
        Err("it does not come to rest".into())
    }

    fn check_survivors(&self) -> Result<(), Violation> {
        self.lives.iter().flatten().filter(|life| !life.over && !life.noisy).try_for_each(ClientConnection::check_all_received)
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
                || !shard.line.is_empty()
                || shard.timers.next().is_some()
                || !self.log.borrow().present.is_empty()
            {
                return Err(format!("shard {} keeps connections, sockets, rooms, readable {left:?}, or a timer", shard.index));
            }
        }
        let desk = self.desk.lock().unwrap();
        let persisted_events = desk.persisted_events.values().map(Vec::len).sum();
        let (connections, questions) = (self.lived.iter().sum(), self.archive.answered());
        Ok(RunStats { persisted_events, connections, returns: desk.returns, refusals: desk.refusals, questions, ..self.deeds })
    }
}
