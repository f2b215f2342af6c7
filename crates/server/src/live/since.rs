//! What a client has heard that keeps count by itself: on earlier connections, as it says, and on this one.

use std::collections::BTreeMap;

use domain::names::Room;
use engine::Position;

/// What the client of a socket has heard. There are never more rooms than it has come into.
#[derive(Debug)]
pub(super) struct Since {
    /// What it had heard as it came, as it says: each room begins there, the first time that it comes into it.
    pub from: Position,
    rooms: BTreeMap<Room, Stay>,
}

/// When a client heard what was said in a room.
#[derive(Clone, Copy, Debug)]
struct Stay {
    /// Behind which offset, the first time,
    from: u64,
    /// and up to which, if it has left it then.
    until: u64,
    /// Behind which offset it is in it once more, if it is.
    again: Option<u64>,
}

impl Since {
    /// Of a client that comes, with what it says.
    pub fn new(from: Position) -> Self {
        Self { from, rooms: BTreeMap::new() }
    }

    /// Whether it was told what it had missed in a room, or was in it from where it began.
    pub fn knows(&self, room: &Room) -> bool {
        self.rooms.contains_key(room)
    }

    /// It comes into a room at an offset; if for the first time, it is told what was said behind `from`.
    pub fn come(&mut self, room: &Room, from: u64, at: u64) {
        match self.rooms.get_mut(room) {
            None => drop(self.rooms.insert(room.clone(), Stay { from, until: u64::MAX, again: None })),
            // Nothing was said meanwhile.
            Some(stay) if stay.until >= at => stay.until = u64::MAX,
            Some(stay) => stay.again = Some(at),
        }
    }

    /// It leaves a room at an offset.
    pub fn leave(&mut self, room: &Room, at: u64) {
        let Some(stay) = self.rooms.get_mut(room) else { return };
        // Of what it heard between its first stay and its last nothing is kept: a room of which only that is known may be told twice.
        stay.until = stay.until.min(at);
        stay.again = None;
    }

    /// The rooms in which it was told something, each with the offset behind which, and up to which.
    pub fn heard(&self) -> Vec<(&str, u64, u64)> {
        let stays = self.rooms.iter().flat_map(|(room, stay)| {
            let again = stay.again.map(|again| (room.as_str(), again, u64::MAX));
            [(room.as_str(), stay.from, stay.until)].into_iter().chain(again)
        });
        stays.collect()
    }
}

#[cfg(test)]
mod tests {
    use domain::names::Kind;

    use super::*;

    #[test]
    fn what_was_heard_in_a_room_is_what_was_said_while_it_was_in_it() {
        enum Step {
            Come(u64),
            Leave(u64),
        }
        use Step::{Come, Leave};
        const ON: u64 = u64::MAX;
        let room = Kind::Channel.room(1);
        for (steps, expected) in [
            (&[][..], &[][..]),
            (&[Come(7)], &[(3, ON)]),
            (&[Come(7), Leave(9)], &[(3, 9)]),
            (&[Come(7), Leave(9), Come(9)], &[(3, ON)]),
            (&[Come(7), Leave(9), Come(12)], &[(3, 9), (12, ON)]),
            (&[Come(7), Leave(9), Come(12), Leave(15)], &[(3, 9)]),
            (&[Come(7), Leave(9), Come(12), Leave(15), Come(20)], &[(3, 9), (20, ON)]),
        ] {
            let mut since = Since::new(Position::from(3));
            for step in steps {
                match step {
                    Come(at) => since.come(&room, 3, *at),
                    Leave(at) => since.leave(&room, *at),
                }
            }
            let expected: Vec<_> = expected.iter().map(|(behind, until)| ("channel:1", *behind, *until)).collect();
            assert_eq!(since.heard(), expected);
            assert_eq!(since.knows(&room), !steps.is_empty(), "it is told once what it has missed");
        }
    }
}
