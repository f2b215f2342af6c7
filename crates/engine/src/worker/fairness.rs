//! Tests of the order in which a shard serves its clients when some of them send more than others.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::oneshot;
use wire::engineio::Version;
use wire::websocket::{Window, deflate};

use super::Worker;
use super::simulation::network::{self, ClientEnd};
use crate::app::{App, Connect, Event};
use crate::config::{Config, Endpoint, Protocol};
use crate::hub::Hub;
use crate::id::Id;
use crate::mailbox::Mail;
use crate::shard::{Shard, SocketKey};
use crate::shard_request::{NewConnection, NewSession, PollResponse, Purpose, ShardRequest};
use crate::stream::NewStream;

const RAW: u8 = 0;
const ENGINE_IO: u8 = 1;

/// Records the clients whose messages are handled, in order. Each message takes `takes` of the clock.
struct Recorder {
    log: Rc<RefCell<Vec<usize>>>,
    clock: Rc<Cell<Instant>>,
    takes: Duration,
}

impl App for Recorder {
    type Handshake = usize;
    type Data = ();
    type Message = ();

    fn connect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, _: Connect<'_>) {
        shard.accept(socket, ());
    }

    fn event(&mut self, _: &mut Shard<Self>, _: SocketKey, _: Event<'_>) {}

    fn text(&mut self, shard: &mut Shard<Self>, socket: SocketKey, _: &str) {
        self.log.borrow_mut().extend(shard.handshake(socket).copied());
        self.clock.set(self.clock.get() + self.takes);
    }
}

struct World {
    hub: Arc<Hub<Recorder>>,
    worker: Worker<Recorder>,
    clock: Rc<Cell<Instant>>,
    log: Rc<RefCell<Vec<usize>>>,
    streams: Vec<ClientEnd>,
}

impl World {
    /// A shard with `clients` WebSockets, which are numbered from 0.
    fn new(clients: usize, takes: Duration) -> Self {
        let endpoint = |path: &str, protocol| Endpoint { path: path.into(), protocol, ping_interval: Duration::from_secs(3600) };
        let endpoints = vec![endpoint("/raw", Protocol::Raw), endpoint("/engine.io", Protocol::EngineIo)];
        let config = Config { shards: 1, endpoints, deflate: true, ..Config::default() };
        let poll = mio::Poll::new().unwrap();
        let gate = Arc::new(|_: &http::request::Parts, _| Ok(0));
        let hub = Arc::new(Hub::new(config, gate, std::slice::from_ref(&poll)).unwrap());
        let (clock, log) = (Rc::new(Cell::new(Instant::now())), Rc::default());
        let app = Recorder { log: Rc::clone(&log), clock: Rc::clone(&clock), takes };
        let mut worker = Worker::new(0, hub.clone(), poll, app);
        worker.shard = Shard::new(0, hub.config.clone(), None, clock.get());
        let mut world = Self { hub, worker, clock, log, streams: Vec::new() };
        for client in 0..clients {
            let (client_end, server_end) = network::connect(1 << 20, 0);
            let purpose = Purpose::Session(session(RAW, client));
            let stream = NewStream::Simulated(server_end);
            let new_connection = NewConnection { stream, greeting: Vec::new(), early: Bytes::new(), deflate: Some(Window::Full), purpose };
            world.hub.put(0, Mail::NewConnection(Box::new(new_connection)));
            world.streams.push(client_end);
        }
        world.turn();
        world
    }

    fn send(&self, client: usize, bytes: &[u8]) {
        self.streams[client].write(bytes);
        self.streams[client].move_up(usize::MAX);
    }

    fn turn(&mut self) {
        self.worker.shard.now = self.clock.get();
        for (token, edges) in self.streams.iter().filter_map(ClientEnd::take_edges) {
            self.worker.note(token, edges.readable, edges.writable, edges.ended);
        }
        let clock = Rc::clone(&self.clock);
        self.worker.turn(|| clock.get());
    }

    /// Runs turns until this client was served `times` times. Returns the clients whose messages were handled, in order.
    fn until_served(&mut self, client: usize, times: usize) -> Vec<usize> {
        for _ in 0..1_000 {
            self.turn();
            let log = self.log.borrow();
            if let Some((last, _)) = log.iter().enumerate().filter(|(_, served)| **served == client).nth(times - 1) {
                return log[..=last].to_vec();
            }
        }
        panic!("client {client} is not served {times} times: {:?}", self.log.borrow());
    }
}

fn session(endpoint: u8, handshake: usize) -> NewSession<<Recorder as App>::Handshake> {
    NewSession { endpoint, version: Version::V4, handshake, base64: false, auth: None }
}

