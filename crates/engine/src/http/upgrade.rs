//! WebSocket handshakes (RFC 6455 §4). After the 101 the raw stream moves to its shard, and the HTTP server keeps nothing of the
//! connection.

use std::net::SocketAddr;
use std::sync::Arc;

use ::http::header::{self, HeaderMap, HeaderValue};
use ::http::{Method, Request, StatusCode};
use hyper::body::Incoming;
use hyper::upgrade::OnUpgrade;
use tokio::net::TcpStream;
use wire::websocket::{Window, accept_key, negotiate_deflate};

use super::HttpResponse;
use super::response::{self, RequestError};
use super::upgraded_stream::UpgradedStream;
use crate::app::App;
use crate::hub::Hub;
use crate::id::Id;
use crate::mailbox::Mail;
use crate::shard_request::{NewConnection, Purpose};
use crate::stream::NewStream;

/// Whether a request requests an upgrade to WebSocket.
pub fn is_upgrade(headers: &HeaderMap) -> bool {
    let upgrade = headers.get(header::UPGRADE);
    upgrade.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"websocket"))
}

impl<A: App> Hub<A> {
    /// Opens a WebSocket to a plain endpoint.
    pub(super) async fn open_raw(
        self: Arc<Self>,
        endpoint: u8,
        request: Request<Incoming>,
        peer: SocketAddr,
    ) -> Result<HttpResponse, RequestError> {
        let (parts, body) = request.into_parts();
        let purpose = self.raw_session(endpoint, &parts, peer)?;
        let request = Request::from_parts(parts, body);
        self.open_websocket(purpose, request).await
    }

    /// Opens a WebSocket that begins a session.
    pub(super) async fn open_websocket(
        self: Arc<Self>,
        purpose: Purpose<A::Handshake>,
        mut request: Request<Incoming>,
    ) -> Result<HttpResponse, RequestError> {
        let (response, deflate) = self.switch(request.method(), request.headers())?;
        let stream = hyper::upgrade::on(&mut request);
        let shard = self.next_shard();
        tokio::spawn(hand_over(self, shard, stream, deflate, purpose));
        Ok(response)
    }

    /// Opens a WebSocket for a session that has begun by long-polling. Every known session is answered with 101, because some clients
    /// cannot handle an HTTP error here. If the session must not be upgraded (a second time, or by a request with `transport=polling`), the
    /// server closes the WebSocket.
    pub(super) async fn upgrade_session(
        self: Arc<Self>,
        session: Id,
        mut request: Request<Incoming>,
        websocket: bool,
    ) -> Result<HttpResponse, RequestError> {
        self.upgradable(session).await?;
        let (response, deflate) = self.switch(request.method(), request.headers())?;
        let stream = hyper::upgrade::on(&mut request);
        if websocket {
            let shard = session.shard();
            tokio::spawn(hand_over(self, shard, stream, deflate, Purpose::Upgrade(session)));
        } else {
            tokio::spawn(async move { drop(stream.await) });
        }
        Ok(response)
    }

    /// Returns the 101, and the client's window if messages may be deflated.
    pub(super) fn switch(&self, method: &Method, headers: &HeaderMap) -> Result<(HttpResponse, Option<Window>), RequestError> {
        if method != Method::GET {
            return Err(RequestError::Status(StatusCode::METHOD_NOT_ALLOWED));
        }
        let key = text(headers, header::SEC_WEBSOCKET_KEY).filter(|key| key.len() == 24).ok_or(RequestError::BadRequest)?;
        if !matches!(text(headers, header::SEC_WEBSOCKET_VERSION), Some("13" | "8")) {
            return Err(RequestError::WebSocketVersion);
        }
        let mut response = response::status(StatusCode::SWITCHING_PROTOCOLS);
        let accept = HeaderValue::try_from(accept_key(key)).map_err(|_| RequestError::BadRequest)?;
        let out = response.headers_mut();
        out.insert(header::UPGRADE, HeaderValue::from_static("websocket"));
        out.insert(header::CONNECTION, HeaderValue::from_static("Upgrade"));
        out.insert(header::SEC_WEBSOCKET_ACCEPT, accept);
        let first = text(headers, header::SEC_WEBSOCKET_PROTOCOL).and_then(|protocols| protocols.split(',').next());
        if let Some(first) = first.and_then(|first| HeaderValue::from_str(first.trim()).ok()) {
            out.insert(header::SEC_WEBSOCKET_PROTOCOL, first);
        }
        let offers = text(headers, header::SEC_WEBSOCKET_EXTENSIONS).filter(|_| self.config.deflate);
        let Some((agreed, window)) = offers.and_then(negotiate_deflate) else { return Ok((response, None)) };
        let agreed = HeaderValue::try_from(agreed).map_err(|_| RequestError::BadRequest)?;
        out.insert(header::SEC_WEBSOCKET_EXTENSIONS, agreed);
        Ok((response, Some(window)))
    }
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<&str> {
    headers.get(name)?.to_str().ok().map(str::trim)
}

/// Waits until the 101 is written, takes the stream out of the HTTP server and gives it to the shard.
async fn hand_over<A: App>(hub: Arc<Hub<A>>, shard: u8, stream: OnUpgrade, deflate: Option<Window>, purpose: Purpose<A::Handshake>) {
    let Ok(upgraded) = stream.await else { return };
    match UpgradedStream::take(upgraded).and_then(|(stream, early)| Ok((new_stream(stream)?, early))) {
        Ok((stream, early)) => {
            hub.put(shard, Mail::NewConnection(Box::new(NewConnection { stream, greeting: Vec::new(), early, deflate, purpose })));
        }
        Err(error) => tracing::error!(error, "a WebSocket's stream cannot be taken over"),
    }
}

/// The stream without tokio's part of it.
fn new_stream(stream: UpgradedStream) -> Result<NewStream, &'static str> {
    let into_std = |tcp: TcpStream| tcp.into_std().map_err(|_| "the socket is no longer valid");
    match stream {
        UpgradedStream::Plain(tcp) => Ok(NewStream::Plain(into_std(tcp)?)),
        UpgradedStream::Tls(stream) => {
            let (tcp, session) = stream.into_inner();
            Ok(NewStream::Tls(into_std(tcp)?, Box::new(session)))
        }
    }
}
