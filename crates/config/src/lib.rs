//! The settings: their definitions, their sources, and the checks of their values.
//!
//! - [`settings`]: every setting with its default, environment name and description.
//! - [`value`], [`host`], [`log_level`], [`cidr`], [`database_url`], [`node_names`]: the kinds of values.
//! - [`schema`]: how a setting is declared.
//! - [`source`], [`dotenv`], [`reader`]: how a declared setting is read from the environment, a `.env` file and a TOML file.
//! - [`cluster`]: the settings of a node, for several nodes.
//! - [`origins`]: the web pages that may use the server.
//! - [`render`]: the settings as `roomcast config` and the example file show them.
//! - [`error`]: the errors.

pub mod cidr;
pub mod cluster;
pub mod database_url;
pub mod dotenv;
pub mod error;
pub mod host;
pub mod log_level;
pub mod node_names;
pub mod origins;
pub mod reader;
pub mod render;
pub mod schema;
pub mod settings;
pub mod source;
pub mod value;

use std::path::Path;

use reader::Reader;
use schema::Section;
use value::SettingValue;

pub use cidr::CidrRange;
pub use cluster::ClusterSettings;
pub use database_url::DatabaseUrl;
pub use error::ConfigError;
pub use host::Host;
pub use node_names::{NodeId, NodeUrl, RedisPrefix};
pub use origins::{Cors, Origins, OwnPage};
pub use reader::{Line, Lines};
pub use settings::{
    Audience, AuthConfig, ClusterConfig, CorsConfig, HttpConnections, LimitsConfig, LogConfig, LogFormat, MemoryLimit, MetricsAccess,
    OpsConfig, PresenceConfig, PublicKey, RealtimeConfig, RecoveryConfig, ServerConfig, SocketIoAdapter, SocketIoConfig, SocketParser,
    StorageConfig, TokenEnd,
};
pub use source::{SettingSource, Sources};
pub use value::{Limit, Secret, Size};

/// The documentation of every setting, in the order of [`Config`]'s fields.
pub const TABLE: &[Section] = &[
    ServerConfig::SECTION,
    AuthConfig::SECTION,
    RealtimeConfig::SECTION,
    RecoveryConfig::SECTION,
    PresenceConfig::SECTION,
    LimitsConfig::SECTION,
    StorageConfig::SECTION,
    ClusterConfig::SECTION,
    SocketIoConfig::SECTION,
    CorsConfig::SECTION,
    OpsConfig::SECTION,
    LogConfig::SECTION,
];

/// The fewest characters of `ROOMCAST_API_KEY`: a client with the key may do everything, and the number of attempts is not limited.
const MIN_API_KEY_CHARACTERS: usize = 20;

/// The fewest bytes of `JWT_SECRET` in production: a shorter secret can be guessed, and HS256 requires this many (RFC 7518, 3.2).
const MIN_JWT_SECRET_BYTES: usize = 32;

/// The effective settings.
#[derive(Clone, Debug)]
pub struct Config {
    /// The addresses and ports to listen on.
    pub server: ServerConfig,
    /// The verification of tokens.
    pub auth: AuthConfig,
    /// The sockets.
    pub realtime: RealtimeConfig,
    /// The replay of missed events.
    pub recovery: RecoveryConfig,
    /// The recipients of presence events.
    pub presence: PresenceConfig,
    /// The limits of each user.
    pub limits: LimitsConfig,
    /// The database.
    pub storage: StorageConfig,
    /// The node, if there are several.
    pub cluster: ClusterConfig,
    /// The cluster with socket.io servers.
    pub socketio: SocketIoConfig,
    /// The web pages that may use the server.
    pub cors: CorsConfig,
    /// Operation and monitoring.
    pub ops: OpsConfig,
    /// Logging.
    pub log: LogConfig,
    /// Each setting with its value as text and its source, as they were read. A program that changes a field does not change its line.
    pub lines: Lines,
}

