//! The union of the entries of all nodes.

use std::collections::{BTreeSet, HashMap};
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use smallvec::SmallVec;

use crate::identity::NodeId;
use crate::wire::PresenceKey;

/// How long an entry stays after it has ended on its last node, while there are other nodes: the user may have moved to a node whose change is on its way.
const MOVE_TIME: Duration = Duration::from_millis(300);

/// A change of the union. Each node sends it to its own clients.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum PresenceTransition {
    /// The first node has the entry, with this value.
    Added {
        /// The entry.
        key: PresenceKey,
        /// Its value.
        value: Bytes,
    },
    /// No node has the entry.
    Removed {
        /// The entry.
        key: PresenceKey,
        /// Whether the user left by choice or was removed; otherwise the connections have ended.
        left: bool,
    },
}

/// The union, in memory, so that a question is answered without the network.
#[derive(Debug, Default)]
pub struct ClusterPresence {
    entries: HashMap<Arc<PresenceKey>, UnionEntry>,
    /// How many entries are about users who are online.
    online: usize,
    /// The entries that no node has, by the time at which they end.
    departures: BTreeSet<(Instant, Arc<PresenceKey>)>,
}

#[derive(Debug)]
struct UnionEntry {
    /// The nodes that have the entry, in the order in which they got it, with its value on each.
    holders: SmallVec<[(NodeId, Bytes); 1]>,
    /// When the entry ends, while no node has it.
    departs: Option<Instant>,
}

impl ClusterPresence {
    /// A node has an entry, with this value.
    pub fn set(&mut self, node: &NodeId, key: &PresenceKey, value: &Bytes) -> Option<PresenceTransition> {
        self.set_with(node, key, value, || Arc::new(key.clone()))
    }

    /// The same as [`ClusterPresence::set`] for a key that another table of this node has, too.
    pub fn set_shared(&mut self, node: &NodeId, key: &Arc<PresenceKey>, value: &Bytes) -> Option<PresenceTransition> {
        self.set_with(node, key, value, || key.clone())
    }

    fn set_with(
        &mut self,
        node: &NodeId,
        key: &PresenceKey,
        value: &Bytes,
        share: impl FnOnce() -> Arc<PresenceKey>,
    ) -> Option<PresenceTransition> {
        // A copy, because the value of another node would keep the memory of the whole message. It is not cloned, because the first clone of `Bytes`
        // allocates a counter, which would stay as long as the entry.
        let kept = Bytes::copy_from_slice(value);
        let Some((shared, entry)) = self.entries.get_key_value(key).map(|(shared, _)| shared.clone()).zip(self.entries.get_mut(key)) else {
            self.insert(node, share(), kept);
            return Some(PresenceTransition::Added { key: key.clone(), value: value.clone() });
        };
        match entry.holders.iter_mut().find(|(holder, _)| holder == node) {
            Some((_, known)) => *known = kept,
            None => entry.holders.push((node.clone(), kept)),
        }
        if let Some(departs) = entry.departs.take() {
            self.departures.remove(&(departs, shared));
        }
        None
    }

    /// A node no longer has an entry. If it was the last one, the entry ends at `until`; at once if that is `None`. `left`: see
    /// [`PresenceTransition::Removed`].
    pub fn remove(&mut self, node: &NodeId, key: &PresenceKey, until: Option<Instant>, left: bool) -> Option<PresenceTransition> {
        let shared = self.entries.get_key_value(key)?.0.clone();
        let entry = self.entries.get_mut(key)?;
        let holders = entry.holders.len();
        entry.holders.retain(|(holder, _)| holder != node);
        if !entry.holders.is_empty() || entry.holders.len() == holders {
            return None;
        }
        let Some(until) = until else {
            self.take(key);
            return Some(PresenceTransition::Removed { key: key.clone(), left });
        };
        entry.departs = Some(until);
        self.departures.insert((until, shared));
        None
    }

    /// The end of an entry that has ended on its last node now.
    pub fn end_of_move(now: Instant) -> Instant {
        now + MOVE_TIME
    }

    /// When to call [`ClusterPresence::expire`].
    pub fn due(&self) -> Option<Instant> {
        self.departures.first().map(|(departs, _)| *departs)
    }

    /// Ends the entries whose time has come.
    pub fn expire(&mut self, now: Instant) -> Vec<PresenceTransition> {
        let mut transitions = Vec::new();
        while let Some((_, key)) = self.departures.pop_first_if(now) {
            self.take(&key);
            transitions.push(PresenceTransition::Removed { key: PresenceKey::clone(&key), left: false });
        }
        transitions
    }

    /// Whether a node has the entry, or had it until just now.
    pub fn contains(&self, key: &PresenceKey) -> bool {
        self.entries.contains_key(key)
    }

    /// The value of an entry on each node that has it; the node that has it for the longest time is the first.
    pub fn values(&self, key: &PresenceKey) -> impl Iterator<Item = (&NodeId, &Bytes)> {
        self.entries.get(key).into_iter().flat_map(|entry| &entry.holders).map(|(node, value)| (node, value))
    }

    /// Whether no node has an entry any more, and it has not ended yet.
    pub fn is_departing(&self, key: &PresenceKey) -> bool {
        self.entries.get(key).is_some_and(|entry| entry.departs.is_some())
    }

    /// The number of users who are online.
    pub fn online_count(&self) -> usize {
        self.online
    }

    /// All entries, in no order.
    pub fn keys(&self) -> impl Iterator<Item = &PresenceKey> {
        self.entries.keys().map(|key| &**key)
    }

    fn insert(&mut self, node: &NodeId, key: Arc<PresenceKey>, value: Bytes) {
        self.online += usize::from(key.is_online());
        self.entries.insert(key, UnionEntry { holders: SmallVec::from_iter([(node.clone(), value)]), departs: None });
    }

    fn take(&mut self, key: &PresenceKey) {
        let Some((shared, entry)) = self.entries.remove_entry(key) else { return };
        self.online -= usize::from(key.is_online());
        if let Some(departs) = entry.departs {
            self.departures.remove(&(departs, shared));
        }
        // Frees the memory after very many users were online.
        if self.entries.capacity() > 1024 && self.entries.len() < self.entries.capacity() / 4 {
            self.entries.shrink_to_fit();
        }
    }
}

/// Takes the first departure if its time has come.
trait PopFirst {
    fn pop_first_if(&mut self, now: Instant) -> Option<(Instant, Arc<PresenceKey>)>;
}

impl PopFirst for BTreeSet<(Instant, Arc<PresenceKey>)> {
    fn pop_first_if(&mut self, now: Instant) -> Option<(Instant, Arc<PresenceKey>)> {
        if self.first()?.0 > now { None } else { self.pop_first() }
    }
}
