//! Client requests. The requests of one client are executed and answered in the order in which it sent them: a request that needs the store
//! goes through the writer's queue, any other is executed at once, unless an earlier request of the same client is pending. Only the status
//! of users (online or offline) is looked up by a reader, which answers out of order.

use std::collections::HashSet;
use std::sync::Arc;

use contracts::{ClientAction, Contract, ExecutedCommand, Outcome, Reply, RequestInfo, SocketCommand};
use domain::command::{Command, CommandContext, Query};
use domain::error::DomainError;
use domain::event::EphemeralEvent;
use domain::ids::{RoomId, RoomKind, UserId};
use domain::ports::BusMessage;
use domain::spaces::{FilterVisible, JoinRoom, JoinRoomListingMembers, JoinedRoom, ListMemberIds, MAX_PRESENCE_MEMBERS, ResumeRoom};
use domain::users::User;
use engine::{Shard, SocketKey};
use limits::bytes_in_memory::Holder;
use logging::{self, MAX_FAULT_LINES};
use tracing::Level;

use super::socket_data::MAX_IN_FLIGHT;
use super::{RealtimeApp, RealtimeState};

/// A request, and how to answer it.
pub(super) struct RequestContext {
    pub(super) socket: SocketKey,
    pub(super) contract: Arc<dyn Contract>,
    pub(super) name: &'static str,
    pub(super) ack: Option<u64>,
    /// The room that the client wants to join, if it wants to join one.
    pub(super) room: Option<RoomId>,
    /// Counts the memory of the parsed request until it is answered.
    #[expect(dead_code, reason = "dropping it returns the bytes")]
    pub(super) parsed: Option<Holder>,
}

/// How many online users a connection that enters a very large room receives, an event each: those who entered last.
const MAX_LISTED: usize = 100;

impl RealtimeState {
    /// Counts a connection of a user in a room that may be inside another. Sends an enter event if it is the user's first connection there.
    pub fn join_presence(&self, room: RoomId, user: User, inside: Option<RoomId>) {
        self.presence.room_presence.join(&room, &user, inside, || {
            self.delivery.bus.publish(BusMessage::Ephemeral(EphemeralEvent::RoomJoined { room: room.clone(), user: user.clone() }.into()));
        });
    }

    /// The answer to a connection that is in a room. `newcomer` is its user if the connection is about to be counted there, and `None` if it
    /// is counted already.
    pub fn joined_outcome(&self, contract: &dyn Contract, room: &RoomId, newcomer: Option<&User>) -> Outcome {
        if !contract.lists_present_users() {
            return Outcome::Joined(room.clone());
        }
        let (present, count) = self.presence.room_presence.present_with(room, newcomer);
        Outcome::EnteredAmong { room: room.clone(), present, count }
    }

    /// Whether each of these users is online. Users who are not in `visible` count as offline.
    pub fn statuses(&self, users: Vec<UserId>, visible: &HashSet<UserId>) -> Outcome {
        let is_online = |user: &UserId| visible.contains(user) && self.presence.online_users.is_online(user);
        Outcome::Statuses(users.into_iter().map(|user| (user.clone(), is_online(&user))).collect())
    }

    /// The members of a room who are online. `members` is `None` for a very large room; then the users who opened it last count as its members.
    pub fn online_of(&self, room: &RoomId, members: Option<Vec<UserId>>) -> Outcome {
        let mut users = members.unwrap_or_else(|| self.presence.room_presence.newest_in(room, MAX_PRESENCE_MEMBERS as usize));
        users.retain(|user| self.presence.online_users.is_online(user));
        Outcome::Online(users)
    }

    /// The same, each with the id of a connection, for an event each. Empty if presence is switched off.
    pub fn online_among(&self, room: &RoomId, members: Option<Vec<UserId>>) -> Vec<(UserId, String)> {
        if !self.presence.is_broadcast {
            return Vec::new();
        }
        let users = members.unwrap_or_else(|| self.presence.room_presence.newest_in(room, MAX_LISTED));
        self.presence.online_users.online_among(&users)
    }

