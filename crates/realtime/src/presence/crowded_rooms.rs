//! Enter, leave and typing events of rooms that very many users have open. Sending each event at once to all users would cost the square of
//! their number, so the events are gathered, and only the newest are sent.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use domain::event::EphemeralEvent;
use domain::ids::{RoomId, UserId};

/// In a room that more users have open, changes are gathered.
pub const MIN_CROWD: usize = 500;

/// How many of the gathered changes a room receives at once: the newest. The others are discarded.
pub const MAX_SENT: usize = 20;

/// How long changes are gathered for each [`MIN_CROWD`] users or part of it. So a room costs the same deliveries a second, however many
/// have it open: `MAX_SENT` × [`MIN_CROWD`] in this time.
const COLLECT_INTERVAL: Duration = Duration::from_millis(100);

/// The changes that are gathered, by room: at most `MAX_SENT` of each.
#[derive(Debug, Default)]
pub struct CrowdedRooms(Mutex<HashMap<RoomId, CrowdedRoom>>);

#[derive(Debug)]
struct CrowdedRoom {
    due: Instant,
    /// The user, whether the event is about typing, and the event; the newest last.
    changes: VecDeque<(UserId, bool, Arc<EphemeralEvent>)>,
}

impl CrowdedRooms {
    /// Gathers a change in a room that `present` users have open. Returns when to call [`CrowdedRooms::take`] if this is the first change.
    /// Other events are not gathered.
    pub fn add(&self, ephemeral: Arc<EphemeralEvent>, present: usize, now: Instant) -> Option<Instant> {
        let (room, user, typing) = room_change(&ephemeral)?;
        let (room, user) = (room.clone(), user.clone());
        let mut rooms = self.lock();
        let begins = !rooms.contains_key(&room);
        let due = now + COLLECT_INTERVAL * u32::try_from(present.div_ceil(MIN_CROWD)).unwrap_or(u32::MAX);
        let gathered = rooms.entry(room).or_insert_with(|| CrowdedRoom { due, changes: VecDeque::new() });
        // The event replaces an earlier one of the same user.
        gathered.changes.retain(|(known, is_typing, _)| *known != user || *is_typing != typing);
        gathered.changes.push_back((user, typing, ephemeral));
        if gathered.changes.len() > MAX_SENT {
            gathered.changes.pop_front();
        }
        begins.then_some(due)
    }

    /// The changes of all rooms that are due, each room's in order; and when to call again, if any are left.
    pub fn take(&self, now: Instant) -> (Vec<Arc<EphemeralEvent>>, Option<Instant>) {
        let mut rooms = self.lock();
        let due = rooms.extract_if(|_, gathered| gathered.due <= now);
        let ephemeral_events = due.flat_map(|(_, gathered)| gathered.changes).map(|(_, _, ephemeral)| ephemeral).collect();
        (ephemeral_events, rooms.values().map(|gathered| gathered.due).min())
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<RoomId, CrowdedRoom>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The room of an event, its user, and whether it is about typing. `None` for an event that is not gathered.
pub fn room_change(ephemeral: &EphemeralEvent) -> Option<(&RoomId, &UserId, bool)> {
    match ephemeral {
        EphemeralEvent::RoomJoined { room, user } | EphemeralEvent::RoomLeft { room, user, .. } => Some((room, &user.id, false)),
        EphemeralEvent::Typing { room, user } | EphemeralEvent::StoppedTyping { room, user } => Some((room, user, true)),
        EphemeralEvent::Online { .. }
        | EphemeralEvent::Offline { .. }
        | EphemeralEvent::Emitted { .. }
        | EphemeralEvent::Disconnected { .. }
        | EphemeralEvent::Announced { .. } => None,
    }
}

#[cfg(test)]
mod tests {
    use domain::ids::{RoomKind, Timestamp};
    use domain::users::User;

    use super::*;

    fn user(number: usize) -> User {
        User::unseen(UserId::new(format!("user-{number}")), Timestamp(0))
    }

    fn entered(room: &RoomId, number: usize) -> Arc<EphemeralEvent> {
        EphemeralEvent::RoomJoined { room: room.clone(), user: user(number) }.into()
    }

    fn typing(room: &RoomId, number: usize) -> Arc<EphemeralEvent> {
        EphemeralEvent::Typing { room: room.clone(), user: user(number).id }.into()
    }

    #[test]
    fn a_crowded_room_receives_only_the_newest_changes() {
        let (crowded_rooms, room, now) = (CrowdedRooms::default(), RoomKind::ChatRoom.room(1), Instant::now());
        let due = crowded_rooms.add(entered(&room, 0), MIN_CROWD + 1, now).expect("the first change schedules the round");
        for number in 1..1000 {
            assert_eq!(crowded_rooms.add(entered(&room, number), MIN_CROWD + number, now), None, "the round is scheduled already");
        }
        assert_eq!(crowded_rooms.take(now), (vec![], Some(due)));
        let newest: Vec<_> = (1000 - MAX_SENT..1000).map(|number| entered(&room, number)).collect();
        assert_eq!(crowded_rooms.take(due), (newest, None));
    }

    #[test]
    fn a_room_receives_the_newest_change_of_each_user() {
        let (crowded_rooms, room, now) = (CrowdedRooms::default(), RoomKind::ChatRoom.room(1), Instant::now());
        let left: Arc<EphemeralEvent> = EphemeralEvent::RoomLeft { room: room.clone(), user: user(1), removed: false }.into();
        for ephemeral in [entered(&room, 1), typing(&room, 1), entered(&room, 2), typing(&room, 1), left.clone()] {
            crowded_rooms.add(ephemeral, 600, now);
        }
        let sent = crowded_rooms.take(now + Duration::from_secs(1)).0;
        assert_eq!(sent, [entered(&room, 2), typing(&room, 1), left]);
    }

    #[test]
    fn a_larger_room_receives_changes_less_often_and_costs_the_same() {
        let (crowded_rooms, now) = (CrowdedRooms::default(), Instant::now());
        let [small, large] = [1, 2].map(|number| RoomKind::ChatRoom.room(number));
        let soon = crowded_rooms.add(entered(&small, 1), MIN_CROWD, now).expect("the first change schedules the round");
        let later = crowded_rooms.add(entered(&large, 1), 50 * MIN_CROWD, now).expect("the first change schedules the round");
        assert_eq!((soon - now, later - now), (COLLECT_INTERVAL, 50 * COLLECT_INTERVAL));
        assert_eq!(crowded_rooms.take(soon), (vec![entered(&small, 1)], Some(later)));
        assert_eq!(crowded_rooms.take(later), (vec![entered(&large, 1)], None));
    }
}
