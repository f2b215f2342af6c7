//! Runs removals of users and spaces, which take several steps.

use std::time::Duration;

use domain::ids::UserId;
use domain::removals::{ContinueRemovals, IsBeingRemoved};
use store::Writer;

use crate::server_command::run_as_server;

/// How long the task sleeps when there is no removal, or when a step has failed.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Continues removals for as long as the server runs, including the ones that the last stop interrupted.
/// The writer runs waiting commands between two steps.
pub async fn continue_removals(writer: Writer) {
    loop {
        match run_as_server(&writer, ContinueRemovals).await {
            Some(Ok(true)) => {}
            Some(Ok(false)) => tokio::time::sleep(RETRY_DELAY).await,
            Some(Err(error)) => {
                tracing::warn!(%error, "failed to continue a removal; the server will retry");
                tokio::time::sleep(RETRY_DELAY).await;
            }
            None => return,
        }
    }
}

/// Continues removals until no data of this user is left. Ends early if the store fails; then [`continue_removals`] does the rest.
pub async fn end_removal_of(writer: Writer, user: UserId) {
    while let Some(Ok(true)) = run_as_server(&writer, IsBeingRemoved { user: user.clone() }).await {
        if !matches!(run_as_server(&writer, ContinueRemovals).await, Some(Ok(_))) {
            return;
        }
    }
}
