//! Receives messages from Redis on one connection, and subscribes again after it has ended.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::StreamExt;
use redis::Msg;
use redis::aio::{PubSub, PubSubSink};
use tokio::sync::{mpsc, watch};
use tokio::time::{sleep, timeout};
use tracing::{info, warn};

use crate::connection::{Backoff, Connector, PATIENCE};
use crate::stats::{Counters, add};

/// Messages that wait for the dispatcher. Further ones are dropped and counted, as Redis itself does with a slow subscriber.
const MAX_WAITING: usize = 65_536;
/// Their bytes.
const MAX_WAITING_BYTES: usize = 64 << 20;

/// What the subscriber needs.
pub(crate) struct Subscriber {
    pub connector: Connector,
    pub patterns: Vec<String>,
    pub channels: Vec<String>,
    pub counters: Arc<Counters>,
    pub inbox: InboxSender,
    pub stop: watch::Receiver<bool>,
}

impl Subscriber {
    /// Connects and subscribes.
    pub async fn connect(&self) -> Result<PubSub, crate::StartError> {
        self.connector.subscriptions(&self.patterns, &self.channels).await
    }

    /// Receives until the adapter stops. `first` is the connection with which the adapter has started.
    pub async fn run(mut self, first: PubSub) {
        let mut stop = self.stop.clone();
        tokio::select! {
            _ = stop.wait_for(|stop| *stop) => {}
            () = self.receive_forever(first) => {}
        }
    }

    async fn receive_forever(&mut self, first: PubSub) {
        let mut connection = first;
        loop {
            self.set_connected(true);
            self.receive(connection).await;
            self.set_connected(false);
            warn!(server = self.connector.server(), "lost the connection to Redis for messages from servers");
            connection = self.reconnect().await;
        }
    }

    pub fn set_connected(&self, connected: bool) {
        self.counters.subscriber_is_connected.store(connected, Ordering::Relaxed);
    }

    /// Receives until the connection ends.
    async fn receive(&self, connection: PubSub) {
        let (sink, mut messages) = connection.split();
        let mut silence = pin!(wait_for_silence(sink));
        loop {
            tokio::select! {
                message = messages.next() => match message {
                    Some(message) => self.inbox.put(message),
                    None => return,
                },
                () = &mut silence => return,
            }
        }
    }

    async fn reconnect(&self) -> PubSub {
        let mut backoff = Backoff::new();
        loop {
            backoff.pause().await;
            if let Ok(connection) = self.connect().await {
                add(&self.counters.reconnects, 1);
                info!(server = self.connector.server(), "connected to Redis again for messages from servers");
                return connection;
            }
        }
    }
}

/// Ends when Redis no longer answers: a cut network does not end a connection on its own.
async fn wait_for_silence(mut sink: PubSubSink) {
    loop {
        sleep(PATIENCE).await;
        if !matches!(timeout(PATIENCE, sink.ping::<redis::Value>()).await, Ok(Ok(_))) {
            return;
        }
    }
}

/// The sending side of the queue of messages that have arrived.
pub(crate) struct InboxSender {
    queue: mpsc::Sender<Msg>,
    waiting_bytes: Arc<AtomicUsize>,
    counters: Arc<Counters>,
}

/// The receiving side.
pub(crate) struct Inbox {
    queue: mpsc::Receiver<Msg>,
    waiting_bytes: Arc<AtomicUsize>,
}

/// Makes both sides of the queue.
pub(crate) fn inbox(counters: Arc<Counters>) -> (InboxSender, Inbox) {
    let (sender, receiver) = mpsc::channel(MAX_WAITING);
    let waiting_bytes = Arc::new(AtomicUsize::new(0));
    (InboxSender { queue: sender, waiting_bytes: waiting_bytes.clone(), counters }, Inbox { queue: receiver, waiting_bytes })
}

impl InboxSender {
    fn put(&self, message: Msg) {
        add(&self.counters.received, 1);
        let size = message.get_payload_bytes().len();
        let waiting = self.waiting_bytes.fetch_add(size, Ordering::Relaxed);
        // A single message is always accepted; the decoder has its own bound.
        let fits = waiting == 0 || waiting + size <= MAX_WAITING_BYTES;
        if !fits || self.queue.try_send(message).is_err() {
            self.waiting_bytes.fetch_sub(size, Ordering::Relaxed);
            add(&self.counters.dropped_incoming, 1);
        }
    }
}

impl Inbox {
    /// The next message. `None` when the subscriber has ended.
    pub async fn next(&mut self) -> Option<Msg> {
        let message = self.queue.recv().await?;
        self.waiting_bytes.fetch_sub(message.get_payload_bytes().len(), Ordering::Relaxed);
        Some(message)
    }
}
