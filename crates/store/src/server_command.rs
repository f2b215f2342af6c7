//! Commands of the server itself, which have no user.

use std::sync::mpsc;

use domain::command::{Actor, Command, Query};
use domain::error::DomainError;
use tokio::sync::oneshot;

use crate::{Readers, Writer};

impl Writer {
    /// Runs a command as the server. `None` if the writer has ended.
    pub async fn run_as_server<C: Command>(&self, command: C) -> Option<Result<C::Output, DomainError>> {
        let (reply, result) = oneshot::channel();
        self.run(Actor::server(), command, move |output| drop(reply.send(output)));
        result.await.ok()
    }

    /// Runs a command as the server, and blocks the thread until its result is there. `None` if the writer has ended.
    pub fn run_as_server_blocking<C: Command>(&self, command: C) -> Option<Result<C::Output, DomainError>> {
        let (reply, result) = mpsc::channel();
        self.run(Actor::server(), command, move |output| drop(reply.send(output)));
        result.recv().ok()
    }
}

impl Readers {
    /// Runs a query as the server. `None` if the readers have ended.
    pub async fn run_as_server<Q: Query>(&self, query: Q) -> Option<Result<Q::Output, DomainError>> {
        let (reply, result) = oneshot::channel();
        self.ask(Actor::server(), query, move |output| drop(reply.send(output)));
        result.await.ok()
    }
}
