//! WebSockets of a server.

use anyhow::{Context, anyhow};
use http::Request;
use http::header::{AUTHORIZATION, CONNECTION, HOST, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_VERSION, UPGRADE, USER_AGENT};
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Error;
use tokio_tungstenite::tungstenite::handshake::client::generate_key;
use tokio_tungstenite::{WebSocketStream, client_async};

use super::TIMEOUT;
use super::connection::{Connection, connect};
use super::credentials::Credentials;
use super::rest::AGENT;
use super::server_url::ServerUrl;

/// An open WebSocket.
pub type WebSocket = WebSocketStream<Connection>;

/// Opens the WebSocket of a path.
///
/// # Errors
/// The server cannot be reached, or does not upgrade the connection.
pub async fn open(server: &ServerUrl, path: &str, credentials: Option<&Credentials>) -> anyhow::Result<WebSocket> {
    let scheme = if server.is_secure { "wss" } else { "ws" };
    let mut request = Request::builder()
        .uri(format!("{scheme}://{}{}", server.authority(), server.target(path)))
        .header(HOST, server.authority())
        .header(CONNECTION, "Upgrade")
        .header(UPGRADE, "websocket")
        .header(SEC_WEBSOCKET_VERSION, "13")
        .header(SEC_WEBSOCKET_KEY, generate_key())
        .header(USER_AGENT, AGENT);
    if let Some(credentials) = credentials {
        request = request.header(AUTHORIZATION, credentials.header());
    }
    let request = request.body(()).context("the key has characters that no header can carry")?;
    let connection = connect(server).await?;
    let handshake = timeout(TIMEOUT, client_async(request, connection)).await;
    match handshake.map_err(|_| anyhow!("{server} does not answer the upgrade of {path} within {TIMEOUT:?}"))? {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(response)) => Err(anyhow!(
            "{server} has answered the upgrade of {path} with {} instead of 101; a proxy must pass the headers Upgrade and Connection on",
            response.status().as_u16()
        )),
        Err(error) => Err(error).with_context(|| format!("{server} does not upgrade {path}")),
    }
}
