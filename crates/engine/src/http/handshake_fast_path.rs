//! A fast path for the most common request: a WebSocket over plain TCP that begins a session. Its head is parsed from the bytes that wait
//! in the socket. The shard writes the 101 together with the first packets. Every other request goes to the HTTP server unchanged.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::task::{Poll, ready};

use ::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ::http::{Method, Request, request};
use bytes::Bytes;
use http_body_util::BodyExt;
use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use wire::websocket::Window;

use super::query::Query;
use super::response::{self, RequestError};
use super::{HttpResponse, upgrade};
use crate::app::App;
use crate::config::Protocol;
use crate::handle::Handle;
use crate::hub::Hub;
use crate::mailbox::Mail;
use crate::shard_request::{NewConnection, Purpose};
use crate::stream::NewStream;

/// A head with more bytes or more headers goes to the HTTP server.
const MAX_HEAD_BYTES: usize = 4096;
const MAX_HEADERS: usize = 32;

/// An accepted handshake.
struct Accepted<H> {
    /// The 101.
    response: HttpResponse,
    /// The client's window, if messages may be deflated.
    deflate: Option<Window>,
    purpose: Purpose<H>,
}

impl<A: App> Handle<A> {
    /// Waits for the first bytes of a connection. If they are a WebSocket handshake that begins a session, the engine answers it, and keeps
    /// the connection; if not, the connection is given back untouched, for the HTTP server. Runs in a tokio runtime.
    pub async fn take(&self, stream: TcpStream, peer: SocketAddr) -> Option<TcpStream> {
        let hub = &self.0;
        let handshake = poll_fn(|context| {
            let mut bytes = [0; MAX_HEAD_BYTES];
            let mut seen = ReadBuf::new(&mut bytes);
            if ready!(stream.poll_peek(context, &mut seen)).is_err() {
                return Poll::Ready(None);
            }
            let Some((length, handshake)) = hub.parse_handshake(seen.filled()) else { return Poll::Ready(None) };
            // The bytes that were peeked at are still in the socket, so one read takes all of them.
            let read = stream.try_read(&mut bytes[..length]);
            Poll::Ready(read.is_ok_and(|read| read == length).then_some(handshake))
        });
        let Some((endpoint, parts)) = handshake.await else { return Some(stream) };
        let (mut response, accepted) = match hub.accept_handshake(endpoint, &parts, peer) {
            Ok(Accepted { response, deflate, purpose }) => (response, Some((deflate, purpose))),
            Err(error) => (error.response(true), None),
        };
        if let Some(policy) = &hub.config.cors {
            response::allow(&mut response, &policy(&parts.headers));
        }
        let greeting = write(response).await;
        match accepted {
            Some((deflate, purpose)) => match stream.into_std() {
                Ok(stream) => {
                    let stream = NewStream::Plain(stream);
                    let connection = NewConnection { stream, greeting, early: Bytes::new(), deflate, purpose };
                    hub.put(hub.next_shard(), Mail::NewConnection(Box::new(connection)));
                }
                Err(error) => tracing::error!(%error, "a WebSocket's stream cannot be taken over"),
            },
            // The response is short and the socket's buffer is empty: it fits, or the client has disconnected.
            None => drop(stream.try_write(&greeting)),
        }
        None
    }
}

