//! Dates: JavaScript's times in milliseconds since 1970, and their form in JSON.

use std::fmt::Write;

use crate::socketio::DecodeError;

/// The largest absolute time of a Date in milliseconds (ECMA-262, "Time Values and Time Range").
const MAX_MILLIS: i64 = 8_640_000_000_000_000;

const DAY: i64 = 86_400_000;

/// Returns the time, or `None` for an "Invalid Date".
pub(super) fn in_range(millis: i64) -> Option<i64> {
    (-MAX_MILLIS..=MAX_MILLIS).contains(&millis).then_some(millis)
}

/// Reads msgpack's timestamp extension in its three forms: seconds; nanoseconds and seconds in 30 and 34 bits; in 32 and 64 bits.
pub(super) fn timestamp(data: &[u8]) -> Result<Option<i64>, DecodeError> {
    let (seconds, nanos) = if let Ok(seconds) = data.try_into() {
        (i64::from(u32::from_be_bytes(seconds)), 0)
    } else if let Ok(both) = data.try_into() {
        let both = u64::from_be_bytes(both);
        ((both & 0x3_ffff_ffff) as i64, (both >> 34) as u32)
    } else if let Some((nanos, Ok(seconds))) = data.split_first_chunk().map(|(nanos, rest)| (nanos, rest.try_into())) {
        (i64::from_be_bytes(seconds), u32::from_be_bytes(*nanos))
    } else {
        return Err(DecodeError::Msgpack);
    };
    let millis = seconds.checked_mul(1000).and_then(|millis| millis.checked_add(i64::from(nanos / 1_000_000)));
    Ok(millis.and_then(in_range))
}

/// Appends `"2024-02-29T12:00:00.000Z"`, quotes included, as `JSON.stringify` writes a Date.
pub(super) fn write_json(json: &mut String, millis: i64) {
    let (year, month, day) = civil(millis.div_euclid(DAY));
    let rest = millis.rem_euclid(DAY);
    let (hour, minute, second, milli) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60, rest % 1000);
    let year = match year {
        0..=9999 => format!("{year:04}"),
        // Years that need more than four digits have six and a sign.
        _ => format!("{year:+07}"),
    };
    // Writing to a String cannot fail.
    let _ = write!(json, "\"{year}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{milli:03}Z\"");
}

/// The date of a day counted from 1970, in the Gregorian calendar: year, month, day of the month. This is Howard Hinnant's
/// `civil_from_days`: years begin in March, so that the leap day is the last one, and repeat every 400.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let shifted_month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * shifted_month + 2) / 5 + 1;
    let month = if shifted_month < 10 { shifted_month + 3 } else { shifted_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}
