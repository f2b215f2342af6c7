//! Publishes which users come online, go offline, and leave rooms.

use domain::event::EphemeralEvent;
use domain::ids::{RoomId, UserId};
use domain::ports::BusMessage;

use super::RealtimeState;
use crate::presence::DepartureId;

impl RealtimeState {
    /// Publishes an online or offline event, unless presence events are switched off. One of several nodes publishes it for
    /// the other nodes in any case.
    pub(super) fn publish_presence(&self, change: EphemeralEvent) {
        if self.presence.is_broadcast || self.node.is_some() {
            self.delivery.bus.publish(BusMessage::Ephemeral(change.into()));
        }
    }

    /// Publishes the leave event of a departure, unless a connection of the user has returned to the room.
    /// `removed` as in [`EphemeralEvent::RoomLeft`].
    pub fn publish_left(&self, room: RoomId, user: UserId, departure: DepartureId, removed: bool) {
        self.presence.room_presence.expire(&room, &user, departure, |user| {
            self.delivery.bus.publish(BusMessage::Ephemeral(EphemeralEvent::RoomLeft { room: room.clone(), user, removed }.into()));
        });
    }

    /// Ends a user's grace periods in a space, and in the rooms inside it, because the user is no longer a member.
    pub fn remove_member_presence(&self, space: &RoomId, user: &UserId) {
        self.presence.room_presence.remove_member(space, user, |room, user| {
            self.delivery.bus.publish(BusMessage::Ephemeral(EphemeralEvent::RoomLeft { room: room.clone(), user, removed: true }.into()));
        });
    }
}
