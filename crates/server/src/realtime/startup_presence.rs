//! Users who were connected before the start. Other users still see them online and have received no offline event.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use domain::command::Actor;
use domain::error::DomainError;
use domain::event::EphemeralEvent;
use domain::ids::{Timestamp, UserId};
use domain::sessions::{DisconnectedUser, ExpireDisconnected, StartupState};
use domain::spaces::FilterVisible;
use engine::id::Id;
use engine::{Broadcast, Shard, SocketKey};
use store::Writer;
use tracing::Level;

use super::disconnect::PendingDeparture;
use super::{RealtimeApp, RealtimeState};
use crate::logging::{self, MAX_FAULT_LINES};
use crate::presence::MAX_REPLAYED;

/// How long, at least, users count as online who were connected when the server stopped. Stock clients have tried to reconnect by then:
/// Socket.IO's wait for at most 7.5 s between two attempts.
pub const MIN_RETURN_WINDOW: Duration = Duration::from_secs(10);

/// The most presence changes from before the start that are kept; older ones are dropped.
const MAX_KNOWN_CLIENTS: usize = 16_384;

/// The presence changes from before the start that some clients may not have received.
#[derive(Default)]
pub struct StartupPresence {
    started: Timestamp,
    /// The longest time in seconds until a silent connection counts as closed.
    silence: i64,
    /// Sorted by time.
    news: Vec<PresenceChange>,
}

/// A user who came online and was connected until the server stopped, or a user who went offline.
struct PresenceChange {
    /// The end of the time in which other users may not have received the change.
    untold_until: Timestamp,
    user: UserId,
    is_here: bool,
    said: Arc<Broadcast>,
}

impl StartupPresence {
    /// The presence changes of a start. `begun`: the state found at the start. `silence`: the longest time until a silent connection counts
    /// as closed. `grace`: how long a user counts as online after a disconnect. `say`: encodes a change.
    pub fn new(begun: &StartupState, silence: Duration, grace: Duration, say: impl Fn(EphemeralEvent) -> Arc<Broadcast>) -> Self {
        let seconds = |time: Duration| time.as_secs_f64().ceil() as i64;
        let late = seconds(grace.max(MIN_RETURN_WINDOW));
        let news = |absent: &DisconnectedUser| {
            let user = absent.user.id.clone();
            let (at, change) = match absent.left_at {
                Some(left_at) => (left_at, EphemeralEvent::Offline { user: user.clone() }),
                None => (absent.came_at, EphemeralEvent::Online { user: user.clone(), connection: absent.id.clone() }),
            };
            PresenceChange { untold_until: at.minus_seconds(-late), user, is_here: absent.left_at.is_none(), said: say(change) }
        };
        let time = |absent: &DisconnectedUser| absent.left_at.unwrap_or(absent.came_at);
        let mut absent: Vec<&DisconnectedUser> = begun.disconnected_users.iter().collect();
        absent.sort_unstable_by_key(|absent| time(absent));
        let newest = &absent[absent.len().saturating_sub(MAX_KNOWN_CLIENTS)..];
        Self { started: begun.started, silence: seconds(silence), news: newest.iter().map(|absent| news(absent)).collect() }
    }

    /// The last time at which a client that disconnected at `left_at` is certain to have received events. `None` if it was connected long
    /// enough after the start to have received every change from before.
    fn received_until(&self, left_at: Timestamp) -> Option<Timestamp> {
        let heard_until = left_at.minus_seconds(self.silence);
        (heard_until <= self.started).then_some(heard_until)
    }

    /// Indexes in `news` of the changes that a client may have missed since `heard_until`: the newest, at most `most`. `among` limits them
    /// to these users; `None`: all.
    fn unsent_since(&self, heard_until: Timestamp, among: Option<&HashSet<UserId>>, most: usize) -> Vec<usize> {
        let newest = self.news.iter().enumerate().rev().take_while(|(_, news)| news.untold_until >= heard_until);
        let among = newest.filter(|(_, news)| among.is_none_or(|users| users.contains(&news.user)));
        let mut untold: Vec<usize> = among.take(most).map(|(place, _)| place).collect();
        untold.reverse();
        untold
    }
}

impl RealtimeState {
    /// Counts users as online who were connected when the server stopped. Returns a departure for each; see [`RealtimeApp::expect_reconnects`]. Called
    /// before the server accepts connections.
    pub fn expect_users(&self, absent: &[DisconnectedUser]) -> Vec<PendingDeparture> {
        let mut departed = Vec::new();
        for DisconnectedUser { user, id, rooms, .. } in absent.iter().filter(|absent| absent.left_at.is_none()) {
            let known_by = Id::parse(id).filter(|_| self.presence.is_broadcast);
            departed.push(PendingDeparture::FromServer(user.id.clone(), self.presence.online_users.expect(&user.id, known_by)));
            for (room, inside) in rooms {
                if let Some(departure) = self.presence.room_presence.expect(room, user, inside.clone()) {
                    departed.push(PendingDeparture::FromRoom(room.clone(), user.id.clone(), departure));
                }
            }
        }
        departed
    }
}

