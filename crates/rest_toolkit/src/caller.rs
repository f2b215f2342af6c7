//! The calling user.

use auth::Identity;
use domain::command::Actor;
use domain::ids::Timestamp;
use domain::users::Claims;

/// A user whose token is verified.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Caller {
    /// The user who sends the request.
    pub actor: Actor,
    /// The token's claims about the user.
    pub claims: Claims,
}

impl From<Identity> for Caller {
    fn from(identity: Identity) -> Self {
        let Identity { user, name, username, email, household, admin, issued_at, .. } = identity;
        let issued_at = issued_at.map(|seconds| Timestamp(seconds.saturating_mul(1_000_000)));
        Self { actor: Actor { user, admin }, claims: Claims { name, username, email, household, issued_at } }
    }
}
