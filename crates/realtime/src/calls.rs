//! Users in calls, with their connections, and the timers of calls.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::calls::{Call, ExpireRingingCall, LeaveCall, RING_TIMEOUT_SECONDS};
use domain::command::{Actor, Command, CommandContext};
use domain::error::DomainError;
use domain::ids::{EntityId, RoomId, UserId};
use engine::{Shard, SocketKey};

use super::RealtimeApp;
use crate::presence::DepartureId;

/// How long a call rings.
const RING_TIMEOUT: Duration = Duration::from_secs(RING_TIMEOUT_SECONDS as u64);

/// How long to wait before a failed write is tried again.
const RETRY_DELAY: Duration = Duration::from_secs(5);

/// Timed tasks, by their time. Their number is bounded by the open calls, the users in calls whose connection has ended, and the ends of
/// sockets that are not stored.
#[derive(Default)]
pub(super) struct ScheduledTasks {
    waiting: BTreeMap<(Instant, u64), ScheduledTask>,
    last: u64,
}

#[derive(Clone)]
enum ScheduledTask {
    /// Ends a call that no user has answered in time.
    ExpireRinging(EntityId),
    /// Removes a user from a call if the user has not reconnected within the grace period.
    CheckParticipant(EntityId, UserId, DepartureId),
    /// Removes a user from a call.
    LeaveCall(EntityId, UserId),
    /// Stores the end of a socket after a failed attempt.
    RetrySessionEnd(engine::id::Id),
}

impl RealtimeApp {
    /// Puts a user into a call on this socket. If the socket has ended, the user leaves the call.
    pub(super) fn join_call(&mut self, shard: &mut Shard<Self>, socket: SocketKey, call: &Call, user: &UserId) {
        if !call.is_open() || !call.has(user) {
            return;
        }
        let Some(id) = shard.id(socket).filter(|_| shard.data(socket).is_some()) else {
            return self.schedule(shard, shard.now(), ScheduledTask::LeaveCall(call.id, user.clone()));
        };
        self.state.presence.call_participants.join(call.id, user, &id.text());
    }

    /// Starts the grace periods in the calls of a socket that has ended.
    pub(super) fn leave_calls(&mut self, shard: &mut Shard<Self>, socket: SocketKey, user: &UserId) {
        let Some(id) = shard.id(socket) else { return };
        for (call, departure) in self.state.presence.call_participants.disconnect(user, &id.text()) {
            self.schedule(shard, shard.now() + self.state.presence.grace, ScheduledTask::CheckParticipant(call, user.clone(), departure));
        }
    }

    /// The call of a room has begun: starts its ringing timer. An answer or the end of the call makes the timer ineffective.
    pub fn begin_call(&mut self, shard: &mut Shard<Self>, call: EntityId, room: &RoomId) {
        self.state.presence.call_participants.open(call, room);
        self.schedule(shard, shard.now() + RING_TIMEOUT, ScheduledTask::ExpireRinging(call));
    }

    /// Removes the users of a room's call that has ended, and its ringing timer.
    pub(super) fn end_call(&mut self, call: EntityId, room: &RoomId) {
        self.state.presence.call_participants.clear(call, room);
        self.timers.scheduled.waiting.retain(|_, task| !matches!(task, ScheduledTask::ExpireRinging(ringing) if *ringing == call));
    }

    /// Runs all tasks that are due, and schedules the next one.
    pub(super) fn run_scheduled(&mut self, shard: &mut Shard<Self>) {
        while let Some(due) = self.timers.scheduled.waiting.first_entry().filter(|first| first.key().0 <= shard.now()) {
            match due.remove() {
                ScheduledTask::CheckParticipant(call, user, departure) => {
                    if self.state.presence.call_participants.expire(call, &user, departure) {
                        self.run_task(shard, ScheduledTask::LeaveCall(call, user));
                    }
                }
                ScheduledTask::RetrySessionEnd(secret) => {
                    // The client may have reconnected.
                    if let Some((confirmed, by_shutdown)) = self.state.sessions.pending_ends.find(secret) {
                        self.end(shard, secret, confirmed, by_shutdown);
                    }
                }
                task => self.run_task(shard, task),
            }
        }
        if let Some(((next, _), _)) = self.timers.scheduled.waiting.first_key_value() {
            shard.wake_at(*next);
        }
    }

    /// Schedules another attempt to store the end of a socket.
    pub(super) fn retry_session_end(&mut self, shard: &mut Shard<Self>, secret: engine::id::Id) {
        self.schedule(shard, shard.now() + RETRY_DELAY, ScheduledTask::RetrySessionEnd(secret));
    }

    fn schedule(&mut self, shard: &mut Shard<Self>, at: Instant, task: ScheduledTask) {
        self.timers.scheduled.last += 1;
        self.timers.scheduled.waiting.insert((at, self.timers.scheduled.last), task);
        shard.wake_at(at);
    }

    /// Runs a task as the server, and repeats it while the database fails.
    fn run_task(&self, shard: &Shard<Self>, task: ScheduledTask) {
        let on_shard = self.run_on_shard(shard);
        let (work, shared) = (task.clone(), Arc::clone(&self.state));
        let work = move |context: &mut CommandContext<'_>| match work {
            ScheduledTask::ExpireRinging(call) => ExpireRingingCall { call }.execute(context),
            // The user has reconnected, by another connection or while the database failed.
            ScheduledTask::LeaveCall(call, user) if shared.presence.call_participants.is_in_call(call, &user) => Ok(()),
            ScheduledTask::LeaveCall(call, user) => LeaveCall { call, user }.execute(context),
            ScheduledTask::CheckParticipant(..) | ScheduledTask::RetrySessionEnd(_) => Ok(()),
        };
        self.state.store.writer.submit(Actor::server(), work, move |done| match done {
            Ok(()) => {}
            Err(DomainError::Unavailable(_)) => on_shard(Box::new(move |app, shard| app.schedule(shard, shard.now() + RETRY_DELAY, task))),
            Err(error) => tracing::error!(%error, "failed to remove a user from a call, or to end a ringing call"),
        });
    }
}
