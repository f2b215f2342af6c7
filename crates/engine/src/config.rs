//! What can be set, with the defaults of Socket.IO 4.8 unless noted.

use std::sync::Arc;
use std::time::Duration;

use ::http::HeaderMap;

use crate::history::Recovery;
use crate::voice::Format;

/// The default of [`Config::replay_slice`].
const REPLAY_SLICE: usize = 64 << 10;

/// What is spoken on a path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Protocol {
    /// Socket.IO 5 over Engine.IO, by WebSocket and long-polling.
    SocketIo,
    /// Engine.IO alone: texts and binaries go to [`crate::App::text`] and [`crate::App::binary`].
    EngineIo,
    /// Plain WebSocket messages, to the same two methods.
    Raw,
}

/// A path that the engine serves.
#[derive(Clone, Debug)]
pub struct Endpoint {
    /// For [`Protocol::Raw`] the exact path; else the prefix, without a trailing slash, such as `/socket.io`.
    pub path: String,
    /// What is spoken there.
    pub protocol: Protocol,
    /// The time between two heartbeats on this path.
    pub ping_interval: Duration,
}

/// The CORS headers of one answer.
#[derive(Clone, Default, Debug)]
pub struct Cors {
    /// `Access-Control-Allow-Origin`, or none.
    pub allow_origin: Option<String>,
    /// Whether credentials are allowed.
    pub credentials: bool,
    /// Whether the answer depends on the request's origin.
    pub vary: bool,
}

/// Decides the CORS headers from the request's headers. Without one no CORS header is ever sent, and a preflight is refused.
pub type CorsPolicy = Arc<dyn Fn(&HeaderMap) -> Cors + Send + Sync>;

/// Settings of the engine.
#[derive(Clone)]
pub struct Config {
    /// How many shards, at least one. Default: one for each processor.
    pub shards: usize,
    /// The paths; see [`Endpoint`].
    pub endpoints: Vec<Endpoint>,
    /// The namespaces that a Socket.IO client may connect to; at most 200.
    pub namespaces: Vec<String>,
    /// How Socket.IO packets are written: [`Format::Json`] or [`Format::MsgPack`] (Socket.IO's parser is not negotiated).
    pub parser: Format,
    /// How long a heartbeat may stay unanswered.
    pub ping_timeout: Duration,
    /// How long a connection may stay without a namespace.
    pub connect_timeout: Duration,
    /// How long an upgrade from long-polling may take.
    pub upgrade_timeout: Duration,
    /// The largest message, and the largest POST body, in bytes.
    pub max_payload: usize,
    /// Whether WebSocket and long-polling are offered.
    pub websocket: bool,
    /// See `websocket`.
    pub polling: bool,
    /// Whether long-polling clients are told that they may upgrade.
    pub allow_upgrades: bool,
    /// Whether clients of Engine.IO 3 (Socket.IO 2) are served.
    pub allow_eio3: bool,
    /// Whether permessage-deflate is negotiated.
    pub deflate: bool,
    /// How many bytes may wait for one connection; one that is further behind is closed, so memory is bounded. Default 1 MB.
    pub outbox_limit: usize,
    /// How many bytes of missed broadcasts are put into a client's outbox at once; the next follow as it reads. At most a fourth of `outbox_limit`
    /// counts. Default 64 KB.
    pub replay_slice: usize,
    /// See [`CorsPolicy`].
    pub cors: Option<CorsPolicy>,
    /// Whether what was said is kept for those who were away, and how; without it sockets cannot be resumed.
    pub recovery: Option<Recovery>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
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
            cors: None,
            recovery: None,
        }
    }
}
