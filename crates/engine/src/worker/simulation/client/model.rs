//! The knowledge of a client, and the checks of all messages that it receives against that and against the writer's decisions.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Mutex;

use super::super::model_writer::{DecidedEvent, ModelWriter};
use super::{ClientConnection, Violation};
use crate::id::Id;

pub(super) enum PendingRequest {
    Join(String),
    Leave(String),
    Say(String),
}

/// The knowledge of a client on one connection, against which its messages are checked.
#[derive(Default)]
pub(super) struct Knowledge {
    pub welcome: bool,
    /// The client has recovered its session: facts that it missed may arrive behind answers.
    pub is_back: bool,
    pub asked: VecDeque<(u64, PendingRequest)>,
    pub typed: HashMap<usize, u64>,
    /// The numbers of its own `type` commands.
    pub own: HashSet<u64>,
}

/// The knowledge of a client on all its connections, until it gets a new session.
#[derive(Clone, Default)]
pub struct ClientState {
    /// The secret of its session.
    pub(super) secret: Option<Id>,
    /// The last position that it has received.
    pub(super) position: Option<String>,
    /// The rooms that it is in, with the number of the last fact received.
    pub(super) rooms: HashMap<String, usize>,
    /// Rooms that it has asked for, or asked to leave, without an answer so far.
    pub(super) unanswered: HashSet<String>,
    /// The fact whose second message is still to come.
    pub(super) owed: Option<(String, usize)>,
}

impl ClientState {
    /// Checks that the client has read all broadcasts up to the offset that its session has confirmed.
    pub fn check_confirmed(&self, desk: &ModelWriter, secret: Id, confirmed: u64) -> Result<(), Violation> {
        let Some(session) = desk.sessions.get(&secret).filter(|_| self.secret == Some(secret)) else { return Ok(()) };
        for (room, since) in &session.rooms {
            let persisted_events = desk.persisted_events.get(room).map_or(&[][..], Vec::as_slice);
            let seq =
                persisted_events.iter().rposition(|persisted| (since + 1..=confirmed).contains(&persisted.offset)).map_or(0, |at| at + 1);
            let read = self.rooms.get(room).copied().unwrap_or(0);
            if read < seq || (seq > 0 && self.owed == Some((room.clone(), seq))) {
                return Err(format!(
                    "{confirmed} is confirmed, but of {room} {read} facts are read, not {seq}, and {:?} is owed",
                    self.owed
                ));
            }
        }
        Ok(())
    }

