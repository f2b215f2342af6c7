//! Broadcasts which users came online and went offline. The changes are gathered for 100 ms and sent in rounds.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use config::Audience;
use domain::blocks::{FilterBlockers, ListBlockers};
use domain::command::Actor;
use domain::error::DomainError;
use domain::event::EphemeralEvent;
use domain::ids::{RoomId, UserId};
use domain::spaces::ListContacts;
use engine::{Broadcast, Handle};
use logging::{self, MAX_FAULT_LINES};
use tracing::Level;

use super::RealtimeApp;
use super::fanout::{Fanout, except, persistent, to_rooms};
use crate::presence::{Recipients, user_of};

/// How long changes of presence are gathered, so that thousands of changes are one message.
const COLLECT_INTERVAL: Duration = Duration::from_millis(100);

impl Fanout {
    /// Which users receive presence events now. Presence for everyone costs the square of the number of users online, so above the limit
    /// only contacts receive it.
    fn current_audience(&self) -> Audience {
        let (Audience::Everyone, Some(most)) = (self.audience, self.presence.everyone_up_to) else { return self.audience };
        let (online, most) = (self.presence.users.count(), most as usize);
        let was = self.is_narrowed();
        // The audience widens again at a tenth below the limit, so that it does not alternate.
        let narrow = online > most || was && online.saturating_mul(10) > most.saturating_mul(9);
        if narrow != was {
            self.narrowed.store(narrow, Ordering::Relaxed);
            tracing::warn!(online, most, narrow, "presence events go to {}", if narrow { "contacts only" } else { "everyone again" });
        }
        if narrow { Audience::Contacts } else { Audience::Everyone }
    }

    /// Whether presence events for everyone go to contacts only now.
    pub fn is_narrowed(&self) -> bool {
        self.narrowed.load(Ordering::Relaxed)
    }

    /// Gathers a change of presence for the next round.
    pub(super) fn collect_presence(&self, engine: &Handle<RealtimeApp>, ephemeral: Arc<EphemeralEvent>) {
        if self.changes.add(ephemeral) {
            schedule_presence(engine);
        }
    }

    /// A change of presence, as each contract encodes it.
    pub fn presence_message(&self, change: impl Into<Arc<EphemeralEvent>>) -> Arc<Broadcast> {
        Broadcast::to_everyone(self.ephemeral_broadcast(None, vec![change.into()])).into()
    }

    /// Reads the contacts of a user. `then` runs on a reader's thread.
    pub(super) fn contacts_of(&self, user: &UserId, then: impl FnOnce(Result<Vec<UserId>, DomainError>) + Send + 'static) {
        self.readers.ask(Actor { user: user.clone(), admin: false }, ListContacts, then);
    }

    /// Keeps a change of presence that is about to be sent, for clients that reconnect. All of them receive the same bytes.
    fn record_presence(&self, ephemeral: &Arc<EphemeralEvent>, to: Recipients<&[UserId]>) {
        if let Some(user) = user_of(ephemeral) {
            self.presence_history.record(user, self.presence_message(ephemeral.clone()), to, (self.clock)());
        }
    }

    /// Sends the changes of presence that were gathered.
    pub(super) fn broadcast_presence(self: &Arc<Self>) {
        let Some(engine) = self.engine.get() else { return };
        let round = BroadcastRound { fanout: self.clone(), engine: engine.clone(), unsent: self.changes.begin(), together: Vec::new() };
        match self.current_audience() {
            Audience::None => {}
            Audience::Everyone => round.send_to_everyone(),
            Audience::Contacts => round.send_to_contacts(),
        }
    }
}

/// Lets the first shard start a round at the end of [`COLLECT_INTERVAL`].
fn schedule_presence(engine: &Handle<RealtimeApp>) {
    engine.send(0, Box::new(|app, shard| app.schedule_presence_at(shard, shard.now() + COLLECT_INTERVAL)));
}

/// A round of changes of presence. Changes that are gathered during it belong to the next round, which begins when this one is dropped.
struct BroadcastRound {
    fanout: Arc<Fanout>,
    engine: Handle<RealtimeApp>,
    unsent: Vec<Arc<EphemeralEvent>>,
    /// Changes of users who have blocked users that are offline now: they go to everyone in one message at the end of the round.
    together: Vec<Arc<EphemeralEvent>>,
}

