//! The epochs of the event log, the state at a start, and the offset that all connections have received.

use crate::command::{Command, CommandContext, Query};
use crate::error::DomainError;
use crate::event::PersistedEvent;
use crate::model::{Actor, EntityId, RoomId, Timestamp};
use crate::ports::{EventBatch, Store};
use crate::sessions::disconnected_users::{DisconnectedUser, disconnected_users};

/// Begins the epoch of a starting server, and ends the sessions that are still stored as connected to it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct BeginEpoch {
    /// The server that starts.
    pub server: StartingServer,
    /// For how many seconds events are kept.
    pub window: i64,
    /// How many seconds back the output lists disconnected users.
    pub disconnected_seconds: i64,
    /// How long a user counts as online after a disconnect, in microseconds. A user whose last connection ended within this time before the
    /// start is expected to reconnect: the server has sent no leave events for the user.
    pub grace_micros: i64,
}

/// The server that starts.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum StartingServer {
    /// A single server. It begins an epoch with this name, a new one at each start, and ends all sessions.
    Single {
        /// The name of the epoch.
        epoch: String,
    },
    /// The first node of a cluster, which has begun the epoch when it opened the database. It ends the sessions of all nodes that have not joined the epoch.
    FirstNode {
        /// The id of the node.
        id: String,
    },
    /// A node that joins others. It ends its own sessions from before the start, and gets no disconnected users, because the running nodes know who is
    /// online.
    JoiningNode {
        /// The id of the node.
        id: String,
    },
}

/// The stored state at a start.
#[derive(Clone, PartialEq, Debug)]
pub struct StartupState {
    /// The time of the start.
    pub started: Timestamp,
    /// The log's last offset.
    pub position: i64,
    /// The offset up to which events may be missing.
    pub floor: i64,
    /// The rooms in which events behind `floor` are missing, each with the offset of the last missing event. The empty name stands for events to all
    /// users.
    pub gaps: Vec<(String, i64)>,
    /// The users who were connected before the start.
    pub disconnected_users: Vec<DisconnectedUser>,
    /// The ids and rooms of the calls that are open. A single server and the first node end them, because no user is connected.
    pub open_calls: Vec<(EntityId, RoomId)>,
}

impl Command for BeginEpoch {
    type Output = StartupState;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<StartupState, DomainError> {
        let position = context.store.last_offset()?;
        if let StartingServer::Single { epoch } = &self.server {
            context.store.begin_epoch(epoch)?;
        }
        let mut absent = Vec::new();
        if let StartingServer::JoiningNode { id } = &self.server {
            context.store.end_sessions_of(id, context.now)?;
        } else {
            absent = disconnected_users(context, self.disconnected_seconds, self.grace_micros)?;
            context.store.end_all_sessions(context.now)?;
        }
        if let StartingServer::FirstNode { id } | StartingServer::JoiningNode { id } = &self.server {
            context.store.join_epoch(id)?;
        }
        let floor = context.store.log_floor(context.now.minus_seconds(self.window))?;
        let gaps = context.store.gaps_after(floor)?;
        let open_calls = context.store.open_calls()?;
        Ok(StartupState { started: context.now, position, floor, gaps, disconnected_users: absent, open_calls })
    }
}

/// Begins a new epoch while nodes run, because the database has lost commits: each node finds another epoch than its own before its next transaction,
/// and ends.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReplaceEpoch {
    /// The name of the epoch.
    pub name: String,
}

impl Command for ReplaceEpoch {
    type Output = ();

    fn execute(self, context: &mut CommandContext<'_>) -> Result<(), DomainError> {
        Ok(context.store.begin_epoch(&self.name)?)
    }
}

/// Reads the next range of the event log.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadEventLog {
    /// The offset behind which the range begins.
    pub after: i64,
    /// The most events that the query reads.
    pub limit: u32,
}

impl Query for ReadEventLog {
    type Output = EventBatch;

    fn execute(self, store: &mut dyn Store, _: &Actor) -> Result<EventBatch, DomainError> {
        Ok(store.events_after(self.after, Timestamp(i64::MIN), self.limit)?)
    }
}

/// Reads the last offset of the event log; 0 if there never was an event.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadEventLogHead;

impl Query for ReadEventLogHead {
    type Output = i64;

    fn execute(self, store: &mut dyn Store, _: &Actor) -> Result<i64, DomainError> {
        Ok(store.last_offset()?)
    }
}

/// Reads events by their offsets, in ascending order.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ReadEvents {
    /// The offsets, ascending.
    pub offsets: Vec<i64>,
    /// The query ends when the bodies of the events that it has read have this many bytes.
    pub bytes: usize,
}

impl Query for ReadEvents {
    type Output = Vec<PersistedEvent>;

    fn execute(self, store: &mut dyn Store, _: &Actor) -> Result<Vec<PersistedEvent>, DomainError> {
        let (mut persisted_events, mut size) = (Vec::new(), 0);
        // The parts of the last event with several offsets: such an event is read and split once for all its offsets in the query.
        let mut split: Vec<PersistedEvent> = Vec::new();
        for offset in self.offsets {
            if size >= self.bytes {
                break;
            }
            let in_split = |split: &[PersistedEvent]| {
                split.binary_search_by_key(&offset, |persisted| persisted.offset).ok().map(|index| split[index].clone())
            };
            let mut persisted = in_split(&split);
            if persisted.is_none() {
                persisted = store.event_at(offset)?;
                if let Some(parts) = persisted.as_ref().and_then(PersistedEvent::in_each_room) {
                    split = parts.map_err(|error| DomainError::Internal(error.to_string()))?;
                    persisted = in_split(&split);
                }
            }
            size += persisted.as_ref().map_or(0, |persisted| persisted.body.len());
            persisted_events.extend(persisted);
        }
        Ok(persisted_events)
    }
}

/// Ends the sessions of a node that is gone. Their clients may resume them on another node within the usual time.
///
/// It is for a node that is in no list of nodes: a node that has started again has ended its sessions itself. The output is whether the sessions have ended.
/// They have not if the process of the node is connected to the database: it cannot reach Redis, or has started again.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndNodeSessions {
    /// The id of the node.
    pub node: String,
}

impl Command for EndNodeSessions {
    type Output = bool;

    fn execute(self, context: &mut CommandContext<'_>) -> Result<bool, DomainError> {
        if context.store.running_nodes()?.contains(&self.node) {
            return Ok(false);
        }
        context.store.end_sessions_of(&self.node, context.now)?;
        Ok(true)
    }
}

/// Stores the offset up to which every connection of this node has received all its events.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SaveAckedOffset {
    /// The offset.
    pub offset: i64,
}

impl Command for SaveAckedOffset {
    type Output = ();

    fn execute(self, context: &mut CommandContext<'_>) -> Result<(), DomainError> {
        Ok(context.store.put_acked_by_all(self.offset)?)
    }
}
