//! Settings: every source, every kind of value, and every error, which is one line.

// A test that cannot continue has failed.
#![allow(clippy::unwrap_used)]

use std::time::Duration;

use config::reader::Line;
use config::schema::Setting;
use config::settings::*;
use config::value::SettingValue;
use config::{Config, Cors, DatabaseUrl, Host, Limit, Origins, OwnPage, SettingSource, Size, Sources, TABLE, render};

fn settings() -> impl Iterator<Item = &'static Setting> {
    TABLE.iter().flat_map(|section| section.settings)
}

fn line<'a>(lines: &'a [Line], name: &str) -> &'a Line {
    lines.iter().find(|line| line.setting.env == name).unwrap()
}

fn from_file(text: &str) -> Result<(Config, Vec<Line>), String> {
    let sources = Sources::default().with_toml("roomcast.toml", text, TABLE);
    sources.and_then(|sources| Config::read(&sources)).map_err(|error| error.to_string())
}

/// The error line of these settings, which are read and checked as at a start.
fn error(pairs: &[(&str, &str)]) -> String {
    let error = Config::of_pairs(pairs.iter().copied()).and_then(|config| config.check()).unwrap_err().to_string();
    assert!(!error.contains('\n'), "more than one line: {error}");
    error
}

/// For each setting a valid value other than the default, as text and as it is printed.
const OTHER_VALUES: &[(&str, &str, &str)] = &[
    ("HOST", "192.0.2.1", "192.0.2.1"),
    ("PORT", "8080", "8080"),
    ("WEBSOCKET_PORT", "3001", "3001"),
    ("SOCKET_IO_PORT", "3002", "3002"),
    ("WEBSOCKET_ENABLED", "false", "false"),
    ("TLS_CERT", "/tls/cert.pem", "/tls/cert.pem"),
    ("TLS_KEY", "/tls/key.pem", "/tls/key.pem"),
    ("TRUSTED_PROXIES", "10.0.0.0/8, 127.0.0.1,fd00::/8", "10.0.0.0/8,127.0.0.1/32,fd00::/8"),
    ("JWT_SECRET", "s3cret-one", "(hidden)"),
    ("JWT_PUBLIC_KEY", "/keys/public.pem", "/keys/public.pem"),
    ("JWT_JWKS", "/keys/jwks.json", "/keys/jwks.json"),
    ("JWT_ISSUER", "group-planner-api", "group-planner-api"),
    ("JWT_AUDIENCE", "group-planner-client,other", "group-planner-client,other"),
    ("JWT_LEEWAY", "5s", "5s"),
    ("JWT_COOKIE", "session", "session"),
    ("TOKEN_END", "close", "close"),
    ("ROOMCAST_API_KEY", "s3cret-two", "(hidden)"),
    ("NODE_ENV", "production", "production"),
    ("PING_INTERVAL", "300ms", "300ms"),
    ("PING_TIMEOUT", "200ms", "200ms"),
    ("CONNECT_TIMEOUT", "1", "1s"),
    ("WS_HEARTBEAT_INTERVAL", "15", "15s"),
    ("WS_CLOSE_ON_FORBIDDEN", "false", "false"),
    ("WS_COMPRESSION", "on", "true"),
    ("MAX_PAYLOAD", "64KB", "64KB"),
    ("OUTBOX_LIMIT", "2000000", "2MB"),
    ("ALLOW_EIO3", "yes", "true"),
    ("SOCKET_PARSER", "msgpack", "msgpack"),
    ("SHARDS", "4", "4"),
    ("RECOVERY_WINDOW", "30", "30s"),
    ("JOURNAL_KEEP", "500", "500"),
    ("JOURNAL_MEMORY", "1000000", "1MB"),
    ("EXPLAIN_MEMORY", "2000000", "2MB"),
    ("PRESENCE_AUDIENCE", "contacts", "contacts"),
    ("PRESENCE_GRACE", "0", "0s"),
    ("MAX_CONNECTIONS_PER_USER", "0", "0"),
    ("SOCKETIO_MAX_CONNECTIONS_PER_USER", "7", "7"),
    ("MAX_CONNECTIONS", "10000", "10000"),
    ("MAX_ROOMS_PER_CONNECTION", "0", "0"),
    ("MAX_ADDITIONS_PER_HOUR", "7", "7"),
    ("MAX_OBJECTS_PER_USER_PER_DAY", "0", "0"),
    ("MAX_BYTES_PER_USER_PER_DAY", "5MB", "5MB"),
    ("MAX_HTTP_CONNECTIONS", "500", "500"),
    ("MAX_HTTP_CONNECTIONS_PER_ADDRESS", "0", "0"),
    ("ANSWER_TIMEOUT", "30", "30s"),
    ("PRESENCE_EVERYONE_UP_TO", "0", "0"),
    ("MAX_MEMBERS_PER_SPACE", "0", "0"),
    ("MAX_SPACES_PER_USER", "50", "50"),
    ("BYTES_IN_HAND", "100MB", "100MB"),
    ("BYTES_IN_HAND_PER_ADDRESS", "10MB", "10MB"),
    ("BYTES_IN_HAND_PER_USER", "off", "off"),
    ("RATE_LIMITS", "off", "false"),
    ("DATABASE_URL", "postgresql://u:s3cret-three@db/roomcast", "postgresql://…@db/roomcast"),
    ("REDIS_URL", "redis://:s3cret-four@localhost:6379/0", "redis://…@localhost:6379/0"),
    ("REDIS_CA", "ca.pem", "ca.pem"),
    ("NODE_URL", "http://10.0.0.7:3000/", "http://10.0.0.7:3000"),
    ("CLUSTER_SECRET", "s3cret-five", "(hidden)"),
    ("NODE_ID", "node-1", "node-1"),
    ("REDIS_PREFIX", "team", "team"),
    ("SOCKETIO_ADAPTER", "redis", "redis"),
    ("SOCKETIO_ADAPTER_PREFIX", "team", "team"),
    ("SOCKETIO_ADAPTER_TIMEOUT", "10", "10s"),
    ("METRICS", "open", "open"),
    ("DRAIN_SECONDS", "8", "8s"),
    ("MEMORY_LIMIT", "1.5GB", "1500MB"),
    ("CONSOLE", "off", "false"),
    ("START_PAGE", "off", "false"),
    ("FRONTEND_URLS", "http://localhost:3000,http://localhost:5173", "http://localhost:3000,http://localhost:5173"),
    ("FRONTEND_URL", "https://app.example.com/", "https://app.example.com"),
    ("SOCKET_IO_CORS_ORIGIN", "*", "*"),
    ("LOG_LEVEL", "debug", "debug"),
    ("LOG_FORMAT", "json", "json"),
];

