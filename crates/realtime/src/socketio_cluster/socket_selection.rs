//! The sockets of one shard that an operation of another server concerns.

use engine::{Namespace, Shard, SocketKey};
use socketio_adapter::Selection;

use crate::RealtimeApp;

/// The selected sockets of a namespace, each once.
pub(super) fn selected(shard: &Shard<RealtimeApp>, namespace: Namespace, to: &Selection) -> Vec<SocketKey> {
    let mut sockets: Vec<SocketKey> = match &to.rooms[..] {
        [] => shard.sockets().collect(),
        rooms => rooms.iter().flat_map(|room| shard.members(room)).collect(),
    };
    sockets.sort_unstable();
    sockets.dedup();
    let is_excepted = |socket: SocketKey| to.except.iter().any(|room| shard.is_in(socket, room));
    sockets.retain(|socket| shard.namespace(*socket) == Some(namespace) && !is_excepted(*socket));
    sockets
}
