//! Every setting: its sentence, name, type, default and environment name, side by side.
//!
//! To add one, add its line here, and run `cargo xtask docs`, which writes `config.example.toml` and the page of the settings.

use std::path::PathBuf;
use std::time::Duration;

use super::cidr::CidrRange;
use super::database_url::{DatabaseUrl, RedisUrl};
use super::host::Host;
use super::log_level::LogLevel;
use super::node_names::{NodeId, NodeUrl, RedisPrefix};
use super::origins::OriginSetting;
use super::reader::Reader;
use super::schema::{Section, Setting, section};
use super::value::{Limit, Secret, SettingValue, Size, bytes, choice, in_range, show_bytes};

section! {
    /// The addresses and ports of the server.
    ServerConfig = "server" {
        /// The address to listen on. Unset: all interfaces, or in dev mode this machine only.
        host: Option<Host> = "", HOST;
        /// The port for REST, Socket.IO and the raw WebSocket.
        port: u16 = "3000", PORT;
        /// A further port that serves the same; 0 for none.
        websocket_port: u16 = "0", WEBSOCKET_PORT;
        /// A further port that serves the same; 0 for none.
        socket_io_port: u16 = "0", SOCKET_IO_PORT;
        /// Whether the server accepts sockets; false serves REST only.
        websocket_enabled: bool = "true", WEBSOCKET_ENABLED;
        /// A PEM file with the certificate chain. With TLS_CERT and TLS_KEY every port uses TLS.
        tls_cert: Option<FilePath> = "", TLS_CERT;
        /// A PEM file with the private key of the certificate.
        tls_key: Option<FilePath> = "", TLS_KEY;
        /// Addresses or ranges of trusted proxies, separated by commas. For requests from these the address of the client is taken from X-Forwarded-For or Forwarded.
        trusted_proxies: Vec<CidrRange> = "", TRUSTED_PROXIES;
    }
}

section! {
    /// The keys that verify tokens. Set one of the three. Without a key the server runs in dev mode, with a secret that it creates.
    AuthConfig = "auth" {
        /// The secret of tokens that are signed with HS256. In production it has at least 32 bytes.
        jwt_secret: Option<Secret> = "", JWT_SECRET;
        /// The public key of tokens signed with RS256/384/512, ES256/384 or EdDSA: a PEM file, or the PEM text itself.
        jwt_public_key: Option<PublicKey> = "", JWT_PUBLIC_KEY;
        /// A JWKS file with public keys. The kid of a token selects the key.
        jwt_jwks: Option<FilePath> = "", JWT_JWKS;
        /// The iss that a token must have. Unset: iss is not checked.
        jwt_issuer: Option<String> = "", JWT_ISSUER;
        /// One or more audiences, separated by commas; the aud of a token must contain one of them. Unset: aud is not checked.
        jwt_audience: Vec<String> = "", JWT_AUDIENCE;
        /// For how long an expired token is still accepted, for clocks that differ.
        jwt_leeway: Duration = "0s", JWT_LEEWAY from "0s" to "24h";
        /// The cookie that may carry a token, from an allowed origin only.
        jwt_cookie: CookieName = "token", JWT_COOKIE;
        /// What happens to a connection when its token expires: keep (nothing, the expiry is checked at the connect only) or close. A connection that has refreshed its token is closed in both cases.
        token_end: TokenEnd = "keep", TOKEN_END;
        /// The key of your own backend for the backend API (emit, notify, presence, disconnect); at least 20 characters.
        roomcast_api_key: Option<Secret> = "", ROOMCAST_API_KEY;
        /// `production` forbids dev mode and short secrets, and trusts no page of localhost.
        node_env: Option<String> = "", NODE_ENV;
    }
}

