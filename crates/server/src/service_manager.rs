//! The server's messages to the service manager: the protocol of `sd_notify(3)`, which systemd and others understand. Without `NOTIFY_SOCKET` they go nowhere.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio::task::JoinHandle;
use tokio::time::MissedTickBehavior;

/// How much longer than `DRAIN_SECONDS` a stop may take: the grace of the drain, and the close of the database.
const STOP_GRACE: Duration = Duration::from_secs(5);

/// The messages to the service manager.
pub(crate) struct ServiceManager {
    watchdog: Option<JoinHandle<()>>,
}

impl ServiceManager {
    /// Reports that the server listens. From now on the service manager receives a sign of life as often as it demands (`WatchdogSec`), for as long as
    /// `is_alive` returns true in time. A server that freezes is then killed and started again.
    pub fn ready<F: Future<Output = bool> + Send>(is_alive: impl Fn() -> F + Send + Sync + 'static) -> Self {
        send(&[NotifyState::Ready]);
        let watchdog = sd_notify::watchdog_enabled().map(|limit| {
            tokio::spawn(async move {
                // Two signs of life in each period, as the documentation of systemd recommends.
                let mut period = tokio::time::interval(limit / 2);
                period.set_missed_tick_behavior(MissedTickBehavior::Delay);
                loop {
                    period.tick().await;
                    if is_alive().await {
                        send(&[NotifyState::Watchdog]);
                    } else {
                        tracing::error!("a part of the server does not respond; the service manager receives no sign of life");
                    }
                }
            })
        });
        Self { watchdog }
    }

    /// Reports that the server stops, and how long the drain may take, so that `TimeoutStopSec` needs no change for a longer `DRAIN_SECONDS`.
    pub fn stopping(&self, drain: Duration) {
        let most = u32::try_from((drain + STOP_GRACE).as_micros()).unwrap_or(u32::MAX);
        send(&[NotifyState::Stopping, NotifyState::ExtendTimeoutUsec(most)]);
    }
}

impl Drop for ServiceManager {
    fn drop(&mut self) {
        if let Some(watchdog) = &self.watchdog {
            watchdog.abort();
        }
    }
}

fn send(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "the service manager cannot be notified");
    }
}