impl BroadcastRound {
    /// Sends all changes to everyone in one message, except the changes of users who have blocked other users.
    fn send_to_everyone(mut self) {
        let users = self.unsent.iter().filter_map(|ephemeral| user_of(ephemeral).cloned()).collect();
        let fanout = self.fanout.clone();
        fanout.readers.ask(Actor::server(), FilterBlockers { users }, move |blockers| match blockers {
            Ok(blockers) => {
                let is_blocker = |ephemeral: &Arc<EphemeralEvent>| user_of(ephemeral).is_some_and(|user| blockers.contains(user));
                let (of_blockers, of_others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.unsent).into_iter().partition(is_blocker);
                of_others.iter().for_each(|ephemeral| self.fanout.record_presence(ephemeral, Recipients::Everyone));
                self.publish_to_everyone(of_others);
                self.unsent = of_blockers;
                self.send_to_unblocked();
            }
            Err(DomainError::Unavailable(_)) => {}
            Err(error) => {
                tracing::error!(%error, "failed to read the blocks of users; changes of presence are not sent");
                self.unsent.clear();
            }
        });
    }

    /// The next change, and its user.
    fn next(&mut self) -> Option<(Arc<EphemeralEvent>, UserId)> {
        std::iter::from_fn(|| self.unsent.pop()).find_map(|ephemeral| {
            let user = user_of(&ephemeral)?.clone();
            Some((ephemeral, user))
        })
    }

    fn publish_to_everyone(&self, ephemeral_events: Vec<Arc<EphemeralEvent>>) {
        if !ephemeral_events.is_empty() {
            self.fanout.publish(&self.engine, persistent(Broadcast::to_everyone, self.fanout.ephemeral_broadcast(None, ephemeral_events)));
        }
    }

    /// Sends the change of one blocker after the other to everyone except the users that the blocker has blocked.
    fn send_to_unblocked(mut self) {
        let Some((ephemeral, user)) = self.next() else { return };
        let fanout = self.fanout.clone();
        fanout.readers.ask(Actor::server(), ListBlockers { user }, move |blocked| match blocked {
            Ok(mut blocked) => {
                self.fanout.record_presence(&ephemeral, Recipients::AllBut(&blocked));
                blocked.retain(|user| self.fanout.presence.users.is_online(user));
                if blocked.is_empty() {
                    self.together.push(ephemeral);
                } else {
                    let broadcast = persistent(Broadcast::to_everyone, self.fanout.ephemeral_broadcast(None, vec![ephemeral]));
                    self.fanout.publish(&self.engine, except(broadcast, &blocked));
                }
                self.send_to_unblocked();
            }
            // The readers are busy or stopping, as in `send_to_contacts`.
            Err(DomainError::Unavailable(_)) => self.unsent.push(ephemeral),
            Err(error) => {
                if logging::admits(Level::ERROR, None, "failed to read the blocks of a user", error.code(), MAX_FAULT_LINES) {
                    tracing::error!(%error, "failed to read the blocks of a user");
                }
                self.send_to_unblocked();
            }
        });
    }

    /// Reads the contacts of one user after the other, so that another query waits for at most one of these reads.
    fn send_to_contacts(mut self) {
        let Some((ephemeral, user)) = self.next() else { return };
        let fanout = self.fanout.clone();
        fanout.contacts_of(&user, move |contacts| match contacts {
            Ok(contacts) => {
                self.fanout.record_presence(&ephemeral, Recipients::Only(&contacts));
                let inboxes: Vec<RoomId> = contacts.iter().map(RoomId::inbox).collect();
                self.fanout.publish(&self.engine, to_rooms(&inboxes, self.fanout.ephemeral_broadcast(None, vec![ephemeral])));
                self.send_to_contacts();
            }
            // The readers are busy or stopping: this change and the rest wait for the next round.
            Err(DomainError::Unavailable(_)) => self.unsent.push(ephemeral),
            Err(error) => {
                if logging::admits(Level::ERROR, None, "failed to read the contacts of a user", error.code(), MAX_FAULT_LINES) {
                    tracing::error!(%error, "failed to read the contacts of a user");
                }
                self.send_to_contacts();
            }
        });
    }
}

impl Drop for BroadcastRound {
    fn drop(&mut self) {
        let together = std::mem::take(&mut self.together);
        self.publish_to_everyone(together);
        if self.fanout.changes.end(self.unsent.drain(..)) {
            schedule_presence(&self.engine);
        }
    }
}
