//! Renews the lease, on a connection of its own, and steps the core.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use redis::aio::MultiplexedConnection;

use super::backoff::Backoff;
use super::shared::Shared;
use crate::membership::RENEW_INTERVAL;
use crate::redis::{LeaseStore, RedisConnector};

/// How often the core is stepped at least. A pause of the process is noticed in this way.
const STEP_INTERVAL: Duration = Duration::from_millis(100);

/// Renews the lease every second, until the task is aborted.
pub(super) async fn run(shared: Arc<Shared>, connector: RedisConnector, store: Arc<LeaseStore>, first: MultiplexedConnection) {
    let (mut connection, mut backoff) = (Some(first), Backoff::default());
    let mut away_since: Option<Instant> = None;
    let mut pause = RENEW_INTERVAL;
    loop {
        let _ = tokio::time::timeout(pause, shared.renew.notified()).await;
        match renew(&shared, &connector, &store, &mut connection).await {
            Ok(()) => {
                backoff.reset();
                pause = RENEW_INTERVAL;
                if let Some(since) = away_since.take() {
                    tracing::info!(seconds = since.elapsed().as_secs(), "Redis at {} can be reached again", connector.display());
                    shared.counters.redis_reconnects.fetch_add(1, Ordering::Relaxed);
                }
            }
            Err(error) => {
                connection = None;
                pause = backoff.next(rand::random());
                if away_since.is_none() {
                    tracing::warn!("{}; events are read from the database until then", connector.describe(&error));
                    away_since = Some(Instant::now());
                }
                shared.with_core(|core, now| core.renewal_failed(now));
            }
        }
        shared.is_reachable.store(away_since.is_none(), Ordering::Relaxed);
    }
}

async fn renew(
    shared: &Shared,
    connector: &RedisConnector,
    store: &LeaseStore,
    connection: &mut Option<MultiplexedConnection>,
) -> redis::RedisResult<()> {
    let connection = match connection {
        Some(connection) => connection,
        None => connection.insert(connector.commands().await?),
    };
    let own = shared.read_core(|core| core.membership().own().clone());
    let began = Instant::now();
    let listing = store.renew(connection, &own, rand::random()).await?;
    shared.with_core(|core, now| core.renewed(listing, began, now));
    Ok(())
}

/// Steps the core when something is due, until the task is aborted.
pub(super) async fn step(shared: Arc<Shared>) {
    loop {
        let next = shared.step_core(Instant::now() + STEP_INTERVAL);
        let _ = tokio::time::timeout_at(next.into(), shared.step.notified()).await;
    }
}
