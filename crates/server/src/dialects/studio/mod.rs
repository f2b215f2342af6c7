//! The studio contract: chat rooms with messages, typing, calls and who is online, told over Socket.IO.

pub mod objects;
pub mod payloads;
mod requests;

use domain::event::{Event, Fact, Signal};
use domain::names::{Kind, Timestamp};
use domain::refusal::Refusal;
use engine::Saying;
use serde::Serialize;
use serde_json::Value;

use super::ids::NumberOrText;
use super::times::Milliseconds;
use super::{Answer, Dialect, Heard, Outcome, Reply, Request, json, refused, told};
use crate::limits::Spending;
use objects::NewMessage;
use payloads::{CallAnswered, CallEnded, CallInitiated, MessageDeleted, MessageEdited, Offline, Online, PersonInRoom, StoppedTyping};

/// studio's way of speaking.
#[derive(Clone, Copy, Debug)]
pub struct Studio;

impl Dialect for Studio {
    fn namespace(&self) -> Option<&'static str> {
        Some("/chat")
    }

    fn kinds(&self) -> &'static [Kind] {
        &[Kind::ChatRoom]
    }

    fn fact(&self, fact: &Fact) -> Vec<Saying> {
        if fact.room.kind() != Kind::ChatRoom {
            return Vec::new();
        }
        match &fact.event {
            Event::MessageSent { message } => say("message:new", &NewMessage::of(message)),
            Event::MessageEdited { message } => say("message:edited", &MessageEdited::of(message)),
            Event::MessageDeleted { message, .. } => say("message:deleted", &MessageDeleted::of(*message, &fact.room)),
            Event::CallInitiated { call } => say("call:initiated", &CallInitiated::of(call)),
            Event::CallAnswered { call, by } => {
                say("call:answered", &CallAnswered { call_id: call.id, answered_by: NumberOrText(by.id.as_str()) })
            }
            Event::CallEnded { call } => say("call:ended", &CallEnded::of(call)),
            Event::MemberJoined { person, .. } => say("member:joined", &PersonInRoom::of(&person.id, &fact.room, fact.at)),
            Event::MemberLeft { person, .. } => say("member:left", &PersonInRoom::of(person, &fact.room, fact.at)),
            _ => Vec::new(),
        }
    }

    fn signal(&self, signal: &Signal, now: Timestamp) -> Option<Saying> {
        let timestamp = Milliseconds(now);
        let (name, payload) = match signal {
            Signal::Entered { room, person } => ("member:joined", json(&PersonInRoom::of(&person.id, room, now))),
            // Of the end of a membership the fact has told already, in the same words.
            Signal::Left { removed: true, .. } => return None,
            Signal::Left { room, person, .. } => ("member:left", json(&PersonInRoom::of(&person.id, room, now))),
            Signal::Typing { room, person } => ("user:typing", json(&PersonInRoom::of(person, room, now))),
            Signal::StoppedTyping { room, person } => {
                ("user:stop_typing", json(&StoppedTyping { user_id: NumberOrText(person.as_str()), room_id: NumberOrText(room.id()) }))
            }
            Signal::Online { person, connection } => {
                ("user:online", json(&Online { user_id: NumberOrText(person.as_str()), socket_id: connection, timestamp }))
            }
            Signal::Offline { person } => ("user:offline", json(&Offline { user_id: NumberOrText(person.as_str()), timestamp })),
            _ => return None,
        };
        Some(Saying::event(name, payload))
    }

    fn understand(&self, heard: &Heard<'_>) -> Option<Request> {
        let Heard::Event { name, args } = heard else { return None };
        requests::understand(name, args)
    }

    fn spends(&self, request: &str) -> Option<Spending> {
        match request {
            "message:send" => Some(Spending::StudioMessage),
            "user:typing" => Some(Spending::StudioTyping),
            _ => None,
        }
    }

    fn answer(&self, answer: &Answer<'_>) -> Reply {
        let (ack, say) = match answer.result {
            Err(refusal) => return refused_here(answer.name, refusal, answer.acked),
            Ok(Outcome::Entered(room) | Outcome::Left(room)) => (json(&InRoom { ok: true, room_id: NumberOrText(room.id()) }), Vec::new()),
            Ok(Outcome::Moved { room, online }) => {
                let online = online.iter().map(|(person, connection)| {
                    let (user_id, timestamp) = (NumberOrText(person.as_str()), Milliseconds(answer.now));
                    Saying::event("user:online", json(&Online { user_id, socket_id: connection, timestamp }))
                });
                (json(&InRoom { ok: true, room_id: NumberOrText(room.id()) }), online.collect())
            }
            Ok(Outcome::Changed(Value::String(ack))) => (ack.clone(), Vec::new()),
            Ok(Outcome::Changed(Value::Array(parts))) => match &parts[..] {
                [Value::String(ack), Value::String(name), Value::String(payload)] => {
                    let event = Saying::event(name.clone(), payload.clone());
                    (ack.clone(), if answer.acked && name == "message:new" { Vec::new() } else { vec![event] })
                }
                _ => (DONE.into(), Vec::new()),
            },
            Ok(_) => (DONE.into(), Vec::new()),
        };
        Reply { ack: answer.acked.then_some(ack), say, close: None }
    }
}

/// The acknowledgement of what has nothing to say.
const DONE: &str = r#"{"ok":true}"#;

/// The acknowledgement of a room entered or left.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct InRoom<'a> {
    ok: bool,
    room_id: NumberOrText<'a>,
}

/// A refusal in the document's words: its text as the `error` event's one argument, or, where an acknowledgement is wanted, as that.
fn refused_here(name: &str, refusal: &Refusal, acked: bool) -> Reply {
    let text = match refusal {
        // Unknown or forbidden: nobody learns which.
        Refusal::NotFound(noun) if *noun == Kind::ChatRoom.noun() => "Not a member of this room".to_owned(),
        other => told(other),
    };
    if !acked {
        return Reply { say: vec![Saying::event("error", json(&text))], ..Reply::default() };
    }
    let reply = refused(name, refusal, true);
    let ack = reply.ack.and_then(|ack| serde_json::from_str::<Value>(&ack).ok()).map(|mut ack| {
        ack["error"] = text.into();
        ack.to_string()
    });
    Reply { ack, ..Reply::default() }
}

fn say(name: &'static str, payload: &impl Serialize) -> Vec<Saying> {
    vec![Saying::event(name, json(payload))]
}
