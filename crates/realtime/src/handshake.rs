//! Admission of handshakes, and the stored data of a handshake, which does not include its headers.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use auth::Authenticator;
use config::OwnPage;
use contracts::close_codes::{FORBIDDEN, TOO_MANY_CONNECTIONS};
use domain::error::DomainError;
use engine::HandshakeRejection;
use http::header::{HeaderName, ORIGIN, USER_AGENT};
use http::request::Parts;
use http::{HeaderMap, StatusCode};
use limits::admission::{Admission, AdmissionClosed};
use limits::bytes_in_memory::Holder;
use limits::rate_limit::{RETRY_AFTER_SECONDS, RateLimits};
use listener::Proxies;
use logging::audit;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::ShardQuery;

/// The data of a connection's first request.
pub struct Handshake {
    /// The client's address. The parts of a [`SocketAddr`] that are not needed are left out, because every connection has one.
    pub(super) ip: IpAddr,
    port: u16,
    /// The parts of the request that only few clients send.
    extras: Option<Box<HandshakeExtras>>,
    /// Whether the client can be given positions: see [`supports_positions`].
    pub(super) takes_positions: bool,
    /// The connection's number; see [`crate::presence::ConnectionId`].
    pub(super) number: u64,
    /// How many times the connection has requested a namespace.
    pub(super) connects: u8,
    /// The holder of the bytes that wait in the connection, if there are any.
    pub(super) held: Option<Box<Holder>>,
    /// Its slot among all connections, if their number is limited.
    _slot: Option<OwnedSemaphorePermit>,
}

/// The optional data of a connection's first request. Most requests have none, so the handshake has only a pointer.
struct HandshakeExtras {
    token: Option<Box<str>>,
    since: Option<Box<str>>,
}

impl Handshake {
    /// The token of the handshake's header, query or cookie, for a client that sends none in the CONNECT packet.
    pub fn token(&self) -> Option<&str> {
        self.extras.as_ref()?.token.as_deref()
    }

    /// The position from which a raw client wants to receive missed events. `None` if it was taken before.
    pub(super) fn take_since(&mut self) -> Option<Box<str>> {
        self.extras.as_mut()?.since.take()
    }

    /// The client's address.
    pub fn address(&self) -> SocketAddr {
        SocketAddr::new(self.ip, self.port)
    }
}

/// The admission check of the engine. It rejects pages of origins that are not allowed, addresses that make too many attempts, and every
/// client while the server is full, stopping or short of memory. [`ShardQuery`] counts the rejections.
pub struct HandshakeCheck {
    parts: HandshakeCheckParts,
    slots: Option<Arc<Semaphore>>,
    next: AtomicU64,
}

/// The parts of the server that a [`HandshakeCheck`] asks.
#[expect(missing_docs, reason = "each field is named after its type")]
pub struct HandshakeCheckParts {
    pub authenticator: Arc<Authenticator>,
    pub limits: Arc<RateLimits>,
    pub shard_query: Arc<ShardQuery>,
    pub admission: Arc<Admission>,
    pub proxies: Proxies,
    /// The maximum number of open connections. `None`: no limit.
    pub max_connections: Option<u32>,
}

impl HandshakeCheck {
    /// A check without open connections.
    pub fn new(parts: HandshakeCheckParts) -> Self {
        let slots = parts.max_connections.map(|most| Arc::new(Semaphore::new(most as usize)));
        Self { parts, slots, next: AtomicU64::new(0) }
    }

    /// The data to keep of a handshake. The inputs are its head, and the peer of its TCP connection.
    ///
    /// # Errors
    /// The rejection for the client.
    pub fn admit(&self, request: &Parts, peer: SocketAddr) -> Result<Handshake, HandshakeRejection> {
        let address = self.parts.proxies.sender(peer, &request.headers);
        let slot = self.check(request, address).map_err(|reason| {
            audit::rejected(None, address, "handshake", reason.code());
            self.parts.shard_query.connection_rejected(reason.code());
            reason.rejection()
        })?;
        let token = self.parts.authenticator.handshake_token(&request.headers, request.uri.query()).map(String::into_boxed_str);
        let since = request.uri.query().and_then(since);
        let extras = (token.is_some() || since.is_some()).then(|| HandshakeExtras { token, since }.into());
        let takes_positions = supports_positions(&request.headers);
        let number = self.next.fetch_add(1, Ordering::Relaxed);
        let (ip, port) = (address.ip(), address.port());
        Ok(Handshake { ip, port, extras, takes_positions, number, connects: 0, held: None, _slot: slot })
    }

