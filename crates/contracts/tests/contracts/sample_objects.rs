//! The objects of the tests.

use domain::calls::{Call, CallStatus};
use domain::chat::Message;
use domain::custom_events::CustomEvent;
use domain::error::{DomainError, Reason};
use domain::field::Field;
use domain::ids::{RoomId, RoomKind, Timestamp, UserId};
use domain::notifications::{Announcement, Notification};
use domain::spaces::{Member, Role, Space};
use domain::tasks::Task;
use domain::trips::TripDetails;
use domain::users::User;
use serde_json::json;

/// 2025-11-13T12:00:00.123456Z
pub const NOW: Timestamp = Timestamp(1_763_035_200_123_456);
/// 59.999999 seconds after [`NOW`].
pub const EXPIRY: Timestamp = Timestamp(NOW.0 + 59_999_999);

/// A user with a profile. Her id is a number.
pub fn alice() -> User {
    User {
        id: UserId::new("7"),
        name: "Alice".into(),
        username: "alice".into(),
        email: Some("alice@example.com".into()),
        avatar_url: Some("https://example.com/a.png".into()),
        created_at: NOW,
        updated_at: NOW,
    }
}

/// A user without a profile: the server knows only the id, which is a text.
pub fn bob() -> User {
    User::unseen(UserId::new("bob"), NOW)
}

/// A space with more members than an event contains.
pub fn space(room: RoomId) -> Space {
    Space {
        room,
        name: "Home".into(),
        parent: None,
        invite_code: Some("ABCD2345".into()),
        created_by: alice().id,
        created_at: NOW,
        updated_at: NOW,
        archived_at: None,
        member_count: 100_000,
        members: vec![
            Member { user: alice(), role: Role::Admin, joined_at: NOW },
            Member { user: bob(), role: Role::Member, joined_at: NOW },
        ],
    }
}

/// The same space; the events contain only its first member.
pub fn space_with_alice(room: RoomId) -> Space {
    let space = space(room);
    Space { members: space.members.into_iter().take(1).collect(), ..space }
}

/// The details of a space that is a trip.
pub fn trip_details() -> TripDetails {
    TripDetails { description: Some("By train".to_owned()), ..TripDetails::default() }
}

/// A completed task that is assigned to bob.
pub fn task(room: RoomId) -> Task {
    Task {
        id: 1_112_000_000_000_001,
        room,
        title: "Dishes".into(),
        description: None,
        category: Some("kitchen".into()),
        due_date: Some("2025-12-31".into()),
        completed: true,
        completed_at: Some(NOW),
        assigned_to: vec![bob()],
        progress: None,
        created_by: alice(),
        created_at: NOW,
        updated_at: NOW,
    }
}

/// A message of alice whose text needs escapes in JSON.
pub fn message(room: RoomId) -> Message {
    Message {
        id: 1_112_000_000_000_002,
        room,
        sender: alice(),
        content: "Hello \"everyone\"\n".into(),
        sort: None,
        file_url: None,
        metadata: None,
        client_id: None,
        created_at: NOW,
        edited_at: None,
    }
}

/// A call that rings.
pub fn call(room: RoomId) -> Call {
    Call {
        id: 123,
        room,
        sort: "AUDIO".into(),
        initiated_by: alice(),
        status: CallStatus::Ringing,
        started_at: NOW,
        answered_at: None,
        ended_at: None,
        ended_by: None,
        participants: vec![],
    }
}

/// An unread notification of alice.
pub fn notification() -> Notification {
    Notification {
        id: 1_112_000_000_000_003,
        user: alice().id,
        kind: "order".into(),
        title: "Sent".into(),
        message: "On its way".into(),
        link: Some("/orders/7".into()),
        data: Some(json!({ "orderId": 7, "priority": "high" })),
        read: false,
        created_at: NOW,
    }
}

/// An announcement. `event` is its event name, if it has one of its own.
pub fn announcement(event: Option<&str>) -> Announcement {
    Announcement {
        event: event.map(str::to_owned),
        kind: "info".into(),
        title: "Maintenance".into(),
        message: "At noon".into(),
        data: Some(json!({ "minutes": 5 })),
        at: NOW,
    }
}

/// A custom event for all connections.
pub fn custom_event(data: Option<serde_json::Value>) -> CustomEvent {
    CustomEvent { rooms: vec![RoomId::everyone()], except: vec![], except_connections: vec![], name: "order:sent".into(), data }
}

/// The room with the id 5 of each kind that a contract may have.
pub fn rooms() -> Vec<RoomId> {
    use RoomKind::{Channel, ChatRoom, Conversation, Household, Project, Task, Trip};
    [Household, Trip, ChatRoom, Conversation, Project, Channel, Task].into_iter().map(|kind| kind.room(5)).collect()
}

/// Every error of the domain.
pub fn errors() -> Vec<DomainError> {
    let errors = vec![
        DomainError::invalid(Field::ClientId, "must be better"),
        DomainError::invalid(Field::Members, "must be better"),
        DomainError::invalid(Field::SpaceName, "must be better"),
        DomainError::invalid(Field::ReadMessages, Reason::with_field("must have one, or {} be set", Field::ReadUpTo)),
        DomainError::invalid_input("room", "must be better"),
        DomainError::Ambiguous { field: Field::NewAssignee, reason: "names two users".into() },
        DomainError::Forbidden("Only an admin may do this"),
        DomainError::NotFound("Room"),
        DomainError::NotFound("Household"),
        DomainError::Conflict("Not now"),
        DomainError::RateLimited { retry_after: 3 },
        DomainError::UserDeleted,
        DomainError::OverQuota { retry_after: 3 },
        DomainError::Unavailable("disk /data full".into()),
        DomainError::Internal("secret".into()),
    ];
    let has = |code: &&str| errors.iter().any(|error| error.code() == *code);
    assert!(DomainError::CODES.iter().all(has), "an error is missing in this list");
    errors
}
