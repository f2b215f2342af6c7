//! What a token says about a person.

use domain::names::PersonId;

/// The longest subject that is believed, in bytes. A person's inbox is a room, and a room's id has its own limit above this.
const LONGEST_SUBJECT: usize = 128;

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

/// The person of a subject. `None` if it is blank, longer than 128 bytes, or has control characters.
pub fn person(subject: &str) -> Option<PersonId> {
    is_id(subject).then(|| PersonId::new(subject))
}

/// True if the text can be the id of a person or of a household from a claim. A blank one is what a back end's mistake looks like, and all
/// who had it would be one person.
pub(super) fn is_id(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= LONGEST_SUBJECT && !text.chars().any(char::is_control)
}
