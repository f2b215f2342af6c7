//! Users in calls, with their connections, and the timers of calls.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::calls::{Call, ExpireRingingCall, LeaveCall, RING_TIMEOUT_SECONDS};
use domain::command::{Actor, Command, CommandContext};
use domain::error::DomainError;
use domain::ids::{EntityId, UserId};
use engine::{Shard, SocketKey};

use super::RealtimeApp;
use crate::presence::DepartureId;

/// How long a call rings.
const RING_TIMEOUT: Duration = Duration::from_secs(RING_TIMEOUT_SECONDS as u64);

/// How long to wait before a failed write is tried again.
const RETRY_DELAY: Duration = Duration::from_secs(5);

/// Timed tasks, by their time. Their number is bounded by the open calls, the seats whose connection has ended, and the ends of sockets
/// that are not stored.
#[derive(Default)]
pub(super) struct ScheduledTasks {
    waiting: BTreeMap<(Instant, u64), ScheduledTask>,
    last: u64,
}

#[derive(Clone)]
enum ScheduledTask {
    /// Ends a call that was not answered in time.
    GiveUpRinging(EntityId),
    /// Checks a seat after the grace period of a departure.
    LookAtSeat(EntityId, UserId, DepartureId),
    /// Removes a user from a call.
    LeaveCall(EntityId, UserId),
    /// Stores the end of a socket after a failed attempt.
    EndAgain(engine::id::Id),
}

impl RealtimeApp {
    /// Puts a user into a call on this socket. If the socket has ended, the user leaves the call.
    pub(super) fn join_call(&mut self, shard: &mut Shard<Self>, socket: SocketKey, call: &Call, user: &UserId) {
        if !call.is_open() || !call.has(user) {
            return;
        }
        match shard.id(socket).filter(|_| shard.data(socket).is_some()) {
            Some(id) => self.state.presence.call_participants.join(call.id, &call.room, user, &id.text()),
            None => self.schedule(shard, shard.now(), ScheduledTask::LeaveCall(call.id, user.clone())),
        }
    }

    /// Starts the grace period for the seats of a socket that has ended.
    pub(super) fn leave_calls(&mut self, shard: &mut Shard<Self>, socket: SocketKey, user: &UserId) {
        let Some(id) = shard.id(socket) else { return };
        for (call, departure) in self.state.presence.call_participants.disconnect(user, &id.text()) {
            self.schedule(shard, shard.now() + self.state.presence.grace, ScheduledTask::LookAtSeat(call, user.clone(), departure));
        }
    }

    /// Starts the ringing timer of a call.
    pub(super) fn schedule_ring_timeout(&mut self, shard: &mut Shard<Self>, call: EntityId) {
        self.schedule(shard, shard.now() + RING_TIMEOUT, ScheduledTask::GiveUpRinging(call));
    }

    /// Frees the seats of a call that has ended.
    pub(super) fn expire_ringing(&mut self, call: EntityId) {
        self.state.presence.call_participants.clear(call);
        self.timers.scheduled.waiting.retain(|_, chore| !matches!(chore, ScheduledTask::GiveUpRinging(ringing) if *ringing == call));
    }

    /// Runs all tasks that are due, and schedules the next one.
    pub(super) fn run_scheduled(&mut self, shard: &mut Shard<Self>) {
        while let Some(due) = self.timers.scheduled.waiting.first_entry().filter(|first| first.key().0 <= shard.now()) {
            match due.remove() {
                ScheduledTask::LookAtSeat(call, user, departure) => {
                    if self.state.presence.call_participants.expire(call, &user, departure) {
                        self.run_task(shard, ScheduledTask::LeaveCall(call, user));
                    }
                }
                ScheduledTask::EndAgain(secret) => {
                    // The client may have reconnected.
                    if let Some((confirmed, let_go)) = self.state.sessions.pending_ends.find(secret) {
                        self.end(shard, secret, confirmed, let_go);
                    }
                }
                chore => self.run_task(shard, chore),
            }
        }
        if let Some(((next, _), _)) = self.timers.scheduled.waiting.first_key_value() {
            shard.wake_at(*next);
        }
    }

    /// Schedules another attempt to store the end of a socket.
    pub(super) fn retry_session_end(&mut self, shard: &mut Shard<Self>, secret: engine::id::Id) {
        self.schedule(shard, shard.now() + RETRY_DELAY, ScheduledTask::EndAgain(secret));
    }

    fn schedule(&mut self, shard: &mut Shard<Self>, at: Instant, chore: ScheduledTask) {
        self.timers.scheduled.last += 1;
        self.timers.scheduled.waiting.insert((at, self.timers.scheduled.last), chore);
        shard.wake_at(at);
    }

    /// Runs a task as the server, and repeats it while the database fails.
    fn run_task(&self, shard: &Shard<Self>, chore: ScheduledTask) {
        let back = self.run_on_shard(shard);
        let (work, shared) = (chore.clone(), Arc::clone(&self.state));
        let work = move |context: &mut CommandContext<'_>| match work {
            ScheduledTask::GiveUpRinging(call) => ExpireRingingCall { call }.execute(context),
            // The user has reconnected, by another connection or while the database failed.
            ScheduledTask::LeaveCall(call, user) if shared.presence.call_participants.is_in_call(call, &user) => Ok(()),
            ScheduledTask::LeaveCall(call, user) => LeaveCall { call, user }.execute(context),
            ScheduledTask::LookAtSeat(..) | ScheduledTask::EndAgain(_) => Ok(()),
        };
        self.state.store.writer.submit(Actor::server(), work, move |done| match done {
            Ok(()) => {}
            Err(DomainError::Unavailable(_)) => back(Box::new(move |live, shard| live.schedule(shard, shard.now() + RETRY_DELAY, chore))),
            Err(error) => tracing::error!(%error, "the server could not end somebody's part in a call"),
        });
    }
}
