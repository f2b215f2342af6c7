//! A client's byte stream, plain or TLS, on a shard's own epoll.

use std::io::{self, IoSlice, Read, Write};

use mio::event::Source;
use mio::{Interest, Registry, Token};

#[cfg(test)]
use crate::worker::simulation::ServerEnd;

/// A stream on its way from the HTTP server to a shard.
pub(crate) enum NewStream {
    Plain(std::net::TcpStream),
    Tls(std::net::TcpStream, Box<rustls::ServerConnection>),
    #[cfg(test)]
    Simulated(ServerEnd),
}

/// A non-blocking stream that is registered with a shard.
pub(crate) enum Stream {
    Plain(mio::net::TcpStream),
    Tls(Box<Tls>),
    /// On a network of the simulation's.
    #[cfg(test)]
    Simulated(ServerEnd),
}

pub(crate) struct Tls {
    tcp: mio::net::TcpStream,
    session: rustls::ServerConnection,
}

impl Stream {
    pub fn new(stream: NewStream) -> Self {
        match stream {
            NewStream::Plain(tcp) => Self::Plain(mio::net::TcpStream::from_std(tcp)),
            NewStream::Tls(tcp, session) => Self::Tls(Box::new(Tls { tcp: mio::net::TcpStream::from_std(tcp), session: *session })),
            #[cfg(test)]
            NewStream::Simulated(end) => Self::Simulated(end),
        }
    }

    /// The source that is registered with epoll.
    fn source(&mut self) -> &mut dyn Source {
        match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => &mut tls.tcp,
            #[cfg(test)]
            Self::Simulated(end) => end,
        }
    }

    /// Registers both directions, edge-triggered, once and for all: a connection costs no further epoll call.
    pub fn register(&mut self, registry: &Registry, token: usize) -> io::Result<()> {
        self.source().register(registry, Token(token), Interest::READABLE | Interest::WRITABLE)
    }

    /// Registers the same stream under another token.
    pub fn reregister(&mut self, registry: &Registry, token: usize) -> io::Result<()> {
        self.source().reregister(registry, Token(token), Interest::READABLE | Interest::WRITABLE)
    }

    pub fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.read(buffer),
            #[cfg(test)]
            Self::Simulated(end) => end.read(buffer),
            Self::Tls(tls) => rustls::Stream::new(&mut tls.session, &mut tls.tcp).read(buffer),
        }
    }

    /// Whether a read of `got` bytes into a buffer of `size` proves that no more bytes wait. Only true of a plain socket: the kernel
    /// returns all bytes that it has, and later bytes raise a new edge.
    pub fn is_drained(&self, got: usize, size: usize) -> bool {
        match self {
            Self::Plain(_) => got < size,
            Self::Tls(_) => false,
            #[cfg(test)]
            Self::Simulated(end) => got < size && end.returns_everything(),
        }
    }

    pub fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write(bytes),
            #[cfg(test)]
            Self::Simulated(end) => end.write(bytes),
            Self::Tls(tls) => rustls::Stream::new(&mut tls.session, &mut tls.tcp).write(bytes),
        }
    }

    pub fn write_several(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        match self {
            Self::Plain(tcp) => tcp.write_vectored(slices),
            #[cfg(test)]
            Self::Simulated(end) => end.write_vectored(slices),
            Self::Tls(tls) => rustls::Stream::new(&mut tls.session, &mut tls.tcp).write_vectored(slices),
        }
    }

    /// Hands to the kernel what TLS has taken but not sent.
    pub fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(_) => Ok(()),
            #[cfg(test)]
            Self::Simulated(_) => Ok(()),
            Self::Tls(tls) => rustls::Stream::new(&mut tls.session, &mut tls.tcp).flush(),
        }
    }

    /// Shuts down the server's side; the client can still finish its own.
    pub fn shutdown(&mut self) {
        let tcp = match self {
            Self::Plain(tcp) => tcp,
            Self::Tls(tls) => {
                tls.session.send_close_notify();
                let _ = rustls::Stream::new(&mut tls.session, &mut tls.tcp).flush();
                &mut tls.tcp
            }
            #[cfg(test)]
            Self::Simulated(end) => return end.shutdown(),
        };
        let _ = tcp.shutdown(std::net::Shutdown::Write);
    }
}
