//! What the server says in the workspace contract.

use super::envelope::{Connected, Error, Expiring, Joined, Message, MessageDeleted, Notice, Notified, Pong, Presence, Refreshed};
use super::objects;
use super::projects::{Project, Removed};
use super::tasks::{Deleted, StatusChanged, Task};
use super::word::{About, By, BySystem, Direct, From, Word};
use crate::dialects::answers::Resync;
use crate::dialects::vocabulary::words;

words! {
    /// This connection is let in.
    CONNECTED: Word<Connected<'_>, Direct> = "connected";
    /// This connection hears a room from now on.
    JOINED_ROOM: Word<Joined<'_>, About<'_>> = "joined_room";
    /// This connection hears a room no longer.
    LEFT_ROOM: Word<Notice, About<'_>> = "left_room";
    /// Somebody has come to a room.
    USER_JOINED: Word<Presence<'_>, From<'_>> = "user_joined";
    /// Somebody has left a room.
    USER_LEFT: Word<Presence<'_>, From<'_>> = "user_left";
    /// A message was sent in a channel.
    MESSAGE: Word<Message<'_>, From<'_>> = "message";
    /// A message has another text.
    MESSAGE_EDITED: Word<Message<'_>, From<'_>> = "message.edited";
    /// A message is gone.
    MESSAGE_DELETED: Word<MessageDeleted<'_>, From<'_>> = "message.deleted";
    /// A task was created.
    TASK_CREATED: Word<Task<'_>, From<'_>> = "task.created";
    /// A task was edited, or taken from somebody.
    TASK_UPDATED: Word<Task<'_>, By<'_>> = "task.updated";
    /// A task was given to somebody.
    TASK_ASSIGNED: Word<Task<'_>, By<'_>> = "task.assigned";
    /// A task has another status.
    TASK_STATUS_CHANGED: Word<StatusChanged<'_>, BySystem<'_>> = "task.status_changed";
    /// A task is gone.
    TASK_DELETED: Word<Deleted<'_>, By<'_>> = "task.deleted";
    /// A project has another name, or other members.
    PROJECT_UPDATED: Word<Project<'_>, By<'_>> = "project.updated";
    /// A project was put away.
    PROJECT_ARCHIVED: Word<Project<'_>, By<'_>> = "project.archived";
    /// This user was added to a project; on all of the user's connections. `data` is the project.
    PROJECT_ADDED: Word<objects::Project<'_>, By<'_>> = "project.added";
    /// This user is no longer a member of a project; on all of the user's connections.
    PROJECT_REMOVED: Word<Removed<'_>, By<'_>> = "project.removed";
    /// There is a notification for this person, or for everybody.
    NOTIFICATION_NEW: Word<Notified<'_>, Direct> = "notification.new";
    /// The newer token that this connection has shown is believed.
    AUTH_REFRESHED: Word<Refreshed, Direct> = "auth_refreshed";
    /// The token that this connection has shown with `auth_refresh` ends within a minute, and the connection with it.
    AUTH_EXPIRING: Word<Expiring, Direct> = "auth_expiring";
    /// To a ping.
    PONG: Word<Pong, Direct> = "pong";
    /// What this connection has missed is not known any more.
    RESYNC: Word<Resync, Direct> = "resync";
    /// What this connection asked for was refused.
    ERROR: Word<Error<'_>, Direct> = "error";
}
