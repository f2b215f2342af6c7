//! Request handlers: a function, or an axum router.

use std::net::SocketAddr;

use axum::Router;
use axum::body::Body;
use http::{Request, Response, StatusCode};
use hyper::body::Incoming;
use tokio::net::TcpStream;
use tower_service::Service;

/// The other end of a connection. A router's handlers find it among the request's extensions.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Peer {
    /// The peer's address. If the peer is a trusted proxy, it is the address of the proxy's client. An IPv4 address never has the IPv6
    /// form.
    pub address: SocketAddr,
    /// True if the connection is TLS.
    pub secure: bool,
}

/// Handles requests.
pub trait Handler: Clone + Send + Sync + 'static {
    /// The response to a request of this peer. An error is a response, too.
    fn handle(&self, request: Request<Incoming>, peer: Peer) -> impl Future<Output = Response<Body>> + Send;

    /// Inspects the first bytes of a plain connection before HTTP. Takes the connection, or returns it unchanged.
    fn take(&self, stream: TcpStream, _peer: Peer) -> impl Future<Output = Option<TcpStream>> + Send {
        std::future::ready(Some(stream))
    }

    /// Whether a request to this path is a health check, which the server handles also when there is no slot for other requests.
    fn is_health_check(&self, _path: &str) -> bool {
        false
    }

    /// Called when a connection of this peer was rejected, or accepted for health checks only.
    fn connection_rejected(&self, _reason: AcceptRejection, _peer: Peer) {}
}

/// Why a connection was rejected, or accepted for health checks only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AcceptRejection {
    /// The maximum number of connections is in the HTTP phase, or nearly all descriptors are in use.
    Server,
    /// The address has its maximum number of connections.
    Address,
}

impl AcceptRejection {
    /// The code for programs; part of the public API.
    pub fn code(self) -> &'static str {
        match self {
            Self::Server => "server_full",
            Self::Address => "too_many_connections",
        }
    }

    /// The status of the response.
    pub fn status(self) -> StatusCode {
        match self {
            Self::Server => StatusCode::SERVICE_UNAVAILABLE,
            Self::Address => StatusCode::TOO_MANY_REQUESTS,
        }
    }
}

impl<F, A> Handler for F
where
    F: Fn(Request<Incoming>, Peer) -> A + Clone + Send + Sync + 'static,
    A: Future<Output = Response<Body>> + Send,
{
    fn handle(&self, request: Request<Incoming>, peer: Peer) -> impl Future<Output = Response<Body>> + Send {
        self(request, peer)
    }
}

/// A router as a handler; it puts the [`Peer`] among the request's extensions.
pub fn router(router: Router) -> impl Handler {
    move |mut request: Request<Incoming>, peer: Peer| {
        request.extensions_mut().insert(peer);
        // A router is always ready, so it can be called without a check.
        let response = router.clone().call(request.map(Body::new));
        async move {
            match response.await {
                Ok(response) => response,
                Err(never) => match never {},
            }
        }
    }
}
