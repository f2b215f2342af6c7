//! Broadcasts events to their audiences, encoded once for each contract, and then applies the change of room membership.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Instant;

use config::Audience;
use contracts::ContractRegistry;
use contracts::close_codes::FORBIDDEN;
use domain::custom_events::CustomEvent;
use domain::event::{EphemeralEvent, Event, EventKind, PersistedEvent};
use domain::ids::{RoomId, RoomKind, Timestamp, UserId};
use domain::ports::{BusMessage, EventBatch};
use domain::sessions::PurgeEvictedEvents;
use engine::id::Id;
use engine::{BatchGuard, Broadcast, CountsByKind, Handle, Namespace, Position, Shard, SocketKey};
use socketio_adapter::AdapterStats;

use super::rendered_event::EncodedEvent;
use super::socketio_cluster::PeerBroadcasts;
use super::{Effect, Job, RealtimeApp, RenderedEvent};
use crate::presence::{CrowdedRooms, OnlineUsers, PendingChanges, PresenceHistory, RoomPresence, room_change, user_of};

/// The users who are online and in rooms, for decisions that depend on their number.
#[derive(Clone, Default)]
pub struct PresenceAudience {
    /// The users who are online.
    pub users: Arc<OnlineUsers>,
    /// The users who have each room open.
    pub room_presence: Arc<RoomPresence>,
    /// While more users than this are online, presence events for everyone go to contacts only; `None`: no limit.
    pub everyone_up_to: Option<u32>,
}

/// How many evicted events are deleted at once.
const MAX_EVICTED_PER_STEP: usize = 1000;

/// Encodes stored events for each contract.
#[derive(Clone)]
pub struct EventRenderer {
    pub(super) contracts: ContractRegistry,
    /// The epoch of the event log, which is a part of every position.
    pub(super) epoch: Arc<str>,
}

impl EventRenderer {
    /// The broadcasts of a stored event; none if it has no audience.
    pub(super) fn broadcast_of(&self, persisted: PersistedEvent) -> Vec<Broadcast> {
        match persisted.in_each_room() {
            Some(Ok(persisted_events)) => return persisted_events.into_iter().flat_map(|persisted| self.broadcast_of(persisted)).collect(),
            Some(Err(error)) => {
                tracing::error!(%error, offset = persisted.offset, "an event cannot be encoded for each of its rooms");
                return Vec::new();
            }
            None => {}
        }
        let persisted = Arc::new(persisted);
        let rendered = RenderedEvent::persisted(&self.contracts, persisted.clone(), &self.epoch);
        match (&persisted.event, persisted.audience()) {
            (Event::Emitted { custom_event }, _) => vec![emitted(custom_event, false, rendered)],
            (_, audience) if audience.is_empty() => Vec::new(),
            (Event::CallInitiated { not_for, .. }, audience) => vec![except(to_rooms(&audience, rendered), not_for)],
            (_, audience) => vec![to_rooms(&audience, rendered)],
        }
    }
}

/// Broadcasts the events of the bus to this node's connections.
pub struct Fanout {
    pub(super) engine: OnceLock<Handle<RealtimeApp>>,
    /// The other servers of a cluster, if this server is in one.
    peers: OnceLock<PeerBroadcasts>,
    pub(super) renderer: EventRenderer,
    pub(super) audience: Audience,
    pub(super) readers: store::Readers,
    pub(super) clock: fn() -> Timestamp,
    /// Presence changes that are not sent yet.
    pub(super) changes: PendingChanges,
    /// Recent presence events, for clients that reconnect.
    pub(super) presence_history: PresenceHistory<Arc<Broadcast>>,
    /// Enter, leave and typing events of rooms that very many users have open.
    crowded_rooms: CrowdedRooms,
    pub(super) presence: PresenceAudience,
    /// Whether presence events for everyone go to contacts only, because too many users are online.
    pub(super) narrowed: AtomicBool,
    /// The number of persisted events of each kind.
    delivered_events: [AtomicU64; EventKind::COUNT],
}

