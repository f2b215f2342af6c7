//! The bus of a server with several nodes.

use std::borrow::Cow;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use bytes::Bytes;
use cluster::wire::PresenceKey;
use domain::command::Actor;
use domain::event::EphemeralEvent;
use domain::ports::{Bus, BusMessage};
use domain::sessions::EndConnections;
use store::Writer;

use super::NodeHandle;
use super::event_codec::{NodeMessage, encode_message};
use super::presence_entries::{encode_user, online_key, room_key};
use super::user_connections::value_without_connection;
use crate::Fanout;

/// Takes the ephemeral events of this node. Persisted events do not come this way; see [`ClusterPublisher`](super::ClusterPublisher).
///
/// Events of presence are changes of this node's own entries. The union of all nodes decides whether a user comes online or leaves a room; see
/// [`ConnectionSink`](super::ConnectionSink). The end of connections becomes a persisted event, so that a failure of Redis cannot lose it. All other
/// events are delivered here and published for the other nodes.
pub struct ClusterBus {
    node: Arc<NodeHandle>,
    fanout: Arc<Fanout>,
    /// The changes of presence from before the start of the node: users who were connected before the start of the server.
    before_start: Mutex<Vec<PresenceEntry>>,
    writer: OnceLock<Writer>,
}

/// A change of an entry of this node.
enum PresenceEntry {
    Set(PresenceKey, Bytes),
    Removed(PresenceKey, bool),
}

impl ClusterBus {
    /// A bus to the connections of `fanout` and to other nodes.
    pub fn new(node: Arc<NodeHandle>, fanout: Arc<Fanout>) -> Self {
        Self { node, fanout, before_start: Mutex::default(), writer: OnceLock::new() }
    }

    /// Sets the entries from before the start of the node. `writer` stores the ends of connections from now on.
    pub fn node_started(&self, writer: Writer) {
        let _ = self.writer.set(writer);
        let entries = std::mem::take(&mut *self.before_start.lock().unwrap_or_else(PoisonError::into_inner));
        entries.into_iter().for_each(|entry| self.change(entry));
    }

    fn change(&self, entry: PresenceEntry) {
        match (self.node.get(), entry) {
            (Some(node), PresenceEntry::Set(key, value)) => node.set_presence(&key, value),
            (Some(node), PresenceEntry::Removed(key, left)) => node.remove_presence(&key, left),
            (None, entry) => self.before_start.lock().unwrap_or_else(PoisonError::into_inner).push(entry),
        }
    }
}

impl Bus for ClusterBus {
    fn publish(&self, message: BusMessage) {
        let ephemeral = match message {
            BusMessage::Ephemeral(ephemeral) => ephemeral,
            message @ BusMessage::Persisted(_) => return self.fanout.deliver(message),
        };
        match (&*ephemeral, presence_entry(&ephemeral), self.writer.get()) {
            // The node has learned of it with the connection; see `OnlineOnNodes`.
            (EphemeralEvent::Online { .. }, ..) => {}
            (_, Some(entry), _) => self.change(entry),
            (EphemeralEvent::Disconnected { users, connections, reason }, None, Some(writer)) => {
                let end = EndConnections { users: users.clone(), connections: connections.clone(), reason: reason.clone() };
                let (node, fanout) = (self.node.clone(), self.fanout.clone());
                writer.run(Actor::server(), end, move |ended| {
                    if let Err(error) = ended {
                        tracing::warn!(%error, "the end of connections cannot be stored; it is sent to the other nodes over Redis");
                        send_to_all_nodes(&node, &fanout, ephemeral);
                    }
                });
            }
            _ => send_to_all_nodes(&self.node, &self.fanout, ephemeral),
        }
    }

    fn publish_known(&self, ephemeral: EphemeralEvent) {
        if let Some(entry) = presence_entry(&ephemeral) {
            self.change(entry);
        }
    }
}

/// Delivers an ephemeral event to the connections of this node, and publishes it for the other nodes.
fn send_to_all_nodes(node: &NodeHandle, fanout: &Fanout, ephemeral: Arc<EphemeralEvent>) {
    if let (Some(node), Some(frame)) = (node.get(), encode_message(&NodeMessage::Event(Cow::Borrowed(&ephemeral)))) {
        node.publish_ephemeral(frame);
    }
    fanout.deliver(BusMessage::Ephemeral(ephemeral));
}

/// The change of this node's entries that an event of presence stands for.
fn presence_entry(ephemeral: &EphemeralEvent) -> Option<PresenceEntry> {
    Some(match ephemeral {
        EphemeralEvent::Online { user, connection } => PresenceEntry::Set(online_key(user), value_without_connection(connection)),
        EphemeralEvent::Offline { user } => PresenceEntry::Removed(online_key(user), false),
        EphemeralEvent::RoomJoined { room, user } => PresenceEntry::Set(room_key(room, &user.id), encode_user(user)),
        EphemeralEvent::RoomLeft { room, user, removed } => PresenceEntry::Removed(room_key(room, &user.id), *removed),
        _ => return None,
    })
}
