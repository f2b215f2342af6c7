//! Socket.IO.
