//! Counts broadcasts that have certainly arrived, by their kind.
//!
//! A client answers a ping after it has received everything that was written before. So messages that were put into a connection's outbox
//! before a ping have arrived when the pong does. Only numbered broadcasts are counted ([`crate::Broadcast::numbered`]), and only for
//! clients that the server pings: a client of Engine.IO 3 sends the pings itself.

use smallvec::SmallVec;
use wire::engineio::Version;

use super::{Connection, Shard, SocketKey};
use crate::app::App;

/// A counter for each kind; see [`crate::Broadcast::of_kind`].
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct CountsByKind(Vec<u64>);

impl CountsByKind {
    fn add(&mut self, kind: u8, count: u64) {
        let kind = usize::from(kind);
        if self.0.len() <= kind {
            self.0.resize(kind + 1, 0);
        }
        self.0[kind] += count;
    }

    /// Adds other counts.
    pub fn add_all(&mut self, others: impl IntoIterator<Item = (u8, u64)>) {
        others.into_iter().for_each(|(kind, count)| self.add(kind, count));
    }

    /// Each kind with its count.
    pub fn iter(&self) -> impl Iterator<Item = (u8, u64)> {
        self.0.iter().enumerate().map(|(kind, count)| (kind as u8, *count))
    }
}

/// The deliveries of a shard since its start.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct DeliveryStats {
    /// Broadcasts that were put into connections' outboxes. A broadcast that is replayed to a client counts again.
    pub delivered: CountsByKind,
    /// Delivered broadcasts that have certainly arrived.
    pub confirmed: CountsByKind,
    /// Delivered broadcasts that were not confirmed when their connection ended, and that the application did not take over; see
    /// [`Shard::take_unacked`].
    pub unconfirmed: CountsByKind,
}

impl DeliveryStats {
    /// Adds the counts of another shard.
    pub fn add(&mut self, other: &Self) {
        self.delivered.add_all(other.delivered.iter());
        self.confirmed.add_all(other.confirmed.iter());
        self.unconfirmed.add_all(other.unconfirmed.iter());
    }
}

type FewCounts = SmallVec<[(u8, u32); 4]>;

/// The broadcasts in a connection's outbox that are not confirmed. A connection that has received none since its last ping was answered has
/// none.
#[derive(Default, Debug)]
pub(crate) struct Unacked {
    /// Put there after the last ping.
    after_ping: FewCounts,
    /// Put there before the last ping, which is not answered yet.
    before_ping: FewCounts,
}

fn add(counts_by_kind: &mut FewCounts, kind: u8, count: u32) {
    match counts_by_kind.iter_mut().find(|(known, _)| *known == kind) {
        Some((_, sum)) => *sum += count,
        None => counts_by_kind.push((kind, count)),
    }
}

fn counts(counts_by_kind: FewCounts) -> impl Iterator<Item = (u8, u64)> {
    counts_by_kind.into_iter().map(|(kind, count)| (kind, count.into()))
}

impl<A: App> Connection<A> {
    /// Notes that a broadcast was put into the outbox. Returns whether it is counted.
    pub(crate) fn track_delivery(&mut self, kind: u8) -> bool {
        let is_pinged = self.version != Version::V3;
        if is_pinged {
            add(&mut self.unacked.get_or_insert_default().after_ping, kind, 1);
        }
        is_pinged
    }

    /// Notes that a ping is sent.
    pub(crate) fn request_ack(&mut self) {
        if let Some(unacked) = &mut self.unacked {
            for (kind, count) in std::mem::take(&mut unacked.after_ping) {
                add(&mut unacked.before_ping, kind, count);
            }
        }
    }
}

impl<A: App> Shard<A> {
    /// Notes that the last ping is answered.
    pub(crate) fn ack_deliveries(&mut self, slot: u32) {
        let Some(unacked) = &mut self.connections[slot as usize].unacked else { return };
        self.delivery_stats.confirmed.add_all(counts(std::mem::take(&mut unacked.before_ping)));
        if unacked.after_ping.is_empty() {
            self.connections[slot as usize].unacked = None;
        }
    }

    /// Counts the unconfirmed broadcasts of a connection that has ended, if the application did not take them over.
    pub(crate) fn expire_unacked(&mut self, unacked: Option<Box<Unacked>>) {
        let Some(unacked) = unacked else { return };
        self.delivery_stats.unconfirmed.add_all(counts(unacked.after_ping));
        self.delivery_stats.unconfirmed.add_all(counts(unacked.before_ping));
    }

    /// Takes the unconfirmed broadcasts of a socket's connection, by kind. From now on the caller counts them.
    pub fn take_unacked(&mut self, key: SocketKey) -> CountsByKind {
        let mut kinds = CountsByKind::default();
        let connection = self.socket(key).map(|socket| socket.connection);
        if let Some(unacked) = connection.and_then(|slot| self.connections[slot as usize].unacked.take()) {
            kinds.add_all(counts(unacked.after_ping));
            kinds.add_all(counts(unacked.before_ping));
        }
        kinds
    }

    /// The deliveries of this shard.
    pub fn delivery_stats(&self) -> &DeliveryStats {
        &self.delivery_stats
    }
}
