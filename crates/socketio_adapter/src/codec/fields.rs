//! The parts that several messages have: receivers, flags, events. The readers accept what the emitters of all languages send.

use std::fmt::Write;
use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use wire::socketio::{EncodeError as EventError, check_event};

use super::{DecodeError, EncodeError};
use crate::message::{Event, Flags, Selection};

/// The longest timeout that is accepted; a longer one is shortened.
const MAX_TIMEOUT_MS: f64 = 86_400_000.0;

/// The object `opts` of a broadcast or a request.
#[derive(Deserialize, Default)]
pub(super) struct Options {
    #[serde(default)]
    rooms: Value,
    #[serde(default)]
    except: Value,
    #[serde(default)]
    flags: Value,
}

impl Options {
    /// Reads the options. Some emitters leave them out, or write an empty text.
    pub fn read(json: Option<&RawValue>) -> Result<Self, DecodeError> {
        match json.map(RawValue::get) {
            None | Some("null" | "\"\"") => Ok(Self::default()),
            Some(json) if json.starts_with('{') => parse(json, "opts", "an object"),
            Some(_) => Err(DecodeError::Field { field: "opts", expected: "an object" }),
        }
    }

    pub fn selection(self) -> Result<Selection, DecodeError> {
        Ok(Selection { rooms: names(self.rooms, "opts.rooms")?, except: names(self.except, "opts.except")? })
    }

    /// Reads the flags as JavaScript does, in which every value is true or false.
    pub fn flags(&self) -> Flags {
        let flag = |name: &str| self.flags.get(name).filter(|flag| !flag.is_null());
        let timeout = flag("timeout").and_then(Value::as_f64).filter(|timeout| *timeout > 0.0);
        Flags {
            volatile: flag("volatile").is_some_and(is_true),
            local: flag("local").is_some_and(is_true),
            compress: flag("compress").map(is_true),
            timeout: timeout.map(|timeout| Duration::from_secs_f64(timeout.min(MAX_TIMEOUT_MS) / 1000.0)),
        }
    }
}

/// Parses a part of a message.
pub(super) fn parse<'a, T: Deserialize<'a>>(json: &'a str, field: &'static str, expected: &'static str) -> Result<T, DecodeError> {
    serde_json::from_str(json).map_err(|error| match error.classify() {
        serde_json::error::Category::Data => DecodeError::Field { field, expected },
        _ => DecodeError::Json(error.column()),
    })
}

/// Reads a list of rooms or of ids. An absent list and an empty text are an empty list, as some emitters write it. A number is the room
/// with that text as its name.
pub(super) fn names(value: Value, field: &'static str) -> Result<Vec<String>, DecodeError> {
    const EXPECTED: &str = "an array of texts";
    let name = |value| match value {
        Value::String(name) => Ok(name),
        Value::Number(number) => Ok(number.to_string()),
        _ => Err(DecodeError::Field { field, expected: EXPECTED }),
    };
    match value {
        Value::Null => Ok(Vec::new()),
        Value::String(text) if text.is_empty() => Ok(Vec::new()),
        Value::Array(values) => values.into_iter().map(name).collect(),
        _ => Err(DecodeError::Field { field, expected: EXPECTED }),
    }
}

/// Reads an event for clients from the array of its name and arguments.
pub(super) fn client_event(json: &str, attachments: Vec<Vec<u8>>) -> Result<Event, DecodeError> {
    let event = Event { attachments, ..any_event(json)? };
    check_event(&event.name, &event.args, event.attachments.len()).map_err(|error| {
        DecodeError::Event(match error {
            EventError::ReservedEvent(_) => "a name that is reserved",
            EventError::TooManyAttachments => "too many attachments",
            EventError::IllegalPlaceholder => "a placeholder without an attachment",
            EventError::TooDeep => "arguments that are nested too deeply",
            EventError::Arguments => "arguments that are not JSON",
        })
    })?;
    Ok(event)
}

/// Reads an event without attachments from the array of its name and arguments.
pub(super) fn any_event(json: &str) -> Result<Event, DecodeError> {
    const SHAPE: DecodeError = DecodeError::Field { field: "data", expected: "an array of the event's name and its arguments" };
    if !json.starts_with('[') {
        return Err(SHAPE);
    }
    let elements: Vec<&RawValue> = parse(json, "data", "an array")?;
    let (name, args) = elements.split_first().ok_or(SHAPE)?;
    let name = match name.get() {
        text if text.starts_with('"') => parse(text, "the event's name", "a text")?,
        number if number.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => number.to_owned(),
        _ => return Err(SHAPE),
    };
    let args: Vec<&str> = args.iter().map(|arg| arg.get()).collect();
    Ok(Event { name, args: args.join(","), attachments: Vec::new() })
}

/// Appends the array of an event's name and arguments.
pub(super) fn write_event(out: &mut String, event: &Event) -> Result<(), EncodeError> {
    check_event(&event.name, &event.args, event.attachments.len())?;
    out.push('[');
    out.push_str(&quoted(&event.name));
    if !event.args.is_empty() {
        out.push(',');
        out.push_str(&event.args);
    }
    out.push(']');
    Ok(())
}

/// A text as JSON.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// A list of texts as JSON.
pub(super) fn quoted_list(texts: &[String]) -> String {
    Value::from(texts.to_vec()).to_string()
}

/// Appends the flags that are set, as an object.
pub(super) fn write_flags(out: &mut String, flags: Flags) {
    let mut members = Vec::new();
    if flags.volatile {
        members.push("\"volatile\":true".to_owned());
    }
    if let Some(compress) = flags.compress {
        members.push(format!("\"compress\":{compress}"));
    }
    if let Some(timeout) = flags.timeout {
        members.push(format!("\"timeout\":{}", timeout.as_millis()));
    }
    // Writing to a String cannot fail.
    let _ = write!(out, "{{{}}}", members.join(","));
}

/// Whether JavaScript takes a value for true.
fn is_true(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(value) => *value,
        Value::Number(number) => number.as_f64().is_some_and(|number| number != 0.0),
        Value::String(text) => !text.is_empty(),
        Value::Array(_) | Value::Object(_) => true,
    }
}
