//! Typing in rooms, as clients report it.

use std::time::Instant;

use contracts::Outcome;
use domain::command::{Command, CommandContext};
use domain::event::EphemeralEvent;
use domain::ids::{RoomId, UserId};
use domain::ports::BusMessage;
use domain::spaces::ResumeRoom;
use engine::{Shard, SocketKey};

use super::requests::RequestContext;
use super::{RealtimeApp, RealtimeState};

impl RealtimeApp {
    pub(super) fn handle_typing(&mut self, shard: &mut Shard<Self>, context: RequestContext, room: RoomId) {
        // An earlier request of this client is pending, and may change the room that the socket is in.
        let in_flight = shard.data(context.socket).is_some_and(|session| session.in_flight > 0);
        if !in_flight && shard.is_in(context.socket, room.as_str()) {
            return self.publish_typing(shard, &context, &room);
        }
        let command = ResumeRoom { room: room.clone() };
        let work = |context: &mut CommandContext<'_>| command.execute(context);
        self.run_in_writer(shard, context, work, move |app, shard, context, member| match member {
            Ok(()) => app.publish_typing(shard, &context, &room),
            Err(error) => app.answer(shard, &context, Err(error)),
        });
    }

    fn publish_typing(&mut self, shard: &mut Shard<Self>, context: &RequestContext, room: &RoomId) {
        let user = shard.data(context.socket).map(|session| session.actor.user.clone());
        if let (Some(user), Some(id)) = (user, shard.id(context.socket)) {
            let until = self.state.start_typing(room, &user, &id.text(), shard.now());
            shard.wake_at(until);
        }
        self.answer(shard, context, Ok(Outcome::Noted));
    }

    /// Ends a user's typing in a room on this socket. Sends a stop event if the user was typing there.
    pub(super) fn stop_typing(&self, shard: &Shard<Self>, socket: SocketKey, room: &RoomId) {
        let (Some(session), Some(id)) = (shard.data(socket), shard.id(socket)) else { return };
        self.state.stop_typing(room, &session.actor.user, &id.text());
    }
}

impl RealtimeState {
    /// Notes that a user types in a room on this connection. Returns when the typing expires unless the client repeats it.
    pub fn start_typing(&self, room: &RoomId, user: &UserId, connection: &str, now: Instant) -> Instant {
        let typing = EphemeralEvent::Typing { room: room.clone(), user: user.clone() };
        self.presence.typing.start(room, user, connection, now, || self.delivery.bus.publish(BusMessage::Ephemeral(typing.into())))
    }

    /// Ends a user's typing in a room on this connection. Publishes a stop event if the user was typing there.
    pub fn stop_typing(&self, room: &RoomId, user: &UserId, connection: &str) {
        self.presence.typing.stop(room, user, connection, || self.publish_stopped_typing(room.clone(), user.clone()));
    }

    /// Ends a user's typing in all rooms on a connection that has ended.
    pub fn stop_typing_everywhere(&self, user: &UserId, connection: &str) {
        self.presence.typing.stop_everywhere(user, connection, |room| self.publish_stopped_typing(room.clone(), user.clone()));
    }

    pub(super) fn publish_stopped_typing(&self, room: RoomId, user: UserId) {
        self.delivery.bus.publish(BusMessage::Ephemeral(EphemeralEvent::StoppedTyping { room, user }.into()));
    }
}
