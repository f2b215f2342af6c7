//! The open sockets, one page at a time, for operators.

use std::net::SocketAddr;
use std::time::Duration;

use domain::ids::{RoomId, UserId};
use engine::id::Id;
use engine::{ConnectionInfo, Shard, SocketKey};

use super::connect::transport_name;
use super::{RealtimeApp, ShardQuery};

/// An open socket and its connection.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct LiveSocket {
    /// Its Socket.IO id.
    pub id: String,
    /// Its user.
    pub user: UserId,
    /// Its namespace; `None` is the raw WebSocket.
    pub namespace: Option<String>,
    /// `websocket`, `polling` or `raw`.
    pub transport: &'static str,
    /// The client's address. `None` if the connection is ending.
    pub address: Option<SocketAddr>,
    /// Its age.
    pub age: Duration,
    /// The rooms that it is in, in order.
    pub rooms: Vec<RoomId>,
    /// The state of its connection. `None` if the connection is ending.
    pub connection: Option<ConnectionInfo>,
}

/// The sockets of a list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SocketFilter {
    /// A part of the user's id; empty for all users.
    pub user: String,
    /// A transport; empty for all.
    pub transport: String,
}

impl SocketFilter {
    fn accepts(&self, user: &UserId, transport: &str) -> bool {
        (self.transport.is_empty() || self.transport == transport) && (self.user.is_empty() || user.as_str().contains(&self.user))
    }
}

/// The place where a list continues.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct SocketCursor {
    /// The index of the shard.
    pub shard: usize,
    /// The lowest slot on this shard.
    pub slot: u32,
}

/// A part of a list.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct SocketPage {
    /// The sockets, in the order of shards and slots.
    pub sockets: Vec<LiveSocket>,
    /// Where the list continues; `None` at its end.
    pub next: Option<SocketCursor>,
}

impl ShardQuery {
    /// At most `limit` open sockets from a place of the list on. A shard visits each of its sockets, and describes those of the page only. `None` if a
    /// shard does not respond.
    pub async fn socket_page(&self, filter: &SocketFilter, from: SocketCursor, limit: usize) -> Option<SocketPage> {
        let mut page = SocketPage::default();
        for shard in from.shard..self.shards() {
            let (filter, start) = (filter.clone(), if shard == from.shard { from.slot } else { 0 });
            let missing = limit - page.sockets.len();
            let (mut found, next) = self.query_one(shard, move |app, shard| page_of_shard(app, shard, &filter, start, missing)).await?;
            page.sockets.append(&mut found);
            if let Some(slot) = next {
                page.next = Some(SocketCursor { shard, slot });
                break;
            }
        }
        Some(page)
    }

    /// The open socket with this id, if there is one. `None` if a shard does not respond.
    pub async fn socket(&self, id: &str) -> Option<Option<LiveSocket>> {
        let Some(id) = Id::parse(id) else { return Some(None) };
        let found = self.query(move |app, shard| shard.find(&id).and_then(|key| describe(app, shard, key))).await?;
        Some(found.into_iter().flatten().next())
    }

    /// A user's open sockets, the oldest first. `None` if a shard does not respond.
    pub async fn live_sockets_of(&self, user: &UserId) -> Option<Vec<LiveSocket>> {
        let inbox = RoomId::inbox(user);
        let of_shard = move |app: &RealtimeApp, shard: &Shard<RealtimeApp>| {
            shard.members(inbox.as_str()).filter_map(|key| describe(app, shard, key)).collect::<Vec<_>>()
        };
        let mut sockets: Vec<_> = self.query(of_shard).await?.into_iter().flatten().collect();
        sockets.sort_by(|one, other| other.age.cmp(&one.age).then_with(|| one.id.cmp(&other.id)));
        Some(sockets)
    }
}

/// At most `limit` sockets of a shard, and the slot of the first socket that no longer fits.
fn page_of_shard(
    app: &RealtimeApp,
    shard: &Shard<RealtimeApp>,
    filter: &SocketFilter,
    start: u32,
    limit: usize,
) -> (Vec<LiveSocket>, Option<u32>) {
    let mut accepted = shard.sockets_from(start).filter(|(_, key)| {
        shard.data(*key).is_some_and(|data| filter.accepts(&data.actor.user, transport_name(shard, *key, data.connection.transport())))
    });
    let sockets = accepted.by_ref().take(limit).filter_map(|(_, key)| describe(app, shard, key)).collect();
    (sockets, accepted.next().map(|(slot, _)| slot))
}

/// Describes a socket. `None` if it has ended.
pub(super) fn describe(app: &RealtimeApp, shard: &Shard<RealtimeApp>, key: SocketKey) -> Option<LiveSocket> {
    let data = shard.data(key)?;
    let mut rooms: Vec<RoomId> = shard.rooms_of(key).filter_map(RoomId::parse).collect();
    rooms.sort();
    let transport = transport_name(shard, key, data.connection.transport());
    let namespace = shard.namespace(key).map(|namespace| app.name_of(namespace)).filter(|name| !name.is_empty());
    Some(LiveSocket {
        id: shard.id(key)?.text(),
        user: data.actor.user.clone(),
        namespace: namespace.map(str::to_owned),
        transport,
        address: shard.handshake(key).map(|handshake| handshake.address()),
        age: shard.now().saturating_duration_since(data.at),
        rooms,
        connection: shard.connection_info(key),
    })
}
