//! The URL of a PostgreSQL database, with the options of libpq that Roomcast knows.

use std::time::Duration;

use percent_encoding::percent_decode_str;
use tokio_postgres::Config;
use tokio_postgres::config::{Host, SslMode};

use crate::postgres::problem::PostgresProblem;
use crate::postgres::tls::{Roots, Tls, Verification};

/// How long one attempt to connect may last, unless the URL has `connect_timeout`.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// After how much silence the kernel asks whether the other side is there, and how long sent data may stay unacknowledged. A connection that a
/// firewall has forgotten is then lost within half a minute.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(10);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_RETRIES: u32 = 3;
const UNACKNOWLEDGED: Duration = Duration::from_secs(30);

/// Where a database is, and how to connect to it.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) config: Config,
    pub(crate) tls: Tls,
    /// The address and the name of the database, for messages: without user, password and options.
    pub(crate) server: String,
    /// The name of the database.
    pub(crate) database: String,
}

/// Whether a URL is that of a PostgreSQL database.
pub(crate) fn is_postgres_url(url: &str) -> bool {
    let scheme = url.split("://").next().unwrap_or_default();
    url.contains("://") && ["postgres", "postgresql"].iter().any(|name| scheme.eq_ignore_ascii_case(name))
}

/// Reads a URL.
///
/// # Errors
/// [`PostgresProblem::Url`], or [`PostgresProblem::Tls`] for certificates that cannot be read.
pub(crate) fn parse(url: &str) -> Result<Target, PostgresProblem> {
    let malformed = |reason: &str| PostgresProblem::Url(reason.to_owned());
    let (_, rest) = url.split_once("://").ok_or_else(|| malformed("it has no ://"))?;
    let (place, query) = rest.split_once('?').unwrap_or((rest, ""));
    let mut mode = "prefer".to_owned();
    let mut roots = None;
    let mut others = Vec::new();
    for option in query.split('&').filter(|option| !option.is_empty()) {
        match option.split_once('=') {
            Some(("sslmode", value)) => mode = value.to_owned(),
            Some(("sslrootcert", value)) => roots = Some(percent_decode_str(value).decode_utf8_lossy().into_owned()),
            _ => others.push(option),
        }
    }
    let query = if others.is_empty() { String::new() } else { format!("?{}", others.join("&")) };
    let mut config: Config = format!("postgres://{place}{query}").parse().map_err(|error: tokio_postgres::Error| {
        // The error names an option or a part of the URL, and never shows a value.
        malformed(&crate::postgres::problem::describe(&error))
    })?;
    if config.get_hosts().is_empty() && config.get_hostaddrs().is_empty() {
        return Err(malformed("it names no host"));
    }
    let roots = roots.map(|path| if path == "system" { Roots::System } else { Roots::File(path.into()) });
    let (ssl_mode, verification) = match mode.as_str() {
        "disable" => (SslMode::Disable, Verification::None),
        "prefer" => (SslMode::Prefer, Verification::None),
        // As libpq does it: with a root certificate, `require` also verifies.
        "require" if roots.is_some() => (SslMode::Require, Verification::Authority),
        "require" => (SslMode::Require, Verification::None),
        "verify-ca" => (SslMode::Require, Verification::Authority),
        "verify-full" => (SslMode::Require, Verification::Full),
        _ => return Err(malformed("sslmode must be disable, prefer, require, verify-ca or verify-full")),
    };
    config.ssl_mode(ssl_mode);
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT_TIMEOUT);
    }
    config.keepalives_idle(KEEPALIVE_IDLE).keepalives_interval(KEEPALIVE_INTERVAL).keepalives_retries(KEEPALIVE_RETRIES);
    if config.get_tcp_user_timeout().is_none() {
        config.tcp_user_timeout(UNACKNOWLEDGED);
    }
    let database = config.get_dbname().or(config.get_user()).unwrap_or_default().to_owned();
    let server = format!("{}/{database}", addresses(&config));
    let tls =
        Tls::new(verification, roots.unwrap_or(Roots::System)).map_err(|reason| PostgresProblem::Tls { server: server.clone(), reason })?;
    Ok(Target { config, tls, server, database })
}

/// The hosts with their ports, such as `db1:5432,db2:5432`.
fn addresses(config: &Config) -> String {
    let ports = config.get_ports();
    let port = |index: usize| ports.get(index).or(ports.first()).copied().unwrap_or(5432);
    let hosts: Vec<String> = config
        .get_hosts()
        .iter()
        .enumerate()
        .map(|(index, host)| match host {
            Host::Tcp(name) => format!("{name}:{}", port(index)),
            Host::Unix(folder) => format!("{}:{}", folder.display(), port(index)),
        })
        .collect();
    if hosts.is_empty() {
        let hosts = config.get_hostaddrs().iter().enumerate().map(|(index, address)| format!("{address}:{}", port(index)));
        return hosts.collect::<Vec<_>>().join(",");
    }
    hosts.join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_names_server_and_database_without_password() {
        for (url, server) in [
            ("postgres://ann:secret@db/roomcast", "db:5432/roomcast"),
            ("postgresql://ann@db:6432/x?application_name=a", "db:6432/x"),
            ("postgres://ann:secret@a:1,b:2/x", "a:1,b:2/x"),
            ("postgres://ann@%2Frun%2Fpostgresql/x", "/run/postgresql:5432/x"),
            ("postgres://ann:secret@db", "db:5432/ann"),
        ] {
            let target = parse(url).unwrap();
            assert_eq!(target.server, server);
        }
    }

    #[test]
    fn wrong_url_is_rejected_in_one_line_without_its_password() {
        for (url, expected) in [
            ("postgres://u:secret@db/x?sslmode=maybe", "sslmode must be disable"),
            ("postgres://u:secret@db/x?colour=red", "colour"),
            ("postgres://u:secret@db:port/x", "port"),
            ("postgres:///x", "names no host"),
            ("postgres://u:secret@db/x?sslmode=verify-full&sslrootcert=%2Fno%2Fsuch.crt", "/no/such.crt"),
        ] {
            let line = parse(url).unwrap_err().to_string();
            assert!(line.contains(expected), "{line}");
            assert!(!line.contains("secret") && !line.contains('\n'), "{line}");
        }
    }

    #[test]
    fn schemes_of_postgres_are_recognized_in_any_case() {
        for (url, expected) in [("postgres://a", true), ("POSTGRESQL://a", true), ("sqlite://a", false), ("postgres", false)] {
            assert_eq!(is_postgres_url(url), expected, "{url}");
        }
    }
}
