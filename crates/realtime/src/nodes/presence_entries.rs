//! The entries of presence that nodes share: their keys, and their values.

use bytes::Bytes;
use cluster::wire::PresenceKey;
use domain::ids::{EntityId, RoomId, UserId};
use domain::users::User;

/// Stands before the id of the call in the key of a user in a call. No room begins with it.
const IN_CALL: &str = "call:";

/// The key of a user who is online.
pub(super) fn online_key(user: &UserId) -> PresenceKey {
    PresenceKey::online(user.as_str())
}

/// The key of a user who has a room open.
pub(super) fn room_key(room: &RoomId, user: &UserId) -> PresenceKey {
    PresenceKey::in_room(room.as_str(), user.as_str())
}

/// The key of a user in a call. The value is the id of the connection, or nothing after it has ended.
pub(super) fn call_key(call: EntityId, user: &UserId) -> PresenceKey {
    PresenceKey::in_room(&format!("{IN_CALL}{call}"), user.as_str())
}

/// The value of an entry about a room.
pub(super) fn encode_user(user: &User) -> Bytes {
    serde_json::to_vec(user).map(Bytes::from).unwrap_or_default()
}

/// The user of an entry of a room; `None` for a value of a newer version.
pub(super) fn decode_user(value: &[u8]) -> Option<User> {
    serde_json::from_slice(value).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_entry_about_a_call_is_about_no_room() {
        assert_eq!(RoomId::parse(&call_key(7, &UserId::new("anna")).room), None);
    }
}
