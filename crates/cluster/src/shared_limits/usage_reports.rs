//! What this node has charged to budgets, gathered for the other nodes.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use crate::wire::Usage;

/// How often charges are published. In this time a user can spend a whole burst on each node; the sum becomes a debt on all of them.
const REPORT_INTERVAL: Duration = Duration::from_millis(100);

/// The most budgets of one report. Charges to further budgets hold on this node only.
const MAX_BUDGETS: usize = 10_000;

/// The charges of the next report.
#[derive(Debug, Default)]
pub struct UsageReports {
    charges: HashMap<Box<str>, u32>,
    since: Option<Instant>,
}

impl UsageReports {
    /// Adds a charge.
    pub fn charge(&mut self, budget: &str, amount: u32, now: Instant) {
        if let Some(charged) = self.charges.get_mut(budget) {
            *charged = charged.saturating_add(amount);
        } else if self.charges.len() < MAX_BUDGETS {
            self.charges.insert(budget.into(), amount);
        }
        self.since.get_or_insert(now);
    }

    /// When to call [`UsageReports::take_due`].
    pub fn due(&self) -> Option<Instant> {
        self.since.map(|since| since + REPORT_INTERVAL)
    }

    /// The report, if it is due.
    pub fn take_due(&mut self, now: Instant) -> Option<Vec<Usage>> {
        self.due().filter(|due| *due <= now)?;
        self.since = None;
        Some(self.charges.drain().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A budget that may become negative, as a node keeps it for a user.
    struct Budget {
        left: f64,
    }

    const RATE: f64 = 20.0;
    const BURST: f64 = 100.0;

    /// How many requests of a user three nodes admit in ten seconds, if the user sends `per_second` to each of them.
    fn admitted(per_second: u64) -> u64 {
        let start = Instant::now();
        let mut nodes: Vec<(Budget, UsageReports)> = (0..3).map(|_| (Budget { left: BURST }, UsageReports::default())).collect();
        // Reports on their way: the time of arrival, the sender, and the amount.
        let mut network: Vec<(Instant, usize, u32)> = Vec::new();
        let mut admitted = 0;
        for millisecond in 0..10_000_u64 {
            let now = start + Duration::from_millis(millisecond);
            for (at, from, amount) in network.extract_if(.., |(at, ..)| *at <= now).collect::<Vec<_>>() {
                assert!(at <= now);
                let others = nodes.iter_mut().enumerate().filter(|(index, _)| *index != from);
                others.for_each(|(_, (budget, _))| budget.left -= f64::from(amount));
            }
            for (index, (budget, reports)) in nodes.iter_mut().enumerate() {
                budget.left = (budget.left + RATE / 1000.0).min(BURST);
                let requests = per_second * (millisecond + 1) / 1000 - per_second * millisecond / 1000;
                for _ in 0..requests {
                    if budget.left >= 1.0 {
                        budget.left -= 1.0;
                        admitted += 1;
                        reports.charge("commands anna", 1, now);
                    }
                }
                let report = reports.take_due(now).into_iter().flatten();
                network.extend(report.map(|(_, amount)| (now + Duration::from_millis(5), index, amount)));
            }
        }
        admitted
    }

    #[test]
    fn a_budget_holds_over_three_nodes_within_a_tenth() {
        let budget = BURST + 10.0 * RATE;
        for per_second in [7, 20, 100, 1000] {
            let admitted = admitted(per_second) as f64;
            assert!(admitted <= budget * 1.1, "{per_second} a second to each node: {admitted} of {budget}");
            let wanted = 3.0 * 10.0 * per_second as f64;
            assert!(admitted >= wanted.min(budget) * 0.9, "{per_second} a second to each node: {admitted} of {budget}");
        }
    }

    #[test]
    fn a_report_has_a_bounded_number_of_budgets() {
        let (mut reports, now) = (UsageReports::default(), Instant::now());
        (0..MAX_BUDGETS + 5).for_each(|number| reports.charge(&format!("commands {number}"), 2, now));
        reports.charge("commands 0", u32::MAX, now);
        assert_eq!(reports.take_due(now), None);
        let report = reports.take_due(now + REPORT_INTERVAL).expect("the report is due");
        assert_eq!(report.len(), MAX_BUDGETS);
        assert!(report.contains(&("commands 0".into(), u32::MAX)));
        assert_eq!(reports.due(), None);
    }
}
