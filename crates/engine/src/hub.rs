//! The hub: the mailboxes of all shards, and the one order in which all of them receive the broadcasts.

use std::io;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use crate::app::App;
use crate::broadcast::Broadcast;
use crate::config::Config;
use crate::handshake_rejection::HandshakeRejection;
use crate::history::History;
use crate::mailbox::{Mail, Mailbox, lock};

pub(crate) type Gate<H> = Arc<dyn Fn(&http::request::Parts, SocketAddr) -> Result<H, HandshakeRejection> + Send + Sync>;

pub(crate) struct Hub<A: App> {
    pub config: Arc<Config>,
    pub gate: Gate<A::Handshake>,
    pub mailboxes: Vec<Mailbox<A>>,
    /// The recent broadcasts, if they are kept for replay.
    pub history: Option<Arc<History>>,
    /// Locked while broadcasts are put into every mailbox, so that all shards receive them in the same order.
    pub order: Mutex<()>,
    next: AtomicUsize,
}

impl<A: App> Hub<A> {
    /// Makes the hub of the shards that wait in these epoll instances.
    pub fn new(config: Config, gate: Gate<A::Handshake>, polls: &[mio::Poll]) -> io::Result<Self> {
        let mailboxes = polls.iter().map(Mailbox::new).collect::<io::Result<Vec<_>>>()?;
        let history = config.recovery.clone().map(|recovery| Arc::new(History::new(recovery)));
        Ok(Self { config: Arc::new(config), gate, mailboxes, history, order: Mutex::default(), next: AtomicUsize::new(0) })
    }

    /// The shard for a new connection, in round-robin order.
    pub fn next_shard(&self) -> u8 {
        (self.next.fetch_add(1, Ordering::Relaxed) % self.mailboxes.len()) as u8
    }

    /// Puts mail into one shard's mailbox. False if there is no such shard.
    pub fn put(&self, shard: u8, mail: Mail<A>) -> bool {
        let Some(mailbox) = self.mailboxes.get(shard as usize) else { return false };
        mailbox.put([mail]);
        true
    }

    /// Publishes broadcasts together: every shard receives them in the same order relative to all other broadcasts.
    pub fn publish(&self, broadcasts: &[Arc<Broadcast>]) {
        self.append_to_history(broadcasts.iter().map(|broadcast| &**broadcast));
        let order = (self.mailboxes.len() > 1).then(|| lock(&self.order));
        for mailbox in &self.mailboxes {
            mailbox.put(broadcasts.iter().cloned().map(Mail::Broadcast));
        }
        drop(order);
    }

    /// Keeps the numbered broadcasts for replay. They must be kept before any connection can have received them.
    pub fn append_to_history<'a>(&self, broadcasts: impl Iterator<Item = &'a Broadcast>) {
        let Some(history) = &self.history else { return };
        let mut now = None;
        for broadcast in broadcasts.filter(|broadcast| broadcast.number.is_some()) {
            history.append(broadcast, *now.get_or_insert_with(Instant::now));
        }
    }
}
