//! Writes packets as text, with the `4` of the Engine.IO message in front. The caller must pass valid JSON texts; they are written
//! unchanged.

use crate::socketio::packet::Kind;
use crate::socketio::text;

/// Accepts a client in a namespace. `data` is a JSON object (`{"sid":…}`), or empty for clients of Socket.IO 2.
pub fn connect(nsp: &str, data: &str) -> String {
    let mut packet = head(Kind::Connect, 0, nsp, None, data.len());
    packet.push_str(data);
    packet
}

/// Rejects a client's request to connect to a namespace. `data` is a JSON object or string.
pub fn connect_error(nsp: &str, data: &str) -> String {
    let mut packet = head(Kind::ConnectError, 0, nsp, None, data.len());
    packet.push_str(data);
    packet
}

/// Disconnects a client from a namespace.
pub fn disconnect(nsp: &str) -> String {
    head(Kind::Disconnect, 0, nsp, None, 0)
}

/// Writes an event. `args` are JSON texts separated by commas, possibly none; `attachments` is the number of binary messages that will
/// follow.
pub fn event(nsp: &str, id: Option<u64>, attachments: usize, name: &str, args: &str) -> String {
    let mut packet = head(Kind::Event, attachments, nsp, id, name.len() + args.len() + 5);
    packet.push('[');
    text::write_string(&mut packet, name);
    if !args.is_empty() {
        packet.push(',');
        packet.push_str(args);
    }
    packet.push(']');
    packet
}

/// Writes the acknowledgement of the event `id`, with arguments as in [`event`].
pub fn ack(nsp: &str, id: u64, attachments: usize, args: &str) -> String {
    let mut packet = head(Kind::Ack, attachments, nsp, Some(id), args.len() + 2);
    packet.push('[');
    packet.push_str(args);
    packet.push(']');
    packet
}

/// Writes the part of a packet before its JSON, and reserves `room` more bytes for the JSON.
fn head(kind: Kind, attachments: usize, nsp: &str, id: Option<u64>, room: usize) -> String {
    const LONGEST_NUMBERS: usize = 40;
    let mut packet = String::with_capacity(4 + LONGEST_NUMBERS + nsp.len() + room);
    packet.push('4');
    // Events and acks with attachments have the types 5 and 6.
    let kind = if attachments == 0 { kind as u8 } else { kind as u8 + 3 };
    packet.push(char::from(b'0' + kind));
    if attachments > 0 {
        push_number(&mut packet, attachments as u64);
        packet.push('-');
    }
    if nsp != "/" {
        packet.push_str(nsp);
        packet.push(',');
    }
    if let Some(id) = id {
        push_number(&mut packet, id);
    }
    packet
}

/// Appends a number in decimal. Every acknowledgement contains one, and the standard formatter takes several times as long.
fn push_number(packet: &mut String, number: u64) {
    packet.push_str(itoa::Buffer::new().format(number));
}