#[test]
fn every_setting_has_a_valid_default() {
    let (config, lines) = Config::read(&Sources::default()).unwrap();
    config.check().unwrap();
    assert_eq!(lines.len(), settings().count());
    assert!(lines.iter().all(|line| line.source == SettingSource::Default));
    let values = |config: &Config| format!("{config:?}");
    assert_eq!(values(&Config::default()), values(&config));
}

#[test]
fn the_defaults_are_the_documented_ones() {
    let config = Config::default();
    assert_eq!((config.server.port, config.host()), (3000, Host::Localhost));
    assert_eq!(config.realtime.ping_interval, Duration::from_secs(25));
    assert_eq!(config.realtime.ping_timeout, Duration::from_secs(60));
    assert_eq!(config.realtime.connect_timeout, Duration::from_secs(45));
    assert_eq!(config.realtime.ws_heartbeat_interval, Duration::from_secs(30));
    assert_eq!((config.realtime.max_payload, config.realtime.outbox_limit), (Size(1_000_000), Size(1_000_000)));
    assert_eq!(config.limits.max_connections_per_user, Limit::of(5));
    assert_eq!(config.limits.socketio_max_connections_per_user, Limit::of(20));
    assert_eq!((config.limits.max_connections, config.limits.max_rooms_per_connection), (Limit::of(0), Limit::of(1000)));
    assert_eq!(config.presence.audience, Audience::Everyone);
    assert_eq!(config.presence.grace, Duration::from_secs(2));
    assert_eq!(config.storage.database_url, DatabaseUrl::Sqlite("data/roomcast.db".into()));
    assert!(config.server.websocket_enabled && config.limits.rate_limits && config.realtime.ws_close_on_forbidden);
    assert_eq!(config.auth.jwt_leeway, Duration::ZERO);
}

#[test]
fn every_name_works_in_the_environment() {
    assert_eq!(OTHER_VALUES.len(), settings().count(), "a setting has no value to try here");
    for (name, text, printed) in OTHER_VALUES {
        let (_, lines) = Config::read(&Sources::of_pairs([(*name, *text)])).unwrap();
        let line = line(&lines, name);
        assert_eq!((line.value.as_str(), line.source), (*printed, SettingSource::Environment), "{name}");
        assert_ne!(line.value, line.setting.default, "{name}");
    }
}

#[test]
fn every_setting_works_in_a_file() {
    for (name, text, printed) in OTHER_VALUES {
        let setting = settings().find(|setting| setting.env == *name).unwrap();
        let (_, lines) = from_file(&format!("[{}]\n{} = \"{text}\"", setting.section, setting.key)).unwrap();
        let line = line(&lines, name);
        assert_eq!((line.value.as_str(), line.source), (*printed, SettingSource::File), "{name}");
    }
}

#[test]
fn a_file_may_use_toml_types() {
    let text = "
        [server]
        port = 8080
        websocket_enabled = false
        [realtime]
        ping_interval = 10
        ping_timeout = 1.5
        [cors]
        frontend_urls = ['http://localhost:3000', 'https://app.example.com']
    ";
    let (config, _) = from_file(text).unwrap();
    assert_eq!(config.server.port, 8080);
    assert!(!config.server.websocket_enabled);
    assert_eq!(config.realtime.ping_interval, Duration::from_secs(10));
    assert_eq!(config.realtime.ping_timeout, Duration::from_millis(1500));
    assert_eq!(config.cors.frontend_urls.len(), 2);
}

#[test]
fn former_section_names_of_a_file_still_work() {
    let text =
        "[net]\nport = 8080\n[identity]\njwt_issuer = 'me'\n[origins]\nfrontend_url = 'http://a.example'\n[operations]\nmetrics = 'off'";
    let (config, lines) = from_file(text).unwrap();
    assert_eq!((config.server.port, config.auth.jwt_issuer.as_deref(), config.cors.frontend_url.len()), (8080, Some("me"), 1));
    assert_eq!(line(&lines, "METRICS").source, SettingSource::File);
    let error = from_file("[net]\nport = 'high'").unwrap_err();
    assert_eq!(error, "roomcast.toml: net.port=high: expected a whole number from 0 to 65535");
    let error = from_file("[net]\nport = 1\n[server]\nport = 2").unwrap_err();
    assert_eq!(error, "roomcast.toml: [net] is the former name of [server]; use [server] for both");
}

#[test]
fn a_non_empty_variable_takes_precedence_over_the_file() {
    let with = |port: &'static str| {
        let sources = Sources::of_pairs([("PORT", port)]).with_toml("f", "[server]\nport = 8080", TABLE).unwrap();
        let (config, lines) = Config::read(&sources).unwrap();
        (config.server.port, line(&lines, "PORT").source)
    };
    assert_eq!(with("9090"), (9090, SettingSource::Environment));
    assert_eq!(with(""), (8080, SettingSource::File));
}

#[test]
fn values_are_trimmed_but_secrets_are_not() {
    let config = Config::of_pairs([("PORT", " 8080 "), ("JWT_SECRET", " s ")]).unwrap();
    assert_eq!(config.server.port, 8080);
    assert_eq!(config.auth.jwt_secret.unwrap().expose(), " s ");
}

#[test]
fn durations_are_in_seconds_or_have_a_unit() {
    let good = [
        ("0", 0),
        ("25", 25_000),
        ("1.5", 1500),
        ("500ms", 500),
        ("500 ms", 500),
        ("30s", 30_000),
        ("2m", 120_000),
        ("1h", 3_600_000),
        ("1H", 3_600_000),
    ];
    for (text, milliseconds) in good {
        assert_eq!(Duration::read(text), Some(Duration::from_millis(milliseconds)), "{text}");
    }
    for bad in ["", "s", "-1", "+1", "1d", "1e3", "inf", "NaN", "0.5ms", "1.2.3", "1s2", "ten", "99999999h", "٣"] {
        assert_eq!(Duration::read(bad), None, "{bad}");
    }
    for printed in ["0s", "25s", "500ms", "2m", "1h", "90s"] {
        assert_eq!(Duration::read(printed).unwrap().show(), printed);
    }
}

