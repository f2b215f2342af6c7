//! Input validation. The error of each check names the client's field and describes a valid value.

use time::format_description::well_known::Rfc3339;
use time::macros::format_description;
use time::{Date, OffsetDateTime};

use crate::error::DomainError;
use crate::field::Field;
use crate::model::UserId;

/// The longest name of a user or a space, in characters.
pub const MAX_NAME: usize = 200;
/// The longest title of a task, in characters.
pub const MAX_TITLE: usize = 500;
/// The longest description of a task, in characters.
pub const MAX_DESCRIPTION: usize = 10_000;
/// The longest category of a task, in characters.
pub const MAX_CATEGORY: usize = 100;
/// The longest message, in characters.
pub const MAX_CONTENT: usize = 10_000;
/// The longest kind of a notification, in characters.
pub const MAX_NOTIFICATION_KIND: usize = 100;
/// The longest name of a back end's custom event, in characters.
pub const MAX_EVENT_NAME: usize = 200;
/// The longest notification, in characters.
pub const MAX_NOTIFICATION: usize = 2_000;
/// The longest link, in characters.
pub const MAX_LINK: usize = 2_000;
/// The longest id that a client gives to an object that it creates, in characters.
pub const MAX_CLIENT_ID: usize = 200;
/// The largest metadata of a message, in bytes of JSON.
pub const MAX_METADATA_BYTES: usize = 16 * 1024;
/// The longest identifier in a field such as `status` or `type`, in characters; see [`identifier`].
pub const MAX_IDENTIFIER: usize = 50;
/// How many users one command may name.
pub const MAX_USERS: usize = 100;

/// Checks a required text: 1 to `longest` characters, not only white space. The text is stored unchanged.
///
/// # Errors
/// [`DomainError::Invalid`].
pub fn required(field: Field, text: &str, longest: usize) -> Result<(), DomainError> {
    if text.trim().is_empty() {
        return Err(DomainError::invalid(field, format!("must have 1 to {longest} characters and not be blank")));
    }
    optional(field, Some(text), longest)
}

/// Checks an optional text, which may be missing or empty: up to `longest` characters.
///
/// # Errors
/// [`DomainError::Invalid`].
pub fn optional(field: Field, text: Option<&str>, longest: usize) -> Result<(), DomainError> {
    let Some(text) = text else { return Ok(()) };
    // The length in bytes is checked first: most texts then need no counting of characters.
    if text.len() > longest && text.chars().count() > longest {
        return Err(DomainError::invalid(field, format!("must have at most {longest} characters")));
    }
    // PostgreSQL cannot store this character.
    if text.contains('\0') {
        return Err(DomainError::invalid(field, "must not contain the character U+0000"));
    }
    Ok(())
}

/// Checks an optional identifier that the client chooses: 1 to 50 ASCII letters, digits, hyphens or underscores.
///
/// # Errors
/// [`DomainError::Invalid`].
pub fn identifier(field: Field, text: Option<&str>) -> Result<(), DomainError> {
    let Some(text) = text else { return Ok(()) };
    let plain = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if plain && !text.is_empty() && text.len() <= MAX_IDENTIFIER {
        return Ok(());
    }
    Err(DomainError::invalid(
        field,
        format!("must be a word of 1 to {MAX_IDENTIFIER} letters, digits, hyphens or underscores, such as TEXT"),
    ))
}

/// The event names that Socket.IO clients reserve.
const RESERVED: [&str; 6] = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// Checks the name of a back end's custom event: as [`required`], and not a name that Socket.IO clients reserve.
///
/// # Errors
/// [`DomainError::Invalid`].
pub fn event_name(field: Field, name: &str) -> Result<(), DomainError> {
    required(field, name, MAX_EVENT_NAME)?;
    if RESERVED.contains(&name) {
        return Err(DomainError::invalid(field, format!("must not be {name}: clients keep that name for themselves")));
    }
    Ok(())
}

/// Checks an optional link: http or https with a host, so that no client opens a script.
///
/// # Errors
/// [`DomainError::Invalid`].
pub fn link(field: Field, link: Option<&str>) -> Result<(), DomainError> {
    optional(field, link, MAX_LINK)?;
    let Some(link) = link else { return Ok(()) };
    let scheme_ends = ["https://", "http://"]
        .into_iter()
        .find(|scheme| link.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme)))
        .map(str::len);
    let host = scheme_ends.and_then(|end| link.get(end..)).and_then(|rest| rest.split(['/', '?', '#']).next());
    let plain = !link.chars().any(|c| c.is_control() || c.is_whitespace());
    if plain && host.is_some_and(|host| !host.is_empty()) {
        return Ok(());
    }
    Err(DomainError::invalid(field, "must be a link that starts with https:// or http://, or null"))
}

