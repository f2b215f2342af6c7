//! Taking connections, and never ceasing to.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, watch};
use tokio_rustls::TlsAcceptor;

use super::handler::{Handler, Peer};
use super::http;

/// How long a client may take for its TLS handshake.
const HANDSHAKE: Duration = Duration::from_secs(10);

/// How long to wait when the system has no descriptor left: one comes free when a connection ends, not by asking again at once.
const PAUSE: Duration = Duration::from_millis(100);

/// What each socket's loop needs.
#[derive(Clone)]
pub(super) struct Acceptor<H> {
    pub(super) handler: H,
    pub(super) tls: Option<TlsAcceptor>,
    pub(super) permits: Arc<Semaphore>,
    /// Ends when the server stops.
    pub(super) stopped: watch::Receiver<()>,
    /// Held by each connection, so that the stop can wait for the last.
    pub(super) _alive: mpsc::Sender<()>,
}

impl<H: Handler> Acceptor<H> {
    /// Takes connections from a socket until the task is aborted.
    pub(super) async fn accept_forever(self, socket: TcpListener) {
        loop {
            let Some(permit) = self.permit().await else { return };
            match socket.accept().await {
                Ok((stream, address)) => {
                    tokio::spawn(self.clone().serve(stream, address, permit));
                }
                Err(error) if is_the_clients(&error) => {}
                Err(error) => {
                    tracing::error!(%error, "a connection cannot be accepted; trying again");
                    tokio::time::sleep(PAUSE).await;
                }
            }
        }
    }

    async fn permit(&self) -> Option<OwnedSemaphorePermit> {
        if let Ok(permit) = Arc::clone(&self.permits).try_acquire_owned() {
            return Some(permit);
        }
        tracing::warn!("as many connections as may be are in their HTTP phase; new ones wait");
        // Closed never, so this is always some permit in the end.
        Arc::clone(&self.permits).acquire_owned().await.ok()
    }

    /// Serves one connection. The permit is given back when the connection ends or is upgraded.
    async fn serve(self, stream: TcpStream, address: SocketAddr, _permit: OwnedSemaphorePermit) {
        let address = SocketAddr::new(address.ip().to_canonical(), address.port());
        // Messages are small and each is wanted now; an error means that the client is gone already, which the first read says, too.
        let _ = stream.set_nodelay(true);
        match self.tls.clone() {
            None => self.serve_plain(stream, Peer { address, secure: false }).await,
            // In a box, so that plain connections do not carry the room that a TLS handshake needs.
            Some(tls) => Box::pin(self.serve_tls(tls, stream, address)).await,
        }
    }

    async fn serve_plain(mut self, stream: TcpStream, peer: Peer) {
        let first = tokio::select! {
            first = tokio::time::timeout(http::HEADERS, self.handler.take(stream, peer)) => first,
            // The sender never sends: this is its end. Whoever has said nothing yet is not waited for.
            _ = self.stopped.changed() => return,
        };
        match first {
            Ok(Some(stream)) => http::serve(TokioIo::new(stream), peer, self.handler, self.stopped).await,
            Ok(None) => {}
            Err(_) => tracing::debug!(address = %peer.address, "nothing was said on a connection"),
        }
    }

    async fn serve_tls(mut self, tls: TlsAcceptor, stream: TcpStream, address: SocketAddr) {
        let handshake = tokio::select! {
            handshake = tokio::time::timeout(HANDSHAKE, tls.accept(stream)) => handshake,
            // As above.
            _ = self.stopped.changed() => return,
        };
        match handshake {
            Ok(Ok(stream)) => http::serve(TokioIo::new(stream), Peer { address, secure: true }, self.handler, self.stopped).await,
            Ok(Err(error)) => tracing::debug!(%address, %error, "TLS handshake failed"),
            Err(_) => tracing::debug!(%address, "TLS handshake took too long"),
        }
    }
}

/// True if the connection was gone before it was taken; the socket is fine.
fn is_the_clients(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::ConnectionAborted | ErrorKind::ConnectionReset | ErrorKind::ConnectionRefused)
}