#[test]
fn sizes_are_in_bytes_or_have_a_unit() {
    let good = [("1000000", 1_000_000), ("1MB", 1_000_000), ("64kb", 64_000), ("1MiB", 1 << 20), ("1.5 KB", 1500), ("10b", 10)];
    for (text, bytes) in good {
        assert_eq!(Size::read(text), Some(Size(bytes)), "{text}");
    }
    for bad in ["", "MB", "-1", "1.5", "1TB", "5000MB", "1e6"] {
        assert_eq!(Size::read(bad), None, "{bad}");
    }
}

#[test]
fn a_limit_of_zero_means_no_limit() {
    assert_eq!(Limit::of(0).limit(), None);
    assert!(Limit::of(0).allows(usize::MAX));
    assert!(Limit::of(5).allows(4));
    assert!(!Limit::of(5).allows(5));
}

#[test]
fn an_invalid_value_is_rejected_with_the_expected_form() {
    let port = "expected a whole number from 0 to 65535";
    let duration = "expected a duration in seconds or with a unit (ms, s, m, h), such as 25, 500ms or 1h, from 100ms to 1h";
    let size = "expected a size in bytes or with a unit (KB, MB, GB, KiB, MiB, GiB), such as 1000000 or 1MB";
    let flag = "expected true or false (also on/off, yes/no, 1/0)";
    let cases: &[(&str, &str, String)] = &[
        ("PORT", "99999", format!("PORT=99999: {port}")),
        ("PORT", "http", format!("PORT=http: {port}")),
        ("WEBSOCKET_PORT", "-1", format!("WEBSOCKET_PORT=-1: {port}")),
        ("PING_INTERVAL", "0", format!("PING_INTERVAL=0: {duration}")),
        // Socket.IO's own options are milliseconds: seven hours between two pings are a wrong unit.
        ("PING_INTERVAL", "25000", format!("PING_INTERVAL=25000: {duration}")),
        ("PING_TIMEOUT", "soon", format!("PING_TIMEOUT=soon: {duration}")),
        ("WS_HEARTBEAT_INTERVAL", "-30", format!("WS_HEARTBEAT_INTERVAL=-30: {duration}")),
        ("MAX_PAYLOAD", "0", format!("MAX_PAYLOAD=0: {size}, from 1KB to 100MB")),
        ("OUTBOX_LIMIT", "1 byte", format!("OUTBOX_LIMIT=1 byte: {size}, from 16KB to 1000MB")),
        ("WEBSOCKET_ENABLED", "maybe", format!("WEBSOCKET_ENABLED=maybe: {flag}")),
        ("RATE_LIMITS", "10/min", format!("RATE_LIMITS=10/min: {flag}")),
        ("MAX_CONNECTIONS_PER_USER", "many", "MAX_CONNECTIONS_PER_USER=many: expected a whole number, 0 for no limit".into()),
        (
            "TRUSTED_PROXIES",
            "10.0.0.0/33",
            "TRUSTED_PROXIES=10.0.0.0/33: expected addresses or ranges of them, such as 10.0.0.0/8, 127.0.0.1 or fd00::/8".into(),
        ),
        ("MAX_HTTP_CONNECTIONS", "15", "MAX_HTTP_CONNECTIONS=15: expected auto, or a whole number from 16 to 1000000".into()),
        ("SHARDS", "5000", "SHARDS=5000: expected a whole number from 0 to 65535, from 0 to 1024".into()),
        ("PRESENCE_AUDIENCE", "friends", "PRESENCE_AUDIENCE=friends: expected everyone, contacts or none".into()),
        ("SOCKET_PARSER", "bson", "SOCKET_PARSER=bson: expected json or msgpack".into()),
        ("TOKEN_END", "later", "TOKEN_END=later: expected keep or close".into()),
        ("LOG_FORMAT", "xml", "LOG_FORMAT=xml: expected text or json".into()),
        (
            "LOG_LEVEL",
            "loud",
            "LOG_LEVEL=loud: expected error, warn, info, debug, trace or off, or directives such as info,audit=warn".into(),
        ),
        (
            "HOST",
            "http://localhost",
            "HOST=http://localhost: expected an address such as 0.0.0.0, ::1 or localhost, without scheme and port".into(),
        ),
        ("HOST", "127.0.0", "HOST=127.0.0: expected an address such as 0.0.0.0, ::1 or localhost, without scheme and port".into()),
        (
            "FRONTEND_URLS",
            "http://a.example, nonsense",
            "FRONTEND_URLS=http://a.example, nonsense: expected origins such as https://app.example.com, separated by commas, or *".into(),
        ),
        (
            "SOCKET_IO_CORS_ORIGIN",
            "https://*.example.com",
            "SOCKET_IO_CORS_ORIGIN=https://*.example.com: expected origins such as https://app.example.com, separated by commas, or *"
                .into(),
        ),
        (
            "DATABASE_URL",
            "mysql://root:s3cret@db",
            "DATABASE_URL=mysql://…@db: expected sqlite://PATH, such as sqlite://data/roomcast.db, sqlite::memory:, or \
             postgres://USER:PASSWORD@HOST:5432/DATABASE"
                .into(),
        ),
        (
            "REDIS_URL",
            "localhost:6379",
            "REDIS_URL=localhost:6379: expected redis://HOST:PORT, rediss://HOST:PORT, redis+sentinel://HOST:PORT,HOST:PORT/SERVICE, or \
             redis+unix:///PATH"
                .into(),
        ),
        ("NODE_ID", "a b", "NODE_ID=a b: expected 1 to 64 letters, digits, '-', '_' and '.', such as node-1".into()),
        ("REDIS_PREFIX", "{a}", "REDIS_PREFIX={a}: expected 1 to 64 letters, digits, '-', '_' and '.', such as node-1".into()),
        (
            "NODE_URL",
            "http://u:s3cret@a:1",
            "NODE_URL=…@a:1: expected http://HOST:PORT or https://HOST:PORT, such as http://10.0.0.7:3000, without path and user".into(),
        ),
        ("JWT_COOKIE", "a b", "JWT_COOKIE=a b: expected a cookie's name of letters, digits and -_.".into()),
    ];
    for (name, value, expected) in cases {
        assert_eq!(&error(&[(name, value)]), expected);
    }
}