/// A client's frame, masked with zeros.
fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let length: &[u8] = match payload.len() {
        short @ 0..126 => &[0x80 | short as u8],
        long => &[0xfe, (long >> 8) as u8, long as u8],
    };
    [&[first], length, &[0; 4], payload].concat()
}

/// A frame of some thousand bytes that inflates to a megabyte.
fn bomb() -> Vec<u8> {
    frame(0xc1, &deflate(&vec![b'x'; 999_000], Window::Full))
}

fn most_of_another(log: &[usize], client: usize) -> usize {
    let others = log.iter().copied().filter(|served| *served != client);
    others.clone().map(|other| log.iter().filter(|served| **served == other).count()).max().unwrap_or_default()
}

#[test]
fn client_is_served_between_frames_that_inflate_to_a_megabyte() {
    let mut world = World::new(21, Duration::ZERO);
    for attacker in 0..20 {
        world.send(attacker, &bomb().repeat(12));
    }
    world.send(20, &frame(0x81, b"hello"));
    let log = world.until_served(20, 1);
    assert_eq!(most_of_another(&log, 20), 1, "{log:?}");
    // All of them have used up their shares, so none of them is served before the next message of the client.
    let before = world.log.borrow().len();
    world.send(20, &frame(0x81, b"hello again"));
    let log = world.until_served(20, 2);
    assert!(log.len() - before <= 1, "{log:?}");
    // Their messages are all handled in the end, by turns.
    let log = world.until_served(19, 12);
    assert!((0..20).all(|attacker| log.iter().filter(|served| **served == attacker).count() >= 11), "{log:?}");
}

#[test]
fn turn_ends_after_half_a_megabyte_and_the_next_continues() {
    let mut world = World::new(20, Duration::ZERO);
    for client in 0..20 {
        world.send(client, &bomb());
    }
    for turn in 1..=5 {
        world.turn();
        assert_eq!(world.log.borrow().len(), turn, "{:?}", world.log.borrow());
    }
    let log = world.until_served(19, 1);
    assert_eq!(log, (0..20).collect::<Vec<_>>());
}

#[test]
fn burst_of_short_messages_is_handled_in_several_turns() {
    let mut world = World::new(2, Duration::ZERO);
    world.send(0, &frame(0x81, b"short").repeat(1_000));
    world.send(1, &frame(0x81, b"hello"));
    let log = world.until_served(1, 1);
    assert!(log.len() < 300, "{} are handled before", log.len());
    world.until_served(0, 1_000);
    assert_eq!(world.log.borrow().len(), 1_001);
}

#[test]
fn turn_ends_after_its_time_and_the_next_continues() {
    let mut world = World::new(100, Duration::from_millis(4));
    for client in 0..100 {
        world.send(client, &frame(0x81, b"slow"));
    }
    world.turn();
    assert_eq!(world.log.borrow().len(), 3);
    assert_eq!(world.until_served(99, 1), (0..100).collect::<Vec<_>>());
}

#[test]
fn posted_body_of_many_packets_is_handled_in_several_turns() {
    let mut world = World::new(1, Duration::ZERO);
    let (reply, mut opened) = oneshot::channel();
    world.hub.put(0, Mail::Request(Box::new(ShardRequest::Open { session: session(ENGINE_IO, 7), mark: None, reply })));
    world.turn();
    let PollResponse::Payload(handshake, _) = opened.try_recv().unwrap() else { panic!("no session") };
    let session = std::str::from_utf8(&handshake).unwrap().split('"').nth(3).and_then(Id::parse).unwrap();
    let body = Bytes::from(vec!["4short"; 1_000].join("\u{1e}"));
    let (reply, mut body_limit) = oneshot::channel();
    world.hub.put(0, Mail::Request(Box::new(ShardRequest::PostBegins { session, reply })));
    let (reply, mut posted) = oneshot::channel();
    world.hub.put(0, Mail::Request(Box::new(ShardRequest::Post { session, body, binary: false, reply })));
    world.turn();
    assert!(matches!(body_limit.try_recv(), Ok(PollResponse::BodyLimit(_))));
    world.send(0, &frame(0x81, b"hello"));
    let log = world.until_served(0, 1);
    assert!(log.len() < 300, "{} are handled before", log.len());
    assert!(posted.try_recv().is_err(), "answered before it is handled");
    world.until_served(7, 1_000);
    assert_eq!(world.log.borrow().len(), 1_001);
    assert!(matches!(posted.try_recv(), Ok(PollResponse::Accepted)));
}
