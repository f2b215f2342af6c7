//! Disconnects, and the events that are sent when the grace period ends.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use domain::event::EphemeralEvent;
use domain::ids::{RoomId, UserId};
use domain::ports::BusMessage;
use engine::{DisconnectReason, Shard, SocketKey};

use super::connect::transport_name;
use super::{RealtimeApp, RealtimeState, SocketData};
use crate::audit;
use crate::presence::{Connection, DepartureId};

/// The most departures that a shard processes before its other work. If a network or a server fails, thousands of connections end at once.
const MAX_PER_WAKE: usize = 256;

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
    /// Marks the end of the list of users from before the start; see [`RealtimeApp::expect_reconnects`].
    Nobody,
}

impl PendingDepartures {
    pub fn new(grace: Duration) -> Self {
        Self { grace, waiting: VecDeque::new() }
    }

    pub fn add(&mut self, shard: &mut Shard<RealtimeApp>, departed: PendingDeparture) {
        let until = shard.now() + self.grace;
        self.waiting.push_back((until, departed));
        shard.wake_at(until);
    }

    /// The next departure whose grace period has ended. If there is none, schedules a wake-up at the end of the first one.
    fn next(&mut self, shard: &mut Shard<RealtimeApp>) -> Option<PendingDeparture> {
        let (until, _) = self.waiting.front()?;
        if *until > shard.now() {
            shard.wake_at(*until);
            return None;
        }
        self.waiting.pop_front().map(|(_, departed)| departed)
    }
}

impl RealtimeApp {
    /// Handles the end of an accepted socket, which is still in its rooms.
    pub(super) fn handle_disconnect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, reason: DisconnectReason) {
        self.token_expiry.untrack(socket);
        let Some(SocketData { actor, connection, at, secret, .. }) = shard.data(socket) else { return };
        let is_let_go = reason == DisconnectReason::ServerShuttingDown && secret.is_some();
        let (user, connection, after) = (actor.user.clone(), *connection, shard.now().saturating_duration_since(*at));
        if let Some(handshake) = shard.handshake(socket) {
            audit::disconnected(&user, handshake.address(), transport_name(shard, socket, connection.transport()), after, reason.as_str());
        }
        self.counters.went(reason.as_str(), after);
        if let Some(id) = shard.id(socket) {
            self.state.stop_typing_everywhere(&user, &id.text());
        }
        self.store_session_end(shard, socket, reason);
        // A stop does not end a user's part in a call: the next start ends the calls that are still open, as after a kill.
        if reason != DisconnectReason::ServerShuttingDown {
            self.leave_calls(shard, socket, &user);
        }
        if is_let_go {
            // The next start expects these users to reconnect, and sends offline events for the others.
            return;
        }
        let rooms: Vec<RoomId> = shard.rooms_of(socket).filter_map(RoomId::parse).collect();
        for room in rooms {
            if let Some(departure) = self.state.room_presence.leave(&room, &user) {
                self.pending_departures.add(shard, PendingDeparture::FromRoom(room, user.clone(), departure));
            }
        }
        self.end_presence(shard, &user, connection);
    }

    /// Removes a socket of a user from the count of connections.
    pub(super) fn end_presence(&mut self, shard: &mut Shard<Self>, user: &UserId, connection: Connection) {
        if let Some(departure) = self.state.online_users.disconnect(user, connection) {
            self.pending_departures.add(shard, PendingDeparture::FromServer(user.clone(), departure));
        }
    }

    /// Schedules the next round of presence events.
    pub(super) fn schedule_presence_at(&mut self, shard: &mut Shard<Self>, at: Instant) {
        self.presence_due = Some(at);
        shard.wake_at(at);
    }

    /// Schedules the sending of the ephemeral events gathered in crowded rooms, unless an earlier time is scheduled already.
    pub(super) fn schedule_crowds_at(&mut self, shard: &mut Shard<Self>, at: Instant) {
        let due = self.crowds_due.map_or(at, |due| due.min(at));
        self.crowds_due = Some(due);
        shard.wake_at(due);
    }

    /// Does all timed work that is due, and sends the events of departures whose grace period has ended.
    pub(super) fn run_timers(&mut self, shard: &mut Shard<Self>) {
        if self.presence_due.is_some_and(|due| due <= shard.now()) {
            self.presence_due = None;
            self.state.fanout.broadcast_presence();
        }
        if let Some(due) = self.presence_due {
            shard.wake_at(due);
        }
        if self.crowds_due.is_some_and(|due| due <= shard.now()) {
            self.crowds_due = self.state.fanout.broadcast_crowds(shard.now());
        }
        if let Some(due) = self.crowds_due {
            shard.wake_at(due);
        }
        self.run_scheduled(shard);
        self.check_expiring(shard);
        let next = self.state.typing.expire(shard.now(), |room, user| self.state.publish_stopped_typing(room, user));
        if let Some(next) = next {
            shard.wake_at(next);
        }
        for _ in 0..MAX_PER_WAKE {
            let Some(departed) = self.pending_departures.next(shard).or_else(|| self.expected_users.next(shard)) else { return };
            match departed {
                PendingDeparture::FromServer(user, departure) => {
                    self.state
                        .online_users
                        .expire(&user, departure, || self.state.publish_presence(EphemeralEvent::Offline { user: user.clone() }));
                }
                PendingDeparture::FromRoom(room, user, departure) => self.state.publish_left(room, user, departure, false),
                PendingDeparture::Nobody => self.expire_disconnected(),
            }
        }
        shard.wake_at(shard.now());
    }
}

