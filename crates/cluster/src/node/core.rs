//! The decisions of a node about the other nodes, presence and ephemeral events.
//!
//! A state machine: the caller passes the time, the messages of the bus, the results of renewing the lease, and random numbers; and executes the outputs
//! in their order. Before each call that has a time, the machine checks whether the node was paused.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use bytes::Bytes;

use crate::identity::{Incarnation, NodeId, NodeInfo};
use crate::membership::{Listing, Membership, MembershipEvent};
use crate::presence::{ClusterPresence, OwnPresence, PeerPresence, PeerUpdate, PresenceTransition};
use crate::shared_limits::UsageReports;
use crate::wire::{Envelope, EphemeralFrame, Message, PresenceChange, PresenceKey, Usage};

use super::ephemeral_batch::EphemeralBatch;

/// How often a digest is published.
const DIGEST_INTERVAL: Duration = Duration::from_secs(5);

/// How often a heartbeat is published. A node that receives its own heartbeat knows that its subscription works.
const HEARTBEAT_INTERVAL: Duration = Duration::from_secs(1);

/// The shortest time between two renewals that were asked for because a node is not known.
const LISTING_INTERVAL: Duration = Duration::from_millis(100);

/// What the caller has to do.
#[derive(Clone, PartialEq, Debug)]
pub enum CoreOutput {
    /// Publish a message, in the present incarnation of the node.
    Publish(Message),
    /// Report a change of the nodes to the server.
    Membership(MembershipEvent),
    /// Report a change of presence to the server.
    Presence(PresenceTransition),
    /// Report the value of another node's entry about a user who is online to the server.
    OtherValue(NodeId, PresenceKey, Bytes),
    /// Report the charges of another node to budgets to the server.
    Usage(Vec<Usage>),
    /// Give the server an ephemeral event of another node.
    Ephemeral(NodeId, EphemeralFrame),
    /// Renew the lease now, because it received a message from a node or incarnation that it does not know.
    RenewNow,
}

/// The state machine.
pub struct NodeCore {
    membership: Membership,
    own: OwnPresence,
    peers: BTreeMap<NodeId, PeerPresence>,
    union: ClusterPresence,
    ephemeral: EphemeralBatch,
    usage: UsageReports,
    /// How long the users of a dead node stay online.
    grace: Duration,
    digest_at: Instant,
    heartbeat_at: Instant,
    listing_wanted_at: Option<Instant>,
    fresh: Box<dyn FnMut() -> Incarnation + Send>,
    outputs: Vec<CoreOutput>,
}

impl NodeCore {
    /// A node that has no lease yet. `grace`: how long the users of a dead node stay online. `fresh`: makes random numbers for new incarnations.
    pub fn new(own: NodeInfo, grace: Duration, now: Instant, fresh: Box<dyn FnMut() -> Incarnation + Send>) -> Self {
        Self {
            membership: Membership::new(own, now),
            own: OwnPresence::default(),
            peers: BTreeMap::new(),
            union: ClusterPresence::default(),
            ephemeral: EphemeralBatch::default(),
            usage: UsageReports::default(),
            grace,
            digest_at: now + DIGEST_INTERVAL,
            heartbeat_at: now,
            listing_wanted_at: None,
            fresh,
            outputs: Vec::new(),
        }
    }

    /// This node and the others.
    pub fn membership(&self) -> &Membership {
        &self.membership
    }

    /// The users who are present on any node.
    pub fn presence(&self) -> &ClusterPresence {
        &self.union
    }

    /// Whether the entries of all known nodes are known.
    pub fn is_complete(&self) -> bool {
        self.peers.values().all(PeerPresence::is_complete)
    }

    /// How often a change of another node was missed.
    pub fn missed_changes(&self) -> u64 {
        self.peers.values().map(PeerPresence::missed).sum()
    }

    /// The outputs since the last call, to be executed in their order.
    pub fn take_outputs(&mut self) -> Vec<CoreOutput> {
        std::mem::take(&mut self.outputs)
    }

