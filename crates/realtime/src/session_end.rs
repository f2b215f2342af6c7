//! Stores the end of a socket's session, which its client may resume.

use std::sync::Arc;

use domain::command::{Actor, Command, CommandContext};
use domain::ids::RoomId;
use domain::sessions::{DeleteSession, EndSession, LeaveRoom};
use engine::id::Id;
use engine::{DisconnectReason, Shard, SocketKey};
use logging::{self, MAX_FAULT_LINES};
use tracing::Level;

use super::RealtimeApp;

impl RealtimeApp {
    /// Stores the end of a socket. If its client may resume it, its acknowledged offset is stored; if the client has left, its session is
    /// deleted. A socket that was resumed by a newer connection already is not touched.
    pub(super) fn store_session_end(&mut self, shard: &mut Shard<Self>, socket: SocketKey, reason: DisconnectReason) {
        let Some(session) = shard.data(socket) else { return };
        let Some(secret) = session.secret else { return };
        if !self.state.sessions.locations.remove(secret, (shard.index(), socket)) {
            return;
        }
        match reason.forgets_session() {
            true => self.forget(&session.actor, Some(secret)),
            false => {
                let acked = shard.acked(socket).unwrap_or(0).max(session.received_at_connect);
                self.end(shard, secret, acked, reason == DisconnectReason::ServerShuttingDown && !self.state.has_other_nodes());
                let unacked = shard.take_unacked(socket);
                self.state.sessions.unacked_deliveries.add(secret, unacked, shard.now(), self.state.sessions.recovery_window);
            }
        }
    }

    /// Stores the acknowledged offset of an ended socket, and whether it ended because the server stops (`by_shutdown`).
    pub(super) fn end(&self, shard: &Shard<Self>, secret: Id, confirmed: u64, by_shutdown: bool) {
        self.state.sessions.pending_ends.put(secret, confirmed, by_shutdown);
        let (shared, on_shard) = (Arc::clone(&self.state), self.run_on_shard(shard));
        let end = EndSession { secret: secret.text(), confirmed: confirmed as i64, by_shutdown };
        let ends = Arc::clone(&self.state);
        // An earlier attempt may run again after the client has resumed its session: then the session must not end.
        let work = move |context: &mut CommandContext<'_>| {
            if ends.sessions.pending_ends.is_disconnected(secret) { end.execute(context).map(|()| true) } else { Ok(false) }
        };
        self.state.store.writer.submit(Actor::server(), work, move |ended| {
            match ended {
                Ok(true) => return shared.sessions.pending_ends.remove(secret),
                Ok(false) => {}
                Err(error) => tracing::debug!(%error, "failed to store the end of a session; the server will retry"),
            }
            on_shard(Box::new(move |app, shard| app.retry_session_end(shard, secret)));
        });
    }

    /// Deletes the session of a socket.
    pub(super) fn forget(&self, actor: &Actor, secret: Option<Id>) {
        let Some(secret) = secret else { return };
        self.run_for(actor, DeleteSession { secret: secret.text() }, "failed to delete a session");
    }

    /// Runs a command without waiting for its result; `failed` is the log message if it fails.
    fn run_for(&self, actor: &Actor, command: impl Command, failed: &'static str) {
        self.state.store.writer.run(actor.clone(), command, move |done| {
            if let Err(error) = done
                && logging::admits(Level::WARN, None, failed, error.code(), MAX_FAULT_LINES)
            {
                tracing::warn!(%error, "{failed}");
            }
        });
    }

    /// The offset up to which all sockets on this shard have acknowledged all events.
    pub(super) fn acked_by_all(&self, shard: &Shard<Self>) -> u64 {
        let of = |socket: SocketKey| {
            let session = shard.data(socket)?;
            session.secret.map(|_| shard.acked(socket).unwrap_or(0).max(session.received_at_connect))
        };
        let here = shard.sockets().filter_map(of).fold(shard.position(), u64::min);
        self.state.sessions.pending_ends.acked_by_all().map_or(here, |acked| acked.min(here))
    }

    /// Removes a room from a socket's stored session because the socket could not join it, though its user may receive its events.
    pub(super) fn forget_unjoined(&self, shard: &Shard<Self>, socket: SocketKey, room: &RoomId) {
        let (Some(session), Some(left)) = (shard.data(socket), self.leaves(shard, socket, room)) else { return };
        self.run_for(&session.actor, left, "failed to remove a room from a session");
    }

    /// The command that removes a room from a socket's stored session; `None` for a socket that cannot be resumed.
    pub(super) fn leaves(&self, shard: &Shard<Self>, socket: SocketKey, room: &RoomId) -> Option<LeaveRoom> {
        let secret = shard.data(socket)?.secret?.text();
        let unasked = self.state.contracts.auto_join(shard.namespace(socket)?, room);
        Some(LeaveRoom { secret, room: room.clone(), unasked })
    }
}
