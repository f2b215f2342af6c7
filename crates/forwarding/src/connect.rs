//! Connections to other nodes, plain or with TLS.

use std::sync::Arc;
use std::time::Duration;

use http::Uri;
use hyper_rustls::{HttpsConnector, MaybeHttpsStream};
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use rustix::net::sockopt::set_tcp_user_timeout;
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tower::BoxError;
use tower::timeout::Timeout;
use tower::util::BoxCloneSyncService;

/// How long the name lookup, the connection and the TLS handshake may take together. A node that is cut off answers nothing, so a request to it
/// fails after this time.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);

/// How long a node may acknowledge neither the bytes of a request nor a probe. A node that is cut off closes no connection, so a request that waits for
/// its response ends after this time.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(5);

/// How often the kernel probes a connection on which nothing is sent.
const PROBE_INTERVAL: Duration = Duration::from_secs(1);

/// A connection to a node.
pub(crate) type NodeStream = MaybeHttpsStream<TokioIo<TcpStream>>;

/// Connects to the node of a URI.
pub(crate) type NodeConnector = BoxCloneSyncService<Uri, NodeStream, BoxError>;

/// A connector that verifies certificates with these authorities.
pub(crate) fn connector(authorities: RootCertStore) -> NodeConnector {
    let mut tcp = HttpConnector::new();
    tcp.enforce_http(false);
    tcp.set_nodelay(true);
    tcp.set_tcp_user_timeout(Some(SILENCE_TIMEOUT));
    tcp.set_keepalive(Some(PROBE_INTERVAL));
    tcp.set_keepalive_interval(Some(PROBE_INTERVAL));
    tcp.set_keepalive_retries(Some(SILENCE_TIMEOUT.div_duration_f32(PROBE_INTERVAL) as u32));
    let tls = ClientConfig::builder().with_root_certificates(authorities).with_no_client_auth();
    BoxCloneSyncService::new(Timeout::new(HttpsConnector::from((tcp, Arc::new(tls))), CONNECT_TIMEOUT))
}

/// The authorities of the operating system, or those of `SSL_CERT_FILE`.
pub(crate) fn system_authorities() -> RootCertStore {
    let mut authorities = RootCertStore::empty();
    authorities.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    authorities
}

/// Ends the bound of [`SILENCE_TIMEOUT`] for bytes that the other node does not take: the client of a WebSocket may read slowly. The probes go on.
pub(crate) fn clear_silence_timeout(stream: &NodeStream) {
    let tcp = match stream {
        MaybeHttpsStream::Http(stream) => stream.inner(),
        MaybeHttpsStream::Https(stream) => stream.inner().get_ref().0.inner().inner(),
    };
    if let Err(error) = set_tcp_user_timeout(tcp, 0) {
        tracing::debug!(%error, "a relayed WebSocket keeps the time limit of HTTP");
    }
}
