//! What the tasks of a node share.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use bytes::Bytes;
use tokio::sync::Notify;

use super::core::{CoreOutput, NodeCore};
use super::publish_task::PublishQueue;
use super::sink::ClusterSink;
use super::stats::{ClusterStats, Counters};
use crate::event_stream::{EventStream, OrderedAction};
use crate::identity::{Incarnation, NodeId};
use crate::membership::LeaseGuard;
use crate::wire::{DecodeError, Envelope, EventFrame, Message, decode, encode, encode_events};

/// Events are published in messages of about this many bytes, so that no message delays others for long.
const MAX_BATCH_BYTES: usize = 512 << 10;

/// The state of a node, for its tasks and for the threads of the server.
pub(super) struct Shared {
    id: NodeId,
    core: Mutex<CoreState>,
    pub stream: EventStream,
    pub sink: Arc<dyn ClusterSink>,
    pub queue: PublishQueue,
    pub counters: Counters,
    pub guard: LeaseGuard,
    pub is_reachable: AtomicBool,
    /// Wakes the task of the lease, because a node is not known.
    pub renew: Notify,
    /// Wakes the task that steps the core, because something is due earlier.
    pub step: Notify,
    /// Wakes the task that reads the log.
    pub read: Notify,
}

struct CoreState {
    core: NodeCore,
    /// When the next step is planned.
    planned: Instant,
}

impl Shared {
    pub fn new(core: NodeCore, stream: EventStream, sink: Arc<dyn ClusterSink>, queue: PublishQueue, now: Instant) -> Self {
        Self {
            id: core.membership().own().id.clone(),
            core: Mutex::new(CoreState { core, planned: now }),
            stream,
            sink,
            queue,
            counters: Counters::default(),
            guard: LeaseGuard::new(now),
            is_reachable: AtomicBool::new(true),
            renew: Notify::new(),
            step: Notify::new(),
            read: Notify::new(),
        }
    }

    /// Reads the core.
    pub fn read_core<T>(&self, read: impl FnOnce(&NodeCore) -> T) -> T {
        read(&self.lock().core)
    }

    /// Changes the core, and executes its outputs in their order.
    pub fn with_core<T>(&self, change: impl FnOnce(&mut NodeCore, Instant) -> T) -> T {
        let mut state = self.lock();
        // After the lock, so that the times of the core do not run backwards.
        let now = Instant::now();
        let result = change(&mut state.core, now);
        for output in state.core.take_outputs() {
            self.execute(&state.core, output);
        }
        self.guard.beat(now);
        if state.core.due() < state.planned {
            self.step.notify_one();
        }
        result
    }

    /// Does what is due, and returns when to call this again.
    pub fn step_core(&self, latest: Instant) -> Instant {
        self.with_core(|core, now| core.step(now));
        let mut state = self.lock();
        state.planned = state.core.due().min(latest);
        state.planned
    }

    /// Delivers committed events of this node as soon as they are next, and publishes them for the other nodes.
    pub fn commit(&self, ordered: Vec<(u64, OrderedAction)>, events: Vec<EventFrame>) {
        self.notice_pause();
        let messages = self.encode_batches(&events);
        self.stream.commit(ordered, events, Instant::now());
        messages.into_iter().for_each(|message| self.publish(message));
        self.read.notify_one();
    }

    /// Takes a message of the bus.
    pub fn receive(&self, bytes: Bytes) {
        let envelope = match decode(bytes) {
            Ok(envelope) => envelope,
            Err(error) => return self.skip(error),
        };
        if envelope.node == self.id {
            return;
        }
        self.counters.received.fetch_add(1, Ordering::Relaxed);
        match envelope {
            Envelope { message: Message::Events(events), .. } => self.receive_events(events),
            envelope => self.with_core(|core, now| core.receive(envelope, now)),
        }
    }

    /// The numbers for metrics.
    pub fn stats(&self) -> ClusterStats {
        let mut stats = ClusterStats::default();
        self.counters.fill(&mut stats);
        stats.events = self.stream.stats();
        stats.redis_is_reachable = self.is_reachable.load(Ordering::Relaxed);
        self.read_core(|core| {
            stats.nodes = 1 + core.membership().others().count();
            stats.missed_presence = core.missed_changes();
        });
        stats
    }

    fn receive_events(&self, events: Vec<EventFrame>) {
        self.notice_pause();
        let now = Instant::now();
        match (self.sink.has_capacity(), events.last()) {
            (false, Some(last)) => self.stream.learn(last.last(), now),
            _ => self.stream.offer(events, now),
        }
        self.read.notify_one();
    }

    /// A node that was paused ends its connections before it delivers anything.
    pub fn notice_pause(&self) {
        if !self.guard.is_valid(Instant::now()) {
            self.with_core(|core, now| core.step(now));
        }
    }

    fn skip(&self, error: DecodeError) {
        self.counters.skip(error);
        tracing::debug!(%error, "skipped a message on the channel of the cluster");
    }

    fn encode_batches(&self, events: &[EventFrame]) -> Vec<Bytes> {
        let incarnation = self.incarnation();
        let (mut messages, mut start, mut bytes) = (Vec::new(), 0, 0);
        for (index, event) in events.iter().enumerate() {
            bytes += event.size();
            if bytes >= MAX_BATCH_BYTES || index + 1 == events.len() {
                messages.push(encode_events(&self.id, incarnation, &events[start..=index]));
                (start, bytes) = (index + 1, 0);
            }
        }
        messages
    }

    fn incarnation(&self) -> Incarnation {
        self.read_core(|core| core.membership().own().incarnation)
    }

    fn publish(&self, message: Bytes) {
        if !self.queue.push(message) {
            self.counters.unpublished.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn execute(&self, core: &NodeCore, output: CoreOutput) {
        match output {
            CoreOutput::Publish(message) => {
                let own = core.membership().own();
                self.publish(encode(&Envelope { node: own.id.clone(), incarnation: own.incarnation, message }));
            }
            CoreOutput::Membership(event) => self.sink.membership(event),
            CoreOutput::Presence(transition) => self.sink.presence(transition),
            CoreOutput::Ephemeral(from, event) => self.sink.ephemeral(&from, event),
            CoreOutput::OtherValue(node, key, value) => self.sink.other_value(&node, &key, &value),
            CoreOutput::Usage(charges) => self.sink.usage(charges),
            CoreOutput::RenewNow => self.renew.notify_one(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, CoreState> {
        self.core.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
