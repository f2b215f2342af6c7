//! Msgpack.
