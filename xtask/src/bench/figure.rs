//! One number of one scenario, and how the numbers of all rounds become one.

/// What a scenario has measured. Its name is the row of the table.
pub struct Figure {
    pub name: String,
    pub value: Value,
}

#[derive(Clone, Copy)]
pub enum Value {
    /// A cost that the floor has, too: the median, and the median of the ratios to the floor.
    Cost(f64),
    /// What is got for a cost, where the floor does not do the work: the median, and the median of the ratios to the usual way.
    Yield(f64),
    /// A number that stands for itself: the median.
    Plain(f64),
    /// So many of so many: added up, for the median would hide what is rare.
    Count { bad: usize, of: usize },
}

impl Figure {
    pub fn cost(name: impl Into<String>, value: f64) -> Self {
        Self { name: name.into(), value: Value::Cost(value) }
    }

    pub fn yielded(name: impl Into<String>, value: f64) -> Self {
        Self { name: name.into(), value: Value::Yield(value) }
    }

    pub fn plain(name: impl Into<String>, value: f64) -> Self {
        Self { name: name.into(), value: Value::Plain(value) }
    }

    pub fn count(name: impl Into<String>, bad: usize, of: usize) -> Self {
        Self { name: name.into(), value: Value::Count { bad, of } }
    }
}
