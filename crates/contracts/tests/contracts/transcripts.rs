//! Transcripts: what a contract makes of events and requests, as text for snapshots.

use std::fmt::Write;

use contracts::{ClientAction, ClientMessage, Contract, Outcome, Reply, RequestInfo};
use domain::error::DomainError;
use domain::ids::{RoomId, RoomKind, UserId};
use engine::OutboundMessage;
use serde_json::json;
use wire::socketio::{Packet, json as packets};

use crate::sample_events::{ephemeral_events, persisted_events};
use crate::sample_objects::{EXPIRY, NOW, alice, bob, custom_event, errors, rooms};

/// The text for a request that the contract does not define.
pub const UNKNOWN: &str = "unknown to this contract";

/// Every event of each kind of room, and of the inbox, with the messages that the contract makes of it. The events without a message are listed
/// at the end of their room.
pub fn events(contract: &dyn Contract) -> String {
    let mut transcript = String::new();
    for room in rooms().into_iter().chain([RoomId::inbox(&alice().id)]) {
        let persisted = persisted_events(&room).into_iter().map(|(title, event)| (title, contract.persisted_event(&event)));
        // The fan-out passes ephemeral events to the contract of the room only.
        let is_own = room.kind() == RoomKind::User || contract.kinds().contains(&room.kind());
        let ephemeral = ephemeral_events(&room).into_iter().filter(|_| is_own);
        let ephemeral = ephemeral.map(|(title, event)| (title, contract.ephemeral_event(&event, NOW).into_iter().collect()));
        let (silent, encoded): (Vec<_>, Vec<_>) = persisted.chain(ephemeral).partition(|(_, messages): &(_, Vec<_>)| messages.is_empty());
        writeln!(transcript, "# {room}").unwrap();
        if encoded.is_empty() {
            transcript.push_str("no messages\n\n");
            continue;
        }
        for (title, messages) in encoded {
            writeln!(transcript, "{title}\n{}", lines(&messages)).unwrap();
        }
        let silent: Vec<_> = silent.into_iter().map(|(title, _)| title).collect();
        writeln!(transcript, "without a message: {}\n", silent.join(", ")).unwrap();
    }
    transcript
}

/// Each request, and the action or the error that the contract parses from it. A request to a Socket.IO contract is the JSON array of its event.
pub fn requests(contract: &dyn Contract, requests: &[&str]) -> String {
    let parsed = requests.iter().map(|request| {
        let shown: String = request.chars().take(100).collect();
        let cut = if shown.len() < request.len() { " … (cut here)" } else { "" };
        let parsed = if contract.namespace().is_some() { parse_event(contract, request) } else { parse_text(contract, request) };
        format!("{shown}{cut}\n    {parsed}\n")
    });
    parsed.collect()
}

/// The reply to each result of a request, with and without an acknowledgement. Then those to each error of the first request.
pub fn replies(contract: &dyn Contract, results: &[(&str, Outcome)]) -> String {
    let results = results.iter().map(|(name, outcome)| ((*name).to_owned(), *name, Ok(outcome)));
    let errors = errors();
    let failed = results
        .clone()
        .take(1)
        .flat_map(|(_, name, _)| errors.iter().map(move |error| (format!("{name}, error {}: {error}", error.code()), name, Err(error))));
    let mut transcript = String::new();
    for (title, name, result) in results.chain(failed) {
        let [acked, unacked] = [true, false].map(|acked| reply(contract, name, result, acked));
        let replies = match acked == unacked {
            true => show(&acked),
            false => format!("  with an acknowledgement\n{}  without\n{}", show(&acked), show(&unacked)),
        };
        writeln!(transcript, "{title}\n{replies}").unwrap();
    }
    transcript
}

/// The messages of the contract about a connection: the greeting, the expiry and the refresh of its token, missed events, and custom events.
pub fn connection_messages(contract: &dyn Contract) -> String {
    let mut transcript = String::new();
    let mut add = |title: &str, messages: Vec<OutboundMessage>| {
        let messages = if messages.is_empty() { "  nothing\n".to_owned() } else { lines(&messages) };
        writeln!(transcript, "{title}\n{messages}").unwrap();
    };
    for user in [alice(), bob()] {
        let greeting = contract.greeting(&user, "a socket", NOW);
        add(&format!("greeting of {}", user.id.as_str()), greeting.into_iter().collect());
    }
    add("resync", vec![contract.resync(NOW)]);
    add("token expires soon", vec![contract.auth_expiring(EXPIRY, NOW)]);
    for (title, data) in [("custom event with data", Some(json!({ "id": 1 }))), ("custom event without data", None)] {
        add(title, contract.wrap_custom_event(&custom_event(data), NOW).into_iter().collect());
    }
    transcript + &token_refresh(contract)
}