impl RealtimeState {
    /// Notes that a user types in a room on this connection. Returns when to call `expire` for it.
    pub fn start_typing(&self, room: &RoomId, user: &UserId, connection: &str, now: Instant) -> Instant {
        let ephemeral = EphemeralEvent::Typing { room: room.clone(), user: user.clone() };
        self.typing.start(room, user, connection, now, || self.bus.publish(BusMessage::Ephemeral(ephemeral.into())))
    }

    /// Ends a user's typing in a room on this connection. Sends a stop event if the user was typing there.
    pub fn stop_typing(&self, room: &RoomId, user: &UserId, connection: &str) {
        self.typing.stop(room, user, connection, || self.publish_stopped_typing(room.clone(), user.clone()));
    }

    /// Ends a user's typing in all rooms on a connection that has ended.
    pub fn stop_typing_everywhere(&self, user: &UserId, connection: &str) {
        self.typing.stop_everywhere(user, connection, |room| self.publish_stopped_typing(room.clone(), user.clone()));
    }

    fn publish_stopped_typing(&self, room: RoomId, user: UserId) {
        self.bus.publish(BusMessage::Ephemeral(EphemeralEvent::StoppedTyping { room, user }.into()));
    }

    /// Sends the leave event of a departure, unless a connection of the user has returned to the room. `removed` as in [`EphemeralEvent::RoomLeft`].
    pub fn publish_left(&self, room: RoomId, user: UserId, departure: DepartureId, removed: bool) {
        self.room_presence.expire(&room, &user, departure, |user| {
            self.bus.publish(BusMessage::Ephemeral(EphemeralEvent::RoomLeft { room: room.clone(), user, removed }.into()));
        });
    }

    /// Ends a user's grace periods in a space, and in the rooms inside it, because the user is no longer a member.
    pub fn remove_member_presence(&self, space: &RoomId, user: &UserId) {
        self.room_presence.remove_member(space, user, |room, user| {
            self.bus.publish(BusMessage::Ephemeral(EphemeralEvent::RoomLeft { room: room.clone(), user, removed: true }.into()));
        });
    }

    /// Publishes an online or offline event, unless presence events are switched off.
    pub(super) fn publish_presence(&self, change: EphemeralEvent) {
        if self.broadcasts_presence {
            self.bus.publish(BusMessage::Ephemeral(change.into()));
        }
    }
}
