//! From the node to the connections.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use cluster::identity::NodeId;
use cluster::membership::MembershipEvent;
use cluster::node::ClusterSink;
use cluster::presence::PresenceTransition;
use cluster::sequencer::LogWentBack;
use cluster::wire::{EphemeralFrame, EventFrame, PresenceKey, Usage};
use domain::event::EphemeralEvent;
use domain::ids::{RoomId, UserId};
use domain::ports::BusMessage;
use engine::BatchGuard;

use super::NodeHandle;
use super::event_codec::{FrameValue, NodeMessage, decode, decode_message};
use super::presence_entries::decode_user;
use super::user_connections::{connections, visible_id};
use crate::presence::RoomPresence;
use crate::{Fanout, RealtimeApp};

/// What the server does when the nodes change.
pub trait NodeObserver: Send + Sync + 'static {
    /// The nodes have changed. Called under a lock of the node, so it must not block and must not call the node.
    fn nodes_changed(&self, event: MembershipEvent);

    /// The database has lost commits that clients have received as events.
    fn log_went_back(&self, fault: LogWentBack);

    /// Other nodes have charged these amounts to budgets.
    fn charged(&self, charges: Vec<Usage>);
}

/// Delivers the events of all nodes to the connections of this one.
pub struct ConnectionSink<O> {
    node: Arc<NodeHandle>,
    fanout: Arc<Fanout>,
    room_presence: Arc<RoomPresence>,
    observer: O,
    batch: Mutex<Option<BatchGuard<RealtimeApp>>>,
}

impl<O: NodeObserver> ConnectionSink<O> {
    /// A sink for the connections of `fanout`.
    pub fn new(node: Arc<NodeHandle>, fanout: Arc<Fanout>, room_presence: Arc<RoomPresence>, observer: O) -> Self {
        Self { node, fanout, room_presence, observer, batch: Mutex::default() }
    }

    fn set_batch(&self, batch: Option<BatchGuard<RealtimeApp>>) {
        *self.batch.lock().unwrap_or_else(PoisonError::into_inner) = batch;
    }

    fn announce(&self, change: EphemeralEvent) {
        if self.node.announces_presence() {
            self.fanout.deliver(BusMessage::Ephemeral(change.into()));
        }
    }
}

impl<O: NodeObserver> ClusterSink for ConnectionSink<O> {
    fn begin_events(&self) {
        self.set_batch(self.fanout.batch());
    }

    fn end_events(&self) {
        self.set_batch(None);
    }

    fn event(&self, event: &EventFrame) {
        match decode(event) {
            FrameValue::Event(persisted) => {
                self.node.event_delivered(persisted.at, self.fanout.now());
                self.fanout.deliver(BusMessage::Persisted(persisted));
            }
            FrameValue::Encoded(encoded) => {
                self.node.event_delivered(encoded.at().unwrap_or_default(), self.fanout.now());
                self.fanout.deliver_encoded(event.rooms().map(Into::into).collect::<Vec<_>>(), encoded);
            }
            FrameValue::Unreadable => self.fanout.skip_unreadable(event.last()),
            FrameValue::Deleted => self.fanout.skip_deleted(event.last()),
        }
    }

    fn ephemeral(&self, _: &NodeId, event: EphemeralFrame) {
        match decode_message(&event) {
            // It may be lost, so it is not kept for connections that cannot take more.
            Some(NodeMessage::Event(ephemeral)) if is_volatile(&ephemeral) && !self.fanout.has_capacity() => {}
            Some(NodeMessage::Event(ephemeral)) => self.fanout.deliver(BusMessage::Ephemeral(ephemeral.into_owned().into())),
            Some(NodeMessage::SessionResumed { user, id }) => self.fanout.end_moved_session(user, &id),
            None => tracing::debug!("skipped a message of another version"),
        }
    }

    fn presence(&self, transition: PresenceTransition) {
        match transition {
            PresenceTransition::Added { key, value } if key.is_online() => {
                let connection = visible_id(&connections(&value));
                self.announce(EphemeralEvent::Online { user: UserId::new(&*key.user), connection });
            }
            PresenceTransition::Removed { key, .. } if key.is_online() => {
                self.announce(EphemeralEvent::Offline { user: UserId::new(&*key.user) });
            }
            PresenceTransition::Added { key, value } => {
                if let (Some(room), Some(user)) = (RoomId::parse(&key.room), decode_user(&value)) {
                    self.room_presence.add_on_nodes(&room, &user);
                    self.announce(EphemeralEvent::RoomJoined { room, user });
                }
            }
            PresenceTransition::Removed { key, left } => {
                let Some(room) = RoomId::parse(&key.room) else { return };
                if let Some(user) = self.room_presence.remove_on_nodes(&room, &UserId::new(&*key.user)) {
                    self.announce(EphemeralEvent::RoomLeft { room, user, removed: left });
                }
            }
        }
    }

    fn other_value(&self, _: &NodeId, key: &PresenceKey, value: &Bytes) {
        let user = UserId::new(&*key.user);
        if self.node.observe(&user, &connections(value)) {
            self.fanout.check_connection_caps(user);
        }
    }

    fn usage(&self, charges: Vec<Usage>) {
        self.observer.charged(charges);
    }

    fn membership(&self, event: MembershipEvent) {
        self.observer.nodes_changed(event);
    }

    fn log_went_back(&self, fault: LogWentBack) {
        self.observer.log_went_back(fault);
    }

    fn has_capacity(&self) -> bool {
        self.fanout.has_capacity()
    }
}

/// Whether an event of another node may be dropped while the connections of this node cannot take more.
fn is_volatile(ephemeral: &EphemeralEvent) -> bool {
    match ephemeral {
        EphemeralEvent::Typing { .. } | EphemeralEvent::StoppedTyping { .. } | EphemeralEvent::Emitted { .. } => true,
        EphemeralEvent::Announced { .. }
        | EphemeralEvent::Disconnected { .. }
        | EphemeralEvent::Online { .. }
        | EphemeralEvent::Offline { .. }
        | EphemeralEvent::RoomJoined { .. }
        | EphemeralEvent::RoomLeft { .. } => false,
    }
}
