//! Resolves a position for a client that fetches missed events without a connection.

use std::collections::{BTreeMap, BTreeSet};

use crate::access::{member_since, require_member, visible_rooms};
use crate::command::{Command, CommandContext};
use crate::error::DomainError;
use crate::model::RoomId;
use crate::sessions::ClientPosition;
use crate::sessions::connect::resolve_position;

/// Resolves a client's position, and the rooms whose missed events the actor may read.
///
/// It is a command although it changes nothing: the writer's queue orders it with the events and the removals of members.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResolveSync {
    /// The position up to which the client has received events, if it can be parsed.
    pub offered: Option<ClientPosition>,
    /// The rooms to look up. Empty: all rooms that the actor may access, without rooms of tasks, whose events their projects have, too.
    pub rooms: BTreeSet<RoomId>,
}

/// The output of [`ResolveSync`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SyncRange {
    /// The log's last offset.
    pub position: i64,
    /// The offset of the position, if it belongs to this event log. If `None`, the rooms below are empty.
    pub since: Option<i64>,
    /// The rooms to look up, each with the offset behind which the actor is a member.
    pub rooms: Vec<(RoomId, i64)>,
    /// Every room that the actor may access, each with that offset: an event that excludes one of these rooms is not for the actor.
    pub visible_rooms: Vec<(RoomId, i64)>,
}

impl Command for ResolveSync {
    type Output = SyncRange;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<SyncRange, DomainError> {
        let position = context.store.last_offset()?;
        let since = self.offered.as_ref().map_or(Ok(None), |offered| resolve_position(context.store, offered))?;
        if since.is_none() {
            return Ok(SyncRange { position, since, rooms: Vec::new(), visible_rooms: Vec::new() });
        }
        let mut visible: BTreeMap<RoomId, i64> = visible_rooms(context.store, &context.actor.user)?.into_iter().collect();
        for room in &self.rooms {
            if !visible.contains_key(room) {
                require_member(context.store, context.actor, room)?;
                visible.insert(room.clone(), member_since(context.store, room, &context.actor.user)?);
            }
        }
        let visible_rooms: Vec<(RoomId, i64)> = visible.iter().map(|(room, since)| (room.clone(), *since)).collect();
        let rooms = match self.rooms.is_empty() {
            true => visible_rooms.clone(),
            false => self.rooms.into_iter().filter_map(|room| visible.remove_entry(&room)).collect(),
        };
        Ok(SyncRange { position, since, rooms, visible_rooms })
    }
}
