//! The JSON file of a run: what `cargo xtask bench --json` writes.

use anyhow::{Result, bail};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::machine::Machine;

/// When, where and how the servers were measured, and what was measured.
#[derive(Serialize, Deserialize)]
pub struct Report {
    /// The day, such as `2025-12-31`.
    pub date: String,
    pub machine: Machine,
    /// The versions of the servers.
    pub versions: Vec<String>,
    pub rounds: usize,
    /// Fewer clients and shorter runs: the numbers mean nothing.
    pub quick: bool,
    pub metrics: Vec<MetricSummary>,
    /// The measurements that failed, each with its error.
    pub failures: Vec<String>,
}

/// One metric of one server, over all rounds.
#[derive(Serialize, Deserialize)]
pub struct MetricSummary {
    pub scenario: String,
    pub metric: String,
    pub server: String,
    /// The median, or for counts the sum.
    pub value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio_to_baseline: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ratio_to_express: Option<f64>,
    /// For counts: how many there were in all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<usize>,
    /// The measurement of each turn.
    pub values: Vec<f64>,
}

impl Report {
    /// The JSON of the file, with a line for each metric, so that a change of the file can be read.
    pub fn to_json(&self) -> Result<String> {
        let Value::Object(fields) = serde_json::to_value(self)? else { bail!("a report is a JSON object") };
        let lines = fields.iter().map(|(name, value)| match value {
            Value::Array(values) if !values.is_empty() => {
                let values: Vec<String> = values.iter().map(|value| format!("    {value}")).collect();
                format!("  \"{name}\": [\n{}\n  ]", values.join(",\n"))
            }
            value => format!("  \"{name}\": {value}"),
        });
        Ok(format!("{{\n{}\n}}\n", lines.collect::<Vec<_>>().join(",\n")))
    }
}

/// A number with four significant digits: the noise of the measurements is larger than that.
pub fn rounded(value: f64) -> f64 {
    if value == 0.0 || !value.is_finite() {
        return value;
    }
    let digits = 3 - value.abs().log10().floor() as i32;
    let factor = 10f64.powi(digits.abs());
    if digits >= 0 { (value * factor).round() / factor } else { (value / factor).round() * factor }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_rounded_to_four_digits() {
        for (value, expected) in [(5.39913356, 5.399), (0.000123456, 0.0001235), (123_456.0, 123_500.0), (0.0, 0.0), (-9.99999, -10.0)] {
            assert_eq!(rounded(value), expected, "{value}");
        }
    }

    #[test]
    fn report_is_read_back_from_its_json() {
        let metric = |server: &str, ratio| MetricSummary {
            scenario: "fanout".to_owned(),
            metric: "CPU per delivery, µs".to_owned(),
            server: server.to_owned(),
            value: 5.5,
            ratio_to_baseline: ratio,
            ratio_to_express: None,
            of: None,
            values: vec![5.0, 5.5, 6.0],
        };
        let report = Report {
            date: "2025-12-31".to_owned(),
            machine: Machine::this(),
            versions: vec!["socket.io \"4\"".to_owned()],
            rounds: 3,
            quick: false,
            metrics: vec![metric("baseline", None), metric("roomcast", Some(1.25))],
            failures: Vec::new(),
        };
        let json = report.to_json().unwrap();
        let read: Report = serde_json::from_str(&json).unwrap();
        assert_eq!(read.to_json().unwrap(), json);
        assert_eq!(json.lines().filter(|line| line.contains("\"fanout\"")).count(), 2);
    }
}
