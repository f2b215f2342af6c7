//! The first page: how much the server does now, and over the last 15 minutes.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use maud::{Markup, html};
use serde::Serialize;

use crate::layout::{Page, tile, update_switch};
use crate::operator::Operator;
use crate::samples::Sample;
use crate::{Console, format};

/// The number of samples over which the tiles average: one minute.
const AVERAGED: usize = 12;

/// The charts: a title, the unit of the values, and the lines with their names in the legend.
const CHARTS: [Chart; 4] = [
    Chart { title: "Connections", unit: "", lines: &[("websocket", "WebSocket"), ("polling", "long-polling"), ("raw", "raw WebSocket")] },
    Chart { title: "Events and deliveries", unit: "/s", lines: &[("accepted", "events stored"), ("delivered", "messages to clients")] },
    Chart { title: "Time to store", unit: " ms", lines: &[("p50", "half of the commits"), ("p99", "99 % of the commits")] },
    Chart { title: "Memory", unit: " MB", lines: &[("memory", "process"), ("outbox", "waiting for clients")] },
];

struct Chart {
    title: &'static str,
    unit: &'static str,
    lines: &'static [(&'static str, &'static str)],
}

/// The page.
pub(crate) async fn page(State(console): State<Arc<Console>>, operator: Operator) -> Response {
    let samples = console.samples.all();
    let content = html! {
        div.bar { p.lead { "What this server does now, and over the last 15 minutes." } (update_switch()) }
        div #numbers hx-get="/console" hx-select="#numbers" hx-swap="outerHTML" hx-trigger="every 5s" {
            @match samples.last() {
                Some(last) => (tiles(&console, last, &samples[samples.len().saturating_sub(AVERAGED + 1)])),
                None => p { "The first numbers appear within 5 seconds." },
            }
        }
        div #charts.charts data-series="/console/series" { @for chart in &CHARTS { (figure(chart)) } }
    };
    Page { title: "Overview", section: "/console", content }.render(&console, &operator)
}

fn tiles(console: &Console, now: &Sample, earlier: &Sample) -> Markup {
    let rate = |counter: fn(&Sample) -> u64| format!("{}/s", format::rate(now.rate(earlier, counter)));
    let quantile = |share| now.commit_quantile(earlier, share).map_or_else(|| "–".to_owned(), format::milliseconds);
    let transports =
        format!("{} WebSocket, {} long-polling, {} raw", format::count(now.websocket), format::count(now.polling), format::count(now.raw));
    let nodes = match now.nodes {
        0 => "a single server".to_owned(),
        nodes => format!("{} nodes", format::count(nodes)),
    };
    html! {
        dl.tiles {
            (tile("Connections", &format::count(now.connections()), &transports))
            (tile("Users online", &format::count(console.deps.online_users.count() as u64), &format!("{} sockets", format::count(now.sockets))))
            (tile("Events stored", &rate(|sample| sample.accepted), &format!("{} since the start", format::count(now.accepted))))
            (tile("Messages to clients", &rate(|sample| sample.delivered), &format!("{} since the start", format::count(now.delivered))))
            (tile("Confirmed deliveries", &rate(|sample| sample.confirmed), &format!("{} expired since the start", format::count(now.expired))))
            (tile("Requests", &rate(|sample| sample.requests), &format!("{} since the start", format::count(now.requests))))
            (tile("Refused", &rate(refused), &format!("{} since the start", format::count(refused(now)))))
            (tile("Time to store", &quantile(0.5), &format!("99 %: {}", quantile(0.99))))
            (tile("Waiting for the database", &format::count(now.queue), "commands"))
            (tile("Waiting for clients", &format::bytes(now.outbox), "in outboxes"))
            (tile("Memory", &format::bytes(now.memory), ""))
            (tile("Running", &format::duration(Duration::from_secs(now.uptime)), &nodes))
        }
        p.hint { "Rates and times are those of the last minute." }
    }
}

fn refused(sample: &Sample) -> u64 {
    sample.refused.values().sum()
}

fn figure(chart: &Chart) -> Markup {
    let lines: Vec<&str> = chart.lines.iter().map(|(line, _)| *line).collect();
    let names: Vec<&str> = chart.lines.iter().map(|(_, name)| *name).collect();
    html! {
        figure.chart data-lines=(lines.join(",")) data-names=(names.join(",")) data-unit=(chart.unit) {
            figcaption { (chart.title) }
            div.plot role="img" aria-label=(format!("{} over the last 15 minutes", chart.title)) {}
            ul.legend { @for name in names { li { (name) } } }
        }
    }
}

/// The lines of the charts: for each sample but the first one, its time and its values. `null` is no value.
#[derive(Serialize)]
pub(crate) struct Series {
    /// In seconds since 1970.
    time: Vec<i64>,
    websocket: Vec<u64>,
    polling: Vec<u64>,
    raw: Vec<u64>,
    accepted: Vec<f64>,
    delivered: Vec<f64>,
    /// In milliseconds.
    p50: Vec<Option<f64>>,
    /// In milliseconds.
    p99: Vec<Option<f64>>,
    /// In megabytes.
    memory: Vec<f64>,
    /// In megabytes.
    outbox: Vec<f64>,
}

/// The lines of the charts as JSON.
pub(crate) async fn series(State(console): State<Arc<Console>>, _: Operator) -> Json<Series> {
    let samples = console.samples.all();
    let pairs = || samples.iter().zip(samples.iter().skip(1));
    let rates = |counter: fn(&Sample) -> u64| pairs().map(|(earlier, now)| now.rate(earlier, counter)).collect();
    let quantiles = |share| pairs().map(|(earlier, now)| now.commit_quantile(earlier, share).map(|seconds| seconds * 1000.0)).collect();
    let megabytes = |value: fn(&Sample) -> u64| pairs().map(|(_, now)| value(now) as f64 / 1e6).collect();
    Json(Series {
        time: pairs().map(|(_, now)| now.at).collect(),
        websocket: pairs().map(|(_, now)| now.websocket).collect(),
        polling: pairs().map(|(_, now)| now.polling).collect(),
        raw: pairs().map(|(_, now)| now.raw).collect(),
        accepted: rates(|sample| sample.accepted),
        delivered: rates(|sample| sample.delivered),
        p50: quantiles(0.5),
        p99: quantiles(0.99),
        memory: megabytes(|sample| sample.memory),
        outbox: megabytes(|sample| sample.outbox),
    })
}
