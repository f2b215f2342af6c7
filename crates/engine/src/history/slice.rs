//! A part of the broadcasts that a client has missed, and where they are.

use std::sync::Arc;

use crate::broadcast::Broadcast;

/// The next broadcasts that a client has missed.
pub struct Slice {
    /// The broadcasts, in order.
    pub said: Vec<FoundEntry>,
    /// The number up to which there is no other: the end of the range, or the last broadcast of a full slice.
    pub reached: u64,
}

/// The place of a broadcast: memory or archive.
pub enum FoundEntry {
    /// In memory.
    Here(Arc<Broadcast>),
    /// In the [`Archive`](super::Archive), under this number.
    Stored(u64),
}

/// The first broadcasts of a slice, as many as are in one place.
pub enum Run {
    /// In memory; these are all broadcasts of the slice up to this number.
    Here(Vec<Arc<Broadcast>>, u64),
    /// In the [`Archive`](super::Archive), under these numbers. If they are the whole slice, the number up to which it goes.
    Stored(Vec<u64>, Option<u64>),
}

impl Slice {
    /// Its first broadcasts that are in one place; a slice without broadcasts is in memory.
    pub fn first_run(self) -> Run {
        let Self { said, reached } = self;
        let stored: Vec<u64> = said.iter().take_while(|found| matches!(found, FoundEntry::Stored(_))).map(FoundEntry::number).collect();
        if !stored.is_empty() {
            let whole = (stored.len() == said.len()).then_some(reached);
            return Run::Stored(stored, whole);
        }
        let count = said.len();
        let here = said.into_iter().map_while(|found| match found {
            FoundEntry::Here(broadcast) => Some(broadcast),
            FoundEntry::Stored(_) => None,
        });
        let here: Vec<_> = here.collect();
        let last = here.last().filter(|_| here.len() < count).map(|last| last.number.unwrap_or_default());
        Run::Here(here, last.unwrap_or(reached))
    }
}

impl FoundEntry {
    /// The broadcast's number.
    pub fn number(&self) -> u64 {
        match self {
            Self::Here(broadcast) => broadcast.number.unwrap_or_default(),
            Self::Stored(number) => *number,
        }
    }
}
