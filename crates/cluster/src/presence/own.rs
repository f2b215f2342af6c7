//! The entries of this node, and their publication.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

use super::digest::entry_hash;
use crate::wire::{ChangedEntry, Digest, MAX_PARTS, Message, PresenceChange, PresenceKey};

/// How long changes are gathered, so that thousands of changes are one message.
const COLLECT_INTERVAL: Duration = Duration::from_millis(100);

/// The shortest time between two lists. Requests in between are answered together.
const LIST_INTERVAL: Duration = Duration::from_millis(200);

/// About how many bytes one message has. Larger changes and lists are sent in parts.
const MAX_PART_BYTES: usize = 256 << 10;

/// The longest value of an entry, in bytes. A longer one is cut off, because one entry must fit into a message.
const MAX_VALUE: usize = 64 << 10;

/// The entries of this node.
#[derive(Debug, Default)]
pub struct OwnPresence {
    entries: HashMap<PresenceKey, Bytes>,
    /// The changed entries, and whether an entry that has ended has left.
    changed: HashMap<PresenceKey, bool>,
    changed_since: Option<Instant>,
    digest: Digest,
    /// When another node asked for the list.
    list_wanted: Option<Instant>,
    listed_at: Option<Instant>,
}

impl OwnPresence {
    /// Sets an entry. Returns the value that is kept; `None` if nothing changes.
    pub fn set(&mut self, key: &PresenceKey, mut value: Bytes, now: Instant) -> Option<Bytes> {
        value.truncate(MAX_VALUE);
        if self.entries.get(key) == Some(&value) {
            return None;
        }
        self.digest.hash = self.digest.hash.wrapping_add(entry_hash(key, &value));
        match self.entries.insert(key.clone(), value.clone()) {
            Some(before) => self.digest.hash = self.digest.hash.wrapping_sub(entry_hash(key, &before)),
            None => self.digest.entries += 1,
        }
        self.note_change(key, false, now);
        Some(value)
    }

    /// Removes an entry. `left`: see [`PresenceChange::Left`]. False if there is none.
    pub fn remove(&mut self, key: &PresenceKey, left: bool, now: Instant) -> bool {
        let Some(before) = self.entries.remove(key) else { return false };
        self.digest.hash = self.digest.hash.wrapping_sub(entry_hash(key, &before));
        self.digest.entries -= 1;
        self.note_change(key, left, now);
        true
    }

    /// The digest, behind the changes that wait: it describes what the other nodes know after them.
    pub fn publish_digest(&mut self) -> Vec<Message> {
        let mut messages = Vec::new();
        self.publish_changes(&mut messages);
        messages.push(Message::PresenceDigest(self.digest));
        messages
    }

    /// Another node asks for the list.
    pub fn request_list(&mut self, now: Instant) {
        self.list_wanted.get_or_insert(now);
    }

    /// When to call [`OwnPresence::publish`]: `None` if there is nothing to publish.
    pub fn due(&self) -> Option<Instant> {
        let changes = self.changed_since.map(|since| since + COLLECT_INTERVAL);
        [changes, self.list_due()].into_iter().flatten().min()
    }

    /// The messages that are due.
    pub fn publish(&mut self, now: Instant) -> Vec<Message> {
        let mut messages = Vec::new();
        let list_is_due = self.list_due().is_some_and(|due| due <= now);
        // A list contains all changes, so those that wait are published before it.
        if list_is_due || self.changed_since.is_some_and(|since| since + COLLECT_INTERVAL <= now) {
            self.publish_changes(&mut messages);
        }
        if list_is_due {
            self.list_wanted = None;
            self.listed_at = Some(now);
            self.publish_list(&mut messages);
        }
        messages
    }

    fn note_change(&mut self, key: &PresenceKey, left: bool, now: Instant) {
        self.changed.insert(key.clone(), left);
        self.changed_since.get_or_insert(now);
    }

    fn list_due(&self) -> Option<Instant> {
        let wanted = self.list_wanted?;
        Some(self.listed_at.map_or(wanted, |at| wanted.max(at + LIST_INTERVAL)))
    }

    fn publish_changes(&mut self, messages: &mut Vec<Message>) {
        self.changed_since = None;
        let entries = &self.entries;
        let mut changes = self.changed.drain().map(|(key, left)| {
            let change = match (entries.get(&key), left) {
                (Some(value), _) => PresenceChange::Set(value.clone()),
                (None, false) => PresenceChange::Ended,
                (None, true) => PresenceChange::Left,
            };
            (key, change)
        });
        let digest = &mut self.digest;
        parts(&mut changes, change_size, |changes| {
            digest.counter += 1;
            messages.push(Message::PresenceChanges { counter: digest.counter, changes });
        });
    }

    fn publish_list(&self, messages: &mut Vec<Message>) {
        let mut lists = Vec::new();
        let mut entries = self.entries.iter().map(|(key, value)| (key.clone(), value.clone()));
        parts(&mut entries, |(key, value)| entry_size(key, value), |entries| lists.push(entries));
        if lists.is_empty() {
            lists.push(Vec::new());
        }
        // Beyond the most parts a list could not be decoded; the limits of connections are far below.
        let parts = u32::try_from(lists.len()).unwrap_or(u32::MAX).min(MAX_PARTS);
        let counter = self.digest.counter;
        messages.extend((0..parts).zip(lists).map(|(part, entries)| Message::PresenceList { counter, part, parts, entries }));
    }
}

/// Passes items in parts of about [`MAX_PART_BYTES`] each.
fn parts<T>(items: &mut impl Iterator<Item = T>, size: impl Fn(&T) -> usize, mut take: impl FnMut(Vec<T>)) {
    let (mut part, mut bytes) = (Vec::new(), 0);
    for item in items {
        bytes += size(&item);
        part.push(item);
        if bytes >= MAX_PART_BYTES {
            take(std::mem::take(&mut part));
            bytes = 0;
        }
    }
    if !part.is_empty() {
        take(part);
    }
}

fn change_size((key, change): &ChangedEntry) -> usize {
    match change {
        PresenceChange::Set(value) => entry_size(key, value),
        PresenceChange::Ended | PresenceChange::Left => entry_size(key, &Bytes::new()),
    }
}

fn entry_size(key: &PresenceKey, value: &Bytes) -> usize {
    key.room.len() + key.user.len() + value.len() + 8
}
