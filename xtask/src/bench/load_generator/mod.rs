//! The load generator: one thread, one epoll, thousands of clients.
//!
//! It reads each socket until no bytes are left, keeps a buffer only for clients with an incomplete message, and passes complete messages to a [`Script`].

mod client;
mod client_handshake;
mod connect_clients;
mod frame;
mod ticker;

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use client::{Client, ConnectionState, Received};
use mio::{Events, Interest, Poll, Token};
use ticker::Ticker;

pub use client_handshake::ClientHandshake;
pub use frame::{client_text, first as first_frame, from_server as server_text};

const TICK: Token = Token(usize::MAX);

/// What a scenario does when something happens to a client. Clients have numbers from 0, in the order in which they began to connect.
pub trait Script {
    /// A connected client has received a message. `at` is when its bytes were read.
    fn message(&mut self, _to: usize, _text: &[u8], _at: Instant, _sends: &mut Sends) {}
    /// A client has connected. `took` is the time since it began to connect.
    fn connected(&mut self, _client: usize, _took: Duration) {}
    /// The server has closed a client's connection.
    fn closed(&mut self, _client: usize) {}
    /// The ticker has expired this many times since the last call.
    fn ticked(&mut self, _times: u64, _sends: &mut Sends) {}
}

/// A script that does nothing.
pub struct IgnoreAll;

impl Script for IgnoreAll {}

/// The frames and requests that a script sends. They are written when it returns.
#[derive(Default)]
pub struct Sends {
    bytes: Vec<u8>,
    ends: Vec<(usize, usize)>,
}

impl Sends {
    pub fn push(&mut self, client: usize, wire: &[u8]) {
        self.bytes.extend_from_slice(wire);
        self.ends.push((client, self.bytes.len()));
    }
}

/// All clients of one scenario, and their epoll.
pub struct LoadGenerator {
    server: SocketAddr,
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    ticker: Option<Ticker>,
    sends: Sends,
    /// The buffer for the reads of all clients.
    scratch: Vec<u8>,
}

impl LoadGenerator {
    pub fn new(port: u16) -> Result<Self> {
        Ok(Self {
            server: SocketAddr::from((Ipv4Addr::LOCALHOST, port)),
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            clients: Vec::new(),
            ticker: None,
            sends: Sends::default(),
            scratch: Vec::new(),
        })
    }

    /// Begins to connect another client. Returns its number.
    pub fn start_connecting(&mut self, handshake: ClientHandshake) -> Result<usize> {
        let number = self.clients.len();
        let mut client = Client::connect(self.server, handshake)?;
        self.poll.registry().register(&mut client.socket, Token(number), Interest::READABLE | Interest::WRITABLE)?;
        self.clients.push(client);
        Ok(number)
    }

    /// Lets further clients connect to this port.
    pub fn use_port(&mut self, port: u16) {
        self.server.set_port(port);
    }

    /// Sends frames outside a call of the script.
    pub fn send_all(&mut self, sends: &mut Sends) -> Result<()> {
        write_all(&mut self.clients, sends)
    }

    /// From now on this client reads nothing, so that its socket's buffer becomes full.
    pub fn stop_reading(&mut self, client: usize) -> Result<()> {
        Ok(self.poll.registry().deregister(&mut self.clients[client].socket)?)
    }

    /// Reads all bytes of a client that has stopped reading. Returns whether the server has closed the connection.
    pub fn is_closed_after_reading(&mut self, client: usize) -> bool {
        loop {
            match self.clients[client].read(&mut self.scratch) {
                Ok(Some((0, _))) => return false,
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return true,
            }
        }
    }

    /// Starts to call [`Script::ticked`] at this interval.
    pub fn tick_every(&mut self, interval: Duration) -> Result<()> {
        self.ticker = Some(Ticker::start(interval, &self.poll, TICK)?);
        Ok(())
    }

    /// Handles events for this time.
    pub fn run_for(&mut self, time: Duration, script: &mut impl Script) -> Result<()> {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            self.poll_once(left, script)?;
        }
        Ok(())
    }

    /// Waits for events, at most for the timeout, and handles them.
    pub fn poll_once(&mut self, timeout: Duration, script: &mut impl Script) -> Result<()> {
        if let Err(error) = self.poll.poll(&mut self.events, Some(timeout))
            && error.kind() != ErrorKind::Interrupted
        {
            return Err(error).context("epoll");
        }
        let Self { events, clients, ticker, sends, scratch, .. } = self;
        for event in events.iter() {
            match (event.token(), &ticker) {
                (TICK, Some(ticker)) => script.ticked(ticker.take_expirations()?, sends),
                (Token(number), _) => serve(number, &mut clients[number], event, scratch, sends, script)?,
            }
            write_all(clients, sends)?;
        }
        Ok(())
    }
}

/// Writes consecutive frames for one client with one call, like a client whose event loop has several messages to send.
fn write_all(clients: &mut [Client], sends: &mut Sends) -> Result<()> {
    let mut start = 0;
    for frames in sends.ends.chunk_by(|(one, _), (next, _)| one == next) {
        let Some(&(to, end)) = frames.last() else { continue };
        clients[to].send(&sends.bytes[start..end])?;
        start = end;
    }
    sends.ends.clear();
    sends.bytes.clear();
    Ok(())
}

/// Handles an event of one client.
fn serve(
    number: usize,
    client: &mut Client,
    event: &mio::event::Event,
    scratch: &mut Vec<u8>,
    sends: &mut Sends,
    script: &mut impl Script,
) -> Result<()> {
    if event.is_writable() && client.writable()? {
        script.connected(number, client.opened.elapsed());
    }
    if !event.is_readable() {
        return Ok(());
    }
    while client.state != ConnectionState::Closed {
        let Some((filled, more)) = client.read(scratch)? else {
            client.state = ConnectionState::Closed;
            script.closed(number);
            return Ok(());
        };
        let at = Instant::now();
        let mut start = 0;
        while start < filled {
            let Some((used, received)) = client.parse_message(&scratch[start..filled])? else { break };
            match received {
                Received::Handled => {}
                Received::HandshakeDone => script.connected(number, client.opened.elapsed()),
                Received::Message(range) => script.message(number, &scratch[start + range.start..start + range.end], at, sends),
                Received::Close => {
                    client.state = ConnectionState::Closed;
                    script.closed(number);
                    return Ok(());
                }
            }
            start += used;
        }
        client.keep_incomplete(&scratch[start..filled]);
        // If the connection ends together with the last bytes, epoll reports no further event.
        let is_at_its_end = event.is_read_closed() && filled > 0;
        if !more && !is_at_its_end {
            return Ok(());
        }
    }
    Ok(())
}
