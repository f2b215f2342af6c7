//! One connection's HTTP/1.1, until it ends or is upgraded.

use std::convert::Infallible;
use std::future::poll_fn;
use std::pin::pin;
use std::task::Poll;
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::rt::{Read, Write};
use hyper::server::conn::http1::Builder;
use hyper::service::service_fn;
use hyper_util::rt::TokioTimer;
use tokio::sync::watch;

use super::handler::{Handler, Peer};
use super::in_hand::{Answering, InHand};

/// How long a client may take for a request's headers, and how long a connection may stay idle between two requests.
pub(super) const HEADERS: Duration = Duration::from_secs(10);

/// The most that a request's line and headers may take; hyper answers 431 above. A token in a header or a URL has to fit.
const HEADER_BYTES: usize = 16 * 1024;

/// Serves a connection. Returns when it has ended, or when it has been upgraded and its stream has moved to whoever asked for it. When the
/// server stops, a connection with requests in hand ends behind them, and any other at once.
///
/// Inputs: the stream, whose type an upgrade's handler downcasts to; the peer; what answers; what ends when the server stops.
pub(super) async fn serve<S, H>(stream: S, peer: Peer, handler: H, mut stopped: watch::Receiver<()>)
where
    S: Read + Write + Unpin + Send + 'static,
    H: Handler,
{
    let in_hand = InHand::default();
    let service = service_fn(|request: Request<Incoming>| {
        let (handler, place) = (handler.clone(), in_hand.take());
        async move { Ok::<_, Infallible>(handler.handle(request, peer).await.map(|body| Answering { body, place })) }
    });
    let mut builder = Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEADERS).max_buf_size(HEADER_BYTES);
    let mut connection = pin!(builder.serve_connection(stream, service).with_upgrades());
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        // The sender never sends: this is its end.
        _ = stopped.changed() => {
            connection.as_mut().graceful_shutdown();
            // hyper ends a connection that is idle, but would wait for the rest of a head that has begun.
            poll_fn(|context| match connection.as_mut().poll(context) {
                Poll::Pending if in_hand.is_empty() => Poll::Ready(Ok(())),
                polled => polled,
            })
            .await
        }
    };
    if let Err(error) = ended {
        // Nearly always the client's doing: it left in the middle, or was too slow.
        tracing::debug!(address = %peer.address, %error, "HTTP connection ended");
    }
}
