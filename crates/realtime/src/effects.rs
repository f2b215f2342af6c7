//! The effects of a message of the bus on the connections.

use std::sync::Arc;

use contracts::EntryAudience;
use domain::custom_events::CustomEvent;
use domain::event::{EphemeralEvent, Event, PersistedEvent};
use domain::ids::{EntityId, RoomId, UserId};
use domain::ports::BusMessage;

use super::{Fanout, RenderedEvent};

/// An effect of a message on the connections.
pub enum Effect {
    /// Puts all connections of a user into a room, where their contract joins it without a request.
    Join(RoomId, UserId),
    /// Sends an event once to every connection in at least one of these rooms.
    Send(Vec<RoomId>, RenderedEvent),
    /// The same as `Send`, except on the connections of these users.
    SendExcept(Vec<RoomId>, Vec<UserId>, RenderedEvent),
    /// Sends an event to every connection in this room, except those of this user.
    SendToOthers(RoomId, UserId, RenderedEvent),
    /// Sends a backend's event to the rooms that it names, without the users and connections that it excludes.
    Emit {
        /// The event and its audience.
        custom_event: Arc<CustomEvent>,
        /// Whether connections that cannot take it immediately miss it.
        volatile: bool,
        /// The encoded event.
        rendered: RenderedEvent,
    },
    /// Ends all connections of these users, and these connections.
    Disconnect {
        /// The users.
        users: Vec<UserId>,
        /// The connections, by the ids that clients know.
        connections: Vec<String>,
        /// The close reason for a raw WebSocket.
        reason: String,
    },
    /// All connections of these users leave a room and the rooms inside it.
    Leave(RoomId, Vec<UserId>),
    /// The call of a room begins to ring.
    BeginCall(EntityId, RoomId),
    /// Ends the call of a room and removes its users.
    EndCall(EntityId, RoomId),
    /// Gathers a presence change for the next round.
    CollectPresence(Arc<EphemeralEvent>),
    /// Sends an event to every connection.
    SendToEveryone(RenderedEvent),
}

impl Fanout {
    /// The effects of a message, in order.
    pub fn effects(&self, message: BusMessage) -> Vec<Effect> {
        match message {
            BusMessage::Persisted(persisted) => self.effects_of_persisted(&persisted),
            BusMessage::Ephemeral(ephemeral) => vec![self.effect_of_ephemeral(ephemeral)],
        }
    }

    /// A user who joins receives the event too, on every device. A user who leaves receives it as the last event of the room.
    fn effects_of_persisted(&self, persisted: &Arc<PersistedEvent>) -> Vec<Effect> {
        let rendered = || RenderedEvent::persisted(&self.renderer.contracts, persisted.clone(), &self.renderer.epoch);
        if let Event::Emitted { custom_event } = &persisted.event {
            return vec![Effect::Emit { custom_event: custom_event.clone().into(), volatile: false, rendered: rendered() }];
        }
        if let Event::ConnectionsEnded { users, connections, reason } = &persisted.event {
            return vec![Effect::Disconnect { users: users.clone(), connections: connections.clone(), reason: reason.clone() }];
        }
        match persisted.in_each_room() {
            None => {}
            Some(Ok(parts)) => return parts.into_iter().flat_map(|part| self.effects_of_persisted(&part.into())).collect(),
            // The event was JSON before, so it can be encoded as JSON.
            Some(Err(error)) => {
                tracing::error!(%error, offset = persisted.offset, "failed to encode an event for each of its rooms");
                return Vec::new();
            }
        }
        let (joining, leaving) = membership_changes(&persisted.event);
        let room = &persisted.room;
        let join = joining.into_iter().map(|user| Effect::Join(room.clone(), user));
        let audience = persisted.audience();
        let send = match &persisted.event {
            Event::CallInitiated { not_for, .. } if !not_for.is_empty() => Some(Effect::SendExcept(audience, not_for.clone(), rendered())),
            _ => (!audience.is_empty()).then(|| Effect::Send(audience, rendered())),
        };
        let leave = (!leaving.is_empty()).then(|| Effect::Leave(room.clone(), leaving));
        let call = match &persisted.event {
            Event::CallInitiated { call, .. } => Some(Effect::BeginCall(call.id, call.room.clone())),
            Event::CallEnded { call } => Some(Effect::EndCall(call.id, call.room.clone())),
            _ => None,
        };
        join.chain(send).chain(leave).chain(call).collect()
    }

    fn effect_of_ephemeral(&self, ephemeral: Arc<EphemeralEvent>) -> Effect {
        let in_room = |room: &RoomId| self.ephemeral_broadcast(Some(room.kind()), vec![ephemeral.clone()]);
        match &*ephemeral {
            EphemeralEvent::RoomJoined { room, user } | EphemeralEvent::RoomLeft { room, user, .. }
                if self.renderer.contracts.entry_audience(room.kind()) == EntryAudience::OtherUsers =>
            {
                Effect::SendToOthers(room.clone(), user.id.clone(), in_room(room))
            }
            EphemeralEvent::RoomJoined { room, .. } | EphemeralEvent::RoomLeft { room, .. } => {
                Effect::Send(vec![room.clone()], in_room(room))
            }
            EphemeralEvent::Typing { room, user } | EphemeralEvent::StoppedTyping { room, user } => {
                Effect::SendToOthers(room.clone(), user.clone(), in_room(room))
            }
            EphemeralEvent::Online { .. } | EphemeralEvent::Offline { .. } => Effect::CollectPresence(ephemeral),
            // A backend's event that is not stored is dropped for connections that cannot take it immediately.
            EphemeralEvent::Emitted { custom_event } => {
                let custom_event = Arc::new(custom_event.clone());
                let rendered = RenderedEvent::custom(&self.renderer.contracts, custom_event.clone(), (self.clock)());
                Effect::Emit { custom_event, volatile: true, rendered }
            }
            EphemeralEvent::Disconnected { users, connections, reason } => {
                Effect::Disconnect { users: users.clone(), connections: connections.clone(), reason: reason.clone() }
            }
            EphemeralEvent::Announced { .. } => {
                Effect::SendToEveryone(RenderedEvent::announcement(&self.renderer.contracts, ephemeral, (self.clock)()))
            }
        }
    }
}

/// The users who join the room of an event, and those who leave it.
fn membership_changes(event: &Event) -> (Vec<UserId>, Vec<UserId>) {
    match event {
        Event::MemberJoined { user, .. } => (vec![user.id.clone()], Vec::new()),
        Event::MembershipClaimed { user } => (vec![user.clone()], Vec::new()),
        Event::SpaceCreated { users, .. } => (users.clone(), Vec::new()),
        Event::MemberLeft { user, .. } => (Vec::new(), vec![user.clone()]),
        Event::SpaceDeleted { users, .. } => (Vec::new(), users.clone()),
        _ => (Vec::new(), Vec::new()),
    }
}