section! {
    /// The protocols of sockets.
    RealtimeConfig = "realtime" {
        /// How often the server pings an Engine.IO client.
        ping_interval: Duration = "25s", PING_INTERVAL from "100ms" to "1h";
        /// How long a client may take to respond to a ping.
        ping_timeout: Duration = "60s", PING_TIMEOUT from "100ms" to "1h";
        /// For how long a Socket.IO connection may stay open without joining a namespace.
        connect_timeout: Duration = "45s", CONNECT_TIMEOUT from "100ms" to "1h";
        /// How often the server pings a raw WebSocket.
        ws_heartbeat_interval: Duration = "30s", WS_HEARTBEAT_INTERVAL from "100ms" to "1h";
        /// Whether a raw WebSocket is closed with 4403 when it asks for a room that it may not see.
        ws_close_on_forbidden: bool = "true", WS_CLOSE_ON_FORBIDDEN;
        /// Whether the server accepts permessage-deflate.
        ws_compression: bool = "false", WS_COMPRESSION;
        /// The largest message that a client may send.
        max_payload: Size = "1MB", MAX_PAYLOAD from "1KB" to "100MB";
        /// How many bytes may wait for one connection before it is closed as too slow.
        outbox_limit: Size = "1MB", OUTBOX_LIMIT from "16KB" to "1000MB";
        /// Whether the server accepts clients of Engine.IO 3 (Socket.IO 2).
        allow_eio3: bool = "false", ALLOW_EIO3;
        /// How Socket.IO packets are encoded: json, or msgpack for clients with socket.io-msgpack-parser.
        socket_parser: SocketParser = "json", SOCKET_PARSER;
        /// How many shards (threads) own the connections; 0 for one for each core.
        shards: u16 = "0", SHARDS from "0" to "1024";
    }
}

section! {
    /// The events that are kept for clients that reconnect.
    RecoveryConfig = "recovery" {
        /// For how long a client may be disconnected and still receives the events that it missed.
        recovery_window: Duration = "2m", RECOVERY_WINDOW from "1s" to "24h";
        /// How many events are kept for that. Each kilobyte of an event beyond the first counts as one more event. When more are kept, the users who caused the most events lose their oldest ones.
        journal_keep: u32 = "500000", JOURNAL_KEEP from "0" to "10000000";
        /// How much memory the newest of these events take. Older ones are read from the database. Each event takes about 70 bytes of memory besides.
        journal_memory: Size = "64MB", JOURNAL_MEMORY from "64KB" to "1000MB";
        /// How much memory the log of recent deliveries takes at most, for the question why a user did not receive an event. 0: no log.
        explain_memory: Size = "32MB", EXPLAIN_MEMORY from "0" to "4000MB";
    }
}

section! {
    /// The recipients of presence events.
    PresenceConfig = "presence" {
        /// Which users receive online and offline events of a user: everyone, contacts (users who have both acted in a common space) or none.
        audience: Audience = "everyone", PRESENCE_AUDIENCE;
        /// While more users than this are online, `everyone` is narrowed to `contacts`, because its cost grows with the square of the users online. 0 for no limit.
        everyone_up_to: Limit = "5000", PRESENCE_EVERYONE_UP_TO;
        /// For how long a user without a connection still counts as online, so that a page reload sends no event.
        grace: Duration = "2s", PRESENCE_GRACE from "0s" to "1h";
    }
}

