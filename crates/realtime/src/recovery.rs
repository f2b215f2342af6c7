//! Resumes the sessions of sockets.
//!
//! The engine keeps recent events, and the store keeps the sessions, in one order with the events. So a resumed socket joins its rooms at
//! an offset in that order, and receives the events of these rooms up to that offset.

use auth::Identity;
use domain::ids::{RoomId, RoomKind, UserId};
use domain::sessions::{
    ClientPosition, ConnectOutcome, NewSession, ReplaceSession, ReplacedSession, ResumeRequest, ResumedSession, SessionClaim, SessionRoom,
};
use domain::users::EnsuredUser;
use engine::id::Id;
use engine::{Namespace, Position, Shard, SocketKey, SocketResume};

use super::connect::PendingConnect;
use super::{Job, RealtimeApp, RealtimeState, SocketData};
use crate::presence::ConnectionId;

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
    fn sent_position(&self) -> Option<(&str, Position)> {
        match self {
            Self::New | Self::Back(_, None) => None,
            Self::Back(_, Some(text)) | Self::Since(text) => Position::parse(text),
        }
    }

    /// The position of an offset. If the client's position was accepted, it is that one, which may lie within the next event.
    pub(super) fn position(&self, offset: i64, is_accepted: bool) -> Position {
        let sent = self.sent_position().map(|(_, position)| position).filter(|_| is_accepted);
        sent.unwrap_or(Position::from(offset as u64))
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
    acked: u64,
}

impl RealtimeState {
    /// The store's form of a way to connect.
    pub fn resume_request(&self, resume: &ClientResume) -> ResumeRequest {
        let sent = resume.sent_position().and_then(|(epoch, position)| client_position(epoch, position));
        match resume {
            ClientResume::New => ResumeRequest::New,
            ClientResume::Back(secret, _) => ResumeRequest::Resume(SessionClaim {
                secret: secret.text(),
                position: sent,
                window_seconds: self.sessions.recovery_window.as_secs() as i64,
            }),
            ClientResume::Since(_) => ResumeRequest::Since(sent),
        }
    }

    /// A socket that connected with an id of its own continues with the id that other users know.
    fn adopt_socket_id(&self, user: &UserId, connection: ConnectionId, first_id: Id, id: Id) {
        self.presence.online_users.rename(user, connection, first_id, id);
        self.delivery.fanout.rename(user, &first_id.text(), &id.text());
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
        let resume = ClientResume::Back(secret, offset);
        let there = self.state.sessions.locations.find(secret).map(|(there, _)| there);
        let Some(there) = there.or_else(|| self.engine.shard_of(secret)) else {
            return self.start_session(shard, socket, identity, resume);
        };
        let (handle, here, user) = (self.engine.clone(), shard.index(), identity.user.clone());
        let start: Job = Box::new(move |app, shard| app.start_session(shard, socket, identity, resume));
        self.engine.send(
            there,
            Box::new(move |app, shard| {
                if let Some(old) = app.find(shard, secret, &user) {
                    shard.take_over(old);
                }
                // The end of the old socket is processed after this job, so the response is sent by another job behind it.
                let engine = handle.clone();
                handle.send(there, Box::new(move |_, _| engine.send(here, start)));
            }),
        );
    }

    /// The socket with this secret, if it is on this shard and belongs to this user.
    fn find(&self, shard: &Shard<Self>, secret: Id, user: &UserId) -> Option<SocketKey> {
        let resumed = self.state.sessions.locations.find(secret).filter(|(there, _)| *there == shard.index());
        let socket = resumed.map(|(_, socket)| socket).or_else(|| shard.at(secret))?;
        let session = shard.data(socket)?;
        (session.secret == Some(secret) && session.actor.user == *user).then_some(socket)
    }

