//! Tests of the decoders and encoders against the protocols' specifications: tables first, then properties, then noise.

mod support;

mod websocket_deflate;
mod websocket_frames;
mod websocket_handshake;
mod websocket_reader;

mod engineio_packets;
mod engineio_payloads;

mod socketio_json;
mod socketio_msgpack;

mod fuzz_targets;
mod roundtrips;
mod seeded_fuzz;
