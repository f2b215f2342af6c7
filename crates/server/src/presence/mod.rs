//! Who is here: connections of each person, people in rooms, who is typing, and who sits in a call. One truth for all contracts and all shards.
//!
//! Leaving has two steps, because a reload must not blink: a connection goes, and when the grace is over somebody looks whether another one
//! has come. Each departure has a number, and only the last one counts: somebody who came back and has gone again has a whole grace anew.
//! Time is the caller's: nothing here waits.
//!
//! What is to be told of a change is told by the caller's closure while the lock is held, so that what is told last is true. It may take no
//! lock but those of mailboxes and of what is still to be told: whoever holds one of these never asks who is here.

mod attendance;
mod changes;
mod crowds;
mod people;
mod seats;
mod told;
mod typing;

pub use attendance::{Attendance, MOST_PRESENT};
pub use changes::{Changes, person_of};
pub use crowds::{CROWD, Crowds, about};
pub use people::{Connection, Counts, People, Transport};
pub use seats::Seats;
pub use told::{Hearers, MOST_AT_ONCE, Told};
pub use typing::Typing;

/// Which departure it is of all that there were; see [`People::expire`] and [`Attendance::expire`].
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Departure(u64);

impl Departure {
    /// The one after this.
    fn next(&mut self) -> Self {
        self.0 += 1;
        *self
    }
}
