//! Broadcasts which users came online and went offline. The changes are gathered for a moment and sent in rounds.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::blocks::{ListBlockers, FilterBlockers};
use domain::event::EphemeralEvent;
use domain::ids::{UserId, RoomId};
use domain::command::Actor;
use domain::error::DomainError;
use domain::spaces::ListContacts;
use engine::{Broadcast, Handle};
use tracing::Level;

use super::RealtimeApp;
use super::fanout::{Fanout, except, persistent, to_rooms};
use crate::config::Audience;
use crate::logging::{self, MAX_FAULT_LINES};
use crate::presence::{Recipients, user_of};

/// How long changes of presence are gathered, so that thousands of changes are one message.
const COLLECT_INTERVAL: Duration = Duration::from_millis(100);

impl Fanout {
    /// Which users receive presence events now. Presence for everyone costs the square of the number of users online, so above the limit only
    /// contacts receive it.
    fn presence_audience(&self) -> Audience {
        let (Audience::Everyone, Some(most)) = (self.audience, self.who.everyone_up_to) else { return self.audience };
        let (online, most) = (self.who.people.count(), most as usize);
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
    pub(super) fn collect_presence(&self, engine: &Handle<RealtimeApp>, signal: Arc<EphemeralEvent>) {
        if self.changes.add(signal) {
            schedule_presence(engine);
        }
    }

    /// A change of presence, as each contract encodes it.
    pub fn presence_message(&self, change: impl Into<Arc<EphemeralEvent>>) -> Arc<Broadcast> {
        Broadcast::to_everyone(self.ephemeral_broadcast(None, vec![change.into()])).into()
    }

    /// Reads the contacts of a user. `then` runs on a reader's thread.
    pub(super) fn contacts_of(&self, person: &UserId, then: impl FnOnce(Result<Vec<UserId>, DomainError>) + Send + 'static) {
        self.readers.ask(Actor { person: person.clone(), admin: false }, ListContacts, then);
    }

    /// Keeps a change of presence that is about to be sent, for clients that reconnect. All of them receive the same bytes.
    fn record_presence(&self, signal: &Arc<EphemeralEvent>, to: Recipients<&[UserId]>) {
        if let Some(person) = user_of(signal) {
            self.told.record(person, self.presence_message(signal.clone()), to, (self.clock)());
        }
    }

    /// Sends the changes of presence that were gathered.
    pub(super) fn broadcast_presence(self: &Arc<Self>) {
        let Some(engine) = self.engine.get() else { return };
        let round = BroadcastRound { fanout: self.clone(), engine: engine.clone(), untold: self.changes.begin(), together: Vec::new() };
        match self.presence_audience() {
            Audience::None => {}
            Audience::Everyone => round.send_to_everyone(),
            Audience::Contacts => round.send_to_contacts(),
        }
    }
}

/// Has the first shard begin a round after the changes of a moment are gathered.
fn schedule_presence(engine: &Handle<RealtimeApp>) {
    engine.send(0, Box::new(|live, shard| live.schedule_presence_at(shard, shard.now() + COLLECT_INTERVAL)));
}

/// A round of changes of presence. Changes that are gathered during it belong to the next round, which begins when this one is dropped.
struct BroadcastRound {
    fanout: Arc<Fanout>,
    engine: Handle<RealtimeApp>,
    untold: Vec<Arc<EphemeralEvent>>,
    /// Changes of users who have blocked users that are offline now: they go to everyone in one message at the end of the round.
    together: Vec<Arc<EphemeralEvent>>,
}

impl BroadcastRound {
    /// Sends all changes to everyone in one message, except the changes of users who have blocked other users.
    fn send_to_everyone(mut self) {
        let people = self.untold.iter().filter_map(|signal| user_of(signal).cloned()).collect();
        let fanout = self.fanout.clone();
        fanout.readers.ask(Actor::server(), FilterBlockers { people }, move |blockers| match blockers {
            Ok(blockers) => {
                let is_blocker = |signal: &Arc<EphemeralEvent>| user_of(signal).is_some_and(|person| blockers.contains(person));
                let (of_blockers, of_others): (Vec<_>, Vec<_>) = std::mem::take(&mut self.untold).into_iter().partition(is_blocker);
                of_others.iter().for_each(|signal| self.fanout.record_presence(signal, Recipients::Everyone));
                self.publish_to_everyone(of_others);
                self.untold = of_blockers;
                self.send_to_unblocked();
            }
            Err(DomainError::Unavailable(_)) => {}
            Err(refusal) => {
                tracing::error!(%refusal, "blocks could not be read, so changes of presence are not sent");
                self.untold.clear();
            }
        });
    }

    /// The next change, and its user.
    fn next(&mut self) -> Option<(Arc<EphemeralEvent>, UserId)> {
        std::iter::from_fn(|| self.untold.pop()).find_map(|signal| {
            let person = user_of(&signal)?.clone();
            Some((signal, person))
        })
    }

    fn publish_to_everyone(&self, signals: Vec<Arc<EphemeralEvent>>) {
        if !signals.is_empty() {
            self.engine.publish(persistent(Broadcast::to_everyone, self.fanout.ephemeral_broadcast(None, signals)));
        }
    }

    /// Sends the change of one blocker after the other to everyone except the users that the blocker has blocked.
    fn send_to_unblocked(mut self) {
        let Some((signal, person)) = self.next() else { return };
        let fanout = self.fanout.clone();
        fanout.readers.ask(Actor::server(), ListBlockers { person }, move |blocked| match blocked {
            Ok(mut blocked) => {
                self.fanout.record_presence(&signal, Recipients::AllBut(&blocked));
                blocked.retain(|user| self.fanout.who.people.is_online(user));
                if blocked.is_empty() {
                    self.together.push(signal);
                } else {
                    let broadcast = persistent(Broadcast::to_everyone, self.fanout.ephemeral_broadcast(None, vec![signal]));
                    self.engine.publish(except(broadcast, &blocked));
                }
                self.send_to_unblocked();
            }
            // The readers are busy or stopping, as in `tell_contacts`.
            Err(DomainError::Unavailable(_)) => self.untold.push(signal),
            Err(refusal) => {
                if logging::admits(Level::ERROR, None, "the blocks of a user could not be read", refusal.code(), MAX_FAULT_LINES) {
                    tracing::error!(%refusal, "the blocks of a user could not be read");
                }
                self.send_to_unblocked();
            }
        });
    }

    /// Reads the contacts of one user after the other, so that another query waits for at most one of these reads.
    fn send_to_contacts(mut self) {
        let Some((signal, person)) = self.next() else { return };
        let fanout = self.fanout.clone();
        fanout.contacts_of(&person, move |contacts| match contacts {
            Ok(contacts) => {
                self.fanout.record_presence(&signal, Recipients::Only(&contacts));
                let inboxes: Vec<RoomId> = contacts.iter().map(RoomId::inbox).collect();
                self.engine.publish(to_rooms(&inboxes, self.fanout.ephemeral_broadcast(None, vec![signal])));
                self.send_to_contacts();
            }
            // The readers are busy or stopping: this change and the rest wait for the next round.
            Err(DomainError::Unavailable(_)) => self.untold.push(signal),
            Err(refusal) => {
                if logging::admits(Level::ERROR, None, "the contacts of a user could not be read", refusal.code(), MAX_FAULT_LINES) {
                    tracing::error!(%refusal, "the contacts of a user could not be read");
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
        if self.fanout.changes.end(self.untold.drain(..)) {
            schedule_presence(&self.engine);
        }
    }
}
