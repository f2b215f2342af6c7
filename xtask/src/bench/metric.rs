//! One number of one scenario, and how the numbers of all rounds are combined.

/// What a scenario has measured. Its name is the row of the table.
pub struct Metric {
    pub name: String,
    pub value: Value,
}

#[derive(Clone, Copy)]
pub enum Value {
    /// A cost that the baseline server has, too: the median, and the median of the ratios to the baseline.
    Cost(f64),
    /// Work per time, for work that the baseline server does not do: the median, and the median of the ratios to Express.
    Throughput(f64),
    /// A number without a ratio: the median.
    Plain(f64),
    /// How many of all deliveries or clients had a fault. They are added up, because a median would hide rare faults.
    Count { bad: usize, of: usize },
}

impl Metric {
    pub fn cost(name: impl Into<String>, value: f64) -> Self {
        Self { name: name.into(), value: Value::Cost(value) }
    }

    pub fn throughput(name: impl Into<String>, value: f64) -> Self {
        Self { name: name.into(), value: Value::Throughput(value) }
    }

    pub fn plain(name: impl Into<String>, value: f64) -> Self {
        Self { name: name.into(), value: Value::Plain(value) }
    }

    pub fn count(name: impl Into<String>, bad: usize, of: usize) -> Self {
        Self { name: name.into(), value: Value::Count { bad, of } }
    }
}
