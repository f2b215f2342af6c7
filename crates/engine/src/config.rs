//! The settings of the engine. The defaults are those of Socket.IO 4.8 unless noted.

use std::sync::Arc;
use std::time::Duration;

use ::http::HeaderMap;

use crate::encoding::Format;
use crate::history::Recovery;
use crate::node_tag::NodeTag;
use crate::position::{Position, PositionContext};

/// The default of [`Config::replay_slice`].
const REPLAY_SLICE: usize = 64 << 10;

/// The protocol of a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// Socket.IO 5 over Engine.IO, by WebSocket and long-polling.
    SocketIo,
    /// Engine.IO alone: texts and binaries go to [`crate::App::text`] and [`crate::App::binary`].
    EngineIo,
    /// Plain WebSocket messages, which go to the same two methods.
    Raw,
}

/// A path that the engine serves.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// The exact path for [`Protocol::Raw`]; otherwise the prefix, without a trailing slash, such as `/socket.io`.
    pub path: String,
    /// The protocol of this path.
    pub protocol: Protocol,
    /// The time between two heartbeats on this path.
    pub ping_interval: Duration,
}

/// The CORS headers of one response.
#[derive(Clone, Default, Debug)]
pub struct Cors {
    /// The value of `Access-Control-Allow-Origin`, if the header is sent.
    pub allow_origin: Option<String>,
    /// Whether credentials are allowed.
    pub credentials: bool,
    /// Whether the response depends on the request's origin.
    pub vary: bool,
}

/// Decides the CORS headers from the request's headers. Without a policy no CORS header is ever sent, and a preflight is rejected.
pub type CorsPolicy = Arc<dyn Fn(&HeaderMap) -> Cors + Send + Sync>;

/// Settings of the engine.
#[derive(Clone)]
pub struct Config {
    /// The tag that the ids of sessions and sockets carry, if the process is one of several nodes. Default: none.
    pub node: Option<NodeTag>,
    /// The number of shards, at least one. Default: one for each processor.
    pub shards: usize,
    /// The paths; see [`Endpoint`].
    pub endpoints: Vec<Endpoint>,
    /// The namespaces that a Socket.IO client may connect to; at most 200.
    pub namespaces: Vec<String>,
    /// The encoding of Socket.IO packets: [`Format::Json`] or [`Format::MsgPack`] (Socket.IO's parser is not negotiated).
    pub parser: Format,
    /// How long a heartbeat may stay unanswered.
    pub ping_timeout: Duration,
    /// How long a connection may stay without a connected namespace.
    pub connect_timeout: Duration,
    /// How long an upgrade from long-polling may take.
    pub upgrade_timeout: Duration,
    /// The largest message, and the largest POST body, in bytes.
    pub max_payload: usize,
    /// Whether clients may connect by WebSocket.
    pub websocket: bool,
    /// Whether clients may connect by long-polling.
    pub polling: bool,
    /// Whether the handshake offers long-polling clients an upgrade to WebSocket.
    pub allow_upgrades: bool,
    /// Whether clients of Engine.IO 3 (Socket.IO 2) are served.
    pub allow_eio3: bool,
    /// Whether permessage-deflate is negotiated.
    pub deflate: bool,
    /// The most bytes that may wait for one connection. A connection with more is closed, so memory is bounded. Default 1 MB.
    pub outbox_limit: usize,
    /// How many bytes of missed broadcasts are put into a client's outbox at once; the next follow as it reads. At most a fourth of
    /// `outbox_limit` counts. Default 64 KB.
    pub replay_slice: usize,
    /// How many bytes each shard uses at most for its log of recent deliveries; see [`crate::DeliveryLog`]. Default 0: no log.
    pub delivery_log_bytes: usize,
    /// The policy for CORS headers; see [`CorsPolicy`].
    pub cors: Option<CorsPolicy>,
    /// How broadcasts are kept for replay to clients that reconnect. Without it sockets cannot be resumed.
    pub recovery: Option<Recovery>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            node: None,
            shards: std::thread::available_parallelism().map_or(1, |n| n.get()),
            endpoints: vec![Endpoint { path: "/socket.io".into(), protocol: Protocol::SocketIo, ping_interval: Duration::from_secs(25) }],
            namespaces: vec!["/".into()],
            parser: Format::Json,
            ping_timeout: Duration::from_secs(20),
            connect_timeout: Duration::from_secs(45),
            upgrade_timeout: Duration::from_secs(10),
            max_payload: 1_000_000,
            websocket: true,
            polling: true,
            allow_upgrades: true,
            allow_eio3: false,
            deflate: false,
            outbox_limit: 1 << 20,
            replay_slice: REPLAY_SLICE,
            delivery_log_bytes: 0,
            cors: None,
            recovery: None,
        }
    }
}

impl Config {
    /// How positions are written into messages for sockets at this position.
    pub(crate) fn position_context(&self, at: impl Into<Position>) -> PositionContext<'_> {
        PositionContext { epoch: self.recovery.as_ref().map_or("", |recovery| &recovery.epoch), at: at.into() }
    }
}
