//! Connections and counters, collected from all shards on request. Only [`ShardCounters`] are kept for it: one of each shard, and one of
//! rejected handshakes.

use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use domain::ids::{RoomId, RoomKind, UserId};
use engine::{DeliveryStats, Handle, Namespace, Shard, ShardStats, SocketKey};
use server_status::{ConnectionStats, SocketInfo};
use tokio::sync::oneshot;

use super::connect::transport_name;
use super::{Job, RealtimeApp, ShardCounters};

/// How long a shard may take to respond.
const QUERY_TIMEOUT: Duration = Duration::from_secs(2);

/// Queries all shards.
pub struct ShardQuery {
    engine: OnceLock<Handle<RealtimeApp>>,
    since: Instant,
    /// The rejected handshakes, which belong to no shard.
    handshake_counters: Mutex<ShardCounters>,
}

impl Default for ShardQuery {
    fn default() -> Self {
        Self { engine: OnceLock::new(), since: Instant::now(), handshake_counters: Mutex::default() }
    }
}

impl ShardQuery {
    /// Sets the engine, once. Without one, there are no connections.
    pub fn connect(&self, engine: Handle<RealtimeApp>) {
        // A second call would be a bug; the first engine stays.
        let _ = self.engine.set(engine);
    }

    /// How long the server has been running.
    pub fn uptime(&self) -> Duration {
        self.since.elapsed()
    }

    /// Counts a rejected handshake.
    pub(super) fn connection_rejected(&self, code: &'static str) {
        self.handshakes().count_rejected_connect(code);
    }

    fn handshakes(&self) -> MutexGuard<'_, ShardCounters> {
        self.handshake_counters.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The counters since the start. `None` if a shard does not respond.
    pub async fn counters(&self) -> Option<ShardCounters> {
        let shards = self.query(|app, _| app.counters.clone()).await?;
        let handshakes = self.handshakes().clone();
        Some(shards.iter().fold(handshakes, |mut all, shard| {
            all.add(shard);
            all
        }))
    }

    /// The counters since the start, and the current statistics of the shards. `None` if a shard does not respond.
    pub async fn engine_stats(&self) -> Option<(ShardCounters, ShardStats, DeliveryStats)> {
        let shards = self.query(|app, shard| (app.counters.clone(), shard.stats(), shard.delivery_stats().clone())).await?;
        let all = (self.handshakes().clone(), ShardStats::default(), DeliveryStats::default());
        Some(shards.iter().fold(all, |(mut counters, mut shard_stats, mut delivery), (of_shard, stats, delivered)| {
            counters.add(of_shard);
            shard_stats.add(stats);
            delivery.add(delivered);
            (counters, shard_stats, delivery)
        }))
    }

    /// All open sockets. Every shard visits each of its sockets for it, so it is for admins.
    pub async fn connection_stats(&self) -> Option<ConnectionStats> {
        let mut all = ConnectionStats::default();
        for shard in self.query(connection_stats).await? {
            all.add(shard);
        }
        Some(all)
    }

    /// A user's sockets, the oldest first.
    pub async fn sockets_of(&self, user: &UserId) -> Option<Vec<SocketInfo>> {
        let inbox = RoomId::inbox(user);
        let shards =
            self.query(move |app, shard| shard.members(inbox.as_str()).map(|key| socket_info(app, shard, key)).collect::<Vec<_>>()).await?;
        let mut sockets: Vec<SocketInfo> = shards.into_iter().flatten().collect();
        sockets.sort_by(|one, other| other.lasting.cmp(&one.lasting).then_with(|| one.id.cmp(&other.id)));
        Some(sockets)
    }

    /// The offset up to which all connected clients have acknowledged all events. `None` if a shard does not respond.
    pub async fn acked_by_all(&self) -> Option<u64> {
        self.query(RealtimeApp::acked_by_all).await?.into_iter().min()
    }

    /// How many shards there are; 0 without an engine.
    pub(super) fn shards(&self) -> usize {
        self.engine.get().map_or(0, Handle::shards)
    }

