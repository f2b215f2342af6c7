//! The generator of ids (increasing numbers of sixteen digits) and of invite codes. Randomness is a parameter.

use crate::model::{EntityId, Timestamp};
use crate::ports::IdSource;

/// 2025-01-01T00:00:00Z in milliseconds since 1970.
const FIRST_MILLISECOND: i64 = 1_735_689_600_000;
/// The smallest number of sixteen digits. The ids stay exact in JavaScript (below 2^53) until 2086.
const FIRST_ID: EntityId = 1_000_000_000_000_000;
/// 4096 ids a millisecond. Further ids run ahead of the clock, which does no harm.
const COUNTER_BITS: u32 = 12;
/// How far ids may be ahead of the clock, in hours. Ids are ahead when more than 4096 a millisecond were given, or when the clock was ahead before.
pub const MOST_AHEAD_HOURS: i64 = 24;
const MOST_AHEAD: EntityId = (MOST_AHEAD_HOURS * 3_600_000) << COUNTER_BITS;
/// How far ids that are given at the bound may exceed it: a minute's worth, so that no id is given twice within one millisecond.
const MARGIN: EntityId = 60_000 << COUNTER_BITS;
/// Capital letters and digits that are easy to distinguish on paper: no I, L, O, 0 or 1.
const INVITE_ALPHABET: &[u8; 31] = b"ABCDEFGHJKMNPQRSTUVWXYZ23456789";
const INVITE_LENGTH: usize = 8;

/// Generates ids from the time and a counter, and invite codes from a source of randomness.
pub struct IdGenerator<R> {
    last: EntityId,
    random: R,
}

impl<R: FnMut() -> u64 + Send> IdGenerator<R> {
    /// `random` returns 64 new random bits a call; invite codes are as hard to guess as these bits.
    pub fn new(random: R) -> Self {
        Self { last: 0, random }
    }
}

impl<R: FnMut() -> u64 + Send> IdSource for IdGenerator<R> {
    fn resume_after(&mut self, last: EntityId) {
        self.last = self.last.max(last);
    }

    fn next_id(&mut self, now: Timestamp) -> EntityId {
        let soonest = id_at(now);
        // A clock that stands still or steps back must not repeat an id.
        let mut next = soonest.max(self.last + 1);
        if next > soonest + MOST_AHEAD + MARGIN && now.0 / 1000 >= FIRST_MILLISECOND {
            // The clock was once far in the future. All ids that were given by a right clock are smaller than this one; the store has the ids that
            // were given by the wrong clock, and rejects a second object with such an id. A clock before 2025 was never set, and bounds nothing.
            next = soonest + MOST_AHEAD;
        }
        self.last = next;
        next
    }

    fn invite_code(&mut self) -> String {
        let mut code = String::with_capacity(INVITE_LENGTH);
        while code.len() < INVITE_LENGTH {
            // One of the 32 five-bit values is discarded, so that the 31 letters are equally likely.
            let index = ((self.random)() >> 59) as usize;
            if let Some(letter) = INVITE_ALPHABET.get(index) {
                code.push(char::from(*letter));
            }
        }
        code
    }
}

/// The first id of a millisecond.
fn id_at(now: Timestamp) -> EntityId {
    FIRST_ID + ((now.0 / 1000 - FIRST_MILLISECOND).max(0) << COUNTER_BITS)
}

/// Whether an id is so far ahead of the clock that the generator does not continue behind it.
pub fn is_far_ahead(id: EntityId, now: Timestamp) -> bool {
    now.0 / 1000 >= FIRST_MILLISECOND && id > id_at(now) + MOST_AHEAD + MARGIN
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_763_725_000_000_000);

    #[test]
    fn ids_have_sixteen_digits_and_are_exact_in_javascript() {
        let mut ids = IdGenerator::new(|| 0);
        for year in [2025, 2026, 2050, 2085] {
            let id = ids.next_id(Timestamp((year - 1970) * 31_556_952_000_000));
            assert_eq!(id.to_string().len(), 16, "{year}");
            assert!(id < 1 << 53, "{year}");
        }
    }

    #[test]
    fn ids_increase_if_the_clock_stops_or_steps_back() {
        let mut ids = IdGenerator::new(|| 0);
        let mut last = 0;
        for now in [NOW, NOW, NOW.minus_seconds(3600), Timestamp(0), Timestamp(NOW.0 + 1_000_000)] {
            for _ in 0..5000 {
                let id = ids.next_id(now);
                assert!(id > last);
                last = id;
            }
        }
    }

    #[test]
    fn ids_from_before_a_restart_are_not_reused() {
        let mut before = IdGenerator::new(|| 0);
        let last = (0..9000).map(|_| before.next_id(NOW)).last().unwrap();
        let mut after = IdGenerator::new(|| 0);
        after.resume_after(last);
        assert_eq!(after.next_id(NOW.minus_seconds(60)), last + 1);
    }

    #[test]
    fn ids_return_after_a_clock_far_in_the_future() {
        const YEAR: i64 = 366 * 86_400;
        let zero: fn() -> u64 = || 0;
        for restarted in [false, true] {
            let mut ids = IdGenerator::new(zero);
            let right: Vec<EntityId> = (0..5000).map(|_| ids.next_id(NOW)).collect();
            let wrong: Vec<EntityId> = (0..5000).map(|_| ids.next_id(NOW.minus_seconds(-10 * YEAR))).collect();
            if restarted {
                ids = IdGenerator::new(zero);
                ids.resume_after(*wrong.last().unwrap());
            }
            let back: Vec<EntityId> = (0..5000).map(|_| ids.next_id(NOW.minus_seconds(1))).collect();
            assert!(back.is_sorted() && back[0] > *right.last().unwrap() && *back.last().unwrap() < wrong[0]);
            let latest = id_at(NOW.minus_seconds(-MOST_AHEAD_HOURS * 3600));
            assert!(*back.last().unwrap() <= latest, "restarted: {restarted}");
            // From the next day on ids follow the clock again.
            assert_eq!(ids.next_id(NOW.minus_seconds(-2 * 86_400)), id_at(NOW.minus_seconds(-2 * 86_400)));
        }
    }

    #[test]
    fn ids_increase_with_a_clock_ahead_or_never_set() {
        let mut ids = IdGenerator::new(|| 0);
        let ahead = ids.next_id(NOW.minus_seconds(-23 * 3600));
        assert_eq!(ids.next_id(NOW), ahead + 1);
        assert_eq!(ids.next_id(Timestamp(0)), ahead + 2);
    }

    #[test]
    fn invite_code_has_eight_distinct_looking_characters() {
        let mut seed = 0_u64;
        let mut ids = IdGenerator::new(move || {
            seed = seed.wrapping_add(0x9E37_79B9_7F4A_7C15);
            seed
        });
        let codes: Vec<String> = (0..200).map(|_| ids.invite_code()).collect();
        for code in &codes {
            assert_eq!(code.len(), 8);
            assert!(code.bytes().all(|byte| INVITE_ALPHABET.contains(&byte)), "{code}");
        }
        assert!(codes.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
