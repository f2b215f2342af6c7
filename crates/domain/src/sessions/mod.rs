//! Resumable sessions: the stored state of connections, from which a client that reconnects receives exactly the events that it missed.
//!
//! The writer executes all commands here in its transactions, in one order with the events. So a session is stored before its client learns its
//! secret, a room is stored before the client's join is acknowledged, and neither is lost when the server is killed.

mod connect;
mod disconnected_users;
mod end;
mod epoch;
mod retention;
mod sync;

pub use crate::model::{RoomState, Session, SessionRoom};
pub use connect::{
    ClientPosition, ConnectOutcome, ConnectSession, NewSession, ReplaceSession, ReplacedSession, ResumeRequest, ResumedSession,
    SessionClaim,
};
pub use disconnected_users::{DisconnectedUser, ExpireDisconnected};
pub use end::{DeleteSession, EndConnections, EndSession, LeaveRoom};
pub use epoch::{
    BeginEpoch, EndNodeSessions, ReadEventLog, ReadEventLogHead, ReadEvents, ReplaceEpoch, SaveAckedOffset, StartingServer, StartupState,
};
pub use retention::{PurgeEvictedEvents, PurgeOldEvents, PurgeOldSessions};
pub use sync::{ResolveSync, SyncRange};
