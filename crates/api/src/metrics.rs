//! The server's metrics, as a page for Prometheus.
//!
//! Each part of the server counts its own events in plain numbers, which are collected for each page. To add a
//! family, add one line to the method of its group below.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use domain::event::EventKind;
use engine::{CountsByKind, DeliveryStats, ShardStats};
use forwarding::Forwarder;
use limits::bytes_in_memory::BytesInHand;
use limits::memory_guard;
use logging;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{DescriptorEncoder, NoLabelSet};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::registry::Registry;
use realtime::nodes::{ClusterNode, NodeHandle, no_delivery_delays};
use realtime::{CountsByName, Fanout, ShardCounters, ShardQuery, UnackedDeliveries};
use store::{Histogram, Writer};

use crate::metric_readings::MetricReadings;

/// The type of the page.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The sources of the numbers.
pub struct Metrics {
    shard_query: Arc<ShardQuery>,
    writer: Writer,
    fanout: Arc<Fanout>,
    unacked_deliveries: Arc<UnackedDeliveries>,
    in_hand: Arc<BytesInHand>,
    /// This server as one of several nodes.
    cluster: Option<ClusterSources>,
    rest: AtomicU64,
    rest_rejected: Mutex<CountsByName>,
    http_rejected: Mutex<CountsByName>,
}

/// The sources of the numbers of one of several nodes.
pub struct ClusterSources {
    /// The node.
    pub node: Arc<NodeHandle>,
    /// Forwards requests to other nodes.
    pub forwarder: Forwarder,
}

impl Metrics {
    /// The inputs are the sources of the numbers.
    pub fn new(
        shard_query: Arc<ShardQuery>,
        writer: Writer,
        fanout: Arc<Fanout>,
        unacked_deliveries: Arc<UnackedDeliveries>,
        in_hand: Arc<BytesInHand>,
        cluster: Option<ClusterSources>,
    ) -> Self {
        Self {
            shard_query,
            writer,
            fanout,
            unacked_deliveries,
            in_hand,
            cluster,
            rest: AtomicU64::new(0),
            rest_rejected: Mutex::default(),
            http_rejected: Mutex::default(),
        }
    }

    /// Counts a response over HTTP. `rejected` is the code of an error response.
    pub fn http_answered(&self, rejected: Option<&'static str>) {
        self.rest.fetch_add(1, Ordering::Relaxed);
        if let Some(code) = rejected {
            locked(&self.rest_rejected).count(code);
        }
    }

    /// Counts a connection that found no slot for its HTTP phase.
    pub fn http_rejected(&self, code: &'static str) {
        locked(&self.http_rejected).count(code);
    }

    /// The page, in the text format of OpenMetrics. `None` if a shard does not respond.
    pub async fn page(&self) -> Option<String> {
        self.collect().await?.text()
    }

    /// The families of the page, without their values. `None` if a shard does not respond.
    pub async fn families(&self) -> Option<Vec<MetricFamily>> {
        Some(self.collect().await?.families)
    }

    /// The values of the page. `None` if a shard does not respond.
    pub async fn readings(&self) -> Option<MetricReadings> {
        Some(self.collect().await?.readings)
    }

    async fn collect(&self) -> Option<MetricsPage> {
        let (counters, shards, delivery) = self.shard_query.engine_stats().await?;
        let mut page = MetricsPage::default();
        self.add_process(&mut page);
        self.add_connections(&mut page, &counters, &shards);
        self.add_requests(&mut page, &counters);
        self.add_events(&mut page, &delivery);
        add_outboxes(&mut page, &shards);
        self.add_writer(&mut page);
        self.add_adapter(&mut page);
        self.add_nodes(&mut page);
        self.add_forwarding(&mut page);
        Some(page)
    }

    fn add_process(&self, page: &mut MetricsPage) {
        if let Ok(used) = memory_guard::used() {
            page.gauge("memory_bytes", "Memory that the process has written; compared with MEMORY_LIMIT", used);
        }
        let in_hand = self.in_hand.counts();
        page.gauge("in_hand_bytes", "Bytes of incomplete input and of unwritten output", in_hand.bytes as u64);
        let rejected = [("address", in_hand.of_an_address), ("user", in_hand.of_a_user), ("all", in_hand.of_all)];
        page.counters("in_hand_refused", "How often a limit on these bytes was reached", "share", rejected.into_iter().collect());
        page.counter("in_hand_ended", "Requests and connections that were ended to free these bytes", in_hand.ended);
        page.counter("log_writes_failed", "Log lines that could not be written to standard error", logging::failed_writes());
        page.gauge("uptime_seconds", "Time since the start", self.shard_query.uptime().as_secs());
    }

