//! Replays the missed events of the rooms that a socket enters, to a client that has sent a position.

use domain::ids::RoomId;
use engine::{AlreadyDelivered, Position, Shard, SocketKey};

use super::client_offsets::ClientOffsets;
use super::{ClientResume, RealtimeApp};

impl RealtimeApp {
    /// Starts the replay for a socket whose client sent a position. If the events after it are no longer kept, the client receives a
    /// resync event.
    pub(super) fn catch_up_from(&mut self, shard: &mut Shard<Self>, socket: SocketKey, resume: &ClientResume, since: Option<i64>) {
        let ClientResume::Since(_) = resume else { return };
        shard.enable_positions(socket);
        match since {
            Some(since) => {
                if let Some(session) = shard.data_mut(socket) {
                    session.since = Some(Box::new(ClientOffsets::new(resume.position(since, true))));
                }
            }
            None => self.send_resync(shard, socket),
        }
    }

    /// Puts a socket into a room; its user is a member after the offset `member_since`. See [`RealtimeApp::send_missed`]. False if it was
    /// in the room already.
    pub(super) fn join_room_with_backfill(
        &mut self,
        shard: &mut Shard<Self>,
        socket: SocketKey,
        room: &RoomId,
        member_since: i64,
        visible_rooms: &[(RoomId, i64)],
    ) -> bool {
        if shard.is_in(socket, room.as_str()) {
            return false;
        }
        self.send_missed(shard, socket, &[(room, member_since)], visible_rooms);
        shard.join(socket, room.as_str())
    }

    /// Replays the missed events of rooms that a socket is about to enter; each room has the offset after which the user is a member. Only
    /// a client that has sent a position receives them, the first time that it enters a room. `visible_rooms` are all rooms whose events
    /// the user may receive. The cost of one call is the sum of the rooms; a call for each room would cost its square.
    pub(super) fn send_missed(
        &mut self,
        shard: &mut Shard<Self>,
        socket: SocketKey,
        rooms: &[(&RoomId, i64)],
        visible_rooms: &[(RoomId, i64)],
    ) {
        let Some(mut since) = shard.data_mut(socket).and_then(|session| session.since.take()) else { return };
        let from = |member_since: i64| since.from.max(Position::from(member_since as u64));
        let new: Vec<(&RoomId, Position)> =
            rooms.iter().filter(|(room, _)| !since.knows(room)).map(|(room, member_since)| (*room, from(*member_since))).collect();
        if !new.is_empty() && !catch_up(shard, socket, &new, &since, visible_rooms) {
            return self.send_resync(shard, socket);
        }
        let starts: Vec<u64> = rooms.iter().map(|(_, member_since)| from(*member_since).number).collect();
        for ((room, _), from) in rooms.iter().zip(starts) {
            since.join(room, from, shard.position());
        }
        if let Some(session) = shard.data_mut(socket) {
            session.since = Some(since);
        }
    }

    /// Sends a client a resync event, once, because some of the events that it has missed are no longer kept.
    fn send_resync(&mut self, shard: &mut Shard<Self>, socket: SocketKey) {
        if let Some(session) = shard.data_mut(socket) {
            session.since = None;
        }
        if let Some(namespace) = shard.namespace(socket) {
            let resync = self.state.contracts.resync(namespace, (self.state.clock)());
            resync.iter().for_each(|message| shard.emit(socket, message));
        }
    }
}

/// Replays events of rooms that a socket enters, in each room from a position on. The server does not know in which rooms the client was on
/// earlier connections, so an event that excludes a room is not replayed to its members.
fn catch_up(
    shard: &mut Shard<RealtimeApp>,
    socket: SocketKey,
    rooms: &[(&RoomId, Position)],
    since: &ClientOffsets,
    visible_rooms: &[(RoomId, i64)],
) -> bool {
    let received = since.received_rooms();
    let rooms_from: Vec<(&str, u64)> = rooms.iter().map(|(room, from)| (room.as_str(), from.number)).collect();
    let members = visible_rooms.iter().map(|(room, since)| (room.as_str(), *since as u64));
    // Tasks are not among the visible rooms, so only the tasks that the socket has entered count.
    let entered = received.iter().map(|(room, behind, _)| (*room, *behind)).chain(rooms_from.iter().copied());
    let member_of: Vec<_> = members.chain(entered).collect();
    let from = rooms.iter().map(|(_, from)| *from).min().unwrap_or_default();
    shard.catch_up(socket, &rooms_from, from, AlreadyDelivered { received: &received, member_of: &member_of })
}
