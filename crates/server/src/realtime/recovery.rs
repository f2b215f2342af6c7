//! Resumes sockets, and replays events after a position that a client sends.
//!
//! The engine keeps recent events, and the store keeps the sessions, in one order with the events. So a resumed socket joins its rooms at
//! an offset in that order, and receives the events of these rooms up to that offset.

use std::sync::Arc;

use domain::command::{Actor, Command, CommandContext};
use domain::ids::{RoomId, RoomKind, UserId};
use domain::sessions::{
    ClientPosition, ConnectOutcome, DeleteSession, EndSession, LeaveRoom, NewSession, ReplaceSession, ReplacedSession, ResumeRequest,
    ResumedSession, SessionClaim, SessionRoom,
};
use domain::users::EnsuredUser;
use engine::id::Id;
use engine::{AlreadyDelivered, DisconnectReason, Namespace, Position, Shard, SocketKey, SocketResume};
use tracing::Level;

use super::client_offsets::ClientOffsets;
use super::connect::PendingConnect;
use super::{Job, RealtimeApp, RealtimeState, SocketData};
use crate::auth::Identity;
use crate::contracts;
use crate::logging::{self, MAX_FAULT_LINES};
use crate::presence::Connection;

/// The way in which a client connects.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ClientResume {
    /// As a new socket.
    New,
    /// As the socket with this secret; with the client's position, if it sends one.
    Back(Id, Option<String>),
    /// As a new socket, with a position after which it wants the missed events.
    Since(String),
}

impl ClientResume {
    /// The secret of the socket that the client resumes.
    pub(super) fn secret(&self) -> Option<Id> {
        match self {
            Self::Back(secret, _) => Some(*secret),
            Self::New | Self::Since(_) => None,
        }
    }

    /// The epoch and position that the client sends.
    fn position_offered(&self) -> Option<(&str, Position)> {
        match self {
            Self::New | Self::Back(_, None) => None,
            Self::Back(_, Some(text)) | Self::Since(text) => Position::parse(text),
        }
    }

    /// The position of an offset. If the client's position was accepted, it is that one, which may lie within the next event.
    fn position(&self, offset: i64, believed: bool) -> Position {
        let offered = self.position_offered().map(|(_, position)| position).filter(|_| believed);
        offered.unwrap_or(Position::from(offset as u64))
    }
}

/// A position in the store's form; `None` if its offset is out of range.
pub fn client_position(epoch: &str, position: Position) -> Option<ClientPosition> {
    Some(ClientPosition { epoch: epoch.to_owned(), offset: i64::try_from(position.number).ok()? })
}

/// A session that a client wants to resume.
#[derive(Clone, Copy)]
struct OldSocket {
    secret: Id,
    /// The offset up to which it has received all events.
    heard: u64,
}

impl RealtimeState {
    /// The store's form of a way to connect.
    pub fn resume_request(&self, coming: &ClientResume) -> ResumeRequest {
        let offered = coming.position_offered().and_then(|(epoch, position)| client_position(epoch, position));
        match coming {
            ClientResume::New => ResumeRequest::New,
            ClientResume::Back(secret, _) => ResumeRequest::Resume(SessionClaim {
                secret: secret.text(),
                position: offered,
                window_seconds: self.recovery_window.as_secs() as i64,
            }),
            ClientResume::Since(_) => ResumeRequest::Since(offered),
        }
    }

    /// A socket that connected with an id of its own continues with the id that other users know.
    fn adopt_socket_id(&self, user: &UserId, connection: Connection, came_as: Id, id: Id) {
        self.online_users.rename(user, connection, came_as, id);
        self.fanout.rename(user, &came_as.text(), &id.text());
    }
}

