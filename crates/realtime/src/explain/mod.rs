//! What the shards know about an event on its way to the connections of a user, to explain why the user received the event or not.
//!
//! - `recent_connections`: the connections of a shard that have ended, and refused requests to join rooms.
//! - This file: the query of all shards, and its answer.

mod recent_connections;

use std::time::{Duration, Instant};

use domain::ids::{RoomId, RoomKind, Timestamp, UserId};
use engine::{DeliveryStep, Namespace, Shard, SocketKey, SocketTrace};

use super::connect::transport_name;
use super::connection_stats::name_of;
use super::{RealtimeApp, ShardQuery};
pub(super) use recent_connections::RecentConnections;
use recent_connections::{EndedConnection, RefusedJoin};

/// The question about an event and a user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DeliveryQuery {
    /// The user.
    pub user: UserId,
    /// The offset of the event; `None` if it is not known. Then the answer has the connections, and no steps.
    pub offset: Option<u64>,
    /// The rooms that receive the event.
    pub rooms: Vec<RoomId>,
}

/// The answer of all shards of this node.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct DeliveryFacts {
    /// The first time at which a shard delivered the event to a connection, of any user.
    pub published_at: Option<Timestamp>,
    /// The time since which the shards know all deliveries and all connections. `None` if they keep no log.
    pub reaches_back_to: Option<Timestamp>,
    /// The connections of the user, open and ended, the oldest first.
    pub connections: Vec<ExplainedConnection>,
    /// The refused requests of the user to join one of the rooms, the oldest first.
    pub refusals: Vec<JoinRefusal>,
}

/// A connection of the user in one namespace.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ExplainedConnection {
    /// Its Socket.IO id, which it keeps when its client recovers it.
    pub id: String,
    /// Its namespace; `None` is the raw WebSocket.
    pub namespace: Option<String>,
    /// `websocket`, `polling` or `raw`.
    pub transport: &'static str,
    /// When it was accepted.
    pub since: Timestamp,
    /// Whether it continues an earlier connection with the same id.
    pub is_recovered: bool,
    /// Its end; `None` if it is open.
    pub end: Option<ConnectionEnd>,
    /// The stays in the rooms of the event.
    pub rooms: Vec<StayInRoom>,
    /// Whether the event was published before, during or after the time of the connection; `None` if the offset of the event is not known.
    pub timing: Option<Timing>,
    /// Whether the client had received all events up to this one when the connection was accepted. A recovered connection knows it from its client.
    pub was_received_before: bool,
    /// The steps of the event, in the order of their times.
    pub steps: Vec<(Timestamp, DeliveryStep)>,
    /// Whether the client has confirmed all events up to this one.
    pub is_acked: bool,
    /// The bytes that wait for the client, or waited when the connection ended.
    pub waiting_bytes: usize,
}

/// When an event was published, compared with the time of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Timing {
    /// Before the connection was accepted.
    Before,
    /// While the connection was open.
    During,
    /// After the connection had ended.
    After,
}

/// The end of a connection.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ConnectionEnd {
    /// When.
    pub at: Timestamp,
    /// Why, as in the metrics.
    pub reason: &'static str,
    /// Until when its client may return and receives the missed events; `None` if it may not.
    pub recoverable_until: Option<Timestamp>,
}

/// A stay of a connection in a room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct StayInRoom {
    /// The room.
    pub room: RoomId,
    /// When the connection joined.
    pub since: Timestamp,
    /// When it left; `None` if it was in the room until its end.
    pub until: Option<Timestamp>,
}

/// A refused request to join a room.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct JoinRefusal {
    /// When.
    pub at: Timestamp,
    /// The room.
    pub room: RoomId,
    /// The name of the request.
    pub request: &'static str,
    /// The error code that the client received.
    pub code: &'static str,
}

impl ShardQuery {
    /// What the shards of this node know about an event and a user. `None` if a shard does not respond.
    pub async fn delivery_facts(&self, query: DeliveryQuery) -> Option<DeliveryFacts> {
        let shards = self.query(move |app, shard| app.delivery_facts(shard, &query)).await?;
        let mut all = DeliveryFacts::default();
        for shard in shards {
            all.published_at = all.published_at.into_iter().chain(shard.published_at).min();
            all.reaches_back_to = all.reaches_back_to.max(shard.reaches_back_to);
            all.connections.extend(shard.connections);
            all.refusals.extend(shard.refusals);
        }
        all.connections.sort_by(|one, other| one.since.cmp(&other.since).then_with(|| one.id.cmp(&other.id)));
        all.refusals.sort_by_key(|refusal| refusal.at);
        for index in 0..all.connections.len() {
            let (earlier, later) = all.connections.split_at_mut(index);
            if let Some(connection) = later.first_mut() {
                connection.is_recovered = earlier.iter().any(|earlier| earlier.id == connection.id);
            }
        }
        Some(all)
    }
}

/// Converts the times of a shard.
#[derive(Clone, Copy)]
struct ShardClock {
    instant: Instant,
    timestamp: Timestamp,
}

impl ShardClock {
    fn time(self, at: Instant) -> Timestamp {
        let micros = |duration: Duration| duration.as_micros() as i64;
        Timestamp(
            self.timestamp.0 - micros(self.instant.saturating_duration_since(at)) + micros(at.saturating_duration_since(self.instant)),
        )
    }
}

