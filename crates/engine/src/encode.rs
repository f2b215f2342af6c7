//! Encodes messages: the bytes of one message in one [`Encoding`], as whole WebSocket frames.

use std::borrow::Cow;

use wire::engineio::{Version, base64_message};
use wire::socketio::{json, msgpack};
use wire::websocket::{Opcode, deflate, encode, encode_compressed};

use crate::encoding::{Encoding, Format};
use crate::message::OutboundMessage;
use crate::position::{Position, PositionContext};

/// Messages shorter than this many bytes are not deflated: the result is hardly smaller, and deflating costs both sides time.
const MIN_DEFLATE_BYTES: usize = 512;

/// The position that follows an event's arguments, in an encoding with positions.
///
/// A client of Socket.IO that can recover takes the last argument of any event for the position if it is a text. So an event whose last
/// argument is a text must have the true position after it.
#[derive(Clone, Copy)]
pub(crate) enum PositionSuffix<'a> {
    /// The position after this message, with its epoch.
    Always(&'a str, Position),
    /// The socket's present position, only if the client would take the last argument for one.
    IfMistaken(PositionContext<'a>),
}

impl PositionSuffix<'_> {
    /// The arguments, followed by the position if they need one.
    fn after<'a>(self, args: &'a str, encoding: Encoding) -> Cow<'a, str> {
        let (epoch, position) = match self {
            _ if !encoding.positions => return Cow::Borrowed(args),
            // Without arguments the event's name is the last text.
            Self::IfMistaken(_) if !args.is_empty() && !args.ends_with('"') => return Cow::Borrowed(args),
            Self::IfMistaken(positions) => (positions.epoch, positions.at),
            Self::Always(epoch, position) => (epoch, position),
        };
        let mut with_position = String::with_capacity(args.len() + epoch.len() + 32);
        with_position.push_str(args);
        with_position.push_str(if args.is_empty() { "\"" } else { ",\"" });
        position.write(epoch, &mut with_position);
        with_position.push('"');
        Cow::Owned(with_position)
    }
}

/// Appends one message as whole WebSocket frames. A message that this encoding cannot express (an event on a plain endpoint) is left out.
pub(crate) fn encode_message(
    out: &mut Vec<u8>,
    outbound: &OutboundMessage,
    encoding: Encoding,
    namespaces: &[String],
    suffix: PositionSuffix<'_>,
) {
    let nsp = namespaces.get(encoding.namespace.0 as usize).map_or("/", String::as_str);
    match (outbound, encoding.format) {
        (OutboundMessage::Event { name, args, attachments }, Format::Json | Format::MsgPack) => {
            let args = &suffix.after(args, encoding);
            encode_event(out, &EventPacket { nsp, id: None, name, args, attachments }, encoding);
        }
        (OutboundMessage::Text(message), Format::Engine) => {
            let mut packet = String::with_capacity(message.len() + 1);
            packet.push('4');
            packet.push_str(message);
            text(out, packet.as_bytes(), encoding);
        }
        (OutboundMessage::Text(message), Format::Raw) => text(out, message.as_bytes(), encoding),
        (OutboundMessage::Binary(message), Format::Engine | Format::Raw) => binary(out, message, encoding),
        (OutboundMessage::Event { .. }, Format::Engine | Format::Raw)
        | (OutboundMessage::Text(_) | OutboundMessage::Binary(_), Format::Json | Format::MsgPack) => {}
    }
}

/// The parts of an event packet of Socket.IO.
pub(crate) struct EventPacket<'a> {
    /// The name of the namespace.
    pub nsp: &'a str,
    /// The id with which the client acknowledges the event, if it is to.
    pub id: Option<u64>,
    pub name: &'a str,
    /// Raw JSON values, separated by commas.
    pub args: &'a str,
    pub attachments: &'a [Vec<u8>],
}

/// Appends an event.
pub(crate) fn encode_event(out: &mut Vec<u8>, event: &EventPacket<'_>, encoding: Encoding) {
    let EventPacket { nsp, id, name, args, attachments } = *event;
    if encoding.format == Format::MsgPack {
        let attachments: Vec<&[u8]> = attachments.iter().map(Vec::as_slice).collect();
        binary(out, &msgpack::event(nsp, id, name, args, &attachments), encoding);
    } else {
        text(out, json::event(nsp, id, attachments.len(), name, args).as_bytes(), encoding);
        binaries(out, attachments, encoding);
    }
}

/// Appends a text frame.
pub(crate) fn text(out: &mut Vec<u8>, payload: &[u8], encoding: Encoding) {
    frame(out, Opcode::Text, payload, encoding);
}

/// Appends a binary message.
pub(crate) fn binary(out: &mut Vec<u8>, payload: &[u8], encoding: Encoding) {
    let typed = encoding.version == Version::V3 && encoding.format != Format::Raw;
    if typed && encoding.base64 {
        text(out, base64_message(payload).as_bytes(), encoding);
    } else if typed {
        let mut typed = Vec::with_capacity(payload.len() + 1);
        typed.push(4);
        typed.extend_from_slice(payload);
        frame(out, Opcode::Binary, &typed, encoding);
    } else {
        frame(out, Opcode::Binary, payload, encoding);
    }
}

/// Appends attachments, one binary message for each.
pub(crate) fn binaries(out: &mut Vec<u8>, attachments: &[Vec<u8>], encoding: Encoding) {
    for attachment in attachments {
        binary(out, attachment, encoding);
    }
}

fn frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], encoding: Encoding) {
    match encoding.deflate {
        Some(window) if payload.len() >= MIN_DEFLATE_BYTES => encode_compressed(out, opcode, &deflate(payload, window)),
        _ => encode(out, opcode, payload),
    }
}
