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
use logging::{self, MAX_FAULT_LINES};
use store::Writer;
use tracing::Level;

use super::disconnect::PendingDeparture;
use super::{RealtimeApp, RealtimeState};
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
    changes: Vec<PresenceChange>,
}

/// A user who came online and was connected until the server stopped, or a user who went offline.
struct PresenceChange {
    /// The end of the time in which other users may not have received the change.
    unsent_until: Timestamp,
    user: UserId,
    is_online: bool,
    broadcast: Arc<Broadcast>,
}

impl StartupPresence {
    /// The presence changes of a start. `startup`: the state found at the start. `silence`: the longest time until a silent connection
    /// counts as closed. `grace`: how long a user counts as online after a disconnect. `encode`: encodes a change.
    pub fn new(startup: &StartupState, silence: Duration, grace: Duration, encode: impl Fn(EphemeralEvent) -> Arc<Broadcast>) -> Self {
        let seconds = |time: Duration| time.as_secs_f64().ceil() as i64;
        let late = seconds(grace.max(MIN_RETURN_WINDOW));
        let change_of = |found: &DisconnectedUser| {
            let user = found.user.id.clone();
            let (at, change) = match found.left_at {
                Some(left_at) => (left_at, EphemeralEvent::Offline { user: user.clone() }),
                None => (found.came_at, EphemeralEvent::Online { user: user.clone(), connection: found.id.clone() }),
            };
            PresenceChange { unsent_until: at.minus_seconds(-late), user, is_online: found.left_at.is_none(), broadcast: encode(change) }
        };
        let time = |found: &DisconnectedUser| found.left_at.unwrap_or(found.came_at);
        let mut users: Vec<&DisconnectedUser> = startup.disconnected_users.iter().collect();
        users.sort_unstable_by_key(|found| time(found));
        let newest = &users[users.len().saturating_sub(MAX_KNOWN_CLIENTS)..];
        Self { started: startup.started, silence: seconds(silence), changes: newest.iter().map(|found| change_of(found)).collect() }
    }

    /// The last time at which a client that disconnected at `left_at` is certain to have received events. `None` if it was connected long
    /// enough after the start to have received every change from before.
    fn received_until(&self, left_at: Timestamp) -> Option<Timestamp> {
        let received_until = left_at.minus_seconds(self.silence);
        (received_until <= self.started).then_some(received_until)
    }

    /// Indexes in `changes` of the changes that a client may have missed since `received_until`: the newest, at most `most`. `among` limits
    /// them to these users; `None`: all.
    fn unsent_since(&self, received_until: Timestamp, among: Option<&HashSet<UserId>>, most: usize) -> Vec<usize> {
        let newest = self.changes.iter().enumerate().rev().take_while(|(_, change)| change.unsent_until >= received_until);
        let among = newest.filter(|(_, change)| among.is_none_or(|users| users.contains(&change.user)));
        let mut unsent: Vec<usize> = among.take(most).map(|(index, _)| index).collect();
        unsent.reverse();
        unsent
    }
}

impl RealtimeState {
    /// Counts users as online who were connected when the server stopped. Returns a departure for each; see
    /// [`RealtimeApp::expect_reconnects`]. Called before the server accepts connections.
    pub fn expect_users(&self, users: &[DisconnectedUser]) -> Vec<PendingDeparture> {
        let mut departures = Vec::new();
        for DisconnectedUser { user, id, rooms, .. } in users.iter().filter(|found| found.left_at.is_none()) {
            let known_by = Id::parse(id).filter(|_| self.presence.is_broadcast);
            departures.push(PendingDeparture::FromServer(user.id.clone(), self.presence.online_users.expect(&user.id, known_by)));
            self.delivery.bus.publish_known(EphemeralEvent::Online { user: user.id.clone(), connection: id.clone() });
            for (room, inside) in rooms {
                if let Some(departure) = self.presence.room_presence.expect(room, user, inside.clone()) {
                    departures.push(PendingDeparture::FromRoom(room.clone(), user.id.clone(), departure));
                    self.delivery.bus.publish_known(EphemeralEvent::RoomJoined { room: room.clone(), user: user.clone() });
                }
            }
        }
        departures
    }
}

