//! The checks of a server from outside, through its proxies: what a browser needs, one after the other.

use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context, anyhow, bail, ensure};
use domain::ids::Timestamp;
use futures_util::{SinkExt, StreamExt};
use http::header::DATE;
use http::{Method, StatusCode};
use serde_json::Value;
use tokio::time::timeout;
use tokio_tungstenite::tungstenite::Message;

use super::certificates::{self, AcceptAny};
use super::clock_check;
use crate::cli::remote::TIMEOUT;
use crate::cli::remote::connection::{Trust, chain, connect_tcp, connect_tls};
use crate::cli::remote::server_url::ServerUrl;
use crate::cli::remote::websocket::{self, WebSocket};
use crate::cli::remote::{rest, rest::Answer};
use crate::cli::report::{Check, Outcome};
use crate::clock;

/// The path of Socket.IO.
const SOCKET_IO: &str = "/socket.io/?EIO=4&transport=";

/// The close code of a raw WebSocket without a token.
const NO_TOKEN: u16 = 4401;

/// Makes all checks that the earlier ones leave possible.
pub(super) async fn checks(server: ServerUrl) -> anyhow::Result<Vec<Check>> {
    let began = Instant::now();
    let tcp = match connect_tcp(&server).await {
        Ok(tcp) => tcp,
        Err(error) => {
            return Ok(vec![Check::new("address", Outcome::Failed, format!("{error:#}; check the name, the port and the firewall"))]);
        }
    };
    let address = tcp.peer_addr().map(|address| address.to_string()).unwrap_or_default();
    let detail = format!("{} is {address}, connected in {} ms", server.host, began.elapsed().as_millis());
    let mut checks = vec![Check::new("address", Outcome::Passed, detail)];
    if server.is_secure {
        match connect_tls(&server, tcp, Trust::Verifier(Arc::new(AcceptAny::new()))).await {
            Err(error) => {
                checks.push(Check::new("certificate", Outcome::Failed, format!("{error:#}")));
                return Ok(checks);
            }
            Ok(stream) => {
                let (chain, now) = (chain(&stream), clock::seconds());
                checks.extend([certificates::expiry(&chain, now), certificates::trust(&chain, &server.host, now)]);
            }
        }
        if checks.iter().any(|check| check.outcome == Outcome::Failed) {
            return Ok(checks);
        }
    } else {
        // Each check has a connection of its own.
        drop(tcp);
    }
    checks.extend(health(&server).await);
    checks.push(result("long-polling", polling(&server).await));
    checks.push(result("websocket", socket_io(&server).await));
    checks.push(result("upgrade", upgrade(&server).await));
    checks.push(result("raw websocket", raw(&server).await));
    checks.push(metrics(&server).await);
    Ok(checks)
}

fn result(name: &str, result: anyhow::Result<String>) -> Check {
    match result {
        Ok(detail) => Check::new(name, Outcome::Passed, detail),
        Err(error) => Check::new(name, Outcome::Failed, format!("{error:#}")),
    }
}

/// Whether the server is ready, and its clock.
async fn health(server: &ServerUrl) -> Vec<Check> {
    let answer = match rest::send(server, Method::GET, "/health/ready", None, None).await {
        Ok(answer) => answer,
        Err(error) => return vec![Check::new("health", Outcome::Failed, format!("{error:#}"))],
    };
    let via = answer.headers.get("server").and_then(|name| name.to_str().ok()).map(|name| format!(", through {}", printable(name)));
    let health = answer.json(server).map(|_| format!("the server is ready{}", via.unwrap_or_default()));
    let time = answer.headers.get(DATE).and_then(|date| date.to_str().ok()).and_then(http_date);
    [result("health", health)].into_iter().chain(time.map(|time| clock_check("the server", time))).collect()
}

fn http_date(text: &str) -> Option<Timestamp> {
    let time = time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc2822).ok()?;
    Some(Timestamp(time.unix_timestamp().saturating_mul(1_000_000)))
}

/// A response of Socket.IO over long-polling, as text.
fn polled(answer: &Answer, what: &str) -> anyhow::Result<String> {
    let text = String::from_utf8_lossy(&answer.body);
    let status = answer.status.as_u16();
    ensure!(
        answer.status == StatusCode::OK,
        "{what} was answered with {status}: {}; is the path /socket.io/ passed on?",
        first_line(&text)
    );
    Ok(text.into_owned())
}

