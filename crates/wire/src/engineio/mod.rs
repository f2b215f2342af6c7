//! Engine.IO 4, and 3 for the clients of Socket.IO 2: one packet is one WebSocket message, or one element of a polling payload.

mod base64;
mod handshake;
mod jsonp;
mod packet;
pub mod payload;
mod payload_v3;

pub use handshake::Handshake;
pub use packet::{EnginePacket, ParseError, base64_message, decode, decode_binary};

/// The revision of the Engine.IO protocol: the query parameter `EIO`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Version {
    /// Clients of Socket.IO 2 (and requests without `EIO`). The client sends the pings.
    V3,
    /// Clients of Socket.IO 3 and 4. The server sends the pings.
    V4,
}
