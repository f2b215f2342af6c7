//! The broadcasts that are kept: the numbers of all of them, and the content of the newest.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::index::Index;
use super::recovery::ReplayDecoder;
use super::segment_log::{LogRange, SegmentLog};
use crate::broadcast::{Audience, Broadcast, MessageSource, OutboundMessage};
use crate::encoding::Namespace;
use crate::id::Id;

/// The broadcasts that are kept: the numbers of all of them, and the content of the newest.
pub(super) struct HistoryState {
    pub index: Index,
    /// The broadcasts whose content is in memory, in order. An evicted one may still be here; its number is in no room's list.
    pub words: VecDeque<HistoryEntry>,
    pub words_weight: usize,
    pub log: SegmentLog,
    /// The number of these broadcasts that are encoded again for clients that missed them.
    pub told: usize,
}

/// A broadcast whose content is in memory.
pub(crate) struct HistoryEntry {
    pub number: u64,
    pub audience: Audience,
    /// The rooms and sockets that the broadcast excepts; most broadcasts except none.
    pub except: Option<Box<Exclusions>>,
    pub namespace: Option<Namespace>,
    pub kind: u8,
    words: EntryBody,
    pub(super) weight: usize,
    /// The broadcast for all clients that missed it, made for the first of them.
    pub(super) replay: Option<Arc<Broadcast>>,
}

/// The rooms and sockets that a broadcast excepts.
#[derive(Clone, Default)]
pub(crate) struct Exclusions {
    pub rooms: Vec<Arc<str>>,
    pub sockets: Vec<Id>,
}

/// The content of a broadcast.
enum EntryBody {
    Logged(LogRange),
    Said(Arc<dyn MessageSource>),
}

/// The approximate memory in bytes of a kept broadcast besides its content, and of each room that it names.
const ENTRY_OVERHEAD_BYTES: usize = 128;
const EXCLUDED_ROOM_BYTES: usize = 64;

/// The content of a broadcast that was kept as bytes. It is read when it is encoded, once for each voice, and not under the history's lock.
struct LoggedSource {
    number: u64,
    bytes: Box<[u8]>,
    revive: ReplayDecoder,
}

impl MessageSource for LoggedSource {
    fn render(&self, namespace: Namespace) -> Vec<OutboundMessage> {
        self.revive.read(self.number, &self.bytes).render(namespace)
    }

    fn memory_bytes(&self) -> usize {
        size_of::<Self>() + self.bytes.len()
    }
}

impl HistoryEntry {
    /// The broadcast for the clients that have missed it, whose bytes are counted in `told`.
    pub(super) fn again(&mut self, log: &SegmentLog, revive: Option<&ReplayDecoder>, told: &Arc<AtomicUsize>) -> Arc<Broadcast> {
        if let Some(again) = &self.replay {
            return again.clone();
        }
        let say = match (&self.words, revive) {
            (EntryBody::Said(say), _) => say.clone(),
            (EntryBody::Logged(place), Some(revive)) => {
                Arc::new(LoggedSource { number: self.number, bytes: log.get(place).into(), revive: revive.clone() })
            }
            // Without a reader no content is logged.
            (EntryBody::Logged(_), None) => Arc::new(|_| Vec::new()),
        };
        let again = Arc::new(Broadcast::replay(self, say, told));
        self.replay.insert(again).clone()
    }
}

impl HistoryState {
    /// An empty shelf.
    pub fn new(index: Index) -> Self {
        Self { index, words: VecDeque::new(), words_weight: 0, log: SegmentLog::default(), told: 0 }
    }

    /// Adds the content of the newest broadcast. Returns its size in bytes.
    pub fn put(&mut self, number: u64, broadcast: &Broadcast, logs: bool) -> usize {
        let Broadcast { audience, except_rooms, except_sockets, namespace, kind, .. } = broadcast;
        let say = broadcast.source();
        let (words, size) = match logs.then(|| self.log.append(&**say)).flatten() {
            Some(place) => {
                let size = place.len();
                (EntryBody::Logged(place), size)
            }
            None => (EntryBody::Said(say.clone()), say.memory_bytes()),
        };
        let excepts = !except_rooms.is_empty() || !except_sockets.is_empty();
        let except = excepts.then(|| Box::new(Exclusions { rooms: except_rooms.clone(), sockets: except_sockets.clone() }));
        let rooms = match audience {
            Audience::Everyone => 0,
            Audience::Rooms(rooms) => rooms.len(),
        };
        let weight = ENTRY_OVERHEAD_BYTES + size + EXCLUDED_ROOM_BYTES * (rooms + except_rooms.len());
        let (audience, namespace, kind) = (audience.clone(), *namespace, *kind);
        self.words.push_back(HistoryEntry { number, audience, except, namespace, kind, words, weight, replay: None });
        self.words_weight += weight;
        size
    }

    /// Takes out the oldest broadcast whose content is in memory.
    pub fn take_oldest(&mut self) -> Option<HistoryEntry> {
        let oldest = self.words.pop_front()?;
        self.words_weight -= oldest.weight;
        self.told -= usize::from(oldest.replay.is_some());
        if let EntryBody::Logged(place) = &oldest.words {
            self.log.expire_before(place);
        }
        Some(oldest)
    }
}