impl Fanout {
    /// A fan-out that sends nothing until [`Fanout::connect`] is called.
    pub fn new(
        contracts: ContractRegistry,
        audience: Audience,
        readers: store::Readers,
        clock: fn() -> Timestamp,
        epoch: &str,
        presence_history: PresenceHistory<Arc<Broadcast>>,
        presence: PresenceAudience,
    ) -> Self {
        Self {
            engine: OnceLock::new(),
            peers: OnceLock::new(),
            renderer: EventRenderer { contracts, epoch: epoch.into() },
            audience,
            readers,
            clock,
            changes: PendingChanges::default(),
            presence_history,
            crowded_rooms: CrowdedRooms::default(),
            presence,
            narrowed: AtomicBool::new(false),
            delivered_events: [const { AtomicU64::new(0) }; EventKind::COUNT],
        }
    }

    /// The contracts that this server serves.
    pub fn contracts(&self) -> &ContractRegistry {
        &self.renderer.contracts
    }

    /// Sets the engine, once.
    pub fn connect(&self, engine: Handle<RealtimeApp>) {
        // A second call would be a bug; the first engine stays.
        let _ = self.engine.set(engine);
    }

    /// Sets the other servers of a cluster, once. From then on their clients receive this server's events.
    pub fn connect_peers(&self, peers: PeerBroadcasts) {
        // A second call would be a bug; the first peers stay.
        let _ = self.peers.set(peers);
    }

    /// The counters of the adapter for a cluster of socket.io servers; all 0 without one.
    pub fn adapter_stats(&self) -> AdapterStats {
        self.peers.get().map(PeerBroadcasts::stats).unwrap_or_default()
    }

    /// Publishes a broadcast to the clients of this server, and of the other servers of a cluster.
    pub(super) fn publish(&self, engine: &Handle<RealtimeApp>, broadcast: Broadcast) {
        if let Some(peers) = self.peers.get() {
            peers.send(&broadcast);
        }
        engine.publish(broadcast);
    }

    /// Waits until the shards have processed most of their messages; see [`Handle::wait_for_capacity`].
    pub(super) fn wait_for_capacity(&self) {
        if let Some(engine) = self.engine.get() {
            engine.wait_for_capacity();
        }
    }

    /// Whether the shards have processed most of their messages.
    pub fn has_capacity(&self) -> bool {
        self.engine.get().is_none_or(Handle::has_capacity)
    }

    pub(super) fn now(&self) -> Timestamp {
        (self.clock)()
    }

    /// Lets each shard begin a turn.
    pub fn wake_shards(&self) {
        if let Some(engine) = self.engine.get() {
            engine.send_to_all(|| Box::new(|_, _| {}));
        }
    }

    /// Closes the connections of a user on this node that exceed a cap over all nodes.
    pub(super) fn check_connection_caps(&self, user: UserId) {
        let Some(engine) = self.engine.get() else { return };
        engine.send_to_all(|| {
            let user = user.clone();
            Box::new(move |app, shard| app.close_excess_connections(shard, &user))
        });
    }

    /// Ends a user's socket, because its client has resumed the session on another node.
    pub(super) fn end_moved_session(&self, user: UserId, id: &str) {
        let (Some(engine), Some(id)) = (self.engine.get(), Id::parse(id)) else { return };
        engine.send_to_all(|| {
            let user = user.clone();
            Box::new(move |_, shard| {
                let socket = shard.find(&id);
                let is_of_user = |socket: &SocketKey| shard.data(*socket).is_some_and(|session| session.actor.user == user);
                if let Some(socket) = socket.filter(is_of_user) {
                    shard.take_over(socket);
                }
            })
        });
    }

    /// An event cannot be read, because another version has written it: clients that reconnect and missed it, or an earlier one, must reload their data.
    pub fn skip_unreadable(&self, offset: u64) {
        tracing::warn!(offset, "an event cannot be read; clients that missed it must reload their data");
        if let Some(engine) = self.engine.get() {
            engine.expire_up_to(offset);
        }
    }

    /// Events were deleted before this node could read them: all its clients have missed them, reconnect, and reload their data.
    pub fn skip_deleted(&self, offset: u64) {
        tracing::error!(offset, "events were deleted before this server has read them; its clients reconnect and reload their data");
        if let Some(engine) = self.engine.get() {
            engine.expire_up_to(offset);
            engine.send_to_all(|| Box::new(|_, shard| shard.drop_connections()));
        }
    }

    /// The number of persisted events of each kind since the start.
    pub fn persisted_events(&self) -> CountsByKind {
        let mut kinds = CountsByKind::default();
        kinds.add_all(self.delivered_events.iter().enumerate().map(|(kind, count)| (kind as u8, count.load(Ordering::Relaxed))));
        kinds
    }

