//! The clients of a scenario: the members of a room, and the publisher that sends messages to it.
//!
//! Roomcast serves its household and workspace contracts, and the other servers serve the protocol of the bench.

use anyhow::Result;
use serde_json::json;

use super::load_generator::{ClientHandshake, LoadGenerator, client_text};
use super::rest;
use super::sequence_numbers::{NumberedMessage, payload};
use super::server_process::ServerProcess;
use super::servers::ServerKind;
use super::token::{sign, subject};

/// How many clients share a room in scenarios in which clients only connect.
const CLIENTS_PER_ROOM: usize = 100;
/// How many clients connect at the same time.
pub const CONCURRENT_CONNECTS: usize = 64;

/// The name of the room that a reader shares with others. On Roomcast it is a household.
pub fn shared_room(number: usize) -> String {
    format!("room-{}", number / CLIENTS_PER_ROOM)
}

/// An authenticated client in two rooms: one that it shares with others, and one for itself.
pub fn reader_client(kind: ServerKind, number: usize) -> ClientHandshake {
    socket_io(kind, number, &shared_room(number))
}

fn socket_io(kind: ServerKind, number: usize, room: &str) -> ClientHandshake {
    let auth = if kind.is_roomcast() {
        // Roomcast adds the connection to the rooms of the household and of the user.
        json!({"token": sign(number, Some(room))})
    } else {
        json!({"token": sign(number, None), "rooms": [room, format!("own-{number}")]})
    };
    ClientHandshake::socket_io(&auth.to_string())
}

/// The handshakes of the clients with the numbers `first..first + count`.
pub fn reader_clients(kind: ServerKind, first: usize, count: usize) -> impl ExactSizeIterator<Item = ClientHandshake> {
    (first..first + count).map(move |number| reader_client(kind, number))
}

/// How a message is published on Roomcast.
#[derive(Clone, Copy)]
pub enum PublishBy {
    /// A REST request creates a task, and the Socket.IO clients of the household receive it.
    Household,
    /// A raw WebSocket client sends a message, and the raw WebSocket clients of the channel receive it.
    Workspace,
}

/// The members of one room, and a publisher that is not a member.
pub struct RoomFixture {
    pub load: LoadGenerator,
    /// The clients with lower numbers are the members. The last `non_readers` members never read.
    pub members: usize,
    pub non_readers: usize,
    pub publisher: usize,
    pub publish: NumberedMessage,
}

/// How many members a fixture has, and how its messages are published.
pub struct FixtureOptions {
    pub members: usize,
    pub non_readers: usize,
    pub payload: usize,
    pub publish_by: PublishBy,
}

impl RoomFixture {
    pub fn connect(server: &ServerProcess, options: &FixtureOptions) -> Result<Self> {
        let FixtureOptions { members, non_readers, payload: size, publish_by } = *options;
        let mut load = LoadGenerator::new(server.port)?;
        let (handshakes, publisher, publish): (Vec<ClientHandshake>, ClientHandshake, Vec<u8>) =
            match (server.kind.is_roomcast(), publish_by) {
                (false, _) => {
                    let text = format!(r#"42["publish","room",{}]"#, payload(size));
                    let members = (0..members).map(|number| socket_io(server.kind, number, "room")).collect();
                    (members, socket_io(server.kind, options.members, "other"), client_text(&text))
                }
                (true, PublishBy::Household) => {
                    let body = json!({"title": payload(size)}).to_string();
                    let request = rest::post_request("/households/room/tasks", &sign(members, Some("room")), &body, "keep-alive");
                    let members = (0..members).map(|number| socket_io(server.kind, number, "room")).collect();
                    (members, ClientHandshake::http(), request)
                }
                (true, PublishBy::Workspace) => {
                    let room = create_channel(server)?;
                    let mut handshakes: Vec<ClientHandshake> = (0..=members).map(|number| raw_client(number, &room)).collect();
                    let publisher = handshakes.remove(members);
                    let text = json!({"type": "send_message", "room": room, "data": {"content": payload(size)}}).to_string();
                    (handshakes, publisher, client_text(&text))
                }
            };
        let handshakes = handshakes.into_iter().enumerate().map(|(number, mut handshake)| {
            handshake.smallest_receive_buffer = number >= members - non_readers;
            handshake
        });
        load.connect_clients(handshakes, CONCURRENT_CONNECTS)?;
        load.connect_clients([publisher].into_iter(), 1)?;
        for number in members - non_readers..members {
            load.stop_reading(number)?;
        }
        Ok(Self { load, members, non_readers, publisher: members, publish: NumberedMessage::new(publish) })
    }

    /// How many members read.
    pub fn readers(&self) -> usize {
        self.members - self.non_readers
    }
}

/// Creates a room of the studio contract for the users with these numbers. Returns its id as JSON.
pub fn create_chat_room(port: u16, users: std::ops::Range<usize>) -> Result<String> {
    let members: Vec<String> = users.clone().map(subject).collect();
    rest::create(port, "/shared/chat/rooms", &sign(users.start, None), &json!({"name": "bench", "memberIds": members}))
}

/// A client of the studio contract that joins a room and may send messages.
pub fn writer_client(number: usize, room: &str) -> ClientHandshake {
    ClientHandshake::studio(&json!({"token": sign(number, None), "userId": subject(number)}).to_string(), room)
}

/// The largest number of members in the request that creates a project. If there are more clients, a user has several connections.
const USERS: usize = 100;

fn raw_client(number: usize, room: &str) -> ClientHandshake {
    ClientHandshake::raw(&format!("/api/v1/ws/connect?token={}", sign(number % USERS, None)), room)
}

/// Creates a project with all users as members, and a channel in it. Returns the name of the channel's room.
fn create_channel(server: &ServerProcess) -> Result<String> {
    let owner = sign(0, None);
    let others: Vec<String> = (1..USERS).map(subject).collect();
    let project = rest::create(server.port, "/api/v1/projects", &owner, &json!({"name": "bench", "memberIds": others}))?;
    let channel = rest::create(server.port, &format!("/api/v1/projects/{project}/channels"), &owner, &json!({"name": "bench"}))?;
    Ok(format!("channel:{channel}"))
}
