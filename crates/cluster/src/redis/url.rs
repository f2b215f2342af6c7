//! The URL of Redis (`REDIS_URL`).

use std::fmt;

use redis::sentinel::{SentinelClient, SentinelClientBuilder, SentinelServerType};
use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, TlsCertificates, TlsMode};

/// A URL that cannot be used, with the remedy. It never contains the user or the password.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("{0}")]
pub struct RedisUrlError(String);

/// The port of a sentinel whose address has none.
const SENTINEL_PORT: u16 = 26_379;

/// Where Redis is. `Display` and `Debug` show hosts and ports, and never the user or the password.
#[derive(Clone)]
pub struct RedisUrl {
    target: Target,
    display: String,
}

#[derive(Clone)]
enum Target {
    Server(Box<ConnectionInfo>),
    Sentinel(Box<SentinelTarget>),
}

#[derive(Clone)]
struct SentinelTarget {
    /// The sentinels, with the user, password and database of the server.
    sentinels: Vec<ConnectionInfo>,
    service: String,
    is_tls: bool,
}

impl RedisUrl {
    /// Reads a URL: `redis://[user:password@]host[:port][/db]`, `rediss://…` with TLS, `redis+unix:///path`, or
    /// `redis+sentinel://[user:password@]host[:port],host[:port]…/service[/db]` (`rediss+sentinel://…` with TLS to the server). `valkey://` and
    /// `valkeys://` mean the same as `redis://` and `rediss://`.
    ///
    /// # Errors
    /// The text is no such URL.
    pub fn parse(text: &str) -> Result<Self, RedisUrlError> {
        let is_tls = text.starts_with("rediss+sentinel://");
        if let Some((_, rest)) = text.split_once("+sentinel://").filter(|(scheme, _)| matches!(*scheme, "redis" | "rediss")) {
            return Self::parse_sentinel(rest, is_tls);
        }
        // The error of the crate may contain the URL.
        let info = text.into_connection_info().map_err(|_| {
            RedisUrlError(
                "REDIS_URL must look like redis://user:password@host:6379/0, with special characters of the password as %XX".to_owned(),
            )
        })?;
        if let ConnectionAddr::TcpTls { insecure: true, .. } = info.addr() {
            return Err(RedisUrlError(
                "REDIS_URL must not end with #insecure: name the certificate authority with REDIS_CA instead".to_owned(),
            ));
        }
        let display = info.addr().to_string();
        Ok(Self { target: Target::Server(Box::new(info)), display })
    }

    fn parse_sentinel(rest: &str, is_tls: bool) -> Result<Self, RedisUrlError> {
        let fault = || RedisUrlError("REDIS_URL must look like redis+sentinel://user:password@host:26379,host:26379/service/0".to_owned());
        let (user, rest) = rest.rsplit_once('@').map_or(("", rest), |(user, rest)| (user, rest));
        let (hosts, path) = rest.split_once('/').ok_or_else(fault)?;
        let (service, db) = path.split_once('/').unwrap_or((path, "0"));
        if service.is_empty() || hosts.is_empty() {
            return Err(fault());
        }
        let sentinel = |host: &str| {
            let port =
                if host.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok()) { "" } else { &format!(":{SENTINEL_PORT}") };
            // The URL of a server, so that the crate decodes its parts.
            let at = if user.is_empty() { "" } else { "@" };
            format!("redis://{user}{at}{host}{port}/{db}").into_connection_info().map_err(|_| fault())
        };
        let sentinels = hosts.split(',').map(sentinel).collect::<Result<Vec<_>, _>>()?;
        let addresses: Vec<String> = sentinels.iter().map(|info| info.addr().to_string()).collect();
        let display = format!("{service} of the sentinels {}", addresses.join(", "));
        Ok(Self { target: Target::Sentinel(Box::new(SentinelTarget { sentinels, service: service.to_owned(), is_tls })), display })
    }

    /// Whether the connection to the server has TLS.
    pub(super) fn is_tls(&self) -> bool {
        match &self.target {
            Target::Server(info) => matches!(info.addr(), ConnectionAddr::TcpTls { .. }),
            Target::Sentinel(target) => target.is_tls,
        }
    }

    /// The server, if the URL names it; otherwise a client that asks the sentinels for it. `ca`: the certificates, in PEM, of the authorities to trust
    /// in place of those of the system.
    pub(super) fn client(&self, ca: Option<&[u8]>) -> redis::RedisResult<UrlClient> {
        let certificates = ca.map(|pem| TlsCertificates { client_tls: None, root_cert: Some(pem.to_vec()) });
        match &self.target {
            Target::Server(info) => Ok(UrlClient::Server(Box::new(match (info.addr(), certificates) {
                (ConnectionAddr::TcpTls { .. }, Some(certificates)) => redis::Client::build_with_tls((**info).clone(), certificates)?,
                _ => redis::Client::open((**info).clone())?,
            }))),
            Target::Sentinel(target) => Ok(UrlClient::Sentinel(target.client(certificates)?.into())),
        }
    }
}

