//! One simulated client: a non-blocking socket, the received bytes of an incomplete message, and the unsent bytes.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use memchr::memmem;
use mio::net::TcpStream;
use socket2::{Domain, Protocol as Transport, Socket, Type};

use super::client_handshake::{self, ClientHandshake, Protocol};
use super::frame;

/// The state of a client's connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ConnectionState {
    Connecting,
    Upgrading,
    Handshaking,
    Connected,
    Closed,
}

/// What a message means for the load generator.
pub enum Received {
    /// A message that the client has handled.
    Handled,
    /// The last message of the handshake.
    HandshakeDone,
    /// A message for the scenario, at this position in the buffer.
    Message(Range<usize>),
    /// A close frame of the server.
    Close,
}

pub struct Client {
    pub socket: TcpStream,
    pub state: ConnectionState,
    pub opened: Instant,
    protocol: Protocol,
    handshake: Option<Box<ClientHandshake>>,
    next_step: usize,
    /// The beginning of an incomplete message.
    unread: Vec<u8>,
    unsent: Vec<u8>,
}

impl Client {
    pub fn connect(server: SocketAddr, handshake: ClientHandshake) -> Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Transport::TCP)).context("cannot create a socket")?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if handshake.smallest_receive_buffer {
            socket.set_recv_buffer_size(1)?;
        }
        if let Err(error) = socket.connect(&server.into())
            && error.raw_os_error() != Some(nix::errno::Errno::EINPROGRESS as i32)
        {
            return Err(error).context("cannot connect");
        }
        Ok(Self {
            socket: TcpStream::from_std(socket.into()),
            state: ConnectionState::Connecting,
            opened: Instant::now(),
            protocol: handshake.protocol,
            handshake: Some(Box::new(handshake)),
            next_step: 0,
            unread: Vec::new(),
            unsent: Vec::new(),
        })
    }

    /// Writes what the socket takes now, and keeps the rest until the socket is writable again.
    pub fn send(&mut self, wire: &[u8]) -> Result<()> {
        if !self.unsent.is_empty() {
            self.unsent.extend_from_slice(wire);
            return Ok(());
        }
        match self.socket.write(wire) {
            Ok(written) => self.unsent.extend_from_slice(&wire[written..]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => self.unsent.extend_from_slice(wire),
            Err(error) => return Err(error).context("a client cannot write"),
        }
        Ok(())
    }

    /// Handles a writable socket: the connection is established, or unsent bytes can be written. Returns whether a client without a handshake is now
    /// connected.
    pub fn writable(&mut self) -> Result<bool> {
        if self.state == ConnectionState::Connecting {
            if let Some(error) = self.socket.take_error()? {
                return Err(error).context("cannot connect");
            }
            let request = self.handshake.as_mut().map(|handshake| std::mem::take(&mut handshake.request)).unwrap_or_default();
            self.state = if self.protocol == Protocol::Http { ConnectionState::Connected } else { ConnectionState::Upgrading };
            self.send(&request)?;
            return Ok(self.state == ConnectionState::Connected);
        }
        if !self.unsent.is_empty() {
            let waiting = std::mem::take(&mut self.unsent);
            self.send(&waiting)?;
        }
        Ok(false)
    }

    /// Reads once into `scratch`, after the bytes of an incomplete message. Returns how many bytes are filled and whether there may be more to read, or
    /// `None` if the server has closed the connection.
    pub fn read(&mut self, scratch: &mut Vec<u8>) -> Result<Option<(usize, bool)>> {
        let kept = self.unread.len();
        if scratch.len() < kept + 65_536 {
            scratch.resize(kept + 65_536, 0);
        }
        scratch[..kept].copy_from_slice(&self.unread);
        match self.socket.read(&mut scratch[kept..]) {
            Ok(0) => Ok(None),
            Ok(read) => {
                self.unread.clear();
                Ok(Some((kept + read, kept + read == scratch.len())))
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => Ok(Some((0, false))),
            Err(error) if error.kind() == ErrorKind::ConnectionReset => Ok(None),
            Err(error) => Err(error).context("a client cannot read"),
        }
    }

    /// Keeps the bytes of an incomplete message.
    pub fn keep_incomplete(&mut self, rest: &[u8]) {
        self.unread.extend_from_slice(rest);
    }

    /// Handles the message at the beginning of `buffer`. Returns how many bytes it took and what it means, or `None` if it is incomplete.
    pub fn parse_message(&mut self, buffer: &[u8]) -> Result<Option<(usize, Received)>> {
        match (self.state, self.protocol) {
            (ConnectionState::Upgrading, _) => self.parse_upgrade_response(buffer),
            (_, Protocol::Http) => parse_http_response(buffer),
            (_, Protocol::WebSocket) => self.parse_frame(buffer),
        }
    }

    fn parse_upgrade_response(&mut self, buffer: &[u8]) -> Result<Option<(usize, Received)>> {
        let Some(end) = memmem::find(buffer, b"\r\n\r\n") else { return Ok(None) };
        let head = String::from_utf8_lossy(&buffer[..end]);
        ensure!(head.starts_with("HTTP/1.1 101"), "the upgrade is rejected: {}", head.lines().next().unwrap_or_default());
        self.state = ConnectionState::Handshaking;
        Ok(Some((end + 4, Received::Handled)))
    }

    fn parse_frame(&mut self, buffer: &[u8]) -> Result<Option<(usize, Received)>> {
        let Some(found) = frame::first(buffer)? else { return Ok(None) };
        let end = found.payload.end;
        let payload = &buffer[found.payload.clone()];
        let received = match found.opcode {
            frame::CLOSE => Received::Close,
            frame::PING => {
                let mut pong = Vec::new();
                frame::from_client(&mut pong, frame::PONG, payload);
                self.send(&pong)?;
                Received::Handled
            }
            frame::PONG => Received::Handled,
            // A ping of Engine.IO.
            _ if payload == b"2" => {
                self.send(&frame::client_text("3"))?;
                Received::Handled
            }
            _ if self.state == ConnectionState::Handshaking => self.handshake_step(payload)?,
            _ => Received::Message(found.payload),
        };
        Ok(Some((end, received)))
    }

    /// Handles a message during the handshake.
    fn handshake_step(&mut self, message: &[u8]) -> Result<Received> {
        if client_handshake::is_rejection(message) {
            bail!("rejected: {}", String::from_utf8_lossy(message));
        }
        let Some(handshake) = self.handshake.as_mut() else { return Ok(Received::Handled) };
        let Some(step) = handshake.steps.get_mut(self.next_step).filter(|step| step.matches(message)) else { return Ok(Received::Handled) };
        let response = std::mem::take(&mut step.response);
        self.next_step += 1;
        let is_last = self.next_step == handshake.steps.len();
        if is_last {
            self.state = ConnectionState::Connected;
            self.handshake = None;
        }
        if !response.is_empty() {
            self.send(&response)?;
        }
        Ok(if is_last { Received::HandshakeDone } else { Received::Handled })
    }
}

/// Reads an HTTP response with a Content-Length. The message is its body.
fn parse_http_response(buffer: &[u8]) -> Result<Option<(usize, Received)>> {
    let Some(end) = memmem::find(buffer, b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).map_or(Ok(0), |value| value.trim().parse::<usize>());
    let body = end + 4..end + 4 + length.context("the Content-Length is not a number")?;
    if buffer.len() < body.end {
        return Ok(None);
    }
    let status = head.lines().next().unwrap_or_default();
    ensure!(status.starts_with("http/1.1 2"), "{status}: {}", String::from_utf8_lossy(&buffer[body]));
    Ok(Some((body.end, Received::Message(body))))
}