    /// When to call [`NodeCore::step`] again at the latest, besides every 100 ms.
    pub fn due(&self) -> Instant {
        let asks = self.peers.values().filter_map(PeerPresence::ask_due).min();
        let others = [self.own.due(), self.union.due(), self.ephemeral.due(), self.usage.due(), asks];
        others.into_iter().flatten().fold(self.digest_at.min(self.heartbeat_at), Instant::min)
    }

    /// Does what is due.
    pub fn step(&mut self, now: Instant) {
        self.check_pause(now);
        if self.digest_at <= now {
            self.digest_at = now + DIGEST_INTERVAL;
            let messages = self.own.publish_digest();
            self.publish(messages);
        }
        if self.heartbeat_at <= now {
            self.heartbeat_at = now + HEARTBEAT_INTERVAL;
            self.publish([Message::Heartbeat]);
        }
        let messages = self.own.publish(now);
        self.publish(messages);
        if let Some(events) = self.ephemeral.take_due(now) {
            self.publish([Message::Ephemeral(events)]);
        }
        if let Some(charges) = self.usage.take_due(now) {
            self.publish([Message::Usage(charges)]);
        }
        let expired = self.union.expire(now);
        self.outputs.extend(expired.into_iter().map(CoreOutput::Presence));
        let asks = self.peers.iter_mut().filter_map(|(id, peer)| peer.take_ask(now).then(|| id.clone()));
        self.outputs.extend(asks.map(|of| CoreOutput::Publish(Message::PresenceRequest { of })));
    }

    /// Publishes everything that waits, because the node stops.
    pub fn flush(&mut self, now: Instant) {
        self.check_pause(now);
        let messages = self.own.publish_digest();
        self.publish(messages);
        if let Some(events) = self.ephemeral.take_all(now) {
            self.publish([Message::Ephemeral(events)]);
        }
    }

    /// Publishes an ephemeral event for the other nodes.
    pub fn publish_ephemeral(&mut self, event: EphemeralFrame, now: Instant) {
        self.check_pause(now);
        if let Some(events) = self.ephemeral.add(event, now) {
            self.publish([Message::Ephemeral(events)]);
        }
    }

    /// Reports a charge to a budget to the other nodes.
    pub fn report_usage(&mut self, budget: &str, amount: u32, now: Instant) {
        self.check_pause(now);
        if !self.peers.is_empty() {
            self.usage.charge(budget, amount, now);
        }
    }

    /// Sets an entry of this node.
    pub fn set_presence(&mut self, key: &PresenceKey, value: Bytes, now: Instant) {
        self.check_pause(now);
        if let Some(value) = self.own.set(key, value, now) {
            let added = self.union.set(&self.membership.own().id, key, &value);
            self.outputs.extend(added.map(CoreOutput::Presence));
        }
    }

    /// Removes an entry of this node. `left`: the user left by choice or was removed, so the user has not moved to another node.
    pub fn remove_presence(&mut self, key: &PresenceKey, left: bool, now: Instant) {
        self.check_pause(now);
        if self.own.remove(key, left, now) {
            let id = self.membership.own().id.clone();
            let until = (!left && !self.peers.is_empty()).then(|| ClusterPresence::end_of_move(now));
            let went = self.union.remove(&id, key, until, left);
            self.outputs.extend(went.map(CoreOutput::Presence));
        }
    }

    /// The lease could not be renewed.
    pub fn renewal_failed(&mut self, now: Instant) {
        self.check_pause(now);
        let away = self.membership.renewal_failed();
        self.outputs.extend(away.map(CoreOutput::Membership));
    }

    /// The lease was renewed, for this incarnation; see [`Membership::renewed`].
    pub fn renewed(&mut self, listing: Listing, began: Instant, now: Instant) {
        self.check_pause(now);
        let events = self.membership.renewed(listing, began, now, &mut self.fresh);
        for event in events {
            self.apply_membership(&event, now);
            // Redis must have the new incarnation before other nodes accept messages of it.
            let is_new_incarnation = matches!(event, MembershipEvent::LeaseLost { .. } | MembershipEvent::Rejoined { .. });
            self.outputs.push(CoreOutput::Membership(event));
            self.outputs.extend(is_new_incarnation.then_some(CoreOutput::RenewNow));
        }
    }

