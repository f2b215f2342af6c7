//! From a TCP connection to an HTTP request: sockets, TLS and HTTP/1.1. What a request means is the handler's.
//!
//! - [`addresses`]: which sockets are opened.
//! - [`accept`]: taking connections, and never ceasing to.
//! - [`tls`](mod@tls): certificates.
//! - [`http`]: one connection, until it ends or is upgraded; `in_hand`: its requests that are still to be answered.
//! - [`handler`]: what answers the requests.
//! - [`proxies`]: who sent them, if proxies stand between.
//! - [`descriptors`]: how many connections the system allows.

pub mod accept;
pub mod addresses;
pub mod descriptors;
pub mod handler;
pub mod http;
mod in_hand;
pub mod proxies;
pub mod tls;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::{Semaphore, mpsc, watch};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

pub use handler::{Handler, Peer, router};
pub use proxies::Proxies;

use crate::config::{Config, ConfigError};
use accept::Acceptor;

/// How many connections may be in their HTTP phase at once: an idle keep-alive, a request, a long poll; an upgraded one has left it. When it is
/// full, further connections wait in the kernel's backlog. One that is in
/// the middle of its headers costs about 27 KB, most of it hyper's two buffers: 440 MB at the very worst, and each is closed after ten seconds.
const HTTP_CONNECTIONS: usize = 16_384;

/// Open sockets, not yet served.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<TcpListener>,
    tls: Option<Arc<rustls::ServerConfig>>,
}

impl Listener {
    /// Opens the sockets of `HOST`, `PORT`, `WEBSOCKET_PORT` and `SOCKET_IO_PORT`, and loads the certificate.
    ///
    /// Errors: a line about an address that cannot be listened on, or a certificate that cannot be used.
    pub async fn bind(config: &Config) -> Result<Self, ConfigError> {
        let tls = match (&config.net.tls_cert, &config.net.tls_key) {
            (Some(certificate), Some(key)) => Some(tls::load(certificate, key)?),
            _ => None,
        };
        let mut sockets = Vec::new();
        for port in config.net.ports() {
            sockets.extend(addresses::bind(&config.host(), port).await?);
        }
        Ok(Self { sockets, tls })
    }

    /// The addresses that are listened on, with the ports that the system chose for port 0.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect()
    }

    /// True if the connections are TLS.
    pub fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Serves until `shutdown` is ready; then takes no more connections, drops those on which nothing is asked, and lets the open requests end
    /// until the time that `shutdown` says.
    ///
    /// Inputs: what answers requests. After it has answered 101 it gets the raw stream from `hyper::upgrade::on`: the upgraded connection
    /// downcasts to `TokioIo<TcpStream>`, or with TLS to `TokioIo<tokio_rustls::server::TlsStream<TcpStream>>`.
    pub async fn serve(self, handler: impl Handler, shutdown: impl Future<Output = Instant>) {
        let (stop, stopped) = watch::channel(());
        // Each connection holds a sender and never sends: the receiver ends when the last is gone.
        let (alive, mut all_gone) = mpsc::channel::<()>(1);
        let acceptor = Acceptor {
            handler,
            tls: self.tls.map(TlsAcceptor::from),
            permits: Arc::new(Semaphore::new(HTTP_CONNECTIONS)),
            stopped,
            _alive: alive,
        };
        let loops: Vec<_> = self.sockets.into_iter().map(|socket| tokio::spawn(acceptor.clone().accept_forever(socket))).collect();
        drop(acceptor);
        let latest = shutdown.await;
        for accepting in loops {
            accepting.abort();
        }
        drop(stop);
        if tokio::time::timeout_at(latest, all_gone.recv()).await.is_err() {
            tracing::warn!("some requests were still open when the server had to end and are dropped");
        }
    }
}