    /// The reply to a request, from its result.
    pub fn answer(&self, contract: &dyn Contract, name: &str, user: &UserId, result: Result<&Outcome, &DomainError>, acked: bool) -> Reply {
        if let Err(error @ DomainError::Internal(_)) = result
            && logging::admits(Level::ERROR, None, "a request failed", "", MAX_FAULT_LINES)
        {
            tracing::error!(%error, request = name, "a request failed");
        }
        let request = RequestInfo { name, acked, user, now: (self.clock)() };
        match result {
            Ok(Outcome::Refreshed(shown)) => contract.auth_refreshed(*shown, acked, request.now),
            Ok(Outcome::Executed(output)) => output.render(&request),
            other => contract.answer(&request, other),
        }
    }
}

impl RealtimeApp {
    pub(super) fn execute(&mut self, shard: &mut Shard<Self>, mut request: RequestContext, action: ClientAction) {
        if let ClientAction::Enter(room) | ClientAction::Move(room) = &action {
            request.room = Some(room.clone());
        }
        match action {
            ClientAction::Ping => self.in_order(shard, request.socket, move |app, shard| app.answer(shard, &request, Ok(Outcome::Pong))),
            ClientAction::Leave(room) => self.handle_leave(shard, request, room),
            ClientAction::Enter(room) => self.handle_enter(shard, request, room),
            ClientAction::Move(room) => self.handle_move(shard, request, room),
            ClientAction::Typing(room) => self.handle_typing(shard, request, room),
            ClientAction::StopTyping(room) => self.in_order(shard, request.socket, move |app, shard| {
                app.stop_typing(shard, request.socket, &room);
                app.answer(shard, &request, Ok(Outcome::Noted));
            }),
            ClientAction::Statuses(users) => self.handle_statuses(shard, request, users),
            ClientAction::OnlineIn(room) => self.handle_online_in(shard, request, room),
            ClientAction::Refresh(token) => self.handle_refresh(shard, request, &token),
            ClientAction::Execute(command) => self.handle_command(shard, request, command),
        }
    }

    /// Puts a socket into a room.
    fn handle_enter(&mut self, shard: &mut Shard<Self>, request: RequestContext, room: RoomId) {
        let RoomJoinRecord { stays, session, since } = room_join_record(shard, request.socket, &room, &[]);
        // A socket is in its user's inbox without a request, so the user is counted there by nothing else.
        if stays && !since && room.kind() != RoomKind::User {
            return self.handle_rejoin(shard, request, room);
        }
        let command = JoinRoom { room: room.clone(), session, since };
        let work = |context: &mut CommandContext<'_>| command.execute(context);
        self.run_in_writer(shard, request, work, move |app, shard, request, result| match result {
            Ok(_) if stays && !shard.is_in(request.socket, room.as_str()) => app.execute(shard, request, ClientAction::Enter(room)),
            Err(error) => app.answer(shard, &request, Err(error)),
            Ok(joined) => app.enter(shard, &request, room, joined),
        });
    }

    /// Puts a socket into a room that its user may enter, and answers.
    fn enter(&mut self, shard: &mut Shard<Self>, request: &RequestContext, room: RoomId, joined: JoinedRoom) {
        let JoinedRoom { user, inside, member_since, visible_rooms } = joined;
        if let Err(error) = self.check_room_limit(shard, request.socket, &room, &*request.contract) {
            self.forget_unjoined(shard, request.socket, &room);
            return self.answer(shard, request, Err(error));
        }
        let outcome = self.state.joined_outcome(&*request.contract, &room, Some(&user));
        self.answer(shard, request, Ok(outcome));
        if self.join_room_with_backfill(shard, request.socket, &room, member_since, &visible_rooms) {
            self.state.join_presence(room, user, inside);
        }
    }

    /// Puts a socket into a room, and takes it out of the other rooms of the same kind.
    fn handle_move(&mut self, shard: &mut Shard<Self>, request: RequestContext, room: RoomId) {
        let others = self.others(shard, request.socket, &room);
        let RoomJoinRecord { stays, session, since } = room_join_record(shard, request.socket, &room, &others);
        let command = JoinRoomListingMembers { room: room.clone(), session, since, contacts_only: !self.state.presence.is_public };
        let work = |context: &mut CommandContext<'_>| command.execute(context);
        self.run_in_writer(shard, request, work, move |app, shard, request, result| match result {
            Ok(_) if stays && !shard.is_in(request.socket, room.as_str()) => app.execute(shard, request, ClientAction::Move(room)),
            Err(error) => app.answer(shard, &request, Err(error)),
            Ok((joined, members)) => app.move_to(shard, &request, room, joined, members),
        });
    }

