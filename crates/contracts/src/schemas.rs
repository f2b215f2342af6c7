//! The schemas of the domain's enumerations; the domain has no schemas.

use domain::calls::CallStatus;
use domain::spaces::Role;
use serde::Serialize;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

/// The role of a member.
pub fn role() -> Object {
    one_of(&Role::ALL, "The role of a member. An `admin` may change members, archive and delete.")
}

/// The status of a call.
pub fn call_status() -> Object {
    one_of(&CallStatus::ALL, "The status of a call.")
}

/// One of these values, as they are written in JSON.
pub(super) fn one_of(values: &[impl Serialize], description: &str) -> Object {
    ObjectBuilder::new()
        .schema_type(Type::String)
        .enum_values(Some(values.iter().map(|value| serde_json::json!(value))))
        .description(Some(description))
        .build()
}
