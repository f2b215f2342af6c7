//! Runs removals, which take several steps.

use std::time::Duration;

use domain::command::{Actor, Command};
use domain::error::DomainError;
use domain::ids::UserId;
use domain::removals::{ContinueRemovals, IsBeingRemoved};
use store::Writer;
use tokio::sync::oneshot;

/// How long the task sleeps when there is no removal, or when a step has failed.
const RETRY_DELAY: Duration = Duration::from_secs(1);

/// Continues removals for as long as the server runs, also those that the last stop has interrupted. Between two steps the writer runs the commands
/// that wait.
pub async fn continue_removals(writer: Writer) {
    loop {
        match ask(&writer, ContinueRemovals).await {
            Some(Ok(true)) => {}
            Some(Ok(false)) => tokio::time::sleep(RETRY_DELAY).await,
            Some(Err(error)) => {
                tracing::warn!(%error, "a removal could not be continued");
                tokio::time::sleep(RETRY_DELAY).await;
            }
            None => return,
        }
    }
}

/// Continues removals until nothing of this user is left. It ends early if the store fails; then [`continue_removals`] goes on.
pub async fn end_removal_of(writer: Writer, user: UserId) {
    while let Some(Ok(true)) = ask(&writer, IsBeingRemoved { user: user.clone() }).await {
        if !matches!(ask(&writer, ContinueRemovals).await, Some(Ok(_))) {
            return;
        }
    }
}

/// Runs a command as the server. `None` if the writer has ended.
async fn ask<C: Command>(writer: &Writer, command: C) -> Option<Result<C::Output, DomainError>> {
    let (reply, answer) = oneshot::channel();
    writer.run(Actor::server(), command, move |result| drop(reply.send(result)));
    answer.await.ok()
}
