//! Who is here: connections of each person, and people in rooms. One truth for all contracts and all shards.
//!
//! Leaving has two steps, because a reload must not blink: a connection goes, and when the grace is over somebody looks whether another one
//! has come. Time is the caller's: nothing here waits.

mod attendance;
mod people;

pub use attendance::Attendance;
pub use people::{Counts, People, Transport};
