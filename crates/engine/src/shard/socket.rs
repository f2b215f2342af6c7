//! A socket: one connection's presence in one namespace.

use std::collections::VecDeque;

use smallvec::SmallVec;

use super::CatchUp;
use crate::app::App;
use crate::encoding::{Encoding, Format};
use crate::id::Id;
use crate::rooms::MemberSlot;

pub(crate) struct Socket<A: App> {
    pub generation: u32,
    pub connection: u32,
    pub encoding: Encoding,
    pub id: Id,
    /// The mark of the last broadcast to several rooms that reached the socket, or that it was excepted from, so that no socket receives a
    /// broadcast twice.
    pub mark: u32,
    /// The rooms that it is in.
    pub memberships: SmallVec<[Membership; 2]>,
    /// The number of the last broadcast before it was accepted.
    pub accepted_after: u64,
    /// The events that the client has still to acknowledge.
    pub pending_acks: Option<Box<PendingAcks>>,
    /// Its cursor, if it catches up; `None` once it is live.
    pub catch_up: Option<Box<CatchUp>>,
    /// Whether the application has paused it.
    pub paused: bool,
    /// The application's data; `None` until the socket is accepted.
    pub data: Option<A::Data>,
}

/// A room that a socket is in.
#[derive(Clone, Copy)]
pub(crate) struct Membership {
    pub slot: MemberSlot,
    /// When the socket joined, in milliseconds of the [`super::DeliveryLog`].
    pub since: u64,
}

/// The ids of events that wait for an acknowledgement; boxed, because few sockets have any.
#[derive(Default)]
pub(crate) struct PendingAcks(VecDeque<u64>);

/// The most acknowledgements of one socket that are awaited; see [`crate::Shard::emit_with_ack`].
const MAX_PENDING_ACKS: usize = 1024;

impl PendingAcks {
    /// Adds an id. Beyond [`MAX_PENDING_ACKS`] ids the oldest is dropped.
    pub fn add(&mut self, id: u64) {
        if self.0.len() >= MAX_PENDING_ACKS {
            self.0.pop_front();
        }
        self.0.push_back(id);
    }

    /// Takes an id out, if it is there.
    pub fn take(&mut self, id: u64) -> Option<u64> {
        let index = self.0.iter().position(|known| *known == id)?;
        self.0.remove(index)
    }
}

impl<A: App> Socket<A> {
    /// A socket that the application has still to accept.
    pub fn new(generation: u32, connection: u32, encoding: Encoding, id: Id) -> Self {
        Self {
            generation,
            connection,
            encoding,
            id,
            mark: 0,
            memberships: SmallVec::new(),
            accepted_after: 0,
            pending_acks: None,
            catch_up: None,
            paused: false,
            data: None,
        }
    }

    pub fn is_socketio(&self) -> bool {
        matches!(self.encoding.format, Format::Json | Format::MsgPack)
    }
}
