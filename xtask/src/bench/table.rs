//! All rounds together: medians, ratios to the floor of the same round, as Markdown and as JSON.

use serde::Serialize;

use super::figure::Figure;
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
    against_floor: bool,
    cells: Vec<Cell>,
}

/// One measurement.
struct Cell {
    peer: Peer,
    round: usize,
    value: f64,
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
    median: f64,
    ratio_to_floor: Option<f64>,
    values: Vec<f64>,
}

impl Table {
    pub fn enter(&mut self, scenario: Scenario, peer: Peer, round: usize, figures: Vec<Figure>) {
        for Figure { name, value, against_floor } in figures {
            let place = self.rows.iter().position(|row| row.scenario == scenario && row.name == name).unwrap_or_else(|| {
                self.rows.push(Row { scenario, name, against_floor, cells: Vec::new() });
                self.rows.len() - 1
            });
            self.rows[place].cells.push(Cell { peer, round, value });
        }
    }

    pub fn markdown(&self, peers: &[Peer]) -> String {
        let mut text = String::from("| |");
        peers.iter().for_each(|peer| text += &format!(" {} |", peer.name()));
        text += &format!("\n|---|{}\n", "---|".repeat(peers.len()));
        for row in &self.rows {
            text += &format!("| {}: {} |", row.scenario.name(), row.name);
            for peer in peers {
                let cell = row.median(*peer).map_or_else(
                    || "–".into(),
                    |value| match row.ratio(*peer).filter(|_| *peer != Peer::Floor) {
                        Some(ratio) => format!("{} ({ratio:.2}×)", short(value)),
                        None => short(value),
                    },
                );
                text += &format!(" {cell} |");
            }
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
    fn values(&self, peer: Peer) -> Vec<f64> {
        self.cells.iter().filter(|cell| cell.peer == peer).map(|cell| cell.value).collect()
    }

    fn median(&self, peer: Peer) -> Option<f64> {
        median(self.values(peer))
    }

    /// Each round's measurement against the floor's of that round: what disturbs the machine disturbs both.
    fn ratio(&self, peer: Peer) -> Option<f64> {
        if !self.against_floor {
            return None;
        }
        let floor = |round| self.cells.iter().find(|cell| cell.peer == Peer::Floor && cell.round == round);
        let own = self.cells.iter().filter(|cell| cell.peer == peer);
        median(own.filter_map(|cell| Some(cell.value / floor(cell.round)?.value)).filter(|ratio| ratio.is_finite()).collect())
    }

    fn summary(&self, peer: Peer) -> Option<Summary> {
        Some(Summary {
            scenario: self.scenario.name(),
            figure: self.name.clone(),
            server: peer.name(),
            median: self.median(peer)?,
            ratio_to_floor: self.ratio(peer),
            values: self.values(peer),
        })
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

/// Three significant digits; counts whole.
fn short(value: f64) -> String {
    match value.abs() {
        size if size.fract() == 0.0 || size >= 100.0 => format!("{value:.0}"),
        size if size >= 10.0 => format!("{value:.1}"),
        size if size >= 0.1 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ratio_is_the_median_of_the_rounds_own_ratios() {
        let mut table = Table::default();
        for (round, floor, engine) in [(0, 2.0, 4.0), (1, 10.0, 11.0), (2, 4.0, 6.0)] {
            table.enter(Scenario::Fanout, Peer::Floor, round, vec![Figure::cost("CPU", floor)]);
            table.enter(Scenario::Fanout, Peer::Engine, round, vec![Figure::cost("CPU", engine)]);
        }
        let text = table.markdown(&[Peer::Floor, Peer::Engine, Peer::SocketIo]);
        assert!(text.ends_with("| fanout: CPU | 4 | 6 (1.50×) | – |\n"), "{text}");
    }
}
