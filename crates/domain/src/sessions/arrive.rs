//! Connects a client: with a new session, or by resuming an earlier one.

use crate::names::{Kind, PersonId, Room, Timestamp};
use crate::operation::{Command, Tx};
use crate::people::{Claims, Meet, Met};
use crate::refusal::Refusal;
use crate::seam::{Store, Stored};
use crate::sessions::{Session, SessionRoom, Stay};
use crate::spaces::{role_in, rooms_heard_by};

/// Connects a client: creates or updates its user, and resumes a session or begins a new one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrive {
    /// The claims of the token.
    pub claims: Claims,
    /// The new session, for a client that may resume.
    pub place: Option<Place>,
    /// The position from which the client wants to continue.
    pub came: Came,
}

/// The keys of a new session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The secret: see [`Session::secret`].
    pub secret: String,
    /// The public id: see [`Session::id`].
    pub id: String,
    /// The namespace: see [`Session::namespace`].
    pub namespace: String,
}

/// The position from which a client wants to continue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Came {
    /// The client starts without a position.
    New,
    /// The client resumes a session.
    Back(Claimed),
    /// The client has received all events up to a position, on any connection; `None` if the position cannot be parsed.
    Since(Option<Offered>),
}

/// A session that a client wants to resume.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claimed {
    /// The session's secret.
    pub secret: String,
    /// The position up to which the client has received the session's events, if it sends one that can be parsed.
    pub offered: Option<Offered>,
    /// For how many seconds after its end a session can be resumed.
    pub window: i64,
}

/// A position that a client sends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offered {
    /// The epoch of the event log.
    pub epoch: String,
    /// The offset of the last event that the client has received.
    pub offset: i64,
}

/// The answer of [`Arrive`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrived {
    /// The user.
    pub met: Met,
    /// The log's last offset.
    pub position: i64,
    /// The resumed session; `None` if the client has a new session or none.
    pub recovered: Option<Recovered>,
    /// For [`Came::Since`]: the offset, if the position belongs to this event log.
    pub since: Option<i64>,
    /// The user's households, each with the offset behind which the user is a member; 0 for [`Came::New`].
    pub households: Vec<(Room, i64)>,
    /// For [`Came::Since`] with a valid offset: every room whose events the user may receive, as in [`rooms_heard_by`].
    pub hears: Vec<(Room, i64)>,
}

/// A resumed session.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recovered {
    /// The session's public id.
    pub id: String,
    /// The offset up to which the client has received all events of the session.
    pub from: i64,
    /// Whether `from` is the offset that the client sent.
    pub as_offered: bool,
    /// The time at which its connection ended.
    pub left_at: Timestamp,
    /// The rooms that it had joined and that the user may still access.
    pub rooms: Vec<SessionRoom>,
    /// The rooms that it had left. A room that it has joined again after that is in `rooms`, too.
    pub left: Vec<Room>,
}

impl Command for Arrive {
    type Answer = Arrived;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Arrived, Refusal> {
        let met = Meet { claims: self.claims }.decide(tx)?;
        let position = tx.store.last_offset()?;
        let (mut recovered, mut since, mut hears) = (None, None, Vec::new());
        match &self.came {
            Came::New => {}
            Came::Back(claimed) => {
                let namespace = self.place.as_ref().map_or("", |place| &place.namespace);
                recovered = recover(tx, &met.person.id, namespace, claimed, position)?;
            }
            Came::Since(offered) => {
                since = offered.as_ref().map_or(Ok(None), |offered| known(tx.store, offered))?;
                if since.is_some() {
                    hears = rooms_heard_by(tx.store, &met.person.id)?;
                }
            }
        }
        if let (None, Some(place)) = (&recovered, self.place) {
            begin(tx, place, &met.person.id, position)?;
        }
        let mut households = Vec::with_capacity(met.households.len());
        for room in &met.households {
            let since = match self.came {
                // A client without a position gets no replay.
                Came::New => 0,
                _ => tx.store.member_since(room, &met.person.id)?.unwrap_or(0),
            };
            households.push((room.clone(), since));
        }
        Ok(Arrived { met, position, recovered, since, households, hears })
    }
}

/// Replaces a session that was to be resumed by a new one, because the events that it missed are no longer in the replay history.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restart {
    /// The secret of the old session.
    pub old: String,
    /// The keys of the new session.
    pub place: Place,
}

/// The answer of [`Restart`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restarted {
    /// The log's last offset.
    pub position: i64,
    /// The user's present households, as in [`Arrived::households`].
    pub households: Vec<(Room, i64)>,
}

impl Command for Restart {
    type Answer = Restarted;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Restarted, Refusal> {
        let (position, person) = (tx.store.last_offset()?, tx.actor.person.clone());
        tx.store.delete_session(&self.old, &person)?;
        begin(tx, self.place, &person, position)?;
        // The user may have been removed from a household after `Arrive`, and the socket has not received that event.
        let households = tx.store.rooms_of(&person, Some(Kind::Household))?;
        Ok(Restarted { position, households: households.into_iter().map(|room| (room, 0)).collect() })
    }
}

fn begin(tx: &mut Tx<'_>, place: Place, person: &PersonId, position: i64) -> Stored<()> {
    let Place { secret, id, namespace } = place;
    let person = person.clone();
    tx.store.insert_session(&Session {
        secret,
        id,
        person,
        namespace,
        live_from: position,
        came_at: tx.now,
        confirmed: position,
        left_at: None,
        let_go: false,
    })
}

/// The offset of a position, if the position belongs to this event log.
pub(super) fn known(store: &mut dyn Store, offered: &Offered) -> Stored<Option<i64>> {
    let reaches = store.epoch_reaches(&offered.epoch)?;
    Ok(reaches.filter(|reaches| (0..=*reaches).contains(&offered.offset)).map(|_| offered.offset))
}

fn recover(tx: &mut Tx<'_>, person: &PersonId, namespace: &str, claimed: &Claimed, position: i64) -> Stored<Option<Recovered>> {
    let Some(session) = tx.store.session(&claimed.secret)? else { return Ok(None) };
    // A session that a stop of the server ended can be resumed until `GiveUpAbsent` expires it.
    let expired = !session.let_go && session.left_at.is_some_and(|left_at| left_at < tx.now.minus_seconds(claimed.window));
    if session.person != *person || session.namespace != namespace || expired {
        return Ok(None);
    }
    // A position that does not belong to this event log is ignored.
    let offered = claimed.offered.as_ref().map_or(Ok(None), |offered| known(tx.store, offered))?;
    let from = offered.map_or(session.confirmed, |offset| offset.max(session.confirmed));
    let (mut rooms, mut left) = (Vec::new(), Vec::new());
    for room in tx.store.session_rooms(&session.secret, person)? {
        if role_in(tx.store, &room.room, person)?.is_none() {
            tx.store.delete_session_room(&session.secret, person, &room.room)?;
            continue;
        }
        if room.stay != Stay::Joined {
            left.push(room.room.clone());
        }
        if room.stay != Stay::Left {
            rooms.push(room);
        }
    }
    let (id, left_at) = (session.id.clone(), session.left_at.unwrap_or(tx.now));
    tx.store.update_session(&Session { live_from: position, came_at: tx.now, confirmed: from, left_at: None, let_go: false, ..session })?;
    Ok(Some(Recovered { id, from, as_offered: offered == Some(from), left_at, rooms, left }))
}
