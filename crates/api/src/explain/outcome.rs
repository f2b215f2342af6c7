//! What became of an event for a user: the outcomes, from the best to the least helpful, and their texts.

use domain::ids::UserId;
use serde::{Serialize, Serializer};
use utoipa::openapi::schema::{ObjectBuilder, Type};

/// What became of an event on a connection, or for a user. Of several connections, the first outcome in this order counts for the user.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Outcome {
    /// The client has confirmed it: it answered a ping that was sent later.
    Confirmed,
    /// The server has sent it. The client has not confirmed it yet.
    Written,
    /// It waits in the server, because the client does not read, or still receives earlier events.
    Waiting,
    /// The client has disconnected, and receives it when it returns in time.
    AwaitsReturn,
    /// A newer event that contains all of it took its place while it waited.
    Replaced,
    /// The connection was closed because its client did not read.
    TooSlow,
    /// It is volatile, and the client could not take it at that instant.
    Dropped,
    /// The client has disconnected, and has not returned in time.
    Expired,
    /// The client has disconnected, and could not return.
    Lost,
    /// The sender has excluded the user, the connection, or a room that the connection is in; or the user has blocked the sender.
    Excluded,
    /// The connection was in none of the rooms.
    NotInRoom,
    /// The contracts of the connection's namespace do not have the event.
    NotInNamespace,
    /// The connection was opened after the event.
    OpenedLater,
    /// The connection has ended before the event.
    EndedBefore,
    /// A later connection continues this one.
    Continued,
    /// The log of deliveries does not reach back as far.
    NoLongerKnown,
    /// The user was not a member of a room that receives the event.
    NotAMember,
    /// The user had no connection.
    Offline,
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.name())
    }
}

impl Outcome {
    /// All outcomes.
    const ALL: [Self; 18] = [
        Self::Confirmed,
        Self::Written,
        Self::Waiting,
        Self::AwaitsReturn,
        Self::Replaced,
        Self::TooSlow,
        Self::Dropped,
        Self::Expired,
        Self::Lost,
        Self::Excluded,
        Self::NotInRoom,
        Self::NotInNamespace,
        Self::OpenedLater,
        Self::EndedBefore,
        Self::Continued,
        Self::NoLongerKnown,
        Self::NotAMember,
        Self::Offline,
    ];

    /// The name in JSON.
    fn name(self) -> &'static str {
        match self {
            Self::Confirmed => "confirmed",
            Self::Written => "written",
            Self::Waiting => "waiting",
            Self::AwaitsReturn => "awaits_return",
            Self::Replaced => "replaced",
            Self::TooSlow => "too_slow",
            Self::Dropped => "dropped",
            Self::Expired => "expired",
            Self::Lost => "lost",
            Self::Excluded => "excluded",
            Self::NotInRoom => "not_in_room",
            Self::NotInNamespace => "not_in_namespace",
            Self::OpenedLater => "opened_later",
            Self::EndedBefore => "ended_before",
            Self::Continued => "continued",
            Self::NoLongerKnown => "no_longer_known",
            Self::NotAMember => "not_a_member",
            Self::Offline => "offline",
        }
    }

    /// The schema of the name.
    pub fn schema() -> ObjectBuilder {
        ObjectBuilder::new().schema_type(Type::String).enum_values(Some(Self::ALL.map(Self::name)))
    }

    /// Whether the server has sent the event, or was about to.
    pub fn was_sent(self) -> bool {
        self <= Self::Lost
    }

    /// The answer for a user, with the connection that decides it. `is_single`: whether this server has all connections.
    pub fn summary(self, user: &UserId, connection: Option<&str>, is_single: bool) -> String {
        let connection = connection.unwrap_or("unknown");
        let here = if is_single { "" } else { " on this node" };
        match self {
            Self::Confirmed => format!("{user} received the event: connection {connection} has confirmed it."),
            Self::Written => {
                format!("The server has sent the event to connection {connection} of {user}; the client has not confirmed it yet.")
            }
            Self::Waiting => format!("The event waits in the server, because connection {connection} of {user} does not read."),
            Self::AwaitsReturn => format!("{user} has disconnected, and receives the event when connection {connection} returns in time."),
            Self::Replaced => format!(
                "{user} receives a newer event that contains this one; this one was dropped while it waited for connection {connection}."
            ),
            Self::TooSlow => {
                format!("{user} did not receive the event: connection {connection} was closed because its client did not read.")
            }
            Self::Dropped => {
                format!("{user} did not receive the event: it is volatile, and connection {connection} could not take it at that instant.")
            }
            Self::Expired => {
                format!("{user} did not confirm the event: connection {connection} has ended, and has not returned{here} in time.")
            }
            Self::Lost => format!("{user} did not confirm the event: connection {connection} has ended, and cannot be recovered."),
            Self::Excluded => format!(
                "{user} was not to receive the event: the sender has excluded the user or the connection, or {user} has blocked the sender."
            ),
            Self::NotInRoom => format!("{user} did not receive the event: connection {connection} was in none of its rooms."),
            Self::NotInNamespace => format!("{user} did not receive the event: the namespace of connection {connection} does not have it."),
            Self::NotAMember => format!("{user} did not receive the event: {user} was not a member of its rooms."),
            Self::Offline | Self::OpenedLater | Self::EndedBefore if !is_single => {
                format!("{user} had no connection on this node when the event was published; ask the other nodes, too.")
            }
            Self::Offline | Self::OpenedLater | Self::EndedBefore => {
                format!("{user} did not receive the event: {user} had no connection when it was published.")
            }
            Self::Continued | Self::NoLongerKnown => "The server no longer knows: the event or its deliveries are too long ago.".to_owned(),
        }
    }
}
