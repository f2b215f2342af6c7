//! Somebody connects: as somebody new, or as the one who was here.

use crate::names::{Kind, PersonId, Room, Timestamp};
use crate::operation::{Command, Tx};
use crate::people::{Claims, Meet, Met};
use crate::refusal::Refusal;
use crate::seam::{Store, Stored};
use crate::sessions::{Session, SessionRoom, Stay};
use crate::spaces::{role_in, rooms_heard_by};

/// A connection is made: its person is met, and its session is found again or begun.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrive {
    /// What the token says.
    pub claims: Claims,
    /// The session to begin, for a client that may come back.
    pub place: Option<Place>,
    /// What the client says of where it left off.
    pub came: Came,
}

/// Where a new session is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// See [`Session::secret`].
    pub secret: String,
    /// See [`Session::id`].
    pub id: String,
    /// See [`Session::namespace`].
    pub namespace: String,
}

/// What a client says of where it left off.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Came {
    /// Nothing.
    New,
    /// It was here.
    Back(Claimed),
    /// It has heard so much, on whatever connection; `None` for a position that nobody can read.
    Since(Option<Offered>),
}

/// A session that a client claims to be its own.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Claimed {
    /// Which.
    pub secret: String,
    /// What it has heard of it, if it says so readably.
    pub offered: Option<Offered>,
    /// For how many seconds a session that has ended is remembered.
    pub window: i64,
}

/// A position that a client offers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Offered {
    /// In which life of the journal,
    pub epoch: String,
    /// up to which offset.
    pub offset: i64,
}

/// Who has come.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Arrived {
    /// The person.
    pub met: Met,
    /// The journal's last offset.
    pub position: i64,
    /// The session that goes on, if one does.
    pub recovered: Option<Recovered>,
    /// Of who said since when: the offset, if it is one of this journal's.
    pub since: Option<i64>,
    /// The households that the person is in, each with the offset behind which the person is; 0 for who comes new.
    pub households: Vec<(Room, i64)>,
    /// Of who said since when: every room that the person may hear, as [`rooms_heard_by`] has them.
    pub hears: Vec<(Room, i64)>,
}

/// A session that goes on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Recovered {
    /// Its id.
    pub id: String,
    /// Up to which offset it has heard everything.
    pub from: i64,
    /// Whether that is what its client has offered.
    pub as_offered: bool,
    /// When its connection ended.
    pub left_at: Timestamp,
    /// The rooms that it had joined and that its person may still hear.
    pub rooms: Vec<SessionRoom>,
    /// Those that it had left, and is in only if it has joined them again.
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
                // Who has missed nothing is told nothing of before.
                Came::New => 0,
                _ => tx.store.member_since(room, &met.person.id)?.unwrap_or(0),
            };
            households.push((room.clone(), since));
        }
        Ok(Arrived { met, position, recovered, since, households, hears })
    }
}

/// A session cannot go on as it was found, for what it has missed is known no longer: a new one takes its place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restart {
    /// The secret of the old one.
    pub old: String,
    /// The new one.
    pub place: Place,
}

/// A new session that takes an old one's place.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Restarted {
    /// The journal's last offset.
    pub position: i64,
    /// The households that the person is in now, as in [`Arrived::households`].
    pub households: Vec<(Room, i64)>,
}

impl Command for Restart {
    type Answer = Restarted;

    fn decide(self, tx: &mut Tx<'_>) -> Result<Restarted, Refusal> {
        let (position, person) = (tx.store.last_offset()?, tx.actor.person.clone());
        tx.store.delete_session(&self.old, &person)?;
        begin(tx, self.place, &person, position)?;
        // Since it arrived, the person may have been removed, and the socket has heard nothing of it.
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

/// The offset of a position, if it is one of this journal's.
pub(super) fn known(store: &mut dyn Store, offered: &Offered) -> Stored<Option<i64>> {
    let reaches = store.epoch_reaches(&offered.epoch)?;
    Ok(reaches.filter(|reaches| (0..=*reaches).contains(&offered.offset)).map(|_| offered.offset))
}

fn recover(tx: &mut Tx<'_>, person: &PersonId, namespace: &str, claimed: &Claimed, position: i64) -> Stored<Option<Recovered>> {
    let Some(session) = tx.store.session(&claimed.secret)? else { return Ok(None) };
    // Whoever is expected back may come.
    let expired = !session.let_go && session.left_at.is_some_and(|left_at| left_at < tx.now.minus_seconds(claimed.window));
    if session.person != *person || session.namespace != namespace || expired {
        return Ok(None);
    }
    // What a client offers that is of no use counts as if it had offered nothing.
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