    /// Loads events from before the start into the history for reconnecting clients. Called in the order of the events, before any
    /// broadcast.
    pub fn restore(&self, batch: EventBatch) {
        let Some(engine) = self.engine.get() else { return };
        let unreadable = batch.unreadable.last().copied();
        if let Some(offset) = unreadable {
            engine.expire_up_to(offset as u64);
        }
        let readable = batch.events.into_iter().filter(|persisted| unreadable < Some(persisted.offset));
        for broadcast in readable.flat_map(|persisted| self.renderer.broadcast_of(persisted)) {
            engine.restore(broadcast);
        }
    }

    /// Takes the evicted events out of the history for reconnecting clients, so that those older than `min_age` seconds can be deleted. `None` if there are
    /// none.
    pub fn take_evicted(&self, min_age: i64) -> Option<PurgeEvictedEvents> {
        let (numbers, holes) = self.engine.get()?.take_evicted(MAX_EVICTED_PER_STEP);
        let offsets = numbers.into_iter().map(|number| number as i64).collect();
        let gaps = holes.into_iter().map(|(room, until)| (room.as_ref().to_owned(), until as i64)).collect();
        Some(PurgeEvictedEvents { offsets, gaps, min_age }).filter(|evicted| !evicted.offsets.is_empty())
    }

    /// Frees the memory of events that are older than the replay window.
    pub fn expire_old(&self) {
        if let Some(engine) = self.engine.get() {
            engine.expire_old();
        }
    }

    /// The namespace with this name; `raw` is the raw WebSocket.
    pub fn namespace(&self, name: &str) -> Option<Namespace> {
        if name == "raw" {
            return Some(Namespace::PLAIN);
        }
        let index = self.renderer.contracts.namespaces().iter().position(|known| known == name)?;
        Some(Namespace(index as u8))
    }

    /// The position of an offset, as clients send and receive it.
    pub fn position(&self, offset: i64) -> String {
        Position::from(offset as u64).text(&self.renderer.epoch)
    }

    /// The presence events that a user may have missed whose connection was found closed at `left_at`; see [`PresenceHistory::since`].
    pub(super) fn missed_presence(&self, user: &UserId, left_at: Timestamp) -> Vec<Arc<Broadcast>> {
        self.presence_history.since(left_at, user)
    }

    /// Holds back broadcasts until the returned value is dropped; see [`Handle::batch`].
    pub(super) fn batch(&self) -> Option<BatchGuard<RealtimeApp>> {
        self.engine.get().map(Handle::batch)
    }

    /// Broadcasts one message of the bus. Called in the order of the messages.
    pub fn deliver(&self, notice: BusMessage) {
        if let BusMessage::Persisted(persisted) = &notice {
            self.delivered_events[EventKind::from(&persisted.event) as usize].fetch_add(1, Ordering::Relaxed);
        }
        let Some(engine) = self.engine.get() else { return };
        if let BusMessage::Ephemeral(ephemeral) = &notice
            && user_of(ephemeral).is_some()
            && self.audience == Audience::None
        {
            return;
        }
        if let BusMessage::Ephemeral(ephemeral) = &notice
            && self.collect_in_crowded_room(engine, ephemeral)
        {
            return;
        }
        self.apply_effects(engine, notice);
    }

    /// Broadcasts a persisted event of another node that has no other effect. Called in the order of the events.
    pub(super) fn deliver_encoded(&self, rooms: Vec<Arc<str>>, encoded: EncodedEvent) {
        let EncodedEvent { offset, kind, account, .. } = encoded;
        if let Some(delivered) = self.delivered_events.get(usize::from(kind)) {
            delivered.fetch_add(1, Ordering::Relaxed);
        }
        let Some(engine) = self.engine.get() else { return };
        let rendered = RenderedEvent::encoded(&self.renderer.contracts, encoded, &self.renderer.epoch);
        let broadcast = Broadcast::to_rooms(rooms, rendered);
        engine.publish(broadcast.numbered(offset as u64).of_kind(kind).charged_to(account.0 as u64));
    }