impl RealtimeApp {
    /// Resumes a session. If its old connection still seems to be open, that one is ended first, so that its state is written before the
    /// client is accepted.
    pub(super) fn take_over(
        &mut self,
        shard: &mut Shard<Self>,
        socket: SocketKey,
        identity: Identity,
        secret: &str,
        offset: Option<String>,
    ) {
        let Some(secret) = Id::parse(secret) else { return self.start_session(shard, socket, identity, ClientResume::New) };
        let coming = ClientResume::Back(secret, offset);
        let there = self.state.session_locations.find(secret).map(|(there, _)| there);
        let Some(there) = there.or_else(|| self.engine.shard_of(secret)) else {
            return self.start_session(shard, socket, identity, coming);
        };
        let (handle, here, user) = (self.engine.clone(), shard.index(), identity.user.clone());
        let go_on: Job = Box::new(move |live, shard| live.start_session(shard, socket, identity, coming));
        self.engine.send(
            there,
            Box::new(move |live, shard| {
                if let Some(old) = live.find(shard, secret, &user) {
                    shard.take_over(old);
                }
                // The end of the old socket is processed after this job, so the way back begins with another job.
                let onwards = handle.clone();
                handle.send(there, Box::new(move |_, _| onwards.send(here, go_on)));
            }),
        );
    }

    /// The socket with this secret, if it is on this shard and belongs to this user.
    fn find(&self, shard: &Shard<Self>, secret: Id, user: &UserId) -> Option<SocketKey> {
        let moved = self.state.session_locations.find(secret).filter(|(there, _)| *there == shard.index());
        let socket = moved.map(|(_, socket)| socket).or_else(|| shard.at(secret))?;
        let session = shard.data(socket)?;
        (session.secret == Some(secret) && session.actor.user == *user).then_some(socket)
    }

    /// Accepts a resumed socket and replays all events that it has missed. If these are not kept any more, or its connection may not be in
    /// so many rooms, the socket is accepted as a new one.
    pub(super) fn accept_resumed(&mut self, shard: &mut Shard<Self>, entering: PendingConnect, arrived: ConnectOutcome) {
        let PendingConnect { socket, session, ends, coming } = entering;
        let (Some(recovered), ClientResume::Back(secret, _)) = (&arrived.resumed, &coming) else { return };
        let (secret, actor, connection) = (*secret, session.actor.clone(), session.connection);
        let from = coming.position(recovered.from, recovered.from_client);
        let old = OldSocket { secret, heard: from.number };
        let (Some(id), Some(rooms)) = (Id::parse(&recovered.id), self.rooms_to_restore(shard, socket, &arrived, recovered)) else {
            return self.start_fresh(shard, PendingConnect { socket, session, ends, coming }, old, arrived);
        };
        let rooms: Vec<(&str, u64)> = rooms.iter().map(|(room, since)| (room.as_str(), *since as u64)).collect();
        let session = SocketData { secret: Some(secret), begun: from.number, ..session };
        let came_as = shard.id(socket);
        match shard.recover(socket, session, &SocketResume { id, secret, from, rooms: &rooms }) {
            Ok(true) => {
                self.state.pending_session_ends.remove(secret);
                if let Some((there, other)) = self.state.session_locations.put(secret, (shard.index(), socket)) {
                    self.engine.send(there, Box::new(move |_, shard| shard.take_over(other)));
                }
                self.state.unacked_deliveries.resume(secret);
                self.counters.recovered();
                let ConnectOutcome { user: met, resumed: Some(recovered), .. } = arrived else { return };
                self.send_greetings(shard, socket, ends, &met);
                shard.send_replayed(socket, &self.state.fanout.missed_presence(&actor.user, recovered.disconnected_at));
                if let Some(came_as) = came_as {
                    self.state.adopt_socket_id(&actor.user, connection, came_as, id);
                }
                self.replay_startup_presence(shard, socket, &actor.user, recovered.disconnected_at);
                self.restore_presence(&met, &id.text(), recovered.rooms);
            }
            Ok(false) => {
                // The client has disconnected while its session was loaded.
                self.end_presence(shard, &actor.user, connection);
                self.cancel_resume(shard, old);
            }
            Err(session) => self.start_fresh(shard, PendingConnect { socket, session, ends, coming }, old, arrived),
        }
    }

