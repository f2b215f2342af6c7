//! The limit on the rooms of a connection, for all its namespaces together. Its user's inbox does not count.

use contracts::Contract;
use domain::error::DomainError;
use domain::ids::{RoomId, RoomKind};
use engine::{Shard, SocketKey};

use super::RealtimeApp;

impl RealtimeApp {
    /// Whether a socket may enter a room.
    ///
    /// # Errors
    /// If its connection is in the maximum number of rooms, and not in this one.
    pub(super) fn check_room_limit(
        &self,
        shard: &Shard<Self>,
        socket: SocketKey,
        room: &RoomId,
        contract: &dyn Contract,
    ) -> Result<(), DomainError> {
        if shard.is_in(socket, room.as_str()) || self.is_below_limit(shard, socket) {
            return Ok(());
        }
        let most = self.state.limits.rooms.limit().unwrap_or_default();
        Err(DomainError::invalid_input(
            contract.room_field(),
            format!("this connection is in {most} rooms, and may not be in more; leave one first"),
        ))
    }

    /// Puts a socket into rooms that it enters without a request, each with the offset after which its user is a member. A connection with
    /// the maximum number of rooms enters only the inbox. The rest is as in [`RealtimeApp::send_missed`].
    pub(super) fn auto_join(
        &mut self,
        shard: &mut Shard<Self>,
        socket: SocketKey,
        rooms: &[(RoomId, i64)],
        visible_rooms: &[(RoomId, i64)],
    ) {
        let mut free = self.rooms_left(shard, socket);
        let mut joins = Vec::with_capacity(rooms.len());
        for (room, member_since) in rooms.iter().filter(|(room, _)| !shard.is_in(socket, room.as_str())) {
            if room.kind() == RoomKind::User {
                joins.push((room, *member_since));
            } else if free > 0 {
                free -= 1;
                joins.push((room, *member_since));
            } else {
                tracing::debug!(room = room.as_str(), "a connection has reached MAX_ROOMS_PER_CONNECTION and does not enter this room");
            }
        }
        self.send_missed(shard, socket, &joins, visible_rooms);
        for (room, _) in joins {
            shard.join(socket, room.as_str());
        }
    }

    fn is_below_limit(&self, shard: &Shard<Self>, socket: SocketKey) -> bool {
        self.state.limits.rooms.allows(joined_rooms(shard, socket))
    }

    /// The number of rooms that a socket may still enter.
    pub(super) fn rooms_left(&self, shard: &Shard<Self>, socket: SocketKey) -> usize {
        self.state.limits.rooms.limit().map_or(usize::MAX, |most| (most as usize).saturating_sub(joined_rooms(shard, socket)))
    }
}

/// The number of rooms of all sockets of a socket's connection.
fn joined_rooms(shard: &Shard<RealtimeApp>, socket: SocketKey) -> usize {
    let sockets = shard.siblings(socket).chain([socket]);
    sockets.map(|socket| shard.count_rooms_of(socket).saturating_sub(1)).sum()
}