    /// Moves a socket to a room that its user may enter, and answers with the `members` who are online.
    fn move_to(
        &mut self,
        shard: &mut Shard<Self>,
        request: &RequestContext,
        room: RoomId,
        joined: JoinedRoom,
        members: Option<Vec<UserId>>,
    ) {
        let JoinedRoom { user, inside, member_since, visible_rooms } = joined;
        let others = self.others(shard, request.socket, &room);
        // A room that the socket leaves makes place for this one.
        if others.is_empty()
            && let Err(error) = self.check_room_limit(shard, request.socket, &room, &*request.contract)
        {
            self.forget_unjoined(shard, request.socket, &room);
            return self.answer(shard, request, Err(error));
        }
        for other in others {
            self.leave(shard, request.socket, &other, false);
        }
        if let Some(id) = shard.id(request.socket) {
            self.state.presence.call_participants.resume(&room, &user.id, &id.text());
        }
        let online = self.state.online_among(&room, members);
        self.answer(shard, request, Ok(Outcome::Moved { room: room.clone(), online }));
        if self.join_room_with_backfill(shard, request.socket, &room, member_since, &visible_rooms) {
            self.state.join_presence(room, user, inside);
        }
    }

    fn handle_statuses(&mut self, shard: &mut Shard<Self>, request: RequestContext, users: Vec<UserId>) {
        let query = FilterVisible { users: users.clone(), contacts_only: !self.state.presence.is_public };
        self.run_in_reader(shard, request, query, move |app, shard, request, visible| {
            let statuses = visible.map(|visible| app.state.statuses(users, &visible));
            app.answer(shard, &request, statuses);
        });
    }

    fn handle_online_in(&mut self, shard: &mut Shard<Self>, request: RequestContext, room: RoomId) {
        let query = ListMemberIds { room: room.clone(), contacts_only: !self.state.presence.is_public };
        let work = |context: &mut CommandContext<'_>| query.execute(context);
        self.run_in_writer(shard, request, work, move |app, shard, request, members| {
            let online = members.map(|members| app.state.online_of(&room, members));
            app.answer(shard, &request, online);
        });
    }

    /// Runs a command, and puts its user into the call that it returns, if any.
    fn handle_command(&mut self, shard: &mut Shard<Self>, request: RequestContext, command: SocketCommand) {
        let Some(user) = shard.data(request.socket).map(|session| session.actor.user.clone()) else { return };
        let work = |context: &mut CommandContext<'_>| command.execute(context);
        self.run_in_writer(shard, request, work, move |app, shard, request, result| {
            // The user joins the call even if the socket has ended by now; see `join_call`.
            if let Some(call) = result.as_ref().ok().and_then(ExecutedCommand::call) {
                app.join_call(shard, request.socket, call, &user);
            }
            app.answer(shard, &request, result.map(Outcome::Executed));
        });
    }

    /// A client asks for a room that its socket is in, and has no other request pending. Nothing is written, and no other user receives an event.
    ///
    /// A space that only a membership opens is answered at once, without the writer. Membership of the room on this shard decides what the socket
    /// receives, and the end of a membership reaches the shard as a job in the order of the broadcasts, right behind the event that says so. So
    /// the client receives an acknowledgement from here before the end of what its socket receives, and never after it. Any other room (a
    /// channel or a task, which is as open as its project; a trip, which may be in deletion) is looked up behind the removals; a socket that has
    /// left the room by then asks once more.
    fn handle_rejoin(&mut self, shard: &mut Shard<Self>, request: RequestContext, room: RoomId) {
        let stays = |app: &mut Self, shard: &mut Shard<Self>, request: &RequestContext, room: &RoomId| {
            let entered = app.state.joined_outcome(&*request.contract, room, None);
            app.answer(shard, request, Ok(entered));
        };
        if room.kind().is_joined_by_membership() {
            return stays(self, shard, &request, &room);
        }
        let command = ResumeRoom { room: room.clone() };
        let work = |context: &mut CommandContext<'_>| command.execute(context);
        self.run_in_writer(shard, request, work, move |app, shard, request, member| match member {
            Ok(()) if !shard.is_in(request.socket, room.as_str()) => app.execute(shard, request, ClientAction::Enter(room)),
            Ok(()) => stays(app, shard, &request, &room),
            Err(error) => app.answer(shard, &request, Err(error)),
        });
    }

