//! The events that a client has received that tracks its own position: on earlier connections, by its own account, and on this one.

use std::collections::BTreeMap;

use domain::ids::RoomId;
use engine::Position;

/// The events that the client of a socket has received. It has at most one entry for each room that the socket has entered.
#[derive(Debug)]
pub(super) struct ClientOffsets {
    /// The position that the client sent when it connected. Each room is replayed from there when the socket enters it for the first time.
    pub from: Position,
    rooms: BTreeMap<RoomId, RoomStay>,
}

/// The offsets between which a client has received the events of a room.
#[derive(Clone, Copy, Debug)]
struct RoomStay {
    /// The offset after which its first stay begins.
    from: u64,
    /// The offset up to which the first stay lasts, if the client has left the room.
    until: u64,
    /// The offset after which its current stay begins, if it has entered the room again.
    reentered: Option<u64>,
}

impl ClientOffsets {
    /// The state of a client that connects with a position.
    pub fn new(from: Position) -> Self {
        Self { from, rooms: BTreeMap::new() }
    }

    /// Whether the client has received the missed events of a room.
    pub fn knows(&self, room: &RoomId) -> bool {
        self.rooms.contains_key(room)
    }

    /// Notes that the socket enters a room at offset `at`. If it is the first time, the events after `from` are replayed.
    pub fn join(&mut self, room: &RoomId, from: u64, at: u64) {
        match self.rooms.get_mut(room) {
            None => drop(self.rooms.insert(room.clone(), RoomStay { from, until: u64::MAX, reentered: None })),
            // The room had no events while the client was out of it.
            Some(stay) if stay.until >= at => stay.until = u64::MAX,
            Some(stay) => stay.reentered = Some(at),
        }
    }

    /// Notes that the socket leaves a room at an offset.
    pub fn leave(&mut self, room: &RoomId, at: u64) {
        let Some(stay) = self.rooms.get_mut(room) else { return };
        // The stays between the first and the last are dropped, so a client may receive their events a second time.
        stay.until = stay.until.min(at);
        stay.reentered = None;
    }

    /// The rooms whose events the client has received, each with the offset after which, and the offset up to which.
    pub fn received_rooms(&self) -> Vec<(&str, u64, u64)> {
        let stays = self.rooms.iter().flat_map(|(room, stay)| {
            let reentered = stay.reentered.map(|reentered| (room.as_str(), reentered, u64::MAX));
            [(room.as_str(), stay.from, stay.until)].into_iter().chain(reentered)
        });
        stays.collect()
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::RoomKind;

    use super::*;

    #[test]
    fn a_client_has_the_events_of_its_stays_in_a_room() {
        enum Step {
            Come(u64),
            Leave(u64),
        }
        use Step::{Come, Leave};
        const ON: u64 = u64::MAX;
        let room = RoomKind::Channel.room(1);
        for (steps, expected) in [
            (&[][..], &[][..]),
            (&[Come(7)], &[(3, ON)]),
            (&[Come(7), Leave(9)], &[(3, 9)]),
            (&[Come(7), Leave(9), Come(9)], &[(3, ON)]),
            (&[Come(7), Leave(9), Come(12)], &[(3, 9), (12, ON)]),
            (&[Come(7), Leave(9), Come(12), Leave(15)], &[(3, 9)]),
            (&[Come(7), Leave(9), Come(12), Leave(15), Come(20)], &[(3, 9), (20, ON)]),
        ] {
            let mut since = ClientOffsets::new(Position::from(3));
            for step in steps {
                match step {
                    Come(at) => since.join(&room, 3, *at),
                    Leave(at) => since.leave(&room, *at),
                }
            }
            let expected: Vec<_> = expected.iter().map(|(behind, until)| ("channel:1", *behind, *until)).collect();
            assert_eq!(since.received_rooms(), expected);
            assert_eq!(since.knows(&room), !steps.is_empty(), "missed events are replayed once");
        }
    }
}