#[test]
fn contradictory_settings_are_rejected() {
    let cases: &[(&[(&str, &str)], &str)] = &[
        (&[("TLS_CERT", "cert.pem")], "TLS_CERT=cert.pem: TLS needs TLS_KEY, too"),
        (&[("TLS_KEY", "key.pem")], "TLS_KEY=key.pem: TLS needs TLS_CERT, too"),
        (
            &[("ROOMCAST_API_KEY", "two words")],
            "ROOMCAST_API_KEY=(hidden): no Authorization header can say it; expected letters, digits and signs of ASCII, without spaces",
        ),
        (
            &[("ROOMCAST_API_KEY", "nineteen-characters")],
            "ROOMCAST_API_KEY=(hidden): it can be guessed; expected at least 20 characters, such as `openssl rand -hex 20` prints",
        ),
        (
            &[("JWT_SECRET", "s3cret"), ("JWT_JWKS", "jwks.json")],
            "JWT_SECRET and JWT_JWKS are both set: a token is verified by one of them; unset the other",
        ),
        (
            &[("JWT_SECRET", "s3cret"), ("JWT_PUBLIC_KEY", "key.pem"), ("JWT_JWKS", "jwks.json")],
            "JWT_SECRET, JWT_PUBLIC_KEY, JWT_JWKS are all set: a token is verified by one of them; unset the others",
        ),
        (
            &[("NODE_ENV", "production")],
            "NODE_ENV=production: dev mode is forbidden in production; set JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS",
        ),
        (
            &[("NODE_ENV", "Production")],
            "NODE_ENV=production: dev mode is forbidden in production; set JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS",
        ),
        (
            &[("HOST", "0.0.0.0")],
            "HOST=0.0.0.0: without JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS the server runs in dev mode and listens on this machine only; \
             set one of them, or HOST=localhost",
        ),
        (
            &[("HOST", "::")],
            "HOST=::: without JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS the server runs in dev mode and listens on this machine only; \
             set one of them, or HOST=localhost",
        ),
    ];
    for (pairs, expected) in cases {
        assert_eq!(&error(pairs), expected);
    }
}

#[test]
fn unsupported_settings_prevent_the_start() {
    let cases: &[(&str, &str, &str)] = &[
        (
            "REDIS_URL",
            "redis://localhost:6379",
            "REDIS_URL=redis://localhost:6379: nothing uses it; several nodes need DATABASE_URL=postgres://…, too, and a cluster with \
             socket.io servers needs SOCKETIO_ADAPTER=redis; set one of them, or unset REDIS_URL",
        ),
        ("SOCKETIO_ADAPTER", "redis", "SOCKETIO_ADAPTER=redis: it needs REDIS_URL, such as redis://localhost:6379"),
        ("SOCKETIO_ADAPTER", "kafka", "SOCKETIO_ADAPTER=kafka: expected none or redis"),
    ];
    for (name, value, expected) in cases {
        assert_eq!(&error(&[("JWT_SECRET", "s"), (name, value)]), expected);
    }
}

#[test]
fn socketio_adapter_needs_redis_and_sockets() {
    let redis = [("JWT_SECRET", "s"), ("SOCKETIO_ADAPTER", "redis"), ("REDIS_URL", "redis://:s3cret@localhost")];
    let with = |pair: (&'static str, &'static str)| {
        let config = Config::of_pairs(redis.into_iter().chain([pair])).unwrap();
        config.check().map_err(|error| error.to_string())
    };
    assert_eq!(with(("SOCKETIO_ADAPTER_PREFIX", "team")), Ok(()));
    assert_eq!(with(("WEBSOCKET_ENABLED", "false")).unwrap_err(), "SOCKETIO_ADAPTER=redis: it needs sockets; set WEBSOCKET_ENABLED=true");
}

#[test]
fn sentinels_and_unix_sockets_are_for_several_nodes() {
    let with = |url: &'static str| {
        let nodes = node(&[("REDIS_URL", url)]);
        assert_eq!(nodes.check(), Ok(()), "{url}");
        let adapter = node(&[("REDIS_URL", url), ("SOCKETIO_ADAPTER", "redis"), ("NODE_URL", ""), ("CLUSTER_SECRET", "")]);
        (nodes.cluster().unwrap().redis_url, adapter.check())
    };
    for url in ["redis://a", "rediss://a:1/2", "valkey://a", "valkeys://a"] {
        let (read, adapter) = with(url);
        assert_eq!((read.expose(), adapter), (url, Ok(())));
    }
    for (url, shown) in [
        ("redis+sentinel://u:s3cret@a:26379,b:26379/main", "redis+sentinel://…@a:26379,b:26379/main"),
        ("rediss+sentinel://a/main/2", "rediss+sentinel://a/main/2"),
        ("redis+unix:///run/redis.sock?pass=s3cret", "redis+unix:///run/redis.sock?…"),
    ] {
        let (read, adapter) = with(url);
        assert_eq!((read.expose(), format!("{read:?}").as_str()), (url, shown));
        let expected = format!(
            "REDIS_URL={shown}: SOCKETIO_ADAPTER=redis supports redis://HOST:PORT and rediss://HOST:PORT; sentinels and Unix sockets are for \
             several nodes, which need DATABASE_URL=postgres://… and SOCKETIO_ADAPTER=none"
        );
        assert_eq!(adapter.unwrap_err().to_string(), expected);
    }
    assert_eq!(with("REDIS+Sentinel://A/main").0.expose(), "redis+sentinel://A/main");
}

/// The settings of a node that starts.
const NODE: &[(&str, &str)] = &[
    ("JWT_SECRET", "s"),
    ("DATABASE_URL", "postgres://u:s3cret@db/roomcast"),
    ("REDIS_URL", "redis://:s3cret@redis"),
    ("NODE_URL", "http://10.0.0.7:3000"),
    ("CLUSTER_SECRET", "0123456789abcdef0123456789abcdef"),
];

/// The settings of [`NODE`], replaced by these; an empty text unsets a setting.
fn node(others: &[(&'static str, &'static str)]) -> Config {
    let kept = NODE.iter().filter(|(name, _)| !others.iter().any(|(other, _)| other == name));
    Config::of_pairs(kept.chain(others).copied()).unwrap()
}

