//! What the server says in the workspace contract.

use super::envelope::{Connected, Error, Expiring, Joined, Message, MessageDeleted, Notice, Notified, Pong, Presence, Refreshed};
use super::envelope_event::{About, By, BySystem, Direct, EnvelopeEvent, From};
use super::objects;
use super::projects::{Project, Removed};
use super::tasks::{Deleted, StatusChanged, Task};
use crate::contracts::event_schema::server_events;
use crate::contracts::responses::Resync;

server_events! {
    /// This connection is let in.
    CONNECTED: EnvelopeEvent<Connected<'_>, Direct> = "connected";
    /// This connection hears a room from now on.
    JOINED_ROOM: EnvelopeEvent<Joined<'_>, About<'_>> = "joined_room";
    /// This connection hears a room no longer.
    LEFT_ROOM: EnvelopeEvent<Notice, About<'_>> = "left_room";
    /// Somebody has come to a room.
    USER_JOINED: EnvelopeEvent<Presence<'_>, From<'_>> = "user_joined";
    /// Somebody has left a room.
    USER_LEFT: EnvelopeEvent<Presence<'_>, From<'_>> = "user_left";
    /// A message was sent in a channel.
    MESSAGE: EnvelopeEvent<Message<'_>, From<'_>> = "message";
    /// A message has another text.
    MESSAGE_EDITED: EnvelopeEvent<Message<'_>, From<'_>> = "message.edited";
    /// A message is gone.
    MESSAGE_DELETED: EnvelopeEvent<MessageDeleted<'_>, From<'_>> = "message.deleted";
    /// A task was created.
    TASK_CREATED: EnvelopeEvent<Task<'_>, From<'_>> = "task.created";
    /// A task was edited, or taken from somebody.
    TASK_UPDATED: EnvelopeEvent<Task<'_>, By<'_>> = "task.updated";
    /// A task was given to somebody.
    TASK_ASSIGNED: EnvelopeEvent<Task<'_>, By<'_>> = "task.assigned";
    /// A task has another status.
    TASK_STATUS_CHANGED: EnvelopeEvent<StatusChanged<'_>, BySystem<'_>> = "task.status_changed";
    /// A task is gone.
    TASK_DELETED: EnvelopeEvent<Deleted<'_>, By<'_>> = "task.deleted";
    /// A project has another name, or other members.
    PROJECT_UPDATED: EnvelopeEvent<Project<'_>, By<'_>> = "project.updated";
    /// A project was put away.
    PROJECT_ARCHIVED: EnvelopeEvent<Project<'_>, By<'_>> = "project.archived";
    /// This user was added to a project; on all of the user's connections. `data` is the project.
    PROJECT_ADDED: EnvelopeEvent<objects::Project<'_>, By<'_>> = "project.added";
    /// This user is no longer a member of a project; on all of the user's connections.
    PROJECT_REMOVED: EnvelopeEvent<Removed<'_>, By<'_>> = "project.removed";
    /// There is a notification for this person, or for everybody.
    NOTIFICATION_NEW: EnvelopeEvent<Notified<'_>, Direct> = "notification.new";
    /// The newer token that this connection has shown is believed.
    AUTH_REFRESHED: EnvelopeEvent<Refreshed, Direct> = "auth_refreshed";
    /// The token that this connection has shown with `auth_refresh` ends within a minute, and the connection with it.
    AUTH_EXPIRING: EnvelopeEvent<Expiring, Direct> = "auth_expiring";
    /// To a ping.
    PONG: EnvelopeEvent<Pong, Direct> = "pong";
    /// What this connection has missed is not known any more.
    RESYNC: EnvelopeEvent<Resync, Direct> = "resync";
    /// What this connection asked for was refused.
    ERROR: EnvelopeEvent<Error<'_>, Direct> = "error";
}
