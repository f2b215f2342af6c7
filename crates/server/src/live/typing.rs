//! Typing in rooms, as clients report it.

use domain::ids::RoomId;
use domain::command::{Command, CommandContext};
use domain::spaces::ResumeRoom;
use engine::{Shard, SocketKey};

use super::Live;
use super::requests::Asked;
use crate::contracts::Outcome;

impl Live {
    pub(super) fn type_in(&mut self, shard: &mut Shard<Self>, asked: Asked, room: RoomId) {
        // An earlier request of this client is pending, and may change the room that the socket is in.
        let in_flight = shard.data(asked.socket).is_some_and(|session| session.in_flight > 0);
        if !in_flight && shard.is_in(asked.socket, room.as_str()) {
            return self.tell_typing(shard, &asked, &room);
        }
        let command = ResumeRoom { room: room.clone() };
        let work = |tx: &mut CommandContext<'_>| command.execute(tx);
        self.through_writer(shard, asked, work, move |live, shard, asked, member| match member {
            Ok(()) => live.tell_typing(shard, &asked, &room),
            Err(refusal) => live.answer(shard, &asked, Err(refusal)),
        });
    }

    fn tell_typing(&mut self, shard: &mut Shard<Self>, asked: &Asked, room: &RoomId) {
        let person = shard.data(asked.socket).map(|session| session.actor.person.clone());
        if let (Some(person), Some(id)) = (person, shard.id(asked.socket)) {
            let until = self.shared.types(room, &person, &id.text(), shard.now());
            shard.wake_at(until);
        }
        self.answer(shard, asked, Ok(Outcome::Noted));
    }

    /// Ends a user's typing in a room on this socket. Sends a stop event if the user was typing there.
    pub(super) fn stop_typing(&self, shard: &Shard<Self>, socket: SocketKey, room: &RoomId) {
        let (Some(session), Some(id)) = (shard.data(socket), shard.id(socket)) else { return };
        self.shared.stops_typing(room, &session.actor.person, &id.text());
    }
}
