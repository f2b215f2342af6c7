//! A host: one namespace with sockets in memory, which have rooms and data, record their events, and acknowledge.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use socketio_adapter::{AckSink, Answer, Broadcast, Event, Flags, LocalNamespace, Payload, Reply, Selection, SocketDetails};
use tokio::sync::watch;

/// What a socket does with an event that it is to acknowledge.
#[derive(Clone)]
pub enum Acknowledges {
    Never,
    With(Payload),
}

struct MemorySocket {
    rooms: BTreeSet<String>,
    data: String,
    events: Vec<(Event, Flags)>,
    acknowledges: Acknowledges,
}

#[derive(Default)]
struct State {
    sockets: BTreeMap<String, MemorySocket>,
    disconnected: Vec<(String, bool)>,
    server_events: Vec<Event>,
    /// The answer to each event for servers. Without one the host never answers.
    answer: Option<String>,
    /// Whether requests for sockets and rooms are never answered.
    is_silent: bool,
}

pub struct MemoryNamespace {
    state: Mutex<State>,
    /// Grows with each call, for those who wait for a state.
    calls: watch::Sender<u64>,
}

impl MemoryNamespace {
    pub fn new() -> Self {
        Self { state: Mutex::default(), calls: watch::Sender::new(0) }
    }

    /// Adds a socket. It is in the room with the name of its id, too.
    pub fn add_socket(&self, id: &str, rooms: &[&str], data: &str, acknowledges: Acknowledges) {
        let rooms = rooms.iter().chain(&[id]).map(|room| (*room).to_owned()).collect();
        let socket = MemorySocket { rooms, data: data.to_owned(), events: Vec::new(), acknowledges };
        self.state.lock().unwrap().sockets.insert(id.to_owned(), socket);
    }

    pub fn answer_server_events_with(&self, json: &str) {
        self.state.lock().unwrap().answer = Some(json.to_owned());
    }

    pub fn stop_answering(&self) {
        self.state.lock().unwrap().is_silent = true;
    }

    /// The rooms of a socket without its own.
    pub fn rooms_of(&self, id: &str) -> Vec<String> {
        self.state.lock().unwrap().sockets[id].rooms.iter().filter(|room| *room != id).cloned().collect()
    }

    /// Waits until a socket has received an event with this name, and takes all events up to it, without it.
    pub async fn events_until(&self, id: &str, last: &str) -> Vec<(Event, Flags)> {
        self.until(|state| {
            let events = &mut state.sockets.get_mut(id)?.events;
            let at = events.iter().position(|(event, _)| event.name == last)?;
            let mut taken: Vec<_> = events.drain(..=at).collect();
            taken.pop();
            Some(taken)
        })
        .await
    }

    /// Waits until sockets were disconnected, and returns all with whether their connections were closed.
    pub async fn disconnected(&self, number: usize) -> Vec<(String, bool)> {
        self.until(|state| (state.disconnected.len() >= number).then(|| state.disconnected.clone())).await
    }

    /// Waits for the next event for servers.
    pub async fn server_event(&self) -> Event {
        self.until(|state| (!state.server_events.is_empty()).then(|| state.server_events.remove(0))).await
    }

    /// Waits until a socket is in exactly these rooms, besides its own.
    pub async fn until_rooms_are(&self, id: &str, rooms: &[&str]) {
        let expected: BTreeSet<String> = rooms.iter().chain(&[id]).map(|room| (*room).to_owned()).collect();
        self.until(|state| (state.sockets[id].rooms == expected).then_some(())).await;
    }

    async fn until<T>(&self, mut found: impl FnMut(&mut State) -> Option<T>) -> T {
        let mut calls = self.calls.subscribe();
        loop {
            calls.mark_unchanged();
            if let Some(found) = found(&mut self.state.lock().unwrap()) {
                return found;
            }
            calls.changed().await.unwrap();
        }
    }

    fn change<T>(&self, change: impl FnOnce(&mut State) -> T) -> T {
        let result = change(&mut self.state.lock().unwrap());
        self.calls.send_modify(|calls| *calls += 1);
        result
    }

