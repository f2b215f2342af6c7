//! The errors of commands and queries. Each transport renders them in its own form.

use std::borrow::Cow;
use std::fmt;

use thiserror::Error;

use crate::field::Field;

/// The error of a command or a query. The changes of a rejected command are rolled back.
///
/// # Examples
///
/// ```
/// use domain::error::DomainError;
/// use domain::field::Field;
/// use domain::validation;
///
/// let error = validation::date(Field::DueDate, Some("tomorrow")).expect_err("not a date");
/// assert_eq!(error.code(), "invalid");
/// assert!(matches!(error, DomainError::Invalid { field: Field::DueDate, .. }));
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum DomainError {
    /// The value of a field is not valid.
    #[error("{field}: {reason}")]
    Invalid {
        /// The field.
        field: Field,
        /// A description of a valid value.
        reason: Reason,
    },
    /// The value of a field matches several objects.
    #[error("{field}: {reason}")]
    Ambiguous {
        /// The field.
        field: Field,
        /// The matches, and how to name one of them.
        reason: Reason,
    },
    /// The caller may see the object but may not execute this operation on it.
    #[error("{0}")]
    Forbidden(&'static str),
    /// The object does not exist, or the caller may not see it; the output does not reveal which.
    #[error("{0} not found")]
    NotFound(&'static str),
    /// The state of the object does not allow the operation.
    #[error("{0}")]
    Conflict(&'static str),
    /// The caller exceeds a rate limit.
    #[error("Rate limit exceeded, try again in {retry_after} s")]
    RateLimited {
        /// Whole seconds after which the same call may succeed.
        retry_after: u64,
    },
    /// The user was deleted, and the token was not certainly issued after the deletion.
    #[error("The user of this token was deleted; sign in again for a new token")]
    UserDeleted,
    /// The caller has used up the daily quota of stored objects or bytes.
    #[error("Daily quota used up, try again in {retry_after} s")]
    OverQuota {
        /// Whole seconds after which the same call may succeed.
        retry_after: u64,
    },
    /// The store cannot be used now (full disk, read-only, locked), or a queue is full; the same call may succeed later.
    #[error("not possible now: {0}")]
    Unavailable(String),
    /// A bug in the server. The text is for the log, never for a client.
    #[error("internal error: {0}")]
    Internal(String),
}

impl DomainError {
    /// Every [`DomainError::code`], in the order of the variants.
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

    /// Makes a [`DomainError::Invalid`].
    pub fn invalid(field: Field, reason: impl Into<Reason>) -> Self {
        Self::Invalid { field, reason: reason.into() }
    }

    /// Makes a [`DomainError::Invalid`] for a part of a request that no command has.
    pub fn invalid_input(name: &'static str, reason: impl Into<Reason>) -> Self {
        Self::invalid(Field::Input(name), reason)
    }

    /// The whole seconds after which the same call may succeed, if they are known.
    pub fn retry_after(&self) -> Option<u64> {
        match self {
            Self::RateLimited { retry_after } | Self::OverQuota { retry_after } => Some(*retry_after),
            _ => None,
        }
    }

    /// The machine-readable error code; part of the public API.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Invalid { .. } => "invalid",
            Self::Ambiguous { .. } => "ambiguous",
            Self::Forbidden(_) => "forbidden",
            Self::NotFound(_) => "not_found",
            Self::Conflict(_) => "conflict",
            Self::RateLimited { .. } => "rate_limited",
            Self::UserDeleted => "user_deleted",
            Self::OverQuota { .. } => "quota_exceeded",
            Self::Unavailable(_) => "unavailable",
            Self::Internal(_) => "internal",
        }
    }
}

/// The description of a valid value, as a text that follows the name of its field. It may name one other field.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    text: Cow<'static, str>,
    /// The field in place of the braces in `text`.
    other: Option<Field>,
}

impl Reason {
    /// A description that names another field in place of `{}`.
    pub fn with_field(text: impl Into<Cow<'static, str>>, other: Field) -> Self {
        Self { text: text.into(), other: Some(other) }
    }

    /// The description, in which `name` names the other field.
    pub fn text(&self, name: impl FnOnce(Field) -> &'static str) -> Cow<'_, str> {
        match self.other {
            Some(field) => self.text.replacen("{}", name(field), 1).into(),
            None => Cow::Borrowed(&self.text),
        }
    }
}

impl From<&'static str> for Reason {
    fn from(text: &'static str) -> Self {
        Self { text: text.into(), other: None }
    }
}

impl From<String> for Reason {
    fn from(text: String) -> Self {
        Self { text: text.into(), other: None }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text(Field::name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_has_one_of_the_codes() {
        let all = [
            DomainError::invalid(Field::Title, "reason"),
            DomainError::Ambiguous { field: Field::Title, reason: "reason".into() },
            DomainError::Forbidden("no"),
            DomainError::NotFound("Thing"),
            DomainError::Conflict("no"),
            DomainError::RateLimited { retry_after: 1 },
            DomainError::UserDeleted,
            DomainError::OverQuota { retry_after: 1 },
            DomainError::Unavailable("no".into()),
            DomainError::Internal("no".into()),
        ];
        assert_eq!(all.each_ref().map(DomainError::code), DomainError::CODES);
    }

    #[test]
    fn reason_names_its_other_field() {
        let reason = Reason::with_field("must have a value, or {} have one: {}", Field::ReadUpTo);
        assert_eq!(reason.text(|_| "upTo"), "must have a value, or upTo have one: {}");
        assert_eq!(reason.to_string(), "must have a value, or read_up_to have one: {}");
        assert_eq!(Reason::from("must not be {}").text(|_| "upTo"), "must not be {}");
    }
}
