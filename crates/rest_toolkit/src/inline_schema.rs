//! Schemas without references.

use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{AnyOfBuilder, Schema};

/// The schema of a type, in place of a reference to it.
pub fn inline(schema: RefOr<Schema>) -> Schema {
    match schema {
        RefOr::T(schema) => schema,
        RefOr::Ref(reference) => AnyOfBuilder::new().item(reference).build().into(),
    }
}
