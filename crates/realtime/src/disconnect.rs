//! Disconnects, and the events that are sent when the grace period ends.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use contracts::close_codes::TOO_MANY_CONNECTIONS;
use domain::ids::{RoomId, UserId};
use engine::{DisconnectReason, Shard, SocketKey};
use limits::rate_limit::RETRY_AFTER_SECONDS;
use logging::audit;

use super::connect::transport_name;
use super::{RealtimeApp, SocketData};
use crate::presence::{ConnectionId, DepartureId, Transport};

/// Departures whose grace period has not ended. It is the same for all, so they are sorted by its end.
pub(super) struct PendingDepartures {
    grace: Duration,
    waiting: VecDeque<(Instant, PendingDeparture)>,
}

/// A departure that is final if the user does not return in time.
pub enum PendingDeparture {
    /// The user goes offline.
    FromServer(UserId, DepartureId),
    /// The user leaves a room.
    FromRoom(RoomId, UserId, DepartureId),
    /// Marks the end of the users from before the start; see [`RealtimeApp::expect_reconnects`].
    EndOfExpectedUsers,
}

impl PendingDepartures {
    pub fn new(grace: Duration) -> Self {
        Self { grace, waiting: VecDeque::new() }
    }

    pub fn add(&mut self, shard: &mut Shard<RealtimeApp>, departure: PendingDeparture) {
        let until = shard.now() + self.grace;
        self.waiting.push_back((until, departure));
        shard.wake_at(until);
    }

    /// The next departure whose grace period has ended. If there is none, schedules a wake-up at the end of the first one.
    pub fn next(&mut self, shard: &mut Shard<RealtimeApp>) -> Option<PendingDeparture> {
        let (until, _) = self.waiting.front()?;
        if *until > shard.now() {
            shard.wake_at(*until);
            return None;
        }
        self.waiting.pop_front().map(|(_, departure)| departure)
    }
}

impl RealtimeApp {
    /// Handles the end of an accepted socket, which is still in its rooms.
    pub(super) fn handle_disconnect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, reason: DisconnectReason) {
        self.timers.token_expiry.untrack(socket);
        let Some(SocketData { actor, connection, at, secret, .. }) = shard.data(socket) else { return };
        let is_shutdown = reason == DisconnectReason::ServerShuttingDown && secret.is_some();
        let (user, connection, after) = (actor.user.clone(), *connection, shard.now().saturating_duration_since(*at));
        if let Some(handshake) = shard.handshake(socket) {
            audit::disconnected(&user, handshake.address(), transport_name(shard, socket, connection.transport()), after, reason.as_str());
        }
        self.counters.count_disconnect(reason.as_str(), after);
        if let Some(id) = shard.id(socket) {
            self.state.stop_typing_everywhere(&user, &id.text());
        }
        self.remember_end(shard, socket, reason);
        self.store_session_end(shard, socket, reason);
        // A stop does not end a user's part in a call: the next start ends the calls that are still open, as after a kill. Other nodes do not start.
        if reason != DisconnectReason::ServerShuttingDown || self.state.has_other_nodes() {
            self.leave_calls(shard, socket, &user);
        }
        if is_shutdown {
            // The next start, or another node, expects these users to reconnect, and sends offline events for the others.
            return;
        }
        let rooms: Vec<RoomId> = shard.rooms_of(socket).filter_map(RoomId::parse).collect();
        for room in rooms {
            if let Some(departure) = self.state.presence.room_presence.leave(&room, &user) {
                self.timers.departures.add(shard, PendingDeparture::FromRoom(room, user.clone(), departure));
            }
        }
        self.end_presence(shard, &user, connection);
    }

    /// Removes a socket of a user from the count of connections.
    pub(super) fn end_presence(&mut self, shard: &mut Shard<Self>, user: &UserId, connection: ConnectionId) {
        if let Some(departure) = self.state.presence.online_users.disconnect(user, connection) {
            self.timers.departures.add(shard, PendingDeparture::FromServer(user.clone(), departure));
        }
    }

    /// Closes the connections of a user on this shard that exceed a cap over all nodes.
    pub(super) fn close_excess_connections(&self, shard: &mut Shard<Self>, user: &UserId) {
        let Some(node) = &self.state.node else { return };
        let sockets: Vec<SocketKey> = shard.members(RoomId::inbox(user).as_str()).collect();
        if sockets.is_empty() {
            return;
        }
        let limits = &self.state.limits;
        let caps = [(Transport::SocketIo, limits.socketio_connections), (Transport::Raw, limits.raw_connections)];
        let excess: Vec<ConnectionId> = caps.into_iter().flat_map(|(transport, cap)| node.excess(user, transport, cap)).collect();
        for socket in sockets {
            match shard.data(socket).map(|session| session.connection).filter(|connection| excess.contains(connection)) {
                Some(connection) if connection.transport() == Transport::Raw => {
                    let wait = format!("Too many connections, try again in {RETRY_AFTER_SECONDS} s");
                    shard.close(socket, TOO_MANY_CONNECTIONS.code, &wait);
                }
                Some(_) => shard.disconnect(socket, true),
                None => {}
            }
        }
    }
}
