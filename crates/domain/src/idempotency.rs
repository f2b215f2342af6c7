//! Idempotency: a request that is sent twice is executed once and gets the same response twice.
//!
//! The caller wraps a command, inside one unit of work: it calls [`replay`]; for a new request it executes the command, renders the response and
//! stores it with [`store_response`]. The change and its response are then committed together or not at all.

use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::field::Field;
use crate::ports::{StoredBody, StoredResponse};

/// How long a response is kept, in seconds: 24 hours.
pub const RETENTION_SECONDS: i64 = 24 * 60 * 60;
/// The longest key, in bytes.
pub const MAX_KEY_BYTES: usize = 255;
/// The longest body of a response that is stored whole, in bytes. For a longer body a reference to the object that it shows is stored, and a repeated
/// request reads the object again.
pub const MAX_STORED_BODY_BYTES: usize = 16 * 1024;

/// The error of a repeated request whose response was not stored whole, if its object cannot be read any more. The request is not executed again.
pub const RESULT_GONE: DomainError =
    DomainError::Conflict("This request was executed already, and its result is no longer available; do not repeat it");

/// A request with an idempotency key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct IdempotentRequest {
    /// User and route: requests of different users or to different routes may use the same key.
    pub scope: String,
    /// The value of the header `Idempotency-Key`, 1 to 255 bytes.
    pub key: String,
    /// A digest of the body.
    pub digest: String,
}

/// The output of [`replay`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ReplayOutcome {
    /// The request was executed before; this is its stored response.
    Stored(StoredResponse),
    /// The request is new: execute it, then [`store_response`] the response.
    New,
}

/// Looks up whether this request was executed in the last 24 hours.
///
/// # Errors
/// [`DomainError::Invalid`] for a key that cannot be one; [`DomainError::Conflict`] if the key was used with another body; the store's.
pub fn replay(context: &mut CommandContext<'_>, request: &IdempotentRequest) -> Result<ReplayOutcome, DomainError> {
    if request.key.is_empty() || request.key.len() > MAX_KEY_BYTES || request.key.contains('\0') {
        return Err(DomainError::invalid(Field::IdempotencyKey, format!("must have 1 to {MAX_KEY_BYTES} characters")));
    }
    let since = context.now.minus_seconds(RETENTION_SECONDS);
    match context.store.stored_response(&request.scope, &request.key, since)? {
        None => Ok(ReplayOutcome::New),
        Some(response) if response.digest == request.digest => Ok(ReplayOutcome::Stored(response)),
        Some(_) => Err(DomainError::Conflict("This Idempotency-Key was used for another request; use a new one for each request")),
    }
}

/// Stores a response: `status` and `body` as the client receives them. `reference` names the object that the body shows, if the object is stored; for
/// a body longer than [`MAX_STORED_BODY_BYTES`] only the reference is stored.
///
/// # Errors
/// [`DomainError::OverQuota`]; the store's. An error rolls the request's change back, too.
pub fn store_response(
    context: &mut CommandContext<'_>,
    request: IdempotentRequest,
    status: u16,
    body: &str,
    reference: Option<String>,
) -> Result<(), DomainError> {
    let body = match reference {
        _ if body.len() <= MAX_STORED_BODY_BYTES => StoredBody::Whole(body.to_owned()),
        Some(reference) => StoredBody::Reference(reference),
        None => StoredBody::Nothing,
    };
    context.count_object(match &body {
        StoredBody::Whole(text) | StoredBody::Reference(text) => text.len(),
        StoredBody::Nothing => 0,
    })?;
    let response = StoredResponse { digest: request.digest, status, body };
    Ok(context.store.put_response(&request.scope, &request.key, &response, context.now)?)
}

/// Deletes responses that are older than 24 hours, a thousand at a time, so that it does not delay other commands. The output is whether there may be
/// more to delete. The server runs it at intervals.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PurgeStoredResponses;

impl Command for PurgeStoredResponses {
    type Output = bool;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<bool, DomainError> {
        const AT_ONCE: u32 = 1000;
        let deleted = context.store.delete_responses_before(context.now.minus_seconds(RETENTION_SECONDS), AT_ONCE)?;
        Ok(deleted == u64::from(AT_ONCE))
    }
}