    /// Takes a socket out of a room at its client's request. For a resumable socket this is stored before the answer.
    fn handle_leave(&mut self, shard: &mut Shard<Self>, request: RequestContext, room: RoomId) {
        let left = |app: &mut Self, shard: &mut Shard<Self>, request: &RequestContext, room: RoomId| {
            app.leave(shard, request.socket, &room, false);
            app.answer(shard, request, Ok(Outcome::Left(room)));
        };
        let Some(command) = self.leaves(shard, request.socket, &room) else {
            return self.in_order(shard, request.socket, move |app, shard| left(app, shard, &request, room));
        };
        let work = |context: &mut CommandContext<'_>| command.execute(context);
        self.run_in_writer(shard, request, work, move |app, shard, request, done| match done {
            Ok(()) => left(app, shard, &request, room),
            Err(error) => app.answer(shard, &request, Err(error)),
        });
    }

    /// The other rooms of the same kind that a socket is in.
    fn others(&self, shard: &Shard<Self>, socket: SocketKey, room: &RoomId) -> Vec<RoomId> {
        let rooms = shard.rooms_of(socket).filter_map(RoomId::parse);
        rooms.filter(|other| other.kind() == room.kind() && other != room).collect()
    }

    /// Takes a socket out of a room. Sends a leave event if it was the user's last one there; `removed` as in [`EphemeralEvent::RoomLeft`].
    pub(super) fn leave(&mut self, shard: &mut Shard<Self>, socket: SocketKey, room: &RoomId, removed: bool) {
        let Some(user) = shard.data(socket).map(|session| session.actor.user.clone()) else { return };
        self.stop_typing(shard, socket, room);
        if room.kind() == RoomKind::User || !shard.leave(socket, room.as_str()) {
            return;
        }
        let position = shard.position();
        if let Some(since) = shard.data_mut(socket).and_then(|session| session.since.as_deref_mut()) {
            since.leave(room, position);
        }
        if let Some(departure) = self.state.presence.room_presence.leave(room, &user) {
            self.state.publish_left(room.clone(), user, departure, removed);
        }
    }

    /// Runs a job that needs no store: at once, or after the earlier requests of this client.
    pub(super) fn in_order(
        &mut self,
        shard: &mut Shard<Self>,
        socket: SocketKey,
        then: impl FnOnce(&mut Self, &mut Shard<Self>) + Send + 'static,
    ) {
        if shard.data(socket).is_none_or(|session| session.in_flight == 0) {
            return then(self, shard);
        }
        self.track_in_flight(shard, socket);
        let back = self.run_on_shard(shard);
        // If the writer is full, it answers at once; the job runs all the same.
        self.state.store.writer.submit_passthrough(move || {
            back(Box::new(move |app, shard| {
                app.release_in_flight(shard, socket);
                then(app, shard);
            }));
        });
    }

    /// Runs work in the writer's transaction, and continues on this shard after the commit.
    pub(super) fn run_in_writer<T: Send + 'static>(
        &mut self,
        shard: &mut Shard<Self>,
        request: RequestContext,
        work: impl FnOnce(&mut CommandContext<'_>) -> Result<T, DomainError> + Clone + Send + 'static,
        then: impl FnOnce(&mut Self, &mut Shard<Self>, RequestContext, Result<T, DomainError>) + Send + 'static,
    ) {
        let Some(actor) = shard.data(request.socket).map(|session| session.actor.clone()) else { return };
        self.track_in_flight(shard, request.socket);
        let back = self.run_on_shard(shard);
        self.state.store.writer.submit(actor, work, move |result| {
            back(Box::new(move |app, shard| {
                app.release_in_flight(shard, request.socket);
                then(app, shard, request, result);
            }));
        });
    }

