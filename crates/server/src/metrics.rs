//! The server's metrics, as a page for Prometheus.
//!
//! Nothing is counted twice: each part of the server keeps plain numbers of its own, and they are collected for each page. To add a
//! family, add one line to [`Metrics::page`].

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use domain::event::EventKind;
use engine::CountsByKind;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use store::{Histogram, Writer};

use crate::bytes_in_memory::BytesInHand;
use crate::logging;
use crate::memory_guard;
use crate::realtime::{CountsByName, Fanout, ShardQuery, UnackedDeliveries};

/// The type of the page.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The sources of the numbers.
pub struct Metrics {
    shard_query: Arc<ShardQuery>,
    writer: Writer,
    fanout: Arc<Fanout>,
    losses: Arc<UnackedDeliveries>,
    in_hand: Arc<BytesInHand>,
    rest: AtomicU64,
    rest_refused: Mutex<CountsByName>,
    http_refused: Mutex<CountsByName>,
}

impl Metrics {
    /// Inputs: the sources of the numbers.
    pub fn new(
        shard_query: Arc<ShardQuery>,
        writer: Writer,
        fanout: Arc<Fanout>,
        losses: Arc<UnackedDeliveries>,
        in_hand: Arc<BytesInHand>,
    ) -> Self {
        Self {
            shard_query,
            writer,
            fanout,
            losses,
            in_hand,
            rest: AtomicU64::new(0),
            rest_refused: Mutex::default(),
            http_refused: Mutex::default(),
        }
    }

    /// Counts an answer over HTTP. `refused` is the code of an error response.
    pub fn http_answered(&self, refused: Option<&'static str>) {
        self.rest.fetch_add(1, Ordering::Relaxed);
        if let Some(code) = refused {
            locked(&self.rest_refused).count(code);
        }
    }

    /// Counts a connection that found no slot for its HTTP phase.
    pub fn http_refused(&self, code: &'static str) {
        locked(&self.http_refused).count(code);
    }

    /// The page, in the text format of OpenMetrics. `None` if a shard does not answer.
    pub async fn page(&self) -> Option<String> {
        let (counters, shards, meter) = self.shard_query.engine_stats().await?;
        let writer = self.writer.stats();
        let mut page = MetricsPage(Registry::with_prefix("roomcast"));

        if let Ok(used) = memory_guard::used() {
            page.gauge("memory_bytes", "Memory that the process has written; MEMORY_LIMIT is about this", used);
        }
        let in_hand = self.in_hand.counts();
        page.gauge("in_hand_bytes", "Bytes of incomplete input and of unwritten output", in_hand.bytes as u64);
        let refused = [("address", in_hand.of_an_address), ("user", in_hand.of_a_user), ("all", in_hand.of_all)];
        page.counters("in_hand_refused", "How often a limit on these bytes was reached", "share", refused.into_iter().collect());
        page.counter("in_hand_ended", "Requests and connections that were ended to free these bytes", in_hand.ended);
        page.counter("log_writes_failed", "Log lines that could not be written to standard error", logging::failed_writes());
        page.gauge("uptime_seconds", "Time since the start", self.shard_query.uptime().as_secs());
        let connections = [("websocket", shards.websocket), ("polling", shards.polling), ("raw", shards.raw)];
        page.gauges("connections", "Open connections", "transport", connections);
        page.gauge("presence_narrowed", "1 while presence events for everyone go to contacts only", u64::from(self.fanout.is_narrowed()));
        page.gauge("sockets", "Sockets that were let in and are here", counters.connections());
        page.counter("sockets_accepted", "Sockets that were let in", counters.connected);
        page.counters("sockets_ended", "Sockets that have ended", "reason", counters.disconnected.by_name());
        page.counters(
            "http_connections_refused",
            "Connections that found no slot for HTTP: refused, or answered health checks only",
            "code",
            locked(&self.http_refused).by_name(),
        );
        page.counters("connections_refused", "Requests to be connected that were refused", "code", counters.rejected.by_name());
        page.gauge("rooms_on_shards", "Rooms with somebody in them, each counted on every shard where somebody is", shards.rooms);

        page.counters("requests", "What clients asked for over sockets", "event", counters.request.by_name());
        page.counters("requests_refused", "What was refused of that", "code", counters.request_failed.by_name());
        page.counter("rest_requests", "Requests over HTTP that were answered, but for those of sockets", self.rest.load(Ordering::Relaxed));
        page.counters("rest_requests_refused", "What was refused of that", "code", locked(&self.rest_refused).by_name());
        let (expired, resumed) = self.losses.settled(Instant::now());
        page.events("accepted", "Facts that are on the disk", &self.fanout.persisted_events());
        page.events("delivered", "Facts put into the outbox of a client that is pinged", &meter.delivered);
        page.events("confirmed", "Of those, what has arrived: a ping behind it was answered", &meter.confirmed);
        page.events("resumed", "Of those, what was settled by coming back: it had arrived, or was told again", &resumed);
        page.events(
            "expired",
            "Of those, what a client that might have come back as what it was had not confirmed, and it never did",
            &expired,
        );
        page.events(
            "let_go",
            "Of those, what a client had not confirmed that ended without a session to come back to: it said goodbye, or keeps count by itself",
            &meter.unconfirmed,
        );
        page.counter("sockets_recovered", "Sockets that came back as what they had been", counters.recovered);
        page.counter("deliveries", "Broadcasts put into an outbox", shards.delivered);
        page.counter("volatile_dropped", "Volatile messages that were not, because their receiver could not take them", shards.dropped);
        page.counter("signals_conflated", "Signals that took the place of an older one, for clients that do not keep up", shards.conflated);
        page.counter("connections_too_slow", "Connections closed because too much waited for them", shards.too_slow);
        page.gauge("outbox_bytes", "Bytes that wait to be written to clients", shards.outbox_bytes);

        page.gauge("writer_queue", "Commands that wait for the database", writer.waiting as u64);
        page.counter("writer_lost", "Commands refused because the database could not be written", writer.lost);
        page.histogram("writer_batch_commands", "Commands in a transaction", writer.batches);
        page.histogram("writer_commit_seconds", "How long commits took", writer.commits);
        page.text()
    }
}

