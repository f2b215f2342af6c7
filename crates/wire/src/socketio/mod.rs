//! Socket.IO, revision 5 of its protocol (and 4, which differs in who connects whom, not in the packets).
//!
//! There are two formats on the wire, [`json`] and [`msgpack`]. Both end in one [`Packet`] whose data are raw JSON texts, so that what is
//! only passed on is never parsed, and comes out as it came in. Binary data are attachments: the texts hold
//! `{"_placeholder":true,"num":i}` where attachment `i` belongs.

mod args;
mod attachments;
pub mod json;
pub mod msgpack;
mod packet;
mod payload;
mod scan;
mod text;

pub use args::Args;
pub use attachments::MAX_ATTACHMENTS;
pub use packet::{Event, Packet};
pub use payload::{check_args, check_event, check_value};

/// Why something is not a packet. The whole connection is to be closed.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum DecodeError {
    /// No packet at all.
    #[error("empty packet")]
    Empty,
    /// A first character or a `type` that names no type.
    #[error("unknown packet type")]
    UnknownType,
    /// A number of attachments that is not digits and `-`.
    #[error("illegal attachments")]
    IllegalAttachments,
    /// More than [`MAX_ATTACHMENTS`].
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
    /// Data that are not JSON, or not what the type wants.
    #[error("invalid payload")]
    Payload,
    /// Data nested deeper than 127 levels.
    #[error("nested too deeply")]
    TooDeep,
    /// An event that only the library itself may have.
    #[error("reserved event name")]
    ReservedEvent,
    /// Bytes that are not one msgpack value, or an extension that nobody writes.
    #[error("invalid msgpack")]
    Msgpack,
}

/// Why an event or an acknowledgement cannot be sent: clients would refuse the packet, and close the connection.
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
