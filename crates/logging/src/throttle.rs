//! Limits the log lines that clients cause, per second for each address and kind of line. Further lines are counted.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use tracing::Level;

/// How many lines of all addresses are written in a second. Further lines are only counted.
const MAX_LINES_PER_SECOND: u32 = 1000;

/// How many kinds of lines have their own count in a second. Lines of further kinds are counted together.
const MAX_KINDS: usize = 65_536;

/// The kind of a line. Lines of the same kind are repetitions.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct LineKind {
    /// The level of the line, and of the one that counts its repetitions.
    pub level: Level,
    /// The address that caused the line; for IPv6, its /64. `None` if it is not known.
    pub address: Option<IpAddr>,
    /// The message of the line.
    pub what: &'static str,
    /// The detail of the message, such as an error code.
    pub detail: &'static str,
}

/// How many lines were dropped.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DroppedLines {
    /// A kind of line, and the number of dropped lines.
    Kind(LineKind, u64),
    /// Lines of many kinds.
    Many(u64),
}

/// Counts lines by the second.
#[derive(Default)]
pub struct Throttle(Mutex<ThrottleWindow>);

#[derive(Default)]
struct ThrottleWindow {
    number: u64,
    lines: u32,
    kinds: HashMap<LineKind, LineCount>,
    too_many: u64,
}

#[derive(Default)]
struct LineCount {
    written: u32,
    dropped: u64,
}

impl Throttle {
    /// Whether a line may be written.
    ///
    /// The inputs are the current second; the kind of line; how many of its kind may be written in a second. A line with the number of lines that were
    /// omitted in an earlier second counts, too.
    pub fn admit(&self, second: u64, kind: LineKind, most: u32) -> bool {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if now.number < second {
            // `dropped`, which the log calls every second, returns the omitted lines.
            now.number = second;
            now.lines = 0;
            now.kinds.retain(|_, lines| {
                lines.written = u32::from(lines.dropped > 0);
                lines.dropped > 0
            });
        }
        let full = now.lines >= MAX_LINES_PER_SECOND || (now.kinds.len() >= MAX_KINDS && !now.kinds.contains_key(&kind));
        if full {
            match now.kinds.get_mut(&kind) {
                Some(lines) => lines.dropped += 1,
                None => now.too_many += 1,
            }
            return false;
        }
        let lines = now.kinds.entry(kind).or_default();
        if lines.written >= most {
            lines.dropped += 1;
            return false;
        }
        lines.written += 1;
        now.lines += 1;
        true
    }

    /// How many lines were omitted since the last call, by kind.
    pub fn dropped(&self) -> Vec<DroppedLines> {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let kinds = now.kinds.iter_mut().filter(|(_, lines)| lines.dropped > 0);
        let mut all: Vec<DroppedLines> = kinds
            .take(MAX_LINES_PER_SECOND as usize)
            .map(|(kind, lines)| DroppedLines::Kind(*kind, std::mem::take(&mut lines.dropped)))
            .collect();
        // The kinds beyond the limit share one line.
        let others: u64 = now.kinds.values_mut().map(|lines| std::mem::take(&mut lines.dropped)).sum();
        let many = std::mem::take(&mut now.too_many) + others;
        all.extend((many > 0).then_some(DroppedLines::Many(many)));
        all
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(number: u32, detail: &'static str) -> LineKind {
        LineKind { level: Level::WARN, address: Some(IpAddr::from(number.to_be_bytes())), what: "refused", detail }
    }

    #[test]
    fn lines_beyond_the_limit_of_an_address_are_counted() {
        let throttle = Throttle::default();
        let (first, second) = (kind(1, "no"), kind(2, "no"));
        assert!(throttle.admit(0, first, 1));
        assert!(!throttle.admit(0, first, 1) && !throttle.admit(0, first, 1));
        assert!(throttle.admit(0, kind(1, "other"), 1), "another kind of line");
        assert!(throttle.admit(0, second, 1), "another address");
        assert!(!throttle.admit(1, first, 1), "the line that counts the earlier ones is that of this second");
        assert_eq!(throttle.dropped(), [DroppedLines::Kind(first, 3)]);
        assert!(throttle.admit(1, second, 1));
        assert!(throttle.admit(2, first, 1));
        assert_eq!(throttle.dropped(), []);
        assert!(throttle.admit(2, second, 2) && throttle.admit(2, second, 2) && !throttle.admit(2, second, 2));
    }

    #[test]
    fn lines_and_table_size_are_bounded_for_many_addresses() {
        let throttle = Throttle::default();
        let many = 2 * MAX_KINDS as u32;
        let written = (0..many).filter(|&number| throttle.admit(0, kind(number, "no"), 1)).count();
        assert_eq!(written, MAX_LINES_PER_SECOND as usize);
        let dropped = throttle.dropped();
        assert_eq!(dropped, [DroppedLines::Many(u64::from(many - MAX_LINES_PER_SECOND))]);
        assert!(throttle.0.lock().unwrap().kinds.len() <= MAX_KINDS);
        assert!(throttle.admit(1, kind(1, "no"), 1));
        assert_eq!(throttle.0.lock().unwrap().kinds.len(), 1, "what is over is forgotten");
    }
}
