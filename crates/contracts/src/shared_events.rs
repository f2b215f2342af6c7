//! The events that all Socket.IO contracts share, unless they define their own: failed requests, and missed events.

use std::borrow::Cow;

use client_json::error_text::client_error_text;
use client_json::field_names::FieldNames;
use client_json::json;
use domain::error::DomainError;
use serde::Serialize;
use utoipa::ToSchema;

use super::acknowledgements::{AckError, ack_error, remedy};
use super::error_codes::{self, UNKNOWN_EVENT};
use super::event_schema::ServerEvent;
use super::reply::Reply;

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

/// The payload of `error`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ErrorEvent<'a> {
    /// The reason, as a text for users.
    message: Cow<'a, str>,
    /// The reason, as a code for programs.
    #[schema(schema_with = error_codes::code)]
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

impl<'a> ErrorEvent<'a> {
    /// An error without a field and a retry delay.
    pub fn of(message: String, code: &'a str, event: &'a str) -> Self {
        Self { message: Cow::Owned(message), code, event, field: None, retry_after: None }
    }
}

/// The reply to a request with an error. The inputs are the request's name, the error, whether the client waits for an acknowledgement, and the
/// contract's names of fields.
pub fn error_reply(name: &str, error: &DomainError, acked: bool, fields: FieldNames) -> Reply {
    let (text, code) = (Cow::Owned(client_error_text(error, fields)), error.code());
    if acked {
        return Reply { ack: Some(ack_error(text, error, fields)), ..Reply::default() };
    }
    let (field, retry_after) = remedy(error, fields);
    Reply { messages: vec![ERROR.render(&ErrorEvent { message: text, code, event: name, field, retry_after })], ..Reply::default() }
}

/// The reply to an event that no contract defines.
pub fn unknown_event_reply(name: &str, acked: bool) -> Reply {
    let text = format!("Unknown event {name}");
    if acked {
        Reply { ack: Some(json(&AckError::of(text, UNKNOWN_EVENT))), ..Reply::default() }
    } else {
        Reply { messages: vec![ERROR.render(&ErrorEvent::of(text, UNKNOWN_EVENT, name))], ..Reply::default() }
    }
}
