//! The knowledge of a client, and the checks of all messages that it receives against that and against the writer's decisions.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Mutex;

use super::super::model_writer::{DecidedEvent, ModelWriter};
use super::{ClientConnection, Violation};
use crate::id::Id;

pub(super) enum PendingRequest {
    Join(String),
    Leave(String),
    Publish(String),
}

/// The knowledge of a client on one connection, against which its messages are checked.
#[derive(Default)]
pub(super) struct Knowledge {
    pub welcome: bool,
    /// The client has recovered its session: events that it missed may arrive after responses.
    pub is_resumed: bool,
    pub pending: VecDeque<(u64, PendingRequest)>,
    pub last_typing: HashMap<usize, u64>,
    /// The numbers of its own `type` commands.
    pub own_typing: HashSet<u64>,
}

/// The knowledge of a client on all its connections, until it gets a new session.
#[derive(Clone, Default)]
pub struct ClientState {
    /// The secret of its session.
    pub(super) secret: Option<Id>,
    /// The last position that it has received.
    pub(super) position: Option<String>,
    /// The rooms that it is in, with the number of the last event received.
    pub(super) rooms: HashMap<String, usize>,
    /// Rooms that it has requested to join or to leave, without a response so far.
    pub(super) unanswered: HashSet<String>,
    /// The event whose second message the client has still to receive.
    pub(super) expected_echo: Option<(String, usize)>,
}

impl ClientState {
    /// Checks that the client has read all broadcasts up to the offset that its session has confirmed.
    pub fn check_confirmed(&self, writer: &ModelWriter, secret: Id, acked: u64) -> Result<(), Violation> {
        let Some(session) = writer.sessions.get(&secret).filter(|_| self.secret == Some(secret)) else { return Ok(()) };
        for (room, since) in &session.rooms {
            let persisted_events = writer.persisted_events.get(room).map_or(&[][..], Vec::as_slice);
            let seq = persisted_events.iter().rposition(|persisted| (since + 1..=acked).contains(&persisted.offset)).map_or(0, |at| at + 1);
            let read = self.rooms.get(room).copied().unwrap_or(0);
            if read < seq || (seq > 0 && self.expected_echo == Some((room.clone(), seq))) {
                return Err(format!(
                    "{acked} is confirmed, but of {room} {read} events are read, not {seq}, and {:?} is expected",
                    self.expected_echo
                ));
            }
        }
        Ok(())
    }

    /// The client recovers the session that it had.
    fn continue_after(&mut self, writer: &ModelWriter) -> Result<(), Violation> {
        let session = self.secret.and_then(|secret| writer.sessions.get(&secret)).ok_or("the model writer does not know that session")?;
        let unanswered = std::mem::take(&mut self.unanswered);
        if let Some(lost) = self.rooms.keys().find(|room| !session.rooms.contains_key(*room) && !unanswered.contains(*room)) {
            return Err(format!("it is in {lost} no longer"));
        }
        self.rooms.retain(|room, _| session.rooms.contains_key(room));
        for (room, since) in &session.rooms {
            let before = writer
                .persisted_events
                .get(room)
                .map_or(0, |persisted_events| persisted_events.iter().filter(|persisted| persisted.offset <= *since).count());
            match (self.rooms.get_mut(room), unanswered.contains(room)) {
                (None, true) => drop(self.rooms.insert(room.clone(), before)),
                (Some(known), true) => *known = before.max(*known),
                (Some(known), false) if before <= *known => {}
                (known, _) => return Err(format!("it is in {room} behind {before}, and knows of {known:?}")),
            }
        }
        // A room that the client has left, or left and joined again, has no second message for it.
        let rooms = &self.rooms;
        self.expected_echo = self.expected_echo.take().filter(|(room, seq)| rooms.get(room) == Some(seq));
        Ok(())
    }
}

