//! Bytes to packets and back. Three layers, each readable on its own, in the order in which a message passes them:
//!
//! 1. [`websocket`]: frames of RFC 6455, with permessage-deflate (RFC 7692).
//! 2. [`engineio`]: the packets of Engine.IO 4 and 3, and the payloads of HTTP long-polling.
//! 3. [`socketio`]: the packets of Socket.IO 5, as JSON text or as msgpack.
//!
//! Nothing here reads a socket, knows the time or keeps a table: input goes in, packets or a named error come out. Whatever a stranger
//! sends ends in one of the two, in time and memory bounded by the length of what was sent (or, where inflating, by a limit).

pub mod engineio;
pub mod socketio;
pub mod websocket;