fn locked(counts: &Mutex<CountsByName>) -> MutexGuard<'_, CountsByName> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A page that is being filled. A family's name has no unit or `_total` of its own but what is written here.
struct MetricsPage(Registry);

impl MetricsPage {
    fn counter(&mut self, name: &str, help: &str, value: u64) {
        let counter: Counter = Counter::default();
        counter.inc_by(value);
        self.0.register(name, help, counter);
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        let gauge: Gauge = Gauge::default();
        gauge.set(signed(value));
        self.0.register(name, help, gauge);
    }

    fn counters(&mut self, name: &str, help: &str, label: &'static str, values: BTreeMap<&'static str, u64>) {
        let family: Family<Labels, Counter> = Family::default();
        for (word, value) in values {
            family.get_or_create(&vec![(label, word)]).inc_by(value);
        }
        self.0.register(name, help, family);
    }

    /// The number of persisted events with this fate, by kind of event.
    fn events(&mut self, fate: &str, help: &str, kinds: &CountsByKind) {
        self.counters(&format!("facts_{fate}"), help, "event", by_event(kinds));
        let all = kinds.iter().map(|(_, count)| count).sum();
        self.counter(&format!("all_facts_{fate}"), &format!("{help}; of all kinds together"), all);
    }

    fn gauges<const N: usize>(&mut self, name: &str, help: &str, label: &'static str, values: [(&'static str, u64); N]) {
        let family: Family<Labels, Gauge> = Family::default();
        for (word, value) in values {
            family.get_or_create(&vec![(label, word)]).set(signed(value));
        }
        self.0.register(name, help, family);
    }

    fn histogram(&mut self, name: &'static str, help: &'static str, histogram: Histogram) {
        self.0.register_collector(Box::new(Observed { name, help, histogram }));
    }

    fn text(self) -> Option<String> {
        let mut page = String::new();
        // Writing to a text never fails.
        encode(&mut page, &self.0).ok()?;
        Some(page)
    }
}

/// Numbers by the kinds of events, without the zeros.
fn by_event(kinds: &CountsByKind) -> BTreeMap<&'static str, u64> {
    let named = kinds.iter().filter(|(_, count)| *count > 0);
    named.filter_map(|(kind, count)| Some((EventKind::name_of(kind)?, count))).collect()
}

type Labels = Vec<(&'static str, &'static str)>;

fn signed(value: u64) -> i64 {
    value.try_into().unwrap_or(i64::MAX)
}

/// A histogram that another part of the server has filled.
#[derive(Debug)]
struct Observed {
    name: &'static str,
    help: &'static str,
    histogram: Histogram,
}

impl Collector for Observed {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        let mut family = encoder.encode_descriptor(self.name, self.help, None, MetricType::Histogram)?;
        let buckets: Vec<(f64, u64)> = self.histogram.buckets().collect();
        family.encode_histogram::<NoLabelSet>(self.histogram.sum(), self.histogram.count(), &buckets, None)
    }
}