impl<A: App> Hub<A> {
    /// Parses the handshake at the start of these bytes. Returns its length in bytes, its endpoint and its head; `None` if it has to go to
    /// the HTTP server.
    fn parse_handshake(&self, bytes: &[u8]) -> Option<(usize, (u8, request::Parts))> {
        let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
        let mut head = httparse::Request::new(&mut headers);
        let Ok(httparse::Status::Complete(length)) = head.parse(bytes) else { return None };
        if head.method != Some("GET") || head.version != Some(1) {
            return None;
        }
        let mut request = Request::builder().uri(head.path?).body(()).ok()?;
        for header in head.headers.iter() {
            let value = HeaderValue::from_bytes(header.value).ok()?;
            request.headers_mut().append(HeaderName::from_bytes(header.name.as_bytes()).ok()?, value);
        }
        let headers = request.headers();
        let has_body = headers.contains_key(header::CONTENT_LENGTH) || headers.contains_key(header::TRANSFER_ENCODING);
        if has_body || !upgrade::is_upgrade(headers) || !requests_upgrade(headers) {
            return None;
        }
        let (index, endpoint) = self.endpoint_of(request.uri().path())?;
        let query = Query::parse(request.uri().query().unwrap_or_default());
        let is_new_session = query.get("transport") == Some("websocket") && query.get("sid").is_none() && self.config.websocket;
        (is_new_session || endpoint.protocol == Protocol::Raw).then(|| (length, (index, request.into_parts().0)))
    }

    /// Checks a handshake, and makes the response to it.
    fn accept_handshake(&self, endpoint: u8, parts: &request::Parts, peer: SocketAddr) -> Result<Accepted<A::Handshake>, RequestError> {
        let purpose = match self.config.endpoints[endpoint as usize].protocol {
            Protocol::Raw => self.raw_session(endpoint, parts, peer)?,
            _ => Purpose::Session(self.session_of(endpoint, parts, peer)?),
        };
        let (response, deflate) = self.switch(&Method::GET, &parts.headers)?;
        Ok(Accepted { response, deflate, purpose })
    }
}

/// Whether the `Connection` header names the upgrade (RFC 6455 §4.2.1).
fn requests_upgrade(headers: &HeaderMap) -> bool {
    let values = headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|token| token.trim().eq_ignore_ascii_case("upgrade"))
}

/// The bytes of a response.
async fn write(response: HttpResponse) -> Vec<u8> {
    let (parts, body) = response.into_parts();
    let body = body.collect().await.map_or_else(|never| match never {}, |body| body.to_bytes());
    let reason = parts.status.canonical_reason().unwrap_or_default();
    let mut out = format!("HTTP/1.1 {} {reason}\r\n", parts.status.as_str()).into_bytes();
    for (name, value) in &parts.headers {
        out.extend_from_slice(name.as_str().as_bytes());
        out.extend_from_slice(b": ");
        out.extend_from_slice(value.as_bytes());
        out.extend_from_slice(b"\r\n");
    }
    if !parts.status.is_informational() {
        out.extend_from_slice(format!("content-length: {}\r\n", body.len()).as_bytes());
    }
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(&body);
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::app::NoopApp;
    use crate::config::Config;

    const HANDSHAKE: &[u8] =
        b"GET /socket.io/?EIO=4&transport=websocket&t=%20a HTTP/1.1\r\nHost: localhost\r\nConnection: keep-alive, Upgrade\r\n\
        Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";

    #[test]
    fn mutated_handshake_is_parsed_or_left_to_the_http_server() {
        let poll = mio::Poll::new().unwrap();
        let hub = Hub::<NoopApp>::new(Config { allow_eio3: true, ..Config::default() }, Arc::new(|_, _| Ok(())), &[poll]).unwrap();
        let peer = "127.0.0.1:1".parse().unwrap();
        let random = &mut StdRng::seed_from_u64(7);
        let mut accepted = 0;
        for _ in 0..20_000 {
            let mut bytes = HANDSHAKE.to_vec();
            for _ in 0..random.random_range(0..4) {
                let at = random.random_range(0..bytes.len());
                match random.random_range(0..4) {
                    0 => bytes.insert(at, random.random()),
                    1 => drop(bytes.remove(at)),
                    2 => bytes[at] ^= 1 << random.random_range(0..8),
                    _ => bytes.truncate(at.max(1)),
                }
            }
            let Some((length, (endpoint, parts))) = hub.parse_handshake(&bytes) else { continue };
            assert!(length <= bytes.len() && bytes[..length].ends_with(b"\n"));
            accepted += usize::from(hub.accept_handshake(endpoint, &parts, peer).is_ok());
        }
        assert!(accepted > 2_000 && accepted < 20_000, "{accepted}");
    }
}
