//! The kinds of rooms, a line each: how it stands in an address, what a reader calls it, and what it can be used for. A new contract's kind
//! gets its line here, and the operations need no change.

use std::fmt;

use crate::names::Room;

/// What a kind of room can be used for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// People are members of it directly, and somebody may make one.
    Members,
    /// It may be without a name.
    Nameless,
    /// An invite code opens it.
    Invites,
    /// It has channels.
    Channels,
    /// Tasks belong to it.
    Tasks,
    /// Its tasks have a status and a priority, and one assignee.
    Progress,
    /// Each of its tasks is a room, too, as open as it is itself.
    TaskRooms,
    /// Messages are sent to it.
    Messages,
    /// Its messages mention people, who are told.
    Mentions,
    /// People call each other in it.
    Calls,
    /// It can be put away, by itself or with the space that it is part of.
    Archive,
    /// A user who is added or removed receives a separate event in the inbox.
    Inbox,
    /// It can be deleted.
    Deletion,
    /// An event about it embeds its first members: its contract has a place for them.
    EmbedsMembers,
}

/// Defines the kinds by their table.
macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident: $address:literal, $noun:literal, [$($use:ident),*];)*) => {
        /// What a room is the room of. The text form is the part of the address before the colon.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
        pub enum Kind {
            $($(#[$doc])* $kind,)*
        }

        impl Kind {
            const ALL: &[Kind] = &[$(Kind::$kind),*];

            /// The kind as it stands in a room's address.
            pub fn as_str(self) -> &'static str {
                match self {
                    $(Kind::$kind => $address,)*
                }
            }

            /// What a reader calls it: "Household", "Task".
            pub fn noun(self) -> &'static str {
                match self {
                    $(Kind::$kind => $noun,)*
                }
            }

            fn uses(self) -> &'static [Use] {
                match self {
                    $(Kind::$kind => &[$(Use::$use),*],)*
                }
            }
        }
    };
}

kinds! {
    /// A person's inbox: all of the person's connections are in it.
    User: "user", "User", [];
    /// A household (contract: household).
    Household: "household", "Household", [Members, Invites, Tasks, EmbedsMembers];
    /// A trip (contract: trip).
    Trip: "trip", "Trip", [Members, Deletion, EmbedsMembers, Inbox];
    /// A chat room (contract: studio); its address starts with `room:`.
    ChatRoom: "room", "Room", [Members, Messages, Calls, Inbox];
    /// A conversation (contract: messenger).
    Conversation: "conversation", "Conversation", [Members, Nameless, Messages, Inbox];
    /// A project (contract: workspace).
    Project: "project", "Project", [Members, Channels, Tasks, TaskRooms, Progress, Archive, EmbedsMembers, Inbox];
    /// A channel of a project (contract: workspace); its members are the project's.
    Channel: "channel", "Channel", [Messages, Mentions, Archive];
    /// A single task of a project (contract: workspace); its members are the project's.
    Task: "task", "Task", [];
    /// Everybody who is connected. Nobody enters it, and only back ends speak there.
    Everyone: "everyone", "Room", [];
}

impl Kind {
    /// Reads a kind as it stands in a room's address. `None` if there is none such.
    pub fn parse(address: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|known| known.as_str() == address)
    }

    /// The room of this kind that bears `id`, an id of ours or one that was checked: see [`Kind::named`] for one that was not.
    pub fn room(self, id: impl fmt::Display) -> Room {
        Room::of(self, id)
    }

    /// The room of this kind that bears an id from outside; `None` if none can.
    pub fn named(self, id: &str) -> Option<Room> {
        Room::parse(&[self.as_str(), ":", id].concat())
    }

    fn is_for(self, purpose: Use) -> bool {
        self.uses().contains(&purpose)
    }

    /// Whether people are members of it directly, and whether somebody may make one.
    pub fn has_own_members(self) -> bool {
        self.is_for(Use::Members)
    }

    /// What its clients call its name, and those who are in it from the start.
    pub(crate) fn fields(self) -> (&'static str, &'static str) {
        match self {
            Kind::Conversation => ("title", "participantIds"),
            _ => ("name", "memberIds"),
        }
    }

    /// What its clients call their own id for a message.
    pub(crate) fn client_id_field(self) -> &'static str {
        match self {
            Kind::Channel => "client_id",
            _ => "clientId",
        }
    }

    /// Whether it may be without a name.
    pub(crate) fn may_be_nameless(self) -> bool {
        self.is_for(Use::Nameless)
    }

    /// Whether an invite code opens it.
    pub fn opens_by_invite(self) -> bool {
        self.is_for(Use::Invites)
    }

    /// Whether it has channels.
    pub fn has_channels(self) -> bool {
        self.is_for(Use::Channels)
    }

    /// Whether tasks belong to it.
    pub fn has_tasks(self) -> bool {
        self.is_for(Use::Tasks)
    }

    /// Whether each of its tasks is a room, too, as open as it is itself.
    pub fn has_task_rooms(self) -> bool {
        self.is_for(Use::TaskRooms)
    }

    /// Whether people call each other in it.
    pub fn has_calls(self) -> bool {
        self.is_for(Use::Calls)
    }

    /// Whether its messages mention people, who are told.
    pub fn has_mentions(self) -> bool {
        self.is_for(Use::Mentions)
    }

    /// Whether its tasks have a status and a priority, and one assignee.
    pub fn has_progress(self) -> bool {
        self.is_for(Use::Progress)
    }

    /// Whether it can be put away, by itself or with the space that it is part of.
    pub fn may_be_archived(self) -> bool {
        self.is_for(Use::Archive)
    }

    /// Whether it can be deleted.
    pub(crate) fn may_be_deleted(self) -> bool {
        self.is_for(Use::Deletion)
    }

    /// Whether every member may receive its events: it has members of its own, and cannot be in deletion.
    pub fn opens_by_membership_alone(self) -> bool {
        self.is_for(Use::Members) && !self.is_for(Use::Deletion)
    }

    /// Whether an event about it embeds its first members.
    pub(crate) fn embeds_members(self) -> bool {
        self.is_for(Use::EmbedsMembers)
    }

    /// Whether a user who is added or removed receives a separate event in the inbox.
    pub(crate) fn tells_in_inbox(self) -> bool {
        self.is_for(Use::Inbox)
    }

    /// Whether messages are sent to it.
    pub fn has_messages(self) -> bool {
        self.is_for(Use::Messages)
    }
}
