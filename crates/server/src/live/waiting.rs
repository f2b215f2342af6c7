//! The bytes that wait in live connections, counted together with all other bytes in hand.

use std::sync::Arc;

use engine::http::Charge;
use engine::{ConnectionRef, Shard};

use super::Live;
use crate::bytes_in_hand::End;

impl Live {
    /// Counts the bytes that wait in a connection. False if they exceed a share.
    pub(super) fn count_waiting(&self, shard: &mut Shard<Self>, connection: ConnectionRef, bytes: usize) -> bool {
        let user = shard.socket_of(connection).and_then(|socket| shard.data(socket)).map(|session| session.actor.person.clone());
        let index = shard.index();
        let Some(handshake) = shard.handshake_of(connection) else { return true };
        if bytes == 0 {
            handshake.held = None;
            return true;
        }
        let held = handshake.held.get_or_insert_with(|| {
            let handle = self.handle.clone();
            // Another thread may end the connection to free its bytes.
            let end: End = Arc::new(move || handle.tell(index, Box::new(move |_, shard| shard.drop_connection(connection))));
            Box::new(self.shared.in_hand.holder(handshake.ip, user, end))
        });
        held.set(bytes).is_ok()
    }
}
