//! The address of a server, as a command names it.

use std::fmt;

use anyhow::{Context, bail};
use config::{Config, Host};
use http::Uri;

/// The address of a server. Paths are added to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ServerUrl {
    /// Whether the connection has TLS.
    pub is_secure: bool,
    /// A name or an address, without the brackets of IPv6.
    pub host: String,
    /// The port.
    pub port: u16,
    /// The path in front of every path of the server, for a proxy with several servers; empty, or `/path`.
    prefix: String,
}

impl ServerUrl {
    /// Parses `http://host`, `https://host:port/path`; `ws` and `wss` mean the same.
    ///
    /// # Errors
    /// The text is no such URL.
    pub fn parse(text: &str) -> anyhow::Result<Self> {
        let expected = || format!("--url={text}: expected the URL of a server, such as https://app.example.com");
        let uri: Uri = text.parse().with_context(expected)?;
        let is_secure = match uri.scheme_str() {
            Some("http" | "ws") => false,
            Some("https" | "wss") => true,
            _ => bail!(expected()),
        };
        let Some(host) = uri.host().filter(|host| !host.is_empty()) else { bail!(expected()) };
        if uri.authority().is_some_and(|authority| authority.as_str().contains('@')) {
            bail!("the URL has a user or a password, which the server does not read; use --key");
        }
        Ok(Self {
            is_secure,
            host: host.trim_start_matches('[').trim_end_matches(']').to_owned(),
            port: uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 }),
            prefix: uri.path().trim_end_matches('/').to_owned(),
        })
    }

    /// The server that these settings start on this machine.
    pub fn of_settings(config: &Config) -> Self {
        let host = match config.host() {
            Host::Every | Host::Localhost => "localhost".to_owned(),
            Host::Ip(ip) if ip.is_unspecified() => "localhost".to_owned(),
            Host::Ip(ip) => ip.to_string(),
            Host::Name(name) => name,
        };
        Self { is_secure: config.server.tls_cert.is_some(), host, port: config.server.port, prefix: String::new() }
    }

    /// The same server at another port.
    pub fn with_port(&self, port: u16) -> Self {
        Self { port, ..self.clone() }
    }

    /// Whether the server is on this machine, by its name.
    pub fn is_local(&self) -> bool {
        self.host == "localhost" || self.host.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback())
    }

    /// The path and query of a request for a path of the server.
    pub fn target(&self, path: &str) -> String {
        format!("{}{path}", self.prefix)
    }

    /// The value of the `Host` header.
    pub fn authority(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        let default = if self.is_secure { 443 } else { 80 };
        if self.port == default { host } else { format!("{host}:{}", self.port) }
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}{}", if self.is_secure { "https" } else { "http" }, self.authority(), self.prefix)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn url_has_a_scheme_a_host_and_an_optional_prefix() {
        for (text, shown, target) in [
            ("http://localhost:3000", "http://localhost:3000", "/health/live"),
            ("https://app.example.com/", "https://app.example.com", "/health/live"),
            ("wss://app.example.com:443/chat/", "https://app.example.com/chat", "/chat/health/live"),
            ("http://[::1]:8080", "http://[::1]:8080", "/health/live"),
            ("ws://127.0.0.1", "http://127.0.0.1", "/health/live"),
        ] {
            let url = ServerUrl::parse(text).unwrap();
            assert_eq!((url.to_string(), url.target("/health/live")), (shown.to_owned(), target.to_owned()), "{text}");
        }
    }

    #[test]
    fn text_that_names_no_server_is_rejected() {
        for text in ["localhost:3000", "ftp://example.com", "", "https://", "/path", "https://user:s3cret@example.com"] {
            assert!(ServerUrl::parse(text).is_err(), "{text}");
        }
    }
}
