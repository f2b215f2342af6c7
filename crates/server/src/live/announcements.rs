//! Announces who came online and who went offline: the changes are gathered for a moment and told in rounds.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use domain::blocks::{BlockedBy, NameBlockers};
use domain::event::Signal;
use domain::names::{PersonId, Room};
use domain::operation::Actor;
use domain::refusal::Refusal;
use domain::spaces::ListContacts;
use engine::{Broadcast, Handle};

use super::Live;
use super::fanout::{Fanout, except, lasting, to_rooms};
use crate::config::Audience;
use crate::presence::{Hearers, person_of};

/// How long changes of presence are gathered, so that a storm is one message and not thousands.
const GATHER: Duration = Duration::from_millis(100);

impl Fanout {
    /// Who is told now who comes online. Presence for everyone costs the square of those who are online: of too many only contacts are told.
    fn audience_now(&self) -> Audience {
        let (Audience::Everyone, Some(most)) = (self.audience, self.who.everyone_up_to) else { return self.audience };
        let (online, most) = (self.who.people.count(), most as usize);
        let was = self.is_narrowed();
        // It widens again a tenth below, so that it does not go to and fro.
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
    pub(super) fn gather(&self, engine: &Handle<Live>, signal: Arc<Signal>) {
        if self.changes.add(signal) {
            tell_presence_soon(engine);
        }
    }

    /// A change of presence in the words of whoever listens.
    pub fn words_of(&self, change: impl Into<Arc<Signal>>) -> Arc<Broadcast> {
        Broadcast::to_everyone(self.signals(None, vec![change.into()])).into()
    }

    /// Asks with whom a person shares a space. `then` runs on a reader's thread.
    pub(super) fn ask_contacts(&self, person: &PersonId, then: impl FnOnce(Result<Vec<PersonId>, Refusal>) + Send + 'static) {
        self.readers.ask(Actor { person: person.clone(), admin: false }, ListContacts, then);
    }

    /// Keeps a change of presence that is about to be told. Of many who were away each is told the same bytes.
    fn note(&self, signal: &Arc<Signal>, to: Hearers<&[PersonId]>) {
        if let Some(person) = person_of(signal) {
            self.told.note(person, self.words_of(signal.clone()), to, (self.clock)());
        }
    }

    /// Tells the changes of presence that were gathered.
    pub(super) fn tell_presence(self: &Arc<Self>) {
        let Some(engine) = self.engine.get() else { return };
        let round = Round { fanout: self.clone(), engine: engine.clone(), untold: self.changes.begin() };
        match self.audience_now() {
            Audience::None => {}
            Audience::Everyone => round.tell_everyone(),
            Audience::Contacts => round.tell_contacts(),
        }
    }
}

/// Has the shards' first begin a round when the changes of a moment are gathered.
fn tell_presence_soon(engine: &Handle<Live>) {
    engine.tell(0, Box::new(|live, shard| live.tell_presence_at(shard, shard.now() + GATHER)));
}

/// Changes of presence on their way, before those that are gathered meanwhile. However it ends, the next one comes after it.
struct Round {
    fanout: Arc<Fanout>,
    engine: Handle<Live>,
    untold: Vec<Arc<Signal>>,
}

impl Round {
    /// Tells all changes to everyone with one message, except those of users who have blocked others.
    fn tell_everyone(mut self) {
        let people = self.untold.iter().filter_map(|signal| person_of(signal).cloned()).collect();
        let fanout = self.fanout.clone();
        fanout.readers.ask(Actor::server(), NameBlockers { people }, move |blockers| match blockers {
            Ok(blockers) => {
                let is_blocker = |signal: &Arc<Signal>| person_of(signal).is_some_and(|person| blockers.contains(person));
                let (of_blockers, of_others) = std::mem::take(&mut self.untold).into_iter().partition(is_blocker);
                self.publish_to_everyone(of_others);
                self.untold = of_blockers;
                self.tell_all_but_blocked();
            }
            Err(Refusal::Unavailable(_)) => {}
            Err(refusal) => {
                tracing::error!(%refusal, "blocks could not be read, so changes of presence are not told");
                self.untold.clear();
            }
        });
    }

    /// The next change, and whose it is.
    fn next(&mut self) -> Option<(Arc<Signal>, PersonId)> {
        std::iter::from_fn(|| self.untold.pop()).find_map(|signal| {
            let person = person_of(&signal)?.clone();
            Some((signal, person))
        })
    }

    fn publish_to_everyone(&self, signals: Vec<Arc<Signal>>) {
        if !signals.is_empty() {
            signals.iter().for_each(|signal| self.fanout.note(signal, Hearers::Everyone));
            self.engine.publish(lasting(Broadcast::to_everyone, self.fanout.signals(None, signals)));
        }
    }

    /// Tells the change of one blocker after the other to everyone except the users whom this one has blocked.
    fn tell_all_but_blocked(mut self) {
        let Some((signal, person)) = self.next() else { return };
        let fanout = self.fanout.clone();
        fanout.readers.ask(Actor::server(), BlockedBy { person }, move |blocked| match blocked {
            Ok(mut blocked) => {
                self.fanout.note(&signal, Hearers::AllBut(&blocked));
                blocked.retain(|user| self.fanout.who.people.is_online(user));
                let broadcast = lasting(Broadcast::to_everyone, self.fanout.signals(None, vec![signal]));
                self.engine.publish(except(broadcast, &blocked));
                self.tell_all_but_blocked();
            }
            // As with contacts.
            Err(Refusal::Unavailable(_)) => self.untold.push(signal),
            Err(refusal) => {
                tracing::error!(%refusal, "the users whom a user has blocked could not be read");
                self.tell_all_but_blocked();
            }
        });
    }

    /// Asks for one person's contacts after the other's, so that whoever else has a question waits for one of them at most.
    fn tell_contacts(mut self) {
        let Some((signal, person)) = self.next() else { return };
        let fanout = self.fanout.clone();
        fanout.ask_contacts(&person, move |contacts| match contacts {
            Ok(contacts) => {
                self.fanout.note(&signal, Hearers::Only(&contacts));
                let inboxes: Vec<Room> = contacts.iter().map(Room::inbox).collect();
                self.engine.publish(to_rooms(&inboxes, self.fanout.signals(None, vec![signal])));
                self.tell_contacts();
            }
            // The readers are too busy, or stopping: this and the rest wait for the next round.
            Err(Refusal::Unavailable(_)) => self.untold.push(signal),
            Err(refusal) => {
                tracing::error!(%refusal, "a person's contacts could not be read");
                self.tell_contacts();
            }
        });
    }
}

impl Drop for Round {
    fn drop(&mut self) {
        if self.fanout.changes.end(self.untold.drain(..)) {
            tell_presence_soon(&self.engine);
        }
    }
}