section! {
    /// The limits of one user, of one address, and of the server.
    LimitsConfig = "limits" {
        /// How many raw WebSockets a user may have at once, on all devices; 0 for no limit.
        max_connections_per_user: Limit = "5", MAX_CONNECTIONS_PER_USER;
        /// How many Socket.IO connections a user may have at once, on all devices; 0 for no limit.
        socketio_max_connections_per_user: Limit = "20", SOCKETIO_MAX_CONNECTIONS_PER_USER;
        /// How many connections all users together may have at once; 0 for no limit.
        max_connections: Limit = "0", MAX_CONNECTIONS;
        /// How many rooms a connection may be in at once, besides the user's inbox; 0 for no limit.
        max_rooms_per_connection: Limit = "1000", MAX_ROOMS_PER_CONNECTION;
        /// How many HTTP connections may be open at once. A WebSocket does not count after its handshake. Beyond the limit a new connection can only make a health check. A number, or auto (16384, or fewer, so that they take at most a quarter of MEMORY_LIMIT at 27 KB each).
        max_http_connections: HttpConnections = "auto", MAX_HTTP_CONNECTIONS;
        /// How many HTTP connections one address (IPv6: one /64) may have open at once; 0 for no limit. Connections from TRUSTED_PROXIES are not counted.
        max_http_connections_per_address: Limit = "256", MAX_HTTP_CONNECTIONS_PER_ADDRESS;
        /// For how long an HTTP response may make no progress before the server closes its connection.
        answer_timeout: Duration = "10s", ANSWER_TIMEOUT from "1s" to "1h";
        /// How many members a space may have; 0 for no limit. The claim household_id of a token adds its user regardless of this limit.
        max_members_per_space: Limit = "100000", MAX_MEMBERS_PER_SPACE;
        /// How many spaces a user may be a member of; 0 for no limit. The claim household_id of a token adds its user regardless of this limit.
        max_spaces_per_user: Limit = "1000", MAX_SPACES_PER_USER;
        /// How many bytes of incomplete input and of unwritten output the server may hold. A size, auto (a quarter of MEMORY_LIMIT) or off.
        bytes_in_hand: MemoryLimit = "auto", BYTES_IN_HAND;
        /// How many of these bytes may belong to one address (IPv6: one /64). A size, auto (a quarter of BYTES_IN_HAND) or off.
        bytes_in_hand_per_address: MemoryLimit = "auto", BYTES_IN_HAND_PER_ADDRESS;
        /// How many of these bytes may belong to one user. A size, auto (an eighth of BYTES_IN_HAND) or off.
        bytes_in_hand_per_user: MemoryLimit = "auto", BYTES_IN_HAND_PER_USER;
        /// How many users one user may add to spaces in an hour; 0 for no limit.
        max_additions_per_hour: Limit = "500", MAX_ADDITIONS_PER_HOUR;
        /// How many objects the server stores for one user in a day: events, and responses to requests with an idempotency key; 0 for no limit.
        max_objects_per_user_per_day: Limit = "50000", MAX_OBJECTS_PER_USER_PER_DAY;
        /// How many bytes of these objects the server stores for one user in a day.
        max_bytes_per_user_per_day: Size = "200MB", MAX_BYTES_PER_USER_PER_DAY from "1MB" to "4000MB";
        /// Whether the budgets of commands and connection attempts are enforced; off disables them, but not the limits on sizes.
        rate_limits: bool = "true", RATE_LIMITS;
    }
}

section! {
    /// Where the data is stored.
    StorageConfig = "storage" {
        /// The database: sqlite://PATH, sqlite::memory: for a server that stores nothing on the disk, or postgres://USER:PASSWORD@HOST:5432/DATABASE with the options of libpq, such as ?sslmode=verify-full.
        database_url: DatabaseUrl = "sqlite://data/roomcast.db", DATABASE_URL;
        /// Redis: redis://USER:PASSWORD@HOST:PORT, or rediss:// for TLS; valkey:// and valkeys:// mean the same. Several nodes can also use redis+sentinel://USER:PASSWORD@SENTINEL:26379,SENTINEL:26379/SERVICE, rediss+sentinel:// for TLS to the server, and redis+unix:///PATH. With DATABASE_URL=postgres://… the process is then one of several nodes, which need NODE_URL and CLUSTER_SECRET. With SOCKETIO_ADAPTER=redis it is the Redis of the socket.io servers, and the process is the only one.
        redis_url: Option<RedisUrl> = "", REDIS_URL;
        /// A PEM file with the certificates of the authorities that may have signed the certificate of Redis. Unset: those that the system trusts.
        redis_ca: Option<FilePath> = "", REDIS_CA;
    }
}

