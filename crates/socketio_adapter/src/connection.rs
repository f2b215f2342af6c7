//! Connections to Redis: how they are made, and how long the adapter waits before the next attempt.

use std::time::Duration;

use redis::aio::{MultiplexedConnection, PubSub};
use redis::{AsyncConnectionConfig, Client, ConnectionInfo, ErrorKind, PushInfo, RedisError, ServerErrorKind, TlsCertificates};
use tokio::sync::mpsc;
use tokio::time::timeout;

use crate::settings::{Settings, StartError};

/// How long an attempt to connect, and a command, may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// The first and the longest pause between two attempts to connect.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));

/// Makes connections.
#[derive(Clone)]
pub(crate) struct Connector {
    client: Client,
    /// Host and port, without user and password.
    server: String,
    prefix: String,
}

impl Connector {
    pub fn new(info: ConnectionInfo, settings: &Settings) -> Result<Self, StartError> {
        // If the program has chosen a provider already, that one stays.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let server = info.addr().to_string();
        let client = match settings.ca.clone() {
            Some(ca) => Client::build_with_tls(info, TlsCertificates { client_tls: None, root_cert: Some(ca) })
                .map_err(|error| StartError::Ca(one_line(&error)))?,
            None => Client::open(info).map_err(|error| StartError::Url(one_line(&error)))?,
        };
        Ok(Self { client, server, prefix: settings.prefix.clone() })
    }

    /// Host and port of Redis.
    pub fn server(&self) -> &str {
        &self.server
    }

    /// A connection for commands, and a receiver that gets a message as soon as the connection ends.
    pub async fn commands(&self) -> Result<(MultiplexedConnection, mpsc::UnboundedReceiver<PushInfo>), StartError> {
        // Redis pushes nothing to a connection without subscriptions, so the only message is the library's own about the end.
        let (ended, end) = mpsc::unbounded_channel();
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(PATIENCE)).set_response_timeout(Some(PATIENCE)).set_push_sender(ended);
        let connection = self.client.get_multiplexed_async_connection_with_config(&config).await;
        connection.map(|connection| (connection, end)).map_err(|error| self.explain(&error))
    }

    /// A connection with these subscriptions.
    pub async fn subscriptions(&self, patterns: &[String], channels: &[String]) -> Result<PubSub, StartError> {
        let subscribe = async {
            let mut connection = self.client.get_async_pubsub().await?;
            // A command without arguments would be an error.
            if !patterns.is_empty() {
                connection.psubscribe(patterns).await?;
                connection.subscribe(channels).await?;
            }
            Ok(connection)
        };
        match timeout(PATIENCE, subscribe).await {
            Ok(result) => result.map_err(|error: RedisError| self.explain(&error)),
            Err(_) => Err(StartError::Unreachable { server: self.server.clone(), reason: "no answer in time".to_owned() }),
        }
    }

    fn explain(&self, error: &RedisError) -> StartError {
        let server = self.server.clone();
        match (error.kind(), error.code()) {
            (ErrorKind::AuthenticationFailed, _) | (_, Some("WRONGPASS" | "NOAUTH")) => StartError::Unauthorized { server },
            (ErrorKind::Server(ServerErrorKind::NoPerm), _) => {
                StartError::Forbidden { server, prefix: self.prefix.clone(), reason: one_line(error) }
            }
            (ErrorKind::RESP3NotSupported, _) => StartError::TooOld { server },
            // The error of rustls is available as text only.
            _ if error.to_string().contains("certificate") => StartError::Untrusted { server, reason: one_line(error) },
            _ => StartError::Unreachable { server, reason: one_line(error) },
        }
    }
}

fn one_line(error: &RedisError) -> String {
    error.to_string().replace(['\r', '\n'], " ")
}

/// The pauses between attempts to connect: each is twice as long as the one before, and each is shortened at random, so that the servers of a
/// cluster do not all connect at the same moment.
pub(crate) struct Backoff(Duration);

impl Backoff {
    pub fn new() -> Self {
        Self(PAUSES.0)
    }

    pub async fn pause(&mut self) {
        let part = f64::from(crate::ids::random_byte()) / 255.0;
        tokio::time::sleep(self.0.mul_f64(0.5 + part / 2.0)).await;
        self.0 = (2 * self.0).min(PAUSES.1);
    }
}
