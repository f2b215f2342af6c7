//! The settings of recovery: how broadcasts are numbered, for how long and where they are kept, and how they are read back.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::broadcast::Broadcast;
use crate::message::MessageSource;

/// How broadcasts are numbered and for how long they are kept; see [`crate::Config::recovery`].
#[derive(Clone)]
pub struct Recovery {
    /// The text before each number, so that clients cannot take the numbers of an earlier run of the server for those of this one.
    pub epoch: String,
    /// The number of the last broadcast before the start.
    pub position: u64,
    /// The number up to which no broadcast from before the start is kept; the later ones are passed to [`crate::Handle::restore`].
    pub floor: u64,
    /// Rooms in which broadcasts behind `floor` were evicted, each with the number of the last; the broadcasts to every connection have the
    /// empty name.
    pub holes: Vec<(Arc<str>, u64)>,
    /// How many broadcasts are kept; one with more than a kilobyte of content, or to many rooms, counts as several. Beyond, the accounts
    /// that use most lose their oldest ones in the rooms in which they use most (see [`Broadcast::charged_to`]).
    pub capacity: usize,
    /// The time for which broadcasts are kept.
    pub window: Duration,
    /// About how many bytes of memory the broadcasts take at most. Those encoded again for clients that reconnect may take a quarter more.
    /// With an archive the oldest content is read from there, and 70 bytes for each broadcast stay in memory in any case; without one the
    /// oldest broadcasts are forgotten.
    pub bytes: usize,
    /// Decodes a broadcast that was kept as bytes. Without it none is kept as bytes.
    pub decoder: Option<ReplayDecoder>,
    /// The storage of all kept broadcasts.
    pub archive: Option<Arc<dyn Archive>>,
}

impl fmt::Debug for Recovery {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Recovery").field("epoch", &self.epoch).field("position", &self.position).finish_non_exhaustive()
    }
}

/// Reads the content of a broadcast back that was kept as bytes ([`MessageSource::record`]). The inputs are the number, and the bytes.
#[derive(Clone)]
pub struct ReplayDecoder(Arc<DecodeFn>);

type DecodeFn = dyn Fn(u64, &[u8]) -> Arc<dyn MessageSource> + Send + Sync;

impl ReplayDecoder {
    /// Decodes by this function.
    pub fn new(decode: impl Fn(u64, &[u8]) -> Arc<dyn MessageSource> + Send + Sync + 'static) -> Self {
        Self(Arc::new(decode))
    }

    pub(super) fn decode(&self, number: u64, bytes: &[u8]) -> Arc<dyn MessageSource> {
        (self.0)(number, bytes)
    }
}

impl fmt::Debug for ReplayDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ReplayDecoder")
    }
}

/// Reads kept broadcasts from where they are stored, when their content is no longer in memory.
pub trait Archive: Send + Sync {
    /// Reads the broadcasts with these numbers, which are ascending: as many of the first as have `bytes` bytes or somewhat more, and at
    /// least one. `then` is called once, on any thread, with them in order; one that is no longer stored is left out. `None` if nothing can
    /// be read now. Must not block.
    fn read(&self, numbers: Vec<u64>, bytes: usize, then: Box<dyn FnOnce(Option<Vec<Broadcast>>) + Send>);
}
