//! Acknowledgements that all Socket.IO contracts share: of success without a result, and of failure.

use std::borrow::Cow;

use client_json::error_text::wrong_field;
use client_json::field_names::FieldNames;
use client_json::json;
use domain::error::DomainError;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::error_codes;

/// The acknowledgement of a request that failed.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Refused)]
pub struct AckError<'a> {
    #[schema(schema_with = ConstBool::<false>::schema)]
    ok: ConstBool<false>,
    /// The reason, as a text for users.
    error: Cow<'a, str>,
    /// The reason, as a code for programs.
    #[schema(schema_with = error_codes::code)]
    code: &'a str,
    /// The invalid field.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<&'a str>,
    /// The seconds after which a retry may succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    retry_after: Option<u64>,
}

impl<'a> AckError<'a> {
    /// An error without a field and a retry delay.
    pub fn of(error: String, code: &'a str) -> Self {
        Self { ok: ConstBool, error: Cow::Owned(error), code, field: None, retry_after: None }
    }
}

/// The acknowledgement of a request without a result.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
#[schema(as = Done)]
pub struct AckOk {
    #[schema(schema_with = ConstBool::<true>::schema)]
    ok: ConstBool<true>,
}

/// A boolean with a constant value. It tells a client which other fields exist.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ConstBool<const VALUE: bool>;

impl<const VALUE: bool> Serialize for ConstBool<VALUE> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(VALUE)
    }
}

impl<const VALUE: bool> ConstBool<VALUE> {
    /// The schema of the constant.
    pub fn schema() -> Object {
        ObjectBuilder::new().schema_type(Type::Boolean).enum_values(Some([VALUE])).build()
    }
}

/// The acknowledgement of a failed request, with a text that the contract chooses.
pub fn ack_error(error: Cow<'_, str>, domain_error: &DomainError, fields: FieldNames) -> String {
    let (field, retry_after) = remedy(domain_error, fields);
    json(&AckError { ok: ConstBool, error, code: domain_error.code(), field, retry_after })
}

/// The invalid field, and the seconds until a retry may succeed, if the error has them.
pub(super) fn remedy(error: &DomainError, fields: FieldNames) -> (Option<&'static str>, Option<u64>) {
    let retry_after = match error {
        DomainError::RateLimited { retry_after } | DomainError::OverQuota { retry_after } => Some(*retry_after),
        _ => None,
    };
    (wrong_field(error, fields), retry_after)
}
