//! Somebody asks what was missed, without a connection.

use std::collections::{BTreeMap, BTreeSet};

use crate::names::Room;
use crate::operation::{Command, Tx};
use crate::refusal::Refusal;
use crate::sessions::Offered;
use crate::sessions::arrive::known;
use crate::spaces::{member_since, require_member, rooms_heard_by};

/// Where somebody stands who has heard so much, and in which rooms.
///
/// It is a command although it changes nothing: in the writer's queue it stands in one order with the facts and the removals of members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CatchUp {
    /// What was heard, if that can be read.
    pub offered: Option<Offered>,
    /// Which rooms are asked about; none for all that the actor may hear, but for those of tasks, which their projects have, too.
    pub rooms: BTreeSet<Room>,
}

/// What is to be looked up.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CaughtUp {
    /// The journal's last offset.
    pub position: i64,
    /// What was heard, if it is an offset of this journal. If not, nothing else was looked at.
    pub since: Option<i64>,
    /// The rooms that are asked about, each with the offset behind which the actor is a member.
    pub rooms: Vec<(Room, i64)>,
    /// Every room that the actor may hear, likewise: what those in one of them were not to hear is not for the actor.
    pub hears: Vec<(Room, i64)>,
}

impl Command for CatchUp {
    type Answer = CaughtUp;

    fn decide(self, tx: &mut Tx<'_>) -> Result<CaughtUp, Refusal> {
        let position = tx.store.last_offset()?;
        let since = self.offered.as_ref().map_or(Ok(None), |offered| known(tx.store, offered))?;
        if since.is_none() {
            return Ok(CaughtUp { position, since, rooms: Vec::new(), hears: Vec::new() });
        }
        let mut heard: BTreeMap<Room, i64> = rooms_heard_by(tx.store, &tx.actor.person)?.into_iter().collect();
        for room in &self.rooms {
            if !heard.contains_key(room) {
                require_member(tx.store, tx.actor, room)?;
                heard.insert(room.clone(), member_since(tx.store, room, &tx.actor.person)?);
            }
        }
        let hears: Vec<(Room, i64)> = heard.iter().map(|(room, since)| (room.clone(), *since)).collect();
        let rooms = match self.rooms.is_empty() {
            true => hears.clone(),
            false => self.rooms.into_iter().filter_map(|room| heard.remove_entry(&room)).collect(),
        };
        Ok(CaughtUp { position, since, rooms, hears })
    }
}
