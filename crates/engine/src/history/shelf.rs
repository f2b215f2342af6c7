//! The broadcasts that are kept: the numbers of all of them, and the content of the newest.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use super::index::Index;
use super::log::{Log, Place};
use super::settings::Revive;
use crate::broadcast::{Audience, Broadcast, Say, Saying};
use crate::id::Id;
use crate::voice::Namespace;

/// The broadcasts that are kept: the numbers of all of them, and the content of the newest.
pub(super) struct Shelf {
    pub index: Index,
    /// The broadcasts whose content is in memory, in order. An evicted one may still be here; its number is in no room's list.
    pub words: VecDeque<Kept>,
    pub words_weight: usize,
    pub log: Log,
    /// The number of these broadcasts that are encoded again for clients that missed them.
    pub told: usize,
}

/// A broadcast whose content is in memory.
pub(crate) struct Kept {
    pub number: u64,
    pub audience: Audience,
    /// The rooms and sockets that the broadcast excepts; most broadcasts except none.
    pub except: Option<Box<Except>>,
    pub namespace: Option<Namespace>,
    pub kind: u8,
    words: Words,
    pub(super) weight: usize,
    /// The broadcast for all clients that missed it, made for the first of them.
    pub(super) again: Option<Arc<Broadcast>>,
}

/// The rooms and sockets that a broadcast excepts.
#[derive(Clone, Default)]
pub(crate) struct Except {
    pub rooms: Vec<Arc<str>>,
    pub sockets: Vec<Id>,
}

/// The content of a broadcast.
enum Words {
    Logged(Place),
    Said(Arc<dyn Say>),
}

/// The approximate memory in bytes of a kept broadcast besides its content, and of each room that it names.
const WEIGHT: usize = 128;
const WEIGHT_OF_A_ROOM: usize = 64;

/// The content of a broadcast that was kept as bytes. It is read when it is encoded, once for each voice, and not under the history's lock.
struct Logged {
    number: u64,
    bytes: Box<[u8]>,
    revive: Revive,
}

impl Say for Logged {
    fn say(&self, namespace: Namespace) -> Vec<Saying> {
        self.revive.read(self.number, &self.bytes).say(namespace)
    }

    fn weight(&self) -> usize {
        size_of::<Self>() + self.bytes.len()
    }
}

impl Kept {
    /// The broadcast for the clients that have missed it, whose bytes are counted in `told`.
    pub(super) fn again(&mut self, log: &Log, revive: Option<&Revive>, told: &Arc<AtomicUsize>) -> Arc<Broadcast> {
        if let Some(again) = &self.again {
            return again.clone();
        }
        let say = match (&self.words, revive) {
            (Words::Said(say), _) => say.clone(),
            (Words::Logged(place), Some(revive)) => {
                Arc::new(Logged { number: self.number, bytes: log.get(place).into(), revive: revive.clone() })
            }
            // Without a reader no content is logged.
            (Words::Logged(_), None) => Arc::new(|_| Vec::new()),
        };
        let again = Arc::new(Broadcast::again(self, say, told));
        self.again.insert(again).clone()
    }
}

impl Shelf {
    /// An empty shelf.
    pub fn new(index: Index) -> Self {
        Self { index, words: VecDeque::new(), words_weight: 0, log: Log::default(), told: 0 }
    }

    /// Adds the content of the newest broadcast. Returns its size in bytes.
    pub fn put(&mut self, number: u64, broadcast: &Broadcast, logs: bool) -> usize {
        let Broadcast { audience, except_rooms, except_sockets, namespace, kind, .. } = broadcast;
        let say = broadcast.shared_say();
        let (words, size) = match logs.then(|| self.log.append(&**say)).flatten() {
            Some(place) => {
                let size = place.len();
                (Words::Logged(place), size)
            }
            None => (Words::Said(say.clone()), say.weight()),
        };
        let excepts = !except_rooms.is_empty() || !except_sockets.is_empty();
        let except = excepts.then(|| Box::new(Except { rooms: except_rooms.clone(), sockets: except_sockets.clone() }));
        let rooms = match audience {
            Audience::Everyone => 0,
            Audience::Rooms(rooms) => rooms.len(),
        };
        let weight = WEIGHT + size + WEIGHT_OF_A_ROOM * (rooms + except_rooms.len());
        let (audience, namespace, kind) = (audience.clone(), *namespace, *kind);
        self.words.push_back(Kept { number, audience, except, namespace, kind, words, weight, again: None });
        self.words_weight += weight;
        size
    }

    /// Takes out the oldest broadcast whose content is in memory.
    pub fn take_oldest(&mut self) -> Option<Kept> {
        let oldest = self.words.pop_front()?;
        self.words_weight -= oldest.weight;
        self.told -= usize::from(oldest.again.is_some());
        if let Words::Logged(place) = &oldest.words {
            self.log.forget_before(place);
        }
        Some(oldest)
    }
}
