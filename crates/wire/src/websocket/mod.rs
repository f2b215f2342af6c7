//! WebSocket, the server's side (RFC 6455), and permessage-deflate without context takeover (RFC 7692).
//!
//! Server frames are not masked, so a frame made once by [`encode`] has the same bytes for every receiver. Client frames are read by
//! [`Reader`], one per connection, which takes eight bytes while no frame is half read.

mod close;
mod deflate;
mod frame;
mod handshake;
mod header;
mod mask;
mod reader;

pub use close::encode_close;
pub use deflate::{Window, deflate, negotiate_deflate};
pub use frame::{Frames, Opcode, encode, encode_compressed};
pub use handshake::accept_key;
pub use reader::{Incoming, Input, Limits, Reader};

/// How a client violated RFC 6455 or the server's limits. The connection is to be closed with [`Violation::code`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
pub enum Violation {
    /// An RSV bit is set that no negotiated extension gives a meaning to, or on a frame that may not carry it.
    #[error("reserved bits set")]
    ReservedBits,
    /// An opcode that RFC 6455 reserves (3 to 7, 11 to 15).
    #[error("reserved opcode {0}")]
    ReservedOpcode(u8),
    /// A client frame that is not masked (section 5.1).
    #[error("frame is not masked")]
    Unmasked,
    /// A ping, pong or close frame in fragments.
    #[error("fragmented control frame")]
    FragmentedControl,
    /// A ping, pong or close frame with more than 125 bytes.
    #[error("control frame too long")]
    LongControl,
    /// A 64-bit length with its top bit set.
    #[error("length out of range")]
    Length,
    /// A continuation frame without a message to continue.
    #[error("nothing to continue")]
    NothingToContinue,
    /// A new text or binary message inside a fragmented one.
    #[error("message inside a fragmented message")]
    Unfinished,
    /// A close frame of one byte, or with a code that may not be sent.
    #[error("invalid close code")]
    CloseCode,
    /// A text message or a close reason that is not UTF-8.
    #[error("invalid UTF-8")]
    Utf8,
    /// A compressed message that does not inflate.
    #[error("invalid compressed data")]
    Deflate,
    /// A message longer than [`Limits::max_message`], as announced, as gathered, or after inflating.
    #[error("message too big")]
    TooBig,
    /// A message in more than 131,072 fragments.
    #[error("too many fragments")]
    TooManyFragments,
}

impl Violation {
    /// The close code to answer with: 1002 protocol error, 1007 invalid data, 1009 too big (RFC 6455 section 7.4.1).
    pub fn code(&self) -> u16 {
        match self {
            Violation::Utf8 | Violation::Deflate => 1007,
            Violation::TooBig | Violation::TooManyFragments => 1009,
            _ => 1002,
        }
    }
}