impl RealtimeApp {
    /// Sends offline events for these users if they do not reconnect in time.
    pub fn expect_reconnects(&mut self, shard: &mut Shard<Self>, expected: Vec<PendingDeparture>) {
        for departure in expected {
            self.timers.expected_users.add(shard, departure);
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
        let Some(received_until) = shared.presence.startup.received_until(left_at).filter(|_| shared.presence.is_broadcast) else { return };
        if shared.presence.startup.unsent_since(received_until, None, 1).is_empty() {
            return;
        }
        let (on_shard, shared) = (self.run_on_shard(shard), Arc::clone(shared));
        let replay = move |among: Result<HashSet<UserId>, DomainError>| match among {
            Ok(among) => {
                let unsent = shared.presence.startup.unsent_since(received_until, Some(&among), MAX_REPLAYED);
                on_shard(Box::new(move |app, shard| app.send_presence_changes(shard, socket, &unsent)));
            }
            Err(error) => {
                if logging::admits(Level::WARN, None, "failed to send presence from before the start", error.code(), MAX_FAULT_LINES) {
                    tracing::warn!(%error, "failed to send presence from before the start");
                }
            }
        };
        let shared = &self.state;
        if shared.presence.is_public {
            let newest = shared.presence.startup.unsent_since(received_until, None, MAX_REPLAYED);
            let users = newest.into_iter().map(|index| shared.presence.startup.changes[index].user.clone()).collect();
            let actor = Actor { user: user.clone(), admin: false };
            shared.store.readers.ask(actor, FilterVisible { users, contacts_only: false }, replay);
        } else {
            shared.delivery.fanout.contacts_of(user, move |contacts| replay(contacts.map(|contacts| contacts.into_iter().collect())));
        }
    }

    /// Sends the changes that are still true. Later changes of these users are sent as presence events.
    fn send_presence_changes(&self, shard: &mut Shard<Self>, socket: SocketKey, changes: &[usize]) {
        let Some(own) = shard.data(socket).map(|session| session.actor.user.clone()) else { return };
        let changes = changes.iter().filter_map(|index| self.state.presence.startup.changes.get(*index));
        let current =
            changes.filter(|change| change.user != own && change.is_online == self.state.presence.online_users.is_online(&change.user));
        let broadcasts: Vec<_> = current.map(|change| change.broadcast.clone()).collect();
        shard.send_replayed(socket, &broadcasts);
    }
}

/// Marks the users as disconnected who were connected before the start and have not reconnected.
pub fn expire_disconnected_users(writer: &Writer, started: Timestamp) {
    writer.run(Actor::server(), ExpireDisconnected { started }, |expired| {
        if let Err(error) = expired {
            tracing::warn!(%error, "failed to expire disconnected users; the server will retry at the next start");
        }
    });
}

#[cfg(test)]
mod tests {
    use contracts::{ContractOptions, ContractRegistry};
    use domain::users::User;

    use super::*;
    use crate::RenderedEvent;

    fn at(second: i64) -> Timestamp {
        Timestamp(second * 1_000_000)
    }

    /// The state that a start finds at 100 s if a silent connection counts as closed after 30 s.
    fn before(users: &[(&str, i64, Option<i64>)]) -> StartupPresence {
        let found = users.iter().map(|(name, came_at, left_at)| DisconnectedUser {
            user: User::unseen(UserId::new(*name), at(0)),
            id: String::new(),
            came_at: at(*came_at),
            left_at: left_at.map(at),
            rooms: Vec::new(),
        });
        let startup = StartupState {
            started: at(100),
            position: 0,
            floor: 0,
            gaps: Vec::new(),
            disconnected_users: found.collect(),
            open_calls: Vec::new(),
        };
        let contracts = ContractRegistry::new(ContractOptions::default());
        let encode =
            |ephemeral| Arc::new(Broadcast::to_everyone(RenderedEvent::ephemeral(&contracts, None, vec![Arc::new(ephemeral)], at(0))));
        StartupPresence::new(&startup, Duration::from_secs(30), Duration::from_secs(2), encode)
    }

    /// The changes that a client receives that disconnected at `left_at`.
    fn replayed<'a>(before: &'a StartupPresence, left_at: i64, among: Option<&[&str]>, most: usize) -> Option<Vec<(&'a str, bool)>> {
        let among = among.map(|names| names.iter().map(|name| UserId::new(*name)).collect());
        let unsent = before.unsent_since(before.received_until(at(left_at))?, among.as_ref(), most);
        Some(unsent.into_iter().map(|index| (before.changes[index].user.as_str(), before.changes[index].is_online)).collect())
    }

    #[test]
    fn a_client_receives_the_changes_that_it_may_have_missed() {
        let before = before(&[("anna", 10, Some(40)), ("ben", 95, None), ("carl", 1, Some(99)), ("dora", 5, None), ("emil", 0, Some(60))]);
        let (anna, emil, ben, carl) = (("anna", false), ("emil", false), ("ben", true), ("carl", false));
        assert_eq!(
            replayed(&before, 100, None, 9),
            Some(vec![emil, ben, carl]),
            "the server noticed the disconnect late, and changes are sent late"
        );
        assert_eq!(replayed(&before, 101, None, 9), Some(vec![ben, carl]));
        assert_eq!(replayed(&before, 80, None, 9), Some(vec![anna, emil, ben, carl]));
        assert_eq!(replayed(&before, 80, None, 2), Some(vec![ben, carl]), "the newest");
        assert_eq!(replayed(&before, 80, Some(&["anna", "carl", "dora"]), 9), Some(vec![anna, carl]));
        assert_eq!(
            replayed(&before, 130, None, 9),
            Some(vec![ben, carl]),
            "the first connection after the start may have received no events"
        );
        assert_eq!(replayed(&before, 131, None, 9), None);
    }
}
