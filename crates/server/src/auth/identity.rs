//! What a token says about a person.

use domain::names::PersonId;

/// A person, as a believed token describes them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Identity {
    /// Who.
    pub person: PersonId,
    /// The name that is shown.
    pub name: Option<String>,
    /// workspace's name of the person.
    pub username: Option<String>,
    /// The e-mail address.
    pub email: Option<String>,
    /// The household that the token's signer says the person is a member of.
    pub household: Option<String>,
    /// May do everything that people may do.
    pub admin: bool,
    /// Speaks for a team's own back end.
    pub service: bool,
    /// When the token was made, in seconds since 1970.
    pub issued_at: Option<i64>,
    /// When the token ends, in seconds since 1970; `None` if it never does.
    pub expires_at: Option<i64>,
}

/// The user of a subject. The bound is that of every user's id, so that each user who can be added to a space can connect. `None` if the subject
/// cannot be an id; see [`PersonId::parse`].
pub fn person(subject: &str) -> Option<PersonId> {
    PersonId::parse(subject)
}

/// True if the text can be the id of a household from a claim; the bound is that of a user's id.
pub(super) fn is_id(text: &str) -> bool {
    PersonId::parse(text).is_some()
}