section! {
    /// Several nodes that act as one server: DATABASE_URL=postgres://… and REDIS_URL, the same on all nodes.
    ClusterConfig = "cluster" {
        /// The address at which the other nodes reach this node: http://HOST:PORT, or https://HOST:PORT.
        node_url: Option<NodeUrl> = "", NODE_URL;
        /// The secret that nodes authenticate with to each other, the same on all nodes; at least 32 bytes.
        secret: Option<Secret> = "", CLUSTER_SECRET;
        /// The id of this node, which no other node has: 1 to 64 letters, digits, -, _ and dots. Unset: the name of the machine and PORT.
        node_id: Option<NodeId> = "", NODE_ID;
        /// The prefix of the keys and channels in Redis: as NODE_ID. Clusters that share a Redis need different prefixes.
        redis_prefix: RedisPrefix = "roomcast", REDIS_PREFIX;
    }
}

section! {
    /// A cluster with socket.io servers in Node.js: each server's broadcasts reach the clients of all.
    SocketIoConfig = "socketio" {
        /// The protocol between the servers: none, or redis for that of the package @socket.io/redis-adapter. It needs REDIS_URL.
        adapter: SocketIoAdapter = "none", SOCKETIO_ADAPTER;
        /// The prefix of the channels, the option `key` of the adapter. Clusters that share a Redis need different prefixes.
        adapter_prefix: String = "socket.io", SOCKETIO_ADAPTER_PREFIX;
        /// How long this server may take to answer a request of another server, and how long it forwards acknowledgements if the other server does not say.
        adapter_timeout: Duration = "5s", SOCKETIO_ADAPTER_TIMEOUT from "100ms" to "10m";
    }
}

section! {
    /// The web pages that may use the server: the union of the three settings. If none is set, every page may, without cookies. Pages on localhost may then use cookies, except in production.
    CorsConfig = "cors" {
        /// Origins of front ends, separated by commas.
        frontend_urls: Vec<OriginSetting> = "", FRONTEND_URLS;
        /// The origin of the front end.
        frontend_url: Vec<OriginSetting> = "", FRONTEND_URL;
        /// Origins of Socket.IO clients, separated by commas; * for every page, without cookies.
        socket_io_cors_origin: Vec<OriginSetting> = "", SOCKET_IO_CORS_ORIGIN;
    }
}

section! {
    /// Operation of the server.
    OpsConfig = "ops" {
        /// The clients that may read /metrics: key (backends and admins), open (every client that reaches the port) or off.
        metrics: MetricsAccess = "key", METRICS;
        /// Over how long connections are closed when the server stops. A service manager should wait three seconds longer before it kills the process.
        drain_seconds: Duration = "5s", DRAIN_SECONDS from "0s" to "1h";
        /// How much memory the process may use before it rejects new connections. A size, auto (80 % of the memory of the machine or container) or off.
        memory_limit: MemoryLimit = "auto", MEMORY_LIMIT;
        /// Whether the server has the console for operators at /console.
        console: bool = "true", CONSOLE;
        /// Whether the server has a page at /. In dev mode the page has a token, else it names the server only.
        start_page: bool = "true", START_PAGE;
    }
}

section! {
    /// Logging, to standard error.
    LogConfig = "log" {
        /// The minimum level: error, warn, info, debug, trace or off; or directives such as info,audit=warn.
        level: LogLevel = "info", LOG_LEVEL;
        /// The format of a line: text or json.
        format: LogFormat = "text", LOG_FORMAT;
    }
}

choice! {
    /// What happens to a connection when its token expires.
    TokenEnd {
        /// Nothing: the expiry is checked at the connect only.
        Keep = "keep",
        /// The connection is closed.
        Close = "close",
    } expected "keep or close"
}

choice! {
    /// How this server and socket.io servers form a cluster.
    SocketIoAdapter {
        /// They do not.
        None = "none" | "off",
        /// Over Redis, with the protocol of `@socket.io/redis-adapter`.
        Redis = "redis",
    } expected "none or redis"
}