#[test]
fn postgres_with_redis_is_one_of_several_nodes() {
    let config = node(&[("NODE_ID", "a"), ("REDIS_PREFIX", "team"), ("REDIS_CA", "ca.pem")]);
    assert_eq!((config.check(), config.warnings().len()), (Ok(()), 1), "the short JWT_SECRET");
    let cluster = config.cluster().unwrap();
    assert_eq!((cluster.node_id.as_str(), cluster.node_url.to_string().as_str()), ("a", "http://10.0.0.7:3000"));
    assert_eq!((cluster.redis_prefix.as_str(), cluster.redis_url.expose()), ("team", "redis://:s3cret@redis"));
    assert_eq!((cluster.redis_ca.as_deref(), cluster.secret.expose().len()), (Some("ca.pem".as_ref()), 32));
    assert!(!format!("{cluster:?}").contains("0123456789"), "secrets are hidden");
    let default = node(&[("PORT", "4000")]).cluster().unwrap();
    assert!(default.node_id.as_str().ends_with("-4000") && default.redis_prefix.as_str() == "roomcast", "{default:?}");
}

#[test]
fn one_process_needs_no_settings_of_a_node() {
    let single: &[&[(&str, &str)]] = &[
        &[("JWT_SECRET", "s")],
        &[("JWT_SECRET", "s"), ("DATABASE_URL", "postgres://db/roomcast")],
        &[("JWT_SECRET", "s"), ("REDIS_URL", "redis://a"), ("SOCKETIO_ADAPTER", "redis")],
        &[("JWT_SECRET", "s"), ("REDIS_URL", "redis://a"), ("SOCKETIO_ADAPTER", "redis"), ("DATABASE_URL", "postgres://db/roomcast")],
    ];
    for pairs in single {
        let config = Config::of_pairs(pairs.iter().copied()).unwrap();
        assert!(config.check().is_ok() && config.cluster().is_none(), "{pairs:?}");
    }
    let config = node(&[("REDIS_URL", ""), ("JWT_SECRET", "0123456789abcdef0123456789abcdef")]);
    let warned = "NODE_URL has no effect: several nodes need DATABASE_URL=postgres://… and REDIS_URL; this process is a single server";
    assert!(config.cluster().is_none() && config.check().is_ok());
    assert_eq!(config.warnings(), [warned]);
}

#[test]
fn a_node_without_its_settings_does_not_start() {
    let table: &[(&[(&'static str, &'static str)], &str)] = &[
        (
            &[("NODE_URL", "")],
            "NODE_URL is not set: several nodes need it; set the address at which the other nodes reach this one, such as \
             http://10.0.0.7:3000",
        ),
        (
            &[("CLUSTER_SECRET", "")],
            "CLUSTER_SECRET is not set: several nodes need it; set the same text on all nodes, such as `openssl rand -hex 32` prints",
        ),
        (
            &[("CLUSTER_SECRET", "0123456789abcdef0123456789abcde")],
            "CLUSTER_SECRET=(hidden): it can be guessed; expected at least 32 bytes, the same on all nodes, such as `openssl rand -hex 32` \
             prints",
        ),
        (
            &[("JWT_SECRET", "")],
            "JWT_SECRET is not set: several nodes need the same key; set JWT_SECRET, JWT_PUBLIC_KEY or JWT_JWKS on all nodes",
        ),
        (
            &[("SOCKETIO_ADAPTER", "redis")],
            "NODE_URL=http://10.0.0.7:3000: several nodes beside socket.io servers are not supported yet; set SOCKETIO_ADAPTER=none, or, \
             for a single server beside socket.io servers, unset NODE_URL, CLUSTER_SECRET and NODE_ID",
        ),
    ];
    for (others, expected) in table {
        assert_eq!(&node(others).check().unwrap_err().to_string(), expected);
    }
    assert_eq!(node(&[("NODE_URL", ""), ("CLUSTER_SECRET", "")]).check().unwrap_err().lines().len(), 2);
}

#[test]
fn a_secret_is_never_printed() {
    let sources = Sources::of_pairs(OTHER_VALUES.iter().map(|(name, text, _)| (*name, *text)));
    let (config, lines) = Config::read(&sources).unwrap();
    assert!(!format!("{config:?}").contains("s3cret"));
    assert!(!render::effective(&lines).contains("s3cret"));
    assert!(!config.check().unwrap_err().to_string().contains("s3cret"));
    let pem = "-----BEGIN PRIVATE KEY-----\\ns3cret\\n-----END PRIVATE KEY-----";
    let (_, lines) = Config::read(&Sources::of_pairs([("JWT_PUBLIC_KEY", pem)])).unwrap();
    assert!(!render::effective(&lines).contains("s3cret"));
    // A password that contains an @, or a question mark, and a password in an option.
    for url in ["redis://u:s3c@s3cret@host", "redis://u:s3c?s3cret@host", "redis+unix:///run/a?pass=s3c@s3cret"] {
        assert!(!error(&[("REDIS_URL", url)]).contains("s3c"), "{url}");
    }
    let error = from_file("[auth]\njwt_secret = \"s3cret").unwrap_err();
    assert!(!error.contains("s3cret"), "{error}");
    let error = from_file("[auth]\njwt_secret = [\"s3cret\"]").unwrap_err();
    assert!(!error.contains("s3cret"), "{error}");
}

#[test]
fn a_file_with_an_unknown_key_is_rejected() {
    let error = from_file("[presence]\naudiense = 'none'").unwrap_err();
    assert_eq!(error, "roomcast.toml: presence.audiense is not a setting; [presence] has audience, everyone_up_to, grace");
    let error = from_file("[prezence]").unwrap_err();
    assert!(error.starts_with("roomcast.toml: [prezence] is not a section; the sections are server, auth,"), "{error}");
    let error = from_file("port = 3000").unwrap_err();
    assert!(error.starts_with("roomcast.toml: [port] is not a section"), "{error}");
    let error = from_file("server = 3000").unwrap_err();
    assert_eq!(error, "roomcast.toml: server is a section and is written [server]");
}

#[test]
fn an_invalid_file_is_rejected_in_one_line_with_the_location() {
    let error = from_file("[server]\nport = 3000\nhost = localhost").unwrap_err();
    assert!(error.starts_with("roomcast.toml: line 3 is not TOML (") && !error.contains('\n'), "{error}");
    let error = from_file("[server]\nport = 'high'").unwrap_err();
    assert_eq!(error, "roomcast.toml: server.port=high: expected a whole number from 0 to 65535");
    let error = from_file("[server]\nport = { number = 1 }").unwrap_err();
    assert_eq!(error, "roomcast.toml: server.port=table: expected a single value");
    let error = from_file("[cors]\nfrontend_url = 1979-05-27").unwrap_err();
    assert_eq!(error, "roomcast.toml: cors.frontend_url=datetime: expected a list of texts");
}

