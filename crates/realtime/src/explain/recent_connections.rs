//! The connections of a shard that have ended, and refused requests to join rooms, as far back as there is room for them.

use std::collections::VecDeque;
use std::time::Instant;

use domain::ids::{RoomId, UserId};
use engine::id::Id;
use engine::{DisconnectReason, Namespace, Shard, SocketKey, SocketTrace};

use super::super::RealtimeApp;
use super::super::connect::transport_name;

/// The most ended connections that a shard remembers, about 150 bytes each. Beyond, it forgets the one that ended first.
const MAX_ENDED_CONNECTIONS: usize = 8192;

/// The most rooms of all these connections together, 32 bytes each. Beyond, the shard forgets the connections that ended first.
const MAX_ROOMS_OF_ENDED: usize = 65_536;

/// The most refused joins that a shard remembers, about 80 bytes each. Beyond, it forgets the oldest.
const MAX_REFUSED_JOINS: usize = 4096;

/// A connection that has ended.
pub(super) struct EndedConnection {
    pub user: UserId,
    pub id: Id,
    pub namespace: Namespace,
    pub transport: &'static str,
    pub since: Instant,
    pub at: Instant,
    pub reason: DisconnectReason,
    /// Whether its client may return, and then receives what it missed.
    pub is_recoverable: bool,
    pub trace: SocketTrace,
    /// The offset up to which its client had received all events when it connected.
    pub received_at_connect: u64,
    /// The rooms that it was in at its end, each with the time of the join.
    pub rooms: Box<[(RoomId, Instant)]>,
}

/// A refused request to join a room.
pub(super) struct RefusedJoin {
    pub user: UserId,
    pub at: Instant,
    pub room: RoomId,
    pub request: &'static str,
    pub code: &'static str,
}

/// What a shard remembers of its connections after their end.
#[derive(Default)]
pub(crate) struct RecentConnections {
    ended: VecDeque<EndedConnection>,
    rooms: usize,
    /// When the last forgotten connection ended.
    forgotten: Option<Instant>,
    refused: VecDeque<RefusedJoin>,
}

impl RecentConnections {
    pub(super) fn ended_of(&self, user: &UserId) -> impl Iterator<Item = &EndedConnection> {
        self.ended.iter().filter(move |ended| ended.user == *user)
    }

    pub(super) fn refusals_of(&self, user: &UserId) -> impl Iterator<Item = &RefusedJoin> {
        self.refused.iter().filter(move |refused| refused.user == *user)
    }

    /// The time since which all ended connections are known; `None` if none was forgotten.
    pub(super) fn reaches_back_to(&self) -> Option<Instant> {
        self.forgotten
    }

    fn add_ended(&mut self, ended: EndedConnection) {
        self.rooms += ended.rooms.len();
        self.ended.push_back(ended);
        while self.ended.len() > MAX_ENDED_CONNECTIONS || self.rooms > MAX_ROOMS_OF_ENDED {
            let Some(oldest) = self.ended.pop_front() else { return };
            self.rooms -= oldest.rooms.len();
            self.forgotten = Some(oldest.at);
        }
    }

    fn add_refused(&mut self, refused: RefusedJoin) {
        if self.refused.len() >= MAX_REFUSED_JOINS {
            self.refused.pop_front();
        }
        self.refused.push_back(refused);
    }
}

impl RealtimeApp {
    /// Remembers a socket that ends, which is still in its rooms.
    pub(in super::super) fn remember_end(&mut self, shard: &Shard<Self>, socket: SocketKey, reason: DisconnectReason) {
        if !shard.delivery_log().is_kept() {
            return;
        }
        let (Some(session), Some(trace), Some(id)) = (shard.data(socket), shard.trace(socket), shard.id(socket)) else { return };
        let joined = shard.rooms_of(socket).filter_map(|room| Some((RoomId::parse(room)?, shard.in_room_since(socket, room)?)));
        let ended = EndedConnection {
            user: session.actor.user.clone(),
            id,
            namespace: shard.namespace(socket).unwrap_or(Namespace::PLAIN),
            transport: transport_name(shard, socket, session.connection.transport()),
            since: session.at,
            at: shard.now(),
            reason,
            is_recoverable: session.secret.is_some() && !reason.forgets_session(),
            trace,
            received_at_connect: session.received_at_connect,
            rooms: joined.collect(),
        };
        self.recent_connections.add_ended(ended);
    }

    /// Remembers that a socket's user was refused to join a room.
    pub(in super::super) fn remember_refused_join(
        &mut self,
        shard: &Shard<Self>,
        user: UserId,
        room: RoomId,
        request: &'static str,
        code: &'static str,
    ) {
        if shard.delivery_log().is_kept() {
            self.recent_connections.add_refused(RefusedJoin { user, at: shard.now(), room, request, code });
        }
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::RoomKind;

    use super::*;

    #[test]
    fn oldest_refusals_make_room_for_new_ones() {
        let mut recent = RecentConnections::default();
        let now = Instant::now();
        for number in 0..MAX_REFUSED_JOINS as i64 + 10 {
            let user = UserId::new(if number % 2 == 0 { "anna" } else { "ben" });
            recent.add_refused(RefusedJoin {
                user,
                at: now,
                room: RoomKind::Conversation.room(number),
                request: "join",
                code: "not_found",
            });
        }
        assert_eq!(recent.refused.len(), MAX_REFUSED_JOINS);
        let of_anna: Vec<&RefusedJoin> = recent.refusals_of(&UserId::new("anna")).collect();
        assert_eq!((of_anna.len(), of_anna[0].room.as_str()), (MAX_REFUSED_JOINS / 2, "conversation:10"));
    }
}
