//! Users in calls, with their connections, and the timers of calls.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::calls::{Call, ExpireRingingCall, LeaveCall, RING_TIMEOUT_SECONDS};
use domain::ids::{EntityId, UserId};
use domain::command::{Actor, Command, CommandContext};
use domain::error::DomainError;
use engine::{Shard, SocketKey};

use super::Live;
use crate::presence::DepartureId;

/// How long a call rings.
const RINGS: Duration = Duration::from_secs(RING_TIMEOUT_SECONDS as u64);

/// How long to wait before a failed write is tried again.
const RETRY: Duration = Duration::from_secs(5);

/// Timed tasks, by their time. Their number is bounded by the open calls, the seats whose connection has ended, and the ends of sockets
/// that are not stored.
#[derive(Default)]
pub(super) struct Chores {
    waiting: BTreeMap<(Instant, u64), Chore>,
    last: u64,
}

#[derive(Clone)]
enum Chore {
    /// Ends a call that was not answered in time.
    GiveUpRinging(EntityId),
    /// Checks a seat after the grace period of a departure.
    LookAtSeat(EntityId, UserId, DepartureId),
    /// Removes a user from a call.
    LeaveCall(EntityId, UserId),
    /// Stores the end of a socket after a failed attempt.
    EndAgain(engine::id::Id),
}

impl Live {
    /// Puts a user into a call on this socket. If the socket has ended, the user leaves the call.
    pub(super) fn take_seat(&mut self, shard: &mut Shard<Self>, socket: SocketKey, call: &Call, person: &UserId) {
        if !call.is_open() || !call.has(person) {
            return;
        }
        match shard.id(socket).filter(|_| shard.data(socket).is_some()) {
            Some(id) => self.shared.seats.join(call.id, &call.room, person, &id.text()),
            None => self.do_at(shard, shard.now(), Chore::LeaveCall(call.id, person.clone())),
        }
    }

    /// Starts the grace period for the seats of a socket that has ended.
    pub(super) fn leave_seats(&mut self, shard: &mut Shard<Self>, socket: SocketKey, person: &UserId) {
        let Some(id) = shard.id(socket) else { return };
        for (call, departure) in self.shared.seats.disconnect(person, &id.text()) {
            self.do_at(shard, shard.now() + self.shared.grace, Chore::LookAtSeat(call, person.clone(), departure));
        }
    }

    /// Starts the ringing timer of a call.
    pub(super) fn ring(&mut self, shard: &mut Shard<Self>, call: EntityId) {
        self.do_at(shard, shard.now() + RINGS, Chore::GiveUpRinging(call));
    }

    /// Frees the seats of a call that has ended.
    pub(super) fn hang_up(&mut self, call: EntityId) {
        self.shared.seats.clear(call);
        self.chores.waiting.retain(|_, chore| !matches!(chore, Chore::GiveUpRinging(ringing) if *ringing == call));
    }

    /// Runs all tasks that are due, and schedules the next one.
    pub(super) fn do_chores(&mut self, shard: &mut Shard<Self>) {
        while let Some(due) = self.chores.waiting.first_entry().filter(|first| first.key().0 <= shard.now()) {
            match due.remove() {
                Chore::LookAtSeat(call, person, departure) => {
                    if self.shared.seats.expire(call, &person, departure) {
                        self.do_now(shard, Chore::LeaveCall(call, person));
                    }
                }
                Chore::EndAgain(secret) => {
                    // The client may have reconnected.
                    if let Some((confirmed, let_go)) = self.shared.leaving.find(secret) {
                        self.end(shard, secret, confirmed, let_go);
                    }
                }
                chore => self.do_now(shard, chore),
            }
        }
        if let Some(((next, _), _)) = self.chores.waiting.first_key_value() {
            shard.wake_at(*next);
        }
    }

    /// Schedules another attempt to store the end of a socket.
    pub(super) fn end_again(&mut self, shard: &mut Shard<Self>, secret: engine::id::Id) {
        self.do_at(shard, shard.now() + RETRY, Chore::EndAgain(secret));
    }

    fn do_at(&mut self, shard: &mut Shard<Self>, at: Instant, chore: Chore) {
        self.chores.last += 1;
        self.chores.waiting.insert((at, self.chores.last), chore);
        shard.wake_at(at);
    }

    /// Runs a task as the server, and repeats it while the database fails.
    fn do_now(&self, shard: &Shard<Self>, chore: Chore) {
        let back = self.back(shard);
        let (work, shared) = (chore.clone(), Arc::clone(&self.shared));
        let work = move |tx: &mut CommandContext<'_>| match work {
            Chore::GiveUpRinging(call) => ExpireRingingCall { call }.execute(tx),
            // The user has reconnected, by another connection or while the database failed.
            Chore::LeaveCall(call, person) if shared.seats.is_in_call(call, &person) => Ok(()),
            Chore::LeaveCall(call, person) => LeaveCall { call, person }.execute(tx),
            Chore::LookAtSeat(..) | Chore::EndAgain(_) => Ok(()),
        };
        self.shared.writer.submit(Actor::server(), work, move |done| match done {
            Ok(()) => {}
            Err(DomainError::Unavailable(_)) => back(Box::new(move |live, shard| live.do_at(shard, shard.now() + RETRY, chore))),
            Err(refusal) => tracing::error!(%refusal, "the server could not end somebody's part in a call"),
        });
    }
}
