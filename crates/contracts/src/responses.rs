//! Error events and acknowledgements of all Socket.IO contracts that define none of their own.

use std::borrow::Cow;

use client_json::error_text::{client_error_text, wrong_field};
use client_json::field_names::FieldNames;
use client_json::json;
use domain::error::DomainError;
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::event_schema::ServerEvent;
use super::{Reply, schemas};

/// The event for a failed request whose client waits for no acknowledgement.
pub const ERROR: ServerEvent<ErrorEvent<'_>> = ServerEvent::new("error", "A request of this connection without an acknowledgement failed.");

/// The event for a client whose position is too old to replay the events after it.
pub const RESYNC: ServerEvent<Resync> =
    ServerEvent::new("resync", "The events that this client missed are no longer available. It must load all data again.");

/// The payload of `resync`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Resync {
    /// The reason, as a text for users.
    message: &'static str,
}

impl Resync {
    /// The payload.
    pub(super) const fn new() -> Self {
        Self { message: "Missed events are no longer available; load all data again" }
    }
}

/// The code of an event that no contract defines.
pub const UNKNOWN_EVENT: &str = "unknown_event";

/// The payload of `error`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorEvent<'a> {
    /// The reason, as a text for users.
    message: Cow<'a, str>,
    /// The reason, as a code for programs.
    #[schema(schema_with = schemas::code)]
    code: &'a str,
    /// The event that failed.
    event: &'a str,
    /// The invalid field.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<&'a str>,
    /// The seconds after which a retry may succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    retry_after: Option<u64>,
}

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
    #[schema(schema_with = schemas::code)]
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

impl<'a> ErrorEvent<'a> {
    /// An error without a field and a retry delay.
    pub fn of(message: String, code: &'a str, event: &'a str) -> Self {
        Self { message: Cow::Owned(message), code, event, field: None, retry_after: None }
    }
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

/// The reply to a request with an error. Inputs: the request's name, the error, whether the client waits for an acknowledgement, and the
/// contract's names of fields.
pub fn error_reply(name: &str, error: &DomainError, acked: bool, fields: FieldNames) -> Reply {
    let (text, code) = (Cow::Owned(client_error_text(error, fields)), error.code());
    if acked {
        return Reply { ack: Some(ack_error(text, error, fields)), ..Reply::default() };
    }
    let (field, retry_after) = remedy(error, fields);
    Reply { messages: vec![ERROR.render(&ErrorEvent { message: text, code, event: name, field, retry_after })], ..Reply::default() }
}

/// The acknowledgement of a failed request, with a text that the contract chooses.
pub fn ack_error(error: Cow<'_, str>, domain_error: &DomainError, fields: FieldNames) -> String {
    let (field, retry_after) = remedy(domain_error, fields);
    json(&AckError { ok: ConstBool, error, code: domain_error.code(), field, retry_after })
}

/// The reply to an event that no contract defines.
pub fn unknown_event_reply(name: &str, acked: bool) -> Reply {
    let (text, code, field, retry_after) = (Cow::Owned(format!("Unknown event {name}")), UNKNOWN_EVENT, None, None);
    if acked {
        Reply { ack: Some(json(&AckError { ok: ConstBool, error: text, code, field, retry_after })), ..Reply::default() }
    } else {
        Reply { messages: vec![ERROR.render(&ErrorEvent { message: text, code, event: name, field, retry_after })], ..Reply::default() }
    }
}

/// The invalid field, and the seconds until a retry may succeed, if the error has them.
fn remedy(error: &DomainError, fields: FieldNames) -> (Option<&'static str>, Option<u64>) {
    let retry_after = match error {
        DomainError::RateLimited { retry_after } | DomainError::OverQuota { retry_after } => Some(*retry_after),
        _ => None,
    };
    (wrong_field(error, fields), retry_after)
}