choice! {
    /// How Socket.IO packets are encoded; one parser for the whole server, as in Socket.IO itself.
    SocketParser {
        /// The default parser.
        Json = "json",
        /// The one of socket.io-msgpack-parser.
        Msgpack = "msgpack",
    } expected "json or msgpack"
}

choice! {
    /// Which users receive online and offline events of a user.
    Audience {
        /// Every connection.
        Everyone = "everyone",
        /// Users who have both acted in a common space.
        Contacts = "contacts",
        /// No user.
        None = "none",
    } expected "everyone, contacts or none"
}

choice! {
    /// The clients that may read the metrics.
    MetricsAccess {
        /// Backends and admins.
        Key = "key",
        /// Every client that reaches the port.
        Open = "open",
        /// No client.
        Off = "off" | "none",
    } expected "key, open or off"
}

choice! {
    /// The format of a log line.
    LogFormat {
        /// For people.
        Text = "text",
        /// For machines.
        Json = "json",
    } expected "text or json"
}

/// How much memory the server may use.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum MemoryLimit {
    /// A share of the memory of the machine or container.
    Auto,
    /// No limit.
    Off,
    /// This number of bytes.
    Bytes(u64),
}

impl SettingValue for MemoryLimit {
    const EXPECTED: &'static str = "auto, off, or a size in bytes or with a unit (KB, MB, GB, KiB, MiB, GiB), such as 500MB";
    const IS_BOUND: bool = true;

    fn read(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "auto" => Some(Self::Auto),
            "off" | "none" | "0" => Some(Self::Off),
            size => bytes(size).map(Self::Bytes),
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Auto => "auto".into(),
            Self::Off => "off".into(),
            Self::Bytes(bytes) => show_bytes(*bytes),
        }
    }
}

/// How many connections may be in their HTTP phase at once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HttpConnections {
    /// As many as the memory allows.
    Auto,
    /// This number.
    Most(u32),
}

impl SettingValue for HttpConnections {
    const EXPECTED: &'static str = "auto, or a whole number from 16 to 1000000";
    const IS_BOUND: bool = true;

    fn read(text: &str) -> Option<Self> {
        if text.eq_ignore_ascii_case("auto") {
            return Some(Self::Auto);
        }
        text.parse().ok().filter(|most| (16..=1_000_000).contains(most)).map(Self::Most)
    }

    fn show(&self) -> String {
        match self {
            Self::Auto => "auto".into(),
            Self::Most(most) => most.to_string(),
        }
    }
}

/// The path of a file.
pub type FilePath = PathBuf;

impl SettingValue for PathBuf {
    const EXPECTED: &'static str = "the path of a file";

    fn read(text: &str) -> Option<Self> {
        Some(text.into())
    }

    fn show(&self) -> String {
        self.display().to_string()
    }
}

/// A public key, or the file that contains it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PublicKey {
    /// In a PEM file.
    File(PathBuf),
    /// PEM text; environments that cannot hold line ends write them as `\n`.
    Pem(String),
}

impl SettingValue for PublicKey {
    const EXPECTED: &'static str = "the path of a PEM file, or PEM text";

    fn read(text: &str) -> Option<Self> {
        Some(if text.contains("-----BEGIN") { Self::Pem(text.replace("\\n", "\n")) } else { Self::File(text.into()) })
    }

    fn show(&self) -> String {
        match self {
            Self::File(path) => path.show(),
            // An operator may have put a private key here. The server rejects it, but `roomcast config` prints the settings before that.
            Self::Pem(_) => "(PEM text)".into(),
        }
    }
}

/// The name of a cookie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CookieName(pub String);

impl SettingValue for CookieName {
    const EXPECTED: &'static str = "a cookie's name of letters, digits and -_.";

    fn read(text: &str) -> Option<Self> {
        let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        (!text.is_empty() && text.bytes().all(good)).then(|| Self(text.into()))
    }

    fn show(&self) -> String {
        self.0.clone()
    }
}
