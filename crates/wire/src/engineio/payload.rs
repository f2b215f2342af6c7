//! Payloads of HTTP long-polling: several packets in one body.
//!
//! Version 4 is text, packets joined by the byte 0x1e, binary as `b` + base64. Version 3 is in `payload_v3.rs`.

use super::payload_v3::{self, EncoderV3};
use super::{EnginePacket, ParseError, Version, base64};

pub use super::jsonp::{jsonp, jsonp_body};

/// The character between two packets. JSON escapes it, so Socket.IO's texts never contain it.
const SEPARATOR: char = '\x1e';

/// The content type of a text payload.
pub const TEXT: &str = "text/plain; charset=UTF-8";

/// The content type of a version 3 payload that contains a binary packet.
pub const OCTET_STREAM: &str = "application/octet-stream";

/// Reads a POST's body. `binary` says whether its content type is [`OCTET_STREAM`]. The iterator returns the packets before a bad one, then
/// its error, and then ends.
///
/// # Examples
///
/// ```
/// use wire::engineio::{EnginePacket, Version, payload};
///
/// let packets: Result<Vec<_>, _> = payload::decode(b"4hello\x1e3", Version::V4, false).collect();
/// assert_eq!(packets?, [EnginePacket::Message("hello"), EnginePacket::Pong("")]);
/// # Ok::<(), wire::engineio::ParseError>(())
/// ```
pub fn decode(body: &[u8], version: Version, binary: bool) -> Packets<'_> {
    let body = match (version, binary) {
        (Version::V4, true) => Body::Bad(ParseError::BinaryPayload),
        (Version::V3, _) if body.is_empty() => Body::Bad(ParseError::Empty),
        (Version::V3, true) => Body::BinaryV3(body),
        (_, false) => match (version, simdutf8::basic::from_utf8(body)) {
            (Version::V4, Ok(text)) => Body::TextV4(text),
            (Version::V3, Ok(text)) => Body::TextV3(text),
            (_, Err(_)) => Body::Bad(ParseError::Utf8),
        },
    };
    Packets { body }
}

/// The packets of one body, see [`decode`].
#[derive(Clone, Debug)]
pub struct Packets<'a> {
    body: Body<'a>,
}

impl Packets<'_> {
    /// The number of bytes at the end of the body from which no packet was taken yet. They are a body themselves, unless no packet is left.
    pub fn left(&self) -> usize {
        match self.body {
            Body::TextV4(text) | Body::TextV3(text) => text.len(),
            Body::BinaryV3(bytes) => bytes.len(),
            Body::Bad(_) | Body::End => 0,
        }
    }
}

/// The rest of a body, from which no packet was taken yet.
#[derive(Clone, Debug)]
enum Body<'a> {
    TextV4(&'a str),
    TextV3(&'a str),
    BinaryV3(&'a [u8]),
    Bad(ParseError),
    End,
}

impl<'a> Iterator for Packets<'a> {
    type Item = Result<EnginePacket<'a>, ParseError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let (packet, rest) = match std::mem::replace(&mut self.body, Body::End) {
                Body::TextV4(text) => match text.split_once(SEPARATOR) {
                    Some((packet, rest)) => (super::decode(packet, Version::V4), Body::TextV4(rest)),
                    None => (super::decode(text, Version::V4), Body::End),
                },
                Body::TextV3("") | Body::BinaryV3([]) | Body::End => return None,
                Body::TextV3(text) => match payload_v3::split_text(text) {
                    // `0:` is how the JavaScript client writes a payload without packets.
                    Ok(("", rest)) => {
                        self.body = Body::TextV3(rest);
                        continue;
                    }
                    Ok((packet, rest)) => (super::decode(packet, Version::V3), Body::TextV3(rest)),
                    Err(error) => (Err(error), Body::End),
                },
                Body::BinaryV3(bytes) => match payload_v3::split_binary(bytes) {
                    Ok((packet, rest)) => (packet, Body::BinaryV3(rest)),
                    Err(error) => (Err(error), Body::End),
                },
                Body::Bad(error) => (Err(error), Body::End),
            };
            if packet.is_ok() {
                self.body = rest;
            }
            return Some(packet);
        }
    }
}

/// Collects the packets of one response to a GET.
#[derive(Clone, Debug)]
pub struct Encoder {
    form: PayloadForm,
    empty: bool,
}

#[derive(Clone, Debug)]
enum PayloadForm {
    V4(String),
    V3(EncoderV3),
}

impl Encoder {
    /// `b64` is the query parameter: the client cannot receive binary bodies. In version 4 it has no effect, because bodies are always
    /// text.
    pub fn new(version: Version, b64: bool) -> Self {
        let form = match version {
            Version::V4 => PayloadForm::V4(String::new()),
            Version::V3 => PayloadForm::V3(EncoderV3::new(b64)),
        };
        Encoder { form, empty: true }
    }

    /// Adds a packet as text, its type digit in front.
    pub fn push_text(&mut self, packet: &str) {
        match &mut self.form {
            PayloadForm::V4(payload) => {
                separate(payload, self.empty);
                payload.push_str(packet);
            }
            PayloadForm::V3(payload) => payload.push_text(packet),
        }
        self.empty = false;
    }

    /// Adds a binary message, given as its bytes alone.
    pub fn push_binary(&mut self, message: &[u8]) {
        match &mut self.form {
            PayloadForm::V4(payload) => {
                separate(payload, self.empty);
                payload.push('b');
                base64::encode(message, payload);
            }
            PayloadForm::V3(payload) => payload.push_binary(message),
        }
        self.empty = false;
    }

    /// Whether no packet was added.
    pub fn is_empty(&self) -> bool {
        self.empty
    }

    /// Returns the body and its content type.
    pub fn finish(self) -> (Vec<u8>, &'static str) {
        match self.form {
            PayloadForm::V4(payload) => (payload.into_bytes(), TEXT),
            PayloadForm::V3(payload) => payload.finish(),
        }
    }
}

fn separate(payload: &mut String, empty: bool) {
    if !empty {
        payload.push(SEPARATOR);
    }
}
