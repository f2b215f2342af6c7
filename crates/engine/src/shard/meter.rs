//! What has certainly arrived, counted by the kind of what was said.
//!
//! A client answers a ping behind everything that was written before it. So what was put into a connection's outbox before a ping has arrived
//! when the answer comes. Only what has a number is counted ([`crate::Broadcast::numbered`]), and only for clients that are pinged: one of Engine.IO 3
//! pings by itself.

use smallvec::SmallVec;
use wire::engineio::Version;

use super::{Connection, Shard, SocketKey};
use crate::app::App;

/// How often, by the kind's number; see [`crate::Broadcast::of_kind`].
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Kinds(Vec<u64>);

impl Kinds {
    fn add(&mut self, kind: u8, count: u64) {
        let kind = usize::from(kind);
        if self.0.len() <= kind {
            self.0.resize(kind + 1, 0);
        }
        self.0[kind] += count;
    }

    /// Adds others.
    pub fn add_all(&mut self, others: impl IntoIterator<Item = (u8, u64)>) {
        others.into_iter().for_each(|(kind, count)| self.add(kind, count));
    }

    /// Each kind with its count.
    pub fn iter(&self) -> impl Iterator<Item = (u8, u64)> {
        self.0.iter().enumerate().map(|(kind, count)| (kind as u8, *count))
    }
}

/// What a shard has delivered since its start.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Meter {
    /// Put into somebody's outbox; again, if somebody comes back who has missed it.
    pub delivered: Kinds,
    /// Of that, what has certainly arrived.
    pub confirmed: Kinds,
    /// Of that, what had not when its connection ended, and nobody has asked after; see [`Shard::take_owed`].
    pub unconfirmed: Kinds,
}

impl Meter {
    /// Adds that of another shard.
    pub fn add(&mut self, other: &Self) {
        self.delivered.add_all(other.delivered.iter());
        self.confirmed.add_all(other.confirmed.iter());
        self.unconfirmed.add_all(other.unconfirmed.iter());
    }
}

type Few = SmallVec<[(u8, u32); 4]>;

/// What was put into a connection's outbox and is not confirmed. A connection that has heard nothing since its last ping has none.
#[derive(Default, Debug)]
pub(crate) struct Owed {
    /// Behind the last ping.
    fresh: Few,
    /// Before it, while it is not answered.
    asked: Few,
}

fn add(few: &mut Few, kind: u8, count: u32) {
    match few.iter_mut().find(|(known, _)| *known == kind) {
        Some((_, sum)) => *sum += count,
        None => few.push((kind, count)),
    }
}

fn counts(few: Few) -> impl Iterator<Item = (u8, u64)> {
    few.into_iter().map(|(kind, count)| (kind, count.into()))
}

impl<A: App> Connection<A> {
    /// Something was put into its outbox; whether that is counted.
    pub(crate) fn owe(&mut self, kind: u8) -> bool {
        let pinged = self.version != Version::V3;
        if pinged {
            add(&mut self.owed.get_or_insert_default().fresh, kind, 1);
        }
        pinged
    }

    /// A ping is sent.
    pub(crate) fn ask_for_owed(&mut self) {
        if let Some(owed) = &mut self.owed {
            for (kind, count) in std::mem::take(&mut owed.fresh) {
                add(&mut owed.asked, kind, count);
            }
        }
    }
}

impl<A: App> Shard<A> {
    /// A ping is answered.
    pub(crate) fn settle_owed(&mut self, slot: u32) {
        let Some(owed) = &mut self.connections[slot as usize].owed else { return };
        self.meter.confirmed.add_all(counts(std::mem::take(&mut owed.asked)));
        if owed.fresh.is_empty() {
            self.connections[slot as usize].owed = None;
        }
    }

    /// A connection is gone, and nobody has taken what it had not confirmed.
    pub(crate) fn write_off_owed(&mut self, owed: Option<Box<Owed>>) {
        let Some(owed) = owed else { return };
        self.meter.unconfirmed.add_all(counts(owed.fresh));
        self.meter.unconfirmed.add_all(counts(owed.asked));
    }

    /// What a socket's connection has not confirmed, by kind. It is the caller's business from now on.
    pub fn take_owed(&mut self, key: SocketKey) -> Kinds {
        let mut kinds = Kinds::default();
        let connection = self.socket(key).map(|socket| socket.connection);
        if let Some(owed) = connection.and_then(|slot| self.connections[slot as usize].owed.take()) {
            kinds.add_all(counts(owed.fresh));
            kinds.add_all(counts(owed.asked));
        }
        kinds
    }

    /// What this shard has delivered.
    pub fn meter(&self) -> &Meter {
        &self.meter
    }
}
