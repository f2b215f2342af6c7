//! Times as clients receive them: RFC 3339 in UTC.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

use domain::ids::Timestamp;
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// A time to the millisecond, as JavaScript writes it: `2025-11-13T12:00:00.000Z`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Milliseconds(pub Timestamp);

/// A time to the microsecond, as workspace's clients expect it: `2025-11-13T12:00:00.000000Z`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Microseconds(pub Timestamp);

impl Display for Milliseconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(FormattedTime::new(self.0, 3).text())
    }
}

impl Display for Microseconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(FormattedTime::new(self.0, 6).text())
    }
}

impl Serialize for Milliseconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(FormattedTime::new(self.0, 3).text())
    }
}

impl Serialize for Microseconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(FormattedTime::new(self.0, 6).text())
    }
}

impl PartialSchema for Milliseconds {
    fn schema() -> RefOr<Schema> {
        date_time("A time in UTC, to the millisecond.", "2025-11-13T12:00:00.000Z")
    }
}

impl ToSchema for Milliseconds {
    fn name() -> Cow<'static, str> {
        "DateTime".into()
    }
}

impl PartialSchema for Microseconds {
    fn schema() -> RefOr<Schema> {
        date_time("A time in UTC, to the microsecond.", "2025-11-13T12:00:00.000000Z")
    }
}

impl ToSchema for Microseconds {
    fn name() -> Cow<'static, str> {
        "MicrosecondDateTime".into()
    }
}

fn date_time(description: &str, example: &str) -> RefOr<Schema> {
    let schema = ObjectBuilder::new().schema_type(Type::String).format(Some(SchemaFormat::KnownFormat(KnownFormat::DateTime)));
    schema.description(Some(description)).examples([example]).into()
}

/// A time beyond the year 9999, which the calendar type cannot represent, is shown as 1970: the server's clock never returns one.
fn date_and_time(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

/// A time as text. Most events contain one or two, so the digits are written without the standard formatter, which takes several times as long.
struct FormattedTime {
    bytes: [u8; LONGEST],
    length: usize,
}

const LONGEST: usize = "2025-11-13T12:00:00.000000Z".len();

impl FormattedTime {
    /// `digits` is how many digits of the second's fraction are written: 3 or 6.
    fn new(at: Timestamp, digits: usize) -> Self {
        let moment = date_and_time(at);
        let (year, month, day) = moment.to_calendar_date();
        let (hour, minute, second) = moment.to_hms();
        let fraction = if digits == 3 { moment.millisecond().into() } else { moment.microsecond() };
        let fields = [
            (year.unsigned_abs(), 4, b'-'),
            (u8::from(month).into(), 2, b'-'),
            (day.into(), 2, b'T'),
            (hour.into(), 2, b':'),
            (minute.into(), 2, b':'),
            (second.into(), 2, b'.'),
            (fraction, digits, b'Z'),
        ];
        let mut written = Self { bytes: [0; LONGEST], length: 0 };
        for (value, digits, behind) in fields {
            written.append(value, digits, behind);
        }
        written
    }

    fn append(&mut self, mut value: u32, digits: usize, behind: u8) {
        let end = self.length + digits;
        for digit in self.bytes[self.length..end].iter_mut().rev() {
            *digit = b'0' + (value % 10) as u8;
            value /= 10;
        }
        self.bytes[end] = behind;
        self.length = end + 1;
    }

    fn text(&self) -> &str {
        // Digits and separators are ASCII.
        str::from_utf8(&self.bytes[..self.length]).unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_written_in_utc_to_the_unit_that_the_contract_has() {
        let table = [
            (0, "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000000Z"),
            (1_763_035_200_000_000, "2025-11-13T12:00:00.000Z", "2025-11-13T12:00:00.000000Z"),
            (1_709_210_096_007_089, "2024-02-29T12:34:56.007Z", "2024-02-29T12:34:56.007089Z"),
            (-1, "1969-12-31T23:59:59.999Z", "1969-12-31T23:59:59.999999Z"),
            (i64::MAX, "1970-01-01T00:00:00.000Z", "1970-01-01T00:00:00.000000Z"),
        ];
        for (at, milliseconds, microseconds) in table {
            assert_eq!(Milliseconds(Timestamp(at)).to_string(), milliseconds);
            assert_eq!(Microseconds(Timestamp(at)).to_string(), microseconds);
        }
    }
}
