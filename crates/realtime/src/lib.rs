//! Users' live connections: the application that runs on the engine, one instance for each shard.
//!
//! The modules, in reading order:
//!
//! - `state`: the state that all shards share, and the list of its methods.
//! - `app`: the application on one shard, and the list of its methods.
//! - [`presence`]: the users who are online, in rooms, typing, and in calls.
//!
//! From a handshake to a socket:
//!
//! - `handshake`: admission of handshakes, and the data of a handshake that is kept.
//! - `connect`: from a connection request to an accepted socket.
//! - `socket_data`: the data of a socket.
//! - `recovery`: resumes the session of a socket.
//! - `backfill`: replays the missed events of the rooms that a socket enters.
//! - `client_offsets`: the offsets, by room, of clients that track their own position.
//! - `room_limit`: the limit on the rooms of a connection.
//! - `session_locations`: the shards of resumed sockets.
//!
//! Requests of clients:
//!
//! - `client_messages`: from a client's message to a request.
//! - `requests`: runs the requests of a client in order.
//! - `typing`: typing in rooms.
//! - `calls`: users in calls, and the timeouts of calls.
//! - `auth_refresh`: refreshes tokens, and ends connections whose token has expired.
//! - `token_expiry`: the deadlines of these connections.
//! - `waiting_bytes`: counts the bytes that wait in connections.
//!
//! Disconnects, and time:
//!
//! - `disconnect`: the end of a socket, and the grace period of its user.
//! - `session_end`: stores the end of a session.
//! - `pending_session_ends`: the ends that are not stored yet.
//! - `unacked_deliveries`: deliveries that were not acknowledged when a socket ended.
//! - `startup_presence`: users who were connected before the server started.
//! - `timers`: the timed work of a shard.
//!
//! Events:
//!
//! - `commit_publisher`: from the writer to the bus.
//! - `effects`: the effects of an event on the connections.
//! - `fanout`: broadcasts events to their audiences.
//! - `rendered_event`: encodes events for each contract.
//! - `presence_events`: publishes changes of presence.
//! - `presence_broadcast`: broadcasts changes of presence in rounds.
//! - `missed_events`: pages of missed events for REST.
//!
//! Other servers:
//!
//! - [`nodes`]: this server as one of several nodes.
//! - [`socketio_cluster`]: this server in a cluster of socket.io servers.
//!
//! Counters:
//!
//! - `shard_counters`: counters of one shard.
//! - `connection_stats`: connections and counters, collected from all shards on request. `live_sockets`: the open sockets, one page at a time.
//!   `live_rooms`: the rooms with open sockets.
//! - `explain`: an event on its way to the connections of a user, collected from all shards on request.

mod app;
mod auth_refresh;
mod backfill;
mod calls;
mod client_messages;
mod client_offsets;
mod commit_publisher;
mod connect;
mod connection_stats;
mod disconnect;
mod effects;
mod explain;
mod fanout;
mod handshake;
mod live_rooms;
mod live_sockets;
mod missed_events;
pub mod nodes;
mod pending_session_ends;
pub mod presence;
mod presence_broadcast;
mod presence_events;
mod recovery;
mod rendered_event;
mod requests;
mod room_limit;
mod session_end;
mod session_locations;
mod shard_counters;
mod socket_data;
pub mod socketio_cluster;
mod startup_presence;
mod state;
mod timers;
mod token_expiry;
mod typing;
mod unacked_deliveries;
mod waiting_bytes;

pub use app::{Job, RealtimeApp};
pub use auth_refresh::AuthRefresh;
pub use commit_publisher::CommitPublisher;
pub use connect::{AuthorizedConnect, ConnectRejection};
pub use connection_stats::ShardQuery;
pub use effects::Effect;
pub use explain::{ConnectionEnd, DeliveryFacts, DeliveryQuery, ExplainedConnection, JoinRefusal, StayInRoom, Timing};
pub use fanout::{Fanout, PresenceAudience};
pub use handshake::{Handshake, HandshakeCheck, HandshakeCheckParts, RejectionReason};
pub use live_rooms::{LiveRoom, RoomFilter};
pub use live_sockets::{LiveSocket, SocketCursor, SocketFilter, SocketPage};
pub use missed_events::PageUnavailable;
pub use pending_session_ends::PendingSessionEnds;
pub use recovery::{ClientResume, client_position};
pub use rendered_event::RenderedEvent;
pub use session_locations::SessionLocations;
pub use shard_counters::{CountsByName, ShardCounters};
pub use socket_data::SocketData;
pub use startup_presence::{MIN_RETURN_WINDOW, StartupPresence, expire_disconnected_users};
pub use state::{ConnectionLimits, Delivery, PresenceState, RealtimeState, SessionState, StoreHandles, TokenPolicy};
pub use unacked_deliveries::UnackedDeliveries;