    /// The rooms of a resumed socket, each with the offset after which it receives events. The client relies on the rooms that it has
    /// joined: `None` if its connection may not be in all of them.
    fn rooms_to_restore(
        &self,
        shard: &Shard<Self>,
        socket: SocketKey,
        arrived: &ConnectOutcome,
        recovered: &ResumedSession,
    ) -> Option<Vec<(RoomId, i64)>> {
        let namespace = shard.namespace(socket).unwrap_or(Namespace::PLAIN);
        let mut free = self.rooms_left(shard, socket).checked_sub(recovered.rooms.len())?;
        let mut rooms = self.state.rooms_to_join(namespace, arrived);
        rooms.retain(|(room, _)| !recovered.left.contains(room));
        rooms.retain(|(room, _)| {
            if room.kind() == RoomKind::User || recovered.rooms.iter().any(|joined| joined.room == *room) {
                return true;
            }
            let has_place = free > 0;
            free = free.saturating_sub(1);
            has_place
        });
        rooms.extend(recovered.rooms.iter().map(|joined| (joined.room.clone(), joined.since)));
        Some(rooms)
    }

    /// Shows a resumed socket to other users in its rooms again.
    fn restore_presence(&self, met: &EnsuredUser, id: &str, rooms: Vec<SessionRoom>) {
        for SessionRoom { room, parent: inside, .. } in rooms {
            self.state.call_participants.resume(&room, &met.user.id, id);
            self.state.join_presence(room, met.user.clone(), inside);
        }
    }

    /// A client that was resuming its session has disconnected; it may resume it once more.
    fn cancel_resume(&self, shard: &Shard<Self>, old: OldSocket) {
        if self.state.session_locations.find(old.secret).is_none() {
            self.end(shard, old.secret, old.heard, false);
        }
    }

    /// Accepts a socket as a new one because its session cannot be resumed. Its client then reloads its state.
    fn start_fresh(&mut self, shard: &mut Shard<Self>, entering: PendingConnect, old: OldSocket, arrived: ConnectOutcome) {
        let (socket, actor) = (entering.socket, entering.session.actor.clone());
        let (Some(id), Some(namespace)) = (shard.id(socket), shard.namespace(socket)) else {
            self.cancel_resume(shard, old);
            return self.end_presence(shard, &actor.user, entering.session.connection);
        };
        let secret = shard.new_secret(socket);
        let place = NewSession { secret: secret.text(), id: id.text(), namespace: self.name_of(namespace).to_owned() };
        let (back, restart) = (self.run_on_shard(shard), ReplaceSession { old: old.secret.text(), new_session: place });
        let entering = PendingConnect { coming: ClientResume::New, ..entering };
        self.state.writer.run(actor, restart, move |begun| {
            back(Box::new(move |live, shard| match begun {
                Ok(ReplacedSession { position, households }) => {
                    live.state.pending_session_ends.remove(old.secret);
                    live.accept_new(shard, entering, Some(secret), ConnectOutcome { position, households, resumed: None, ..arrived });
                }
                Err(error) => {
                    live.cancel_resume(shard, old);
                    live.fail_connect(shard, &entering, &error);
                }
            }));
        });
    }

    /// Starts the replay for a socket whose client sent a position. If the events after it are not kept any more, the client receives a
    /// resync event.
    pub(super) fn catch_up_from(&mut self, shard: &mut Shard<Self>, socket: SocketKey, coming: &ClientResume, since: Option<i64>) {
        let ClientResume::Since(_) = coming else { return };
        shard.enable_positions(socket);
        match since {
            Some(since) => {
                if let Some(session) = shard.data_mut(socket) {
                    session.since = Some(Box::new(ClientOffsets::new(coming.position(since, true))));
                }
            }
            None => self.send_resync(shard, socket),
        }
    }

