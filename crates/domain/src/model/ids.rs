//! Ids of users, rooms and objects.

use std::fmt;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::RoomKind;

/// The id of a user: the subject of the user's token, as text. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct UserId(Arc<str>);

impl UserId {
    /// Wraps a user's id that was checked before or needs no check; [`UserId::parse`] checks.
    pub fn new(id: impl Into<Arc<str>>) -> Self {
        Self(id.into())
    }

    /// A user's id from outside, a token's subject included: 1 to [`MAX_ID_BYTES`] bytes without control characters, not blank; else `None`.
    ///
    /// A blank id is most likely a back end's mistake, and all users with it would be one user.
    pub fn parse(id: &str) -> Option<Self> {
        (is_valid_external_id(id) && !id.trim().is_empty()).then(|| Self(id.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for UserId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The address of a room, `kind:id`. Cheap to clone.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Serialize, Deserialize)]
#[serde(transparent)]
pub struct RoomId(Arc<str>);

impl RoomId {
    /// Reads an address such as `channel:456`. `None` if the kind is unknown, or the id is empty, longer than 200 bytes or has control
    /// characters.
    pub fn parse(address: &str) -> Option<Self> {
        let (kind, id) = address.split_once(':')?;
        RoomKind::parse(kind)?;
        is_valid_external_id(id).then(|| Self(address.into()))
    }

    /// The room of a kind with an id; both were checked.
    pub(crate) fn of(kind: RoomKind, id: impl fmt::Display) -> Self {
        Self(format!("{}:{id}", kind.as_str()).into())
    }

    /// The inbox of a user.
    pub fn inbox(user: &UserId) -> Self {
        RoomKind::User.room(user)
    }

    /// The room of all connected users.
    pub fn everyone() -> Self {
        RoomKind::Everyone.room("all")
    }

    /// The kind of the room.
    pub fn kind(&self) -> RoomKind {
        let kind = self.0.split(':').next().unwrap_or_default();
        // Every constructor checks the kind, so the search cannot fail. An inbox is a harmless default: only its own user has access.
        RoomKind::parse(kind).unwrap_or(RoomKind::User)
    }

    /// The part of the address behind the colon.
    pub fn id(&self) -> &str {
        self.0.split_once(':').map_or("", |(_, id)| id)
    }

    /// The whole address.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The whole address, as a shared text without a copy.
    pub fn shared(&self) -> Arc<str> {
        self.0.clone()
    }
}

impl fmt::Display for RoomId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The id of an object that only the server creates (a task, a message, a generated space): a positive number of sixteen digits, so that it is exact
/// in JavaScript and the order of the texts is the order of creation.
pub type EntityId = i64;

/// Parses an [`EntityId`] as clients write it: decimal digits without a sign or a leading zero. `None` for a text that is no object's id.
pub fn parse_id(text: &str) -> Option<EntityId> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    if digits { text.parse().ok() } else { None }
}

/// The longest id of a user or a space, in bytes.
pub const MAX_ID_BYTES: usize = 200;

/// Whether an id from outside can be stored and shown. Control characters are rejected because PostgreSQL cannot store NUL, and because the id is
/// written to the log.
fn is_valid_external_id(id: &str) -> bool {
    !id.is_empty() && id.len() <= MAX_ID_BYTES && !id.chars().any(char::is_control)
}
