//! The URLs that select the database and Redis. The password of a URL is never printed.

use std::path::{Path, PathBuf};

use super::value::SettingValue;

/// The store of users, spaces and events.
#[derive(Clone, PartialEq, Eq)]
pub enum DatabaseUrl {
    /// SQLite in a file.
    Sqlite(PathBuf),
    /// SQLite in memory: the data is lost when the process ends.
    Memory,
    /// PostgreSQL, by its whole URL.
    Postgres(String),
}

impl DatabaseUrl {
    /// The folder where other small files may live: that of the database's file, or `data` for PostgreSQL. `None` for a database in memory.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Sqlite(path) => Some(path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))),
            Self::Postgres(_) => Some(Path::new("data")),
            Self::Memory => None,
        }
    }

    /// The whole URL, which may contain a password: never print it.
    pub fn expose(&self) -> String {
        match self {
            Self::Postgres(url) => url.clone(),
            Self::Sqlite(_) | Self::Memory => self.show(),
        }
    }
}

impl std::fmt::Debug for DatabaseUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.show())
    }
}

impl SettingValue for DatabaseUrl {
    const EXPECTED: &'static str =
        "sqlite://PATH, such as sqlite://data/roomcast.db, sqlite::memory:, or postgres://USER:PASSWORD@HOST:5432/DATABASE";

    fn read(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once(':')?;
        match scheme.to_ascii_lowercase().as_str() {
            "postgres" | "postgresql" if rest.starts_with("//") => Some(Self::Postgres(text.into())),
            "sqlite" => match rest.strip_prefix("//").unwrap_or(rest) {
                ":memory:" => Some(Self::Memory),
                // The server sets SQLite's options itself; a question mark would become a part of the file's name.
                path if path.is_empty() || path.ends_with('/') || path.contains('?') => None,
                path => Some(Self::Sqlite(path.into())),
            },
            _ => None,
        }
    }

    fn show(&self) -> String {
        match self {
            Self::Sqlite(path) => format!("sqlite://{}", path.display()),
            Self::Memory => "sqlite::memory:".into(),
            Self::Postgres(url) => without_password(url),
        }
    }

    fn show_unread(text: &str) -> String {
        without_password(text)
    }
}

/// The URL of a Redis, with its scheme in lower case. The crate that connects reads the rest.
#[derive(Clone, PartialEq, Eq)]
pub struct RedisUrl(String);

/// The schemes that name one server over TCP: the adapter for socket.io servers supports these.
const SERVER_SCHEMES: [&str; 4] = ["redis", "rediss", "valkey", "valkeys"];

/// The further schemes that several nodes support.
const NODE_SCHEMES: [&str; 3] = ["redis+sentinel", "rediss+sentinel", "redis+unix"];

impl RedisUrl {
    /// True if the URL names one server over TCP, and neither sentinels nor a Unix socket.
    pub(super) fn names_a_server(&self) -> bool {
        self.0.split_once("://").is_some_and(|(scheme, _)| SERVER_SCHEMES.contains(&scheme))
    }

    /// The whole URL, which may contain a password: never print it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for RedisUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.show())
    }
}

impl SettingValue for RedisUrl {
    const EXPECTED: &'static str =
        "redis://HOST:PORT, rediss://HOST:PORT, redis+sentinel://HOST:PORT,HOST:PORT/SERVICE, or redis+unix:///PATH";

    fn read(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = scheme.to_ascii_lowercase();
        let is_known = SERVER_SCHEMES.iter().chain(&NODE_SCHEMES).any(|known| *known == scheme);
        is_known.then(|| Self(format!("{scheme}://{rest}")))
    }

    fn show(&self) -> String {
        without_password(&self.0)
    }

    fn show_unread(text: &str) -> String {
        without_password(text)
    }
}

/// A URL without user name, password and options: each of them may contain a secret.
fn without_password(url: &str) -> String {
    let (scheme, rest) = url.split_once("://").map_or(("", url), |(scheme, rest)| (scheme, rest));
    let separator = if scheme.is_empty() { "" } else { "://" };
    let (place, options) = rest.split_once('?').map_or((rest, ""), |(place, _)| (place, "?…"));
    let host = match place.rsplit_once('@') {
        Some((_, host)) => format!("…@{host}"),
        // A question mark that a password has, and that is not written as %3F, does not begin options.
        None if rest.contains('@') => "…".to_owned(),
        None => place.to_owned(),
    };
    format!("{scheme}{separator}{host}{options}")
}
