//! Handshakes and long-polling requests, on their way to a shard. The HTTP server itself (listening, TLS, timeouts) is the program's.

mod drain_body;
mod handshake_fast_path;
mod polling;
mod query;
mod read_body;
mod response;
mod upgrade;
mod upgraded_stream;

use std::net::SocketAddr;
use std::sync::Arc;

use ::http::{HeaderMap, Method, Response, StatusCode, Uri, request};
use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use wire::engineio::Version;

use crate::app::App;
use crate::config::{Endpoint, Protocol};
use crate::handle::Handle;
pub use crate::http_connection::{ForwardedConnection, HttpConnection, OpenConnection, connection_options, kept_connection};
use crate::hub::Hub;
use crate::id::Id;
use crate::mailbox::Mail;
use crate::shard_request::{NewSession, Purpose, ShardRequest};
pub use drain_body::{asks_first, drain_body};
use query::Query;
pub use read_body::{Allowance, BodyError, ByteCharge, ChargedBytes, OverBudget, read_body};
use response::RequestError;
pub use response::over_budget;
pub use upgrade::is_upgrade;
pub use upgraded_stream::UpgradedStream;

/// A response, always with its whole body.
pub type HttpResponse = Response<Full<Bytes>>;

impl<A: App> Handle<A> {
    /// Whether a request's path is one of the engine's.
    pub fn serves(&self, path: &str) -> bool {
        self.0.endpoint_of(path).is_some()
    }

    /// Responds to a request to one of the engine's paths. It must come from a hyper HTTP/1 connection that is served `with_upgrades` on a
    /// tokio `TcpStream`, plain or in `tokio_rustls`, and should have its [`HttpConnection`] attached. Runs in a tokio runtime.
    pub async fn serve(&self, request: hyper::Request<Incoming>, peer: SocketAddr) -> HttpResponse {
        let hub = &self.0;
        let Some((index, endpoint)) = hub.endpoint_of(request.uri().path()) else {
            return response::status(StatusCode::NOT_FOUND);
        };
        let cors = hub.config.cors.as_ref().map(|policy| policy(request.headers()));
        let mut response = match (&cors, request.method()) {
            (Some(_), &Method::OPTIONS) => response::preflight(request.headers()),
            _ => hub.clone().respond(index, endpoint.protocol, request, peer).await,
        };
        if let Some(cors) = cors {
            response::allow(&mut response, &cors);
        }
        response
    }

    /// The session that a request names. `None` if its path has no sessions, if it begins one, or if its id is malformed.
    pub fn named_session(&self, uri: &Uri) -> Option<Id> {
        self.0.endpoint_of(uri.path()).filter(|(_, endpoint)| endpoint.protocol != Protocol::Raw)?;
        Id::parse(Query::parse(uri.query()?).get("sid")?)
    }

    /// The response to a request of a session that does not exist. A program sends it in place of the node that owned the session and is
    /// gone. The client then connects again.
    pub fn session_unknown(&self, request: &HeaderMap) -> HttpResponse {
        let mut response = RequestError::SessionUnknown.response(is_upgrade(request));
        if let Some(policy) = &self.0.config.cors {
            response::allow(&mut response, &policy(request));
        }
        response
    }

    /// Reports that a response to a long-polling request of a session did not reach the client: the session ends, and the client connects
    /// again and recovers. The engine finds out by itself, except when another node has received the response.
    pub fn response_lost(&self, session: Id) {
        self.0.put(session.shard(), Mail::Request(Box::new(ShardRequest::ResponseLost { session })));
    }
}

impl<A: App> Hub<A> {
    fn endpoint_of(&self, path: &str) -> Option<(u8, &Endpoint)> {
        let endpoints = self.config.endpoints.iter().enumerate();
        let mut matching = endpoints.filter(|(_, endpoint)| match endpoint.protocol {
            Protocol::Raw => path == endpoint.path,
            // The path is a plain prefix, as in Node: `/socket.io/anything/` is served too. `/socket.iox` is not.
            _ => path.strip_prefix(endpoint.path.as_str()).is_some_and(|rest| rest.starts_with('/') || rest.is_empty()),
        });
        matching.next().map(|(index, endpoint)| (index as u8, endpoint))
    }

