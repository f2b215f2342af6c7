//! The thread of a shard: one epoll loop that reads, lets the application act, publishes, delivers, and writes once at the end of a turn.

mod accept;
mod close;
mod drain;
mod engineio;
#[cfg(test)]
mod fairness;
mod heartbeat;
mod polling;
mod read;
#[cfg(test)]
mod rejected;
#[cfg(test)]
pub(crate) mod simulation;
mod socketio;
mod turn_budget;
mod upgrade;

use std::collections::VecDeque;
use std::io;
use std::sync::Arc;
use std::time::Instant;

use mio::{Events, Poll, Token};

use crate::app::App;
use crate::hub::Hub;
use crate::mailbox::{Mail, WAKE};
use crate::shard::{ArchiveRead, ArchiveReadResult, ConnectionKey, FlushPriority, Shard, Transport};
use turn_budget::TurnBudget;

/// The most bytes that are read from one connection before the next has its turn.
const READ_BUFFER_BYTES: usize = 64 * 1024;

/// The most connections that are read before the shard writes, and that are written before it reads again.
const MAX_READS_PER_TURN: usize = 256;
const MAX_FLUSHES_PER_TURN: usize = 256;
/// The most connections of the second row that are written: few, because broadcasts to every socket are often long.
const LATER_FLUSHES: usize = 32;

/// The thread of a shard: the shard, the program's copy for it, and its epoll instance.
///
/// Its methods are in one file for each subject:
///
/// - `mod.rs`: the loop, and the order of the steps in one turn.
/// - `accept.rs`: new WebSockets and sessions. `upgrade.rs`: a WebSocket that takes over a long-polling session.
/// - `read.rs`: bytes to messages. `engineio.rs` and `socketio.rs`: the packets in them.
/// - `polling.rs`: GETs and POSTs.
/// - `heartbeat.rs`: deadlines.
/// - `close.rs`: every end of a socket or connection. `drain.rs`: gradual shutdown.
pub(crate) struct Worker<A: App> {
    shard: Shard<A>,
    app: A,
    hub: Arc<Hub<A>>,
    poll: Poll,
    /// One read buffer for all connections, so that an idle connection keeps none.
    buffer: Vec<u8>,
    mail: Vec<Mail<A>>,
    /// The session that a probe's WebSocket has just taken over; see `upgrade`.
    promoted: Option<ConnectionKey>,
    /// The number of connections at the beginning of a gradual shutdown.
    drain_start_count: Option<usize>,
    stopping: bool,
    /// WebSockets that were rejected, and wait for their client's close frame, or have ended since; see [`close::MAX_REJECTED`].
    rejected: VecDeque<ConnectionKey>,
    /// The bytes and the time that this turn has used.
    budget: TurnBudget,
    /// The number of connections that were read since the last one that had used up its share.
    passed_over: usize,
}

impl<A: App> Worker<A> {
    pub fn new(index: u8, hub: Arc<Hub<A>>, poll: Poll, app: A) -> Self {
        let shard = Shard::new(index, hub.config.clone(), hub.history.clone(), Instant::now());
        Self {
            shard,
            app,
            hub,
            poll,
            buffer: vec![0; READ_BUFFER_BYTES],
            mail: Vec::new(),
            promoted: None,
            drain_start_count: None,
            stopping: false,
            rejected: VecDeque::new(),
            budget: TurnBudget::default(),
            passed_over: 0,
        }
    }

    /// Runs until [`Mail::Stop`] arrives.
    ///
    /// # Errors
    /// If epoll fails permanently.
    pub fn run(mut self) -> io::Result<()> {
        let mut events = Events::with_capacity(1024);
        while !self.stopping {
            let sleep = self.is_idle() && self.hub.mailboxes[self.shard.index as usize].set_asleep();
            let timeout = if sleep { self.time_to_next() } else { Some(std::time::Duration::ZERO) };
            if let Err(error) = self.poll.poll(&mut events, timeout)
                && error.kind() != io::ErrorKind::Interrupted
            {
                return Err(error);
            }
            if sleep {
                self.hub.mailboxes[self.shard.index as usize].set_awake();
            }
            self.shard.now = Instant::now();
            for event in events.iter().filter(|event| event.token() != WAKE) {
                let ended = event.is_read_closed() || event.is_error();
                self.note(event.token(), event.is_readable(), event.is_writable(), ended);
            }
            self.turn(Instant::now);
        }
        Ok(())
    }

    /// Whether the shard may sleep, regardless of its mailbox.
    fn is_idle(&self) -> bool {
        self.shard.flush_queue.is_empty() && self.shard.readable.is_empty() && self.shard.outgoing.is_empty()
    }

