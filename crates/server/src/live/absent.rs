//! Who was here before the start: others still see them, and nobody has seen them go.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use domain::event::Signal;
use domain::names::{PersonId, Timestamp};
use domain::operation::Actor;
use domain::refusal::Refusal;
use domain::sessions::{Absent, Begun, GiveUpAbsent};
use domain::spaces::NameVisible;
use engine::id::Id;
use engine::{Broadcast, Shard, SocketKey};
use store::Writer;

use super::departures::Departed;
use super::{Live, Shared};
use crate::presence::MOST_AT_ONCE;

/// How long whoever was here when the server stopped still counts as here, at least. By then stock clients have tried to come back: Socket.IO's
/// wait for 7.5 s at most between two tries.
pub const RETURN: Duration = Duration::from_secs(10);

/// How many of those who came or went are known, the newest.
const MOST_KNOWN: usize = 16_384;

/// Who came and who went before the start, as far as somebody may not know it.
#[derive(Default)]
pub struct Before {
    started: Timestamp,
    /// How long it may take until it is seen that a client hears nothing any more, in seconds.
    silence: i64,
    /// In the order of the times.
    news: Vec<News>,
}

/// Somebody who came, and was here until the server stopped, or who had left.
struct News {
    /// Until when others may not have been told.
    untold_until: Timestamp,
    person: PersonId,
    is_here: bool,
    said: Arc<Broadcast>,
}

impl Before {
    /// What a start has found. Inputs: that; how long it may take until it is seen that a client hears nothing any more; how long whoever is gone
    /// still counts as here; how a change is said.
    pub fn new(begun: &Begun, silence: Duration, grace: Duration, say: impl Fn(Signal) -> Arc<Broadcast>) -> Self {
        let seconds = |time: Duration| time.as_secs_f64().ceil() as i64;
        let late = seconds(grace.max(RETURN));
        let news = |absent: &Absent| {
            let person = absent.person.id.clone();
            let (at, change) = match absent.left_at {
                Some(left_at) => (left_at, Signal::Offline { person: person.clone() }),
                None => (absent.came_at, Signal::Online { person: person.clone(), connection: absent.id.clone() }),
            };
            News { untold_until: at.minus_seconds(-late), person, is_here: absent.left_at.is_none(), said: say(change) }
        };
        let time = |absent: &Absent| absent.left_at.unwrap_or(absent.came_at);
        let mut absent: Vec<&Absent> = begun.absent.iter().collect();
        absent.sort_unstable_by_key(|absent| time(absent));
        let newest = &absent[absent.len().saturating_sub(MOST_KNOWN)..];
        Self { started: begun.started, silence: seconds(silence), news: newest.iter().map(|absent| news(absent)).collect() }
    }

    /// When a client may have heard the last for certain that left at a moment; `None` if it was here long enough after the start to have been told
    /// of everything before.
    fn heard_until(&self, left_at: Timestamp) -> Option<Timestamp> {
        let heard_until = left_at.minus_seconds(self.silence);
        (heard_until <= self.started).then_some(heard_until)
    }

    /// What was untold then of some people, or of all: the newest, at most `most`, as they stand in `news`.
    fn untold_since(&self, heard_until: Timestamp, among: Option<&HashSet<PersonId>>, most: usize) -> Vec<usize> {
        let newest = self.news.iter().enumerate().rev().take_while(|(_, news)| news.untold_until >= heard_until);
        let among = newest.filter(|(_, news)| among.is_none_or(|people| people.contains(&news.person)));
        let mut untold: Vec<usize> = among.take(most).map(|(place, _)| place).collect();
        untold.reverse();
        untold
    }
}

impl Shared {
    /// Whoever was here when the server stopped counts as here, and is to be back soon: see [`Live::wait_for`]. Called before anybody can come.
    pub fn expect(&self, absent: &[Absent]) -> Vec<Departed> {
        let mut departed = Vec::new();
        for Absent { person, id, rooms, .. } in absent.iter().filter(|absent| absent.left_at.is_none()) {
            let known_by = Id::parse(id).filter(|_| self.tells_presence);
            departed.push(Departed::FromServer(person.id.clone(), self.people.expect(&person.id, known_by)));
            for (room, inside) in rooms {
                if let Some(departure) = self.attendance.expect(room, person, inside.clone()) {
                    departed.push(Departed::FromRoom(room.clone(), person.id.clone(), departure));
                }
            }
        }
        departed
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
        give_up_absent(&self.shared.writer, self.shared.before.started);
    }

