//! Runs commands of the server itself, which have no user.

use std::sync::mpsc;

use domain::command::{Actor, Command};
use domain::error::DomainError;
use store::Writer;
use tokio::sync::oneshot;

/// Runs a command as the server. `None` if the writer has ended.
pub async fn run_as_server<C: Command>(writer: &Writer, command: C) -> Option<Result<C::Output, DomainError>> {
    let (reply, result) = oneshot::channel();
    writer.run(Actor::server(), command, move |output| drop(reply.send(output)));
    result.await.ok()
}

/// Runs a command as the server, and blocks the thread until its result is there.
///
/// # Errors
/// If the command fails, or the writer has ended.
pub fn run_as_server_blocking<C: Command>(writer: &Writer, command: C) -> anyhow::Result<C::Output> {
    let (reply, result) = mpsc::channel();
    writer.run(Actor::server(), command, move |output| drop(reply.send(output)));
    Ok(result.recv()??)
}
