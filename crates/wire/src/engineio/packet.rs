//! An Engine.IO packet: its type and its content.

use std::borrow::Cow;

use super::{Version, base64};

/// One Engine.IO packet. Text behind a type that carries none is ignored, as Node ignores it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum EnginePacket<'a> {
    /// The handshake; only a server sends it.
    Open(&'a str),
    /// The session ends.
    Close,
    /// A heartbeat; or `probe`, on a WebSocket that is about to take over the session.
    Ping(&'a str),
    /// The response to a ping.
    Pong(&'a str),
    /// A text message.
    Message(&'a str),
    /// A binary message.
    Binary(Cow<'a, [u8]>),
    /// The WebSocket takes over the session now.
    Upgrade,
    /// A packet without meaning; it ends a pending poll.
    Noop,
}

impl EnginePacket<'_> {
    /// The length of the packet's content in bytes, without its type.
    #[expect(clippy::len_without_is_empty, reason = "no caller asks whether a packet is empty")]
    pub fn len(&self) -> usize {
        match self {
            EnginePacket::Open(text) | EnginePacket::Ping(text) | EnginePacket::Pong(text) | EnginePacket::Message(text) => text.len(),
            EnginePacket::Binary(bytes) => bytes.len(),
            EnginePacket::Close | EnginePacket::Upgrade | EnginePacket::Noop => 0,
        }
    }
}

/// Why bytes are not a packet or payload. The session is to be closed with the reason `parse error`.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum ParseError {
    /// A packet or body of no bytes.
    #[error("empty packet")]
    Empty,
    /// A first character that names no type.
    #[error("unknown packet type")]
    UnknownType,
    /// A text body that is not UTF-8.
    #[error("invalid UTF-8")]
    Utf8,
    /// A length (version 3) that is not a number, or not the length of what follows.
    #[error("invalid packet length")]
    Length,
    /// An octet-stream body in version 4, which has none.
    #[error("binary payload in version 4")]
    BinaryPayload,
}

/// Writes a binary message as a text packet: `b4`, and the bytes in base64. It is for a client of Engine.IO 3 that cannot receive binary
/// messages (`b64`).
pub fn base64_message(message: &[u8]) -> String {
    let mut packet = String::with_capacity(2 + message.len().div_ceil(3) * 4);
    packet.push_str("b4");
    base64::encode(message, &mut packet);
    packet
}

/// Reads the text of a WebSocket text frame, or of one element of a payload.
pub fn decode(text: &str, version: Version) -> Result<EnginePacket<'_>, ParseError> {
    let mut rest = text.chars();
    let kind = rest.next().ok_or(ParseError::Empty)?;
    let data = rest.as_str();
    Ok(match kind {
        '0' => EnginePacket::Open(data),
        '1' => EnginePacket::Close,
        '2' => EnginePacket::Ping(data),
        '3' => EnginePacket::Pong(data),
        '4' => EnginePacket::Message(data),
        '5' => EnginePacket::Upgrade,
        '6' => EnginePacket::Noop,
        'b' => {
            let data = match version {
                Version::V4 => data,
                // Version 3 has the type once more behind the `b`; a message is all that can be binary.
                Version::V3 => data.strip_prefix('4').ok_or(ParseError::UnknownType)?,
            };
            EnginePacket::Binary(Cow::Owned(base64::decode(data)))
        }
        _ => return Err(ParseError::UnknownType),
    })
}

/// Reads a WebSocket binary frame: in version 4 the message itself, in version 3 with its type in front (as a number, not a digit).
pub fn decode_binary(frame: &[u8], version: Version) -> Result<EnginePacket<'_>, ParseError> {
    let data = match (version, frame) {
        (Version::V4, data) => data,
        (Version::V3, [4, data @ ..]) => data,
        (Version::V3, []) => return Err(ParseError::Empty),
        (Version::V3, _) => return Err(ParseError::UnknownType),
    };
    Ok(EnginePacket::Binary(Cow::Borrowed(data)))
}