    /// A socket has come back that may not know who came and who went before the start: its client is told.
    pub(super) fn tell_of_before(&self, shard: &mut Shard<Self>, socket: SocketKey, person: &PersonId, left_at: Timestamp) {
        let shared = &self.shared;
        let Some(heard_until) = shared.before.heard_until(left_at).filter(|_| shared.tells_presence) else { return };
        if shared.before.untold_since(heard_until, None, 1).is_empty() {
            return;
        }
        let (back, shared) = (self.back(shard), Arc::clone(shared));
        let tell = move |among: Result<HashSet<PersonId>, Refusal>| match among {
            Ok(among) => {
                let untold = shared.before.untold_since(heard_until, Some(&among), MOST_AT_ONCE);
                back(Box::new(move |live, shard| live.tell_news(shard, socket, &untold)));
            }
            Err(refusal) => tracing::warn!(%refusal, "a client that came back is not told who came and who went before the start"),
        };
        let shared = &self.shared;
        if shared.shows_presence {
            let newest = shared.before.untold_since(heard_until, None, MOST_AT_ONCE);
            let people = newest.into_iter().map(|place| shared.before.news[place].person.clone()).collect();
            let actor = Actor { person: person.clone(), admin: false };
            shared.readers.ask(actor, NameVisible { people, contacts_only: false }, tell);
        } else {
            shared.fanout.ask_contacts(person, move |contacts| tell(contacts.map(|contacts| contacts.into_iter().collect())));
        }
    }

    /// Tells what is still so: whatever else has become of these people is told anyway.
    fn tell_news(&self, shard: &mut Shard<Self>, socket: SocketKey, news: &[usize]) {
        let Some(own) = shard.data(socket).map(|session| session.actor.person.clone()) else { return };
        let news = news.iter().filter_map(|place| self.shared.before.news.get(*place));
        let true_news = news.filter(|news| news.person != own && news.is_here == self.shared.people.is_online(&news.person));
        let said: Vec<_> = true_news.map(|news| news.said.clone()).collect();
        shard.tell_again(socket, &said);
    }
}

/// Nobody is expected back any more who was here before a start.
pub fn give_up_absent(writer: &Writer, started: Timestamp) {
    writer.run(Actor::server(), GiveUpAbsent { started }, |given_up| {
        if let Err(refusal) = given_up {
            tracing::warn!(%refusal, "who has not come back is expected again at the next start");
        }
    });
}

#[cfg(test)]
mod tests {
    use domain::people::Person;

    use super::*;
    use crate::config::Config;
    use crate::dialects::Dialects;
    use crate::live::Said;

    fn at(second: i64) -> Timestamp {
        Timestamp(second * 1_000_000)
    }

    /// What a start at 100 s finds where silence is seen after 30 s.
    fn before(people: &[(&str, i64, Option<i64>)]) -> Before {
        let absent = people.iter().map(|(name, came_at, left_at)| Absent {
            person: Person::unseen(PersonId::new(*name), at(0)),
            id: String::new(),
            came_at: at(*came_at),
            left_at: left_at.map(at),
            rooms: Vec::new(),
        });
        let begun = Begun { started: at(100), position: 0, floor: 0, holes: Vec::new(), absent: absent.collect() };
        let dialects = Dialects::new(&Config::default());
        let say = |signal| Arc::new(Broadcast::to_everyone(Said::signals(&dialects, None, vec![Arc::new(signal)], at(0))));
        Before::new(&begun, Duration::from_secs(30), Duration::from_secs(2), say)
    }

    /// Of whom a client hears that left then.
    fn told<'a>(before: &'a Before, left_at: i64, among: Option<&[&str]>, most: usize) -> Option<Vec<(&'a str, bool)>> {
        let among = among.map(|names| names.iter().map(|name| PersonId::new(*name)).collect());
        let untold = before.untold_since(before.heard_until(at(left_at))?, among.as_ref(), most);
        Some(untold.into_iter().map(|place| (before.news[place].person.as_str(), before.news[place].is_here)).collect())
    }

    #[test]
    fn a_client_is_told_of_who_came_and_went_when_it_may_have_heard_nothing() {
        let before = before(&[("anna", 10, Some(40)), ("ben", 95, None), ("carl", 1, Some(99)), ("dora", 5, None), ("emil", 0, Some(60))]);
        let (anna, emil, ben, carl) = (("anna", false), ("emil", false), ("ben", true), ("carl", false));
        assert_eq!(told(&before, 100, None, 9), Some(vec![emil, ben, carl]), "it was not seen at once, and is not told at once");
        assert_eq!(told(&before, 101, None, 9), Some(vec![ben, carl]));
        assert_eq!(told(&before, 80, None, 9), Some(vec![anna, emil, ben, carl]));
        assert_eq!(told(&before, 80, None, 2), Some(vec![ben, carl]), "the newest");
        assert_eq!(told(&before, 80, Some(&["anna", "carl", "dora"]), 9), Some(vec![anna, carl]));
        assert_eq!(told(&before, 130, None, 9), Some(vec![ben, carl]), "its first connection after the start may have heard nothing");
        assert_eq!(told(&before, 131, None, 9), None);
    }
}