    /// Accepts a resumed socket and replays all events that it has missed. If these are no longer kept, or its connection may not be in
    /// so many rooms, the socket is accepted as a new one.
    pub(super) fn accept_resumed(&mut self, shard: &mut Shard<Self>, pending: PendingConnect, outcome: ConnectOutcome) {
        let PendingConnect { socket, session, ends, resume } = pending;
        let (Some(recovered), ClientResume::Back(secret, _)) = (&outcome.resumed, &resume) else { return };
        let (secret, actor, connection) = (*secret, session.actor.clone(), session.connection);
        let from = resume.position(recovered.from, recovered.from_client);
        let old = OldSocket { secret, acked: from.number };
        let (Some(id), Some(rooms)) = (Id::parse(&recovered.id), self.rooms_to_restore(shard, socket, &outcome, recovered)) else {
            return self.start_fresh(shard, PendingConnect { socket, session, ends, resume }, old, outcome);
        };
        let rooms: Vec<(&str, u64)> = rooms.iter().map(|(room, since)| (room.as_str(), *since as u64)).collect();
        let session = SocketData { secret: Some(secret), received_at_connect: from.number, ..session };
        let first_id = shard.id(socket);
        match shard.recover(socket, session, &SocketResume { id, secret, from, rooms: &rooms }) {
            Ok(true) => {
                self.state.sessions.pending_ends.remove(secret);
                if let Some((there, other)) = self.state.sessions.locations.put(secret, (shard.index(), socket)) {
                    self.engine.send(there, Box::new(move |_, shard| shard.take_over(other)));
                }
                if let Some(node) = &self.state.node {
                    node.session_resumed(&actor.user, &id.text());
                }
                self.state.sessions.unacked_deliveries.resume(secret);
                self.counters.count_recovered();
                let ConnectOutcome { user: ensured, resumed: Some(recovered), .. } = outcome else { return };
                self.send_greetings(shard, socket, ends, &ensured);
                shard.send_replayed(socket, &self.state.delivery.fanout.missed_presence(&actor.user, recovered.disconnected_at));
                if let Some(first_id) = first_id {
                    self.state.adopt_socket_id(&actor.user, connection, first_id, id);
                }
                self.replay_startup_presence(shard, socket, &actor.user, recovered.disconnected_at);
                self.restore_presence(&ensured, &id.text(), recovered.rooms);
            }
            Ok(false) => {
                // The client has disconnected while its session was loaded.
                self.end_presence(shard, &actor.user, connection);
                self.cancel_resume(shard, old);
            }
            Err(session) => self.start_fresh(shard, PendingConnect { socket, session, ends, resume }, old, outcome),
        }
    }

    /// The rooms of a resumed socket, each with the offset after which it receives events. The client relies on the rooms that it has
    /// joined: `None` if its connection may not be in all of them.
    fn rooms_to_restore(
        &self,
        shard: &Shard<Self>,
        socket: SocketKey,
        outcome: &ConnectOutcome,
        recovered: &ResumedSession,
    ) -> Option<Vec<(RoomId, i64)>> {
        let namespace = shard.namespace(socket).unwrap_or(Namespace::PLAIN);
        let mut free = self.rooms_left(shard, socket).checked_sub(recovered.rooms.len())?;
        let mut rooms = self.state.rooms_to_join(namespace, outcome);
        rooms.retain(|(room, _)| !recovered.left.contains(room));
        rooms.retain(|(room, _)| {
            if room.kind() == RoomKind::User || recovered.rooms.iter().any(|joined| joined.room == *room) {
                return true;
            }
            let is_allowed = free > 0;
            free = free.saturating_sub(1);
            is_allowed
        });
        rooms.extend(recovered.rooms.iter().map(|joined| (joined.room.clone(), joined.since)));
        Some(rooms)
    }

    /// Shows a resumed socket to other users in its rooms again.
    fn restore_presence(&self, ensured: &EnsuredUser, id: &str, rooms: Vec<SessionRoom>) {
        for SessionRoom { room, parent: inside, .. } in rooms {
            self.state.presence.call_participants.resume(&room, &ensured.user.id, id);
            self.state.join_presence(room, ensured.user.clone(), inside);
        }
    }

    /// A client that was resuming its session has disconnected; it may resume the session again.
    fn cancel_resume(&self, shard: &Shard<Self>, old: OldSocket) {
        if self.state.sessions.locations.find(old.secret).is_none() {
            self.end(shard, old.secret, old.acked, false);
        }
    }

    /// Accepts a socket as a new one because its session cannot be resumed. Its client then reloads its state.
    fn start_fresh(&mut self, shard: &mut Shard<Self>, pending: PendingConnect, old: OldSocket, outcome: ConnectOutcome) {
        let (socket, actor) = (pending.socket, pending.session.actor.clone());
        let (Some(id), Some(namespace)) = (shard.id(socket), shard.namespace(socket)) else {
            self.cancel_resume(shard, old);
            return self.end_presence(shard, &actor.user, pending.session.connection);
        };
        let secret = shard.new_secret(socket);
        let new_session = NewSession { secret: secret.text(), id: id.text(), namespace: self.name_of(namespace).to_owned() };
        let (on_shard, restart) = (self.run_on_shard(shard), ReplaceSession { old: old.secret.text(), new_session });
        let pending = PendingConnect { resume: ClientResume::New, ..pending };
        self.state.store.writer.run(actor, restart, move |replaced| {
            on_shard(Box::new(move |app, shard| match replaced {
                Ok(ReplacedSession { position, households }) => {
                    app.state.sessions.pending_ends.remove(old.secret);
                    app.accept_new(shard, pending, Some(secret), ConnectOutcome { position, households, resumed: None, ..outcome });
                }
                Err(error) => {
                    app.cancel_resume(shard, old);
                    app.fail_connect(shard, &pending, &error);
                }
            }));
        });
    }
}
