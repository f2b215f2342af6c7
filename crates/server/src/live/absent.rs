//! Who was here before the start: others still see them, and nobody has seen them go.

use std::collections::HashMap;
use std::time::Duration;

use domain::event::Signal;
use domain::names::{PersonId, Timestamp};
use domain::operation::Actor;
use domain::sessions::{Absent, Begun, GiveUpAbsent};
use engine::{Shard, SocketKey};

use super::departures::Departed;
use super::{Live, Shared};

/// How long whoever was here when the server stopped still counts as here, at least. By then stock clients have tried to come back: Socket.IO's
/// wait for 7.5 s at most between two tries.
pub(super) const RETURN: Duration = Duration::from_secs(10);

/// How many people a client is told of at most that may have come or gone while it was away before the start.
const MOST: usize = 1000;

/// How many of those who had left before the start are known.
const MOST_GONE: usize = 65_536;

/// What was before the start.
#[derive(Debug, Default)]
pub struct Before {
    started: Timestamp,
    /// How long it may take until it is seen that a client hears nothing any more, in seconds.
    silence: i64,
    /// Who had left, and when.
    gone: HashMap<PersonId, Timestamp>,
}

impl Before {
    /// What a start has found. Inputs: that, and how long it may take until it is seen that a client hears nothing any more.
    pub fn new(begun: &Begun, silence: Duration) -> Self {
        let mut gone: Vec<_> = begun.absent.iter().filter_map(|absent| Some((absent.left_at?, &absent.person.id))).collect();
        gone.sort_unstable();
        let newest = gone.into_iter().rev().take(MOST_GONE);
        let gone = newest.map(|(left_at, person)| (person.clone(), left_at)).collect();
        Self { started: begun.started, silence: silence.as_secs_f64().ceil() as i64, gone }
    }

    /// When a start was that has happened since a client left.
    fn is_before_start(&self, left_at: Timestamp) -> bool {
        left_at <= self.started
    }

    /// Whether a client was away when the server stopped.
    fn was_away(&self, left_at: Timestamp) -> bool {
        left_at < self.started
    }

    /// Those of some people, or of all, who left when a client may have heard nothing of it, the last of them first.
    fn gone_since(&self, left_at: Timestamp, among: Option<&[PersonId]>) -> Vec<PersonId> {
        let from = left_at.minus_seconds(self.silence);
        let mut gone: Vec<(&PersonId, &Timestamp)> = match among {
            Some(people) => people.iter().filter_map(|person| self.gone.get_key_value(person)).collect(),
            None => self.gone.iter().collect(),
        };
        gone.retain(|(_, left_at)| **left_at >= from);
        gone.sort_unstable_by(|(_, one), (_, other)| other.cmp(one));
        gone.into_iter().map(|(person, _)| person.clone()).collect()
    }
}

impl Shared {
    /// Whoever was here when the server stopped counts as here, and is to be back soon: see [`Live::wait_for`]. Called before anybody can come.
    pub fn expect(&self, absent: &[Absent]) -> Vec<Departed> {
        let mut departed = Vec::new();
        for Absent { person, id, rooms, .. } in absent.iter().filter(|absent| absent.left_at.is_none()) {
            let known_by = self.tells_presence.then_some(id.as_str());
            departed.push(Departed::FromServer(person.id.clone(), self.people.expect(&person.id, known_by)));
            for (room, inside) in rooms {
                if let Some(departure) = self.attendance.expect(room, person, inside.clone()) {
                    departed.push(Departed::FromRoom(room.clone(), person.id.clone(), departure));
                }
            }
        }
        departed
    }

    /// What a client that comes back may not know of some people, or of all, who came or went before the start. It is as it is now: what was told
    /// in between is told anyway.
    fn changes_before(&self, left_at: Timestamp, among: Option<&[PersonId]>) -> Vec<Signal> {
        let offline = |person| Signal::Offline { person };
        let gone = self.before.gone_since(left_at, among).into_iter().filter(|person| !self.people.is_online(person)).map(offline);
        let here = match among {
            // Who was here hears of who comes.
            _ if !self.before.was_away(left_at) => Vec::new(),
            Some(people) => self.people.online_among(people),
            None => self.people.online(MOST),
        };
        let online = here.into_iter().map(|(person, connection)| Signal::Online { person, connection });
        gone.chain(online).take(MOST).collect()
    }
}

impl Live {
    /// If those who are expected do not come back, others are told that they are gone.
    pub fn wait_for(&mut self, shard: &mut Shard<Self>, expected: Vec<Departed>) {
        for departed in expected {
            self.expected.add(shard, departed);
        }
        self.expected.add(shard, Departed::Nobody);
    }

    /// Nobody is expected back any more.
    pub(super) fn give_up_absent(&self) {
        let give_up = GiveUpAbsent { started: self.shared.before.started };
        self.run_for(&Actor::server(), give_up, "who has not come back is expected again at the next start");
    }

    /// A socket has come back that left before the start: its client is told of those who came and went meanwhile.
    pub(super) fn tell_of_before(&self, shard: &mut Shard<Self>, socket: SocketKey, person: &PersonId, left_at: Timestamp) {
        let shared = &self.shared;
        let nothing_new = !shared.before.was_away(left_at) && shared.before.gone.is_empty();
        if !shared.tells_presence || !shared.before.is_before_start(left_at) || nothing_new {
            return;
        }
        if shared.shows_presence {
            return self.tell_changes(shard, socket, shared.changes_before(left_at, None));
        }
        let back = self.back(shard);
        shared.fanout.ask_contacts(person, move |contacts| match contacts {
            Ok(contacts) => back(Box::new(move |live, shard| {
                live.tell_changes(shard, socket, live.shared.changes_before(left_at, Some(&contacts)));
            })),
            Err(refusal) => tracing::debug!(%refusal, "a client that came back is not told who came and went before the start"),
        });
    }

    fn tell_changes(&self, shard: &mut Shard<Self>, socket: SocketKey, changes: Vec<Signal>) {
        let own = shard.data(socket).map(|session| session.actor.person.clone());
        let others = changes.into_iter().filter(|change| crate::presence::person_of(change) != own.as_ref());
        let said: Vec<_> = others.map(|change| self.shared.fanout.words_of(change)).collect();
        shard.tell_again(socket, &said);
    }
}

#[cfg(test)]
mod tests {
    use domain::people::Person;

    use super::*;

    #[test]
    fn whoever_left_when_a_client_may_have_heard_nothing_is_gone_for_it() {
        let at = |second: i64| Timestamp(second * 1_000_000);
        let person = |name: &str| PersonId::new(name);
        let absent =
            |name: &str, left_at| Absent { person: Person::unseen(person(name), at(0)), id: String::new(), left_at, rooms: Vec::new() };
        let absent = vec![absent("anna", Some(at(40))), absent("ben", None), absent("carl", Some(at(99))), absent("dora", Some(at(70)))];
        let begun = Begun { started: at(100), position: 0, facts: Default::default(), unreadable: None, absent };
        let before = Before::new(&begun, Duration::from_secs(30));
        assert_eq!(before.gone_since(at(100), None), [person("carl"), person("dora")], "it was not seen at once");
        assert_eq!(before.gone_since(at(70), None), [person("carl"), person("dora"), person("anna")]);
        assert_eq!(before.gone_since(at(70), Some(&[person("anna"), person("ben"), person("emil")])), [person("anna")]);
        let moments = [at(99), at(100), at(101)].map(|left_at| (before.was_away(left_at), before.is_before_start(left_at)));
        assert_eq!(moments, [(true, true), (false, true), (false, false)]);
    }
}
