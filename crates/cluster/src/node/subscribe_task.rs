//! Receives the messages of the channel, on a connection of its own.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use futures_util::StreamExt;
use redis::RedisResult;
use redis::aio::PubSubStream;

use super::backoff::Backoff;
use super::shared::Shared;
use crate::redis::RedisConnector;

/// Without any message for this time the subscription is opened again: a node receives its own heartbeat every second.
const MAX_SILENCE: Duration = Duration::from_secs(3);

/// Subscribes again and again, until the task is aborted.
pub(super) async fn run(shared: Arc<Shared>, connector: RedisConnector, channel: String) {
    let mut backoff = Backoff::default();
    loop {
        match subscribe(&connector, &channel).await {
            Ok(messages) => {
                shared.stream.bus_connected();
                shared.read.notify_one();
                if receive(&shared, messages).await {
                    backoff.reset();
                }
                shared.stream.bus_lost();
                shared.read.notify_one();
                shared.counters.redis_reconnects.fetch_add(1, Ordering::Relaxed);
            }
            Err(error) => tracing::debug!("{}", connector.describe(&error)),
        }
        tokio::time::sleep(backoff.next(rand::random())).await;
    }
}

async fn subscribe(connector: &RedisConnector, channel: &str) -> RedisResult<PubSubStream> {
    let mut subscription = connector.subscription().await?;
    // The connection has no time limit of its own.
    match tokio::time::timeout(MAX_SILENCE, subscription.subscribe(channel)).await {
        Ok(result) => result.map(|()| subscription.into_on_message()),
        Err(_) => Err(std::io::Error::from(std::io::ErrorKind::TimedOut).into()),
    }
}

/// Receives until the connection ends or is silent. True if there was a message.
async fn receive(shared: &Shared, mut messages: PubSubStream) -> bool {
    let mut has_received = false;
    while let Ok(Some(message)) = tokio::time::timeout(MAX_SILENCE, messages.next()).await {
        has_received = true;
        // The bytes of the message, without a copy.
        match message.get_payload::<bytes::Bytes>() {
            Ok(bytes) => shared.receive(bytes),
            Err(_) => shared.counters.skip(crate::wire::DecodeError::Foreign),
        }
    }
    has_received
}