/// Checks an optional link or path within the front end such as `/trips/7`. A path with two slashes at the start is rejected, because it would lead to
/// another host.
///
/// # Errors
/// [`DomainError::Invalid`].
pub fn link_or_path(field: Field, link_or_path: Option<&str>) -> Result<(), DomainError> {
    let Some(path) = link_or_path.filter(|text| text.starts_with('/')) else {
        return link(field, link_or_path).map_err(|_| DomainError::invalid(field, EXPECTED_PATH));
    };
    optional(field, Some(path), MAX_LINK)?;
    // Browsers read a backslash as a slash.
    let own = !path[1..].starts_with(['/', '\\']) && !path.chars().any(|c| c.is_control() || c.is_whitespace());
    if own { Ok(()) } else { Err(DomainError::invalid(field, EXPECTED_PATH)) }
}

const EXPECTED_PATH: &str = "must be a path such as /trips/7, a link that starts with https:// or http://, or null";

/// Checks an optional day: an RFC 3339 date, or date and time.
///
/// # Errors
/// [`DomainError::Invalid`].
pub fn date(field: Field, date: Option<&str>) -> Result<(), DomainError> {
    let Some(text) = date else { return Ok(()) };
    let is_date = Date::parse(text, format_description!("[year]-[month]-[day]")).is_ok();
    if is_date || OffsetDateTime::parse(text, &Rfc3339).is_ok() {
        return Ok(());
    }
    Err(DomainError::invalid(field, "must be a date such as 2025-12-31, a time such as 2025-12-31T18:00:00Z, or null"))
}

/// Checks that the second of two days is not before the first, if both are given. [`date`] has checked each.
///
/// # Errors
/// [`DomainError::Invalid`] for the second.
pub fn dates_in_order(field: Field, first: Option<&str>, second: Option<&str>) -> Result<(), DomainError> {
    let (Some(first), Some(second)) = (first, second) else { return Ok(()) };
    // If one of the two is a day without a time, only the days are compared: a trip may begin and end on one day.
    let times = OffsetDateTime::parse(first, &Rfc3339).ok().zip(OffsetDateTime::parse(second, &Rfc3339).ok());
    let in_order = times.map_or_else(|| day_of(first) <= day_of(second), |(first, second)| first <= second);
    if in_order { Ok(()) } else { Err(DomainError::invalid(field, "must not be before the first day")) }
}

/// The day of a date, or of a date and time in its own time zone.
fn day_of(text: &str) -> Option<Date> {
    Date::parse(text.get(..10)?, format_description!("[year]-[month]-[day]")).ok()
}

/// Checks optional metadata of a client: a JSON object of at most [`MAX_METADATA_BYTES`] bytes.
///
/// # Errors
/// [`DomainError::Invalid`].
pub fn metadata(field: Field, metadata: Option<&serde_json::Value>) -> Result<(), DomainError> {
    let Some(value) = metadata else { return Ok(()) };
    if !value.is_object() {
        return Err(DomainError::invalid(field, "must be a JSON object or null"));
    }
    let size = serde_json::to_string(value).map_err(|error| DomainError::Internal(error.to_string()))?.len();
    if size > MAX_METADATA_BYTES {
        return Err(DomainError::invalid(field, format!("must be at most {MAX_METADATA_BYTES} bytes of JSON")));
    }
    Ok(())
}

/// Checks the user ids that a command names. The output has each id once, in the given order.
///
/// # Errors
/// [`DomainError::Invalid`] for more than [`MAX_USERS`] ids, or an id that is not valid.
pub fn user_ids(field: Field, ids: Vec<UserId>) -> Result<Vec<UserId>, DomainError> {
    if ids.len() > MAX_USERS {
        return Err(DomainError::invalid(field, format!("must name at most {MAX_USERS} people at once")));
    }
    let mut each: Vec<UserId> = Vec::with_capacity(ids.len());
    for id in ids {
        if UserId::parse(id.as_str()).is_none() {
            return Err(DomainError::invalid(field, "must be ids of 1 to 200 bytes"));
        }
        if !each.contains(&id) {
            each.push(id);
        }
    }
    Ok(each)
}