    fn apply_effects(&self, engine: &Handle<RealtimeApp>, notice: BusMessage) {
        for effect in self.effects(notice) {
            match effect {
                Effect::Join(room, user) => self.join(engine, &room, &user),
                Effect::Send(rooms, rendered) => self.publish(engine, to_rooms(&rooms, rendered)),
                Effect::SendExcept(rooms, users, rendered) => self.publish(engine, except(to_rooms(&rooms, rendered), &users)),
                Effect::SendToOthers(room, user, rendered) => {
                    self.publish(engine, to_rooms(&[room], rendered).except_room(RoomId::inbox(&user).shared()));
                }
                Effect::Emit { custom_event, volatile, rendered } => self.publish(engine, emitted(&custom_event, volatile, rendered)),
                Effect::Disconnect { users, connections, reason } => self.disconnect(engine, &users, &connections, &reason),
                Effect::Leave(room, users) => self.leave(engine, &room, users),
                Effect::CollectPresence(ephemeral) => self.collect_presence(engine, ephemeral),
                // Shard 0 has the timers of all calls.
                Effect::BeginCall(call, room) => engine.send(0, Box::new(move |app, shard| app.begin_call(shard, call, &room))),
                Effect::EndCall(call, room) => engine.send(0, Box::new(move |app, _| app.end_call(call, &room))),
                Effect::SendToEveryone(rendered) => self.publish(engine, Broadcast::to_everyone(rendered)),
            }
        }
    }

    fn join(&self, engine: &Handle<RealtimeApp>, room: &RoomId, user: &UserId) {
        if let Some(peers) = self.peers.get() {
            peers.join(room, user, |namespace| self.renderer.contracts.auto_join(namespace, room));
        }
        join(engine, room, user);
    }

    fn leave(&self, engine: &Handle<RealtimeApp>, room: &RoomId, users: Vec<UserId>) {
        if let Some(peers) = self.peers.get() {
            peers.leave(room, &users);
        }
        leave(engine, room, &users.into());
    }

    fn disconnect(&self, engine: &Handle<RealtimeApp>, users: &[UserId], connections: &[String], reason: &str) {
        if let Some(peers) = self.peers.get() {
            peers.disconnect(users, connections);
        }
        disconnect(engine, users, connections, reason);
    }

    /// Encodes ephemeral events for each contract; `of` is the kind of their room.
    pub(super) fn ephemeral_broadcast(&self, of: Option<RoomKind>, ephemeral_events: Vec<Arc<EphemeralEvent>>) -> RenderedEvent {
        RenderedEvent::ephemeral(&self.renderer.contracts, of, ephemeral_events, (self.clock)())
    }

    /// A user who came online resumes a socket that has another id.
    pub(super) fn rename(&self, user: &UserId, from: &str, to: &str) {
        self.changes.rename(user, from, to);
    }

    /// Gathers an ephemeral event if very many users have its room open. False if it was not gathered.
    fn collect_in_crowded_room(&self, engine: &Handle<RealtimeApp>, ephemeral: &Arc<EphemeralEvent>) -> bool {
        let Some((room, ..)) = room_change(ephemeral) else { return false };
        let Some(present) = self.presence.room_presence.user_count(room) else { return false };
        if let Some(due) = self.crowded_rooms.add(ephemeral.clone(), present, Instant::now()) {
            engine.send(0, Box::new(move |app, shard| app.schedule_crowded_rooms_at(shard, due)));
        }
        true
    }

    /// Sends the ephemeral events gathered in crowded rooms that are due. Returns when the next ones are due.
    pub(super) fn broadcast_crowded_rooms(&self, now: Instant) -> Option<Instant> {
        let engine = self.engine.get()?;
        let (ephemeral_events, next) = self.crowded_rooms.take(now);
        for ephemeral in ephemeral_events {
            self.apply_effects(engine, BusMessage::Ephemeral(ephemeral));
        }
        next
    }
}

pub(super) fn to_rooms(rooms: &[RoomId], rendered: RenderedEvent) -> Broadcast {
    persistent(|rendered| Broadcast::to_rooms(rooms.iter().map(RoomId::shared).collect::<Arc<[_]>>(), rendered), rendered)
}

/// Excludes these users from a broadcast.
pub(super) fn except(broadcast: Broadcast, users: &[UserId]) -> Broadcast {
    users.iter().fold(broadcast, |broadcast, user| broadcast.except_room(RoomId::inbox(user).shared()))
}

