//! Somebody asks what was missed, without a connection.

use crate::names::{Kind, Room};
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;
use crate::seam::Page;
use crate::sessions::Offered;
use crate::sessions::arrive::known;
use crate::spaces::{member_since, require_member};

/// Where somebody stands who has heard so much, and in which rooms.
///
/// It is a command although it changes nothing: in the writer's queue it stands in one order with the facts and the removals of members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CatchUp {
    /// What was heard, if that can be read.
    pub offered: Option<Offered>,
    /// Which rooms are asked about; none for all that the actor may hear, but for those of tasks, which their projects have, too.
    pub rooms: Vec<Room>,
}

/// What is to be looked up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaughtUp {
    /// The journal's last offset.
    pub position: i64,
    /// What was heard, if it is an offset of this journal.
    pub since: Option<i64>,
    /// The rooms, each with the offset behind which the actor is a member.
    pub rooms: Vec<(Room, i64)>,
}

impl Command for CatchUp {
    type Answer = CaughtUp;

    fn decide(self, tx: &mut Tx<'_>) -> Result<CaughtUp, Refusal> {
        let asked = if self.rooms.is_empty() { all_rooms(tx)? } else { self.rooms };
        let mut rooms = Vec::with_capacity(asked.len());
        for room in asked {
            require_member(tx.store, tx.actor, &room)?;
            let since = member_since(tx.store, &room, &tx.actor.person)?;
            rooms.push((room, since));
        }
        let since = self.offered.as_ref().map_or(Ok(None), |offered| known(tx.store, offered))?;
        Ok(CaughtUp { position: tx.store.last_offset()?, since, rooms })
    }
}

fn all_rooms(tx: &mut Tx<'_>) -> Result<Vec<Room>, Refusal> {
    let person = &tx.actor.person;
    let mut rooms = vec![Room::inbox(person)];
    for room in tx.store.rooms_of(person, None)? {
        if room.kind() == Kind::Project {
            let channels = tx.store.spaces_in(&room, &Page::new(Some(Page::<Room>::MOST), None))?;
            rooms.extend(channels.into_iter().map(|channel| channel.room));
        }
        rooms.push(room);
    }
    Ok(rooms)
}
