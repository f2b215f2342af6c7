//! Connections to other nodes, plain or with TLS.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};
use std::time::Duration;

use http::Uri;
use http::uri::Scheme;
use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::client::legacy::connect::{Connected, Connection};
use hyper_util::rt::TokioIo;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::ServerName;
use tokio::net::{TcpStream, lookup_host};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tower_service::Service;

/// How long the name lookup, the connection and the TLS handshake may take together. A node that is cut off answers nothing, so a request to it
/// fails after this time.
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1500);

/// Connects to the node of a URI. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct NodeConnector {
    tls: Arc<OnceLock<TlsConnector>>,
}

impl NodeConnector {
    /// Verifies certificates with these authorities, and not with those of the operating system.
    pub fn with_authorities(authorities: RootCertStore) -> Self {
        Self { tls: Arc::new(OnceLock::from(tls_connector(authorities))) }
    }

    async fn connect(self, uri: Uri) -> io::Result<NodeStream> {
        let connecting = self.connect_without_limit(&uri);
        tokio::time::timeout(CONNECT_TIMEOUT, connecting).await.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into()))
    }

    async fn connect_without_limit(&self, uri: &Uri) -> io::Result<NodeStream> {
        let is_secure = uri.scheme() == Some(&Scheme::HTTPS);
        // The brackets of an IPv6 address are for the URI only.
        let host = uri.host().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
        let port = uri.port_u16().unwrap_or(if is_secure { 443 } else { 80 });
        let mut last = io::Error::from(io::ErrorKind::NotFound);
        for address in lookup_host((host, port)).await? {
            match TcpStream::connect(address).await {
                Ok(stream) => {
                    stream.set_nodelay(true)?;
                    if !is_secure {
                        return Ok(NodeStream::Plain(TokioIo::new(stream)));
                    }
                    let name = ServerName::try_from(host.to_owned()).map_err(io::Error::other)?;
                    let stream = self.tls.get_or_init(|| tls_connector(system_authorities())).connect(name, stream).await?;
                    return Ok(NodeStream::Tls(Box::new(TokioIo::new(stream))));
                }
                Err(error) => last = error,
            }
        }
        Err(last)
    }
}

/// The authorities of the operating system, or those of `SSL_CERT_FILE`.
fn system_authorities() -> RootCertStore {
    let mut authorities = RootCertStore::empty();
    authorities.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    authorities
}

fn tls_connector(authorities: RootCertStore) -> TlsConnector {
    TlsConnector::from(Arc::new(ClientConfig::builder().with_root_certificates(authorities).with_no_client_auth()))
}

impl Service<Uri> for NodeConnector {
    type Response = NodeStream;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<NodeStream>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        Box::pin(self.clone().connect(uri))
    }
}

/// A connection to a node.
pub(crate) enum NodeStream {
    Plain(TokioIo<TcpStream>),
    Tls(Box<TokioIo<TlsStream<TcpStream>>>),
}

impl Connection for NodeStream {
    fn connected(&self) -> Connected {
        Connected::new()
    }
}

impl Read for NodeStream {
    fn poll_read(self: Pin<&mut Self>, context: &mut Context<'_>, buffer: ReadBufCursor<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Tls(stream) => Pin::new(stream).poll_read(context, buffer),
        }
    }
}

impl Write for NodeStream {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_write(context, bytes),
            Self::Tls(stream) => Pin::new(stream).poll_write(context, bytes),
        }
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Tls(stream) => Pin::new(stream).poll_flush(context),
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self.get_mut() {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Tls(stream) => Pin::new(stream).poll_shutdown(context),
        }
    }
}
