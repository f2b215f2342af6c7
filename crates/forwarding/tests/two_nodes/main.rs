//! Two engines behind real listeners on two ports, whose requests reach the wrong node.

// A test that cannot continue has failed.
#![allow(clippy::unwrap_used)]

mod gone;
mod lost;
mod polling;
mod refused;
mod support;
mod tls;
mod websocket;
