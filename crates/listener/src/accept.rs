//! Accepts connections, for as long as the server runs.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::os::fd::AsRawFd;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_rustls::TlsAcceptor;

use super::connection_slots::{ConnectionSlots, SlotDecision};
use super::handler::{AcceptRejection, Handler, Peer};
use super::http::{self, LimitedPeer, Serves};

/// How long a client may take for its TLS handshake.
const TLS_HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long to wait when the system has no descriptor left: a descriptor becomes free when a connection ends, not by an immediate retry.
const ACCEPT_RETRY_DELAY: Duration = Duration::from_millis(100);

/// The state of each socket's loop.
#[derive(Clone)]
pub(super) struct Acceptor<H> {
    pub(super) handler: H,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) slots: ConnectionSlots,
    /// How long a response may stall before the connection is closed.
    pub(super) answer_timeout: Duration,
    /// Closes when the server stops.
    pub(super) stopped: watch::Receiver<()>,
    /// Each connection holds one, so that the stop can wait for the last connection.
    pub(super) _alive: mpsc::Sender<()>,
}

impl<H: Handler> Acceptor<H> {
    /// Takes connections from a socket until the task is aborted.
    pub(super) async fn accept_forever(self, socket: TcpListener) {
        loop {
            match socket.accept().await {
                Ok((stream, address)) => self.take(stream, SocketAddr::new(address.ip().to_canonical(), address.port())).await,
                Err(error) if is_client_error(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "a connection cannot be accepted; the server tries again");
                    tokio::time::sleep(ACCEPT_RETRY_DELAY).await;
                }
            }
        }
    }

    /// Acquires a slot for a connection and spawns a task that serves it. The slot is free again when the connection ends or is upgraded.
    async fn take(&self, stream: TcpStream, address: SocketAddr) {
        let peer = Peer { address, secure: self.tls.is_some() };
        // A descriptor is never negative.
        let descriptor = u64::try_from(stream.as_raw_fd()).unwrap_or_default();
        match self.slots.acquire(address.ip(), descriptor) {
            SlotDecision::Ordinary(slot) => {
                let serving = self.clone().serve(stream, peer, Serves::Everything);
                tokio::spawn(async move {
                    serving.await;
                    drop(slot);
                });
            }
            SlotDecision::Full => {
                self.handler.connection_rejected(AcceptRejection::Server, peer);
                let slot = self.slots.acquire_for_health().await;
                let serving = self.clone().serve(stream, peer, Serves::HealthCheck);
                tokio::spawn(async move {
                    tokio::select! {
                        () = serving => {}
                        () = slot.displaced.notified() => {}
                    }
                });
            }
            SlotDecision::TooManyOfAddress => {
                self.handler.connection_rejected(AcceptRejection::Address, peer);
                if !peer.secure {
                    reject(&stream);
                }
            }
        }
    }

    async fn serve(self, stream: TcpStream, peer: Peer, serves: Serves) {
        // Messages are small and urgent. An error means that the client has disconnected, which the first read reports, too.
        let _ = stream.set_nodelay(true);
        match self.tls.clone() {
            None => self.serve_plain(stream, peer, serves).await,
            // In a box, so that plain connections do not carry the room that a TLS handshake needs.
            Some(tls) => Box::pin(self.serve_tls(tls, stream, peer, serves)).await,
        }
    }

    fn limited(&self, peer: Peer) -> LimitedPeer {
        LimitedPeer { peer, limit: self.slots.limit_of(peer.address.ip()) }
    }

    /// Has the kernel end a connection whose written data makes no progress: the client neither acknowledges it nor makes room for it. The
    /// time before an answer begins, such as that of a long poll, does not count.
    fn limit_write_stall(&self, stream: &TcpStream) {
        let milliseconds = u32::try_from(self.answer_timeout.as_millis()).unwrap_or(u32::MAX);
        if let Err(error) = set_tcp_user_timeout(stream, milliseconds) {
            tracing::debug!(%error, "cannot limit how long responses may stall");
        }
    }

    async fn serve_plain(mut self, stream: TcpStream, peer: Peer, serves: Serves) {
        if serves == Serves::HealthCheck {
            self.limit_write_stall(&stream);
            return http::serve(TokioIo::new(stream), self.limited(peer), self.handler, serves, self.stopped).await;
        }
        let first = tokio::select! {
            first = tokio::time::timeout(http::HEADER_TIMEOUT, self.handler.take(stream, peer)) => first,
            // The channel has closed, because its sender never sends. A client that has sent nothing yet is not waited for.
            _ = self.stopped.changed() => return,
        };
        match first {
            Ok(Some(stream)) => {
                self.limit_write_stall(&stream);
                http::serve(TokioIo::new(stream), self.limited(peer), self.handler, serves, self.stopped).await;
            }
            Ok(None) => {}
            Err(_) => tracing::debug!(address = %peer.address, "a connection has sent no data in time"),
        }
    }

    async fn serve_tls(mut self, tls: TlsAcceptor, stream: TcpStream, peer: Peer, serves: Serves) {
        self.limit_write_stall(&stream);
        let handshake = tokio::select! {
            handshake = tokio::time::timeout(TLS_HANDSHAKE_TIMEOUT, tls.accept(stream)) => handshake,
            // As above.
            _ = self.stopped.changed() => return,
        };
        match handshake {
            Ok(Ok(stream)) => http::serve(TokioIo::new(stream), self.limited(peer), self.handler, serves, self.stopped).await,
            Ok(Err(error)) => tracing::debug!(address = %peer.address, %error, "TLS handshake failed"),
            Err(_) => tracing::debug!(address = %peer.address, "TLS handshake took too long"),
        }
    }
}

/// True if the client had disconnected before the connection was accepted; the socket works.
fn is_client_error(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused)
}

/// The response to a connection beyond the maximum of its address. It reaches the client unless the client sends more than one read takes.
const TOO_MANY_RESPONSE: &[u8] =
    b"HTTP/1.1 429 Too Many Requests\r\nconnection: close\r\nretry-after: 10\r\ncontent-type: application/json\r\n\r\n\
    {\"error\":\"Too many connections from this address\",\"code\":\"too_many_connections\"}\r\n";

/// Sends [`TOO_MANY_RESPONSE`] as far as that is possible without waiting.
fn reject(stream: &TcpStream) {
    // Closing a socket with unread input resets the connection, and the client would lose the answer.
    let _ = stream.try_read(&mut [0; 4096]);
    let _ = stream.try_write(TOO_MANY_RESPONSE);
}