    async fn respond(
        self: Arc<Self>,
        endpoint: u8,
        protocol: Protocol,
        request: hyper::Request<Incoming>,
        peer: SocketAddr,
    ) -> HttpResponse {
        let upgrade = is_upgrade(request.headers());
        let result = match protocol {
            Protocol::Raw if upgrade => self.open_raw(endpoint, request, peer).await,
            Protocol::Raw => Ok(response::status(StatusCode::UPGRADE_REQUIRED)),
            _ => self.engine_request(endpoint, request, peer, upgrade).await,
        };
        result.unwrap_or_else(|error| error.response(upgrade))
    }

    /// Checks a request to an Engine.IO path in Node's order: transport, method, upgrade, gate, version.
    async fn engine_request(
        self: Arc<Self>,
        endpoint: u8,
        request: hyper::Request<Incoming>,
        peer: SocketAddr,
        upgrade: bool,
    ) -> Result<HttpResponse, RequestError> {
        let uri = request.uri().clone();
        let query = Query::parse(uri.query().unwrap_or_default());
        let websocket = match query.get("transport") {
            Some("websocket") if self.config.websocket => true,
            Some("polling") if self.config.polling => false,
            _ => return Err(RequestError::TransportUnknown),
        };
        match query.get("sid") {
            Some(sid) => {
                let session = Id::parse(sid).ok_or(RequestError::SessionUnknown)?;
                match (websocket, upgrade) {
                    (_, true) => self.upgrade_session(session, request, websocket).await,
                    (true, false) => Err(RequestError::BadRequest),
                    (false, false) => self.poll(session, request, &query).await,
                }
            }
            None => {
                if request.method() != Method::GET {
                    return Err(RequestError::BadHandshakeMethod);
                }
                if websocket != upgrade {
                    return Err(RequestError::BadRequest);
                }
                let (parts, body) = request.into_parts();
                let session = self.session_of(endpoint, &parts, peer)?;
                let request = hyper::Request::from_parts(parts, body);
                if websocket {
                    self.open_websocket(Purpose::Session(session), request).await
                } else {
                    self.open_polling(session, &request, &query).await
                }
            }
        }
    }

    /// Makes the session for a handshake on an Engine.IO path.
    fn session_of(&self, endpoint: u8, parts: &request::Parts, peer: SocketAddr) -> Result<NewSession<A::Handshake>, RequestError> {
        let query = Query::parse(parts.uri.query().unwrap_or_default());
        let handshake = self.check_gate(parts, peer)?;
        let version = self.version(&query)?;
        let auth = (version == Version::V3).then(|| query.to_json());
        Ok(NewSession { endpoint, version, handshake, base64: query.has("b64"), auth })
    }

    /// Decides the purpose of a WebSocket on a plain path.
    fn raw_session(&self, endpoint: u8, parts: &request::Parts, peer: SocketAddr) -> Result<Purpose<A::Handshake>, RequestError> {
        match (self.gate)(parts, peer) {
            Ok(handshake) => Ok(Purpose::Session(NewSession { endpoint, version: Version::V4, handshake, base64: false, auth: None })),
            Err(rejection) if rejection.code.is_none() => Err(RequestError::Rejected(rejection)),
            Err(rejection) => Ok(Purpose::Reject(rejection)),
        }
    }

    fn version(&self, query: &Query) -> Result<Version, RequestError> {
        match query.get("EIO") {
            Some("4") => Ok(Version::V4),
            // Any other value, and a missing parameter, means version 3.
            _ if self.config.allow_eio3 => Ok(Version::V3),
            _ => Err(RequestError::UnsupportedVersion),
        }
    }

    fn check_gate(&self, parts: &request::Parts, peer: SocketAddr) -> Result<A::Handshake, RequestError> {
        (self.gate)(parts, peer).map_err(RequestError::Rejected)
    }
}

/// A query as a JSON object, which replaces the auth object for clients of Socket.IO 2.
pub(crate) fn query_to_json(query: &str) -> String {
    Query::parse(query).to_json()
}
