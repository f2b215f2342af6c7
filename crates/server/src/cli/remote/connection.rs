//! A TCP connection to a server, plain or with TLS.

use std::sync::Arc;

use anyhow::{Context, anyhow};
use rustls::client::danger::ServerCertVerifier;
use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::{CertificateDer, ServerName};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::TIMEOUT;
use super::server_url::ServerUrl;

/// The bytes of a connection.
pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}

impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// An open connection.
pub type Connection = Box<dyn Stream>;

/// How the certificate of a server is verified.
#[derive(Clone)]
pub enum Trust {
    /// By the authorities of the system, or those of `SSL_CERT_FILE`.
    System,
    /// By a verifier.
    Verifier(Arc<dyn ServerCertVerifier>),
}

/// Opens a connection.
///
/// # Errors
/// The name has no address, nothing listens there, or the certificate is not trusted.
pub async fn connect(server: &ServerUrl) -> anyhow::Result<Connection> {
    let tcp = connect_tcp(server).await?;
    if !server.is_secure {
        return Ok(Box::new(tcp));
    }
    Ok(Box::new(connect_tls(server, tcp, Trust::System).await?))
}

/// Opens a connection without TLS.
///
/// # Errors
/// The name has no address, or nothing listens there.
pub async fn connect_tcp(server: &ServerUrl) -> anyhow::Result<TcpStream> {
    let connecting = TcpStream::connect((server.host.as_str(), server.port));
    let tcp = timeout(TIMEOUT, connecting).await.map_err(|_| anyhow!("{server} does not accept a connection within {TIMEOUT:?}"))?;
    let tcp = tcp.with_context(|| format!("{server} cannot be reached"))?;
    tcp.set_nodelay(true)?;
    Ok(tcp)
}

/// Makes the TLS handshake.
///
/// # Errors
/// The server does not speak TLS, or its certificate is not trusted.
pub async fn connect_tls(server: &ServerUrl, tcp: TcpStream, trust: Trust) -> anyhow::Result<tokio_rustls::client::TlsStream<TcpStream>> {
    let builder = ClientConfig::builder();
    let mut tls = match trust {
        Trust::System => builder.with_root_certificates(system_authorities()).with_no_client_auth(),
        Trust::Verifier(verifier) => builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth(),
    };
    tls.alpn_protocols = vec![b"http/1.1".to_vec()];
    let name = ServerName::try_from(server.host.clone()).with_context(|| format!("{} is no name of a server", server.host))?;
    let handshake = timeout(TIMEOUT, TlsConnector::from(Arc::new(tls)).connect(name, tcp)).await;
    let stream = handshake.map_err(|_| anyhow!("{server} does not complete the TLS handshake within {TIMEOUT:?}"))?;
    stream.with_context(|| format!("the TLS handshake with {server} fails"))
}

/// The authorities of the operating system, or those of `SSL_CERT_FILE`.
pub fn system_authorities() -> RootCertStore {
    let mut authorities = RootCertStore::empty();
    authorities.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    authorities
}

/// The certificates that a server has sent, its own one first.
pub fn chain(stream: &tokio_rustls::client::TlsStream<TcpStream>) -> Vec<CertificateDer<'static>> {
    stream.get_ref().1.peer_certificates().unwrap_or_default().iter().map(|certificate| certificate.clone().into_owned()).collect()
}
