//! From a TCP connection to an HTTP request: sockets, TLS and HTTP/1.1. The handler processes the requests.
//!
//! - [`bind`]: the listening sockets.
//! - [`accept`]: accepts connections until the stop. `connection_slots`: how many connections may be open.
//! - [`tls`](mod@tls): certificates.
//! - [`http`]: one connection, until it ends or is upgraded; `in_flight`: its pending requests.
//! - [`handler`]: the request handlers.
//! - [`forwarded`]: the addresses of clients behind proxies.
//! - [`rlimit`]: how many connections the system allows.

pub mod accept;
pub mod bind;
mod connection_slots;
pub mod forwarded;
pub mod handler;
pub mod http;
mod in_flight;
pub mod rlimit;
pub mod tls;

#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use config::{Config, ConfigError};
use limits::memory_guard;
use tokio::net::TcpListener;
use tokio::sync::{mpsc, watch};
use tokio::time::Instant;
use tokio_rustls::TlsAcceptor;

use accept::Acceptor;
pub use connection_slots::AddressLimit;
use connection_slots::{ConnectionSlots, SlotLimits};
pub use forwarded::Proxies;
pub use handler::{AcceptRejection, Handler, Peer, router};

/// Open sockets that are not served yet.
#[derive(Debug)]
pub struct Listener {
    sockets: Vec<TcpListener>,
    tls: Option<Arc<rustls::ServerConfig>>,
    slots: ConnectionSlots,
    answer_timeout: Duration,
}

impl Listener {
    /// Opens the sockets of `HOST`, `PORT`, `WEBSOCKET_PORT` and `SOCKET_IO_PORT`, and loads the certificate.
    ///
    /// Errors: a line about an address that cannot be listened on, or a certificate that cannot be used.
    pub async fn bind(config: &Config) -> Result<Self, ConfigError> {
        let tls = Self::certificate(config)?;
        let mut sockets = Vec::new();
        for port in config.server.ports() {
            sockets.extend(bind::bind(&config.host(), port).await?);
        }
        let limits = SlotLimits {
            total: connection_slots::max_connections(
                config.limits.max_http_connections,
                memory_guard::limit(config.ops.memory_limit).or_else(memory_guard::default_limit),
            ),
            per_address: config.limits.max_http_connections_per_address.limit(),
            descriptors: rlimit::limit(),
        };
        let slots = ConnectionSlots::new(limits, Proxies::new(&config.server.trusted_proxies));
        Ok(Self { sockets, tls, slots, answer_timeout: config.limits.answer_timeout })
    }

    /// The certificate of the settings, if there is one. Errors: a line about a file that cannot be used.
    pub fn certificate(config: &Config) -> Result<Option<Arc<rustls::ServerConfig>>, ConfigError> {
        match (&config.server.tls_cert, &config.server.tls_key) {
            (Some(certificate), Some(key)) => tls::load(certificate, key).map(Some),
            _ => Ok(None),
        }
    }

    /// The listening addresses, with the ports that the system chose for port 0.
    pub fn addresses(&self) -> Vec<SocketAddr> {
        self.sockets.iter().filter_map(|socket| socket.local_addr().ok()).collect()
    }

    /// True if the connections are TLS.
    pub fn is_secure(&self) -> bool {
        self.tls.is_some()
    }

    /// Serves until `shutdown` is ready; then accepts no more connections, closes those without a pending request, and lets the pending
    /// requests end until the time that `shutdown` returns.
    ///
    /// The inputs are the request handler. After it has answered 101 it gets the raw stream from `hyper::upgrade::on`: the upgraded connection
    /// downcasts to `TokioIo<TcpStream>`, or with TLS to `TokioIo<tokio_rustls::server::TlsStream<TcpStream>>`.
    pub async fn serve(self, handler: impl Handler, shutdown: impl Future<Output = Instant>) {
        let (stop, stopped) = watch::channel(());
        // Each connection holds a sender and never sends: the channel closes when the last connection ends.
        let (alive, mut all_closed) = mpsc::channel::<()>(1);
        let acceptor = Acceptor {
            handler,
            tls: self.tls.map(TlsAcceptor::from),
            slots: self.slots,
            answer_timeout: self.answer_timeout,
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
        if tokio::time::timeout_at(latest, all_closed.recv()).await.is_err() {
            tracing::warn!("the server stops and drops requests that are still open");
        }
    }
}