impl SentinelTarget {
    fn client(&self, certificates: Option<TlsCertificates>) -> redis::RedisResult<SentinelClient> {
        let addresses = self.sentinels.iter().map(|info| info.addr().clone());
        let mut builder = SentinelClientBuilder::new(addresses, &self.service, SentinelServerType::Master)?;
        if let Some(settings) = self.sentinels.first().map(ConnectionInfo::redis_settings) {
            builder = builder.set_client_to_redis_db(settings.db());
            if let Some(user) = settings.username() {
                builder = builder.set_client_to_redis_username(user);
            }
            if let Some(password) = settings.password() {
                builder = builder.set_client_to_redis_password(password);
            }
        }
        if self.is_tls {
            builder = builder.set_client_to_redis_tls_mode(TlsMode::Secure);
            if let Some(certificates) = certificates {
                builder = builder.set_client_to_redis_certificates(certificates);
            }
        }
        builder.build()
    }
}

/// A client that finds the server.
pub(super) enum UrlClient {
    Server(Box<redis::Client>),
    Sentinel(Box<SentinelClient>),
}

impl fmt::Display for RedisUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.display)
    }
}

impl fmt::Debug for RedisUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "RedisUrl({})", self.display)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_show_hosts_and_no_passwords() {
        for (text, expected) in [
            ("redis://localhost", "localhost:6379"),
            ("redis://anna:pa%40ss@10.0.0.1:7000/3", "10.0.0.1:7000"),
            ("rediss://:pa%40ss@redis.example:6380", "redis.example:6380"),
            ("valkey://host", "host:6379"),
            ("redis+unix:///run/redis.sock?pass=secret", "/run/redis.sock"),
            ("redis+sentinel://u:pa%40ss@a:1,b/main", "main of the sentinels a:1, b:26379"),
            ("rediss+sentinel://a/main/2", "main of the sentinels a:26379"),
        ] {
            let url = RedisUrl::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert_eq!(url.to_string(), expected);
            assert!(!format!("{url:?}").contains("ss@"));
            assert!(url.client(None).is_ok(), "{text}");
        }
    }

    #[test]
    fn a_wrong_url_is_refused_without_its_password() {
        for text in [
            "",
            "host:6379",
            "http://anna:secret@host",
            "redis://anna:secret@host:port",
            "redis://anna:secret@host/x",
            "rediss://anna:secret@host/#insecure",
            "redis+sentinel://anna:secret@host",
            "redis+sentinel://anna:secret@/main",
            "redis+sentinel://anna:secret@host/main/x",
        ] {
            let error = RedisUrl::parse(text).expect_err(text).to_string();
            assert!(error.starts_with("REDIS_URL must") && !error.contains("secret") && !error.contains('\n'), "{text}: {error}");
        }
    }
}
