//! The bytes that wait in live connections, and the memory of their parsed requests, counted together with all other bytes in hand.

use std::sync::Arc;

use contracts::ClientMessage;
use domain::error::DomainError;
use engine::http::{ByteCharge, OverBudget};
use engine::{ConnectionRef, Shard, SocketKey};
use limits::bytes_in_memory::{End, Holder};
use limits::json_memory::{ParseRejection, TOO_COMPLEX, count_parsed, parsed_size};

use super::RealtimeApp;

impl RealtimeApp {
    /// Counts the bytes that wait in a connection. False if they exceed a share.
    pub(super) fn count_waiting(&self, shard: &mut Shard<Self>, connection: ConnectionRef, bytes: usize) -> bool {
        let user = shard.socket_of(connection).and_then(|socket| shard.data(socket)).map(|session| session.actor.user.clone());
        let index = shard.index();
        let Some(handshake) = shard.handshake_of(connection) else { return true };
        if bytes == 0 {
            handshake.held = None;
            return true;
        }
        let held = handshake.held.get_or_insert_with(|| {
            let handle = self.engine.clone();
            // Another thread may end the connection to free its bytes.
            let end: End = Arc::new(move || handle.send(index, Box::new(move |_, shard| shard.drop_connection(connection))));
            Box::new(self.state.limits.bytes_in_hand.holder(handshake.ip, user, end))
        });
        held.set(bytes).is_ok()
    }

    /// Counts the memory that a request takes when it is parsed; `None` if that is little.
    ///
    /// # Errors
    /// If the user, the address or the server has no room for it.
    pub(super) fn count_parsed(
        &self,
        shard: &Shard<Self>,
        socket: SocketKey,
        message: &ClientMessage<'_>,
    ) -> Result<Option<Holder>, DomainError> {
        let size = match message {
            ClientMessage::Event { args, .. } => args.iter().map(|arg| parsed_size(arg.as_bytes())).sum(),
            ClientMessage::Text(text) => parsed_size(text.as_bytes()),
        };
        let (Some(session), Some(handshake)) = (shard.data(socket), shard.handshake(socket)) else { return Ok(None) };
        let counted = count_parsed(size, || {
            let (handle, index) = (self.engine.clone(), shard.index());
            let end: End = Arc::new(move || handle.send(index, Box::new(move |_, shard| shard.close(socket, 1013, "too much data waits"))));
            self.state.limits.bytes_in_hand.holder(handshake.ip, Some(session.actor.user.clone()), end)
        });
        counted.map_err(|why| match why {
            ParseRejection::TooComplex => DomainError::invalid_input("message", TOO_COMPLEX),
            ParseRejection::NoRoom(OverBudget { is_clients: true }) => DomainError::RateLimited { retry_after: 1 },
            ParseRejection::NoRoom(OverBudget { is_clients: false }) => {
                DomainError::Unavailable("The server holds too many requests; try again later".to_owned())
            }
        })
    }
}