/// Opens a long-polling session, sends a packet, and receives the answer: three requests, which must reach the same session.
async fn polling(server: &ServerUrl) -> anyhow::Result<String> {
    let sid = open_session(server).await?;
    let path = format!("{SOCKET_IO}polling&sid={sid}");
    let sent = rest::send_text(server, &path, "40").await?;
    ensure!(polled(&sent, "a packet")? == "ok", "a packet was not answered with ok; the requests of a session must reach its server");
    let answer = polled(&rest::send(server, Method::GET, &path, None, None).await?, "the answer to a packet")?;
    // Without a token the server rejects the namespace, which shows that the packet has arrived.
    ensure!(answer.starts_with("44") || answer.starts_with("40"), "the answer to a packet is {}", first_line(&answer));
    Ok("a session receives the answer to its packet".to_owned())
}

/// Opens a long-polling session; returns its id.
async fn open_session(server: &ServerUrl) -> anyhow::Result<String> {
    let opened = rest::send(server, Method::GET, &format!("{SOCKET_IO}polling"), None, None).await?;
    session_id(&polled(&opened, "the handshake")?)
}

/// The id in the open packet of Engine.IO.
fn session_id(packet: &str) -> anyhow::Result<String> {
    let open = || {
        anyhow!(
            "the handshake was answered with {}, which is no packet of Engine.IO; is another server behind the URL?",
            first_line(packet)
        )
    };
    let json: Value = serde_json::from_str(packet.strip_prefix('0').ok_or_else(open)?).map_err(|_| open())?;
    Ok(json["sid"].as_str().ok_or_else(open)?.to_owned())
}

/// Opens a session over WebSocket.
async fn socket_io(server: &ServerUrl) -> anyhow::Result<String> {
    let mut socket = websocket::open(server, &format!("{SOCKET_IO}websocket"), None).await?;
    session_id(&received(&mut socket).await?)?;
    Ok("Socket.IO opens a session".to_owned())
}

/// Upgrades a long-polling session to WebSocket, as stock clients do.
async fn upgrade(server: &ServerUrl) -> anyhow::Result<String> {
    let sid = open_session(server).await?;
    let mut socket = websocket::open(server, &format!("{SOCKET_IO}websocket&sid={sid}"), None).await?;
    socket.send(Message::text("2probe")).await.context("the probe cannot be sent")?;
    let answer = received(&mut socket).await?;
    ensure!(answer == "3probe", "the probe was answered with {}", first_line(&answer));
    Ok("a long-polling session becomes a WebSocket".to_owned())
}

/// Opens the raw WebSocket without a token: the server must close it with its own code.
async fn raw(server: &ServerUrl) -> anyhow::Result<String> {
    let mut socket = websocket::open(server, "/api/v1/ws/connect", None).await?;
    match timeout(TIMEOUT, socket.next()).await.map_err(|_| anyhow!("the WebSocket stays silent for {TIMEOUT:?}"))? {
        Some(Ok(Message::Close(Some(frame)))) if u16::from(frame.code) == NO_TOKEN => Ok("close codes arrive".to_owned()),
        Some(Ok(other)) => bail!("without a token the server must close with {NO_TOKEN}, and this one has sent {other:?}"),
        Some(Err(error)) => Err(error).context("without a token the server must close with a code, and the connection was cut"),
        None => bail!("without a token the server must close with {NO_TOKEN}, and the connection ended without a code"),
    }
}

async fn received(socket: &mut WebSocket) -> anyhow::Result<String> {
    match timeout(TIMEOUT, socket.next()).await.map_err(|_| anyhow!("the WebSocket stays silent for {TIMEOUT:?}"))? {
        Some(Ok(Message::Text(text))) => Ok(text.to_string()),
        Some(Ok(other)) => bail!("the WebSocket has sent {other:?} in place of a text"),
        Some(Err(error)) => Err(error).context("the WebSocket is cut"),
        None => bail!("the WebSocket has ended"),
    }
}

/// Whether the metrics are hidden from the internet.
async fn metrics(server: &ServerUrl) -> Check {
    match rest::send(server, Method::GET, "/metrics", None, None).await {
        Ok(answer) if answer.status.is_success() => {
            Check::new("metrics", Outcome::Warning, "every client can read /metrics; set METRICS=key, or block the path at the proxy")
        }
        Ok(answer) => {
            Check::new("metrics", Outcome::Passed, format!("/metrics is hidden from clients without a key ({})", answer.status.as_u16()))
        }
        Err(error) => Check::new("metrics", Outcome::Failed, format!("{error:#}")),
    }
}

/// The begin of a text that a server has sent, on one line.
fn first_line(text: &str) -> String {
    format!("\"{}\"", printable(&text.chars().take(80).collect::<String>()))
}

fn printable(text: &str) -> String {
    text.chars().map(|letter| if letter.is_control() { ' ' } else { letter }).collect()
}