    fn add_connections(&self, page: &mut MetricsPage, counters: &ShardCounters, shards: &ShardStats) {
        let connections = [("websocket", shards.websocket), ("polling", shards.polling), ("raw", shards.raw)];
        page.gauges("connections", "Open connections", "transport", connections);
        page.gauge("presence_narrowed", "1 while presence for everyone is sent to contacts only", u64::from(self.fanout.is_narrowed()));
        page.gauge("sockets", "Authenticated sockets; a connection has one in each namespace", counters.connections());
        page.counter("sockets_accepted", "Sockets that were accepted", counters.connected);
        page.counter("sockets_recovered", "Sockets that were recovered", counters.recovered);
        page.counters("sockets_ended", "Sockets that ended", "reason", counters.disconnected.by_name());
        page.counters(
            "http_connections_refused",
            "Connections that found no slot for HTTP: rejected, or limited to health checks",
            "code",
            locked(&self.http_rejected).by_name(),
        );
        page.counters("connections_refused", "Rejected connection attempts", "code", counters.rejected.by_name());
        page.counter("connections_too_slow", "Connections that were closed because their outbox was full", shards.too_slow);
        page.gauge("rooms_on_shards", "Rooms with a connection, counted on every shard", shards.rooms);
    }

    fn add_requests(&self, page: &mut MetricsPage, counters: &ShardCounters) {
        page.counters("requests", "Requests over sockets", "event", counters.request.by_name());
        page.counters("requests_refused", "Failed requests over sockets", "code", counters.request_failed.by_name());
        page.counter("rest_requests", "HTTP requests with a response, without those of sockets", self.rest.load(Ordering::Relaxed));
        page.counters("rest_requests_refused", "Failed HTTP requests", "code", locked(&self.rest_rejected).by_name());
    }

    fn add_events(&self, page: &mut MetricsPage, delivery: &DeliveryStats) {
        let (expired, resumed) = self.unacked_deliveries.settled(Instant::now());
        page.events("accepted", "Persisted events on the disk", &self.fanout.persisted_events());
        page.events("delivered", "Persisted events put into the outbox of a client that is pinged", &delivery.delivered);
        page.events("confirmed", "Delivered events that the client has acknowledged: it answered a later ping", &delivery.confirmed);
        page.events("resumed", "Delivered events that a recovery settled: the client had received them, or they were replayed", &resumed);
        page.events("expired", "Delivered, unacknowledged events of clients whose recovery window has ended", &expired);
        page.events("let_go", "Delivered, unacknowledged events of clients without a session to recover", &delivery.unconfirmed);
    }

    fn add_adapter(&self, page: &mut MetricsPage) {
        let adapter = self.fanout.adapter_stats();
        page.gauge("adapter_connected", "1 while the connections of SOCKETIO_ADAPTER to Redis are open", u64::from(adapter.connected));
        let messages = [
            ("published", adapter.published),
            ("received", adapter.received),
            ("dropped_outgoing", adapter.dropped_outgoing),
            ("dropped_incoming", adapter.dropped_incoming),
            ("uncertain", adapter.uncertain),
            ("garbage", adapter.garbage),
            ("unencodable", adapter.unencodable),
            ("late", adapter.late_answers),
        ];
        page.counters("adapter_messages", "Messages from and to socket.io servers", "state", messages.into_iter().collect());
        page.counter("adapter_reconnects", "Connections to Redis that were made again", adapter.reconnects);
    }

    fn add_nodes(&self, page: &mut MetricsPage) {
        let stats = self.cluster.as_ref().and_then(|cluster| cluster.node.get()).map(ClusterNode::stats).unwrap_or_default();
        page.gauge("nodes", "Nodes that count as alive, with this one; 0 if this server is no node of a cluster", stats.nodes as u64);
        page.gauge("redis_connected", "1 while one of several nodes can reach Redis", u64::from(stats.redis_is_reachable));
        page.counter("redis_reconnects", "Connections of a node to Redis that were made again", stats.redis_reconnects);
        let messages = [
            ("published", stats.published),
            ("unpublished", stats.unpublished),
            ("received", stats.received),
            ("skipped_foreign", stats.skipped_foreign),
            ("skipped_unknown", stats.skipped_unknown),
            ("skipped_damaged", stats.skipped_damaged),
        ];
        page.counters("node_messages", "Messages from and to other nodes", "state", messages.into_iter().collect());
        page.counter(
            "node_presence_missed",
            "Changes of presence of other nodes that were missed, and read as a list",
            stats.missed_presence,
        );
        let events = stats.events;
        let log = [
            ("delivered", events.delivered),
            ("read_from_log", events.read_from_log),
            ("duplicate", events.duplicates),
            ("dropped", events.dropped),
            ("rejected", events.rejected),
        ];
        page.counters("node_events", "Events of all nodes in the order of their offsets", "state", log.into_iter().collect());
        page.counter("node_gaps", "Gaps in the offsets, for which the event log was read", events.gaps);
        page.counter("node_log_reads_failed", "Reads of the event log that failed", events.failed_reads);
        let delays = self.cluster.as_ref().map_or_else(no_delivery_delays, |cluster| cluster.node.delivery_delays());
        page.histogram(
            "node_delivery_seconds",
            "Time from a transaction on any node to the delivery of its event here, by the clocks of both",
            delays,
        );
    }

