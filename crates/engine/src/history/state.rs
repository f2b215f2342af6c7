//! The broadcasts that are kept: the numbers of all of them, and the content of the newest.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::index::Index;
use super::recovery::ReplayDecoder;
use super::segment_log::{LogRange, SegmentLog};
use crate::broadcast::{Broadcast, MemoryCharge};
use crate::encoding::Namespace;
use crate::id::Id;
use crate::message::{MessageSource, OutboundMessage};

/// The broadcasts that are kept: the numbers of all of them, and the content of the newest.
pub(super) struct HistoryState {
    pub index: Index,
    /// The broadcasts whose content is in memory, in order. An evicted one may still be here; its number is in no room's list.
    pub entries: VecDeque<HistoryEntry>,
    /// The approximate memory of these broadcasts in bytes.
    pub entries_memory: usize,
    pub log: SegmentLog,
    /// The number of these broadcasts that are encoded again for clients that missed them.
    pub replayed: usize,
}

/// A broadcast whose content is in memory.
pub(super) struct HistoryEntry {
    pub(super) number: u64,
    /// The rooms and sockets that the broadcast excepts; most broadcasts except none.
    exclusions: Option<Box<Exclusions>>,
    namespace: Option<Namespace>,
    kind: u8,
    body: EntryBody,
    /// The approximate memory in bytes, without the replayed broadcast.
    pub(super) memory: usize,
    /// The broadcast for all clients that missed it, made for the first of them.
    pub(super) replay: Option<Arc<Broadcast>>,
}

/// The rooms and sockets that a broadcast excepts.
#[derive(Clone, Default)]
struct Exclusions {
    rooms: Vec<Arc<str>>,
    sockets: Vec<Id>,
}

/// The content of a broadcast.
enum EntryBody {
    /// Recorded as bytes in the segment log.
    Logged(LogRange),
    /// Not recorded as bytes, because there is no decoder, or the source does not offer it.
    Source(Arc<dyn MessageSource>),
}

/// The approximate memory in bytes of a kept broadcast besides its content, and of each room that it excepts. The index has the other rooms.
const ENTRY_OVERHEAD_BYTES: usize = 112;
const ROOM_BYTES: usize = 64;

/// The approximate memory in bytes of a replayed broadcast, without its content.
const BROADCAST_OVERHEAD_BYTES: usize = 256;

/// The content of a broadcast that was kept as bytes. It is decoded when it is encoded, once for each encoding, and not
/// under the lock of the history.
struct LoggedSource {
    number: u64,
    bytes: Box<[u8]>,
    decoder: ReplayDecoder,
}

impl MessageSource for LoggedSource {
    fn render(&self, namespace: Namespace) -> Vec<OutboundMessage> {
        self.decoder.decode(self.number, &self.bytes).render(namespace)
    }

    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.bytes.len()
    }
}

impl HistoryEntry {
    /// The broadcast for the clients that have missed it. It is made for the first of them, with the audience that `index` has, and `replay_bytes` counts its
    /// memory.
    pub(super) fn replayed(
        &mut self,
        index: &Index,
        log: &SegmentLog,
        decoder: Option<&ReplayDecoder>,
        replay_bytes: &Arc<AtomicUsize>,
    ) -> Arc<Broadcast> {
        if let Some(broadcast) = &self.replay {
            return broadcast.clone();
        }
        let source = match (&self.body, decoder) {
            (EntryBody::Source(source), _) => source.clone(),
            (EntryBody::Logged(range), Some(decoder)) => {
                Arc::new(LoggedSource { number: self.number, bytes: log.get(range).into(), decoder: decoder.clone() })
            }
            // Without a decoder no content is logged.
            (EntryBody::Logged(_), None) => Arc::new(|_| Vec::new()),
        };
        let charge = MemoryCharge::new(BROADCAST_OVERHEAD_BYTES + source.memory_bytes(), replay_bytes.clone());
        let Exclusions { rooms: except_rooms, sockets: except_sockets } = self.exclusions.as_deref().cloned().unwrap_or_default();
        let mut broadcast = Broadcast::restored(index.audience(self.number), source, charge);
        broadcast.except_rooms = except_rooms;
        broadcast.except_sockets = except_sockets;
        broadcast.namespace = self.namespace;
        broadcast.number = Some(self.number);
        broadcast.kind = self.kind;
        self.replay.insert(Arc::new(broadcast)).clone()
    }
}

impl HistoryState {
    /// A state without broadcasts.
    pub fn new(index: Index) -> Self {
        Self { index, entries: VecDeque::new(), entries_memory: 0, log: SegmentLog::default(), replayed: 0 }
    }

    /// Adds the content of the newest broadcast, as bytes if `logs`. Returns its size in bytes.
    pub fn put(&mut self, number: u64, broadcast: &Broadcast, logs: bool) -> usize {
        let Broadcast { except_rooms, except_sockets, namespace, kind, .. } = broadcast;
        let source = broadcast.source();
        let (body, size) = match logs.then(|| self.log.append(&**source)).flatten() {
            Some(range) => {
                let size = range.len();
                (EntryBody::Logged(range), size)
            }
            None => (EntryBody::Source(source.clone()), source.memory_bytes()),
        };
        let excepts = !except_rooms.is_empty() || !except_sockets.is_empty();
        let exclusions = excepts.then(|| Box::new(Exclusions { rooms: except_rooms.clone(), sockets: except_sockets.clone() }));
        let memory = ENTRY_OVERHEAD_BYTES + size + ROOM_BYTES * except_rooms.len();
        let (namespace, kind) = (*namespace, *kind);
        self.entries.push_back(HistoryEntry { number, exclusions, namespace, kind, body, memory, replay: None });
        self.entries_memory += memory;
        size
    }

    /// Takes out the oldest broadcast whose content is in memory.
    pub fn take_oldest(&mut self) -> Option<HistoryEntry> {
        let oldest = self.entries.pop_front()?;
        self.entries_memory -= oldest.memory;
        self.replayed -= usize::from(oldest.replay.is_some());
        if let EntryBody::Logged(range) = &oldest.body {
            self.log.expire_before(range);
        }
        Some(oldest)
    }
}