    /// Puts a socket into a room; its user is a member after the offset `member_since`. See [`RealtimeApp::send_missed`]. False if it was in the
    /// room already.
    pub(super) fn join_room_with_backfill(
        &mut self,
        shard: &mut Shard<Self>,
        socket: SocketKey,
        room: &RoomId,
        member_since: i64,
        hears: &[(RoomId, i64)],
    ) -> bool {
        if shard.is_in(socket, room.as_str()) {
            return false;
        }
        self.send_missed(shard, socket, &[(room, member_since)], hears);
        shard.join(socket, room.as_str())
    }

    /// Replays the missed events of rooms that a socket is about to enter; each room has the offset after which the user is a member. Only a client
    /// that has sent a position receives them, the first time that it enters a room. `hears` are all rooms whose events the user may receive. The
    /// cost of one call is the sum of the rooms; a call for each room would cost its square.
    pub(super) fn send_missed(&mut self, shard: &mut Shard<Self>, socket: SocketKey, rooms: &[(&RoomId, i64)], hears: &[(RoomId, i64)]) {
        let Some(mut since) = shard.data_mut(socket).and_then(|session| session.since.take()) else { return };
        let from = |member_since: i64| since.from.max(Position::from(member_since as u64));
        let new: Vec<(&RoomId, Position)> =
            rooms.iter().filter(|(room, _)| !since.knows(room)).map(|(room, member_since)| (*room, from(*member_since))).collect();
        if !new.is_empty() && !catch_up(shard, socket, &new, &since, hears) {
            return self.send_resync(shard, socket);
        }
        let froms: Vec<u64> = rooms.iter().map(|(_, member_since)| from(*member_since).number).collect();
        for ((room, _), from) in rooms.iter().zip(froms) {
            since.join(room, from, shard.position());
        }
        if let Some(session) = shard.data_mut(socket) {
            session.since = Some(since);
        }
    }

    /// Removes a room from a socket's stored session because the socket could not join it, though its user may receive its events.
    pub(super) fn forget_unjoined(&self, shard: &Shard<Self>, socket: SocketKey, room: &RoomId) {
        let (Some(session), Some(left)) = (shard.data(socket), self.leaves(shard, socket, room)) else { return };
        self.run_for(&session.actor, left, "a room that was not joined could not be forgotten");
    }

    /// The command that removes a room from a socket's stored session; `None` for a socket that cannot be resumed.
    pub(super) fn leaves(&self, shard: &Shard<Self>, socket: SocketKey, room: &RoomId) -> Option<LeaveRoom> {
        let secret = shard.data(socket)?.secret?.text();
        let unasked = self.state.contracts.auto_join(shard.namespace(socket)?, room);
        Some(LeaveRoom { secret, room: room.clone(), unasked })
    }

    /// Sends a client a resync event, once: some of the events that it has missed are not kept any more.
    fn send_resync(&mut self, shard: &mut Shard<Self>, socket: SocketKey) {
        if let Some(session) = shard.data_mut(socket) {
            session.since = None;
        }
        if let Some(namespace) = shard.namespace(socket) {
            shard.emit(socket, &contracts::resync(namespace, (self.state.clock)()));
        }
    }

    /// Stores the end of a socket. If its client may resume it, its confirmed offset is stored; if the client has left, its session is
    /// deleted. A socket that was resumed by a newer connection already is not touched.
    pub(super) fn store_session_end(&mut self, shard: &mut Shard<Self>, socket: SocketKey, reason: DisconnectReason) {
        let Some(session) = shard.data(socket) else { return };
        let Some(secret) = session.secret else { return };
        if !self.state.session_locations.remove(secret, (shard.index(), socket)) {
            return;
        }
        match reason {
            DisconnectReason::ClientNamespaceDisconnect
            | DisconnectReason::ServerNamespaceDisconnect
            | DisconnectReason::ForcedServerClose
            | DisconnectReason::ParseError => {
                self.forget(&session.actor, Some(secret));
            }
            _ => {
                let heard = shard.acked(socket).unwrap_or(0).max(session.begun);
                self.end(shard, secret, heard, reason == DisconnectReason::ServerShuttingDown);
                let owed = shard.take_unacked(socket);
                self.state.unacked_deliveries.add(secret, owed, shard.now(), self.state.recovery_window);
            }
        }
    }

