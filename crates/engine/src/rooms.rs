//! The rooms of one shard and their members. Members are kept in dense lists, one for each encoding, so that a broadcast reads memory in
//! order.

use std::hash::BuildHasher;

use hashbrown::{DefaultHashBuilder, HashTable};
use slab::Slab;
use smallvec::SmallVec;

use crate::encoding::Encoding;

/// A socket in a room, with its connection, so that a delivery does not have to read the socket.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Member {
    pub connection: u32,
    pub socket: u32,
}

/// The position of a socket in a room. The socket keeps it, so that leaving needs no search.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct MemberSlot {
    room: u32,
    position: u32,
}

/// The members of a room that have the same encoding.
pub(crate) struct Group {
    pub encoding: Encoding,
    pub members: SmallVec<[Member; 2]>,
}

struct RoomMembers {
    name: Box<str>,
    groups: SmallVec<[Group; 1]>,
}

/// All rooms of a shard. A room exists while it has members.
#[derive(Default)]
pub(crate) struct Rooms {
    by_name: HashTable<u32>,
    rooms: Slab<RoomMembers>,
    hasher: DefaultHashBuilder,
}

impl Rooms {
    /// The room with this name, if it has members.
    pub fn find(&self, name: &str) -> Option<u32> {
        self.by_name.find(self.hasher.hash_one(name), |&room| *self.rooms[room as usize].name == *name).copied()
    }

    /// The name of a slot's room.
    pub fn name_of(&self, slot: MemberSlot) -> &str {
        &self.rooms[slot.room as usize].name
    }

    /// Each room with the number of its members.
    pub fn iter(&self) -> impl Iterator<Item = (&str, usize)> {
        self.rooms.iter().map(|(_, room)| (&*room.name, room.groups.iter().map(|group| group.members.len()).sum()))
    }

    /// The members of a room, by encoding.
    pub fn groups(&self, name: &str) -> &[Group] {
        self.find(name).map_or(&[], |room| &self.rooms[room as usize].groups)
    }

    /// Adds a socket to a room in which it is not yet. The caller stores the slot.
    pub fn enter(&mut self, name: &str, encoding: Encoding, member: Member) -> MemberSlot {
        let hash = self.hasher.hash_one(name);
        let rooms = &mut self.rooms;
        let room = match self.by_name.find(hash, |&room| *rooms[room as usize].name == *name) {
            Some(&room) => room,
            None => {
                let room = rooms.insert(RoomMembers { name: name.into(), groups: SmallVec::new() }) as u32;
                let hasher = &self.hasher;
                self.by_name.insert_unique(hash, room, |&room| hasher.hash_one(&*rooms[room as usize].name));
                room
            }
        };
        let groups = &mut rooms[room as usize].groups;
        let group = match groups.iter().position(|group| group.encoding == encoding) {
            Some(known) => &mut groups[known],
            None => {
                groups.push(Group { encoding, members: SmallVec::new() });
                groups.last_mut().expect("a group was just added")
            }
        };
        group.members.push(member);
        MemberSlot { room, position: group.members.len() as u32 - 1 }
    }

    /// Whether a slot is in this room.
    pub fn is_in(&self, slot: MemberSlot, name: &str) -> bool {
        *self.rooms[slot.room as usize].name == *name
    }

    /// Removes a member from its slot. The last member of the group moves to this slot: the caller must store the returned new slot of that
    /// member.
    pub fn leave(&mut self, slot: MemberSlot, encoding: Encoding) -> Option<(Member, MemberSlot, MemberSlot)> {
        let room = &mut self.rooms[slot.room as usize];
        let index = room.groups.iter().position(|group| group.encoding == encoding)?;
        let members = &mut room.groups[index].members;
        let last = MemberSlot { room: slot.room, position: members.len() as u32 - 1 };
        members.swap_remove(slot.position as usize);
        let moved = members.get(slot.position as usize).map(|&member| (member, last, slot));
        if members.is_empty() {
            room.groups.swap_remove(index);
        } else if members.spilled() && members.len() <= 2 {
            members.shrink_to_fit();
        }
        if room.groups.is_empty() {
            let removed = self.rooms.remove(slot.room as usize);
            let hash = self.hasher.hash_one(&*removed.name);
            if let Ok(entry) = self.by_name.find_entry(hash, |&room| room == slot.room) {
                entry.remove();
            }
        }
        moved
    }

    /// The number of rooms that have members.
    pub fn len(&self) -> usize {
        self.rooms.len()
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use rand::rngs::StdRng;
    use rand::{Rng, SeedableRng};
    use wire::engineio::Version;

    use super::*;
    use crate::encoding::{Format, Namespace};

    fn encoding(n: u32) -> Encoding {
        Encoding {
            namespace: Namespace(n as u8 % 3),
            format: Format::Json,
            version: Version::V4,
            base64: false,
            deflate: None,
            positions: false,
        }
    }

    #[test]
    fn random_joins_and_leaves_agree_with_a_plain_set() {
        let mut random = StdRng::seed_from_u64(7);
        let mut rooms = Rooms::default();
        let mut slots: HashMap<(u32, String), MemberSlot> = HashMap::new();
        for _ in 0..20_000 {
            let (socket, room) = (random.random_range(0..40), format!("r:{}", random.random_range(0..12)));
            let member = Member { connection: socket + 1000, socket };
            match slots.remove(&(socket, room.clone())) {
                None => {
                    let slot = rooms.enter(&room, encoding(socket), member);
                    slots.insert((socket, room), slot);
                }
                Some(slot) => {
                    if let Some((moved, from, to)) = rooms.leave(slot, encoding(socket)) {
                        let moved_slot = slots.get_mut(&(moved.socket, room)).expect("only members move");
                        assert_eq!(*moved_slot, from);
                        *moved_slot = to;
                    }
                }
            }
        }
        for room in (0..12).map(|n| format!("r:{n}")) {
            let expected: HashSet<u32> = slots.keys().filter(|(_, r)| *r == room).map(|(socket, _)| *socket).collect();
            let found: Vec<u32> = rooms.groups(&room).iter().flat_map(|g| g.members.iter().map(|m| m.socket)).collect();
            assert_eq!(found.len(), expected.len());
            assert_eq!(found.into_iter().collect::<HashSet<_>>(), expected);
        }
    }
}