impl RealtimeApp {
    /// Sends offline events for these users if they do not reconnect in time.
    pub fn expect_reconnects(&mut self, shard: &mut Shard<Self>, expected: Vec<PendingDeparture>) {
        for departed in expected {
            self.timers.expected_users.add(shard, departed);
        }
        self.timers.expected_users.add(shard, PendingDeparture::EndOfExpectedUsers);
    }

    /// Ends the wait for users from before the start.
    pub(super) fn expire_disconnected(&self) {
        expire_disconnected_users(&self.state.store.writer, self.state.presence.startup.started);
    }

    /// Sends a resumed socket the presence changes from before the start that its client may have missed.
    pub(super) fn replay_startup_presence(&self, shard: &mut Shard<Self>, socket: SocketKey, user: &UserId, left_at: Timestamp) {
        let shared = &self.state;
        let Some(heard_until) = shared.presence.startup.received_until(left_at).filter(|_| shared.presence.is_broadcast) else { return };
        if shared.presence.startup.unsent_since(heard_until, None, 1).is_empty() {
            return;
        }
        let (back, shared) = (self.run_on_shard(shard), Arc::clone(shared));
        let tell = move |among: Result<HashSet<UserId>, DomainError>| match among {
            Ok(among) => {
                let untold = shared.presence.startup.unsent_since(heard_until, Some(&among), MAX_REPLAYED);
                back(Box::new(move |live, shard| live.send_presence_changes(shard, socket, &untold)));
            }
            Err(error) => {
                if logging::admits(Level::WARN, None, "presence from before the start could not be sent", error.code(), MAX_FAULT_LINES) {
                    tracing::warn!(%error, "presence from before the start could not be sent");
                }
            }
        };
        let shared = &self.state;
        if shared.presence.is_public {
            let newest = shared.presence.startup.unsent_since(heard_until, None, MAX_REPLAYED);
            let users = newest.into_iter().map(|place| shared.presence.startup.news[place].user.clone()).collect();
            let actor = Actor { user: user.clone(), admin: false };
            shared.store.readers.ask(actor, FilterVisible { users, contacts_only: false }, tell);
        } else {
            shared.delivery.fanout.contacts_of(user, move |contacts| tell(contacts.map(|contacts| contacts.into_iter().collect())));
        }
    }

    /// Sends the changes that are still true. Later changes of these users are sent as presence events.
    fn send_presence_changes(&self, shard: &mut Shard<Self>, socket: SocketKey, news: &[usize]) {
        let Some(own) = shard.data(socket).map(|session| session.actor.user.clone()) else { return };
        let news = news.iter().filter_map(|place| self.state.presence.startup.news.get(*place));
        let true_news = news.filter(|news| news.user != own && news.is_here == self.state.presence.online_users.is_online(&news.user));
        let said: Vec<_> = true_news.map(|news| news.said.clone()).collect();
        shard.send_replayed(socket, &said);
    }
}

/// Marks the users as disconnected who were connected before the start and have not reconnected.
pub fn expire_disconnected_users(writer: &Writer, started: Timestamp) {
    writer.run(Actor::server(), ExpireDisconnected { started }, |given_up| {
        if let Err(error) = given_up {
            tracing::warn!(%error, "who has not come back is expected again at the next start");
        }
    });
}

#[cfg(test)]
mod tests {
    use domain::users::User;

    use super::*;
    use crate::config::Config;
    use crate::contracts::ContractRegistry;
    use crate::realtime::RenderedEvent;

    fn at(second: i64) -> Timestamp {
        Timestamp(second * 1_000_000)
    }

    /// The state that a start finds at 100 s if a silent connection counts as closed after 30 s.
    fn before(users: &[(&str, i64, Option<i64>)]) -> StartupPresence {
        let absent = users.iter().map(|(name, came_at, left_at)| DisconnectedUser {
            user: User::unseen(UserId::new(*name), at(0)),
            id: String::new(),
            came_at: at(*came_at),
            left_at: left_at.map(at),
            rooms: Vec::new(),
        });
        let begun = StartupState { started: at(100), position: 0, floor: 0, gaps: Vec::new(), disconnected_users: absent.collect() };
        let contracts = ContractRegistry::new(&Config::default());
        let say =
            |ephemeral| Arc::new(Broadcast::to_everyone(RenderedEvent::ephemeral(&contracts, None, vec![Arc::new(ephemeral)], at(0))));
        StartupPresence::new(&begun, Duration::from_secs(30), Duration::from_secs(2), say)
    }

    /// The changes that a client receives that disconnected at `left_at`.
    fn told<'a>(before: &'a StartupPresence, left_at: i64, among: Option<&[&str]>, most: usize) -> Option<Vec<(&'a str, bool)>> {
        let among = among.map(|names| names.iter().map(|name| UserId::new(*name)).collect());
        let untold = before.unsent_since(before.received_until(at(left_at))?, among.as_ref(), most);
        Some(untold.into_iter().map(|place| (before.news[place].user.as_str(), before.news[place].is_here)).collect())
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
