//! What the commands for a running server share: its URL, the key, connections, REST requests, and WebSockets.
//!
//! - [`server_url`]: the address of a server.
//! - [`credentials`]: the key of a back end, or a token.
//! - [`connection`]: a TCP connection, plain or with TLS.
//! - [`rest`]: a request and its response.
//! - [`websocket`]: the raw WebSocket, and the WebSocket of Engine.IO.

pub mod connection;
pub mod credentials;
pub mod rest;
pub mod server_url;
pub mod websocket;

use std::time::Duration;

use clap::Args;
use config::{Config, Secret};

use credentials::Credentials;
use server_url::ServerUrl;

/// How long a connection, a TLS handshake, or a response may take.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// The server of a command.
#[derive(Args)]
pub struct RemoteArguments {
    /// The URL of the server. Without it, the server of these settings on this machine
    #[arg(long, value_name = "URL")]
    url: Option<String>,
    /// The key: ROOMCAST_API_KEY of the server, or a token with the role service or admin. Without it, ROOMCAST_API_KEY of these settings; for a server on
    /// this machine also a token that is signed with its secret
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

impl RemoteArguments {
    /// The server.
    ///
    /// # Errors
    /// The URL cannot be used.
    pub(super) fn server(&self, config: &Config) -> anyhow::Result<ServerUrl> {
        self.url.as_deref().map_or_else(|| Ok(ServerUrl::of_settings(config)), ServerUrl::parse)
    }

    /// The server, and the credentials of a back end for it.
    ///
    /// # Errors
    /// The URL cannot be used, or there is no key.
    pub(super) fn back_end(&self, config: &Config) -> anyhow::Result<(ServerUrl, Credentials)> {
        let server = self.server(config)?;
        let key = self.key.clone().or_else(|| config.auth.roomcast_api_key.as_ref().map(Secret::expose).map(str::to_owned));
        let credentials = match key {
            Some(key) => Credentials::new(key),
            None => Credentials::of_service(config, &server)?,
        };
        Ok((server, credentials))
    }
}

/// Runs a command that uses the network.
///
/// # Errors
/// Those of the command.
pub(super) fn block_on<T>(work: impl Future<Output = anyhow::Result<T>>) -> anyhow::Result<T> {
    // Another part of the process may have chosen the provider before.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(work)
}
