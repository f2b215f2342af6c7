//! The messages that the server sends in the workspace contract.

use super::envelope::{Connected, Error, Expiring, Joined, MessageData, MessageDeleted, Notice, Notified, Pong, Presence, Refreshed};
use super::envelope_event::{About, By, BySystem, Direct, EnvelopeEvent, From};
use super::objects;
use super::projects::{ProjectData, Removed};
use super::tasks::{Deleted, StatusChanged, TaskData};
use crate::event_schema::server_events;
use crate::shared_events::Resync;

server_events! {
    /// The connection was accepted.
    CONNECTED: EnvelopeEvent<Connected<'_>, Direct> = "connected";
    /// This connection is subscribed to a room.
    JOINED_ROOM: EnvelopeEvent<Joined<'_>, About<'_>> = "joined_room";
    /// This connection is unsubscribed from a room.
    LEFT_ROOM: EnvelopeEvent<Notice, About<'_>> = "left_room";
    /// A user entered a room.
    USER_JOINED: EnvelopeEvent<Presence<'_>, From<'_>> = "user_joined";
    /// A user left a room.
    USER_LEFT: EnvelopeEvent<Presence<'_>, From<'_>> = "user_left";
    /// A message was sent in a channel.
    MESSAGE: EnvelopeEvent<MessageData<'_>, From<'_>> = "message";
    /// A message was edited.
    MESSAGE_EDITED: EnvelopeEvent<MessageData<'_>, From<'_>> = "message.edited";
    /// A message was deleted.
    MESSAGE_DELETED: EnvelopeEvent<MessageDeleted<'_>, From<'_>> = "message.deleted";
    /// A task was created.
    TASK_CREATED: EnvelopeEvent<TaskData<'_>, From<'_>> = "task.created";
    /// A task was edited, or its assignee was removed.
    TASK_UPDATED: EnvelopeEvent<TaskData<'_>, By<'_>> = "task.updated";
    /// A task was assigned to a user.
    TASK_ASSIGNED: EnvelopeEvent<TaskData<'_>, By<'_>> = "task.assigned";
    /// The status of a task changed.
    TASK_STATUS_CHANGED: EnvelopeEvent<StatusChanged<'_>, BySystem<'_>> = "task.status_changed";
    /// A task was deleted.
    TASK_DELETED: EnvelopeEvent<Deleted<'_>, By<'_>> = "task.deleted";
    /// The name or the members of a project changed.
    PROJECT_UPDATED: EnvelopeEvent<ProjectData<'_>, By<'_>> = "project.updated";
    /// A project was archived.
    PROJECT_ARCHIVED: EnvelopeEvent<ProjectData<'_>, By<'_>> = "project.archived";
    /// This user was added to a project. Sent to all connections of the user. `data` is the project.
    PROJECT_ADDED: EnvelopeEvent<objects::Project<'_>, By<'_>> = "project.added";
    /// This user is no longer a member of a project. Sent to all connections of the user.
    PROJECT_REMOVED: EnvelopeEvent<Removed<'_>, By<'_>> = "project.removed";
    /// A notification for this user, or for all users.
    NOTIFICATION_NEW: EnvelopeEvent<Notified<'_>, Direct> = "notification.new";
    /// The newer token of this connection was accepted.
    AUTH_REFRESHED: EnvelopeEvent<Refreshed, Direct> = "auth_refreshed";
    /// The token that this connection sent with `auth_refresh` expires within a minute, and the connection closes with it.
    AUTH_EXPIRING: EnvelopeEvent<Expiring, Direct> = "auth_expiring";
    /// The reply to a ping.
    PONG: EnvelopeEvent<Pong, Direct> = "pong";
    /// The events that this connection missed are no longer available.
    RESYNC: EnvelopeEvent<Resync, Direct> = "resync";
    /// A request of this connection failed.
    ERROR: EnvelopeEvent<Error<'_>, Direct> = "error";
}