/// The replies to a refresh of a token.
pub fn token_refresh(contract: &dyn Contract) -> String {
    let mut transcript = String::new();
    let results = [
        ("token that expires", Ok(Some(EXPIRY))),
        ("token that never expires", Ok(None)),
        ("expired token", Err(auth::AuthError::Expired)),
    ];
    for (title, result) in results {
        for acked in [true, false] {
            let with = if acked { "with" } else { "without" };
            let reply = show(&contract.auth_refreshed(result, acked, NOW));
            writeln!(transcript, "{title}, {with} an acknowledgement\n{reply}").unwrap();
        }
    }
    transcript
}

/// What the contract parses from an event; `packet` is its JSON array.
pub fn parse_event(contract: &dyn Contract, packet: &str) -> String {
    let text = format!("2{packet}");
    let Ok(Packet::Event { event: Some(event), .. }) = packets::decode(&text) else { panic!("{packet} is no event") };
    parse(contract, &ClientMessage::Event { name: &event.name, args: &event.args })
}

/// What the contract parses from a message of the raw WebSocket.
pub fn parse_text(contract: &dyn Contract, text: &str) -> String {
    parse(contract, &ClientMessage::Text(text))
}

/// The reply of the contract to alice.
pub fn reply(contract: &dyn Contract, name: &str, result: Result<&Outcome, &DomainError>, acked: bool) -> Reply {
    contract.answer(&RequestInfo { name, acked, user: &alice().id, now: NOW }, result)
}

fn parse(contract: &dyn Contract, message: &ClientMessage<'_>) -> String {
    let Some(request) = contract.parse(message) else { return UNKNOWN.into() };
    let action = match request.action {
        Ok(ClientAction::Enter(room)) => format!("enter {room}"),
        Ok(ClientAction::Move(room)) => format!("move to {room}"),
        Ok(ClientAction::Leave(room)) => format!("leave {room}"),
        Ok(ClientAction::Ping) => "ping".into(),
        Ok(ClientAction::Typing(room)) => format!("typing in {room}"),
        Ok(ClientAction::StopTyping(room)) => format!("stop typing in {room}"),
        Ok(ClientAction::Statuses(users)) => format!("statuses of [{}]", users.iter().map(UserId::as_str).collect::<Vec<_>>().join(", ")),
        Ok(ClientAction::OnlineIn(room)) => format!("online users in {room}"),
        Ok(ClientAction::Refresh(token)) => format!("refresh the token: {token}"),
        Ok(ClientAction::Execute(_)) => "execute a command".into(),
        Err(error) => format!("error {}: {error}", error.code()),
    };
    format!("{}: {action}", request.name)
}

fn show(reply: &Reply) -> String {
    if *reply == Reply::default() {
        return "    nothing\n".into();
    }
    let ack = reply.ack.iter().map(|ack| format!("    ack {ack}\n"));
    let messages = reply.messages.iter().map(|message| format!("    {}\n", show_message(message)));
    let close = reply.close.iter().map(|(code, reason)| format!("    close {code} {reason}\n"));
    ack.chain(messages).chain(close).collect()
}

fn lines(messages: &[OutboundMessage]) -> String {
    messages.iter().map(|message| format!("  {}\n", show_message(message))).collect()
}

/// The JSON on the wire: for an event, the array of its name and its arguments.
fn show_message(message: &OutboundMessage) -> String {
    match message {
        OutboundMessage::Event { name, args, attachments, .. } => {
            assert!(attachments.is_empty(), "no contract sends binary data");
            let separator = if args.is_empty() { "" } else { "," };
            format!("[{}{separator}{args}]", json!(name))
        }
        OutboundMessage::Text(text) => text.clone(),
        OutboundMessage::Binary(_) => panic!("no contract sends binary data"),
    }
}
