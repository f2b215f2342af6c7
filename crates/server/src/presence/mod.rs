//! Who is here: connections of each person, and people in rooms. One truth for all contracts and all shards.
//!
//! Leaving has two steps, because a reload must not blink: a connection goes, and when the grace is over somebody looks whether another one
//! has come. Each departure has a number, and only the last one counts: somebody who came back and has gone again has a whole grace anew.
//! Time is the caller's: nothing here waits.

mod attendance;
mod people;

pub use attendance::Attendance;
pub use people::{Counts, People, Transport};

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
