//! One connection's HTTP/1.1, until it ends or is upgraded.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use axum::body::Body;
use engine::http::HttpConnection;
use http::HeaderValue;
use http::header::{CONNECTION, CONTENT_TYPE, RETRY_AFTER};
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioTimer;
use limits::bytes_in_memory::{ConnectionEnd, End};
use tokio::sync::{Notify, watch};

use super::connection_slots::AddressLimit;
use super::handler::{AcceptRejection, Handler, Peer};
use super::in_flight::InFlight;

/// How long a client may take for a request's headers, and how long a connection may stay idle between two requests.
pub(super) const HEADER_TIMEOUT: Duration = Duration::from_secs(10);

/// The most that a request's line and headers may take; above that, hyper responds with 431. A token in a header or a URL has to fit.
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// The same for a connection that was accepted for health checks only.
const HEALTH_HEADER_TIMEOUT: Duration = Duration::from_secs(2);

/// The response to a request on a connection without a slot.
const SERVER_FULL_BODY: &str = r#"{"error":"The server has as many connections as it takes; try again later","code":"server_full"}"#;

/// The retry delay of such a request, in seconds.
const RETRY_AFTER_SECONDS: u64 = 1;

/// The other end of a connection, with the limit of its address.
pub(super) struct LimitedPeer {
    pub peer: Peer,
    pub limit: AddressLimit,
}

/// The requests of a connection that are served.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Serves {
    /// All.
    Everything,
    /// The first, if it is a health check. The response to any other request is 503.
    HealthCheck,
}

/// Serves a connection. Returns when it has ended, or when it was upgraded and the upgrade's handler has taken its stream. When the server
/// stops, a connection with pending requests ends after their responses, and any other at once.
///
/// The inputs are the stream, whose type an upgrade's handler downcasts to; the peer; the handler, and the requests that it serves; a channel that
/// closes when the server stops.
pub(super) async fn serve<S, H>(stream: S, peer: LimitedPeer, handler: H, serves: Serves, mut stopped: watch::Receiver<()>)
where
    S: Read + Write + Unpin + Send + 'static,
    H: Handler,
{
    let LimitedPeer { peer, limit } = peer;
    let in_flight = InFlight::default();
    let http = HttpConnection::default();
    let abandoned = Arc::new(Notify::new());
    let end: End = {
        let abandoned = Arc::clone(&abandoned);
        Arc::new(move || abandoned.notify_one())
    };
    let service = service_fn(|mut request: Request<Incoming>| {
        http.attach(&mut request);
        let (handler, request_guard) = (handler.clone(), in_flight.start());
        request.extensions_mut().insert(ConnectionEnd(Arc::clone(&end)));
        request.extensions_mut().insert(limit.clone());
        async move {
            let response = match serves {
                Serves::Everything => handler.handle(request, peer).await,
                Serves::HealthCheck => respond_to_health_check(&handler, request, peer).await,
            };
            Ok::<_, Infallible>(request_guard.track(response))
        }
    });
    let headers = if serves == Serves::Everything { HEADER_TIMEOUT } else { HEALTH_HEADER_TIMEOUT };
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(headers).max_buf_size(MAX_HEADER_BYTES);
    let mut connection = pin!(builder.serve_connection(stream, service).with_upgrades());
    // Declared after the connection, so it is dropped before it.
    let _open = http.open();
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        // The connection was ended to free its bytes.
        () = abandoned.notified() => Ok(()),
        // The sender never sends: this is its end.
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            // hyper ends a connection that is idle, but would wait for the rest of a head that has begun.
            poll_fn(|context| match connection.as_mut().poll(context) {
                Poll::Pending if in_flight.is_empty() => Poll::Ready(Ok(())),
                polled => polled,
            })
            .await
        }
    };
    if let Err(error) = ended {
        // Usually the client caused it: it disconnected during a request, or was too slow.
        tracing::debug!(address = %peer.address, %error, "HTTP connection ended");
    }
}

/// Responds to a health check, and to any other request with 503. The connection closes after the response.
async fn respond_to_health_check(handler: &impl Handler, request: Request<Incoming>, peer: Peer) -> Response<Body> {
    let mut response = if handler.is_health_check(request.uri().path()) {
        handler.handle(request, peer).await
    } else {
        let mut response = Response::new(Body::from(SERVER_FULL_BODY));
        *response.status_mut() = AcceptRejection::Server.status();
        response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        response.headers_mut().insert(RETRY_AFTER, RETRY_AFTER_SECONDS.into());
        response
    };
    response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
    response
}
