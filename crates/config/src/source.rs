//! Sources of settings: the environment, over a `.env` file, over an optional TOML file, over the defaults.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use super::dotenv::{self, DotenvLine, without_comment};
use super::error::ConfigError;
use super::schema::{Section, Setting};

/// The source of a setting.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SettingSource {
    /// No source; the default applies.
    Default,
    /// The TOML file.
    File,
    /// The file `.env` in the working directory.
    Dotenv,
    /// The environment.
    Environment,
}

impl SettingSource {
    /// The word that `roomcast config` prints.
    pub fn as_str(self) -> &'static str {
        match self {
            SettingSource::Default => "default",
            SettingSource::File => "file",
            SettingSource::Dotenv => ".env",
            SettingSource::Environment => "env",
        }
    }
}

/// The contents of all sources.
#[derive(Default, Debug)]
pub struct Sources {
    environment: HashMap<String, OsString>,
    dotenv: HashMap<String, String>,
    file: Option<File>,
    /// Errors about lines and keys of the files that are no settings. They are reported together with invalid settings.
    pub(super) problems: Vec<ConfigError>,
}

/// The name of the file that is read in the working directory, if it exists.
const DOTENV: &str = ".env";

/// The former name of a section in a TOML file, which still works, and its name now.
const FORMER_SECTIONS: [(&str, &str); 4] = [("net", "server"), ("identity", "auth"), ("origins", "cors"), ("operations", "ops")];

/// The variable that names a TOML file.
const CONFIG: &str = "ROOMCAST_CONFIG";

#[derive(Debug)]
struct File {
    /// The file's name, for error messages.
    name: String,
    /// Section → key → value.
    values: toml::Table,
}

impl File {
    /// The value of a setting, and the name of its section as the file writes it.
    fn find(&self, setting: &Setting) -> Option<(&str, &toml::Value)> {
        let mut sections = self.values.iter().filter(|(section, _)| current_name(section) == setting.section);
        sections.find_map(|(section, keys)| Some((section.as_str(), keys.get(setting.key)?)))
    }
}

/// The current name of a section that may have its former name.
fn current_name(section: &str) -> &str {
    FORMER_SECTIONS.iter().find(|(former, _)| *former == section).map_or(section, |(_, current)| current)
}

/// A setting's text and its origin.
pub(super) struct Found {
    /// The name under which it was set, for an error message.
    pub(super) name: String,
    pub(super) text: String,
    pub(super) source: SettingSource,
}

impl Sources {
    /// Sources of this process: its environment, the file `.env` in the working directory, and the file that `--config` or `ROOMCAST_CONFIG` names.
    ///
    /// The inputs are the argument of `--config`, and the table, whose names alone are taken from the environment. Errors: a file cannot be read, or is not
    /// TOML. [`Config::read`](super::Config::read) reports lines and keys of the files that are no settings.
    pub fn of_process(argument: Option<&Path>, table: &[Section]) -> Result<Self, ConfigError> {
        let names = table.iter().flat_map(|section| section.settings).map(|setting| setting.env);
        let environment = names.filter_map(|name| Some((name.to_owned(), std::env::var_os(name)?))).collect();
        let mut sources = Self { environment, ..Self::default() };
        if Path::new(DOTENV).is_file() {
            let text = std::fs::read_to_string(DOTENV).map_err(|error| ConfigError::line(format!("{DOTENV} cannot be read ({error})")))?;
            sources = sources.with_dotenv(&text, table);
        }
        let from_environment = std::env::var_os(CONFIG).filter(|path| !path.is_empty());
        let (name, path) = match (argument, &from_environment, sources.dotenv.get(CONFIG)) {
            (Some(path), ..) => ("--config", path.to_owned()),
            (None, Some(path), _) => (CONFIG, path.into()),
            (None, None, Some(path)) => (".env: ROOMCAST_CONFIG", path.into()),
            (None, None, None) => return Ok(sources),
        };
        let path: PathBuf = path;
        let shown = path.display().to_string();
        let text = std::fs::read_to_string(&path)
            .map_err(|error| ConfigError::setting(name, &shown, format!("the file cannot be read ({error})")))?;
        sources.with_toml(&shown, &text, table)
    }

    /// Sources for tests and for embedding: an environment of these pairs, and no file.
    pub fn of_pairs<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Self {
        let environment = pairs.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        Self { environment, ..Self::default() }
    }

