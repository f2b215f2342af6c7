//! The seam to the host: what other servers may do with the sockets of a namespace.

use std::future::Future;
use std::pin::Pin;

use crate::message::{Broadcast, Event, Selection, SocketDetails};
use crate::replies::{AckSink, Reply};

/// A result that the host computes later, for example on other threads. It is dropped if it takes longer than
/// [`Settings::request_timeout`](crate::Settings::request_timeout).
pub type Answer<T> = Pin<Box<dyn Future<Output = T> + Send>>;

/// The sockets of one namespace on this server.
///
/// The adapter calls the methods one after the other, in the order in which the messages arrive. They must return soon,
/// because all further messages wait in a queue with a bound; a host that waits slows the other servers down or loses their messages. None of them is called for what [`Peers`](crate::Peers) sends: a host
/// applies its own operations to its own sockets itself.
pub trait LocalNamespace: Send + Sync + 'static {
    /// Sends an event to the selected sockets.
    fn broadcast(&self, broadcast: Broadcast);

    /// Sends an event to the selected sockets, reports their number, and then each acknowledgement.
    fn broadcast_with_ack(&self, broadcast: Broadcast, acks: AckSink);

    /// Whether a socket may be in this room. If false, a broadcast to this room alone is dropped before it is decoded.
    fn has_room(&self, _room: &str) -> bool {
        true
    }

    /// The ids of the sockets in at least one of the rooms; without rooms of all sockets.
    fn socket_ids(&self, rooms: Vec<String>) -> Answer<Vec<String>>;

    /// The names of all rooms that have a socket, the ids of the sockets included.
    fn rooms(&self) -> Answer<Vec<String>>;

    /// The details of the selected sockets.
    fn fetch_sockets(&self, sockets: Selection) -> Answer<Vec<SocketDetails>>;

    /// Adds the selected sockets to rooms.
    fn join(&self, sockets: Selection, rooms: Vec<String>);

    /// Removes the selected sockets from rooms.
    fn leave(&self, sockets: Selection, rooms: Vec<String>);

    /// Disconnects the selected sockets from the namespace, and closes their connections if `close` is true.
    fn disconnect(&self, sockets: Selection, close: bool);

    /// Handles an event for the server itself. With a `reply` the sender waits for an answer, and each server must give one.
    fn server_side_emit(&self, event: Event, reply: Option<Reply>);
}
