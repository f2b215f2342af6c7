//! Socket.IO, revision 5 of its protocol, and revision 4, which has the same packets but other rules for connecting to a namespace.
//!
//! There are two formats on the wire, [`json`] and [`msgpack`]. Both are decoded to a [`Packet`] whose data are raw JSON texts, so that
//! data which the server only forwards are never parsed and leave unchanged. Binary data are attachments: the texts contain
//! `{"_placeholder":true,"num":i}` in the place of attachment `i`.

mod args;
mod attachments;
pub mod json;
mod json_scan;
pub mod msgpack;
mod packet;
mod payload;
mod text;

pub use args::Args;
pub use attachments::MAX_ATTACHMENTS;
pub use packet::{Event, Packet};
pub use payload::{check_args, check_event, check_value};

/// Why a client's message is not a packet. The whole connection is to be closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    /// A message without content.
    #[error("empty packet")]
    Empty,
    /// A first character or a `type` that names no type.
    #[error("unknown packet type")]
    UnknownType,
    /// A number of attachments that is not digits and `-`.
    #[error("illegal attachments")]
    IllegalAttachments,
    /// More attachments than [`MAX_ATTACHMENTS`].
    #[error("too many attachments")]
    TooManyAttachments,
    /// A placeholder whose `num` is not the number of an attachment.
    #[error("illegal placeholder")]
    IllegalPlaceholder,
    /// A namespace that is missing or not text (msgpack).
    #[error("invalid namespace")]
    Namespace,
    /// An ack id that is not a whole number, or is too large.
    #[error("invalid ack id")]
    AckId,
    /// Data that are not JSON, or not what the packet's type requires.
    #[error("invalid payload")]
    Payload,
    /// Data nested deeper than 127 levels.
    #[error("nested too deeply")]
    TooDeep,
    /// An event whose name is reserved for the client library.
    #[error("reserved event name")]
    ReservedEvent,
    /// Bytes that are not one msgpack value, or an extension that no known encoder writes.
    #[error("invalid msgpack")]
    Msgpack,
}

/// Why an event or an acknowledgement cannot be sent: clients would reject the packet, and close the connection.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum EncodeError {
    /// A name of an event that only the client library itself emits.
    #[error("the event name \"{0}\" is reserved by Socket.IO")]
    ReservedEvent(String),
    /// Arguments that are not JSON texts joined by commas.
    #[error("the arguments are not JSON texts joined by commas")]
    Arguments,
    /// Arguments nested deeper than 200 levels.
    #[error("the arguments are nested too deeply")]
    TooDeep,
    /// More attachments than [`MAX_ATTACHMENTS`].
    #[error("more than {MAX_ATTACHMENTS} attachments")]
    TooManyAttachments,
    /// A placeholder whose `num` is not the number of an attachment.
    #[error("a placeholder has no attachment")]
    IllegalPlaceholder,
}