/// The key that tokens are verified with.
#[derive(Clone, Copy, Debug)]
pub enum KeyChoice<'a> {
    /// `JWT_SECRET`.
    Secret(&'a Secret),
    /// `JWT_PUBLIC_KEY`.
    PublicKey(&'a PublicKey),
    /// `JWT_JWKS`.
    Jwks(&'a Path),
    /// None: dev mode.
    Dev,
}

impl Config {
    /// The settings of this process, each with its source.
    ///
    /// The inputs are the file of `--config`, if there is one; a check of the settings as a whole, such as [`Config::check`]. Errors: a line about each
    /// invalid setting, and, if there is one, the lines of the check.
    pub fn of_process(file: Option<&Path>, check: fn(&Self) -> Result<(), ConfigError>) -> Result<(Self, Vec<Line>), ConfigError> {
        Self::read_and_check(&Sources::of_process(file, TABLE)?, check)
    }

    /// The settings that these sources make, each with its source. Errors: as [`Config::of_process`] with [`Config::check`].
    pub fn read(sources: &Sources) -> Result<(Self, Vec<Line>), ConfigError> {
        Self::read_and_check(sources, Self::check)
    }

    fn read_and_check(sources: &Sources, check: fn(&Self) -> Result<(), ConfigError>) -> Result<(Self, Vec<Line>), ConfigError> {
        let mut reader = Reader { sources, lines: Vec::new(), errors: sources.problems.clone() };
        let mut config = Self {
            lines: Lines::default(),
            server: ServerConfig::read(&mut reader),
            auth: AuthConfig::read(&mut reader),
            realtime: RealtimeConfig::read(&mut reader),
            recovery: RecoveryConfig::read(&mut reader),
            presence: PresenceConfig::read(&mut reader),
            limits: LimitsConfig::read(&mut reader),
            storage: StorageConfig::read(&mut reader),
            cluster: ClusterConfig::read(&mut reader),
            socketio: SocketIoConfig::read(&mut reader),
            cors: CorsConfig::read(&mut reader),
            ops: OpsConfig::read(&mut reader),
            log: LogConfig::read(&mut reader),
        };
        let Reader { lines, mut errors, .. } = reader;
        if !errors.is_empty() {
            // All lines in one start, so that a user who fixes one setting does not need another start to find the next.
            errors.extend(check(&config).err());
        }
        ConfigError::all(errors)?;
        config.lines.0.clone_from(&lines);
        Ok((config, lines))
    }

    /// The settings of an environment of these pairs, for tests and for embedding. Errors: as [`Config::of_process`].
    pub fn of_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<Self, ConfigError> {
        Self::read(&Sources::of_pairs(pairs)).map(|(config, _)| config)
    }

    /// Says whether a server can start with these settings.
    ///
    /// Errors: a line about each setting that contradicts others, that can be guessed too easily, or that this build does not support yet.
    pub fn check(&self) -> Result<(), ConfigError> {
        let checks =
            [self.check_tls(), self.check_api_key(), self.check_secret(), self.check_host(), self.check_redis(), self.check_cluster()];
        ConfigError::all(checks.into_iter().filter_map(Result::err))
    }

    /// Warnings for the start, about settings that are valid but probably a mistake.
    pub fn warnings(&self) -> Vec<String> {
        let identity = &self.auth;
        let mut warnings = Vec::new();
        let secrets = [
            ("JWT_SECRET", &identity.jwt_secret),
            ("ROOMCAST_API_KEY", &identity.roomcast_api_key),
            ("CLUSTER_SECRET", &self.cluster.secret),
        ];
        for (name, secret) in secrets {
            let Some(text) = secret.as_ref().map(Secret::expose) else { continue };
            let is_quoted = |quote: char| text.len() > 1 && text.starts_with(quote) && text.ends_with(quote);
            if is_quoted('"') || is_quoted('\'') {
                warnings.push(format!("{name} begins and ends with a quote; the quotes are part of the value"));
            }
            if dotenv::without_comment(text).len() < text.len() {
                warnings.push(format!("{name} has a # after a space; the text after it is part of the value and not a comment"));
            }
        }
        if let Some(secret) = identity.jwt_secret.as_ref().filter(|secret| is_short(secret)) {
            let bytes = secret.expose().len();
            warnings.push(format!(
                "JWT_SECRET has {bytes} bytes and can be guessed; in production it must have at least {MIN_JWT_SECRET_BYTES}"
            ));
        }
        warnings.extend(self.cluster_warning());
        warnings
    }

    fn check_secret(&self) -> Result<(), ConfigError> {
        match self.key_choice()? {
            KeyChoice::Secret(secret) if self.auth.is_production() && is_short(secret) => {
                let right = format!(
                    "it can be guessed; expected at least {MIN_JWT_SECRET_BYTES} bytes in production, such as `openssl rand -hex 32` prints"
                );
                Err(ConfigError::setting("JWT_SECRET", &secret.show(), right))
            }
            _ => Ok(()),
        }
    }

    fn check_host(&self) -> Result<(), ConfigError> {
        if matches!(self.key_choice(), Ok(KeyChoice::Dev))
            && let Some(host) = self.server.host.as_ref().filter(|host| !host.is_loopback())
        {
            let right = "without JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS the server runs in dev mode and listens on this machine only; \
                         set one of them, or HOST=localhost";
            return Err(ConfigError::setting("HOST", &host.show(), right));
        }
        Ok(())
    }

    /// The key that tokens are verified with. Errors: several are set, or none in production.
    pub fn key_choice(&self) -> Result<KeyChoice<'_>, ConfigError> {
        let identity = &self.auth;
        match (&identity.jwt_secret, &identity.jwt_public_key, &identity.jwt_jwks) {
            (Some(secret), None, None) => Ok(KeyChoice::Secret(secret)),
            (None, Some(key), None) => Ok(KeyChoice::PublicKey(key)),
            (None, None, Some(path)) => Ok(KeyChoice::Jwks(path)),
            (None, None, None) if identity.is_production() => {
                let right = "dev mode is forbidden in production; set JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS";
                Err(ConfigError::setting("NODE_ENV", "production", right))
            }
            (None, None, None) => Ok(KeyChoice::Dev),
            (secret, key, _) => {
                let names = [secret.as_ref().map(|_| "JWT_SECRET"), key.as_ref().map(|_| "JWT_PUBLIC_KEY")];
                let others = identity.jwt_jwks.as_ref().map(|_| "JWT_JWKS");
                let set: Vec<_> = names.into_iter().flatten().chain(others).collect();
                let (names, how_many, rest) = match &set[..] {
                    [one, other] => (format!("{one} and {other}"), "both", "the other"),
                    _ => (set.join(", "), "all", "the others"),
                };
                Err(ConfigError::line(format!("{names} are {how_many} set: a token is verified by one of them; unset {rest}")))
            }
        }
    }

    /// Where to listen: `HOST`, else only this machine in dev mode, else everywhere.
    pub fn host(&self) -> Host {
        let dev = matches!(self.key_choice(), Ok(KeyChoice::Dev));
        self.server.host.clone().unwrap_or(if dev { Host::Localhost } else { Host::Every })
    }

    fn check_tls(&self) -> Result<(), ConfigError> {
        let (set, missing, path) = match (&self.server.tls_cert, &self.server.tls_key) {
            (Some(path), None) => ("TLS_CERT", "TLS_KEY", path),
            (None, Some(path)) => ("TLS_KEY", "TLS_CERT", path),
            _ => return Ok(()),
        };
        Err(ConfigError::setting(set, &path.show(), format!("TLS needs {missing}, too")))
    }

    /// The key comes in a header, as `Bearer KEY`. It has no budget, so it must be too long to be guessed.
    fn check_api_key(&self) -> Result<(), ConfigError> {
        let Some(key) = &self.auth.roomcast_api_key else { return Ok(()) };
        let wrong = |right: &str| Err(ConfigError::setting("ROOMCAST_API_KEY", &key.show(), right));
        if !key.expose().bytes().all(|byte| byte.is_ascii_graphic()) {
            return wrong("no Authorization header can say it; expected letters, digits and signs of ASCII, without spaces");
        }
        if key.expose().len() < MIN_API_KEY_CHARACTERS {
            return wrong(&format!(
                "it can be guessed; expected at least {MIN_API_KEY_CHARACTERS} characters, such as `openssl rand -hex 20` prints"
            ));
        }
        Ok(())
    }

    fn check_redis(&self) -> Result<(), ConfigError> {
        let wrong = |name, value: &str, right| Err(ConfigError::setting(name, value, right));
        match (&self.storage.redis_url, self.socketio.adapter) {
            (Some(url), SocketIoAdapter::None) if !self.has_several_nodes() => {
                let right = "nothing uses it; several nodes need DATABASE_URL=postgres://…, too, and a cluster with socket.io servers needs \
                             SOCKETIO_ADAPTER=redis; set one of them, or unset REDIS_URL";
                wrong("REDIS_URL", &url.show(), right)
            }
            (None, SocketIoAdapter::Redis) => wrong("SOCKETIO_ADAPTER", "redis", "it needs REDIS_URL, such as redis://localhost:6379"),
            (Some(url), SocketIoAdapter::Redis) if !url.names_a_server() => {
                let right = "SOCKETIO_ADAPTER=redis supports redis://HOST:PORT and rediss://HOST:PORT; sentinels and Unix sockets are for \
                             several nodes, which need DATABASE_URL=postgres://… and SOCKETIO_ADAPTER=none";
                wrong("REDIS_URL", &url.show(), right)
            }
            (Some(_), SocketIoAdapter::Redis) if !self.server.websocket_enabled => {
                wrong("SOCKETIO_ADAPTER", "redis", "it needs sockets; set WEBSOCKET_ENABLED=true")
            }
            (Some(_), SocketIoAdapter::Redis) if self.socketio.adapter_prefix.is_empty() => {
                wrong("SOCKETIO_ADAPTER_PREFIX", "", "expected a text; the default of socket.io servers is socket.io")
            }
            _ => Ok(()),
        }
    }
}

fn is_short(secret: &Secret) -> bool {
    secret.expose().len() < MIN_JWT_SECRET_BYTES
}

impl Default for Config {
    /// The settings of an empty environment.
    fn default() -> Self {
        Self::of_pairs([]).expect("a test reads every default")
    }
}

impl AuthConfig {
    /// True if `NODE_ENV` is production, in upper or lower case: a different spelling must not enable dev mode.
    pub fn is_production(&self) -> bool {
        self.node_env.as_deref().is_some_and(|mode| mode.eq_ignore_ascii_case("production"))
    }
}

impl ServerConfig {
    /// The ports to listen on, each once.
    pub fn ports(&self) -> Vec<u16> {
        let mut ports = vec![self.port];
        for port in [self.websocket_port, self.socket_io_port] {
            if port != 0 && !ports.contains(&port) {
                ports.push(port);
            }
        }
        ports
    }
}