    fn time_to_next(&self) -> Option<std::time::Duration> {
        let next = [self.shard.timers.next(), self.shard.wake_at].into_iter().flatten().min()?;
        // One millisecond more than needed is better than a loop that wakes too early again and again.
        let wait = next.saturating_duration_since(Instant::now());
        Some(if wait.is_zero() { wait } else { wait + std::time::Duration::from_millis(1) })
    }

    /// Notes what epoll has reported for a connection.
    fn note(&mut self, token: Token, readable: bool, writable: bool, ended: bool) {
        let slot = token.0 as u32;
        let Some(connection) = self.shard.connections.get_mut(slot as usize) else { return };
        let Transport::WebSocket(socket) = &mut connection.transport else { return };
        if writable && std::mem::take(&mut socket.blocked) {
            self.shard.mark_for_flush(slot);
        }
        if readable || ended {
            let connection = &mut self.shard.connections[slot as usize];
            connection.hung_up |= ended;
            self.shard.mark_readable(slot);
        }
    }

    /// One turn: handles all input and its consequences, and writes once for each connection with output.
    fn turn(&mut self, clock: impl Fn() -> Instant) {
        self.budget.begin_turn(self.shard.now);
        self.app.before_turn(&mut self.shard);
        self.close_pending();
        self.passed_over += self.read_some(FlushPriority::Soon, MAX_READS_PER_TURN, &clock);
        // Connections that have used up their share wait until the others were served, at most `MAX_READS_PER_TURN` of them.
        if self.shard.readable.len(FlushPriority::Soon) == 0 || self.passed_over >= MAX_READS_PER_TURN {
            self.passed_over = 0;
            self.read_some(FlushPriority::Later, MAX_READS_PER_TURN, &clock);
        }
        self.publish();
        self.drain_mailbox();
        self.heartbeats();
        if self.shard.wake_at.is_some_and(|at| at <= self.shard.now) {
            self.shard.wake_at = None;
            self.app.wake(&mut self.shard);
        }
        self.close_pending();
        if !self.shard.outgoing.is_empty() {
            // Broadcasts that the mail and the timers caused reach this shard's own sockets in the same turn.
            self.publish();
            self.drain_mailbox();
        }
        self.shard.flush_some(FlushPriority::Soon, MAX_FLUSHES_PER_TURN);
        self.shard.flush_some(FlushPriority::Later, LATER_FLUSHES);
        self.count_waiting();
        self.close_pending();
        self.read_archive();
    }

    /// Requests from the archive the broadcasts that sockets have missed and that are in memory no longer.
    fn read_archive(&mut self) {
        for ArchiveRead { socket, numbers, whole, bytes, archive } in self.shard.to_read.drain(..) {
            let (hub, index, requested) = (self.hub.clone(), self.shard.index, numbers.clone());
            let then = move |read| {
                hub.put(index, Mail::Reread(Box::new(ArchiveReadResult { socket, numbers: requested, whole, read })));
            };
            archive.read(numbers, bytes, Box::new(then));
        }
    }

    /// Reads from the first connections of a row of connections with something to read, at most `most` of them, until the turn is over; one
    /// is read in any case. Returns how many entries it has passed.
    fn read_some(&mut self, priority: FlushPriority, most: usize, clock: &impl Fn() -> Instant) -> usize {
        let most = most.min(self.shard.readable.len(priority));
        for read in 0..most {
            if read > 0 && self.budget.is_turn_over(clock()) {
                return read;
            }
            let Some(slot) = self.shard.readable.next(priority) else { return read };
            if self.shard.connections.get(slot as usize).is_some_and(|connection| connection.readable == priority) {
                self.read(slot);
                self.close_pending();
            }
        }
        most
    }

    /// Counts the bytes that wait in connections whose clients do not read them.
    fn count_waiting(&mut self) {
        while let Some(key) = self.shard.to_count.pop() {
            self.shard.count_waiting(key, |shard, connection, bytes| self.app.waiting_bytes_changed(shard, connection, bytes));
        }
    }

    fn publish(&mut self) {
        if !self.shard.outgoing.is_empty() {
            self.hub.publish(&self.shard.outgoing);
            self.shard.outgoing.clear();
        }
    }

    fn drain_mailbox(&mut self) {
        let mut mail = std::mem::take(&mut self.mail);
        self.hub.mailboxes[self.shard.index as usize].take(&mut mail);
        for item in mail.drain(..) {
            match item {
                Mail::Broadcast(broadcast) => self.shard.deliver(&broadcast),
                Mail::Message(message) => self.app.message(&mut self.shard, message),
                Mail::Reread(result) => self.shard.archive_read(*result),
                Mail::NewConnection(arrival) => self.accept(*arrival),
                Mail::Request(request) => self.request(*request),
                Mail::CloseSome { left, reply } => {
                    let _ = reply.send(self.close_some(left));
                }
                Mail::Stop => self.stop(),
            }
            self.close_pending();
        }
        if mail.capacity() <= 4096 {
            self.mail = mail;
        }
    }
}
