//! `Idempotency-Key`: repeated requests with the same key run once and get the same response.

use domain::command::CommandContext;
use domain::error::DomainError;
use domain::idempotency::{self, ReplayOutcome};
use domain::ports::StoredBody;
use http::{HeaderMap, HeaderName, Method, StatusCode};
use sha2::{Digest, Sha256};

use super::Caller;
use super::reread::Reread;
use super::response::{RestError, RestResponse};

const HEADER: HeaderName = HeaderName::from_static("idempotency-key");

/// Whether a request has a key.
pub fn has_key(headers: &HeaderMap) -> bool {
    headers.contains_key(HEADER)
}

/// The request as its key identifies it; `None` if it has no key, or needs none (a PUT or DELETE that is repeated has the same effect as
/// one).
///
/// Errors: a key that is not text, or several keys.
pub fn request(
    caller: &Caller,
    method: &Method,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
) -> Result<Option<idempotency::IdempotentRequest>, RestError> {
    if *method != Method::POST && *method != Method::PATCH {
        return Ok(None);
    }
    let mut keys = headers.get_all(HEADER).iter();
    let (key, second) = (keys.next(), keys.next());
    let Some(key) = key else { return Ok(None) };
    let key = key.to_str().ok().filter(|_| second.is_none());
    let key = key.ok_or_else(|| RestError::field("Idempotency-Key", "must be one text of ASCII characters"))?;
    let digest = Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect();
    // Neither a method nor a path has a space, so no two scopes can be read as one.
    let scope = format!("{method} {path} {}", caller.actor.user);
    Ok(Some(idempotency::IdempotentRequest { scope, key: key.to_owned(), digest }))
}

/// The result of a command.
pub enum CommandResult<A> {
    /// The command has run, and its response need not be stored.
    Executed(A),
    /// The response that is stored under the key of this request.
    Stored(RestResponse),
}

/// Runs the work of a request, once. With a key, the response is rendered and stored in the same transaction. For a large response only a reference
/// to its object is stored: a repeated request reads the current object, if the caller still may.
///
/// Errors: the work's; a key that was used for another request; [`idempotency::RESULT_GONE`]; the store's. After an error of the work nothing is
/// stored, and a repeated request runs the work again.
pub fn once<A: Reread>(
    context: &mut CommandContext<'_>,
    request: Option<idempotency::IdempotentRequest>,
    status: StatusCode,
    work: impl FnOnce(&mut CommandContext<'_>) -> Result<A, DomainError>,
    render: fn(&A) -> String,
) -> Result<CommandResult<A>, DomainError> {
    let Some(request) = request else { return work(context).map(CommandResult::Executed) };
    match idempotency::replay(context, &request)? {
        ReplayOutcome::Stored(stored) => {
            let status = StatusCode::from_u16(stored.status).unwrap_or(status);
            let body = match stored.body {
                StoredBody::Whole(body) => body,
                StoredBody::Reference(reference) => render(&reread(context, &reference)?),
                StoredBody::Nothing => return Err(idempotency::RESULT_GONE),
            };
            Ok(CommandResult::Stored(RestResponse { status, body, replayed: true, next: None }))
        }
        ReplayOutcome::New => {
            let output = work(context)?;
            let body = render(&output);
            idempotency::store_response(context, request, status.as_u16(), &body, output.reference())?;
            Ok(CommandResult::Stored(RestResponse { status, body, replayed: false, next: None }))
        }
    }
}

/// Reads the object of a response, with the caller's current permissions.
fn reread<A: Reread>(context: &mut CommandContext<'_>, reference: &str) -> Result<A, DomainError> {
    A::reread(reference, &mut *context.store, context.actor).map_err(|error| match error {
        DomainError::NotFound(_) | DomainError::Forbidden(_) => idempotency::RESULT_GONE,
        error => error,
    })
}
