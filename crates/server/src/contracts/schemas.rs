//! The schemas of the domain's closed lists of words, which itself knows nothing of schemas.

use domain::calls::CallStatus;
use domain::error::DomainError;
use domain::spaces::Role;
use serde::Serialize;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::responses::UNKNOWN_EVENT;
use crate::auth::AuthError;

/// What a member of a space is.
pub fn role() -> Object {
    one_of(&Role::ALL, "What a member may do: `admin` changes members, archives and deletes.")
}

/// How far a call has come.
pub fn call_status() -> Object {
    one_of(&CallStatus::ALL, "How far a call has come.")
}

/// Why something was refused, for programs.
pub fn code() -> Object {
    let codes: Vec<_> = DomainError::CODES.into_iter().chain([UNKNOWN_EVENT]).chain(AuthError::TOKEN_CODES).collect();
    one_of(&codes, "Why something was refused, for programs.")
}

/// The same where every word is understood.
pub fn error_code() -> Object {
    let codes: Vec<_> = DomainError::CODES.into_iter().chain(AuthError::TOKEN_CODES).collect();
    one_of(&codes, "Why something was refused, for programs.")
}

/// One of these words, as they are written in JSON.
fn one_of(words: &[impl Serialize], description: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(words.iter().map(|word| serde_json::json!(word))))
        .description(Some(description))
        .build()
}
