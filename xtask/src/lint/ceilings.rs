//! How many vague words per 1,000 an area may have.

/// The ceiling of each area that has none of its own below, and the target for all.
pub const TARGET: f64 = 1.0;

/// The name of an area, and its ceiling.
pub type Ceiling = (&'static str, f64);

/// The areas that are not clean yet. A commit that cleans one lowers its ceiling, or removes its line. No ceiling is ever raised.
pub const CEILINGS: &[Ceiling] = &[
    ("config.example.toml", 2.5),
    ("e2e/comments", 15.0),
    ("e2e/pages", 9.2),
    ("e2e/strings", 8.1),
    ("e2e/titles", 33.8),
    ("engine/tests/strings", 14.8),
    ("server/doc-comments", 3.4),
    ("server/strings", 5.5),
    ("server/tests/comments", 13.0),
    ("server/tests/doc-comments", 13.5),
    ("server/tests/strings", 3.0),
    ("store/comments", 5.2),
    ("store/tests/strings", 5.9),
];

/// The ceiling of an area.
pub fn ceiling(ceilings: &[Ceiling], area: &str) -> f64 {
    ceilings.iter().find(|(name, _)| *name == area).map_or(TARGET, |(_, ceiling)| *ceiling)
}

/// The lowest ceiling, with one decimal, that allows this density.
pub fn lowest_for(per_thousand: f64) -> f64 {
    // A density that has one decimal already stays what it is.
    ((per_thousand * 10.0 - 1e-9).ceil() / 10.0).max(TARGET)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn densities_are_rounded_up_to_one_decimal_and_not_below_the_target() {
        for (per_thousand, lowest) in [(0.0, 1.0), (0.99, 1.0), (1.0, 1.0), (1.01, 1.1), (18.8, 18.8), (18.81, 18.9), (19.999, 20.0)] {
            assert_eq!(lowest_for(per_thousand), lowest, "{per_thousand}");
        }
    }

    #[test]
    fn each_area_has_one_ceiling_above_the_target() {
        for (at, (name, ceiling)) in CEILINGS.iter().enumerate() {
            assert!(*ceiling > TARGET, "{name}");
            assert!(CEILINGS[..at].iter().all(|(other, _)| other < name), "{name} is not in the order of the alphabet");
        }
    }
}
