//! Token refresh on an open connection, with events that are the same for all Socket.IO contracts.

use auth::AuthError;
use client_json::json;
use client_json::timestamps::Milliseconds;
use domain::error::DomainError;
use domain::ids::Timestamp;
use engine::OutboundMessage;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use utoipa::ToSchema;
use wire::socketio::Args;

use super::acknowledgements::{AckError, ConstBool};
use super::client_request::ClientAction;
use super::event_schema::{ClientEvent, ServerEvent, missing_or_invalid, object};
use super::reply::Reply;
use super::shared_events::{ERROR, ErrorEvent};

/// The client's event with a newer token.
pub const REFRESH: ClientEvent = ClientEvent::new(
    NAME,
    "Replaces the token of this connection with a newer one of the same user. From then on the connection closes when its token expires, and receives a notice a minute before.",
    |args| token_of(args).map(ClientAction::Refresh),
)
.takes::<NewToken<'_>>()
.answers::<Refreshed>();

const NAME: &str = "auth:refresh";

/// The notice that the newest token of a client expires soon.
pub const EXPIRING: ServerEvent<Expiring> = ServerEvent::new(
    "auth:expiring",
    "The token that this connection sent with `auth:refresh` expires within a minute, and the connection closes with it.",
);

/// The payload of `auth:refresh`.
#[derive(Deserialize, ToSchema)]
pub struct NewToken<'a> {
    /// With or without `Bearer`.
    #[serde(borrow)]
    #[schema(value_type = String)]
    token: Option<&'a RawValue>,
}

/// The acknowledgement of `auth:refresh`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Refreshed {
    #[schema(schema_with = ConstBool::<true>::schema)]
    ok: ConstBool<true>,
    /// The time at which the token expires and the connection closes; null if it never expires.
    #[schema(required)]
    expires_at: Option<Milliseconds>,
}

/// The payload of `auth:expiring`.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Expiring {
    /// The time at which the token expires and the connection closes.
    expires_at: Milliseconds,
    /// The whole seconds until that time.
    expires_in: u64,
}

fn token_of(args: &Args<'_>) -> Result<String, DomainError> {
    let shown = object::<NewToken<'_>>(args);
    // An argument that is not an object has no field `token`, but the token is not absent.
    if shown.is_none() && args.get(0).is_some_and(|arg| arg.trim() != "null") {
        return Err(DomainError::invalid_input("token", EXPECTED_TOKEN));
    }
    read_token(shown.and_then(|shown| shown.token))
}

/// The error text for an invalid token.
const EXPECTED_TOKEN: &str = "must be a JWT, as text";

/// A token as a client sends it; null counts as absent. Errors: it is absent, not text, or blank.
pub(super) fn read_token(given: Option<&RawValue>) -> Result<String, DomainError> {
    let token = given.and_then(|raw| serde_json::from_str::<String>(raw.get()).ok()).filter(|token| !token.trim().is_empty());
    token.ok_or_else(|| missing_or_invalid(given.is_none(), "token", EXPECTED_TOKEN))
}

/// The whole seconds from now until an expiry; 0 if it has passed.
pub(super) fn seconds_until(ends: Timestamp, now: Timestamp) -> u64 {
    u64::try_from(ends.0.saturating_sub(now.0)).unwrap_or(0) / 1_000_000
}

/// The notice that a token expires soon.
pub(super) fn expiring(ends: Timestamp, now: Timestamp) -> OutboundMessage {
    EXPIRING.render(&Expiring { expires_at: Milliseconds(ends), expires_in: seconds_until(ends, now) })
}

/// The answer to a token refresh: the token's expiry, or why it was rejected.
pub(super) fn refreshed(shown: Result<Option<Timestamp>, AuthError>, acked: bool) -> Reply {
    match shown {
        Ok(_) if !acked => Reply::default(),
        Ok(ends) => {
            let ack = json(&Refreshed { ok: ConstBool, expires_at: ends.map(Milliseconds) });
            Reply { ack: Some(ack), ..Reply::default() }
        }
        Err(why) if acked => Reply { ack: Some(json(&AckError::of(why.to_string(), why.code()))), ..Reply::default() },
        Err(why) => Reply { messages: vec![ERROR.render(&ErrorEvent::of(why.to_string(), why.code(), NAME))], ..Reply::default() },
    }
}
