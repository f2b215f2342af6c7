//! Broadcasts: an array of the sender's uid, the packet, and the options, as msgpack.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::fields::{self, Options, parse};
use super::{DecodeError, EncodeError, MessageText, to_msgpack};
use crate::message::{Broadcast, Event};

/// A broadcast of another server or of an emitter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BroadcastMessage {
    /// The uid of the sender. Emitters have the uid `emitter`.
    pub uid: String,
    /// The namespace for which the broadcast is; `/` if the sender names none.
    pub namespace: String,
    /// The broadcast.
    pub broadcast: Broadcast,
}

/// A packet within a message. Old emitters write the type of binary events.
#[derive(Deserialize)]
struct PacketFields<'a> {
    #[serde(rename = "type")]
    kind: Option<u64>,
    #[serde(borrow)]
    data: Option<&'a RawValue>,
    nsp: Option<String>,
}

/// The types of an event and of an event with attachments.
const EVENT_TYPES: [u64; 2] = [2, 5];

/// Decodes a broadcast.
///
/// # Errors
/// If the bytes are no broadcast, or clients would reject its event.
pub fn decode(bytes: &[u8]) -> Result<BroadcastMessage, DecodeError> {
    const SHAPE: &str = "an array of the uid, the packet, and the options";
    let MessageText { json, attachments } = MessageText::read(bytes)?;
    if !json.starts_with('[') {
        return Err(DecodeError::Shape(SHAPE));
    }
    let parts: Vec<&RawValue> = parse(&json, "the message", SHAPE)?;
    let [uid, packet, ..] = parts[..] else { return Err(DecodeError::Shape(SHAPE)) };
    let options = Options::read(parts.get(2).copied())?;
    let (event, namespace) = packet_event(packet, attachments)?;
    let flags = options.flags();
    Ok(BroadcastMessage {
        uid: parse(uid.get(), "the uid", "a text")?,
        namespace: namespace.unwrap_or_else(|| "/".to_owned()),
        broadcast: Broadcast { event, to: options.selection()?, flags },
    })
}

/// Encodes a broadcast.
///
/// # Errors
/// If clients would reject its event.
pub fn encode(uid: &str, namespace: &str, broadcast: &Broadcast) -> Result<Vec<u8>, EncodeError> {
    let mut json = format!("[{},", fields::quoted(uid));
    write_packet(&mut json, namespace, &broadcast.event)?;
    json.push(',');
    write_options(&mut json, broadcast);
    json.push(']');
    to_msgpack(&json, &broadcast.event.attachments)
}

/// Reads the event of a packet, and its namespace if it has one.
pub(super) fn packet_event(packet: &RawValue, attachments: Vec<Vec<u8>>) -> Result<(Event, Option<String>), DecodeError> {
    let packet: PacketFields<'_> = parse(packet.get(), "the packet", "an object with type, data, and nsp")?;
    if packet.kind.is_some_and(|kind| !EVENT_TYPES.contains(&kind)) {
        return Err(DecodeError::UnknownType("type of the packet; it must be 2 (event)"));
    }
    let data = packet.data.ok_or(DecodeError::Field { field: "packet.data", expected: "an array" })?;
    Ok((fields::client_event(data.get(), attachments)?, packet.nsp))
}

/// Appends a packet with its keys in Node's order.
pub(super) fn write_packet(json: &mut String, namespace: &str, event: &Event) -> Result<(), EncodeError> {
    json.push_str("{\"type\":2,\"data\":");
    fields::write_event(json, event)?;
    json.push_str(&format!(",\"nsp\":{}}}", fields::quoted(namespace)));
    Ok(())
}

/// Appends the options of a broadcast with their keys in Node's order.
pub(super) fn write_options(json: &mut String, broadcast: &Broadcast) {
    let (rooms, except) = (fields::quoted_list(&broadcast.to.rooms), fields::quoted_list(&broadcast.to.except));
    json.push_str(&format!("{{\"rooms\":{rooms},\"except\":{except},\"flags\":"));
    fields::write_flags(json, broadcast.flags);
    json.push('}');
}
