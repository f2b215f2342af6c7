//! The input fields of commands and queries, as errors name them.

use std::fmt;

use strum::IntoStaticStr;

/// An input field of a command or query. Clients have other names for it, which depend on the contract; the transport puts them into errors.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Field {
    /// The member after which a page of members begins.
    After,
    /// The assignees of a task.
    AssignedTo,
    /// The one assignee of a project's task.
    Assignee,
    /// The link to a user's picture.
    AvatarUrl,
    /// The user that the actor blocks.
    BlockedUser,
    /// The room of a new call.
    CallRoom,
    /// The type of a call.
    CallType,
    /// The category of a task.
    Category,
    /// The client's own id of a message.
    ClientId,
    /// The text of a message.
    Content,
    /// Further data of a notification or announcement.
    Data,
    /// The description of a task or trip.
    Description,
    /// The day on which a task is due.
    DueDate,
    /// The last day of a trip.
    EndDate,
    /// The name of a custom event or of an announcement's event.
    EventName,
    /// The flag of a custom event that is for all connections.
    Everyone,
    /// The rooms, users and connections that do not receive a custom event.
    Except,
    /// The link to the file of a message.
    FileUrl,
    /// The idempotency key of a request.
    IdempotencyKey,
    /// The invite code of a space.
    InviteCode,
    /// The target of a notification.
    Link,
    /// The first members of a new space.
    Members,
    /// The room of a new message.
    MessageRoom,
    /// The type of a message.
    MessageType,
    /// The client's data of a message.
    Metadata,
    /// The member that a task is assigned to.
    NewAssignee,
    /// The type of a notification or announcement.
    NotificationType,
    /// The text of a notification or announcement.
    NotificationText,
    /// The user that a notification is for.
    NotifiedUser,
    /// The priority of a task.
    Priority,
    /// The display name of a user.
    ProfileName,
    /// The messages that the actor has read.
    ReadMessages,
    /// The last message that the actor has read.
    ReadUpTo,
    /// The name of a space.
    SpaceName,
    /// The first day of a trip.
    StartDate,
    /// The status of a task.
    Status,
    /// The subject of a token.
    Subject,
    /// The rooms and users that receive a custom event.
    Target,
    /// The title of a task, notification or announcement.
    Title,
    /// The fields of a trip's update that the trip does not store.
    TripExtras,
    /// A part of a request that no command has, by its name in the request. Only the code that parses requests makes it.
    Input(&'static str),
}

impl Field {
    /// The name of the field for logs.
    pub fn name(self) -> &'static str {
        match self {
            Self::Input(name) => name,
            field => field.into(),
        }
    }
}

impl fmt::Display for Field {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn field_is_named_after_its_variant_or_input() {
        assert_eq!([Field::DueDate, Field::Input("trip")].map(Field::name), ["due_date", "trip"]);
    }
}
