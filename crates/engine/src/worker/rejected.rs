//! Tests that rejected WebSockets do not pile up, whichever part of the server rejects them.

use std::sync::Arc;

use bytes::Bytes;
use wire::engineio::Version;
use wire::websocket::{Frames, Opcode};

use super::Worker;
use super::close::MAX_REJECTED;
use super::simulation::network::{self, ClientEnd};
use crate::app::{App, Connect, Event};
use crate::config::{Config, Endpoint, Protocol};
use crate::handshake_rejection::HandshakeRejection;
use crate::hub::Hub;
use crate::id::Id;
use crate::mailbox::Mail;
use crate::shard::{Shard, SocketKey};
use crate::shard_request::{NewConnection, NewSession, Purpose};
use crate::stream::NewStream;

/// Accepts a socket, or closes its connection.
struct RejectingApp;

impl App for RejectingApp {
    /// Whether the socket is accepted.
    type Handshake = bool;
    type Data = ();
    type Message = ();

    fn connect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, _: Connect<'_>) {
        if shard.handshake(socket) == Some(&true) {
            shard.accept(socket, ());
        } else {
            shard.close(socket, 4401, "no");
        }
    }

    fn event(&mut self, _: &mut Shard<Self>, _: SocketKey, _: Event<'_>) {}
}

fn session(accepted: bool) -> Purpose<bool> {
    Purpose::Session(NewSession { endpoint: 0, version: Version::V4, handshake: accepted, base64: false, auth: None })
}

/// A shard, and its WebSockets for these purposes.
fn shard_with(purposes: impl Iterator<Item = Purpose<bool>>) -> (Worker<RejectingApp>, Vec<ClientEnd>) {
    let endpoints = vec![Endpoint { path: "/raw".into(), protocol: Protocol::Raw, ping_interval: std::time::Duration::from_secs(3600) }];
    let poll = mio::Poll::new().unwrap();
    let gate = Arc::new(|_: &http::request::Parts, _| Ok(true));
    let config = Config { shards: 1, endpoints, ..Config::default() };
    let hub = Arc::new(Hub::<RejectingApp>::new(config, gate, std::slice::from_ref(&poll)).unwrap());
    let mut worker = Worker::new(0, hub.clone(), poll, RejectingApp);
    let mut streams = Vec::new();
    for purpose in purposes {
        let (stream, end) = network::connect(1 << 20, 0);
        let new_connection =
            NewConnection { stream: NewStream::Simulated(end), greeting: Vec::new(), early: Bytes::new(), deflate: None, purpose };
        hub.put(0, Mail::NewConnection(Box::new(new_connection)));
        streams.push(stream);
    }
    turn(&mut worker);
    (worker, streams)
}

/// Runs turns of a shard until it has nothing left to do, while no time passes.
fn turn(worker: &mut Worker<RejectingApp>) {
    let now = worker.shard.now;
    for _ in 0..100 {
        worker.turn(|| now);
    }
}

/// The number of connections that are left after these WebSockets, whose clients send no close frame, and the close code that each
/// received.
fn left_of(purposes: impl Iterator<Item = Purpose<bool>>) -> (usize, Vec<Option<u16>>) {
    let (worker, streams) = shard_with(purposes);
    let code = |bytes: &[u8]| {
        let close = Frames::new(bytes).find(|(opcode, _)| *opcode == Opcode::Close);
        close.map(|(_, payload)| payload.first_chunk().map_or(0, |code| u16::from_be_bytes(*code)))
    };
    (worker.shard.connections.len(), streams.iter().map(|stream| code(&stream.move_down(usize::MAX))).collect())
}

#[test]
fn newest_rejected_websockets_stay_and_all_get_the_reason() {
    let many = 3 * MAX_REJECTED;
    let rejection =
        || HandshakeRejection { message: "no".into(), code: Some(4403), status: http::StatusCode::FORBIDDEN, retry_after: None };
    let ways: [fn(HandshakeRejection) -> Purpose<bool>; 3] =
        [Purpose::Reject, |_| session(false), |_| Purpose::Upgrade(Id::parse("AAAAAAAAAAAAAAAAAAAA").unwrap())];
    for (way, expected) in ways.into_iter().zip([4403, 4401, 0]) {
        let (left, codes) = left_of((0..many).map(|_| way(rejection())));
        assert_eq!(left, MAX_REJECTED);
        assert!(codes.iter().all(|code| *code == Some(expected)), "{expected}: {codes:?}");
    }
    let (left, codes) = left_of((0..many).map(|_| session(true)));
    assert_eq!((left, codes.iter().all(Option::is_none)), (many, true), "an accepted WebSocket stays");
}

#[test]
fn disconnected_websockets_may_answer_the_close_frame() {
    let many = 3 * MAX_REJECTED;
    let (mut worker, _lines) = shard_with((0..many).map(|_| session(true)));
    for socket in worker.shard.sockets().collect::<Vec<_>>() {
        worker.shard.disconnect(socket, true);
    }
    turn(&mut worker);
    assert_eq!(worker.shard.connections.len(), many);
}
