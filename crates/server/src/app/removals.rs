//! Runs removals of users and spaces, which take several steps.

use std::time::Duration;

use domain::removals::ContinueRemovals;
use store::Writer;

/// How long the task sleeps when there is no removal, or when a step has failed.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Continues removals for as long as the server runs, including the ones that the last stop interrupted.
/// The writer runs waiting commands between two steps.
pub async fn continue_removals(writer: Writer) {
    loop {
        match writer.run_as_server(ContinueRemovals).await {
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
