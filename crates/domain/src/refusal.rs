//! The closed list of ways to say no. Every transport says them in its own way; the rules only choose one.

use thiserror::Error;

/// Why something was not done. Nothing of a refused command remains.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum Refusal {
    /// The caller sent something that cannot be meant; `field` names it and `reason` says what would be right.
    #[error("{field}: {reason}")]
    Invalid {
        /// The client's name of the field.
        field: &'static str,
        /// What is wrong and what would be right, in a sentence's words.
        reason: String,
    },
    /// What the caller sent could mean several things; `field` names it and `reason` says how to say which.
    #[error("{field}: {reason}")]
    Ambiguous {
        /// The client's name of the field.
        field: &'static str,
        /// What it could mean, and how to say which, in a sentence's words.
        reason: String,
    },
    /// The caller may see the thing but may not do this to it.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The thing is not there, or the caller may not know that it is: both are answered alike.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The thing is in a state that does not allow this.
    #[error("{0}")]
    Conflict(&'static str),
    /// The caller's budget is used up.
    #[error("Rate limit exceeded, try again in {retry_after} s")]
    TooMany {
        /// Whole seconds after which the same call may succeed.
        retry_after: u64,
    },
    /// The account was deleted, and the token is not known to be issued after that.
    #[error("The user of this token was deleted; sign in again for a new token")]
    UserDeleted,
    /// The caller has stored as much as a user may in a day.
    #[error("Daily quota used up, try again in {retry_after} s")]
    OverQuota {
        /// Whole seconds after which the same call may succeed.
        retry_after: u64,
    },
    /// The store cannot be used now (full disk, read-only, locked); the same call may succeed later.
    #[error("the database is not available: {0}")]
    Unavailable(String),
    /// A fault of ours. The text is for the log, never for a client.
    #[error("internal error: {0}")]
    Internal(String),
}

impl Refusal {
    /// Every [`Refusal::code`], in the order of the variants.
    pub const CODES: [&'static str; 10] = [
        "invalid",
        "ambiguous",
        "forbidden",
        "not_found",
        "conflict",
        "rate_limited",
        "user_deleted",
        "quota_exceeded",
        "unavailable",
        "internal",
    ];

    /// A refusal of one field.
    pub fn invalid(field: &'static str, reason: impl Into<String>) -> Self {
        Self::Invalid { field, reason: reason.into() }
    }

    /// The seconds after which the same call may succeed, if that is known.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::TooMany { retry_after } | Self::OverQuota { retry_after } => Some(*retry_after),
            _ => None,
        }
    }

    /// The word that programs read; part of the public API.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid",
            Self::Ambiguous { .. } => "ambiguous",
            Self::Forbidden(_) => "forbidden",
            Self::NotFound(_) => "not_found",
            Self::Conflict(_) => "conflict",
            Self::TooMany { .. } => "rate_limited",
            Self::UserDeleted => "user_deleted",
            Self::OverQuota { .. } => "quota_exceeded",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_has_one_of_the_codes() {
        let all = [
            Refusal::invalid("field", "reason"),
            Refusal::Ambiguous { field: "field", reason: "reason".into() },
            Refusal::Forbidden("no"),
            Refusal::NotFound("Thing"),
            Refusal::Conflict("no"),
            Refusal::TooMany { retry_after: 1 },
            Refusal::UserDeleted,
            Refusal::OverQuota { retry_after: 1 },
            Refusal::Unavailable("no".into()),
            Refusal::Internal("no".into()),
        ];
        assert_eq!(all.each_ref().map(Refusal::code), Refusal::CODES);
    }
}
