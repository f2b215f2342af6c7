//! Times as clients read them: RFC 3339 in UTC.

use std::borrow::Cow;
use std::fmt::{self, Display, Formatter};

use domain::names::Timestamp;
use serde::{Serialize, Serializer};
use time::OffsetDateTime;
use utoipa::openapi::RefOr;
use utoipa::openapi::schema::{KnownFormat, ObjectBuilder, Schema, SchemaFormat, Type};
use utoipa::{PartialSchema, ToSchema};

/// A moment to the millisecond, as JavaScript writes it: `2025-11-13T12:00:00.000Z`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Milliseconds(pub Timestamp);

/// A moment to the microsecond, as workspace's clients expect it: `2025-11-13T12:00:00.000000Z`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Microseconds(pub Timestamp);

impl Display for Milliseconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let moment = moment(self.0);
        write_seconds(f, moment)?;
        write!(f, ".{:03}Z", moment.millisecond())
    }
}

impl Display for Microseconds {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let moment = moment(self.0);
        write_seconds(f, moment)?;
        write!(f, ".{:06}Z", moment.microsecond())
    }
}

impl Serialize for Milliseconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl Serialize for Microseconds {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl PartialSchema for Milliseconds {
    fn schema() -> RefOr<Schema> {
        date_time("A moment in UTC, to the millisecond.", "2025-11-13T12:00:00.000Z")
    }
}

impl ToSchema for Milliseconds {
    fn name() -> Cow<'static, str> {
        "DateTime".into()
    }
}

impl PartialSchema for Microseconds {
    fn schema() -> RefOr<Schema> {
        date_time("A moment in UTC, to the microsecond.", "2025-11-13T12:00:00.000000Z")
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

/// A moment that no calendar has (beyond the year 9999) is shown as 1970: our own clock never says one.
fn moment(at: Timestamp) -> OffsetDateTime {
    OffsetDateTime::from_unix_timestamp_nanos(i128::from(at.0) * 1000).unwrap_or(OffsetDateTime::UNIX_EPOCH)
}

fn write_seconds(f: &mut Formatter<'_>, moment: OffsetDateTime) -> fmt::Result {
    let (year, month, day) = moment.to_calendar_date();
    let (hour, minute, second) = moment.to_hms();
    write!(f, "{year:04}-{:02}-{day:02}T{hour:02}:{minute:02}:{second:02}", u8::from(month))
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