    /// Stores the confirmed offset of an ended socket, and whether it ended because the server stops (`let_go`).
    pub(super) fn end(&self, shard: &Shard<Self>, secret: Id, confirmed: u64, let_go: bool) {
        self.state.pending_session_ends.put(secret, confirmed, let_go);
        let (shared, back) = (Arc::clone(&self.state), self.run_on_shard(shard));
        let end = EndSession { secret: secret.text(), confirmed: confirmed as i64, let_go };
        let ends = Arc::clone(&self.state);
        // An earlier attempt may run again after the client has resumed its session: then the session must not end.
        let work = move |context: &mut CommandContext<'_>| {
            if ends.pending_session_ends.is_disconnected(secret) { end.execute(context).map(|()| true) } else { Ok(false) }
        };
        self.state.writer.submit(Actor::server(), work, move |ended| {
            match ended {
                Ok(true) => return shared.pending_session_ends.remove(secret),
                Ok(false) => {}
                Err(error) => tracing::debug!(%error, "what a connection has heard could not be written down; it is tried again"),
            }
            back(Box::new(move |live, shard| live.retry_session_end(shard, secret)));
        });
    }

    /// Deletes the session of a socket.
    pub(super) fn forget(&self, actor: &Actor, secret: Option<Id>) {
        let Some(secret) = secret else { return };
        self.run_for(actor, DeleteSession { secret: secret.text() }, "a connection that has ended could not be forgotten");
    }

    /// Runs a command without waiting for its result; `failed` is the log message if it fails.
    fn run_for(&self, actor: &Actor, command: impl Command, failed: &'static str) {
        self.state.writer.run(actor.clone(), command, move |done| {
            if let Err(error) = done
                && logging::admits(Level::WARN, None, failed, error.code(), MAX_FAULT_LINES)
            {
                tracing::warn!(%error, "{failed}");
            }
        });
    }

    /// The offset up to which all sockets on this shard have confirmed all events.
    pub(super) fn acked_by_all(&self, shard: &Shard<Self>) -> u64 {
        let of = |socket: SocketKey| {
            let session = shard.data(socket)?;
            session.secret.map(|_| shard.acked(socket).unwrap_or(0).max(session.begun))
        };
        let here = shard.sockets().filter_map(of).fold(shard.position(), u64::min);
        self.state.pending_session_ends.acked_by_all().map_or(here, |heard| heard.min(here))
    }
}

/// Replays events of rooms that a socket enters, in each room from a position on. The server does not know in which rooms the client was on earlier
/// connections, so an event that excludes a room is not replayed to its members.
fn catch_up(
    shard: &mut Shard<RealtimeApp>,
    socket: SocketKey,
    rooms: &[(&RoomId, Position)],
    since: &ClientOffsets,
    hears: &[(RoomId, i64)],
) -> bool {
    let heard = since.received_rooms();
    let rooms_from: Vec<(&str, u64)> = rooms.iter().map(|(room, from)| (room.as_str(), from.number)).collect();
    let members = hears.iter().map(|(room, since)| (room.as_str(), *since as u64));
    // Of tasks only those are known into which it has come.
    let entered = heard.iter().map(|(room, behind, _)| (*room, *behind)).chain(rooms_from.iter().copied());
    let member_of: Vec<_> = members.chain(entered).collect();
    let from = rooms.iter().map(|(_, from)| *from).min().unwrap_or_default();
    shard.catch_up(socket, &rooms_from, from, AlreadyDelivered { heard: &heard, member_of: &member_of })
}
