//! What all requests share.

use std::sync::Arc;

use auth::Authenticator;
use domain::event::EphemeralEvent;
use domain::ids::{Timestamp, UserId};
use domain::ports::{Bus, BusMessage};
use domain::removals::{ContinueRemovals, IsBeingRemoved};
use limits::rate_limit::RateLimits;
use server_status::ServerStatus;
use store::{Readers, Writer};

use crate::seen_users::SeenUsers;

/// The dependencies of the paths.
pub struct RestDeps {
    /// Runs the commands.
    pub writer: Writer,
    /// Run the queries.
    pub readers: Readers,
    /// Authenticates requests, and decides which origins may read the answers.
    pub authenticator: Arc<Authenticator>,
    /// The current time, for tokens.
    pub clock: fn() -> Timestamp,
    /// Rate limits and other budgets.
    pub limits: Arc<RateLimits>,
    /// The open connections, and the health of the server.
    pub status: Arc<dyn ServerStatus>,
    /// Ephemeral events are published here.
    pub bus: Arc<dyn Bus>,
    /// The largest body, in bytes.
    pub max_body: usize,
    /// Whether this server is one of several nodes, which change the same data.
    pub is_node: bool,
}

/// The state that all requests share.
pub struct RestState {
    /// The dependencies of the paths.
    pub deps: RestDeps,
    pub(crate) seen_users: SeenUsers,
}

impl RestState {
    /// The state of a server that has served no request.
    pub fn new(deps: RestDeps) -> Self {
        Self { seen_users: SeenUsers::new(deps.is_node), deps }
    }

    /// The current time, for tokens.
    pub fn now(&self) -> Timestamp {
        (self.deps.clock)()
    }

    /// Loads a user again at the user's next request.
    pub fn forget_user(&self, user: &UserId) {
        self.seen_users.remove(user);
    }

    /// Continues removals until no data of this user is left. Ends early if the store fails; then the server's background task does the rest.
    pub async fn finish_removal(&self, user: UserId) {
        let writer = &self.deps.writer;
        while let Some(Ok(true)) = writer.run_as_server(IsBeingRemoved { user: user.clone() }).await {
            if !matches!(writer.run_as_server(ContinueRemovals).await, Some(Ok(_))) {
                return;
            }
        }
    }

    /// Ends all connections of a user. `reason` is for the client.
    pub fn disconnect(&self, user: UserId, reason: &str) {
        let disconnected = EphemeralEvent::Disconnected { users: vec![user], connections: Vec::new(), reason: reason.to_owned() };
        self.deps.bus.publish(BusMessage::Ephemeral(disconnected.into()));
    }
}
