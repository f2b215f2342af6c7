//! The error codes of sockets: those of the domain and of tokens, and the code of an unknown event.

use auth::AuthError;
use domain::error::DomainError;
use utoipa::openapi::schema::Object;

use super::schemas::one_of;

/// The code of an event that no contract defines.
pub const UNKNOWN_EVENT: &str = "unknown_event";

/// The error code, for programs.
pub fn code() -> Object {
    let codes: Vec<_> = DomainError::CODES.into_iter().chain([UNKNOWN_EVENT]).chain(AuthError::TOKEN_CODES).collect();
    one_of(&codes, "The error code, for programs.")
}

/// The error code in contracts that define all events.
pub fn error_code() -> Object {
    let codes: Vec<_> = DomainError::CODES.into_iter().chain(AuthError::TOKEN_CODES).collect();
    one_of(&codes, "The error code, for programs.")
}
