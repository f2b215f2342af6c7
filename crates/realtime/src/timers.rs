//! The timed work of a shard. The engine wakes the shard at the earliest deadline.

use std::time::{Duration, Instant};

use domain::event::EphemeralEvent;
use engine::{Shard, SocketKey};

use super::calls::ScheduledTasks;
use super::disconnect::{PendingDeparture, PendingDepartures};
use super::token_expiry::TokenExpiryQueue;
use super::{MIN_RETURN_WINDOW, RealtimeApp};

/// The most departures that a shard processes before its other work. If a network or a server fails, thousands of connections end at once.
const MAX_PER_WAKE: usize = 256;

/// The deadlines of a shard.
pub(super) struct Timers {
    /// The departures of users whose grace period has not ended.
    pub departures: PendingDepartures,
    /// Users who were connected before the start and may reconnect.
    pub expected_users: PendingDepartures,
    /// The timeouts of calls, and the writes that are tried again.
    pub scheduled: ScheduledTasks,
    /// When the next round of presence events is due.
    presence_due: Option<Instant>,
    /// When the ephemeral events gathered in crowded rooms are due.
    crowded_rooms_due: Option<Instant>,
    /// The connections that end with their tokens.
    pub token_expiry: TokenExpiryQueue<SocketKey>,
}

impl Timers {
    /// No deadlines. `grace`: how long a user counts as online after a disconnect.
    pub fn new(grace: Duration) -> Self {
        Self {
            departures: PendingDepartures::new(grace),
            expected_users: PendingDepartures::new(grace.max(MIN_RETURN_WINDOW)),
            scheduled: ScheduledTasks::default(),
            presence_due: None,
            crowded_rooms_due: None,
            token_expiry: TokenExpiryQueue::default(),
        }
    }
}

impl RealtimeApp {
    /// Does all timed work that is due.
    pub(super) fn run_timers(&mut self, shard: &mut Shard<Self>) {
        self.broadcast_due_presence(shard);
        self.broadcast_due_crowded_rooms(shard);
        self.run_scheduled(shard);
        self.check_expiring(shard);
        self.expire_typing(shard);
        self.expire_departures(shard);
    }

    /// Schedules the next round of presence events.
    pub(super) fn schedule_presence_at(&mut self, shard: &mut Shard<Self>, at: Instant) {
        self.timers.presence_due = Some(at);
        shard.wake_at(at);
    }

    /// Schedules the sending of the ephemeral events gathered in crowded rooms, unless an earlier time is scheduled already.
    pub(super) fn schedule_crowded_rooms_at(&mut self, shard: &mut Shard<Self>, at: Instant) {
        let due = self.timers.crowded_rooms_due.map_or(at, |due| due.min(at));
        self.timers.crowded_rooms_due = Some(due);
        shard.wake_at(due);
    }

    fn broadcast_due_presence(&mut self, shard: &mut Shard<Self>) {
        if self.timers.presence_due.is_some_and(|due| due <= shard.now()) {
            self.timers.presence_due = None;
            self.state.delivery.fanout.broadcast_presence();
        }
        if let Some(due) = self.timers.presence_due {
            shard.wake_at(due);
        }
    }

    fn broadcast_due_crowded_rooms(&mut self, shard: &mut Shard<Self>) {
        if self.timers.crowded_rooms_due.is_some_and(|due| due <= shard.now()) {
            self.timers.crowded_rooms_due = self.state.delivery.fanout.broadcast_crowded_rooms(shard.now());
        }
        if let Some(due) = self.timers.crowded_rooms_due {
            shard.wake_at(due);
        }
    }

    fn expire_typing(&self, shard: &mut Shard<Self>) {
        let next = self.state.presence.typing.expire(shard.now(), |room, user| self.state.publish_stopped_typing(room, user));
        if let Some(next) = next {
            shard.wake_at(next);
        }
    }

    /// Sends the events of departures whose grace period has ended.
    fn expire_departures(&mut self, shard: &mut Shard<Self>) {
        for _ in 0..MAX_PER_WAKE {
            let due = self.timers.departures.next(shard).or_else(|| self.timers.expected_users.next(shard));
            match due {
                Some(PendingDeparture::FromServer(user, departure)) => {
                    self.state
                        .presence
                        .online_users
                        .expire(&user, departure, || self.state.publish_presence(EphemeralEvent::Offline { user: user.clone() }));
                }
                Some(PendingDeparture::FromRoom(room, user, departure)) => self.state.publish_left(room, user, departure, false),
                Some(PendingDeparture::EndOfExpectedUsers) => self.expire_disconnected(),
                None => return,
            }
        }
        // The rest is due already, and follows after the shard's other work.
        shard.wake_at(shard.now());
    }
}
