//! Writing packets as text, the `4` of the Engine.IO message in front. JSON texts are taken as they are: whoever gives them sees to it
//! that they are JSON.

use crate::socketio::packet::Kind;
use crate::socketio::text;

/// A namespace was entered; `data` is a JSON object (`{"sid":…}`), or empty for clients of Socket.IO 2.
pub fn connect(nsp: &str, data: &str) -> String {
    let mut packet = head(Kind::Connect, 0, nsp, None, data.len());
    packet.push_str(data);
    packet
}

/// A namespace was refused; `data` is a JSON object or string.
pub fn connect_error(nsp: &str, data: &str) -> String {
    let mut packet = head(Kind::ConnectError, 0, nsp, None, data.len());
    packet.push_str(data);
    packet
}

/// A namespace was left.
pub fn disconnect(nsp: &str) -> String {
    head(Kind::Disconnect, 0, nsp, None, 0)
}

/// An event. `args` are JSON texts joined by commas, possibly none; `attachments` says how many binary messages will follow.
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

/// The answer to the event `id`, with arguments as in [`event`].
pub fn ack(nsp: &str, id: u64, attachments: usize, args: &str) -> String {
    let mut packet = head(Kind::Ack, attachments, nsp, Some(id), args.len() + 2);
    packet.push('[');
    packet.push_str(args);
    packet.push(']');
    packet
}

/// All in front of the JSON, of which `room` bytes will be written behind it.
fn head(kind: Kind, attachments: usize, nsp: &str, id: Option<u64>, room: usize) -> String {
    const LONGEST_NUMBERS: usize = 40;
    let mut packet = String::with_capacity(4 + LONGEST_NUMBERS + nsp.len() + room);
    packet.push('4');
    // An event and an ack with attachments are types of their own: 5 and 6.
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

/// Appends a number in decimal. Every acknowledgement has one, and the standard formatter takes several times as long.
fn push_number(packet: &mut String, number: u64) {
    packet.push_str(itoa::Buffer::new().format(number));
}
