//! The entities of the domain: plain data, which events carry and the store keeps.

mod actor;
mod block;
mod call;
mod custom_event;
mod ids;
mod message;
mod notification;
mod removal;
mod room_kind;
mod session;
mod space;
mod task;
mod timestamp;
mod trip;
mod user;

pub use actor::Actor;
pub use block::Block;
pub use call::{Call, CallStatus, Participant};
pub use custom_event::CustomEvent;
pub use ids::{EntityId, MAX_ID_BYTES, RoomId, UserId, parse_id};
pub use message::{Message, MessageWithReadState};
pub use notification::{Announcement, Notification};
pub use removal::{CHANGES_PER_STEP, Removal, RemovalTarget};
pub use room_kind::RoomKind;
pub use session::{RoomState, Session, SessionRoom};
pub use space::{MAX_PRESENCE_MEMBERS, Member, Role, Space, Standing};
pub use task::{Task, TaskStatus};
pub use timestamp::Timestamp;
pub use trip::{Trip, TripChanges, TripDetails};
pub use user::User;
