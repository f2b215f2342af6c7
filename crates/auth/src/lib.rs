//! Authentication: the sources of a token, its verification, its identity, and how to sign one.
//!
//! - [`identity`]: a token's claims about a user.
//! - [`token_sources`]: where a request may carry its token.
//! - [`verifier`]: signature, times, issuer and audience.
//! - [`claims`]: a token's payload, parsed leniently where the tokens of other issuers differ.
//! - [`keys`], [`public_key`], [`dev_secret`]: the keys that verify tokens, each a [`verifying_key`].
//! - `json_object`: parses a JSON object of a client, and accepts no list.
//! - [`sign`]: signs tokens for tests and for a first try.
//! - [`api_key`]: the key of a backend.
//! - [`token_report`]: each check of a token with its result, for operators.
//! - [`authenticator`]: all of these for one request, the same for REST and sockets.

pub mod api_key;
pub mod authenticator;
pub mod claims;
pub mod dev_secret;
pub mod identity;
mod json_object;
pub mod keys;
pub mod public_key;
pub mod sign;
pub mod token_report;
pub mod token_sources;
pub mod verifier;
pub mod verifying_key;

pub use api_key::ApiKey;
pub use authenticator::Authenticator;
pub use identity::Identity;
pub use keys::Keys;
pub use token_report::{TokenCheck, TokenReport};
pub use token_sources::{ConnectAuth, ResumeHint};
pub use verifier::Verifier;

/// Why a client is not authenticated. The code is for clients, the text for people; neither reveals anything about the token.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
pub enum AuthError {
    /// The request has no token.
    #[error("No token was given")]
    Missing,
    /// The token failed a check. Only the log names the check, because the name would help an attacker who forges tokens.
    #[error("The token is not valid")]
    Invalid(FailedCheck),
    /// The token was valid, and has expired.
    #[error("The token has expired")]
    Expired,
    /// The client claims to be another user than the token's.
    #[error("The token belongs to another user")]
    SubjectMismatch,
    /// The user was deleted, and the token is not known to be issued after that.
    #[error("The user of this token was deleted; sign in again for a new token")]
    UserDeleted,
    /// The user has as many connections as a user may have.
    #[error("Too many connections")]
    TooManyConnections,
}

/// A check that a token did not pass.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum FailedCheck {
    /// The token is not a signed token (RFC 7519), is too long, or has a payload that cannot be read.
    Form,
    /// No key has the token's algorithm, or no key has its `kid`.
    Algorithm,
    /// No key has signed the token.
    Signature,
    /// `iss` is not `JWT_ISSUER`.
    Issuer,
    /// `aud` names none of `JWT_AUDIENCE`.
    Audience,
    /// `nbf` is in the future.
    Time,
    /// The token has no subject that can be a user's id.
    Subject,
}

impl AuthError {
    /// The codes of rejected tokens.
    pub const TOKEN_CODES: [&'static str; 3] = ["token_invalid", "token_expired", "subject_mismatch"];

    /// The stable code: `data.code` of a rejected Socket.IO connection, and `code` in REST.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "token_missing",
            Self::Invalid(_) => "token_invalid",
            Self::Expired => "token_expired",
            Self::SubjectMismatch => "subject_mismatch",
            Self::UserDeleted => "user_deleted",
            Self::TooManyConnections => "too_many_connections",
        }
    }

    /// The reason for the log: the code, and for an invalid token the check that failed.
    pub fn log_text(self) -> &'static str {
        let Self::Invalid(check) = self else { return self.code() };
        match check {
            FailedCheck::Form => "token_invalid: form",
            FailedCheck::Algorithm => "token_invalid: algorithm",
            FailedCheck::Signature => "token_invalid: signature",
            FailedCheck::Issuer => "token_invalid: issuer",
            FailedCheck::Audience => "token_invalid: audience",
            FailedCheck::Time => "token_invalid: time (nbf)",
            FailedCheck::Subject => "token_invalid: subject",
        }
    }
}
