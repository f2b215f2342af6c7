//! The objects of responses that are too large to be stored for a repeated request: the reference that is stored for each, and how the object
//! is read again.

use domain::blocks::Block;
use domain::chat::{ConversationSummary, GetConversationSummary, GetMessage, Message, MessageWithReadState, ReadUpdate, SendMessageResult};
use domain::command::{Actor, Query};
use domain::error::DomainError;
use domain::idempotency::RESULT_GONE;
use domain::ids::{EntityId, RoomId, UserId, parse_id};
use domain::notifications::{Announcement, Notification};
use domain::ports::Store;
use domain::spaces::{GetSpace, Space};
use domain::tasks::{GetTask, Task};
use domain::trips::{GetTrip, Trip};
use domain::users::User;

/// The response of a request, which a repeated request may have to read again.
pub trait Reread: Sized {
    /// The reference for [`Reread::reread`]. `None` if the response is not a stored object.
    fn reference(&self) -> Option<String>;

    /// Reads the object as it is now, as a request of this actor to read it would.
    ///
    /// Errors: [`DomainError::NotFound`] if there is no such object any more, or the actor may not read it; the store's.
    fn reread(reference: &str, store: &mut dyn Store, actor: &Actor) -> Result<Self, DomainError>;
}

fn room_of(reference: &str) -> Result<RoomId, DomainError> {
    RoomId::parse(reference).ok_or(RESULT_GONE)
}

fn id_of(reference: &str) -> Result<EntityId, DomainError> {
    parse_id(reference).ok_or(RESULT_GONE)
}

impl Reread for Space {
    fn reference(&self) -> Option<String> {
        Some(self.room.as_str().to_owned())
    }

    fn reread(reference: &str, store: &mut dyn Store, actor: &Actor) -> Result<Self, DomainError> {
        GetSpace { room: room_of(reference)? }.execute(store, actor)
    }
}

impl Reread for Trip {
    fn reference(&self) -> Option<String> {
        self.space.reference()
    }

    fn reread(reference: &str, store: &mut dyn Store, actor: &Actor) -> Result<Self, DomainError> {
        GetTrip { room: room_of(reference)? }.execute(store, actor)
    }
}

impl Reread for ConversationSummary {
    fn reference(&self) -> Option<String> {
        self.space.reference()
    }

    fn reread(reference: &str, store: &mut dyn Store, actor: &Actor) -> Result<Self, DomainError> {
        GetConversationSummary { room: room_of(reference)? }.execute(store, actor)
    }
}

impl Reread for Task {
    fn reference(&self) -> Option<String> {
        Some(self.id.to_string())
    }

    fn reread(reference: &str, store: &mut dyn Store, actor: &Actor) -> Result<Self, DomainError> {
        GetTask { task: id_of(reference)? }.execute(store, actor)
    }
}

impl Reread for Message {
    fn reference(&self) -> Option<String> {
        Some(self.id.to_string())
    }

    fn reread(reference: &str, store: &mut dyn Store, actor: &Actor) -> Result<Self, DomainError> {
        GetMessage { message: id_of(reference)? }.execute(store, actor)
    }
}

impl Reread for SendMessageResult {
    fn reference(&self) -> Option<String> {
        self.message.reference()
    }

    fn reread(reference: &str, store: &mut dyn Store, actor: &Actor) -> Result<Self, DomainError> {
        Ok(Self { message: Message::reread(reference, store, actor)?, duplicate: true })
    }
}

impl Reread for MessageWithReadState {
    fn reference(&self) -> Option<String> {
        self.message.reference()
    }

    fn reread(reference: &str, store: &mut dyn Store, actor: &Actor) -> Result<Self, DomainError> {
        let message = Message::reread(reference, store, actor)?;
        Self::of(store, message, &actor.user)
    }
}

impl Reread for Notification {
    fn reference(&self) -> Option<String> {
        Some(self.id.to_string())
    }

    fn reread(reference: &str, store: &mut dyn Store, actor: &Actor) -> Result<Self, DomainError> {
        let notification = store.notification(id_of(reference)?)?;
        // The notification of a backend's request belongs to another user.
        let own = notification.filter(|notification| actor.admin || notification.user == actor.user);
        own.ok_or(DomainError::NotFound("Notification"))
    }
}

impl Reread for ReadUpdate {
    fn reference(&self) -> Option<String> {
        Some(self.room.as_str().to_owned())
    }

    /// The list of messages is empty, because the first request has marked them as read.
    fn reread(reference: &str, store: &mut dyn Store, actor: &Actor) -> Result<Self, DomainError> {
        let ConversationSummary { space, unread, .. } = ConversationSummary::reread(reference, store, actor)?;
        Ok(Self { room: space.room, messages: Vec::new(), unread })
    }
}

/// Responses without a stored object: ids and counts, which are small, and changes that are broadcast and not stored.
macro_rules! not_stored {
    ($($output:ty),* $(,)?) => { $(
        impl Reread for $output {
            fn reference(&self) -> Option<String> {
                None
            }

            fn reread(_: &str, _: &mut dyn Store, _: &Actor) -> Result<Self, DomainError> {
                Err(RESULT_GONE)
            }
        }
    )* };
}

not_stored!(u64, String, UserId, User, Block, Announcement, (Space, UserId), (RoomId, UserId));
