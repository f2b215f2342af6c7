//! Opens connections to Redis.

use std::sync::Arc;
use std::time::Duration;

use redis::aio::{MultiplexedConnection, PubSub};
use redis::{AsyncConnectionConfig, RedisError, RedisResult};

use super::describe_error::describe;
use super::server_version;
use super::url::{RedisUrl, UrlClient};

/// How long a new connection may take, with TLS and the sentinels.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(2);

/// How long a connection may take with the questions to the sentinels.
const TOTAL_TIMEOUT: Duration = Duration::from_secs(4);

/// How long Redis may take for a response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(2);

/// Opens connections to the server of a URL. With sentinels it asks them for the primary each time.
#[derive(Clone)]
pub struct RedisConnector {
    url: RedisUrl,
    ca: Option<Arc<[u8]>>,
    display: Arc<str>,
}

impl RedisConnector {
    /// A connector. `ca`: see `REDIS_CA`, in PEM.
    ///
    /// # Errors
    /// The certificates cannot be read.
    pub fn new(url: &RedisUrl, ca: Option<&[u8]>) -> Result<Self, String> {
        // Another part of the process may have set it before.
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        url.client(ca).map_err(|error| format!("REDIS_CA must be a file with certificates in PEM: {error}"))?;
        Ok(Self { url: url.clone(), ca: ca.map(Arc::from), display: url.to_string().into() })
    }

    /// The hosts and ports, for messages.
    pub fn display(&self) -> &str {
        &self.display
    }

    /// An error of the server as one line that names the remedy.
    pub(crate) fn describe(&self, error: &RedisError) -> String {
        describe(error, &self.display, self.url.is_tls())
    }

    /// Checks that the server can be reached and is new enough. Returns the time of its clock, in microseconds since 1970.
    ///
    /// # Errors
    /// The remedy, as one line.
    pub async fn probe(&self) -> Result<i64, String> {
        let failed = |error: RedisError| self.describe(&error);
        let mut connection = self.commands().await.map_err(failed)?;
        self.check_version(&mut connection).await?;
        let (seconds, micros): (i64, i64) = redis::cmd("TIME").query_async(&mut connection).await.map_err(failed)?;
        Ok(seconds.saturating_mul(1_000_000).saturating_add(micros))
    }

    /// Opens a connection for commands.
    pub(crate) async fn commands(&self) -> RedisResult<MultiplexedConnection> {
        let config =
            AsyncConnectionConfig::new().set_connection_timeout(Some(CONNECT_TIMEOUT)).set_response_timeout(Some(RESPONSE_TIMEOUT));
        self.with_timeout(async { self.find_server().await?.get_multiplexed_async_connection_with_config(&config).await }).await
    }

    /// Opens a connection for a subscription.
    pub(crate) async fn subscription(&self) -> RedisResult<PubSub> {
        self.with_timeout(async { self.find_server().await?.get_async_pubsub().await }).await
    }

    /// Checks that the server is new enough.
    ///
    /// # Errors
    /// The remedy, as one line.
    pub(crate) async fn check_version(&self, connection: &mut MultiplexedConnection) -> Result<(), String> {
        let info: RedisResult<String> = redis::cmd("INFO").arg("server").query_async(connection).await;
        match info {
            Ok(info) => server_version::check(&info).map_err(|fault| format!("Redis at {}: {fault}", self.display)),
            // A user without the right to ask may use the server all the same.
            Err(error) if error.code() == Some("NOPERM") => Ok(()),
            Err(error) => Err(self.describe(&error)),
        }
    }

    async fn find_server(&self) -> RedisResult<redis::Client> {
        // A new client each time, so that no connection to a sentinel is kept that has become silent.
        match self.url.client(self.ca.as_deref())? {
            UrlClient::Server(client) => Ok(*client),
            UrlClient::Sentinel(mut client) => client.async_get_client().await,
        }
    }

    async fn with_timeout<T>(&self, connect: impl Future<Output = RedisResult<T>>) -> RedisResult<T> {
        match tokio::time::timeout(TOTAL_TIMEOUT, connect).await {
            Ok(result) => result,
            Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
        }
    }
}