    /// The slot of a connection that may open. Every handshake costs its address an attempt, except while the server admits no connections.
    fn check(&self, request: &Parts, address: SocketAddr) -> Result<Option<OwnedSemaphorePermit>, RejectionReason> {
        self.parts.admission.closed().map_or(Ok(()), |closed| Err(RejectionReason::AdmissionClosed(closed)))?;
        self.parts.limits.connect(address.ip()).map_err(RejectionReason::RateLimited)?;
        let header = |name: HeaderName| request.headers.get(name).map(|value| value.to_str().unwrap_or("null"));
        if !self.parts.authenticator.origins().allows_socket(header(ORIGIN), OwnPage::of(&request.headers)) {
            return Err(RejectionReason::OriginNotAllowed);
        }
        let slot = self.slots.as_ref().map(|slots| slots.clone().try_acquire_owned()).transpose();
        slot.map_err(|_| RejectionReason::ServerFull)
    }
}

/// Why a handshake is rejected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum RejectionReason {
    /// The server admits no connections.
    AdmissionClosed(AdmissionClosed),
    /// The address has made too many attempts. The error is a [`DomainError::RateLimited`].
    RateLimited(DomainError),
    /// The page has an origin that may not open a socket.
    OriginNotAllowed,
    /// The server has its maximum number of connections.
    ServerFull,
}

impl RejectionReason {
    /// The code in metrics and logs.
    pub fn code(&self) -> &'static str {
        match self {
            Self::AdmissionClosed(closed) => closed.code(),
            Self::RateLimited(error) => error.code(),
            Self::OriginNotAllowed => "origin_not_allowed",
            Self::ServerFull => "server_full",
        }
    }

    /// The rejection for the client.
    pub fn rejection(&self) -> HandshakeRejection {
        match self {
            Self::AdmissionClosed(closed) => {
                let (reason, seconds) = (closed.description(), closed.retry_after());
                let message = format!("Try again in {seconds} s: {reason}");
                HandshakeRejection { message, code: None, status: StatusCode::SERVICE_UNAVAILABLE, retry_after: Some(seconds) }
            }
            // The rejection precedes the upgrade: a WebSocket that is opened and closed again would hold its descriptor until the client
            // responds.
            Self::RateLimited(error) => HandshakeRejection { code: None, ..rate_limited(error) },
            Self::OriginNotAllowed => {
                let (message, status) = ("Origin not allowed".into(), StatusCode::FORBIDDEN);
                HandshakeRejection { message, code: Some(FORBIDDEN.code), status, retry_after: None }
            }
            Self::ServerFull => {
                let message = format!("The server is full, try again in {RETRY_AFTER_SECONDS} s");
                let (code, status) = (Some(TOO_MANY_CONNECTIONS.code), StatusCode::SERVICE_UNAVAILABLE);
                HandshakeRejection { message, code, status, retry_after: Some(RETRY_AFTER_SECONDS) }
            }
        }
    }
}

/// The rejection for an address that has made too many attempts.
pub(super) fn rate_limited(error: &DomainError) -> HandshakeRejection {
    HandshakeRejection {
        message: error.to_string(),
        code: Some(TOO_MANY_CONNECTIONS.code),
        status: StatusCode::TOO_MANY_REQUESTS,
        retry_after: error.retry_after(),
    }
}

/// The `since` parameter of a query.
fn since(query: &str) -> Option<Box<str>> {
    let mut pairs = form_urlencoded::parse(query.as_bytes());
    pairs.find_map(|(name, value)| (name == "since").then(|| value.into()))
}

/// Whether a client can receive positions after the arguments of its events without asking for them.
///
/// Most clients pass a listener only as many arguments as it has parameters. Those of Python and Dart pass all arguments, and a function
/// with one parameter fails with two. They are served as by a server without recovery, unless they request positions with `since`.
fn supports_positions(headers: &HeaderMap) -> bool {
    match headers.get(USER_AGENT).map(|agent| agent.to_str().unwrap_or_default().to_ascii_lowercase()) {
        Some(agent) => !["python", "aiohttp", "dart"].iter().any(|name| agent.contains(name)),
        // Python's websocket-client has an origin and no name. Node's has neither, and browsers and phones have a name.
        None => !headers.contains_key(ORIGIN),
    }
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn clients_that_positions_would_break_receive_none() {
        let check = |agent: Option<&'static str>, origin: bool, takes: bool| {
            let mut headers = HeaderMap::new();
            agent.map(|agent| headers.insert(USER_AGENT, HeaderValue::from_static(agent)));
            origin.then(|| headers.insert(ORIGIN, HeaderValue::from_static("http://localhost:3000")));
            assert_eq!(supports_positions(&headers), takes, "{agent:?} {origin}");
        };
        check(Some("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36"), true, true);
        check(Some("okhttp/4.9.2"), true, true);
        check(Some("App/1 CFNetwork/1410.0.3 Darwin/22.6.0"), false, true);
        check(None, false, true);
        check(None, true, false);
        check(Some("Python/3.11 aiohttp/3.9.1"), false, false);
        check(Some("python-requests/2.31.0"), false, false);
        check(Some("Dart/3.2 (dart:io)"), false, false);
    }
}