#[test]
fn a_long_or_multiline_value_is_printed_in_one_line() {
    let error = error(&[("PORT", &format!("1\n{}", "9".repeat(10_000)))]);
    assert!(error.len() < 200 && error.contains('…'), "{error}");
}

#[test]
fn the_example_file_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../config.example.toml");
    let file = std::fs::read_to_string(path).unwrap();
    assert_eq!(file, render::example(TABLE), "run: cargo xtask docs");
}

#[test]
fn the_example_file_has_every_setting_with_its_default() {
    let example = render::example(TABLE);
    from_file(&example).expect("nothing is set in it");
    // A commented setting begins directly after the #, and a sentence after a space.
    let set: String = example
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if setting.starts_with(|first: char| first.is_ascii_lowercase()) => setting,
            _ => line,
        })
        .fold(String::new(), |text, line| text + line + "\n");
    let (config, lines) = from_file(&set).unwrap();
    assert_eq!(format!("{config:?}"), format!("{:?}", Config::default()));
    for setting in settings() {
        assert!(set.contains(&format!("\n{} = ", setting.key)), "{}", setting.key);
    }
    // A setting without a default is an empty text in the file, which counts as unset.
    assert!(lines.iter().all(|line| line.source == SettingSource::File || line.value.is_empty()));
}

#[test]
fn the_output_has_a_line_for_each_setting() {
    let (_, lines) = Config::read(&Sources::of_pairs([("PORT", "8080"), ("JWT_SECRET", "s3cret")])).unwrap();
    let text = render::effective(&lines);
    assert_eq!(text.lines().count(), settings().count());
    let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap().split_whitespace().collect::<Vec<_>>().join(" ");
    assert_eq!(line("PORT="), "PORT=8080 [env] The port for REST, Socket.IO and the raw WebSocket.");
    assert_eq!(
        line("JWT_SECRET="),
        "JWT_SECRET=(hidden) [env] The secret of tokens that are signed with HS256. In production it has at least 32 bytes."
    );
}

#[test]
fn a_host_is_an_address_or_a_name() {
    let loopback = |text: &str| Host::read(text).map(|host| host.is_loopback());
    for text in ["localhost", "LOCALHOST", "127.0.0.1", "127.9.9.9", "::1", "[::1]", "::ffff:127.0.0.1"] {
        assert_eq!(loopback(text), Some(true), "{text}");
    }
    for text in ["0.0.0.0", "::", "192.0.2.1", "example.com", "web_1"] {
        assert_eq!(loopback(text), Some(false), "{text}");
    }
    for text in ["", "localhost:3000", "http://a", "1.2.3", "a..b", "a b", "*"] {
        assert_eq!(Host::read(text), None, "{text}");
    }
}

#[test]
fn the_default_host_is_every_interface_except_in_dev_mode() {
    let host = |pairs: &[(&'static str, &'static str)]| Config::of_pairs(pairs.iter().copied()).unwrap().host();
    assert_eq!(host(&[]), Host::Localhost);
    assert_eq!(host(&[("JWT_SECRET", "s")]), Host::Every);
    assert_eq!(host(&[("JWT_SECRET", "s"), ("HOST", "127.0.0.1")]), Host::Ip([127, 0, 0, 1].into()));
    assert_eq!(Config::of_pairs([("HOST", "::1")]).unwrap().check(), Ok(()));
}

#[test]
fn each_port_is_bound_once() {
    let ports = |pairs: &[(&'static str, &'static str)]| Config::of_pairs(pairs.iter().copied()).unwrap().server.ports();
    assert_eq!(ports(&[]), [3000]);
    assert_eq!(ports(&[("PORT", "3001"), ("WEBSOCKET_PORT", "3001"), ("SOCKET_IO_PORT", "3001")]), [3001]);
    assert_eq!(ports(&[("WEBSOCKET_PORT", "3001"), ("SOCKET_IO_PORT", "3002")]), [3000, 3001, 3002]);
}

#[test]
fn a_database_url_selects_the_database() {
    let sqlite = |path: &str| Some(DatabaseUrl::Sqlite(path.into()));
    assert_eq!(DatabaseUrl::read("sqlite://data/roomcast.db"), sqlite("data/roomcast.db"));
    assert_eq!(DatabaseUrl::read("sqlite:///var/lib/roomcast.db"), sqlite("/var/lib/roomcast.db"));
    assert_eq!(DatabaseUrl::read("sqlite:roomcast.db"), sqlite("roomcast.db"));
    assert_eq!(DatabaseUrl::read("sqlite::memory:"), Some(DatabaseUrl::Memory));
    let postgres = "postgresql://u:secret@db/roomcast?sslmode=require";
    assert_eq!(DatabaseUrl::read(postgres), Some(DatabaseUrl::Postgres(postgres.into())));
    assert_eq!(DatabaseUrl::read(postgres).unwrap().expose(), postgres);
    for bad in ["", "roomcast.db", "sqlite://", "sqlite://data/", "sqlite://a.db?mode=ro", "mysql://x", "postgres:x"] {
        assert_eq!(DatabaseUrl::read(bad), None, "{bad}");
    }
    let folder = |text: &str| DatabaseUrl::read(text).unwrap().folder().map(|folder| folder.display().to_string());
    assert_eq!(folder("sqlite://data/roomcast.db").as_deref(), Some("data"));
    assert_eq!(folder("sqlite://roomcast.db").as_deref(), Some("."));
    assert_eq!(folder("sqlite::memory:"), None);
    assert_eq!(folder("postgres://db/roomcast").as_deref(), Some("data"));
}

#[test]
fn log_level_names_of_other_loggers_are_accepted() {
    let known = [
        "error",
        "WARN",
        "warning",
        "info",
        "debug",
        "trace",
        "off",
        "silent",
        "info,audit=off",
        "roomcast=debug",
        "realtime=debug,info",
        "warn, hyper=TRACE",
    ];
    for word in known {
        assert!(Config::of_pairs([("LOG_LEVEL", word)]).is_ok(), "{word}");
    }
    // The log filter would parse an unknown level as a target, and log no other target.
    for word in ["inof", "inof,audit=warn", "info,audit", "audit=lots", "audti=warn", "info,", "=debug", "info;debug"] {
        assert!(Config::of_pairs([("LOG_LEVEL", word)]).is_err(), "{word}");
    }
}

