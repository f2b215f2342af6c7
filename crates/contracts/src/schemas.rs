//! The schemas of the domain's enumerations; the domain has no schemas.

use auth::AuthError;
use domain::calls::CallStatus;
use domain::error::DomainError;
use domain::spaces::Role;
use serde::Serialize;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::responses::UNKNOWN_EVENT;

/// The role of a member.
pub fn role() -> Object {
    one_of(&Role::ALL, "The role of a member. An `admin` may change members, archive and delete.")
}

/// The status of a call.
pub fn call_status() -> Object {
    one_of(&CallStatus::ALL, "The status of a call.")
}

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

/// One of these values, as they are written in JSON.
fn one_of(values: &[impl Serialize], description: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(values.iter().map(|value| serde_json::json!(value))))
        .description(Some(description))
        .build()
}
