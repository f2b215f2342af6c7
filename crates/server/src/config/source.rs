//! Where settings come from: the environment, over an optional TOML file, over the defaults.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::Path;

use super::error::ConfigError;
use super::table::{Section, Setting};

/// Who set a setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Source {
    /// Nobody.
    Default,
    /// The TOML file.
    File,
    /// The environment.
    Environment,
}

impl Source {
    /// The word that `roomcast config` prints.
    pub fn as_str(self) -> &'static str {
        match self {
            Source::Default => "default",
            Source::File => "file",
            Source::Environment => "env",
        }
    }
}

/// All that has been said about the settings.
#[derive(Default, Debug)]
pub struct Sources {
    environment: HashMap<String, OsString>,
    file: Option<File>,
}

#[derive(Debug)]
struct File {
    /// As it stands in refusals.
    name: String,
    /// Section → key → value.
    values: toml::Table,
}

/// A setting's text and its origin.
pub(super) struct Found {
    /// The name under which it was set, for a refusal.
    pub(super) name: String,
    pub(super) text: String,
    pub(super) source: Source,
}

impl Sources {
    /// Sources of this process: its environment, and the file that `--config` or `ROOMCAST_CONFIG` names.
    ///
    /// Inputs: the argument of `--config`, and the table, whose names alone are taken from the environment.
    /// Errors: the file cannot be read, is not TOML, or has a key that is no setting.
    pub fn of_process(argument: Option<&Path>, table: &[Section]) -> Result<Self, ConfigError> {
        let names = table.iter().flat_map(|section| section.settings).map(|setting| setting.env);
        let environment = names.filter_map(|name| Some((name.to_owned(), std::env::var_os(name)?))).collect();
        let sources = Self { environment, file: None };
        let from_environment = std::env::var_os("ROOMCAST_CONFIG").filter(|path| !path.is_empty());
        let (name, path) = match (argument, &from_environment) {
            (Some(path), _) => ("--config", path),
            (None, Some(path)) => ("ROOMCAST_CONFIG", Path::new(path)),
            (None, None) => return Ok(sources),
        };
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(path)
            .map_err(|error| ConfigError::setting(name, &shown, format!("the file cannot be read ({error})")))?;
        sources.with_toml(&shown, &text, table)
    }

    /// Sources for tests and for embedding: an environment of these pairs, and no file.
    pub fn of_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let environment = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        Self { environment, file: None }
    }

    /// Adds the content of a TOML file.
    ///
    /// Inputs: the file's name for refusals, its text, the table. Errors: it is not TOML, or has a key that is no setting.
    pub fn with_toml(self, name: &str, text: &str, table: &[Section]) -> Result<Self, ConfigError> {
        let values: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            // Only the parser's own words: its Display quotes the line, and a secret may stand there.
            let line = error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
            ConfigError::line(format!("{name}: line {line} is not TOML ({})", error.message()))
        })?;
        for (section, keys) in &values {
            let Some(known) = table.iter().find(|known| known.name == section) else {
                let names: Vec<_> = table.iter().map(|section| section.name).collect();
                return Err(ConfigError::line(format!("{name}: [{section}] is not a section; the sections are {}", names.join(", "))));
            };
            let Some(keys) = keys.as_table() else {
                return Err(ConfigError::line(format!("{name}: {section} is a section and is written [{section}]")));
            };
            if let Some(unknown) = keys.keys().find(|key| !known.settings.iter().any(|setting| setting.key == *key)) {
                let names: Vec<_> = known.settings.iter().map(|setting| setting.key).collect();
                return Err(ConfigError::line(format!(
                    "{name}: {section}.{unknown} is not a setting; [{section}] has {}",
                    names.join(", ")
                )));
            }
        }
        Ok(Self { file: Some(File { name: name.into(), values }), ..self })
    }

    /// What the strongest source says of a setting. An empty text says nothing: compose files pass unset variables so.
    ///
    /// Errors: the value has no form that a setting could have (a table, a date, bytes that are not UTF-8).
    pub(super) fn find(&self, setting: &Setting) -> Result<Found, ConfigError> {
        if let Some(value) = self.environment.get(setting.env).filter(|value| !value.is_empty()) {
            let Some(text) = value.to_str() else {
                return Err(ConfigError::setting(setting.env, "(bytes)", "expected text in UTF-8"));
            };
            return Ok(Found { name: setting.env.into(), text: trimmed(text, setting), source: Source::Environment });
        }
        if let Some(file) = &self.file
            && let Some(value) = file.values.get(setting.section).and_then(|section| section.get(setting.key))
        {
            let name = format!("{}: {}.{}", file.name, setting.section, setting.key);
            let Some(text) = as_text(value, setting.list) else {
                let right = if setting.list { "expected a list of texts" } else { "expected a single value" };
                return Err(ConfigError::setting(name, value.type_str(), right));
            };
            if !text.is_empty() {
                return Ok(Found { name, text: trimmed(&text, setting), source: Source::File });
            }
        }
        Ok(Found { name: setting.env.into(), text: setting.default.into(), source: Source::Default })
    }
}

/// Spaces around a value are a slip of the hand; in a secret they may be part of it, and whoever signs with it keeps them.
fn trimmed(text: &str, setting: &Setting) -> String {
    if setting.hidden { text.into() } else { text.trim().into() }
}

fn as_text(value: &toml::Value, list: bool) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(value) => Some(value.to_string()),
        toml::Value::Array(items) if list => {
            items.iter().map(|item| as_text(item, false)).collect::<Option<Vec<_>>>().map(|items| items.join(","))
        }
        _ => None,
    }
}
