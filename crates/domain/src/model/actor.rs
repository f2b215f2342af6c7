//! The user on whose behalf a command or query is executed.

use super::UserId;

/// The user on whose behalf an operation is executed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Actor {
    /// The user's id.
    pub user: UserId,
    /// Whether the actor has the role `admin` of the server, by the token or as a back end.
    pub admin: bool,
}

impl Actor {
    /// The server itself, for operations by its own clock, and a back end with the server's key. No user has an empty id.
    pub fn server() -> Self {
        Self { user: UserId::new(""), admin: true }
    }
}
