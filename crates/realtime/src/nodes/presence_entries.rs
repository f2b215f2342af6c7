//! The entries of presence that nodes share: their keys, and their values.

use bytes::Bytes;
use cluster::wire::PresenceKey;
use domain::ids::{EntityId, RoomId, UserId};
use domain::users::User;

/// Stands before the room in the key of a user in a call. No room begins with it.
const IN_CALL: &str = "call:";

/// The key of a user who is online.
pub(super) fn online_key(user: &UserId) -> PresenceKey {
    PresenceKey::online(user.as_str())
}

/// The key of a user who has a room open.
pub(super) fn room_key(room: &RoomId, user: &UserId) -> PresenceKey {
    PresenceKey::in_room(room.as_str(), user.as_str())
}

/// The key of a user in the call of a room.
pub(super) fn call_key(room: &RoomId, user: &UserId) -> PresenceKey {
    PresenceKey::in_room(&format!("{IN_CALL}{room}"), user.as_str())
}

/// The room and the user of an entry about a call; `None` for any other entry.
pub(super) fn participant_of(key: &PresenceKey) -> Option<(RoomId, UserId)> {
    Some((RoomId::parse(key.room.strip_prefix(IN_CALL)?)?, UserId::new(&*key.user)))
}

/// The value of an entry about a room.
pub(super) fn encode_user(user: &User) -> Bytes {
    serde_json::to_vec(user).map(Bytes::from).unwrap_or_default()
}

/// The user of an entry of a room; `None` for a value of a newer version.
pub(super) fn decode_user(value: &[u8]) -> Option<User> {
    serde_json::from_slice(value).ok()
}

/// A user in a call, as a node sees it: the value of an entry about a call.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Participant {
    pub call: EntityId,
    /// The id of the connection that has joined; `None` after it has ended, until the user's grace period ends.
    pub connection: Option<String>,
}

impl Participant {
    pub fn encode(&self) -> Bytes {
        format!("{} {}", self.call, self.connection.as_deref().unwrap_or_default()).into()
    }

    /// `None` for a value of a newer version.
    pub fn decode(value: &[u8]) -> Option<Self> {
        let (call, connection) = std::str::from_utf8(value).ok()?.split_once(' ')?;
        Some(Self { call: call.parse().ok()?, connection: (!connection.is_empty()).then(|| connection.to_owned()) })
    }

    /// Whether another connection of the user takes the place in the call: this one has ended, or has the same id, because its session is resumed.
    pub fn yields_to(&self, connection: &str) -> bool {
        self.connection.as_deref().is_none_or(|current| current == connection)
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::RoomKind;

    use super::*;

    #[test]
    fn an_entry_about_a_call_has_its_room_and_its_user() {
        let (room, anna) = (RoomKind::ChatRoom.room(7), UserId::new("anna"));
        assert_eq!(participant_of(&call_key(&room, &anna)), Some((room.clone(), anna.clone())));
        assert_eq!(participant_of(&room_key(&room, &anna)), None);
        assert_eq!(participant_of(&online_key(&anna)), None);
        assert_eq!(RoomId::parse(&call_key(&room, &anna).room), None, "an older version takes it for no room");
    }

    #[test]
    fn a_participant_yields_to_the_same_connection_and_after_its_end() {
        let connected = Participant { call: 7, connection: Some("abc".to_owned()) };
        let ended = Participant { call: 7, connection: None };
        for participant in [&connected, &ended] {
            assert_eq!(Participant::decode(&participant.encode()).as_ref(), Some(participant));
        }
        assert!(connected.yields_to("abc") && !connected.yields_to("other") && ended.yields_to("other"));
        assert_eq!(["", "7", "x y"].map(|value| Participant::decode(value.as_bytes())), [None, None, None]);
    }
}
