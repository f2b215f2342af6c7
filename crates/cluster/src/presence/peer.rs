//! What this node knows of the entries of another node.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::digest::entry_hash;
use crate::identity::Incarnation;
use crate::wire::{ChangedEntry, Digest, PresenceChange, PresenceKey};

/// How long this node waits for a list before it asks again.
const ASK_INTERVAL: Duration = Duration::from_secs(1);

/// The entries of another node in one of its incarnations.
#[derive(Debug)]
pub struct PeerPresence {
    incarnation: Incarnation,
    /// The last change that was applied. `None`: the entries are not known, or a change was missed.
    counter: Option<u64>,
    /// The hash of each entry. The union shares the keys.
    entries: HashMap<Arc<PresenceKey>, u64>,
    hash: u64,
    list: Option<IncompleteList>,
    ask_at: Option<Instant>,
    /// Whether the known entries are those of an earlier incarnation.
    restarted: bool,
    missed: u64,
}

/// The parts of a list that have arrived.
#[derive(Debug)]
struct IncompleteList {
    counter: u64,
    parts: HashMap<u32, Vec<(PresenceKey, Bytes)>>,
    expected: u32,
}

/// A changed entry, whose key this node's tables share.
pub type SharedChange = (Arc<PresenceKey>, PresenceChange);

/// A change of the entries of another node.
#[derive(Debug, Default)]
pub struct PeerUpdate {
    /// The changed entries.
    pub changes: Vec<SharedChange>,
    /// Whether entries have ended because the node has begun a new incarnation. Their users are expected to reconnect.
    pub after_restart: bool,
}

impl PeerPresence {
    /// A node whose entries are not known.
    pub fn new(incarnation: Incarnation, now: Instant) -> Self {
        Self { incarnation, counter: None, entries: HashMap::new(), hash: 0, list: None, ask_at: Some(now), restarted: false, missed: 0 }
    }

    /// The incarnation of the node.
    pub fn incarnation(&self) -> Incarnation {
        self.incarnation
    }

    /// Whether all entries are known.
    pub fn is_complete(&self) -> bool {
        self.counter.is_some()
    }

    /// How often a change was missed.
    pub fn missed(&self) -> u64 {
        self.missed
    }

    /// The node has begun a new incarnation: its entries are those of the next list, and until then the known ones stay.
    pub fn restart(&mut self, incarnation: Incarnation, now: Instant) {
        self.incarnation = incarnation;
        self.counter = None;
        self.list = None;
        self.ask_at = Some(now);
        self.restarted = true;
    }

    /// Applies a change. Returns what it changes in the union; nothing if an earlier change was missed.
    pub fn change(&mut self, counter: u64, changes: Vec<ChangedEntry>, now: Instant) -> PeerUpdate {
        match self.counter {
            Some(known) if counter == known.wrapping_add(1) => {
                self.counter = Some(counter);
                let changes = self.apply_all(changes);
                PeerUpdate { changes, after_restart: false }
            }
            Some(known) if counter > known => {
                self.note_missed(now);
                PeerUpdate::default()
            }
            Some(_) | None => PeerUpdate::default(),
        }
    }

    /// Compares a digest with the known entries.
    pub fn digest(&mut self, digest: Digest, now: Instant) {
        let known = Digest { counter: self.counter.unwrap_or_default(), entries: self.entries.len() as u64, hash: self.hash };
        if self.counter.is_some() && digest != known {
            self.note_missed(now);
        }
    }

    /// Takes a part of the list of all entries. Returns what the whole list changes, when its last part has arrived.
    pub fn list_part(&mut self, counter: u64, part: u32, parts: u32, entries: Vec<(PresenceKey, Bytes)>) -> PeerUpdate {
        // A list that other nodes asked for is not needed.
        if self.counter.is_some() {
            return PeerUpdate::default();
        }
        let is_same = self.list.as_ref().is_some_and(|list| list.counter == counter && list.expected == parts);
        if !is_same {
            self.list = Some(IncompleteList { counter, parts: HashMap::new(), expected: parts });
        }
        let Some(list) = &mut self.list else { return PeerUpdate::default() };
        list.parts.insert(part, entries);
        if list.parts.len() < list.expected as usize {
            return PeerUpdate::default();
        }
        let parts = self.list.take().map(|list| list.parts).unwrap_or_default();
        self.counter = Some(counter);
        self.ask_at = None;
        let changes = self.replace(parts.into_values().flatten().collect());
        PeerUpdate { changes, after_restart: std::mem::take(&mut self.restarted) }
    }

    /// All entries have ended, because the node is dead.
    pub fn end_all(&mut self) -> Vec<Arc<PresenceKey>> {
        self.hash = 0;
        self.entries.drain().map(|(key, _)| key).collect()
    }

    /// When to ask for the list; `None` if the entries are known.
    pub fn ask_due(&self) -> Option<Instant> {
        self.ask_at
    }

    /// Whether to ask for the list now. The next request follows after [`ASK_INTERVAL`] without an answer.
    pub fn take_ask(&mut self, now: Instant) -> bool {
        let is_due = self.ask_at.is_some_and(|due| due <= now);
        if is_due {
            self.ask_at = Some(now + ASK_INTERVAL);
        }
        is_due
    }

    fn note_missed(&mut self, now: Instant) {
        self.missed += 1;
        self.counter = None;
        self.list = None;
        self.ask_at = Some(now);
    }

    fn apply_all(&mut self, changes: impl IntoIterator<Item = ChangedEntry>) -> Vec<SharedChange> {
        changes.into_iter().filter_map(|(key, change)| Some((self.apply(key, &change)?, change))).collect()
    }

    /// Applies one change. Returns the key; `None` if it changes nothing.
    fn apply(&mut self, key: PresenceKey, change: &PresenceChange) -> Option<Arc<PresenceKey>> {
        let (shared, before) = match change {
            PresenceChange::Set(value) => {
                let hash = entry_hash(&key, value);
                let (shared, before) = match self.entries.get_key_value(&key) {
                    Some((shared, before)) => (shared.clone(), Some(*before)),
                    None => (Arc::new(key), None),
                };
                if before == Some(hash) {
                    return None;
                }
                self.hash = self.hash.wrapping_add(hash);
                self.entries.insert(shared.clone(), hash);
                (shared, before.unwrap_or(0))
            }
            PresenceChange::Ended | PresenceChange::Left => self.entries.remove_entry(&key)?,
        };
        self.hash = self.hash.wrapping_sub(before);
        Some(shared)
    }

    /// Replaces all entries.
    fn replace(&mut self, entries: HashMap<PresenceKey, Bytes>) -> Vec<SharedChange> {
        let ended: Vec<PresenceKey> =
            self.entries.keys().filter(|key| !entries.contains_key(&***key)).map(|key| PresenceKey::clone(key)).collect();
        let ended = ended.into_iter().map(|key| (key, PresenceChange::Ended));
        self.apply_all(ended.chain(entries.into_iter().map(|(key, value)| (key, PresenceChange::Set(value)))))
    }
}
