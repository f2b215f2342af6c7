//! A Redis server, an event log, and nodes that record what they deliver.

mod proxy;
mod redis_server;
mod test_log;
mod test_node;

pub use proxy::Proxy;
pub use redis_server::RedisServer;
pub use test_log::TestLog;
pub use test_node::{Observed, TestNode, config};

use std::future::Future;
use std::time::Duration;

/// Waits until a condition holds.
pub async fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    wait_until_async(what, || std::future::ready(holds())).await;
}

/// Waits until a condition on a server holds. Gives up after many attempts, and names the condition.
pub async fn wait_until_async<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    for _ in 0..12_000 {
        if holds().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    panic!("this condition never held: {what}");
}
