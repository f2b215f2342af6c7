//! What the clients of the other servers receive of this server's events: each event as the contracts of a namespace encode it, in the rooms
//! of its audience. The other servers decide which of their sockets are in these rooms.

use domain::ids::{RoomId, UserId};
use engine::{Broadcast, Namespace, OutboundMessage};
use logging::{self, MAX_FAULT_LINES};
use socketio_adapter::{AdapterStats, Event, Flags, Peers, Selection, SendError};
use tracing::Level;

/// The other servers of the cluster, in each namespace.
pub struct PeerBroadcasts {
    namespaces: Vec<(Namespace, Peers)>,
}

impl PeerBroadcasts {
    pub(super) fn new(namespaces: Vec<(Namespace, Peers)>) -> Self {
        Self { namespaces }
    }

    /// Sends a broadcast to the clients of the other servers.
    pub(crate) fn send(&self, broadcast: &Broadcast) {
        for (namespace, peers) in &self.namespaces {
            for message in broadcast.messages(*namespace) {
                let OutboundMessage::Event { name, args, attachments, .. } = message else { continue };
                let event = Event { name: name.into_owned(), args, attachments };
                let flags = Flags { volatile: broadcast.is_volatile(), ..Flags::default() };
                report(peers.broadcast(&socketio_adapter::Broadcast { event, to: selection(broadcast), flags }));
            }
        }
    }

    /// The sockets of a user, on the servers that put them into the user's inbox, enter a room that its contract joins without a request.
    pub(crate) fn join(&self, room: &RoomId, user: &UserId, is_joined_in: impl Fn(Namespace) -> bool) {
        for (_, peers) in self.namespaces.iter().filter(|(namespace, _)| is_joined_in(*namespace)) {
            report(peers.join(Selection::room(RoomId::inbox(user).as_str()), vec![room.as_str().to_owned()]));
        }
    }

    /// These users are no longer members of a room, so their sockets leave it.
    pub(crate) fn leave(&self, room: &RoomId, users: &[UserId]) {
        let rooms = users.iter().map(|user| RoomId::inbox(user).as_str().to_owned()).collect();
        let sockets = Selection { rooms, except: Vec::new() };
        for (_, peers) in &self.namespaces {
            report(peers.leave(sockets.clone(), vec![room.as_str().to_owned()]));
        }
    }

    /// Ends all connections of these users, and these connections.
    pub(crate) fn disconnect(&self, users: &[UserId], connections: &[String]) {
        let inboxes = users.iter().map(|user| RoomId::inbox(user).as_str().to_owned());
        let rooms: Vec<String> = inboxes.chain(connections.iter().cloned()).collect();
        // Without rooms the selection would be all sockets.
        if rooms.is_empty() {
            return;
        }
        for (_, peers) in &self.namespaces {
            report(peers.disconnect(Selection { rooms: rooms.clone(), except: Vec::new() }, true));
        }
    }

    /// The counters of the adapter.
    pub(crate) fn stats(&self) -> AdapterStats {
        self.namespaces.first().map(|(_, peers)| peers.stats()).unwrap_or_default()
    }
}

/// The receivers of a broadcast, as the other servers name them.
fn selection(broadcast: &Broadcast) -> Selection {
    let owned = |rooms: &[std::sync::Arc<str>]| rooms.iter().map(|room| room.to_string()).collect::<Vec<_>>();
    let mut except = owned(broadcast.excepted_rooms());
    except.extend(broadcast.excepted_sockets().iter().map(|id| id.text()));
    Selection { rooms: broadcast.rooms().map(owned).unwrap_or_default(), except }
}

fn report(sent: Result<(), SendError>) {
    let Err(error) = sent else { return };
    // A full queue is also a counter, and lasts as long as Redis is away.
    let subject = match error {
        SendError::QueueIsFull => "the queue is full",
        SendError::Encode(_) => "the event cannot be encoded",
    };
    if logging::admits(Level::WARN, None, "failed to send an event to other servers", subject, MAX_FAULT_LINES) {
        tracing::warn!(%error, "failed to send an event to other servers");
    }
}
