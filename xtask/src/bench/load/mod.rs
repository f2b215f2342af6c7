//! The load generator: one thread, one epoll, thousands of clients.
//!
//! It reads every socket until it is drained, keeps no buffer for a client that has nothing half-read, and hands whole messages to a [`Script`].

mod client;
mod crowd;
mod entrance;
mod frame;
mod ticker;

use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use client::{Client, Heard, Stage};
use mio::{Events, Interest, Poll, Token};
use ticker::Ticker;

pub use entrance::Entrance;
pub use frame::{client_text, first as first_frame, from_server as server_text};

const TICK: Token = Token(usize::MAX);

/// What a scenario does when something happens to a client. Clients are numbered from 0 in the order they were opened.
pub trait Script {
    /// A message for a client that is inside. `at` is when its bytes were read.
    fn message(&mut self, _to: usize, _text: &[u8], _at: Instant, _sends: &mut Sends) {}
    /// A client is in, this long after it began to connect.
    fn entered(&mut self, _who: usize, _took: Duration) {}
    /// A client was closed by the server.
    fn closed(&mut self, _who: usize) {}
    /// The ticker has gone off this many times.
    fn ticked(&mut self, _times: u64, _sends: &mut Sends) {}
}

/// A script that only watches.
pub struct Watching;

impl Script for Watching {}

/// What a script wants sent: whole frames or requests, written as soon as it returns.
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

/// All the clients of one scenario, and the epoll they hang on.
pub struct Load {
    server: SocketAddr,
    poll: Poll,
    events: Events,
    clients: Vec<Client>,
    ticker: Option<Ticker>,
    sends: Sends,
    /// Every read of every client goes through this one buffer.
    scratch: Vec<u8>,
}

impl Load {
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

    /// Begins to connect one more client and answers its number.
    pub fn open(&mut self, entrance: Entrance) -> Result<usize> {
        let number = self.clients.len();
        let mut client = Client::connect(self.server, entrance)?;
        self.poll.registry().register(&mut client.socket, Token(number), Interest::READABLE | Interest::WRITABLE)?;
        self.clients.push(client);
        Ok(number)
    }

    /// Sends what a script has begun with.
    pub fn send_all(&mut self, sends: &mut Sends) -> Result<()> {
        write_all(&mut self.clients, sends)
    }

    /// From now on this client reads nothing, and its socket fills up.
    pub fn deafen(&mut self, client: usize) -> Result<()> {
        Ok(self.poll.registry().deregister(&mut self.clients[client].socket)?)
    }

    /// Lets a deafened client read all there is, and answers whether the server has closed it.
    pub fn is_closed_behind(&mut self, client: usize) -> bool {
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

    /// Lets time pass and handles what happens.
    pub fn rest(&mut self, time: Duration, script: &mut impl Script) -> Result<()> {
        let end = Instant::now() + time;
        while let Some(left) = end.checked_duration_since(Instant::now()).filter(|left| !left.is_zero()) {
            self.turn(left, script)?;
        }
        Ok(())
    }

    /// Waits for something to happen, at most `patience`, and handles all that has.
    pub fn turn(&mut self, patience: Duration, script: &mut impl Script) -> Result<()> {
        if let Err(error) = self.poll.poll(&mut self.events, Some(patience))
            && error.kind() != ErrorKind::Interrupted
        {
            return Err(error).context("epoll");
        }
        let Self { events, clients, ticker, sends, scratch, .. } = self;
        for event in events.iter() {
            match (event.token(), &ticker) {
                (TICK, Some(ticker)) => script.ticked(ticker.take()?, sends),
                (Token(number), _) => serve(number, &mut clients[number], event, scratch, sends, script)?,
            }
            write_all(clients, sends)?;
        }
        Ok(())
    }
}

/// What goes to one client in a row is one write, as it is with a client whose event loop has several messages to send.
fn write_all(clients: &mut [Client], sends: &mut Sends) -> Result<()> {
    let mut start = 0;
    for row in sends.ends.chunk_by(|(one, _), (next, _)| one == next) {
        let Some(&(to, end)) = row.last() else { continue };
        clients[to].send(&sends.bytes[start..end])?;
        start = end;
    }
    sends.ends.clear();
    sends.bytes.clear();
    Ok(())
}

/// Handles what epoll has said of one client.
fn serve(
    number: usize,
    client: &mut Client,
    event: &mio::event::Event,
    scratch: &mut Vec<u8>,
    sends: &mut Sends,
    script: &mut impl Script,
) -> Result<()> {
    if event.is_writable() && client.writable()? {
        script.entered(number, client.opened.elapsed());
    }
    if !event.is_readable() {
        return Ok(());
    }
    while client.stage != Stage::Closed {
        let Some((filled, more)) = client.read(scratch)? else {
            client.stage = Stage::Closed;
            script.closed(number);
            return Ok(());
        };
        let at = Instant::now();
        let mut start = 0;
        while start < filled {
            let Some((used, heard)) = client.hear(&scratch[start..filled])? else { break };
            match heard {
                Heard::Nothing => {}
                Heard::Entered => script.entered(number, client.opened.elapsed()),
                Heard::Message(place) => script.message(number, &scratch[start + place.start..start + place.end], at, sends),
                Heard::Goodbye => {
                    client.stage = Stage::Closed;
                    script.closed(number);
                    return Ok(());
                }
            }
            start += used;
        }
        client.keep(&scratch[start..filled]);
        // Of an end that came together with the last bytes nothing more is said.
        let is_at_its_end = event.is_read_closed() && filled > 0;
        if !more && !is_at_its_end {
            return Ok(());
        }
    }
    Ok(())
}
