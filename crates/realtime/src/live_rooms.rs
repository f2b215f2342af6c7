//! The rooms with open sockets, for operators.

use std::collections::HashMap;

use domain::ids::{RoomId, RoomKind};
use engine::Shard;

use super::live_sockets::{LiveSocket, describe};
use super::{RealtimeApp, ShardQuery};

/// A room with open sockets.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveRoom {
    /// The room.
    pub room: RoomId,
    /// The number of its open sockets.
    pub sockets: usize,
}

/// The rooms of a list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RoomFilter {
    /// The kind; `None` for all kinds but inboxes, because each user has one.
    pub kind: Option<RoomKind>,
    /// A part of the room's address; empty for all rooms.
    pub part: String,
}

impl RoomFilter {
    fn accepts(&self, address: &str) -> bool {
        let kind = RoomId::parse(address).map(|room| room.kind());
        let is_of_kind = self.kind.map_or(kind != Some(RoomKind::User), |wanted| kind == Some(wanted));
        kind.is_some() && is_of_kind && address.contains(&self.part)
    }
}

impl ShardQuery {
    /// At most `limit` rooms, those with the most sockets first. Each shard names its own largest rooms, four times as many, and then all of them count the
    /// sockets of these; so a room of several shards that is large on none of them can be missing. `None` if a shard does not respond.
    pub async fn largest_rooms(&self, filter: &RoomFilter, limit: usize) -> Option<Vec<LiveRoom>> {
        let filter = filter.clone();
        let named = self.query(move |_, shard| largest_of_shard(shard, &filter, 4 * limit)).await?;
        let mut names: Vec<String> = named.into_iter().flatten().collect();
        names.sort_unstable();
        names.dedup();
        let counts =
            self.query(move |_, shard| names.iter().map(|name| (name.clone(), shard.member_count(name))).collect::<Vec<_>>()).await?;
        let mut totals: HashMap<String, usize> = HashMap::new();
        counts.into_iter().flatten().for_each(|(name, count)| *totals.entry(name).or_default() += count);
        let live = |(name, sockets): (String, usize)| Some(LiveRoom { room: RoomId::parse(&name)?, sockets });
        let mut rooms: Vec<LiveRoom> = totals.into_iter().filter_map(live).collect();
        rooms.sort_by(|one, other| other.sockets.cmp(&one.sockets).then_with(|| one.room.cmp(&other.room)));
        rooms.truncate(limit);
        Some(rooms)
    }

    /// At most `limit` sockets of a room, and the number of all of them. `None` if a shard does not respond.
    pub async fn sockets_in(&self, room: &RoomId, limit: usize) -> Option<(Vec<LiveSocket>, usize)> {
        let room = room.clone();
        let of_shard = move |app: &RealtimeApp, shard: &Shard<RealtimeApp>| {
            let sockets: Vec<LiveSocket> = shard.members(room.as_str()).take(limit).filter_map(|key| describe(app, shard, key)).collect();
            (sockets, shard.member_count(room.as_str()))
        };
        let (sockets, counts): (Vec<_>, Vec<_>) = self.query(of_shard).await?.into_iter().unzip();
        let mut sockets: Vec<LiveSocket> = sockets.into_iter().flatten().collect();
        sockets.truncate(limit);
        Some((sockets, counts.into_iter().sum()))
    }
}

/// The addresses of a shard's largest rooms, at most `limit`.
fn largest_of_shard(shard: &Shard<RealtimeApp>, filter: &RoomFilter, limit: usize) -> Vec<String> {
    let mut rooms: Vec<(&str, usize)> = shard.rooms().filter(|(address, _)| filter.accepts(address)).collect();
    if limit < rooms.len() {
        rooms.select_nth_unstable_by_key(limit, |(_, sockets)| std::cmp::Reverse(*sockets));
        rooms.truncate(limit);
    }
    rooms.into_iter().map(|(address, _)| address.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn filter_leaves_out_inboxes_unless_it_names_them() {
        let accepts = |kind, part: &str| {
            let filter = RoomFilter { kind, part: part.to_owned() };
            ["household:12", "user:anna", "trip:12", "nonsense"].map(|address| filter.accepts(address))
        };
        assert_eq!(accepts(None, ""), [true, false, true, false]);
        assert_eq!(accepts(None, "trip:"), [false, false, true, false]);
        assert_eq!(accepts(Some(RoomKind::User), "ann"), [false, true, false, false]);
        assert_eq!(accepts(Some(RoomKind::Household), ""), [true, false, false, false]);
    }
}
