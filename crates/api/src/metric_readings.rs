//! The values of the metrics at one time, for a program that shows them.

use std::collections::BTreeMap;

use store::Histogram;

/// The values of all metrics at one time. A name is that of [`MetricFamily`](crate::metrics::MetricFamily), without a prefix.
#[derive(Clone, PartialEq, Debug, Default)]
pub struct MetricReadings {
    numbers: BTreeMap<String, BTreeMap<&'static str, u64>>,
    histograms: BTreeMap<&'static str, Histogram>,
}

impl MetricReadings {
    pub(crate) fn put(&mut self, name: &str, values: BTreeMap<&'static str, u64>) {
        self.numbers.insert(name.to_owned(), values);
    }

    pub(crate) fn put_histogram(&mut self, name: &'static str, histogram: Histogram) {
        self.histograms.insert(name, histogram);
    }

    /// The value of a counter or a gauge; with a label, the sum of its values. 0 for an unknown name.
    pub fn number(&self, name: &str) -> u64 {
        self.by_label(name).map(|(_, value)| value).sum()
    }

    /// The values of a counter or a gauge with their labels; the label is empty if it has none.
    pub fn by_label(&self, name: &str) -> impl Iterator<Item = (&'static str, u64)> {
        self.numbers.get(name).into_iter().flatten().map(|(label, value)| (*label, *value))
    }

    /// A histogram. `None` for an unknown name.
    pub fn histogram(&self, name: &str) -> Option<&Histogram> {
        self.histograms.get(name)
    }
}
