//! Resumes the sessions of sockets.
//!
//! The engine keeps recent events, and the store keeps the sessions, in one order with the events. So a resumed socket joins its rooms at
//! an offset in that order, and receives the events of these rooms up to that offset.

use domain::ids::{RoomId, RoomKind, UserId};
use domain::sessions::{
    ClientPosition, ConnectOutcome, NewSession, ReplaceSession, ReplacedSession, ResumeRequest, ResumedSession, SessionClaim, SessionRoom,
};
use domain::users::EnsuredUser;
use engine::id::Id;
use engine::{Namespace, Position, Shard, SocketKey, SocketResume};

use super::connect::PendingConnect;
use super::{Job, RealtimeApp, RealtimeState, SocketData};
use crate::auth::Identity;
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
    pub(super) fn position(&self, offset: i64, believed: bool) -> Position {
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
                window_seconds: self.sessions.recovery_window.as_secs() as i64,
            }),
            ClientResume::Since(_) => ResumeRequest::Since(offered),
        }
    }

    /// A socket that connected with an id of its own continues with the id that other users know.
    fn adopt_socket_id(&self, user: &UserId, connection: Connection, came_as: Id, id: Id) {
        self.presence.online_users.rename(user, connection, came_as, id);
        self.delivery.fanout.rename(user, &came_as.text(), &id.text());
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
        let there = self.state.sessions.locations.find(secret).map(|(there, _)| there);
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
        let moved = self.state.sessions.locations.find(secret).filter(|(there, _)| *there == shard.index());
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
                self.state.sessions.pending_ends.remove(secret);
                if let Some((there, other)) = self.state.sessions.locations.put(secret, (shard.index(), socket)) {
                    self.engine.send(there, Box::new(move |_, shard| shard.take_over(other)));
                }
                self.state.sessions.unacked_deliveries.resume(secret);
                self.counters.recovered();
                let ConnectOutcome { user: met, resumed: Some(recovered), .. } = arrived else { return };
                self.send_greetings(shard, socket, ends, &met);
                shard.send_replayed(socket, &self.state.delivery.fanout.missed_presence(&actor.user, recovered.disconnected_at));
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
            self.state.presence.call_participants.resume(&room, &met.user.id, id);
            self.state.join_presence(room, met.user.clone(), inside);
        }
    }

    /// A client that was resuming its session has disconnected; it may resume it once more.
    fn cancel_resume(&self, shard: &Shard<Self>, old: OldSocket) {
        if self.state.sessions.locations.find(old.secret).is_none() {
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
        self.state.store.writer.run(actor, restart, move |begun| {
            back(Box::new(move |live, shard| match begun {
                Ok(ReplacedSession { position, households }) => {
                    live.state.sessions.pending_ends.remove(old.secret);
                    live.accept_new(shard, entering, Some(secret), ConnectOutcome { position, households, resumed: None, ..arrived });
                }
                Err(error) => {
                    live.cancel_resume(shard, old);
                    live.fail_connect(shard, &entering, &error);
                }
            }));
        });
    }
}