    /// Adds the content of a `.env` file. Names that are no settings belong to other programs.
    ///
    /// The inputs are the file's text and the table. [`Config::read`](super::Config::read) reports lines that begin with a setting's name and are not
    /// `NAME=value`.
    pub fn with_dotenv(mut self, text: &str, table: &[Section]) -> Self {
        let is_known = |name: &str| name == CONFIG || table.iter().flat_map(|section| section.settings).any(|setting| setting.env == name);
        for entry in dotenv::entries(text) {
            match entry {
                DotenvLine::Pair { name, value } if is_known(name) => drop(self.dotenv.insert(name.to_owned(), value)),
                DotenvLine::Other { line, name } if is_known(name) => {
                    self.problems.push(ConfigError::line(format!("{DOTENV}: line {line}: expected {name}=value")));
                }
                DotenvLine::Pair { .. } | DotenvLine::Other { .. } => {}
            }
        }
        self
    }

    /// Adds the content of a TOML file.
    ///
    /// The inputs are the file's name for refusals, its text, and the table. Errors: it is not TOML. [`Config::read`](super::Config::read) reports keys that are
    /// no settings.
    pub fn with_toml(mut self, name: &str, text: &str, table: &[Section]) -> Result<Self, ConfigError> {
        let values: toml::Table = text.parse().map_err(|error: toml::de::Error| {
            // The message has only the parser's own text: its Display quotes the line, which may contain a secret.
            let line = error.span().map_or(1, |span| 1 + text[..span.start.min(text.len())].matches('\n').count());
            ConfigError::line(format!("{name}: line {line} is not TOML ({})", error.message()))
        })?;
        let mut errors = Vec::new();
        for (section, keys) in &values {
            let current = current_name(section);
            if current != section && values.contains_key(current) {
                errors.push(ConfigError::line(format!("{name}: [{section}] is the former name of [{current}]; use [{current}] for both")));
            }
            let Some(known) = table.iter().find(|known| known.name == current) else {
                let names: Vec<_> = table.iter().map(|section| section.name).collect();
                errors.push(ConfigError::line(format!("{name}: [{section}] is not a section; the sections are {}", names.join(", "))));
                continue;
            };
            let Some(keys) = keys.as_table() else {
                errors.push(ConfigError::line(format!("{name}: {section} is a section and is written [{section}]")));
                continue;
            };
            for unknown in keys.keys().filter(|key| !known.settings.iter().any(|setting| setting.key == *key)) {
                let names: Vec<_> = known.settings.iter().map(|setting| setting.key).collect();
                errors
                    .push(ConfigError::line(format!("{name}: {section}.{unknown} is not a setting; [{section}] has {}", names.join(", "))));
            }
        }
        self.problems.append(&mut errors);
        Ok(Self { file: Some(File { name: name.into(), values }), ..self })
    }

    /// The value of a setting in the source with the highest precedence. An empty text counts as unset: compose files pass unset variables
    /// like this.
    ///
    /// Errors: the value has no form that a setting could have (a table, a date, bytes that are not UTF-8).
    pub(super) fn find(&self, setting: &Setting) -> Result<Found, ConfigError> {
        if let Some(value) = self.environment.get(setting.env).filter(|value| !value.is_empty()) {
            let Some(text) = value.to_str() else {
                return Err(ConfigError::setting(setting.env, "(bytes)", "expected text in UTF-8"));
            };
            // A value that contains only a comment counts as unset, as an empty one does.
            let text = if setting.hidden { text } else { as_containers_leave_it(text) };
            if !text.is_empty() {
                return Ok(Found { name: setting.env.into(), text: text.into(), source: SettingSource::Environment });
            }
        }
        if let Some(text) = self.dotenv.get(setting.env).filter(|text| !text.is_empty()) {
            return Ok(Found { name: format!("{DOTENV}: {}", setting.env), text: trimmed(text, setting), source: SettingSource::Dotenv });
        }
        if let Some(file) = &self.file
            && let Some((section, value)) = file.find(setting)
        {
            let name = format!("{}: {section}.{}", file.name, setting.key);
            let Some(text) = as_text(value, setting.list) else {
                let right = if setting.list { "expected a list of texts" } else { "expected a single value" };
                return Err(ConfigError::setting(name, value.type_str(), right));
            };
            if !text.is_empty() {
                return Ok(Found { name, text: trimmed(&text, setting), source: SettingSource::File });
            }
        }
        Ok(Found { name: setting.env.into(), text: setting.default.into(), source: SettingSource::Default })
    }
}

/// A value of the environment without the comment and the quotes that `docker run --env-file` and unit files leave in it: `3001  # comment` is
/// `3001`, and `"3001"` too. A secret is not changed: the program that signs with it may use the same text.
fn as_containers_leave_it(text: &str) -> &str {
    let text = text.trim();
    for quote in ['"', '\''] {
        if let Some((inside, behind)) = text.strip_prefix(quote).and_then(|rest| rest.split_once(quote))
            && without_comment(behind).trim().is_empty()
        {
            return inside.trim();
        }
    }
    without_comment(text).trim()
}

/// Removes spaces around a value, which are a mistake. In a secret they may be a part of it, because the program that signs with it keeps
/// them.
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
