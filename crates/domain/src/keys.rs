//! Idempotency: a request that is sent twice is executed once and gets the same response twice.
//!
//! The caller wraps a command, inside one unit of work: it calls [`replay`]; for a new request it executes the command, renders the response and
//! stores it with [`remember`]. The change and its response are then committed together or not at all.

use crate::operation::{Command, Tx};
use crate::refusal::Refusal;
use crate::seam::{Answered, Kept};

/// How long a response is kept, in seconds: 24 hours.
pub const KEPT_SECONDS: i64 = 24 * 60 * 60;
/// The longest key, in bytes.
pub const LONGEST_KEY: usize = 255;
/// The longest body of a response that is stored whole, in bytes. For a longer body a reference to the object that it shows is stored, and a repeated
/// request reads the object again.
pub const LONGEST_BODY: usize = 16 * 1024;

/// The refusal of a repeated request whose response was not stored whole, if its object cannot be read any more. The request is not executed again.
pub const RESULT_GONE: Refusal =
    Refusal::Conflict("This request was executed already, and its result is no longer available; do not repeat it");

/// A request with an idempotency key.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// User and route: requests of different users or to different routes may use the same key.
    pub scope: String,
    /// The value of the header `Idempotency-Key`, 1 to 255 bytes.
    pub key: String,
    /// A digest of the body.
    pub digest: String,
}

/// The answer of [`replay`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Replay {
    /// The request was executed before; this is its stored response.
    Answered(Answered),
    /// The request is new: execute it, then [`remember`] the response.
    New,
}

/// Looks up whether this request was executed in the last 24 hours.
///
/// # Errors
/// [`Refusal::Invalid`] for a key that cannot be one; [`Refusal::Conflict`] if the key was used with another body; the store's.
pub fn replay(tx: &mut Tx<'_>, request: &Request) -> Result<Replay, Refusal> {
    if request.key.is_empty() || request.key.len() > LONGEST_KEY || request.key.contains('\0') {
        return Err(Refusal::invalid("Idempotency-Key", format!("must have 1 to {LONGEST_KEY} characters")));
    }
    let since = tx.now.minus_seconds(KEPT_SECONDS);
    match tx.store.answered(&request.scope, &request.key, since)? {
        None => Ok(Replay::New),
        Some(answered) if answered.digest == request.digest => Ok(Replay::Answered(answered)),
        Some(_) => Err(Refusal::Conflict("This Idempotency-Key was used for another request; use a new one for each request")),
    }
}

/// Stores a response: `status` and `body` as the client receives them. `reference` names the object that the body shows, if the object is stored; for
/// a body longer than [`LONGEST_BODY`] only the reference is stored.
///
/// # Errors
/// [`Refusal::OverQuota`]; the store's. An error rolls the request's change back, too.
pub fn remember(tx: &mut Tx<'_>, request: Request, status: u16, body: &str, reference: Option<String>) -> Result<(), Refusal> {
    let body = match reference {
        _ if body.len() <= LONGEST_BODY => Kept::Whole(body.to_owned()),
        Some(reference) => Kept::Reference(reference),
        None => Kept::Nothing,
    };
    tx.count_object(match &body {
        Kept::Whole(text) | Kept::Reference(text) => text.len(),
        Kept::Nothing => 0,
    })?;
    let answered = Answered { digest: request.digest, status, body };
    Ok(tx.store.remember(&request.scope, &request.key, &answered, tx.now)?)
}

/// Deletes responses that are older than 24 hours, a thousand at a time, so that it does not delay other commands. The answer is whether there may be
/// more to delete. The server runs it at intervals.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ForgetOldAnswers;

impl Command for ForgetOldAnswers {
    type Answer = bool;

    fn decide(self, tx: &mut Tx<'_>) -> Result<bool, Refusal> {
        const AT_ONCE: u32 = 1000;
        let forgotten = tx.store.forget_before(tx.now.minus_seconds(KEPT_SECONDS), AT_ONCE)?;
        Ok(forgotten == u64::from(AT_ONCE))
    }
}
