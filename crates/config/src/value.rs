//! How a setting is parsed from text, and shown again. Every source provides text, so each type of value has one parser.

use std::time::Duration;

/// A type of value that a setting can have.
pub trait SettingValue: Sized {
    /// The expected form, which an error message shows after "expected".
    const EXPECTED: &'static str;
    /// True if the value must never be shown.
    const IS_HIDDEN: bool = false;
    /// True if the value is a list, which a TOML file may write as an array.
    const LIST: bool = false;

    /// True if the value is a number of things, a size or a time, so that the setting is a bound that operators look for in one table.
    const IS_BOUND: bool = false;

    /// The value that the text stands for, or `None` if it stands for none.
    fn read(text: &str) -> Option<Self>;

    /// The value as text that is safe to print.
    fn show(&self) -> String;

    /// A text that could not be parsed, as an error message may show it: without a password that it may contain.
    fn show_unread(text: &str) -> String {
        if Self::IS_HIDDEN { HIDDEN.into() } else { text.into() }
    }
}

/// The text that is printed instead of a secret.
pub const HIDDEN: &str = "(hidden)";

/// An empty text counts as unset.
impl<T: SettingValue> SettingValue for Option<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    const IS_HIDDEN: bool = T::IS_HIDDEN;
    const LIST: bool = T::LIST;

    fn read(text: &str) -> Option<Self> {
        if text.is_empty() { Some(None) } else { T::read(text).map(Some) }
    }

    fn show(&self) -> String {
        self.as_ref().map(T::show).unwrap_or_default()
    }

    fn show_unread(text: &str) -> String {
        T::show_unread(text)
    }
}

/// True if `value` lies between two values written as text, both included.
pub(super) fn in_range<T: SettingValue + PartialOrd>(value: &T, low: &str, high: &str) -> bool {
    T::read(low).is_some_and(|low| *value >= low) && T::read(high).is_some_and(|high| *value <= high)
}

impl SettingValue for bool {
    const EXPECTED: &'static str = "true or false (also on/off, yes/no, 1/0)";

    fn read(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "true" | "on" | "yes" | "1" => Some(true),
            "false" | "off" | "no" | "0" => Some(false),
            _ => None,
        }
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl SettingValue for u32 {
    const EXPECTED: &'static str = "a whole number";
    const IS_BOUND: bool = true;

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl SettingValue for u16 {
    const EXPECTED: &'static str = "a whole number from 0 to 65535";

    fn read(text: &str) -> Option<Self> {
        text.parse().ok()
    }

    fn show(&self) -> String {
        self.to_string()
    }
}

impl SettingValue for String {
    const EXPECTED: &'static str = "text";

    fn read(text: &str) -> Option<Self> {
        Some(text.into())
    }

    fn show(&self) -> String {
        self.clone()
    }
}

/// Values separated by commas.
impl<T: SettingValue> SettingValue for Vec<T> {
    const EXPECTED: &'static str = T::EXPECTED;
    const IS_HIDDEN: bool = T::IS_HIDDEN;
    const LIST: bool = true;

    fn read(text: &str) -> Option<Self> {
        text.split(',').map(str::trim).filter(|item| !item.is_empty()).map(T::read).collect()
    }

    fn show(&self) -> String {
        self.iter().map(T::show).collect::<Vec<_>>().join(",")
    }
}

/// Seconds, or a number with `ms`, `s`, `m` or `h`; to the millisecond.
impl SettingValue for Duration {
    const EXPECTED: &'static str = "a duration in seconds or with a unit (ms, s, m, h), such as 25, 500ms or 1h";
    const IS_BOUND: bool = true;

    fn read(text: &str) -> Option<Self> {
        let (number, unit) = split_unit(text);
        let milliseconds = match unit.to_ascii_lowercase().as_str() {
            "ms" => 1.0,
            "" | "s" => 1000.0,
            "m" => 60_000.0,
            "h" => 3_600_000.0,
            _ => return None,
        } * decimal(number)?;
        // More than a year is probably a wrong unit, and other code counts milliseconds in 32 bits.
        let whole = milliseconds.round();
        ((milliseconds - whole).abs() < 1e-6 && whole <= 366.0 * 86_400_000.0).then(|| Duration::from_millis(whole as u64))
    }

    fn show(&self) -> String {
        let milliseconds = self.as_millis();
        let whole = [("h", 3_600_000), ("m", 60_000), ("s", 1000)]
            .into_iter()
            .find(|(_, unit)| milliseconds >= *unit && milliseconds.is_multiple_of(*unit));
        match whole {
            Some((name, unit)) => format!("{}{name}", milliseconds / unit),
            None if milliseconds == 0 => "0s".into(),
            None => format!("{milliseconds}ms"),
        }
    }
}

/// A number of bytes.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Size(pub usize);

impl SettingValue for Size {
    const EXPECTED: &'static str = "a size in bytes or with a unit (KB, MB, GB, KiB, MiB, GiB), such as 1000000 or 1MB";
    const IS_BOUND: bool = true;

    fn read(text: &str) -> Option<Self> {
        let bytes = bytes(text)?;
        (bytes <= u64::from(u32::MAX)).then_some(Self(bytes as usize))
    }

    fn show(&self) -> String {
        show_bytes(self.0 as u64)
    }
}

/// Bytes, or a number with a unit; up to a petabyte.
pub(super) fn bytes(text: &str) -> Option<u64> {
    let (number, unit) = split_unit(text);
    let bytes = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1.0,
        "kb" => 1e3,
        "mb" => 1e6,
        "gb" => 1e9,
        "kib" => 1024.0,
        "mib" => 1024.0 * 1024.0,
        "gib" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    } * decimal(number)?;
    (bytes.fract() == 0.0 && bytes <= 1e15).then_some(bytes as u64)
}

/// Bytes as a setting shows them.
pub(super) fn show_bytes(bytes: u64) -> String {
    match bytes {
        bytes if bytes > 0 && bytes % 1_000_000 == 0 => format!("{}MB", bytes / 1_000_000),
        bytes if bytes > 0 && bytes % 1000 == 0 => format!("{}KB", bytes / 1000),
        bytes => bytes.to_string(),
    }
}

/// A maximum number. As a setting, zero means that there is no limit.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limit(Option<u32>);

impl Limit {
    /// A limit of this number; 0 is no limit.
    pub const fn of(most: u32) -> Self {
        Self(if most == 0 { None } else { Some(most) })
    }