    /// Takes a message of the bus that carries no persisted events.
    pub fn receive(&mut self, envelope: Envelope, now: Instant) {
        self.check_pause(now);
        let Envelope { node, incarnation, message } = envelope;
        if node == self.membership.own().id {
            return;
        }
        if self.membership.other(&node).is_none_or(|known| known.incarnation != incarnation) {
            self.want_listing(now);
        }
        match message {
            Message::Ephemeral(events) => self.outputs.extend(events.into_iter().map(|event| CoreOutput::Ephemeral(node.clone(), event))),
            Message::PresenceRequest { of } => {
                if of == self.membership.own().id {
                    self.own.request_list(now);
                }
            }
            Message::Usage(charges) => self.outputs.push(CoreOutput::Usage(charges)),
            Message::Events(_) | Message::Heartbeat => {}
            Message::PresenceChanges { counter, changes } => {
                self.update_peer(&node, incarnation, now, |peer| peer.change(counter, changes, now))
            }
            Message::PresenceList { counter, part, parts, entries } => {
                self.update_peer(&node, incarnation, now, |peer| peer.list_part(counter, part, parts, entries));
            }
            Message::PresenceDigest(digest) => self.update_peer(&node, incarnation, now, |peer| {
                peer.digest(digest, now);
                PeerUpdate::default()
            }),
        }
    }

    fn publish(&mut self, messages: impl IntoIterator<Item = Message>) {
        self.outputs.extend(messages.into_iter().map(CoreOutput::Publish));
    }

    fn check_pause(&mut self, now: Instant) {
        if let Some(lost) = self.membership.step(now, &mut self.fresh) {
            self.outputs.extend([CoreOutput::Membership(lost), CoreOutput::RenewNow]);
        }
    }

    fn want_listing(&mut self, now: Instant) {
        if self.listing_wanted_at.is_none_or(|at| at + LISTING_INTERVAL <= now) {
            self.listing_wanted_at = Some(now);
            self.outputs.push(CoreOutput::RenewNow);
        }
    }

    fn apply_membership(&mut self, event: &MembershipEvent, now: Instant) {
        match event {
            MembershipEvent::NodeUp(node) => {
                self.peers.insert(node.id.clone(), PeerPresence::new(node.incarnation, now));
            }
            MembershipEvent::NodeRestarted(node) => {
                let peer = self.peers.entry(node.id.clone()).or_insert_with(|| PeerPresence::new(node.incarnation, now));
                peer.restart(node.incarnation, now);
            }
            MembershipEvent::NodeDown(node) => {
                let ended = self.peers.remove(&node.id).map(|mut peer| peer.end_all()).unwrap_or_default();
                for key in ended {
                    let went = self.union.remove(&node.id, &key, Some(now + self.grace), false);
                    self.outputs.extend(went.map(CoreOutput::Presence));
                }
            }
            MembershipEvent::LeaseLost { .. }
            | MembershipEvent::Rejoined { .. }
            | MembershipEvent::Replaced { .. }
            | MembershipEvent::RedisAway
            | MembershipEvent::RedisBack => {}
        }
        self.ephemeral.set_others(self.peers.len());
    }

    /// Applies a message about the entries of another node, if it comes from the incarnation that is listed in Redis.
    fn update_peer(&mut self, node: &NodeId, incarnation: Incarnation, now: Instant, update: impl FnOnce(&mut PeerPresence) -> PeerUpdate) {
        let Some(peer) = self.peers.get_mut(node).filter(|peer| peer.incarnation() == incarnation) else { return };
        let PeerUpdate { changes, after_restart } = update(peer);
        let ends_at = if after_restart { now + self.grace } else { ClusterPresence::end_of_move(now) };
        for (key, change) in changes {
            let transition = match change {
                PresenceChange::Set(value) => {
                    let added = self.union.set_shared(node, &key, &value);
                    if key.is_online() {
                        self.outputs.push(CoreOutput::OtherValue(node.clone(), PresenceKey::clone(&key), value));
                    }
                    added
                }
                PresenceChange::Ended => self.union.remove(node, &key, Some(ends_at), false),
                PresenceChange::Left => self.union.remove(node, &key, None, true),
            };
            self.outputs.extend(transition.map(CoreOutput::Presence));
        }
    }
}