#[test]
fn every_invalid_setting_is_reported_at_once() {
    let error =
        Config::of_pairs([("PORT", "high"), ("LOG_FORMAT", "xml"), ("NODE_ENV", "production"), ("TLS_KEY", "key.pem")]).unwrap_err();
    let names: Vec<_> = error.lines().iter().map(|line| line.split('=').next().unwrap()).collect();
    assert_eq!(names, ["PORT", "LOG_FORMAT", "TLS_KEY", "NODE_ENV"]);
    let error = from_file("[server]\nprot = 1\nhots = 'a'\n[nett]\n").unwrap_err();
    assert_eq!(error.lines().count(), 3, "{error}");
    let config = Config::of_pairs([("REDIS_URL", "redis://a"), ("ROOMCAST_API_KEY", "short")]).unwrap();
    assert_eq!(config.check().unwrap_err().lines().len(), 2);
}

#[test]
fn quotes_and_comments_left_by_containers_are_removed() {
    let port = |text: &str| Config::of_pairs([("WEBSOCKET_PORT", text)]).map(|config| config.server.websocket_port);
    for text in ["3001", "3001  # comment", "3001 #comment", "3001\t# comment", "\"3001\"", "'3001'", " \"3001\"  # comment", "\" 3001 \""]
    {
        assert_eq!(port(text), Ok(3001), "{text}");
    }
    assert_eq!(port("# to be chosen"), Ok(0), "a comment alone sets nothing");
    for text in ["3001#", "\"3001", "3001\"", "\"3001\" 1", "'3001\""] {
        assert!(port(text).is_err(), "{text}");
    }
    let production = Config::of_pairs([("NODE_ENV", "\"production\"")]).unwrap();
    assert!(production.auth.is_production());
    let url = Config::of_pairs([("DATABASE_URL", "sqlite://a#b.db # the file")]).unwrap().storage.database_url;
    assert_eq!(url.show(), "sqlite://a#b.db");
    // Quotes are part of a secret, because the issuer of the tokens may use the same text.
    let config = Config::of_pairs([("JWT_SECRET", "\"0123456789abcdef0123456789abcdef\"")]).unwrap();
    assert_eq!(config.auth.jwt_secret.as_ref().unwrap().expose().len(), 34);
    assert_eq!(config.warnings(), ["JWT_SECRET begins and ends with a quote; the quotes are part of the value"]);
    let config = Config::of_pairs([("JWT_SECRET", "0123456789abcdef0123456789abcdef  # ours")]).unwrap();
    assert!(config.warnings()[0].starts_with("JWT_SECRET has a # after a space"), "{:?}", config.warnings());
}

#[test]
fn a_short_secret_is_rejected_in_production_only() {
    let with = |secret: &str, mode: &str| Config::of_pairs([("JWT_SECRET", secret), ("NODE_ENV", mode)]).unwrap();
    let (short, long) = ("0123456789abcdef0123456789abcde", "0123456789abcdef0123456789abcdef");
    for mode in ["production", "Production", "\"production\""] {
        let error = with(short, mode).check().unwrap_err().to_string();
        let said =
            "JWT_SECRET=(hidden): it can be guessed; expected at least 32 bytes in production, such as `openssl rand -hex 32` prints";
        assert_eq!(error, said);
        assert_eq!(with(long, mode).check(), Ok(()));
    }
    assert_eq!(with(short, "development").check(), Ok(()));
    let warned = "JWT_SECRET has 31 bytes and can be guessed; in production it must have at least 32";
    assert_eq!(with(short, "development").warnings(), [warned]);
    assert!(with(long, "").warnings().is_empty());
}

#[test]
fn a_dotenv_file_has_precedence_over_the_toml_file() {
    let text = "# ours\nexport PORT=4000 # comment\nPING_INTERVAL='10s'\nJWT_SECRET=\"a # b\"\nNPM_TOKEN=x y\nPRESENCE_AUDIENCE=\n";
    let sources = Sources::of_pairs([("PING_INTERVAL", "20s"), ("LOG_LEVEL", "")]).with_dotenv(text, TABLE);
    let sources = sources.with_toml("r.toml", "[server]\nport = 5000\n[presence]\naudience = 'none'\n", TABLE).unwrap();
    let (config, lines) = Config::read(&sources).unwrap();
    assert_eq!((config.server.port, line(&lines, "PORT").source), (4000, SettingSource::Dotenv));
    assert_eq!(
        (config.realtime.ping_interval, line(&lines, "PING_INTERVAL").source),
        (Duration::from_secs(20), SettingSource::Environment)
    );
    assert_eq!(config.auth.jwt_secret.unwrap().expose(), "a # b");
    assert_eq!((config.presence.audience, line(&lines, "PRESENCE_AUDIENCE").source), (Audience::None, SettingSource::File));
    assert!(render::effective(&lines).lines().any(|line| line.starts_with("PORT=4000 ") && line.contains("[.env]")));
    let wrong = Sources::default().with_dotenv("PORT=high", TABLE);
    assert_eq!(Config::read(&wrong).unwrap_err().to_string(), ".env: PORT=high: expected a whole number from 0 to 65535");
    let broken = Sources::of_pairs([("SHARDS", "many")]).with_dotenv("A B\nPORT 3000\nHOST\n", TABLE);
    let broken = Config::read(&broken.with_toml("r.toml", "[nett]", TABLE).unwrap()).unwrap_err();
    let begins: Vec<_> = broken.lines().iter().map(|line| &line[..20]).collect();
    assert_eq!(begins, [".env: line 2: expect", ".env: line 3: expect", "r.toml: [nett] is no", "SHARDS=many: expecte"]);
}

#[test]
fn in_production_only_configured_pages_are_trusted() {
    let rule = |urls: &str| Origins::new(&Config::of_pairs([("NODE_ENV", "production"), ("FRONTEND_URLS", urls)]).unwrap());
    for origin in ["http://localhost:3000", "http://127.0.0.1:5173", "http://app.localhost"] {
        assert_eq!(rule("").cors(Some(origin), HOST), Cors::Every, "{origin}");
        assert!(!rule("").allows_cookie(Some(origin), HOST, None), "{origin}");
    }
    assert!(rule("http://localhost:3000").allows_cookie(Some("http://localhost:3000"), HOST, None));
}

