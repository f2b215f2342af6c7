//! A token's claims about a user.

use domain::ids::UserId;

/// A user, as described by a verified token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// The user's id.
    pub user: UserId,
    /// The display name.
    pub name: Option<String>,
    /// The username in the workspace contract.
    pub username: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The household whose member the user is, as the token's issuer claims.
    pub household: Option<String>,
    /// Whether the user is an admin, who may do everything that users may do.
    pub admin: bool,
    /// Whether the token belongs to a backend.
    pub service: bool,
    /// When the token was issued, in seconds since 1970.
    pub issued_at: Option<i64>,
    /// When the token expires, in seconds since 1970; `None` if it never does.
    pub expires_at: Option<i64>,
}

/// The user of a subject. The bound is that of every user's id, so that each user who can be added to a space can connect. `None` if the subject
/// cannot be an id; see [`UserId::parse`].
pub fn user_id(subject: &str) -> Option<UserId> {
    UserId::parse(subject)
}

/// True if the text can be the id of a household from a claim; the bound is that of a user's id.
pub(super) fn is_id(text: &str) -> bool {
    UserId::parse(text).is_some()
}
