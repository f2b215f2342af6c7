//! All rounds together: medians, ratios to the floor of the same round, as Markdown and as JSON.

use serde::Serialize;

use super::figure::{Figure, Value};
use super::machine::Machine;
use super::peers::Peer;
use super::scenarios::Scenario;

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
    peer: Peer,
    /// What was measured at about the same time, on this server and on the floor.
    turn: usize,
    value: Value,
}

#[derive(Serialize)]
struct Report<'a> {
    machine: &'a Machine,
    versions: &'a [String],
    rounds: usize,
    figures: Vec<Summary>,
    failures: &'a [String],
}

#[derive(Serialize)]
struct Summary {
    scenario: &'static str,
    figure: String,
    server: &'static str,
    /// The median; or the sum, for what is counted.
    value: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio_to_floor: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    ratio_to_express: Option<f64>,
    /// How many there were in all, for what is counted.
    #[serde(skip_serializing_if = "Option::is_none")]
    of: Option<usize>,
    values: Vec<f64>,
}

impl Table {
    pub fn enter(&mut self, scenario: Scenario, peer: Peer, turn: usize, figures: Vec<Figure>) {
        for Figure { name, value } in figures {
            let place = self.rows.iter().position(|row| row.scenario == scenario && row.name == name).unwrap_or_else(|| {
                self.rows.push(Row { scenario, name, cells: Vec::new() });
                self.rows.len() - 1
            });
            self.rows[place].cells.push(Cell { peer, turn, value });
        }
    }

    /// A scenario that a server could not finish.
    pub fn fail(&mut self, scenario: Scenario, peer: Peer, error: &anyhow::Error) {
        let failure = format!("{} on {}: {error:#}", scenario.name(), peer.name());
        eprintln!("failed: {failure}");
        self.failures.push(failure);
    }

    pub fn markdown(&self, peers: &[Peer]) -> String {
        let mut text = String::from("| |");
        peers.iter().for_each(|peer| text += &format!(" {} |", peer.name()));
        text += &format!("\n|---|{}\n", "---|".repeat(peers.len()));
        for row in &self.rows {
            text += &format!("| {}: {} |", row.scenario.name(), row.name);
            peers
                .iter()
                .for_each(|peer| text += &format!(" {} |", row.summary(*peer).map_or_else(|| "–".into(), |summary| summary.cell())));
            text.push('\n');
        }
        text
    }

    pub fn json(&self, machine: &Machine, versions: &[String], rounds: usize, peers: &[Peer]) -> serde_json::Result<String> {
        let figures = self.rows.iter().flat_map(|row| peers.iter().filter_map(|peer| row.summary(*peer))).collect();
        serde_json::to_string_pretty(&Report { machine, versions, rounds, figures, failures: &self.failures })
    }
}

impl Row {
    fn summary(&self, peer: Peer) -> Option<Summary> {
        let own: Vec<&Cell> = self.cells.iter().filter(|cell| cell.peer == peer).collect();
        let values: Vec<f64> = own.iter().map(|cell| cell.number()).collect();
        let of = own.iter().filter_map(|cell| cell.of()).reduce(|one, other| one + other);
        Some(Summary {
            scenario: self.scenario.name(),
            figure: self.name.clone(),
            server: peer.name(),
            value: if of.is_some() { values.iter().sum() } else { median(values.clone())? },
            ratio_to_floor: self.ratio(&own, Peer::Floor, |value| matches!(value, Value::Cost(_))),
            ratio_to_express: self.ratio(&own, Peer::Express, |value| matches!(value, Value::Yield(_))),
            of,
            values,
        })
    }

    /// Each measurement against another server's of the same turn: what disturbs the machine disturbs both.
    fn ratio(&self, own: &[&Cell], to: Peer, has_one: impl Fn(Value) -> bool) -> Option<f64> {
        let other = |turn| self.cells.iter().find(|cell| cell.peer == to && cell.turn == turn);
        let compared = own.iter().filter(|cell| cell.peer != to && has_one(cell.value));
        median(compared.filter_map(|cell| Some(cell.number() / other(cell.turn)?.number())).filter(|ratio| ratio.is_finite()).collect())
    }
}

impl Cell {
    fn number(&self) -> f64 {
        match self.value {
            Value::Cost(value) | Value::Yield(value) | Value::Plain(value) => value,
            Value::Count { bad, .. } => bad as f64,
        }
    }

    fn of(&self) -> Option<usize> {
        match self.value {
            Value::Count { of, .. } => Some(of),
            Value::Cost(_) | Value::Yield(_) | Value::Plain(_) => None,
        }
    }
}

impl Summary {
    fn cell(&self) -> String {
        match (self.of, self.ratio_to_floor, self.ratio_to_express) {
            (Some(of), ..) => format!("{} of {}", self.value, many(of)),
            (None, Some(ratio), _) => format!("{} ({ratio:.2}×)", short(self.value)),
            (None, None, Some(ratio)) => format!("{} ({ratio:.1}× express)", short(self.value)),
            (None, None, None) => short(self.value),
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

/// Three significant digits.
fn short(value: f64) -> String {
    match value.abs() {
        size if size >= 100.0 || size == 0.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

fn many(count: usize) -> String {
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
    fn a_ratio_is_the_median_of_the_turns_own_ratios() {
        let mut table = Table::default();
        for (turn, floor, engine) in [(0, 2.0, 4.0), (1, 10.0, 11.0), (2, 4.0, 6.0)] {
            table.enter(Scenario::Fanout, Peer::Floor, turn, vec![Figure::cost("CPU", floor)]);
            table.enter(Scenario::Fanout, Peer::Engine, turn, vec![Figure::cost("CPU", engine)]);
        }
        let text = table.markdown(&[Peer::Floor, Peer::Engine, Peer::SocketIo]);
        assert!(text.ends_with("| fanout: CPU | 4.00 | 6.00 (1.50×) | – |\n"), "{text}");
    }

    #[test]
    fn what_is_got_for_a_cost_is_compared_with_the_usual_way() {
        let mut table = Table::default();
        for (turn, express, roomcast) in [(0, 100.0, 900.0), (1, 200.0, 2_600.0), (2, 150.0, 1_500.0)] {
            table.enter(Scenario::Durable, Peer::Roomcast, turn, vec![Figure::yielded("messages", roomcast)]);
            table.enter(Scenario::Durable, Peer::Express, turn, vec![Figure::yielded("messages", express)]);
        }
        let text = table.markdown(&[Peer::Roomcast, Peer::Express]);
        assert!(text.ends_with("| durable: messages | 1500 (10.0× express) | 150 |\n"), "{text}");
    }

    #[test]
    fn what_was_lost_once_is_not_hidden_by_a_median() {
        let mut table = Table::default();
        for (turn, lost) in [0, 0, 3].into_iter().enumerate() {
            table.enter(Scenario::Burst, Peer::Engine, turn, vec![Figure::count("lost", lost, 1_000)]);
        }
        let text = table.markdown(&[Peer::Engine]);
        assert!(text.ends_with("| burst: lost | 3 of 3000 |\n"), "{text}");
    }
}