impl RealtimeApp {
    fn delivery_facts(&self, shard: &Shard<Self>, query: &DeliveryQuery) -> DeliveryFacts {
        let clock = ShardClock { instant: shard.now(), timestamp: (self.state.clock)() };
        let log = shard.delivery_log();
        let inbox = RoomId::inbox(&query.user);
        let is_of_user = |socket: &SocketKey| shard.data(*socket).is_some_and(|session| session.actor.user == query.user);
        let open = shard.members(inbox.as_str()).filter(is_of_user).filter_map(|socket| self.open_connection(shard, socket, query, clock));
        let ended = self.recent_connections.ended_of(&query.user).map(|ended| self.ended_connection(shard, ended, query, clock));
        let refusals = self.recent_connections.refusals_of(&query.user).filter(|refused| query.rooms.contains(&refused.room));
        let refusal = |refused: &RefusedJoin| JoinRefusal {
            at: clock.time(refused.at),
            room: refused.room.clone(),
            request: refused.request,
            code: refused.code,
        };
        DeliveryFacts {
            published_at: query.offset.and_then(|offset| log.delivered_at(offset)).map(|at| clock.time(at)),
            reaches_back_to: log.reaches_back_to().max(self.recent_connections.reaches_back_to()).map(|at| clock.time(at)),
            connections: open.chain(ended).collect(),
            refusals: refusals.map(refusal).collect(),
        }
    }

    fn open_connection(
        &self,
        shard: &Shard<Self>,
        socket: SocketKey,
        query: &DeliveryQuery,
        clock: ShardClock,
    ) -> Option<ExplainedConnection> {
        let (session, trace) = (shard.data(socket)?, shard.trace(socket)?);
        let rooms = query.rooms.iter().flat_map(|room| {
            let since = match room.kind() {
                RoomKind::Everyone => Some(session.at),
                _ => shard.in_room_since(socket, room.as_str()),
            };
            let present = since.map(|since| StayInRoom { room: room.clone(), since: clock.time(since), until: None });
            ended_stays(shard, &trace, room, clock).chain(present)
        });
        Some(ExplainedConnection {
            id: shard.id(socket)?.text(),
            namespace: self.namespace_of(shard.namespace(socket)?),
            transport: transport_name(shard, socket, session.connection.transport()),
            since: clock.time(session.at),
            is_recovered: false,
            end: None,
            rooms: rooms.collect(),
            timing: timing(&trace, query),
            was_received_before: query.offset.is_some_and(|offset| offset <= session.received_at_connect),
            steps: steps(shard, &trace, query, clock),
            is_acked: is_acked(&trace, query),
            waiting_bytes: trace.waiting_bytes,
        })
    }

    fn ended_connection(
        &self,
        shard: &Shard<Self>,
        ended: &EndedConnection,
        query: &DeliveryQuery,
        clock: ShardClock,
    ) -> ExplainedConnection {
        let trace = &ended.trace;
        let rooms = query.rooms.iter().flat_map(|room| {
            let last = ended.rooms.iter().filter(move |(joined, _)| joined == room);
            let last = last.map(move |(_, since)| StayInRoom { room: room.clone(), since: clock.time(*since), until: None });
            let everyone =
                (room.kind() == RoomKind::Everyone).then(|| StayInRoom { room: room.clone(), since: clock.time(ended.since), until: None });
            ended_stays(shard, trace, room, clock).chain(last).chain(everyone)
        });
        let window = self.state.sessions.recovery_window;
        ExplainedConnection {
            id: ended.id.text(),
            namespace: self.namespace_of(ended.namespace),
            transport: ended.transport,
            since: clock.time(ended.since),
            is_recovered: false,
            end: Some(ConnectionEnd {
                at: clock.time(ended.at),
                reason: ended.reason.as_str(),
                recoverable_until: ended.is_recoverable.then(|| clock.time(ended.at + window)),
            }),
            rooms: rooms.collect(),
            timing: timing(trace, query),
            was_received_before: query.offset.is_some_and(|offset| offset <= ended.received_at_connect),
            steps: steps(shard, trace, query, clock),
            is_acked: is_acked(trace, query),
            waiting_bytes: trace.waiting_bytes,
        }
    }

    fn namespace_of(&self, namespace: Namespace) -> Option<String> {
        name_of(self, namespace).map(str::to_owned)
    }
}

fn ended_stays(shard: &Shard<RealtimeApp>, trace: &SocketTrace, room: &RoomId, clock: ShardClock) -> impl Iterator<Item = StayInRoom> {
    let stays = shard.delivery_log().ended_stays(trace, room.as_str());
    let room = room.clone();
    stays.into_iter().map(move |(since, until)| StayInRoom { room: room.clone(), since: clock.time(since), until: Some(clock.time(until)) })
}

fn timing(trace: &SocketTrace, query: &DeliveryQuery) -> Option<Timing> {
    Some(match query.offset? {
        offset if offset <= trace.after => Timing::Before,
        offset if offset <= trace.until => Timing::During,
        _ => Timing::After,
    })
}

fn is_acked(trace: &SocketTrace, query: &DeliveryQuery) -> bool {
    query.offset.is_some_and(|offset| trace.after < offset && offset <= trace.acked)
}

fn steps(shard: &Shard<RealtimeApp>, trace: &SocketTrace, query: &DeliveryQuery, clock: ShardClock) -> Vec<(Timestamp, DeliveryStep)> {
    let steps = query.offset.map(|offset| shard.delivery_log().steps(trace, offset)).unwrap_or_default();
    steps.into_iter().map(|(at, step)| (clock.time(at), step)).collect()
}
