//! The metrics of all rounds: their medians and their ratios to the baseline server, as Markdown and as JSON.

use super::metric::{Metric, Value};
use super::report::{MetricSummary, rounded};
use super::scenarios::Scenario;
use super::servers::ServerKind;

#[derive(Default)]
pub struct Table {
    rows: Vec<Row>,
    pub failures: Vec<String>,
}

struct Row {
    scenario: Scenario,
    name: String,
    cells: Vec<Cell>,
}

/// One measurement.
struct Cell {
    kind: ServerKind,
    /// Measurements with the same number were taken at about the same time, and are compared with each other.
    turn: usize,
    value: Value,
}

impl Table {
    pub fn add(&mut self, scenario: Scenario, kind: ServerKind, turn: usize, metrics: Vec<Metric>) {
        for Metric { name, value } in metrics {
            let place = self.rows.iter().position(|row| row.scenario == scenario && row.name == name).unwrap_or_else(|| {
                self.rows.push(Row { scenario, name, cells: Vec::new() });
                self.rows.len() - 1
            });
            self.rows[place].cells.push(Cell { kind, turn, value });
        }
    }

    /// Notes that a server did not finish a scenario.
    pub fn add_failure(&mut self, scenario: Scenario, kind: ServerKind, error: &anyhow::Error) {
        let failure = format!("{} on {}: {error:#}", scenario.name(), kind.name());
        eprintln!("failed: {failure}");
        self.failures.push(failure);
    }

    pub fn markdown(&self, kinds: &[ServerKind]) -> String {
        let mut text = String::from("| |");
        kinds.iter().for_each(|kind| text += &format!(" {} |", kind.name()));
        text += &format!("\n|---|{}\n", "---|".repeat(kinds.len()));
        for row in &self.rows {
            text += &format!("| {}: {} |", row.scenario.name(), row.name);
            kinds
                .iter()
                .for_each(|kind| text += &format!(" {} |", row.summary(*kind).map_or_else(|| "–".into(), |summary| summary.cell())));
            text.push('\n');
        }
        text
    }

    /// The metrics of these servers, row by row.
    pub fn summaries(&self, kinds: &[ServerKind]) -> Vec<MetricSummary> {
        self.rows.iter().flat_map(|row| kinds.iter().filter_map(|kind| row.summary(*kind))).collect()
    }
}

impl Row {
    fn summary(&self, kind: ServerKind) -> Option<MetricSummary> {
        let own: Vec<&Cell> = self.cells.iter().filter(|cell| cell.kind == kind).collect();
        let values: Vec<f64> = own.iter().map(|cell| cell.number()).collect();
        let of = own.iter().filter_map(|cell| cell.of()).reduce(|one, other| one + other);
        Some(MetricSummary {
            scenario: self.scenario.name().to_owned(),
            metric: self.name.clone(),
            server: kind.name().to_owned(),
            value: if of.is_some() { values.iter().sum() } else { rounded(median(values.clone())?) },
            ratio_to_baseline: self.ratio(&own, ServerKind::Baseline, |value| matches!(value, Value::Cost(_))).map(rounded),
            ratio_to_express: self.ratio(&own, ServerKind::Express, |value| matches!(value, Value::Throughput(_))).map(rounded),
            of,
            values: values.into_iter().map(rounded).collect(),
        })
    }

    /// The median of the ratios of this server's measurements to another server's measurements of the same turn. What disturbs the machine in a turn
    /// disturbs both servers.
    fn ratio(&self, own: &[&Cell], to: ServerKind, has_one: impl Fn(Value) -> bool) -> Option<f64> {
        let other = |turn| self.cells.iter().find(|cell| cell.kind == to && cell.turn == turn);
        let compared = own.iter().filter(|cell| cell.kind != to && has_one(cell.value));
        median(compared.filter_map(|cell| Some(cell.number() / other(cell.turn)?.number())).filter(|ratio| ratio.is_finite()).collect())
    }
}

impl Cell {
    fn number(&self) -> f64 {
        match self.value {
            Value::Cost(value) | Value::Throughput(value) | Value::Plain(value) => value,
            Value::Count { bad, .. } => bad as f64,
        }
    }

    fn of(&self) -> Option<usize> {
        match self.value {
            Value::Count { of, .. } => Some(of),
            Value::Cost(_) | Value::Throughput(_) | Value::Plain(_) => None,
        }
    }
}

impl MetricSummary {
    fn cell(&self) -> String {
        match (self.of, self.ratio_to_baseline, self.ratio_to_express) {
            (Some(of), ..) => format!("{} of {}", self.value, rounded_count(of)),
            (None, Some(ratio), _) => format!("{} ({ratio:.2}×)", with_three_digits(self.value)),
            (None, None, Some(ratio)) => format!("{} ({ratio:.1}× express)", with_three_digits(self.value)),
            (None, None, None) => with_three_digits(self.value),
        }
    }
}

fn median(mut values: Vec<f64>) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => None,
        odd if odd % 2 == 1 => Some(values[middle]),
        _ => Some((values[middle - 1] + values[middle]) / 2.0),
    }
}

/// Writes a number with three significant digits.
fn with_three_digits(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || size == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn rounded_count(count: usize) -> String {
    match count {
        0..10_000 => count.to_string(),
        10_000..1_000_000 => format!("{} thousand", count / 1_000),
        _ => format!("{:.1} million", count as f64 / 1e6),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratio_is_the_median_of_the_ratios_of_each_turn() {
        let mut table = Table::default();
        for (turn, baseline, engine) in [(0, 2.0, 4.0), (1, 10.0, 11.0), (2, 4.0, 6.0)] {
            table.add(Scenario::Fanout, ServerKind::Baseline, turn, vec![Metric::cost("CPU", baseline)]);
            table.add(Scenario::Fanout, ServerKind::Engine, turn, vec![Metric::cost("CPU", engine)]);
        }
        let text = table.markdown(&[ServerKind::Baseline, ServerKind::Engine, ServerKind::SocketIo]);
        assert!(text.ends_with("| fanout: CPU | 4.00 | 6.00 (1.50×) | – |\n"), "{text}");
    }

    #[test]
    fn throughput_is_compared_with_express() {
        let mut table = Table::default();
        for (turn, express, roomcast) in [(0, 100.0, 900.0), (1, 200.0, 2_600.0), (2, 150.0, 1_500.0)] {
            table.add(Scenario::Durable, ServerKind::Roomcast, turn, vec![Metric::throughput("messages", roomcast)]);
            table.add(Scenario::Durable, ServerKind::Express, turn, vec![Metric::throughput("messages", express)]);
        }
        let text = table.markdown(&[ServerKind::Roomcast, ServerKind::Express]);
        assert!(text.ends_with("| durable: messages | 1500 (10.0× express) | 150 |\n"), "{text}");
    }

    #[test]
    fn counts_are_added_up_over_all_rounds() {
        let mut table = Table::default();
        for (turn, lost) in [0, 0, 3].into_iter().enumerate() {
            table.add(Scenario::Burst, ServerKind::Engine, turn, vec![Metric::count("lost", lost, 1_000)]);
        }
        let text = table.markdown(&[ServerKind::Engine]);
        assert!(text.ends_with("| burst: lost | 3 of 3000 |\n"), "{text}");
    }
}
