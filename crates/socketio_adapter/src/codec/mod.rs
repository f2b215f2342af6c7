//! Bytes to messages and back, without I/O. Any input gives a message or an error that names what is wrong.
//!
//! A message whose first byte is `{` is JSON, and every other message is msgpack. Msgpack is converted to JSON with attachments first
//! ([`MessageText`]), so both have the same rules.
//!
//! - [`broadcast`](mod@broadcast): the messages on the channels of broadcasts.
//! - [`request`]: the messages on the channel of requests.
//! - [`response`]: the messages on the channels of responses.

pub mod broadcast;
mod fields;
pub mod request;
pub mod response;

use wire::socketio::msgpack;

/// The longest message that is decoded, in bytes. A longer one is an error.
pub const MAX_MESSAGE_BYTES: usize = 64 << 20;

/// Why a message cannot be decoded. The texts contain no part of the message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// More than [`MAX_MESSAGE_BYTES`].
    #[error("the message is longer than {MAX_MESSAGE_BYTES} bytes")]
    TooLong,
    /// A message that begins with `{` and is not UTF-8.
    #[error("the JSON message is not UTF-8")]
    NotUtf8,
    /// A message that begins with `{` and is not JSON.
    #[error("the message is not JSON (column {0})")]
    Json(usize),
    /// A message that is neither JSON nor msgpack, or has too much depth or too many attachments.
    #[error("the message is not msgpack: {0}")]
    Msgpack(wire::socketio::DecodeError),
    /// The message as a whole is not what the channel carries.
    #[error("the message must be {0}")]
    Shape(&'static str),
    /// A part of the message is missing or has the wrong type.
    #[error("{field} must be {expected}")]
    Field {
        /// The name of the part.
        field: &'static str,
        /// What it must be.
        expected: &'static str,
    },
    /// A request or packet of a type that no version of the protocol has.
    #[error("unknown {0}")]
    UnknownType(&'static str),
    /// An event that clients would reject.
    #[error("clients would reject the event: it has {0}")]
    Event(&'static str),
}

/// Why a message cannot be encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// Arguments that are not JSON, too many attachments, or a reserved name of an event.
    #[error(transparent)]
    Event(#[from] wire::socketio::EncodeError),
    /// A JSON text of the caller that is not JSON.
    #[error("{0} is not a JSON text")]
    NotJson(&'static str),
}

/// A message as a JSON text with attachments, from which the decoders borrow.
#[derive(Debug)]
pub struct MessageText {
    json: String,
    attachments: Vec<Vec<u8>>,
}

impl MessageText {
    /// Reads JSON or msgpack.
    ///
    /// # Errors
    /// If the bytes are neither, or are too many. JSON is checked by the decoders.
    pub fn read(bytes: &[u8]) -> Result<Self, DecodeError> {
        if bytes.len() > MAX_MESSAGE_BYTES {
            return Err(DecodeError::TooLong);
        }
        if bytes.first() == Some(&b'{') {
            let json = std::str::from_utf8(bytes).map_err(|_| DecodeError::NotUtf8)?;
            return Ok(Self { json: json.to_owned(), attachments: Vec::new() });
        }
        let (json, attachments) = msgpack::value_to_json(bytes).map_err(DecodeError::Msgpack)?;
        Ok(Self { json, attachments })
    }
}

/// Converts a JSON text of this crate's own to msgpack.
fn to_msgpack(json: &str, attachments: &[Vec<u8>]) -> Result<Vec<u8>, EncodeError> {
    let attachments: Vec<&[u8]> = attachments.iter().map(Vec::as_slice).collect();
    Ok(msgpack::value_from_json(json, &attachments)?)
}