    /// Runs a query on one shard. `None` if it does not respond.
    pub(super) async fn query_one<T: Send + 'static>(
        &self,
        shard: usize,
        query: impl FnOnce(&RealtimeApp, &Shard<RealtimeApp>) -> T + Send + 'static,
    ) -> Option<T> {
        let (sender, reply) = oneshot::channel();
        let job: Job = Box::new(move |app, shard| drop(sender.send(query(app, shard))));
        self.engine.get()?.send(shard, job);
        tokio::time::timeout(QUERY_TIMEOUT, reply).await.ok()?.ok()
    }

    /// Runs the same query on every shard. `None` if one does not respond.
    pub(super) async fn query<T: Send + 'static>(
        &self,
        query: impl Fn(&RealtimeApp, &Shard<RealtimeApp>) -> T + Clone + Send + 'static,
    ) -> Option<Vec<T>> {
        let Some(engine) = self.engine.get() else { return Some(Vec::new()) };
        let replies: Vec<oneshot::Receiver<T>> = (0..engine.shards())
            .map(|shard| {
                let (query, (sender, reply)) = (query.clone(), oneshot::channel());
                let job: Job = Box::new(move |app, shard| drop(sender.send(query(app, shard))));
                engine.send(shard, job);
                reply
            })
            .collect();
        let all = async {
            let mut all = Vec::with_capacity(replies.len());
            for reply in replies {
                // A shard that has ended drops the query.
                all.push(reply.await.ok()?);
            }
            Some(all)
        };
        tokio::time::timeout(QUERY_TIMEOUT, all).await.ok().flatten()
    }
}

/// Describes a socket.
fn socket_info(app: &RealtimeApp, shard: &Shard<RealtimeApp>, key: SocketKey) -> SocketInfo {
    let namespace = shard.namespace(key).unwrap_or(Namespace::PLAIN);
    let session = shard.data(key);
    let mut rooms: Vec<RoomId> = shard.rooms_of(key).filter_map(RoomId::parse).collect();
    rooms.sort();
    SocketInfo {
        id: shard.id(key).map(|id| id.text()).unwrap_or_default(),
        namespace: name_of(app, namespace).map(str::to_owned),
        transport: session.map_or("", |session| transport_name(shard, key, session.connection.transport())),
        lasting: session.map_or(Duration::ZERO, |session| shard.now().saturating_duration_since(session.at)),
        rooms,
    }
}

/// All sockets of a shard.
fn connection_stats(app: &RealtimeApp, shard: &Shard<RealtimeApp>) -> ConnectionStats {
    let mut stats = ConnectionStats::default();
    let mut connections = HashSet::new();
    for key in shard.sockets() {
        let Some(session) = shard.data(key) else { continue };
        let user = &session.actor.user;
        connections.insert(session.connection.number());
        let lasting = shard.now().saturating_duration_since(session.at);
        *stats.users.entry(user.clone()).or_default() += 1;
        let namespace = shard.namespace(key).and_then(|namespace| name_of(app, namespace)).unwrap_or("raw");
        match stats.namespaces.get_mut(namespace) {
            Some(count) => *count += 1,
            None => drop(stats.namespaces.insert(namespace.to_owned(), 1)),
        }
        *stats.transports.entry(transport_name(shard, key, session.connection.transport())).or_default() += 1;
        for room in shard.rooms_of(key).filter_map(RoomId::parse).filter(|room| room.kind() != RoomKind::User) {
            *stats.rooms.entry(room).or_default().entry(user.clone()).or_default() += 1;
        }
        stats.lasting += lasting;
        stats.longest = stats.longest.max(lasting);
    }
    stats.connections = connections.len() as u64;
    stats
}

/// The name of a namespace; the raw WebSocket has none.
pub(super) fn name_of(app: &RealtimeApp, namespace: Namespace) -> Option<&str> {
    app.engine.config().namespaces.get(usize::from(namespace.0)).map(String::as_str)
}
