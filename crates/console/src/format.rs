//! Numbers, sizes and times as text.

use std::time::Duration;

use domain::ids::RoomId;
use time::OffsetDateTime;
use time::format_description::BorrowedFormatItem;
use time::macros::format_description;

const TIME: &[BorrowedFormatItem<'_>] = format_description!("[year]-[month]-[day] [hour]:[minute]:[second] UTC");

/// A number with a space between each three digits: 20 000.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            // A space that does not break a line.
            text.push('\u{202f}');
        }
        text.push(digit);
    }
    text
}

/// A rate: one decimal below ten, else whole.
pub(crate) fn rate(per_second: f64) -> String {
    if per_second > 0.0 && per_second < 9.95 { format!("{per_second:.1}") } else { count(per_second.round() as u64) }
}

/// A size in bytes.
pub(crate) fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 4] = ["KB", "MB", "GB", "TB"];
    let (mut size, mut unit) = (bytes as f64, "B");
    for larger in UNITS {
        if size < 1000.0 {
            break;
        }
        (size, unit) = (size / 1000.0, larger);
    }
    if unit == "B" || size >= 99.95 { format!("{size:.0} {unit}") } else { format!("{size:.1} {unit}") }
}

/// A duration with its two largest units.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {} s", seconds / 60, seconds % 60),
        3600..86_400 => format!("{} h {} min", seconds / 3600, seconds / 60 % 60),
        _ => format!("{} d {} h", seconds / 86_400, seconds / 3600 % 24),
    }
}

/// Milliseconds: the seconds of a histogram.
pub(crate) fn milliseconds(seconds: f64) -> String {
    let milliseconds = seconds * 1000.0;
    if milliseconds < 9.95 { format!("{milliseconds:.1} ms") } else { format!("{milliseconds:.0} ms") }
}

/// A time in microseconds since 1970.
pub(crate) fn time(micros: i64) -> String {
    let time = OffsetDateTime::from_unix_timestamp(micros.div_euclid(1_000_000)).ok();
    time.and_then(|time| time.format(TIME).ok()).unwrap_or_default()
}

/// A text as one part of a path.
pub(crate) fn path_part(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// The path of a room's page.
pub(crate) fn room_path(room: &RoomId) -> String {
    format!("/console/rooms/{}", path_part(room.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_groups_of_three_digits() {
        let texts = [0, 7, 999, 1000, 20_000, 1_234_567].map(count);
        assert_eq!(texts, ["0", "7", "999", "1\u{202f}000", "20\u{202f}000", "1\u{202f}234\u{202f}567"]);
    }

    #[test]
    fn rates_have_a_decimal_below_ten() {
        assert_eq!([0.0, 0.2, 9.94, 9.96, 1234.5].map(rate), ["0", "0.2", "9.9", "10", "1\u{202f}235"]);
    }

    #[test]
    fn sizes_and_times_have_the_unit_that_fits() {
        assert_eq!([0, 999, 1000, 1_549_000, 250_000_000].map(bytes), ["0 B", "999 B", "1.0 KB", "1.5 MB", "250 MB"]);
        let durations = [0, 59, 61, 3_661, 90_000].map(|seconds| duration(Duration::from_secs(seconds)));
        assert_eq!(durations, ["0 s", "59 s", "1 min 1 s", "1 h 1 min", "1 d 1 h"]);
        assert_eq!([0.0004, 0.0025, 0.25].map(milliseconds), ["0.4 ms", "2.5 ms", "250 ms"]);
        assert_eq!(time(1_763_035_200_000_000), "2025-11-13 12:00:00 UTC");
        assert_eq!(path_part("a/b?ä"), "a%2Fb%3F%C3%A4");
    }
}
