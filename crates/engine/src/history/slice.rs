//! A part of the broadcasts that a client has missed, and where they are.

use std::sync::Arc;

use crate::broadcast::Broadcast;

/// The next broadcasts that a client has missed.
pub struct Slice {
    /// The broadcasts, in order.
    pub broadcasts: Vec<FoundEntry>,
    /// The number up to which there is no other: the end of the range, or the last broadcast of a full slice.
    pub reached: u64,
}

/// A missed broadcast, and where its content is.
pub enum FoundEntry {
    /// In memory.
    InMemory(Arc<Broadcast>),
    /// In the [`Archive`](super::Archive), under this number.
    Archived(u64),
}

/// The first broadcasts of a slice, as many as are all in memory, or all in the archive.
pub enum Run {
    /// In memory; these are all broadcasts of the slice up to this number.
    InMemory(Vec<Arc<Broadcast>>, u64),
    /// In the [`Archive`](super::Archive), under these numbers. If they are the whole slice, the number up to which it goes.
    Archived(Vec<u64>, Option<u64>),
}

impl Slice {
    /// The first broadcasts of the slice, as many as are all in memory or all in the archive. An empty slice is in memory.
    pub fn first_run(self) -> Run {
        let Self { broadcasts, reached } = self;
        let stored: Vec<u64> =
            broadcasts.iter().take_while(|found| matches!(found, FoundEntry::Archived(_))).map(FoundEntry::number).collect();
        if !stored.is_empty() {
            let whole = (stored.len() == broadcasts.len()).then_some(reached);
            return Run::Archived(stored, whole);
        }
        let count = broadcasts.len();
        let loaded = broadcasts.into_iter().map_while(|found| match found {
            FoundEntry::InMemory(broadcast) => Some(broadcast),
            FoundEntry::Archived(_) => None,
        });
        let loaded: Vec<_> = loaded.collect();
        let last = loaded.last().filter(|_| loaded.len() < count).map(|last| last.number.unwrap_or_default());
        Run::InMemory(loaded, last.unwrap_or(reached))
    }
}

impl FoundEntry {
    /// The broadcast's number.
    pub fn number(&self) -> u64 {
        match self {
            Self::InMemory(broadcast) => broadcast.number.unwrap_or_default(),
            Self::Archived(number) => *number,
        }
    }
}
