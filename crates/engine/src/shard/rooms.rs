//! The members of rooms.

use super::socket::Membership;
use super::{Shard, SocketKey, live};
use crate::app::App;
use crate::encoding::Encoding;
use crate::id::Id;
use crate::rooms::{Member, MemberSlot};

impl<A: App> Shard<A> {
    /// Adds an accepted socket to a room. False if the socket is in the room already, is not accepted (it would receive broadcasts before
    /// its CONNECT), or has ended. Each socket is always in the room that is named as its id.
    pub fn join(&mut self, key: SocketKey, room: &str) -> bool {
        if self.is_in(key, room) {
            return false;
        }
        let Some(socket) = live(&mut self.sockets, self.index, key).filter(|socket| socket.data.is_some()) else { return false };
        let member = Member { connection: socket.connection, socket: key.slot() };
        let since = self.delivery_log.millis(self.now);
        socket.memberships.push(Membership { slot: self.rooms.enter(room, socket.encoding, member), since });
        if let Some(catch_up) = &mut socket.catch_up {
            catch_up.join(room, self.position);
        }
        true
    }

    /// Removes a socket from a room. False if the socket is not in the room, or the room is the one that is named as its id.
    pub fn leave(&mut self, key: SocketKey, room: &str) -> bool {
        let Some(socket) = live(&mut self.sockets, self.index, key) else { return false };
        let Some(at) = socket.memberships.iter().position(|membership| self.rooms.is_in(membership.slot, room)) else { return false };
        let Membership { slot, since } = socket.memberships.swap_remove(at);
        self.delivery_log.left(socket.generation, room, since, self.now);
        if let Some(catch_up) = &mut socket.catch_up {
            catch_up.leave(room, self.position);
        }
        let encoding = socket.encoding;
        self.free_member_slot(slot, encoding);
        true
    }

    /// Whether a socket is in a room.
    pub fn is_in(&self, key: SocketKey, room: &str) -> bool {
        let Some(socket) = self.socket(key) else { return false };
        socket.memberships.iter().any(|membership| self.rooms.is_in(membership.slot, room)) || Id::parse(room) == Some(socket.id)
    }

    /// The rooms that a socket is in, without the one that is named as its id.
    pub fn rooms_of(&self, key: SocketKey) -> impl Iterator<Item = &str> {
        let memberships = self.socket(key).map_or(&[][..], |socket| &socket.memberships);
        memberships.iter().map(|membership| self.rooms.name_of(membership.slot))
    }

    /// The number of rooms that a socket is in, without the one that is named as its id.
    pub fn count_rooms_of(&self, key: SocketKey) -> usize {
        self.socket(key).map_or(0, |socket| socket.memberships.len())
    }

    /// The sockets of this shard that are in a room.
    pub fn members(&self, room: &str) -> impl Iterator<Item = SocketKey> {
        let members = self.rooms.groups(room).iter().flat_map(|group| &group.members);
        let members = members.map(|member| SocketKey::new(self.index, member.socket, self.sockets[member.socket as usize].generation));
        members.chain(self.named(room))
    }

    /// The accepted socket with the id that is a room's name. Each socket is in that room, as in Socket.IO, without an entry for it.
    pub(crate) fn named(&self, room: &str) -> Option<SocketKey> {
        self.find(&Id::parse(room)?)
    }

    /// Each room that has a member on this shard, with the number of its sockets here.
    pub fn rooms(&self) -> impl Iterator<Item = (&str, usize)> {
        self.rooms.iter()
    }

    /// The number of sockets of this shard that are in a room.
    pub fn member_count(&self, room: &str) -> usize {
        self.rooms.groups(room).iter().map(|group| group.members.len()).sum()
    }

    /// The number of rooms that have a member on this shard.
    pub fn room_count(&self) -> usize {
        self.rooms.len()
    }

    /// Frees a member's slot in a room.
    pub(super) fn free_member_slot(&mut self, member_slot: MemberSlot, encoding: Encoding) {
        if let Some((moved, from, to)) = self.rooms.leave(member_slot, encoding)
            && let Some(other) = self.sockets[moved.socket as usize].memberships.iter_mut().find(|other| other.slot == from)
        {
            other.slot = to;
        }
    }
}