impl ClientConnection {
    /// The client receives CONNECT, for the session that it had or for a new one.
    pub(super) fn receive_connected(&mut self, text: &str) -> Result<(), Violation> {
        let secret = text.split_once(r#""pid":""#).and_then(|(_, rest)| Id::parse(rest.get(..20)?));
        self.connected = true;
        if self.noisy {
            // A noisy client does not know what it has read, so it does not recover.
            return Ok(());
        }
        if secret.is_none() || secret != self.state.secret {
            self.state = ClientState { secret, ..ClientState::default() };
        } else {
            self.knowledge.is_resumed = true;
            self.state
                .continue_after(&self.writer.lock().unwrap())
                .map_err(|violation| format!("{:?} recovers: {violation}", self.connection_id))?;
        }
        for (line, position) in std::mem::take(&mut self.early) {
            self.receive_event(&line, position.as_deref())?;
        }
        Ok(())
    }

    /// Events before CONNECT wait for it; without CONNECT they do not count as received.
    pub(super) fn receive_event(&mut self, line: &str, position: Option<&str>) -> Result<(), Violation> {
        if !self.connected {
            self.early.push((line.to_owned(), position.map(str::to_owned)));
            return Ok(());
        }
        self.receive_line(line)?;
        if let Some(position) = position.filter(|_| !self.noisy) {
            self.state.position = Some(position.to_owned());
        }
        Ok(())
    }

    /// Checks a line against what the client knows and what the writer has decided.
    pub(super) fn receive_line(&mut self, line: &str) -> Result<(), Violation> {
        if self.noisy {
            self.knowledge.welcome |= line == "welcome";
            return Ok(());
        }
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<usize>().ok()).unwrap_or(usize::MAX);
        let violation = |what: String| Err(format!("{:?} receives `{line}`: {what}", self.connection_id));
        let (knowledge, state) = (&mut self.knowledge, &mut self.state);
        match words[..] {
            ["welcome"] if !knowledge.welcome => knowledge.welcome = true,
            ["noted"] if knowledge.welcome => {}
            ["done", ..] => {
                let Some((requested, intent)) = knowledge.pending.pop_front() else { return violation("no request is pending".into()) };
                if requested != number(1) as u64 {
                    return violation(format!("{requested} was requested before"));
                }
                let seq = number(2);
                if let PendingRequest::Join(room) | PendingRequest::Leave(room) = &intent {
                    let names_room = |(_, requested): &(u64, PendingRequest)| matches!(requested, PendingRequest::Join(other) | PendingRequest::Leave(other) if other == room);
                    if !knowledge.pending.iter().any(names_room) {
                        state.unanswered.remove(room);
                    }
                }
                match intent {
                    PendingRequest::Join(room) => {
                        let known = *state.rooms.entry(room).or_insert(seq);
                        if known != seq && !(knowledge.is_resumed && known < seq) {
                            return violation(format!("the last event received was {known}"));
                        }
                    }
                    PendingRequest::Leave(room) => {
                        // A client that leaves a room while it catches up does not receive the rest of the room's events.
                        let has_received = |known: usize| known == seq || (knowledge.is_resumed && known < seq);
                        state.expected_echo.take_if(|(expected_echo, _)| *expected_echo == room);
                        if let Some(known) = state.rooms.remove(&room).filter(|known| !has_received(*known)) {
                            return violation(format!("the last event received was {known}"));
                        }
                    }
                    PendingRequest::Publish(room) => {
                        let number_of_event = decided_event(&self.writer, &room, seq);
                        if number_of_event
                            .as_ref()
                            .is_none_or(|persisted| (persisted.author, persisted.number) != (self.connection_id.client, requested))
                        {
                            return violation(format!("but the event there is {number_of_event:?}"));
                        }
                    }
                }
            }
            _ if state.expected_echo.is_some() && words[0] != "echo" => {
                return violation(format!("{:?} was expected first", state.expected_echo));
            }
            ["echo", room, _] => {
                if state.expected_echo.take() != Some((room.to_owned(), number(2))) {
                    return violation("no echo is expected".into());
                }
            }
            ["event", room, _, _, _, padding] => {
                let Some(known) = state.rooms.get_mut(room) else { return violation("it is not in that room".into()) };
                let (seq, author, number_of_event) = (number(2), number(3), number(4) as u64);
                if seq != *known + 1 {
                    return violation(format!("the last event received was {known}"));
                }
                *known = seq;
                let decided = decided_event(&self.writer, room, seq);
                let Some(decided) = decided.filter(|persisted| {
                    (persisted.author, persisted.number, persisted.padding) == (author, number_of_event, padding.len())
                }) else {
                    return violation("the writer decided another event".into());
                };
                if decided.is_echoed() {
                    state.expected_echo = Some((room.to_owned(), seq));
                }
                if author == self.connection_id.client && knowledge.pending.iter().any(|(requested, _)| *requested == number_of_event) {
                    return violation("its request was not acknowledged before".into());
                }
            }
            ["typing", room, ..] => {
                if !state.rooms.contains_key(room) {
                    return violation("it is not in that room".into());
                }
                if knowledge.own_typing.contains(&(number(3) as u64)) {
                    return violation("the client sent it itself".into());
                }
                if knowledge.last_typing.insert(number(2), number(3) as u64).is_some_and(|before| before >= number(3) as u64) {
                    return violation("it is late, or a duplicate".into());
                }
            }
            _ => return violation("the server sends no such line".into()),
        }
        Ok(())
    }

    /// Checks that the client has received all events, when no message is on its way any more.
    pub fn check_all_received(&self) -> Result<(), Violation> {
        let writer = self.writer.lock().unwrap();
        let behind = self.state.rooms.iter().find(|(room, known)| writer.persisted_events.get(*room).map_or(0, Vec::len) != **known);
        if !self.knowledge.welcome {
            return Err(format!("{:?} is not accepted", self.connection_id));
        }
        if let Some(expected_echo) = &self.state.expected_echo {
            return Err(format!("{:?} has received half of {expected_echo:?}", self.connection_id));
        }
        if let Some((requested, _)) = self.knowledge.pending.front() {
            return Err(format!("{:?} has no response to {requested}", self.connection_id));
        }
        behind.map_or(Ok(()), |(room, known)| {
            Err(format!("{:?} has received {known} of {} events in {room}", self.connection_id, writer.persisted_events[room].len()))
        })
    }
}

fn decided_event(writer: &Mutex<ModelWriter>, room: &str, seq: usize) -> Option<DecidedEvent> {
    writer.lock().unwrap().persisted_events.get(room)?.get(seq.checked_sub(1)?).cloned()
}
