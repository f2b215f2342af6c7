//! Refusals and acknowledgements that are the same for all Socket.IO contracts that define none of their own.

use std::borrow::Cow;

use domain::error::DomainError;
use domain::ids::Timestamp;
use engine::{Namespace, OutboundMessage};
use serde::{Serialize, Serializer};
use utoipa::ToSchema;
use utoipa::openapi::schema::{Object, ObjectBuilder, Type};

use super::event_schema::ServerEvent;
use super::{FieldNames, Reply, json, schemas, workspace};

/// The event for a refused request whose client waits for no acknowledgement.
pub const ERROR: ServerEvent<ErrorEvent<'_>> =
    ServerEvent::new("error", "What this connection asked for without an acknowledgement was refused.");

/// The event for a client whose position is too old to replay the events after it.
pub const RESYNC: ServerEvent<Resync> =
    ServerEvent::new("resync", "What this client has missed is not known any more: it asks for everything anew.");

/// Of `resync`.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Resync {
    /// Why, for people.
    message: &'static str,
}

/// The message for a client whose missed events are not kept any more.
pub fn resync(namespace: Namespace, now: Timestamp) -> OutboundMessage {
    let resync = Resync { message: "What was missed is not known any more; ask for everything anew" };
    if namespace == Namespace::PLAIN { workspace::resync(&resync, now) } else { RESYNC.render(&resync) }
}

/// The code of an event that no contract defines.
pub const UNKNOWN_EVENT: &str = "unknown_event";

/// Of `error`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorEvent<'a> {
    /// Why, for people.
    message: Cow<'a, str>,
    /// Why, for programs.
    #[schema(schema_with = schemas::code)]
    code: &'a str,
    /// The event that was refused.
    event: &'a str,
    /// The field that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<&'a str>,
    /// The seconds after which it may succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    retry_after: Option<u64>,
}

/// The acknowledgement of a refusal.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = Refused)]
pub struct AckError<'a> {
    #[schema(schema_with = ConstBool::<false>::schema)]
    ok: ConstBool<false>,
    /// Why, for people.
    error: Cow<'a, str>,
    /// Why, for programs.
    #[schema(schema_with = schemas::code)]
    code: &'a str,
    /// The field that is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    field: Option<&'a str>,
    /// The seconds after which it may succeed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(nullable = false)]
    retry_after: Option<u64>,
}

impl<'a> ErrorEvent<'a> {
    /// A refusal without a field and a retry delay.
    pub fn of(message: String, code: &'a str, event: &'a str) -> Self {
        Self { message: Cow::Owned(message), code, event, field: None, retry_after: None }
    }
}

impl<'a> AckError<'a> {
    /// A refusal without a field and a retry delay.
    pub fn of(error: String, code: &'a str) -> Self {
        Self { ok: ConstBool, error: Cow::Owned(error), code, field: None, retry_after: None }
    }
}

/// The acknowledgement of what has nothing to say.
#[derive(Clone, Copy, Debug, Default, Serialize, ToSchema)]
#[schema(as = Done)]
pub struct AckOk {
    #[schema(schema_with = ConstBool::<true>::schema)]
    ok: ConstBool<true>,
}

/// What is always the same, so that a client can tell by it what else is there.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct ConstBool<const VALUE: bool>;

impl<const VALUE: bool> Serialize for ConstBool<VALUE> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_bool(VALUE)
    }
}

impl<const VALUE: bool> ConstBool<VALUE> {
    /// Just this value.
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
    Reply { say: vec![ERROR.render(&ErrorEvent { message: text, code, event: name, field, retry_after })], ..Reply::default() }
}

/// The acknowledgement of a refusal, with a text of the contract's own.
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
        Reply { say: vec![ERROR.render(&ErrorEvent { message: text, code, event: name, field, retry_after })], ..Reply::default() }
    }
}

/// The text of a refusal for a client: the details of an internal error are only in the log.
pub fn client_error_text(error: &DomainError, fields: FieldNames) -> String {
    match error {
        DomainError::Internal(_) => "Internal server error".into(),
        DomainError::Unavailable(_) => "The server cannot do this now; try again later".into(),
        DomainError::Invalid { field, reason } | DomainError::Ambiguous { field, reason } => {
            format!("{}: {}", fields(*field), reason.text(fields))
        }
        other => other.to_string(),
    }
}

/// The invalid field, and the seconds until a retry may succeed, if the refusal has them.
fn remedy(error: &DomainError, fields: FieldNames) -> (Option<&'static str>, Option<u64>) {
    let retry_after = match error {
        DomainError::RateLimited { retry_after } | DomainError::OverQuota { retry_after } => Some(*retry_after),
        _ => None,
    };
    (wrong_field(error, fields), retry_after)
}

/// The invalid field, if the refusal has one.
pub fn wrong_field(error: &DomainError, fields: FieldNames) -> Option<&'static str> {
    match error {
        DomainError::Invalid { field, .. } | DomainError::Ambiguous { field, .. } => Some(fields(*field)),
        _ => None,
    }
}
