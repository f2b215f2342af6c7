//! `cargo xtask bench --chart`: draws the results of a run as an SVG.

mod svg;

use std::path::Path;

use anyhow::{Context, Result, ensure};

use self::svg::{Bar, BarGroup, Section};
use super::report::{MetricSummary, Report};

/// The results that the documents show, relative to the root of the repository.
pub const RESULTS: &str = "bench/results/performance.json";
/// The chart of these results.
pub const CHART: &str = "docs/images/performance.svg";

/// The servers in the order of their bars, with the names that a reader knows.
const SERVERS: [(&str, &str); 5] = [
    ("engine", "Roomcast's engine"),
    ("roomcast", "Roomcast"),
    ("socketioxide", "socketioxide"),
    ("socket.io", "socket.io"),
    ("express", "Express + PostgreSQL"),
];

/// A metric that the chart has a group of bars for.
struct ChartRow {
    scenario: &'static str,
    metric: &'static str,
    title: &'static str,
}

const fn row(scenario: &'static str, metric: &'static str, title: &'static str) -> ChartRow {
    ChartRow { scenario, metric, title }
}

const CPU: [ChartRow; 4] = [
    row("fanout", "CPU per delivery, µs", "One message at a time to a room of 1,000: per delivery"),
    row("burst", "CPU per delivery, µs", "50 messages in flight to a room of 100: per delivery"),
    row("ack", "CPU per round trip, µs", "A request with an acknowledgement: per round trip"),
    row("connect", "CPU per connect, µs", "Connect with a JWT: per connect"),
];
const MEMORY: [ChartRow; 1] = [row("idle", "memory per connection, KB", "10,000 connections that do nothing: per connection")];
const DURABLE: [ChartRow; 1] =
    [row("durable", "256 in flight: messages per CPU second, including the database", "Chat message, on disk before its acknowledgement")];

/// Draws the results in a JSON file of `cargo xtask bench --json`.
pub fn draw(file: &Path) -> Result<String> {
    let json = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let report: Report = serde_json::from_slice(&json).with_context(|| format!("{} is not a result of the bench", file.display()))?;
    draw_report(&report)
}

fn draw_report(report: &Report) -> Result<String> {
    let times = |ratio: f64| if ratio < 1.0 { format!("{ratio:.2}×") } else { format!("{ratio:.1}×") };
    let sections = [
        section(
            report,
            "CPU time, as a multiple of the baseline server (shorter is better)",
            &CPU,
            |metric| metric.ratio_to_baseline,
            times,
        ),
        section(report, "Memory (shorter is better)", &MEMORY, |metric| Some(metric.value), |kilobytes| format!("{kilobytes:.1} KB")),
        section(report, "Messages per CPU second, as a multiple of Express (longer is better)", &DURABLE, ratio_to_express, times),
    ];
    let sections: Vec<Section> = sections.into_iter().filter(|section| !section.groups.is_empty()).collect();
    ensure!(!sections.is_empty(), "the results have none of the metrics of the chart");
    let mut footer = vec![format!("{}. {}. Medians of {} rounds.", report.date, report.machine.description(), report.rounds)];
    footer.extend(report.versions.iter().map(|version| format!("{version}.")));
    Ok(svg::draw("Roomcast beside comparable servers", &sections, &footer))
}

/// A section with a group for each row that the results have.
fn section(
    report: &Report,
    title: &'static str,
    rows: &[ChartRow],
    value: impl Fn(&MetricSummary) -> Option<f64>,
    label: impl Fn(f64) -> String,
) -> Section {
    let groups = rows.iter().filter_map(|row| {
        let metrics = report.metrics.iter().filter(|metric| metric.scenario == row.scenario && metric.metric == row.metric);
        let metrics: Vec<_> = metrics.collect();
        let bars = SERVERS.iter().filter_map(|(server, name)| {
            let value = value(metrics.iter().find(|metric| metric.server == *server)?)?;
            Some(Bar { name, value, label: label(value), is_ours: matches!(*server, "roomcast" | "engine") })
        });
        let bars: Vec<Bar> = bars.collect();
        (!bars.is_empty()).then_some(BarGroup { title: row.title, bars })
    });
    Section { title, groups: groups.collect() }
}

/// Express itself has no ratio in the results: it is the unit.
fn ratio_to_express(metric: &MetricSummary) -> Option<f64> {
    if metric.server == "express" { Some(1.0) } else { metric.ratio_to_express }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::machine::Machine;

    fn report() -> Report {
        let metric = |scenario: &str, metric: &str, server: &str, value, ratio_to_baseline, ratio_to_express| MetricSummary {
            scenario: scenario.to_owned(),
            metric: metric.to_owned(),
            server: server.to_owned(),
            value,
            ratio_to_baseline,
            ratio_to_express,
            of: None,
            values: Vec::new(),
        };
        Report {
            date: "2025-12-31".to_owned(),
            machine: Machine::this(),
            versions: vec!["socket.io <4>".to_owned()],
            rounds: 3,
            quick: false,
            metrics: vec![
                metric("fanout", "CPU per delivery, µs", "baseline", 4.0, None, None),
                metric("fanout", "CPU per delivery, µs", "roomcast", 6.0, Some(1.5), None),
                metric("fanout", "CPU per delivery, µs", "socket.io", 12.0, Some(3.0), None),
                metric("fanout", "p99, µs", "socket.io", 900.0, Some(9.0), None),
                metric("durable", DURABLE[0].metric, "roomcast", 100.0, None, Some(8.0)),
                metric("durable", DURABLE[0].metric, "express", 12.5, None, None),
            ],
            failures: Vec::new(),
        }
    }

    #[test]
    fn each_measured_row_has_a_bar_for_each_server_but_the_baseline() {
        let svg = draw_report(&report()).unwrap();
        assert_eq!(svg.matches("<rect class=\"").count(), 4);
        for text in [">1.5×<", ">3.0×<", ">8.0×<", ">1.0×<", "2025-12-31", "socket.io &lt;4&gt;"] {
            assert!(svg.contains(text), "{text} is missing: {svg}");
        }
        assert!(!svg.contains("KB"), "a section without metrics is drawn: {svg}");
    }

    #[test]
    fn results_without_the_metrics_of_the_chart_are_an_error() {
        let report = Report { metrics: Vec::new(), ..report() };
        assert!(draw_report(&report).is_err());
    }
}
