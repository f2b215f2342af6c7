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
    to_server: VecDeque<u8>,
    at_server: VecDeque<u8>,
    /// Bytes from the server, in its kernel's buffer.
    to_client: VecDeque<u8>,
    send_buffer: usize,
    /// The most bytes that one read returns, as TLS does; 0 means all that are there.
    read_limit: usize,
    /// Whether the client has closed its side, and whether the server can see it.
    client_ends: bool,
    client_ended: bool,
    reset: bool,
    /// Whether the server has closed its side.
    server_ended: bool,
    token: Option<Token>,
    write_blocked: bool,
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
pub fn connect(send_buffer: usize, read_limit: usize) -> (ClientEnd, ServerEnd) {
    let link = Arc::new(Mutex::new(Connection { send_buffer, read_limit, ..Connection::default() }));
    (ClientEnd(link.clone()), ServerEnd(link))
}

impl ClientEnd {
    /// Writes bytes as the client.
    pub fn write(&self, bytes: &[u8]) {
        let mut link = lock(&self.0);
        if !link.client_ends && !link.reset {
            link.to_server.extend(bytes);
        }
    }

    /// Moves up to `most` bytes to the server. False if it moved none.
    pub fn move_up(&self, most: usize) -> bool {
        let mut link = lock(&self.0);
        let count = most.min(link.to_server.len()).min(RECEIVE_BUFFER.saturating_sub(link.at_server.len()));
        let bytes: Vec<u8> = link.to_server.drain(..count).collect();
        link.at_server.extend(bytes);
        link.edges.readable |= count > 0;
        let ends = most > 0 && link.to_server.is_empty() && link.client_ends && !link.client_ended;
        if ends {
            link.client_ended = true;
            link.edges = Edges { readable: true, ended: true, ..link.edges };
        }
        count > 0 || ends
    }

    /// Moves up to `most` bytes to the client.
    pub fn move_down(&self, most: usize) -> Vec<u8> {
        let mut link = lock(&self.0);
        let count = most.min(link.to_client.len());
        let bytes = link.to_client.drain(..count).collect();
        if count > 0 && std::mem::take(&mut link.write_blocked) {
            link.edges.writable = true;
        }
        bytes
    }

    /// Whether the server has closed the connection, and the client has received everything that was sent before.
    pub fn is_over(&self) -> bool {
        let link = lock(&self.0);
        link.reset || (link.server_ended && link.to_client.is_empty())
    }

    /// Closes the client's side, after the bytes that it has written.
    pub fn end(&self) {
        lock(&self.0).client_ends = true;
    }

    /// Breaks the connection: the bytes on their way are lost on both sides.
    pub fn reset(&self) {
        let mut link = lock(&self.0);
        link.reset = true;
        link.to_server.clear();
        link.at_server.clear();
        link.to_client.clear();
        link.edges = Edges { readable: true, writable: true, ended: true };
    }

    /// Whether all bytes that the client has written are at the server.
    pub fn has_reached_server(&self) -> bool {
        lock(&self.0).to_server.is_empty()
    }

    /// Whether the server has dropped its end.
    pub fn is_dropped(&self) -> bool {
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
    pub fn returns_everything(&self) -> bool {
        lock(&self.0).read_limit == 0
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
        if link.at_server.is_empty() {
            return if link.client_ended { Ok(0) } else { Err(io::ErrorKind::WouldBlock.into()) };
        }
        let most = if link.read_limit == 0 { buffer.len() } else { buffer.len().min(link.read_limit) };
        link.at_server.read(&mut buffer[..most])
    }
}

impl Write for ServerEnd {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut link = lock(&self.0);
        if link.reset || link.server_ended {
            return Err(io::ErrorKind::BrokenPipe.into());
        }
        let count = bytes.len().min(link.send_buffer.saturating_sub(link.to_client.len()));
        if count == 0 {
            link.write_blocked = true;
            return Err(io::ErrorKind::WouldBlock.into());
        }
        link.to_client.extend(&bytes[..count]);
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
        link.edges.readable |= !link.at_server.is_empty() || link.client_ended;
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