/// Persisted events are kept for disconnected clients. Of ephemeral events, only the newest waits for a client that reads slowly.
pub(super) fn persistent(broadcast: impl FnOnce(RenderedEvent) -> Broadcast, rendered: RenderedEvent) -> Broadcast {
    let (stored, is_ephemeral, replacement_key) = (rendered.stored(), rendered.is_ephemeral(), rendered.replacement_key());
    let broadcast = replacement_key.into_iter().fold(broadcast(rendered), Broadcast::superseding);
    match stored {
        Some((offset, kind, account)) => broadcast.numbered(offset as u64).of_kind(kind as u8).charged_to(account.0 as u64),
        None if is_ephemeral => broadcast.newest_only(),
        None => broadcast,
    }
}

fn emitted(custom_event: &CustomEvent, volatile: bool, rendered: RenderedEvent) -> Broadcast {
    let to = match custom_event.rooms.contains(&RoomId::everyone()) {
        true => persistent(Broadcast::to_everyone, rendered),
        false => to_rooms(&custom_event.rooms, rendered),
    };
    let except = custom_event.except.iter().fold(to, |to, room| to.except_room(room.shared()));
    // Text that is no connection id matches no connection.
    let connections = custom_event.except_connections.iter().filter_map(|id| Id::parse(id));
    let except = connections.fold(except, Broadcast::except_socket);
    if volatile { except.volatile() } else { except }
}

/// Puts all connections of a user into a room, where their contract joins it without a request.
fn join(engine: &Handle<RealtimeApp>, room: &RoomId, user: &UserId) {
    engine.send_to_all(|| {
        let (room, inbox) = (room.clone(), RoomId::inbox(user));
        let job: Job = Box::new(move |app, shard| {
            for socket in sockets_in(shard, &inbox) {
                let namespace = shard.namespace(socket).unwrap_or(Namespace::PLAIN);
                if app.state.contracts.auto_join(namespace, &room) {
                    let now = shard.position() as i64;
                    app.auto_join(shard, socket, &[(room.clone(), now)], &[]);
                }
            }
        });
        job
    });
}

/// Takes all connections of these users out of a room, and out of the rooms inside it.
fn leave(engine: &Handle<RealtimeApp>, room: &RoomId, users: &Arc<[UserId]>) {
    engine.send_to_all(|| {
        let (room, users) = (room.clone(), users.clone());
        let job: Job = Box::new(move |app, shard| users.iter().for_each(|user| app.remove_from_room(shard, &room, user)));
        job
    });
}

impl RealtimeApp {
    /// Takes all connections of a user on this shard out of a room, and out of the rooms inside it.
    fn remove_from_room(&mut self, shard: &mut Shard<Self>, room: &RoomId, user: &UserId) {
        for socket in sockets_in(shard, &RoomId::inbox(user)) {
            self.stop_typing(shard, socket, room);
            let rooms: Vec<RoomId> = shard.rooms_of(socket).filter_map(RoomId::parse).collect();
            for joined in rooms {
                if joined == *room || self.state.presence.room_presence.is_inside(&joined, user, room) {
                    self.leave(shard, socket, &joined, true);
                }
            }
        }
        self.state.remove_member_presence(room, user);
    }
}

/// Ends all connections of these users, and these connections. The whole connection ends, with the sockets of all its namespaces.
fn disconnect(engine: &Handle<RealtimeApp>, users: &[UserId], connections: &[String], reason: &str) {
    let inboxes: Vec<RoomId> = users.iter().map(RoomId::inbox).collect();
    let ids: Vec<Id> = connections.iter().filter_map(|id| Id::parse(id)).collect();
    engine.send_to_all(|| {
        let (inboxes, ids, reason) = (inboxes.clone(), ids.clone(), reason.to_owned());
        let job: Job = Box::new(move |_, shard| {
            let of_users = inboxes.iter().flat_map(|inbox| sockets_in(shard, inbox));
            let named = ids.iter().filter_map(|id| shard.find(id));
            let sockets: Vec<SocketKey> = of_users.chain(named).collect();
            for socket in sockets {
                match shard.namespace(socket) {
                    Some(Namespace::PLAIN) => shard.close(socket, FORBIDDEN.code, &reason),
                    _ => shard.disconnect(socket, true),
                }
            }
        });
        job
    });
}

fn sockets_in(shard: &Shard<RealtimeApp>, room: &RoomId) -> Vec<SocketKey> {
    shard.members(room.as_str()).collect()
}
