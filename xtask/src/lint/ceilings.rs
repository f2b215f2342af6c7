//! How many vague words per 1,000 an area may have, and how many repeated names and long functions a crate may have.

/// The ceiling of each area that has none of its own below, and the target for all.
pub const TARGET: f64 = 1.0;

/// The name of an area, and its ceiling.
pub type Ceiling = (&'static str, f64);

/// The areas that are not clean yet. A commit that cleans one lowers its ceiling, or removes its line. No ceiling is ever raised.
pub const CEILINGS: &[Ceiling] = &[];

/// The ceilings of a crate.
#[derive(Clone, Copy, Debug)]
pub struct CrateCeiling {
    pub name: &'static str,
    /// How many type names may be defined more than once.
    pub repeated_names: usize,
    /// How many functions may have more lines than [`LONGEST_FUNCTION`](super::crates::LONGEST_FUNCTION).
    pub long_functions: usize,
}

/// The crates that are not clean yet. No ceiling is ever raised. A crate without a line may have none of both.
pub const CRATE_CEILINGS: &[CrateCeiling] = &[];

impl CrateCeiling {
    /// The ceilings of the crate with this name.
    pub fn of(ceilings: &[Self], name: &str) -> Self {
        ceilings.iter().find(|ceiling| ceiling.name == name).copied().unwrap_or(Self { name: "", repeated_names: 0, long_functions: 0 })
    }
}

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
