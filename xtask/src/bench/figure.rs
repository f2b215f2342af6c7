//! One number of one scenario.

/// What a scenario has measured. Its name is the row of the table.
pub struct Figure {
    pub name: String,
    pub value: f64,
    /// Whether the floor's number of the same round says something about it.
    pub against_floor: bool,
}

impl Figure {
    /// A cost that the floor has, too.
    pub fn cost(name: impl Into<String>, value: f64) -> Self {
        Self { name: name.into(), value, against_floor: true }
    }

    /// A number that stands for itself.
    pub fn plain(name: impl Into<String>, value: f64) -> Self {
        Self { name: name.into(), value, against_floor: false }
    }
}
