//! Reads the settings of a section from their sources.

use std::fmt;

use super::error::ConfigError;
use super::schema::Setting;
use super::source::{SettingSource, Sources};
use super::value::SettingValue;

/// An effective setting: a line of `roomcast config`.
#[derive(Clone, Debug)]
pub struct Line {
    /// The setting.
    pub setting: &'static Setting,
    /// Its value as it may be printed.
    pub value: String,
    /// Its source.
    pub source: SettingSource,
    /// Its default, as it may be printed.
    pub default: String,
}

/// The lines of all settings. The debug form leaves them out, because the fields of the settings have the same values.
#[derive(Clone, Default)]
pub struct Lines(pub Vec<Line>);

impl fmt::Debug for Lines {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("…")
    }
}

/// Reads settings one after another, and records the source of each.
pub(super) struct Reader<'a> {
    pub(super) sources: &'a Sources,
    pub(super) lines: Vec<Line>,
    /// The errors so far, which are reported together.
    pub(super) errors: Vec<ConfigError>,
}

impl Reader<'_> {
    /// Reads one setting from the source with the highest precedence.
    ///
    /// The inputs are the setting, and the check that its range asks for. An invalid value adds an error that names the setting, the value and what is
    /// expected. Then the default is returned, so that the other settings are checked, too.
    pub(super) fn read<T: SettingValue>(&mut self, setting: &'static Setting, in_range: impl Fn(&T) -> bool) -> T {
        match self.try_read(setting, in_range) {
            Ok(value) => value,
            Err(error) => {
                self.errors.push(error);
                T::read(setting.default).expect("a test reads every default")
            }
        }
    }

    fn try_read<T: SettingValue>(&mut self, setting: &'static Setting, in_range: impl Fn(&T) -> bool) -> Result<T, ConfigError> {
        let found = self.sources.find(setting)?;
        let Some(value) = T::read(&found.text).filter(|value| in_range(value)) else {
            let range = setting.range.map(|(low, high)| format!(", from {low} to {high}")).unwrap_or_default();
            let right = format!("expected {}{range}", T::EXPECTED);
            return Err(ConfigError::setting(found.name, &T::show_unread(&found.text), right));
        };
        let default = T::read(setting.default).map(|default| default.show()).unwrap_or_default();
        self.lines.push(Line { setting, value: value.show(), source: found.source, default });
        Ok(value)
    }
}
