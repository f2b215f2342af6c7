//! One connection's presence in one namespace.

use smallvec::SmallVec;

use crate::app::App;
use crate::id::Id;
use crate::rooms::Seat;
use crate::voice::{Format, Voice};

pub(crate) struct Socket<A: App> {
    pub generation: u32,
    pub connection: u32,
    pub voice: Voice,
    pub id: Id,
    /// The last broadcast with several rooms that reached it, or that it was excepted from: nobody hears one twice.
    pub mark: u32,
    pub seats: SmallVec<[Seat; 2]>,
    /// Events that the client has still to acknowledge.
    pub awaited: Vec<u64>,
    /// The application wants nothing more from it for now.
    pub paused: bool,
    /// None while the application has not decided.
    pub data: Option<A::Data>,
}

impl<A: App> Socket<A> {
    pub fn is_socketio(&self) -> bool {
        matches!(self.voice.format, Format::Json | Format::MsgPack)
    }
}
