//! A REST request over a connection of its own.

use anyhow::{Context, anyhow, bail};
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1::handshake;
use hyper_util::rt::TokioIo;
use serde_json::Value;
use tokio::time::timeout;

use super::connection::{Connection, connect};
use super::credentials::Credentials;
use super::server_url::ServerUrl;
use super::{TIMEOUT, block_on};

/// The most bytes of a response.
const MAX_BODY: usize = 16 * 1024 * 1024;

/// The name of this program, for the logs of proxies.
pub const AGENT: &str = concat!("roomcast/", env!("CARGO_PKG_VERSION"));

/// A response.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The whole body.
    pub body: Bytes,
}

impl Answer {
    /// The body of a successful response as JSON.
    ///
    /// # Errors
    /// The status is an error, with the server's text; the body is no JSON, as that of another server.
    pub fn json(&self, server: &ServerUrl) -> anyhow::Result<Value> {
        let value: Result<Value, _> = serde_json::from_slice(&self.body);
        if !self.status.is_success() {
            let text = value.ok().and_then(|body| Some(format!("{} ({})", body["error"].as_str()?, body["code"].as_str()?)));
            bail!(
                "{server} has answered {}: {}",
                self.status.as_u16(),
                text.as_deref().unwrap_or("not in the form of Roomcast; is the URL right?")
            );
        }
        value.with_context(|| format!("{server} has not answered with JSON; is the URL that of a Roomcast?"))
    }
}

/// Sends a request for a path, with a body of JSON if there is one.
///
/// # Errors
/// The server cannot be reached, or does not answer in time.
pub async fn send(
    server: &ServerUrl,
    method: Method,
    path: &str,
    credentials: Option<&Credentials>,
    body: Option<&Value>,
) -> anyhow::Result<Answer> {
    let body = body.map(|body| ("application/json", body.to_string()));
    exchange(connect(server).await?, server, Outgoing { method, path, credentials, body }).await
}

/// Posts a text, as a client of long-polling does.
///
/// # Errors
/// As [`send`].
pub async fn send_text(server: &ServerUrl, path: &str, text: &str) -> anyhow::Result<Answer> {
    let body = Some(("text/plain;charset=UTF-8", text.to_owned()));
    exchange(connect(server).await?, server, Outgoing { method: Method::POST, path, credentials: None, body }).await
}

/// Requests a path over an open connection, without credentials.
///
/// # Errors
/// As [`send`].
pub async fn get_over(connection: Connection, server: &ServerUrl, path: &str) -> anyhow::Result<Answer> {
    exchange(connection, server, Outgoing { method: Method::GET, path, credentials: None, body: None }).await
}

/// A request.
struct Outgoing<'a> {
    method: Method,
    path: &'a str,
    credentials: Option<&'a Credentials>,
    /// The type and the text of the body.
    body: Option<(&'static str, String)>,
}

async fn exchange(connection: Connection, server: &ServerUrl, outgoing: Outgoing<'_>) -> anyhow::Result<Answer> {
    let Outgoing { method, path, credentials, body } = outgoing;
    let mut request = Request::builder().method(method).uri(server.target(path)).header(HOST, server.authority()).header(USER_AGENT, AGENT);
    if let Some(credentials) = credentials {
        request = request.header(AUTHORIZATION, credentials.header());
    }
    let body = body.map_or_else(String::new, |(kind, text)| {
        request.headers_mut().map(|headers| headers.insert(CONTENT_TYPE, http::HeaderValue::from_static(kind)));
        text
    });
    let request = request.body(Full::new(Bytes::from(body))).context("the key has characters that no header can carry")?;
    let answered = async {
        let (mut sender, connection) = handshake(TokioIo::new(connection)).await?;
        let driver = tokio::spawn(connection);
        let (head, body) = sender.send_request(request).await?.into_parts();
        let body =
            Limited::new(body, MAX_BODY).collect().await.map_err(|error| anyhow!("the response cannot be read: {error}"))?.to_bytes();
        driver.abort();
        anyhow::Ok(Answer { status: head.status, headers: head.headers, body })
    };
    let answer = timeout(TIMEOUT, answered).await.map_err(|_| anyhow!("{server} does not answer {path} within {TIMEOUT:?}"))?;
    answer.with_context(|| format!("{server} does not answer {path}"))
}

/// Requests a path as a back end, and returns the JSON of the response.
///
/// # Errors
/// As [`send`] and [`Answer::json`].
pub fn request(
    (server, credentials): &(ServerUrl, Credentials),
    method: Method,
    path: &str,
    body: Option<&Value>,
) -> anyhow::Result<Value> {
    block_on(async { send(server, method, path, Some(credentials), body).await?.json(server) })
}
