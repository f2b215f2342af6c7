//! Publishes messages on Redis, on a connection of its own.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use redis::RedisResult;
use redis::aio::MultiplexedConnection;
use tokio::sync::{mpsc, oneshot};

use super::backoff::Backoff;
use super::shared::Shared;
use crate::redis::RedisConnector;

/// The most messages that wait. Further ones are dropped: other nodes read events from the log and ask for presence.
const MAX_MESSAGES: usize = 8192;

/// The most bytes that wait.
const MAX_BYTES: usize = 32 << 20;

/// The most messages of one round trip.
const MAX_PIPELINE: usize = 256;

/// Messages that wait for the connection.
pub(super) struct PublishQueue {
    sender: mpsc::Sender<Item>,
    bytes: Arc<AtomicUsize>,
}

/// The other end of a [`PublishQueue`].
pub(super) struct PublishItems {
    receiver: mpsc::Receiver<Item>,
    bytes: Arc<AtomicUsize>,
}

enum Item {
    Message(Bytes),
    /// All messages before it are published or dropped.
    Flush(oneshot::Sender<()>),
}

/// A queue with its two ends.
pub(super) fn publish_queue() -> (PublishQueue, PublishItems) {
    let (sender, receiver) = mpsc::channel(MAX_MESSAGES);
    let bytes = Arc::<AtomicUsize>::default();
    (PublishQueue { sender, bytes: bytes.clone() }, PublishItems { receiver, bytes })
}

impl PublishQueue {
    /// Adds a message; false if the queue is full.
    pub fn push(&self, message: Bytes) -> bool {
        let size = message.len();
        if self.bytes.fetch_add(size, Ordering::Relaxed) + size > MAX_BYTES || self.sender.try_send(Item::Message(message)).is_err() {
            self.bytes.fetch_sub(size, Ordering::Relaxed);
            return false;
        }
        true
    }

    /// Waits until all messages before are published or dropped.
    pub async fn flush(&self) {
        let (sender, receiver) = oneshot::channel();
        if self.sender.send(Item::Flush(sender)).await.is_ok() {
            let _ = receiver.await;
        }
    }
}

impl PublishItems {
    /// The messages that wait, at least one; `None` when the queue is closed.
    async fn take(&mut self) -> Option<(Vec<Bytes>, Vec<oneshot::Sender<()>>)> {
        let mut items = Vec::new();
        if self.receiver.recv_many(&mut items, MAX_PIPELINE).await == 0 {
            return None;
        }
        let (mut messages, mut flushes) = (Vec::new(), Vec::new());
        for item in items {
            match item {
                Item::Message(message) => {
                    self.bytes.fetch_sub(message.len(), Ordering::Relaxed);
                    messages.push(message);
                }
                Item::Flush(sender) => flushes.push(sender),
            }
        }
        Some((messages, flushes))
    }
}

/// Publishes until the queue is closed.
pub(super) async fn run(shared: Arc<Shared>, connector: RedisConnector, channel: String, mut items: PublishItems) {
    let (mut connection, mut backoff) = (None, Backoff::default());
    let mut retry_at = tokio::time::Instant::now();
    while let Some((messages, flushes)) = items.take().await {
        if connection.is_none() && retry_at <= tokio::time::Instant::now() {
            connection = connector.commands().await.ok();
        }
        let count = messages.len() as u64;
        let result = match &mut connection {
            Some(connection) => publish(connection, &channel, &messages).await.map(|()| true),
            None => Ok(false),
        };
        let counter = match result {
            Ok(true) => {
                backoff.reset();
                &shared.counters.published
            }
            Ok(false) => &shared.counters.unpublished,
            Err(error) => {
                tracing::debug!("{}", connector.describe(&error));
                shared.counters.redis_reconnects.fetch_add(1, Ordering::Relaxed);
                connection = None;
                &shared.counters.unpublished
            }
        };
        counter.fetch_add(count, Ordering::Relaxed);
        if connection.is_none() && retry_at <= tokio::time::Instant::now() {
            retry_at = tokio::time::Instant::now() + backoff.next(rand::random());
        }
        for flush in flushes {
            // A stop that has waited long enough does not listen any more.
            let _ = flush.send(());
        }
    }
}

async fn publish(connection: &mut MultiplexedConnection, channel: &str, messages: &[Bytes]) -> RedisResult<()> {
    let mut pipeline = redis::pipe();
    for message in messages {
        pipeline.cmd("PUBLISH").arg(channel).arg(&message[..]).ignore();
    }
    pipeline.query_async(connection).await
}