    /// The limit, or `None` if there is none.
    pub fn limit(self) -> Option<u32> {
        self.0
    }

    /// True if one more is allowed in addition to `count`.
    pub fn allows(self, count: usize) -> bool {
        self.0.is_none_or(|most| count < most as usize)
    }
}

impl SettingValue for Limit {
    const EXPECTED: &'static str = "a whole number, 0 for no limit";
    const IS_BOUND: bool = true;

    fn read(text: &str) -> Option<Self> {
        text.parse().ok().map(Self::of)
    }

    fn show(&self) -> String {
        self.0.unwrap_or(0).to_string()
    }
}

/// A text that is never shown: no `Display`, and a `Debug` that hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    /// Wraps a secret text.
    pub fn new(secret: impl Into<String>) -> Self {
        Self(secret.into())
    }

    /// The secret itself, for the one place that computes with it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(HIDDEN)
    }
}

impl SettingValue for Secret {
    const EXPECTED: &'static str = "text";
    const IS_HIDDEN: bool = true;

    fn read(text: &str) -> Option<Self> {
        Some(Self::new(text))
    }

    fn show(&self) -> String {
        HIDDEN.into()
    }
}

/// Declares a setting with a fixed set of values.
macro_rules! choice {
    ($(#[$about:meta])* $name:ident { $(#[doc = $sentence:literal] $variant:ident = $first:literal $(| $more:literal)*),+ $(,)? } expected $expected:literal) => {
        $(#[$about])*
        #[derive(Clone, Copy, PartialEq, Eq, Debug)]
        pub enum $name { $(#[doc = $sentence] $variant),+ }

        impl $crate::value::SettingValue for $name {
            const EXPECTED: &'static str = $expected;

            fn read(text: &str) -> Option<Self> {
                match text.to_ascii_lowercase().as_str() {
                    $($first $(| $more)* => Some(Self::$variant),)+
                    _ => None,
                }
            }

            fn show(&self) -> String {
                match self { $(Self::$variant => $first),+ }.into()
            }
        }
    };
}
pub(super) use choice;

/// `25ms` → (`25`, `ms`), without the spaces around both.
fn split_unit(text: &str) -> (&str, &str) {
    let end = text.find(|character: char| !character.is_ascii_digit() && character != '.').unwrap_or(text.len());
    (text[..end].trim(), text[end..].trim())
}

/// Digits with at most one point; no sign, exponent, infinity or NaN, which Rust parses as a float.
fn decimal(text: &str) -> Option<f64> {
    let plain = text.starts_with(|first: char| first.is_ascii_digit()) && text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if plain { text.parse().ok() } else { None }
}
