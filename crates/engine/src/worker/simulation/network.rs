//! TCP without a kernel: two byte streams that the simulation moves, and edge-triggered readiness like epoll's.

use std::collections::VecDeque;
use std::io::{self, IoSlice, Read, Write};
use std::sync::{Arc, Mutex, MutexGuard};

use mio::event::Source;
use mio::{Interest, Registry, Token};

/// The most bytes that the kernel holds for a reader that does not read.
const RECEIVE_BUFFER: usize = 16 * 1024;

/// One TCP connection. Its bytes arrive late or never, but in order.
#[derive(Default)]
struct Connection {
    /// Bytes from the client: on their way, then at the server.
    rising: VecDeque<u8>,
    risen: VecDeque<u8>,
    /// Bytes from the server, in its kernel's buffer.
    falling: VecDeque<u8>,
    send_buffer: usize,
    /// The most bytes that one read returns, as TLS does; 0 means all that are there.
    grudging: usize,
    /// Whether the client has closed its side, and whether the server can see it.
    client_ends: bool,
    client_ended: bool,
    reset: bool,
    /// Whether the server has closed its side.
    server_ended: bool,
    token: Option<Token>,
    refused_a_write: bool,
    edges: Edges,
}

/// The readiness that epoll reports.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Edges {
    pub readable: bool,
    pub writable: bool,
    pub ended: bool,
}

impl Edges {
    pub fn any(self) -> bool {
        self != Self::default()
    }
}

fn lock(link: &Mutex<Connection>) -> MutexGuard<'_, Connection> {
    link.lock().unwrap()
}

/// The server's end, which a [`crate::stream::Stream`] holds.
pub struct ServerEnd(Arc<Mutex<Connection>>);

/// The client's end, and the network between them.
#[derive(Clone)]
pub struct ClientEnd(Arc<Mutex<Connection>>);

/// Makes a connection. `send_buffer` is the number of bytes that the server's kernel takes before a write would block.
pub fn connect(send_buffer: usize, grudging: usize) -> (ClientEnd, ServerEnd) {
    let link = Arc::new(Mutex::new(Connection { send_buffer, grudging, ..Connection::default() }));
    (ClientEnd(link.clone()), ServerEnd(link))
}

impl ClientEnd {
    /// Writes bytes as the client.
    pub fn write(&self, bytes: &[u8]) {
        let mut link = lock(&self.0);
        if !link.client_ends && !link.reset {
            link.rising.extend(bytes);
        }
    }

    /// Moves up to `most` bytes to the server. False if it moved none.
    pub fn rise(&self, most: usize) -> bool {
        let mut link = lock(&self.0);
        let count = most.min(link.rising.len()).min(RECEIVE_BUFFER.saturating_sub(link.risen.len()));
        let bytes: Vec<u8> = link.rising.drain(..count).collect();
        link.risen.extend(bytes);
        link.edges.readable |= count > 0;
        let ends = most > 0 && link.rising.is_empty() && link.client_ends && !link.client_ended;
        if ends {
            link.client_ended = true;
            link.edges = Edges { readable: true, ended: true, ..link.edges };
        }
        count > 0 || ends
    }

    /// Moves up to `most` bytes to the client.
    pub fn fall(&self, most: usize) -> Vec<u8> {
        let mut link = lock(&self.0);
        let count = most.min(link.falling.len());
        let bytes = link.falling.drain(..count).collect();
        if count > 0 && std::mem::take(&mut link.refused_a_write) {
            link.edges.writable = true;
        }
        bytes
    }

    /// Whether the server has closed the connection, and the client has received everything that was sent before.
    pub fn is_over(&self) -> bool {
        let link = lock(&self.0);
        link.reset || (link.server_ended && link.falling.is_empty())
    }

    /// Closes the client's side, after the bytes that it has written.
    pub fn end(&self) {
        lock(&self.0).client_ends = true;
    }

    /// Breaks the connection: the bytes on their way are lost on both sides.
    pub fn reset(&self) {
        let mut link = lock(&self.0);
        link.reset = true;
        link.rising.clear();
        link.risen.clear();
        link.falling.clear();
        link.edges = Edges { readable: true, writable: true, ended: true };
    }

    /// Whether all bytes that the client has written are at the server.
    pub fn has_risen(&self) -> bool {
        lock(&self.0).rising.is_empty()
    }

    /// Whether the server has dropped its end.
    pub fn is_let_go(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }

    /// Takes the readiness that epoll reports now, once; `None` while the server has not registered the connection.
    pub fn take_edges(&self) -> Option<(Token, Edges)> {
        let mut link = lock(&self.0);
        let token = link.token?;
        link.edges.any().then(|| (token, std::mem::take(&mut link.edges)))
    }

    /// Whether epoll would report a readiness.
    pub fn has_edges(&self) -> bool {
        let link = lock(&self.0);
        link.token.is_some() && link.edges.any()
    }
}

impl ServerEnd {
    /// Whether one read returns all bytes that are there.
    pub fn gives_all(&self) -> bool {
        lock(&self.0).grudging == 0
    }

    pub fn shutdown(&self) {
        lock(&self.0).server_ended = true;
    }
}

impl Read for ServerEnd {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut link = lock(&self.0);
        if link.reset {
            return Err(io::ErrorKind::ConnectionReset.into());
        }
        if link.risen.is_empty() {
            return if link.client_ended { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        let most = if link.grudging == 0 { buffer.len() } else { buffer.len().min(link.grudging) };
        link.risen.read(&mut buffer[..most])
    }
}

impl Write for ServerEnd {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut link = lock(&self.0);
        if link.reset || link.server_ended {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let count = bytes.len().min(link.send_buffer.saturating_sub(link.falling.len()));
        if count == 0 {
            link.refused_a_write = true;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        link.falling.extend(&bytes[..count]);
        Ok(count)
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        let bytes: Vec<u8> = slices.iter().flat_map(|slice| slice.iter().copied()).collect();
        self.write(&bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Source for ServerEnd {
    fn register(&mut self, _: &Registry, token: Token, _: Interest) -> io::Result<()> {
        let mut link = lock(&self.0);
        link.token = Some(token);
        // When a connection is added, epoll reports the readiness that it has already.
        link.edges.readable |= !link.risen.is_empty() || link.client_ended;
        link.edges.writable = true;
        Ok(())
    }

    fn reregister(&mut self, registry: &Registry, token: Token, interests: Interest) -> io::Result<()> {
        self.register(registry, token, interests)
    }

    fn deregister(&mut self, _: &Registry) -> io::Result<()> {
        lock(&self.0).token = None;
        Ok(())
    }
}

impl Drop for ServerEnd {
    fn drop(&mut self) {
        let mut link = lock(&self.0);
        link.server_ended = true;
        link.token = None;
    }
}
