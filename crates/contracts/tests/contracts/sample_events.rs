//! Every event, with the forms that some contract encodes differently.

use domain::calls::{Call, CallStatus};
use domain::chat::{Message, MessageWithReadState};
use domain::event::{Account, EphemeralEvent, EphemeralEventKind, Event, EventKind, PersistedEvent};
use domain::ids::{RoomId, RoomKind};
use domain::spaces::Space;
use domain::tasks::{Task, TaskStatus};
use domain::trips::TripChanges;
use serde_json::json;
use strum::VariantArray;

use crate::sample_objects::{
    NOW, alice, announcement, bob, call, custom_event, message, notification, space, space_with_alice, task, trip_details,
};

/// An event, and what is special about it in a few words; empty for the only form of its kind.
type Form<E> = (&'static str, E);

/// Every persisted event about a room, by a title; for an inbox, those about no room. An event that the domain records in an inbox is in the inbox
/// of alice.
pub fn persisted_events(room: &RoomId) -> Vec<(String, PersistedEvent)> {
    let about_no_room = |kind: &EventKind| {
        matches!(kind, EventKind::NotificationCreated | EventKind::NotificationRead | EventKind::NotificationsRead | EventKind::Emitted)
    };
    let kinds = EventKind::VARIANTS.iter().filter(|kind| about_no_room(kind) == (room.kind() == RoomKind::User));
    let events = kinds.flat_map(|kind| titled(kind.name(), forms(*kind, room)));
    let persisted = events.map(|(title, event)| {
        let room = if is_in_inbox(&event) { RoomId::inbox(&alice().id) } else { room.clone() };
        (title, PersistedEvent { offset: 1, room, seq: 1, at: NOW, event, body: String::new(), account: Account::default() })
    });
    persisted.collect()
}

/// Every ephemeral event about a room, by a title; for an inbox, those about no room.
pub fn ephemeral_events(room: &RoomId) -> Vec<(String, EphemeralEvent)> {
    use EphemeralEventKind::{Announced, Disconnected, Emitted, Offline, Online};
    let about_no_room = |kind: &EphemeralEventKind| matches!(kind, Online | Offline | Emitted | Disconnected | Announced);
    let kinds = EphemeralEventKind::VARIANTS.iter().filter(|kind| about_no_room(kind) == (room.kind() == RoomKind::User));
    kinds.flat_map(|kind| titled(kind.into(), ephemeral_forms(*kind, room))).collect()
}

fn titled<E>(kind: &'static str, forms: Vec<Form<E>>) -> impl Iterator<Item = (String, E)> {
    let title = move |form: &str| if form.is_empty() { kind.to_owned() } else { format!("{kind} ({form})") };
    forms.into_iter().map(move |(form, event)| (title(form), event))
}

fn is_in_inbox(event: &Event) -> bool {
    matches!(
        event,
        Event::Added { .. }
            | Event::Removed { .. }
            | Event::NotificationCreated { .. }
            | Event::NotificationRead { .. }
            | Event::NotificationsRead
    )
}

/// The forms of one kind of event.
fn forms(kind: EventKind, room: &RoomId) -> Vec<Form<Event>> {
    match kind {
        EventKind::SpaceCreated
        | EventKind::SpaceUpdated
        | EventKind::SpaceArchived
        | EventKind::SpaceDeleted
        | EventKind::InviteRefreshed
        | EventKind::TripUpdated => space_forms(kind, room),
        EventKind::MemberJoined
        | EventKind::MemberLeft
        | EventKind::Added
        | EventKind::Removed
        | EventKind::RoleChanged
        | EventKind::MembershipClaimed
        | EventKind::ProfileUpdated => member_forms(kind, room),
        EventKind::TaskCreated
        | EventKind::TaskUpdated
        | EventKind::TaskDeleted
        | EventKind::TaskStatusChanged
        | EventKind::TaskToggled
        | EventKind::TaskAssigned
        | EventKind::TaskUnassigned => task_forms(kind, room),
        EventKind::MessageSent | EventKind::MessageEdited | EventKind::MessageDeleted | EventKind::MessagesRead => {
            message_forms(kind, room)
        }
        EventKind::CallInitiated => vec![("", Event::CallInitiated { call: call(room.clone()), not_for: Vec::new() })],
        EventKind::CallAnswered => vec![("", Event::CallAnswered { call: call(room.clone()), by: bob() })],
        EventKind::CallEnded => {
            let missed = Call { status: CallStatus::Missed, ended_at: Some(NOW), ..call(room.clone()) };
            let ended = Call { status: CallStatus::Ended, ended_by: Some(bob().id), ..missed.clone() };
            vec![("by a participant", Event::CallEnded { call: ended }), ("missed", Event::CallEnded { call: missed })]
        }
        EventKind::NotificationCreated => vec![("", Event::NotificationCreated { notification: notification() })],
        EventKind::NotificationRead => vec![("", Event::NotificationRead { notification: notification().id })],
        EventKind::NotificationsRead => vec![("", Event::NotificationsRead)],
        // No client receives it, so a contract that renders it fails the snapshot.
        EventKind::ConnectionsEnded => {
            vec![("", Event::ConnectionsEnded { users: vec![alice().id], connections: Vec::new(), reason: "revoked".to_owned() })]
        }
        EventKind::Emitted => vec![("", Event::Emitted { custom_event: custom_event(None) })],
    }
}

fn space_forms(kind: EventKind, room: &RoomId) -> Vec<Form<Event>> {
    let space = space(room.clone());
    match kind {
        EventKind::SpaceCreated => {
            vec![("", Event::SpaceCreated { space: space_with_alice(room.clone()), users: vec![], trip: Some(trip_details()) })]
        }
        EventKind::SpaceUpdated => vec![
            ("by a user", Event::SpaceUpdated { space: space.clone(), by: Some(alice()) }),
            ("by the server", Event::SpaceUpdated { space, by: None }),
        ],
        EventKind::SpaceArchived => {
            vec![("", Event::SpaceArchived { space: Space { archived_at: Some(NOW), ..space }, by: Some(alice()) })]
        }
        EventKind::SpaceDeleted => vec![("", Event::SpaceDeleted { space, users: vec![], by: bob().id })],
        EventKind::InviteRefreshed => vec![("", Event::InviteRefreshed { space })],
        EventKind::TripUpdated => {
            // The keys of each form are in alphabetical order, as a map of serde_json may be sorted.
            let renamed = TripChanges { name: Some("Roma".into()), ..TripChanges::default() };
            let cleared = TripChanges { description: Some(None), ..TripChanges::default() };
            let more = serde_json::Map::from_iter([("color".to_owned(), json!("red"))]);
            vec![
                ("renamed", Event::TripUpdated { changes: renamed, more: serde_json::Map::new(), by: bob().id }),
                ("cleared field, and one that is not stored", Event::TripUpdated { changes: cleared, more, by: bob().id }),
            ]
        }
        other => unreachable!("{other:?} is no event of a space"),
    }
}

fn member_forms(kind: EventKind, room: &RoomId) -> Vec<Form<Event>> {
    let space = space(room.clone());
    match kind {
        EventKind::MemberJoined => {
            // The user who added the member need not be one of the members that the event contains.
            let others = Space { members: vec![], ..space.clone() };
            vec![
                ("added by alice", Event::MemberJoined { space: others, user: bob(), by: Some(alice().id), by_whom: Some(alice()) }),
                ("added by bob", Event::MemberJoined { space: space.clone(), user: alice(), by: Some(bob().id), by_whom: None }),
                ("by an invite", Event::MemberJoined { space, user: alice(), by: None, by_whom: None }),
            ]
        }
        EventKind::MemberLeft => {
            let remaining = space_with_alice(room.clone());
            let left = |space, by| Event::MemberLeft { space, user: bob().id, by, by_whom: None };
            vec![
                ("removed by alice", left(space.clone(), Some(alice().id))),
                ("by an act of the member", left(remaining, Some(bob().id))),
                ("of a user whose id is a number", Event::MemberLeft { space, user: alice().id, by: None, by_whom: None }),
            ]
        }
        EventKind::Added => {
            let last = Some(Box::new(MessageWithReadState { message: message(room.clone()), read: true }));
            let added = |by, last| Event::Added { space: space_with_alice(room.clone()), by, trip: Some(trip_details()), last };
            vec![("by bob", added(Some(bob()), last)), ("by the server", added(None, None))]
        }
        EventKind::Removed => vec![
            ("by bob", Event::Removed { space: room.clone(), by: Some(bob()) }),
            ("by the server", Event::Removed { space: room.clone(), by: None }),
        ],
        EventKind::RoleChanged => vec![("", Event::RoleChanged { space, user: alice().id, by: bob().id })],
        EventKind::MembershipClaimed => vec![("", Event::MembershipClaimed { user: alice().id })],
        EventKind::ProfileUpdated => vec![("", Event::ProfileUpdated { user: alice(), rooms: vec![] })],
        other => unreachable!("{other:?} is no event of a member"),
    }
}

fn task_forms(kind: EventKind, room: &RoomId) -> Vec<Form<Event>> {
    let progress = Some(TaskStatus { status: "in_progress".into(), priority: "high".into() });
    // Only the tasks of a project have a status.
    let task = Task { progress: progress.filter(|_| room.kind().has_task_status()), ..task(room.clone()) };
    let by = Some(alice());
    match kind {
        EventKind::TaskCreated => vec![("", Event::TaskCreated { task })],
        EventKind::TaskUpdated => {
            let updated = |was: Option<&str>, toggled_by, assigned, unassigned| {
                let (task, by, was) = (task.clone(), by.clone(), was.map(str::to_owned));
                Event::TaskUpdated { task, by, was, toggled_by, assigned, unassigned }
            };
            vec![
                ("", updated(None, None, vec![], vec![])),
                ("other status and assignee", updated(Some("todo"), None, vec![bob()], vec![])),
                ("completed, and other assignees", updated(None, by.clone(), vec![bob()], vec![alice()])),
            ]
        }
        EventKind::TaskDeleted => vec![("", Event::TaskDeleted { task: task.id, by })],
        EventKind::TaskStatusChanged => vec![("", Event::TaskStatusChanged { task, was: "todo".into(), by })],
        EventKind::TaskToggled => vec![("", Event::TaskToggled { task, by: alice() })],
        EventKind::TaskAssigned => vec![("", Event::TaskAssigned { task, to: bob(), by })],
        EventKind::TaskUnassigned => vec![("", Event::TaskUnassigned { task, from: alice(), by })],
        other => unreachable!("{other:?} is no event of a task"),
    }
}

fn message_forms(kind: EventKind, room: &RoomId) -> Vec<Form<Event>> {
    let message = message(room.clone());
    match kind {
        EventKind::MessageSent => {
            let all_fields = Message {
                sort: Some("IMAGE".into()),
                file_url: Some("https://example.com/f.png".into()),
                metadata: Some(json!({ "reply_to": 789 })),
                client_id: Some("c-1".into()),
                ..message.clone()
            };
            vec![("", Event::MessageSent { message }), ("with all optional fields", Event::MessageSent { message: all_fields })]
        }
        EventKind::MessageEdited => vec![("", Event::MessageEdited { message: Message { edited_at: Some(NOW), ..message } })],
        EventKind::MessageDeleted => vec![("", Event::MessageDeleted { message: message.id, sender: alice() })],
        EventKind::MessagesRead => {
            vec![("", Event::MessagesRead { by: bob().id, messages: vec![1, 2], up_to: 3, to_reader_alone: false })]
        }
        other => unreachable!("{other:?} is no event of a message"),
    }
}

/// The forms of one kind of ephemeral event.
fn ephemeral_forms(kind: EphemeralEventKind, room: &RoomId) -> Vec<Form<EphemeralEvent>> {
    let room = room.clone();
    match kind {
        EphemeralEventKind::RoomJoined => vec![
            ("id is a number", EphemeralEvent::RoomJoined { room: room.clone(), user: alice() }),
            ("id is a text", EphemeralEvent::RoomJoined { room, user: bob() }),
        ],
        EphemeralEventKind::RoomLeft => vec![
            ("still a member", EphemeralEvent::RoomLeft { room: room.clone(), user: alice(), removed: false }),
            ("no longer a member", EphemeralEvent::RoomLeft { room, user: alice(), removed: true }),
        ],
        EphemeralEventKind::Typing => vec![("", EphemeralEvent::Typing { room, user: alice().id })],
        EphemeralEventKind::StoppedTyping => vec![("", EphemeralEvent::StoppedTyping { room, user: alice().id })],
        EphemeralEventKind::Online => vec![("", EphemeralEvent::Online { user: alice().id, connection: "a socket".into() })],
        EphemeralEventKind::Offline => vec![("", EphemeralEvent::Offline { user: alice().id })],
        EphemeralEventKind::Emitted => vec![("", EphemeralEvent::Emitted { custom_event: custom_event(None) })],
        EphemeralEventKind::Disconnected => {
            let (users, connections) = (vec![alice().id], vec!["a socket".to_owned()]);
            vec![("", EphemeralEvent::Disconnected { users, connections, reason: "deleted".into() })]
        }
        EphemeralEventKind::Announced => vec![
            ("", EphemeralEvent::Announced { announcement: announcement(None) }),
            ("with an event name", EphemeralEvent::Announced { announcement: announcement(Some("maintenance")) }),
        ],
    }
}