    /// Runs a query and continues on this shard with its answer. The query does not wait for earlier requests of the client, and later requests do
    /// not wait for it.
    fn run_in_reader<Q: Query>(
        &mut self,
        shard: &mut Shard<Self>,
        request: RequestContext,
        query: Q,
        then: impl FnOnce(&mut Self, &mut Shard<Self>, RequestContext, Result<Q::Output, DomainError>) + Send + 'static,
    ) {
        let Some(actor) = shard.data(request.socket).map(|session| session.actor.clone()) else { return };
        self.track_in_flight(shard, request.socket);
        let back = self.run_on_shard(shard);
        self.state.store.readers.ask(actor, query, move |result| {
            back(Box::new(move |app, shard| {
                app.release_in_flight(shard, request.socket);
                then(app, shard, request, result);
            }));
        });
    }

    fn track_in_flight(&mut self, shard: &mut Shard<Self>, socket: SocketKey) {
        let Some(session) = shard.data_mut(socket) else { return };
        session.in_flight += 1;
        if session.in_flight >= MAX_IN_FLIGHT && !session.paused {
            session.paused = true;
            shard.pause(socket);
        }
    }

    fn release_in_flight(&mut self, shard: &mut Shard<Self>, socket: SocketKey) {
        let Some(session) = shard.data_mut(socket) else { return };
        session.in_flight -= 1;
        if session.paused && session.in_flight <= MAX_IN_FLIGHT / 2 {
            session.paused = false;
            shard.resume(socket);
        }
    }

    pub(super) fn answer(&mut self, shard: &mut Shard<Self>, request: &RequestContext, result: Result<Outcome, DomainError>) {
        if let Err(error) = &result {
            self.counters.count_failed_request(error.code());
        }
        let Some(session) = shard.data(request.socket) else { return };
        if let (Err(error), Some(room)) = (&result, &request.room) {
            self.remember_refused_join(shard, session.actor.user.clone(), room.clone(), request.name, error.code());
        }
        let user = &session.actor.user;
        match &result {
            Ok(Outcome::Joined(room) | Outcome::Moved { room, .. }) => {
                tracing::debug!(user = user.as_str(), room = room.as_str(), event = request.name, "joined");
            }
            Ok(Outcome::Left(room)) => tracing::debug!(user = user.as_str(), room = room.as_str(), event = request.name, "left"),
            Err(error) => tracing::debug!(user = user.as_str(), event = request.name, code = error.code(), %error, "refused"),
            Ok(_) => {}
        }
        let reply = self.state.answer(&*request.contract, request.name, user, result.as_ref(), request.ack.is_some());
        self.send_reply(shard, request.socket, request.ack, reply);
    }

    pub(super) fn send_reply(&mut self, shard: &mut Shard<Self>, socket: SocketKey, ack: Option<u64>, reply: Reply) {
        if let (Some(id), Some(args)) = (ack, &reply.ack)
            && let Err(error) = shard.ack(socket, id, args, &[])
        {
            tracing::error!(%error, "an acknowledgement cannot be sent");
        }
        for message in &reply.messages {
            shard.emit(socket, message);
        }
        if let Some((code, reason)) = reply.close {
            shard.close(socket, code, reason);
        }
    }
}

/// What to store, and what to read, when a socket enters a room.
struct RoomJoinRecord {
    /// The socket is in the room already, so nothing is stored. If it has left the room by the time that this is decided, it enters again.
    stays: bool,
    session: Option<String>,
    since: bool,
}

/// Entering a room again stores nothing, unless the socket is about to leave it, or leaves other rooms for it.
fn room_join_record(shard: &Shard<RealtimeApp>, socket: SocketKey, room: &RoomId, leaves: &[RoomId]) -> RoomJoinRecord {
    let session = shard.data(socket);
    let stays = leaves.is_empty() && session.is_some_and(|session| session.in_flight == 0) && shard.is_in(socket, room.as_str());
    let secret = session.and_then(|session| session.secret).filter(|_| !stays);
    let since = session.and_then(|session| session.since.as_deref()).is_some_and(|since| !since.knows(room));
    RoomJoinRecord { stays, session: secret.map(|secret| secret.text()), since }
}