    fn answer<T: Send + 'static>(&self, read: impl FnOnce(&State) -> T) -> Answer<T> {
        let state = self.state.lock().unwrap();
        if state.is_silent {
            return Box::pin(std::future::pending());
        }
        let value = read(&state);
        Box::pin(async { value })
    }
}

impl State {
    fn selected<'s>(&'s mut self, to: &'s Selection) -> impl Iterator<Item = (&'s String, &'s mut MemorySocket)> {
        self.sockets.iter_mut().filter(|(_, socket)| is_selected(socket, to))
    }
}

fn is_selected(socket: &MemorySocket, to: &Selection) -> bool {
    let is_in = |rooms: &[String]| rooms.iter().any(|room| socket.rooms.contains(room));
    (to.rooms.is_empty() || is_in(&to.rooms)) && !is_in(&to.except)
}

impl LocalNamespace for MemoryNamespace {
    fn broadcast(&self, broadcast: Broadcast) {
        self.change(|state| {
            for (_, socket) in state.selected(&broadcast.to) {
                socket.events.push((broadcast.event.clone(), broadcast.flags));
            }
        });
    }

    fn broadcast_with_ack(&self, broadcast: Broadcast, acks: AckSink) {
        self.change(|state| {
            let mut clients = 0;
            for (_, socket) in state.selected(&broadcast.to) {
                socket.events.push((broadcast.event.clone(), broadcast.flags));
                clients += 1;
                if let Acknowledges::With(payload) = &socket.acknowledges {
                    acks.ack(payload);
                }
            }
            acks.client_count(clients);
        });
    }

    fn has_room(&self, room: &str) -> bool {
        self.state.lock().unwrap().sockets.values().any(|socket| socket.rooms.contains(room))
    }

    fn socket_ids(&self, rooms: Vec<String>) -> Answer<Vec<String>> {
        let to = Selection { rooms, except: Vec::new() };
        self.answer(|state| state.sockets.iter().filter(|(_, socket)| is_selected(socket, &to)).map(|(id, _)| id.clone()).collect())
    }

    fn rooms(&self) -> Answer<Vec<String>> {
        self.answer(|state| {
            let rooms: BTreeSet<String> = state.sockets.values().flat_map(|socket| socket.rooms.iter().cloned()).collect();
            rooms.into_iter().collect()
        })
    }

    fn fetch_sockets(&self, sockets: Selection) -> Answer<Vec<SocketDetails>> {
        let details = |(id, socket): (&String, &MemorySocket)| SocketDetails {
            id: id.clone(),
            handshake: r#"{"headers":{"user-agent":"memory"},"auth":{"token":"t"}}"#.to_owned(),
            rooms: socket.rooms.iter().cloned().collect(),
            data: socket.data.clone(),
        };
        self.answer(|state| state.sockets.iter().filter(|(_, socket)| is_selected(socket, &sockets)).map(details).collect())
    }

    fn join(&self, sockets: Selection, rooms: Vec<String>) {
        self.change(|state| state.selected(&sockets).for_each(|(_, socket)| socket.rooms.extend(rooms.clone())));
    }

    fn leave(&self, sockets: Selection, rooms: Vec<String>) {
        self.change(|state| state.selected(&sockets).for_each(|(_, socket)| socket.rooms.retain(|room| !rooms.contains(room))));
    }

    fn disconnect(&self, sockets: Selection, close: bool) {
        self.change(|state| {
            let ids: Vec<String> = state.selected(&sockets).map(|(id, _)| id.clone()).collect();
            for id in ids {
                state.sockets.remove(&id);
                state.disconnected.push((id, close));
            }
        });
    }

    fn server_side_emit(&self, event: Event, reply: Option<Reply>) {
        self.change(|state| {
            state.server_events.push(event);
            if let (Some(reply), Some(answer)) = (reply, &state.answer) {
                reply.answer(answer);
            }
        });
    }
}