    fn add_forwarding(&self, page: &mut MetricsPage) {
        let stats = self.cluster.as_ref().map(|cluster| cluster.forwarder.stats()).unwrap_or_default();
        let requests = [
            ("sent", stats.forwarded),
            ("received", stats.received),
            ("unreachable", stats.unreachable),
            ("refused", stats.refused),
            ("refused_by_others", stats.refused_by_others),
            ("response_lost", stats.responses_lost),
        ];
        page.counters("forwarded_requests", "Requests of sessions that another node owns", "state", requests.into_iter().collect());
        page.gauge("relayed_websockets", "Open WebSockets of sessions that another node owns", stats.relays);
    }

    fn add_writer(&self, page: &mut MetricsPage) {
        let writer = self.writer.stats();
        page.gauge("writer_queue", "Commands that wait for the database", writer.waiting as u64);
        page.counter("writer_lost", "Commands that failed because the database could not be written", writer.lost);
        page.counter("writer_repeated", "Commands that were executed again because their transaction had failed", writer.repeated);
        page.counter("writer_round_trips", "Round trips of the writer to PostgreSQL", writer.round_trips);
        page.counter("writer_reconnects", "Connections of the writer to PostgreSQL that were made again", writer.reconnects);
        page.histogram("writer_batch_commands", "Commands in a transaction", writer.batches);
        page.histogram("writer_commit_seconds", "Duration of a commit", writer.commits);
    }
}

fn add_outboxes(page: &mut MetricsPage, shards: &ShardStats) {
    page.counter("deliveries", "Messages put into an outbox", shards.delivered);
    page.counter("volatile_dropped", "Volatile messages that were dropped for slow receivers", shards.dropped);
    page.counter("signals_conflated", "Ephemeral messages that a newer one replaced in an outbox", shards.conflated);
    page.gauge("outbox_bytes", "Bytes that wait to be written to clients", shards.outbox_bytes);
}

fn locked(counts: &Mutex<CountsByName>) -> MutexGuard<'_, CountsByName> {
    counts.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The description of a metric.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct MetricFamily {
    /// Its name, without the prefix of all metrics and the suffix of a counter.
    pub name: String,
    /// `counter`, `gauge` or `histogram`.
    pub kind: &'static str,
    /// Its label; empty if it has none.
    pub label: &'static str,
    /// Its meaning.
    pub help: String,
}

/// A page that is being filled. The encoder adds `_total` to the names of counters; units are a part of the names here.
struct MetricsPage {
    registry: Registry,
    families: Vec<MetricFamily>,
    readings: MetricReadings,
}

impl Default for MetricsPage {
    fn default() -> Self {
        Self { registry: Registry::with_prefix("roomcast"), families: Vec::new(), readings: MetricReadings::default() }
    }
}

impl MetricsPage {
    fn counter(&mut self, name: &str, help: &str, value: u64) {
        let counter: Counter = Counter::default();
        counter.inc_by(value);
        self.readings.put(name, BTreeMap::from([("", value)]));
        self.describe(name, "counter", "", help);
        self.registry.register(name, help, counter);
    }

    fn gauge(&mut self, name: &str, help: &str, value: u64) {
        let gauge: Gauge = Gauge::default();
        gauge.set(signed(value));
        self.readings.put(name, BTreeMap::from([("", value)]));
        self.describe(name, "gauge", "", help);
        self.registry.register(name, help, gauge);
    }

    fn counters(&mut self, family_name: &str, help: &str, label: &'static str, values: BTreeMap<&'static str, u64>) {
        let family: Family<Labels, Counter> = Family::default();
        for (name, value) in &values {
            family.get_or_create(&vec![(label, *name)]).inc_by(*value);
        }
        self.readings.put(family_name, values);
        self.describe(family_name, "counter", label, help);
        self.registry.register(family_name, help, family);
    }

    /// The number of persisted events with this fate, by kind of event.
    fn events(&mut self, fate: &str, help: &str, kinds: &CountsByKind) {
        self.counters(&format!("facts_{fate}"), help, "event", by_event(kinds));
        let all = kinds.iter().map(|(_, count)| count).sum();
        self.counter(&format!("all_facts_{fate}"), &format!("{help}; of all kinds together"), all);
    }

    fn gauges<const N: usize>(&mut self, family_name: &str, help: &str, label: &'static str, values: [(&'static str, u64); N]) {
        let family: Family<Labels, Gauge> = Family::default();
        for (name, value) in values {
            family.get_or_create(&vec![(label, name)]).set(signed(value));
        }
        self.readings.put(family_name, values.into_iter().collect());
        self.describe(family_name, "gauge", label, help);
        self.registry.register(family_name, help, family);
    }

    fn histogram(&mut self, name: &'static str, help: &'static str, histogram: Histogram) {
        self.describe(name, "histogram", "", help);
        self.readings.put_histogram(name, histogram.clone());
        self.registry.register_collector(Box::new(Observed { name, help, histogram }));
    }

    fn describe(&mut self, name: &str, kind: &'static str, label: &'static str, help: &str) {
        self.families.push(MetricFamily { name: name.to_owned(), kind, label, help: help.to_owned() });
    }

    fn text(self) -> Option<String> {
        let mut page = String::new();
        // Writing to a text never fails.
        encode(&mut page, &self.registry).ok()?;
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