    /// The client recovers the session that it had.
    fn continue_after(&mut self, desk: &ModelWriter) -> Result<(), Violation> {
        let session = self.secret.and_then(|secret| desk.sessions.get(&secret)).ok_or("the desk does not know that session")?;
        let unanswered = std::mem::take(&mut self.unanswered);
        if let Some(lost) = self.rooms.keys().find(|room| !session.rooms.contains_key(*room) && !unanswered.contains(*room)) {
            return Err(format!("it is in {lost} no longer"));
        }
        self.rooms.retain(|room, _| session.rooms.contains_key(room));
        for (room, since) in &session.rooms {
            let before = desk
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
        // A room that the client has left, or left and joined again, owes it no second message.
        let rooms = &self.rooms;
        self.owed = self.owed.take().filter(|(room, seq)| rooms.get(room) == Some(seq));
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
        if secret.is_none() || secret != self.memory.secret {
            self.memory = ClientState { secret, ..ClientState::default() };
        } else {
            self.knows.is_back = true;
            self.memory.continue_after(&self.desk.lock().unwrap()).map_err(|wrong| format!("{:?} recovers: {wrong}", self.who))?;
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
            self.memory.position = Some(position.to_owned());
        }
        Ok(())
    }

    /// Checks a line against what the client knows and what the writer has decided.
    pub(super) fn receive_line(&mut self, line: &str) -> Result<(), Violation> {
        if self.noisy {
            self.knows.welcome |= line == "welcome";
            return Ok(());
        }
        let words: Vec<&str> = line.split(' ').collect();
        let number = |at: usize| words.get(at).and_then(|word| word.parse::<usize>().ok()).unwrap_or(usize::MAX);
        let wrong = |what: String| Err(format!("{:?} receives `{line}`: {what}", self.who));
        let (knows, memory) = (&mut self.knows, &mut self.memory);
        match words[..] {
            ["welcome"] if !knows.welcome => knows.welcome = true,
            ["noted"] if knows.welcome => {}
            ["done", ..] => {
                let Some((asked, wish)) = knows.asked.pop_front() else { return wrong("nothing was asked".into()) };
                if asked != number(1) as u64 {
                    return wrong(format!("{asked} was asked before"));
                }
                let seq = number(2);
                if let PendingRequest::Join(room) | PendingRequest::Leave(room) = &wish {
                    let again = |(_, asked): &(u64, PendingRequest)| matches!(asked, PendingRequest::Join(other) | PendingRequest::Leave(other) if other == room);
                    if !knows.asked.iter().any(again) {
                        memory.unanswered.remove(room);
                    }
                }
                match wish {
                    PendingRequest::Join(room) => {
                        let known = *memory.rooms.entry(room).or_insert(seq);
                        if known != seq && !(knows.is_back && known < seq) {
                            return wrong(format!("the last fact received was {known}"));
                        }
                    }
                    PendingRequest::Leave(room) => {
                        // A client that leaves a room while it catches up does not receive the rest of the room's facts.
                        let as_far = |known: usize| known == seq || (knows.is_back && known < seq);
                        memory.owed.take_if(|(owed, _)| *owed == room);
                        if let Some(known) = memory.rooms.remove(&room).filter(|known| !as_far(*known)) {
                            return wrong(format!("the last fact received was {known}"));
                        }
                    }
                    PendingRequest::Say(room) => {
                        let said = decided_event(&self.desk, &room, seq);
                        if said.as_ref().is_none_or(|persisted| (persisted.author, persisted.number) != (self.who.client, asked)) {
                            return wrong(format!("but the fact there is {said:?}"));
                        }
                    }
                }
            }
            _ if memory.owed.is_some() && words[0] != "echo" => return wrong(format!("{:?} was to come first", memory.owed)),
            ["echo", room, _] => {
                if memory.owed.take() != Some((room.to_owned(), number(2))) {
                    return wrong("nothing of that is owed".into());
                }
            }
            ["fact", room, _, _, _, padding] => {
                let Some(known) = memory.rooms.get_mut(room) else { return wrong("it is not in that room".into()) };
                let (seq, author, said) = (number(2), number(3), number(4) as u64);
                if seq != *known + 1 {
                    return wrong(format!("the last fact received was {known}"));
                }
                *known = seq;
                let decided = decided_event(&self.desk, room, seq);
                let Some(decided) =
                    decided.filter(|persisted| (persisted.author, persisted.number, persisted.padding) == (author, said, padding.len()))
                else {
                    return wrong("that is not what was decided".into());
                };
                if decided.is_echoed() {
                    memory.owed = Some((room.to_owned(), seq));
                }
                if author == self.who.client && knows.asked.iter().any(|(asked, _)| *asked == said) {
                    return wrong("it was not answered before".into());
                }
            }
            ["typing", room, ..] => {
                if !memory.rooms.contains_key(room) {
                    return wrong("it is not in that room".into());
                }
                if knows.own.contains(&(number(3) as u64)) {
                    return wrong("that is its own".into());
                }
                if knows.typed.insert(number(2), number(3) as u64).is_some_and(|before| before >= number(3) as u64) {
                    return wrong("it comes late, or again".into());
                }
            }
            _ => return wrong("that is no line of the server".into()),
        }
        Ok(())
    }

    /// Checks that the client has received all facts, when no message is on its way any more.
    pub fn check_all_received(&self) -> Result<(), Violation> {
        let desk = self.desk.lock().unwrap();
        let behind = self.memory.rooms.iter().find(|(room, known)| desk.persisted_events.get(*room).map_or(0, Vec::len) != **known);
        if !self.knows.welcome {
            return Err(format!("{:?} is not accepted", self.who));
        }
        if let Some(owed) = &self.memory.owed {
            return Err(format!("{:?} has received half of {owed:?}", self.who));
        }
        if let Some((asked, _)) = self.knows.asked.front() {
            return Err(format!("{:?} has no answer to {asked}", self.who));
        }
        behind.map_or(Ok(()), |(room, known)| {
            Err(format!("{:?} has received {known} of {} facts in {room}", self.who, desk.persisted_events[room].len()))
        })
    }
}

fn decided_event(desk: &Mutex<ModelWriter>, room: &str, seq: usize) -> Option<DecidedEvent> {
    desk.lock().unwrap().persisted_events.get(room)?.get(seq.checked_sub(1)?).cloned()
}
