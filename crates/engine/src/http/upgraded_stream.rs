//! The stream of an upgraded connection, out of the HTTP server.

use bytes::Bytes;
use hyper::upgrade::Upgraded;
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

/// The stream of a client whose request was answered with 101.
pub enum UpgradedStream {
    /// A stream without TLS.
    Plain(TcpStream),
    /// A stream with TLS.
    Tls(Box<TlsStream<TcpStream>>),
}

impl UpgradedStream {
    /// Takes a stream out of the HTTP server, with the bytes that the server has read behind the request.
    ///
    /// The server's time limit for written bytes that make no progress (`TCP_USER_TIMEOUT`, tcp(7)) ends. A WebSocket has heartbeats for that, and its
    /// client may be without a network for longer.
    ///
    /// # Errors
    /// The HTTP server uses another type than a tokio `TcpStream`, plain or in `tokio_rustls`.
    pub fn take(upgraded: Upgraded) -> Result<(Self, Bytes), &'static str> {
        let (stream, early) = match upgraded.downcast::<TokioIo<TcpStream>>() {
            Ok(parts) => (Self::Plain(parts.io.into_inner()), parts.read_buf),
            Err(upgraded) => {
                let parts =
                    upgraded.downcast::<TokioIo<TlsStream<TcpStream>>>().map_err(|_| "the HTTP server uses a stream of another type")?;
                (Self::Tls(Box::new(parts.io.into_inner())), parts.read_buf)
            }
        };
        if let Err(error) = rustix::net::sockopt::set_tcp_user_timeout(stream.tcp(), 0) {
            tracing::debug!(%error, "a WebSocket keeps the time limit of HTTP");
        }
        Ok((stream, early))
    }

    fn tcp(&self) -> &TcpStream {
        match self {
            Self::Plain(stream) => stream,
            Self::Tls(stream) => stream.get_ref().0,
        }
    }
}
