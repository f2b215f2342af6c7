//! Sends messages to Redis, in order, on one connection.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use redis::aio::MultiplexedConnection;
use redis::{PushInfo, RedisError};
use tokio::sync::{mpsc, watch};
use tracing::{info, warn};

use crate::connection::{Backoff, Connector};
use crate::stats::{Counters, add};

/// Messages that wait for Redis, for example while it restarts. Further ones are dropped and counted.
const MAX_WAITING: usize = 16_384;
/// Their bytes, with the names of the channels.
const MAX_WAITING_BYTES: usize = 32 << 20;
/// Messages in one round trip.
const BATCH: usize = 128;

/// A message for a channel.
struct OutgoingMessage {
    channel: String,
    bytes: Vec<u8>,
}

impl OutgoingMessage {
    fn size(&self) -> usize {
        self.channel.len() + self.bytes.len()
    }
}

/// The sending side of the queue. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Publisher {
    queue: mpsc::Sender<OutgoingMessage>,
    waiting_bytes: Arc<AtomicUsize>,
    connection: watch::Receiver<Option<MultiplexedConnection>>,
    counters: Arc<Counters>,
}

impl Publisher {
    /// Puts a message in the queue. False if the queue is full, and the message is dropped.
    pub fn publish(&self, channel: String, bytes: Vec<u8>) -> bool {
        let message = OutgoingMessage { channel, bytes };
        let size = message.size();
        let fits = self.waiting_bytes.fetch_add(size, Ordering::Relaxed) + size <= MAX_WAITING_BYTES;
        if fits && self.queue.try_send(message).is_ok() {
            return true;
        }
        self.waiting_bytes.fetch_sub(size, Ordering::Relaxed);
        add(&self.counters.dropped_outgoing, 1);
        false
    }

    /// The present connection, for commands besides `PUBLISH`. `None` while there is none.
    pub fn connection(&self) -> Option<MultiplexedConnection> {
        self.connection.borrow().clone()
    }

    pub fn counters(&self) -> &Counters {
        &self.counters
    }
}

/// The task that sends what is in the queue.
pub(crate) struct PublisherTask {
    queue: mpsc::Receiver<OutgoingMessage>,
    waiting_bytes: Arc<AtomicUsize>,
    connection: watch::Sender<Option<MultiplexedConnection>>,
    counters: Arc<Counters>,
    connector: Connector,
    stop: watch::Receiver<bool>,
}

/// A connection, and the receiver that reports its end.
pub(crate) type LiveConnection = (MultiplexedConnection, mpsc::UnboundedReceiver<PushInfo>);

/// Why a connection is no longer used.
enum End {
    /// The connection has ended.
    Lost(Option<RedisError>),
    /// The adapter stops.
    Stopped,
}

/// Makes both sides of the queue.
pub(crate) fn publisher(connector: Connector, counters: Arc<Counters>, stop: watch::Receiver<bool>) -> (Publisher, PublisherTask) {
    let (queue, waiting) = mpsc::channel(MAX_WAITING);
    let (sender, receiver) = watch::channel(None);
    let waiting_bytes = Arc::new(AtomicUsize::new(0));
    let publisher = Publisher { queue, waiting_bytes: waiting_bytes.clone(), connection: receiver, counters: counters.clone() };
    (publisher, PublisherTask { queue: waiting, waiting_bytes, connection: sender, counters, connector, stop })
}

impl PublisherTask {
    /// Sends until the adapter stops. `first` is the connection with which the adapter has started.
    pub async fn run(mut self, first: LiveConnection) {
        let mut live = first;
        loop {
            self.set_connection(Some(live.0.clone()));
            let end = self.send_all(&mut live).await;
            self.set_connection(None);
            match end {
                End::Stopped => return,
                End::Lost(Some(error)) => {
                    warn!(server = self.connector.server(), %error, "lost the connection to Redis for messages to servers")
                }
                End::Lost(None) => warn!(server = self.connector.server(), "lost the connection to Redis for messages to servers"),
            }
            let Some(next) = self.reconnect().await else { return };
            live = next;
        }
    }

    pub fn set_connection(&self, connection: Option<MultiplexedConnection>) {
        self.counters.publisher_is_connected.store(connection.is_some(), Ordering::Relaxed);
        self.connection.send_replace(connection);
    }

    /// Sends the messages of the queue. When the adapter stops, those that wait are still sent.
    async fn send_all(&mut self, (connection, end): &mut LiveConnection) -> End {
        let mut batch = Vec::with_capacity(BATCH);
        loop {
            let stops = tokio::select! {
                biased;
                _ = end.recv() => return End::Lost(None),
                count = self.queue.recv_many(&mut batch, BATCH) => count == 0,
                _ = self.stop.wait_for(|stop| *stop) => {
                    while batch.len() < MAX_WAITING && let Ok(message) = self.queue.try_recv() {
                        batch.push(message);
                    }
                    true
                }
            };
            if let Err(error) = self.send(connection, &mut batch).await {
                return End::Lost(Some(error));
            }
            if stops {
                return End::Stopped;
            }
        }
    }

    async fn send(&self, connection: &mut MultiplexedConnection, batch: &mut Vec<OutgoingMessage>) -> Result<(), RedisError> {
        let count = batch.len() as u64;
        if count == 0 {
            return Ok(());
        }
        let mut pipeline = redis::pipe();
        for message in batch.drain(..) {
            self.waiting_bytes.fetch_sub(message.size(), Ordering::Relaxed);
            pipeline.publish(message.channel, message.bytes).ignore();
        }
        let result: Result<(), RedisError> = pipeline.query_async(connection).await;
        add(if result.is_ok() { &self.counters.published } else { &self.counters.uncertain }, count);
        match result {
            // Redis has answered and refuses, for example for an ACL: the connection is fine.
            Err(error) if !error.is_unrecoverable_error() && !error.is_timeout() => {
                warn!(server = self.connector.server(), %error, "Redis rejects messages to other servers");
                Ok(())
            }
            result => result,
        }
    }

    /// Connects until it succeeds. `None` if the adapter stops.
    async fn reconnect(&mut self) -> Option<LiveConnection> {
        let mut backoff = Backoff::new();
        loop {
            tokio::select! {
                _ = self.stop.wait_for(|stop| *stop) => return None,
                () = backoff.pause() => {}
            }
            if let Ok(live) = self.connector.commands().await {
                add(&self.counters.reconnects, 1);
                info!(server = self.connector.server(), "connected to Redis again for messages to servers");
                return Some(live);
            }
        }
    }
}