#[test]
fn an_http_page_is_foreign_to_an_https_server() {
    let plain = Origins::new(&Config::of_pairs([("FRONTEND_URLS", "https://app.example.com")]).unwrap());
    let tls = [("FRONTEND_URLS", "https://app.example.com"), ("TLS_CERT", "c.pem"), ("TLS_KEY", "k.pem")];
    let tls = Origins::new(&Config::of_pairs(tls).unwrap());
    // Whether the server uses TLS, the headers of a proxy, the page's scheme, and whether the page is the server's own.
    type Said = &'static [(&'static str, &'static str)];
    let table: &[(&Origins, Said, &str, bool)] = &[
        (&plain, &[], "http", true),
        (&plain, &[], "https", true),
        (&tls, &[], "http", false),
        (&tls, &[], "https", true),
        (&tls, &[("x-forwarded-proto", "http")], "http", false),
        (&plain, &[("x-forwarded-proto", "https")], "http", false),
        (&plain, &[("x-forwarded-proto", "https")], "https", true),
        (&plain, &[("x-forwarded-proto", "HTTPS, http")], "http", false),
        (&plain, &[("x-forwarded-proto", "http")], "http", true),
        (&plain, &[("forwarded", "for=192.0.2.1;Proto=\"https\";by=10.0.0.1")], "http", false),
        (&plain, &[("forwarded", "for=192.0.2.1;proto=http")], "http", true),
    ];
    for (rule, said, scheme, own) in table {
        let mut headers = http::HeaderMap::new();
        headers.insert("host", http::HeaderValue::from_static("api.example.com"));
        for (name, value) in *said {
            headers.append(http::HeaderName::from_bytes(name.as_bytes()).unwrap(), http::HeaderValue::from_static(value));
        }
        let (origin, page) = (format!("{scheme}://api.example.com"), OwnPage::of(&headers));
        assert_eq!(rule.allows_socket(Some(&origin), page), *own, "{scheme} {said:?}");
        assert_eq!(rule.allows_cookie(Some(&origin), page, None), *own, "{scheme} {said:?}");
        assert_eq!(rule.cors(Some(&origin), page) == Cors::Reflect, *own, "{scheme} {said:?}");
    }
}

/// The rule for these origins in `FRONTEND_URLS`.
fn origins(allowed: &str) -> Origins {
    Origins::new(&Config::of_pairs([("FRONTEND_URLS", allowed)]).unwrap())
}

const HOST: Option<&str> = Some("api.example.com");

#[test]
fn without_origins_localhost_is_reflected_and_others_get_a_star() {
    let rule = origins("");
    for origin in ["http://localhost:3000", "https://localhost", "http://127.0.0.1:5173", "http://[::1]:8081", "http://app.localhost"] {
        assert_eq!(rule.cors(Some(origin), HOST), Cors::Reflect, "{origin}");
    }
    for origin in ["https://app.example.com", "null", "nonsense", "http://localhost.evil.com", "http://notlocalhost", "http://1270.0.0.1"] {
        assert_eq!(rule.cors(Some(origin), HOST), Cors::Every, "{origin}");
        assert!(rule.allows_socket(Some(origin), HOST), "{origin}");
    }
    assert_eq!(rule.cors(None, HOST), Cors::Every);
}

#[test]
fn only_configured_origins_are_reflected() {
    let rule = origins("https://app.example.com, http://localhost:5173/");
    for origin in ["https://app.example.com", "HTTPS://App.Example.com", "https://app.example.com:443", "http://localhost:5173"] {
        assert_eq!(rule.cors(Some(origin), HOST), Cors::Reflect, "{origin}");
        assert!(rule.allows_socket(Some(origin), HOST), "{origin}");
    }
    let strangers = [
        "http://app.example.com",
        "https://app.example.com.evil.com",
        "https://evil.com/https://app.example.com",
        "https://app.example.com:8443",
        "http://localhost:3000",
        "https://user@app.example.com",
        "null",
        "",
    ];
    for origin in strangers {
        assert_eq!(rule.cors(Some(origin), HOST), Cors::Nothing, "{origin}");
        assert!(!rule.allows_socket(Some(origin), HOST), "{origin}");
    }
}

#[test]
fn the_three_origin_settings_form_one_list() {
    let config = Config::of_pairs([
        ("FRONTEND_URLS", "https://a.example,https://b.example"),
        ("FRONTEND_URL", "https://c.example"),
        ("SOCKET_IO_CORS_ORIGIN", "https://d.example"),
    ]);
    let rule = Origins::new(&config.unwrap());
    for origin in ["https://a.example", "https://b.example", "https://c.example", "https://d.example"] {
        assert!(rule.allows_socket(Some(origin), HOST), "{origin}");
    }
    assert!(!rule.allows_socket(Some("https://e.example"), HOST));
}

#[test]
fn a_socket_of_no_origin_or_the_own_page_is_allowed() {
    let rule = origins("https://app.example.com");
    assert!(rule.allows_socket(None, HOST));
    assert!(rule.allows_socket(Some("https://api.example.com"), HOST));
    assert!(rule.allows_socket(Some("https://api.example.com"), Some("api.example.com:443")));
    assert!(rule.allows_socket(Some("http://10.0.2.2:3000"), Some("10.0.2.2:3000")));
    assert!(!rule.allows_socket(Some("http://10.0.2.2:3000"), Some("10.0.2.2:3001")));
    assert!(!rule.allows_socket(Some("https://api.example.com"), None));
}

#[test]
fn a_star_allows_every_page_without_credentials() {
    let rule = origins("*");
    assert_eq!(rule.cors(Some("https://anywhere.example"), HOST), Cors::Every);
    assert_eq!(rule.cors(Some("http://localhost:3000"), HOST), Cors::Every);
    assert!(rule.allows_socket(Some("https://anywhere.example"), HOST));
    assert!(!rule.allows_cookie(Some("https://anywhere.example"), HOST, None));
}

#[test]
fn a_cookie_is_accepted_only_from_a_trusted_page() {
    let rule = origins("https://app.example.com");
    assert!(rule.allows_cookie(Some("https://app.example.com"), HOST, None));
    assert!(rule.allows_cookie(Some("https://api.example.com"), HOST, None));
    assert!(!rule.allows_cookie(Some("https://evil.example"), HOST, None));
    assert!(!rule.allows_cookie(None, HOST, None));
    assert!(!rule.allows_cookie(None, HOST, Some("cross-site")));
    assert!(rule.allows_cookie(None, HOST, Some("same-origin")));
    let open = origins("");
    assert!(open.allows_cookie(Some("http://localhost:3000"), HOST, None));
    assert!(!open.allows_cookie(Some("https://evil.example"), HOST, None));
}
