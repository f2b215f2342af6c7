//! Bytes to packets and back. Three layers, each readable on its own, in the order in which a message passes them:
//!
//! 1. [`websocket`]: frames of RFC 6455, with permessage-deflate (RFC 7692).
//! 2. [`engineio`]: the packets of Engine.IO 4 and 3, and the payloads of HTTP long-polling.
//! 3. [`socketio`]: the packets of Socket.IO 5, as JSON text or as msgpack.
//!
//! Nothing here reads a socket, knows the time or keeps a table: bytes go in, and packets or a named error come out. Any input that a
//! client sends ends in one of the two. Time and memory are bounded by the length of the input or, for inflating, by a limit.

pub mod engineio;
pub mod socketio;
pub mod websocket;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
