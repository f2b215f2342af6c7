//! The stage of a scenario: who connects to which room, and who publishes there in which words.
//!
//! The floor and the peers speak the bench's few lines; the whole product speaks its household and workspace contracts.

use anyhow::Result;
use serde_json::json;

use super::load::{Entrance, Load, client_text};
use super::peers::Peer;
use super::rest;
use super::sequence::{Numbered, payload};
use super::server::Server;
use super::token::{sign, subject};

/// How many share a room in a crowd that publishes nothing.
const SHARED_BY: usize = 100;
/// As many connects are in progress at a time.
pub const AT_ONCE: usize = 64;

/// An authenticated client in two rooms: one that it shares with others, and one of its own.
pub fn visitor(peer: Peer, number: usize) -> Entrance {
    socket_io(peer, number, &format!("hall-{}", number / SHARED_BY))
}

fn socket_io(peer: Peer, number: usize, room: &str) -> Entrance {
    let auth = if peer.is_the_product() {
        // It puts the connection into its household's room and into the person's own.
        json!({"token": sign(number, Some(room))})
    } else {
        json!({"token": sign(number, None), "rooms": [room, format!("own-{number}")]})
    };
    Entrance::socket_io(&auth.to_string())
}

/// Visitors, connected: numbers `first..first + count`.
pub fn visitors(peer: Peer, first: usize, count: usize) -> impl ExactSizeIterator<Item = Entrance> {
    (first..first + count).map(move |number| visitor(peer, number))
}

/// How the whole product is asked to tell a room something.
#[derive(Clone, Copy)]
pub enum Words {
    /// A new task by REST, told to a household's Socket.IO clients.
    Household,
    /// A message on a raw WebSocket, told to a channel's raw WebSockets.
    Workspace,
}

/// Members of one room, and a publisher that is not counted among them.
pub struct Stage {
    pub load: Load,
    /// The clients numbered below this are the members; the last `deaf` of them never read.
    pub members: usize,
    pub deaf: usize,
    pub publisher: usize,
    pub publish: Numbered,
}

/// What a stage looks like.
pub struct Setting {
    pub members: usize,
    pub deaf: usize,
    pub payload: usize,
    pub words: Words,
}

impl Stage {
    pub fn set(server: &Server, setting: &Setting) -> Result<Self> {
        let Setting { members, deaf, payload: size, words } = *setting;
        let mut load = Load::new(server.port)?;
        let (entrances, publisher, publish): (Vec<Entrance>, Entrance, Vec<u8>) = match (server.peer.is_the_product(), words) {
            (false, _) => {
                let text = format!(r#"42["publish","hall",{}]"#, payload(size));
                let members = (0..members).map(|number| socket_io(server.peer, number, "hall")).collect();
                (members, socket_io(server.peer, setting.members, "aside"), client_text(&text))
            }
            (true, Words::Household) => {
                let body = json!({"title": payload(size)}).to_string();
                let request = rest::post_request("/households/hall/tasks", &sign(members, Some("hall")), &body, "keep-alive");
                let members = (0..members).map(|number| socket_io(server.peer, number, "hall")).collect();
                (members, Entrance::http(), request)
            }
            (true, Words::Workspace) => {
                let room = open_channel(server)?;
                let mut entrances: Vec<Entrance> = (0..=members).map(|number| raw(number, &room)).collect();
                let publisher = entrances.remove(members);
                let text = json!({"type": "send_message", "room": room, "data": {"content": payload(size)}}).to_string();
                (entrances, publisher, client_text(&text))
            }
        };
        let entrances = entrances.into_iter().enumerate().map(|(number, mut entrance)| {
            entrance.tiny_window = number >= members - deaf;
            entrance
        });
        load.admit(entrances, AT_ONCE)?;
        load.admit([publisher].into_iter(), 1)?;
        for number in members - deaf..members {
            load.deafen(number)?;
        }
        Ok(Self { load, members, deaf, publisher: members, publish: Numbered::new(publish) })
    }

    /// How many of the members read.
    pub fn readers(&self) -> usize {
        self.members - self.deaf
    }
}

/// A room of the studio contract for the people of these numbers; its id, as JSON.
pub fn open_chat_room(port: u16, people: std::ops::Range<usize>) -> Result<String> {
    let members: Vec<String> = people.clone().map(subject).collect();
    rest::create(port, "/shared/chat/rooms", &sign(people.start, None), &json!({"name": "bench", "memberIds": members}))
}

/// One of them, there.
pub fn chatter(number: usize, room: &str) -> Entrance {
    Entrance::studio(&json!({"token": sign(number, None), "userId": subject(number)}).to_string(), room)
}

/// As many people can be named when a project is made; a bigger crowd has several connections each.
const PEOPLE: usize = 100;

fn raw(number: usize, room: &str) -> Entrance {
    Entrance::raw(&format!("/api/v1/ws/connect?token={}", sign(number % PEOPLE, None)), room)
}

/// A channel of a project that all of these people are members of.
fn open_channel(server: &Server) -> Result<String> {
    let owner = sign(0, None);
    let others: Vec<String> = (1..PEOPLE).map(subject).collect();
    let project = rest::create(server.port, "/api/v1/projects", &owner, &json!({"name": "bench", "memberIds": others}))?;
    let channel = rest::create(server.port, &format!("/api/v1/projects/{project}/channels"), &owner, &json!({"name": "bench"}))?;
    Ok(format!("channel:{channel}"))
}
