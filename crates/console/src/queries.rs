//! Queries of the database.

use domain::command::{Actor, Query};
use domain::error::DomainError;
use tokio::sync::oneshot;

use crate::Console;

/// Runs a query as an actor.
///
/// # Errors
/// Those of the query, and [`DomainError::Unavailable`] while the server stops.
pub(crate) async fn ask<Q: Query>(console: &Console, actor: Actor, query: Q) -> Result<Q::Output, DomainError> {
    let (reply, answer) = oneshot::channel();
    console.deps.readers.ask(actor, query, move |result| drop(reply.send(result)));
    answer.await.unwrap_or_else(|_| Err(DomainError::Unavailable("the server is stopping".to_owned())))
}
