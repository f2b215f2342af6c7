//! One simulated client: a non-blocking socket, and the bytes that wait on either side of it.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::ops::Range;
use std::time::Instant;

use anyhow::{Context, Result, bail, ensure};
use memchr::memmem;
use mio::net::TcpStream;
use socket2::{Domain, Protocol as Transport, Socket, Type};

use super::entrance::{self, Entrance, Protocol};
use super::frame;

/// How far a client has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Stage {
    Connecting,
    Upgrading,
    Entering,
    Inside,
    Closed,
}

/// What one message means to the loop around the client.
pub enum Heard {
    /// Nothing the scenario needs to know.
    Nothing,
    /// The last step of the entrance.
    Entered,
    /// A message for the scenario, at this place in the buffer.
    Message(Range<usize>),
    /// The server says goodbye.
    Goodbye,
}

pub struct Client {
    pub socket: TcpStream,
    pub stage: Stage,
    pub opened: Instant,
    protocol: Protocol,
    entrance: Option<Box<Entrance>>,
    next_step: usize,
    /// The beginning of a message whose end has not come yet.
    unread: Vec<u8>,
    unsent: Vec<u8>,
}

impl Client {
    pub fn connect(server: SocketAddr, entrance: Entrance) -> Result<Self> {
        let socket = Socket::new(Domain::IPV4, Type::STREAM, Some(Transport::TCP)).context("no more sockets")?;
        socket.set_nonblocking(true)?;
        socket.set_tcp_nodelay(true)?;
        if entrance.tiny_window {
            socket.set_recv_buffer_size(1)?;
        }
        if let Err(error) = socket.connect(&server.into())
            && error.raw_os_error() != Some(nix::errno::Errno::EINPROGRESS as i32)
        {
            return Err(error).context("cannot connect");
        }
        Ok(Self {
            socket: TcpStream::from_std(socket.into()),
            stage: Stage::Connecting,
            opened: Instant::now(),
            protocol: entrance.protocol,
            entrance: Some(Box::new(entrance)),
            next_step: 0,
            unread: Vec::new(),
            unsent: Vec::new(),
        })
    }

    /// Writes what it can now and keeps the rest for when the socket is writable again.
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

    /// The socket is writable: the connection stands, or there is room for more. True when a client without entrance is in.
    pub fn writable(&mut self) -> Result<bool> {
        if self.stage == Stage::Connecting {
            if let Some(error) = self.socket.take_error()? {
                return Err(error).context("cannot connect");
            }
            let request = self.entrance.as_mut().map(|entrance| std::mem::take(&mut entrance.request)).unwrap_or_default();
            self.stage = if self.protocol == Protocol::Http { Stage::Inside } else { Stage::Upgrading };
            self.send(&request)?;
            return Ok(self.stage == Stage::Inside);
        }
        if !self.unsent.is_empty() {
            let waiting = std::mem::take(&mut self.unsent);
            self.send(&waiting)?;
        }
        Ok(false)
    }

    /// Reads once into `scratch`, behind what was left over; answers how much of it is filled and whether there may be more.
    /// Nothing means the server has closed.
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

    /// Keeps what is not a whole message yet.
    pub fn keep(&mut self, rest: &[u8]) {
        self.unread.extend_from_slice(rest);
    }

    /// Takes one message off the front of `buffer`: how many bytes it took, and what it says. Nothing when it is incomplete.
    pub fn hear(&mut self, buffer: &[u8]) -> Result<Option<(usize, Heard)>> {
        match (self.stage, self.protocol) {
            (Stage::Upgrading, _) => self.hear_upgrade(buffer),
            (_, Protocol::Http) => hear_answer(buffer),
            (_, Protocol::WebSocket) => self.hear_frame(buffer),
        }
    }

    fn hear_upgrade(&mut self, buffer: &[u8]) -> Result<Option<(usize, Heard)>> {
        let Some(end) = memmem::find(buffer, b"\r\n\r\n") else { return Ok(None) };
        let head = String::from_utf8_lossy(&buffer[..end]);
        ensure!(head.starts_with("HTTP/1.1 101"), "the upgrade is refused: {}", head.lines().next().unwrap_or_default());
        self.stage = Stage::Entering;
        Ok(Some((end + 4, Heard::Nothing)))
    }

    fn hear_frame(&mut self, buffer: &[u8]) -> Result<Option<(usize, Heard)>> {
        let Some(found) = frame::first(buffer)? else { return Ok(None) };
        let end = found.payload.end;
        let payload = &buffer[found.payload.clone()];
        let heard = match found.opcode {
            frame::CLOSE => Heard::Goodbye,
            frame::PING => {
                let mut pong = Vec::new();
                frame::from_client(&mut pong, frame::PONG, payload);
                self.send(&pong)?;
                Heard::Nothing
            }
            frame::PONG => Heard::Nothing,
            // Engine.IO's heartbeat.
            _ if payload == b"2" => {
                self.send(&frame::client_text("3"))?;
                Heard::Nothing
            }
            _ if self.stage == Stage::Entering => self.step(payload)?,
            _ => Heard::Message(found.payload),
        };
        Ok(Some((end, heard)))
    }

    /// During the entrance: is this what it waits for?
    fn step(&mut self, message: &[u8]) -> Result<Heard> {
        if entrance::is_refusal(message) {
            bail!("refused: {}", String::from_utf8_lossy(message));
        }
        let Some(entrance) = self.entrance.as_mut() else { return Ok(Heard::Nothing) };
        let Some(step) = entrance.steps.get_mut(self.next_step).filter(|step| step.is_met_by(message)) else { return Ok(Heard::Nothing) };
        let says = std::mem::take(&mut step.says);
        self.next_step += 1;
        let inside = self.next_step == entrance.steps.len();
        if inside {
            self.stage = Stage::Inside;
            self.entrance = None;
        }
        if !says.is_empty() {
            self.send(&says)?;
        }
        Ok(if inside { Heard::Entered } else { Heard::Nothing })
    }
}

/// One HTTP answer with a Content-Length; the message is its body.
fn hear_answer(buffer: &[u8]) -> Result<Option<(usize, Heard)>> {
    let Some(end) = memmem::find(buffer, b"\r\n\r\n") else { return Ok(None) };
    let head = String::from_utf8_lossy(&buffer[..end]).to_ascii_lowercase();
    let length = head.lines().find_map(|line| line.strip_prefix("content-length:")).map_or(Ok(0), |value| value.trim().parse::<usize>());
    let body = end + 4..end + 4 + length.context("a Content-Length that is no number")?;
    if buffer.len() < body.end {
        return Ok(None);
    }
    let status = head.lines().next().unwrap_or_default();
    ensure!(status.starts_with("http/1.1 2"), "{status}: {}", String::from_utf8_lossy(&buffer[body]));
    Ok(Some((body.end, Heard::Message(body))))
}
