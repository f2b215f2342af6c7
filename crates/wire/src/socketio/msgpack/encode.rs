//! Writes packets as msgpack, each for one binary message. The parameters are those of the JSON format, JSON texts included. The
//! attachments are written in the places of their placeholders.

use super::{from_json, write};
use crate::socketio::json_scan;
use crate::socketio::packet::Kind;

/// Accepts a client in a namespace. `data` is a JSON object, or empty.
pub fn connect(nsp: &str, data: &str) -> Vec<u8> {
    packet(Kind::Connect, nsp, None, json(data))
}

/// Rejects a client's request to connect to a namespace. `data` is a JSON object or string.
pub fn connect_error(nsp: &str, data: &str) -> Vec<u8> {
    packet(Kind::ConnectError, nsp, None, json(data))
}

/// Disconnects a client from a namespace.
pub fn disconnect(nsp: &str) -> Vec<u8> {
    packet(Kind::Disconnect, nsp, None, Vec::new())
}

/// Writes an event. `args` are JSON texts separated by commas, possibly none.
pub fn event(nsp: &str, id: Option<u64>, name: &str, args: &str, attachments: &[&[u8]]) -> Vec<u8> {
    packet(Kind::Event, nsp, id, list(Some(name), args, attachments))
}

/// Writes the acknowledgement of the event `id`, with arguments as in [`event`].
pub fn ack(nsp: &str, id: u64, args: &str, attachments: &[&[u8]]) -> Vec<u8> {
    packet(Kind::Ack, nsp, Some(id), list(None, args, attachments))
}

/// Writes a packet with its keys in Node's order. Without data the key is left out, because Node rejects nil as data.
fn packet(kind: Kind, nsp: &str, id: Option<u64>, data: Vec<u8>) -> Vec<u8> {
    let mut out = Vec::with_capacity(data.len() + nsp.len() + 40);
    let start = write::begin(&mut out);
    let mut members = 2;
    write::text(&mut out, "type");
    write::unsigned(&mut out, kind as u64);
    if !data.is_empty() {
        write::text(&mut out, "data");
        out.extend_from_slice(&data);
        members += 1;
    }
    if let Some(id) = id {
        write::text(&mut out, "id");
        write::unsigned(&mut out, id);
        members += 1;
    }
    write::text(&mut out, "nsp");
    write::text(&mut out, nsp);
    write::end_map(&mut out, start, members);
    out
}

fn json(data: &str) -> Vec<u8> {
    let mut out = Vec::new();
    if !data.is_empty() {
        from_json::value(&mut out, data, &[]);
    }
    out
}

fn list(name: Option<&str>, args: &str, attachments: &[&[u8]]) -> Vec<u8> {
    let args = format!("[{args}]");
    // A text that is no list of JSON texts is a caller's mistake; it has no elements.
    let elements = json_scan::array(&args, 0).unwrap_or_default();
    let mut out = Vec::with_capacity(args.len());
    let start = write::begin(&mut out);
    if let Some(name) = name {
        write::text(&mut out, name);
    }
    for element in &elements {
        from_json::value(&mut out, &args[element.clone()], attachments);
    }
    write::end_array(&mut out, start, usize::from(name.is_some()) + elements.len());
    out
}
