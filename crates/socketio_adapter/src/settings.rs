//! The settings, and why the adapter cannot start.

use std::fmt;
use std::time::Duration;

use redis::{ConnectionAddr, ConnectionInfo, IntoConnectionInfo, ProtocolVersion};

/// How the adapter finds its cluster.
#[derive(Clone)]
pub struct Settings {
    /// The URL of Redis: `redis://`, or `rediss://` for TLS, with user, password, and database. Its password appears in no log and no
    /// error.
    pub url: String,
    /// The certificates, in PEM, of the authorities that may have signed the certificate of Redis. `None`: those that the system trusts.
    pub ca: Option<Vec<u8>>,
    /// The prefix of all channels, the option `key` of Node's adapter. Clusters that share a Redis need different prefixes.
    pub prefix: String,
    /// How long a request waits for the responses of the other servers, the option `requestsTimeout` of Node's adapter.
    pub request_timeout: Duration,
}

impl Settings {
    /// The prefix and the timeout of Node's adapter.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), ca: None, prefix: "socket.io".to_owned(), request_timeout: Duration::from_secs(5) }
    }

    /// Checks the settings.
    pub(crate) fn connection_info(&self) -> Result<ConnectionInfo, StartError> {
        if self.prefix.is_empty() {
            return Err(StartError::EmptyPrefix);
        }
        if self.request_timeout.is_zero() {
            return Err(StartError::NoTimeout);
        }
        // The parser of certificates skips everything else, and a file without any would trust no server.
        if self.ca.as_ref().is_some_and(|ca| !String::from_utf8_lossy(ca).contains("-----BEGIN CERTIFICATE-----")) {
            return Err(StartError::Ca("there is no line -----BEGIN CERTIFICATE-----".to_owned()));
        }
        if redis::parse_redis_url(&self.url).is_none() {
            return Err(StartError::Url("it must begin with redis:// or rediss://, and name a host".to_owned()));
        }
        // The errors of the parser name the wrong part and contain nothing of the URL.
        let info = self.url.as_str().into_connection_info().map_err(|error| StartError::Url(error.to_string()))?;
        if let ConnectionAddr::TcpTls { insecure: true, .. } = info.addr() {
            return Err(StartError::Url("it ends with #insecure, which would accept every certificate".to_owned()));
        }
        let redis = info.redis_settings().clone().set_protocol(ProtocolVersion::RESP3);
        Ok(info.set_redis_settings(redis))
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Settings")
            .field("prefix", &self.prefix)
            .field("request_timeout", &self.request_timeout)
            .finish_non_exhaustive()
    }
}

/// Why the adapter cannot start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StartError {
    /// The URL is not one of Redis.
    #[error("the Redis URL is not valid: {0}")]
    Url(String),
    /// The certificates of [`Settings::ca`] cannot be read.
    #[error("the certificates of the authority of Redis are not PEM: {0}")]
    Ca(String),
    /// The certificate of Redis is not valid, or not signed by a trusted authority.
    #[error("the certificate of Redis at {server} is not trusted: {reason}")]
    Untrusted {
        /// Host and port.
        server: String,
        /// What is wrong with the certificate.
        reason: String,
    },
    /// The prefix is empty.
    #[error("the prefix of the Redis channels must not be empty; the default of socket.io servers is \"socket.io\"")]
    EmptyPrefix,
    /// The request timeout is zero.
    #[error("the request timeout must be longer than 0")]
    NoTimeout,
    /// There is no answer from Redis.
    #[error("cannot connect to Redis at {server}: {reason}; check that it runs, and that the URL names its host and port")]
    Unreachable {
        /// Host and port.
        server: String,
        /// What happened.
        reason: String,
    },
    /// Redis rejects the user or the password.
    #[error("Redis at {server} rejects the user or the password of the URL")]
    Unauthorized {
        /// Host and port.
        server: String,
    },
    /// The user must not use the channels.
    #[error("Redis at {server} does not permit the channels of the prefix \"{prefix}\": {reason}; check the ACL of the user")]
    Forbidden {
        /// Host and port.
        server: String,
        /// The prefix.
        prefix: String,
        /// The answer of Redis.
        reason: String,
    },
    /// Redis is older than 6.0.
    #[error("Redis at {server} is too old: it must be version 6.0 or newer")]
    TooOld {
        /// Host and port.
        server: String,
    },
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrong_settings_are_named_without_the_password() {
        let url = |url: &str| Settings::new(url);
        for (settings, expected) in [
            (url("http://u:hunter2@host"), "it must begin with redis://"),
            (url("hunter2"), "it must begin with redis://"),
            (url(""), "it must begin with redis://"),
            (url("redis://u:hunter2@host/x"), "Invalid database number"),
            (url("rediss://u:hunter2@host/#insecure"), "every certificate"),
            (Settings { prefix: String::new(), ..url("redis://host") }, "prefix"),
            (Settings { request_timeout: Duration::ZERO, ..url("redis://host") }, "timeout"),
        ] {
            let error = settings.connection_info().unwrap_err().to_string();
            assert!(error.contains(expected), "{error}");
            assert!(!error.contains("hunter2"), "{error}");
            assert!(!error.contains('\n'), "{error}");
        }
    }

    #[test]
    fn debug_output_has_no_url() {
        assert_eq!(format!("{:?}", Settings::new("redis://u:hunter2@host")), "Settings { prefix: \"socket.io\", request_timeout: 5s, .. }");
    }
}
