//! The rules for the data of each packet type, which are the same in both formats.

use std::borrow::Cow;

use super::packet::Kind;
use super::{Args, DecodeError, EncodeError, Event, MAX_ATTACHMENTS, Packet, json_scan, text};

/// The names of events that the JavaScript library emits itself. An event of a client must not have one of these names.
const RESERVED_EVENTS: [&str; 6] = ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// Builds a packet. `payload` is its data as a JSON text, empty if there are none.
pub(super) fn packet<'a>(
    kind: Kind,
    nsp: &'a str,
    id: Option<u64>,
    payload: &'a str,
    attachments: usize,
) -> Result<Packet<'a>, DecodeError> {
    Ok(match kind {
        Kind::Connect => {
            let auth = if payload.is_empty() { None } else { Some(json_scan::object(payload)?) };
            Packet::Connect { nsp, auth }
        }
        Kind::Disconnect if payload.is_empty() => Packet::Disconnect { nsp },
        Kind::Disconnect => return Err(DecodeError::Payload),
        Kind::Event => {
            let event = if payload.is_empty() { None } else { Some(event(payload, attachments)?) };
            Packet::Event { nsp, id, event, attachments }
        }
        Kind::Ack => {
            let args = if payload.is_empty() { Args::default() } else { Args::new(payload, &json_scan::array(payload, attachments)?) };
            Packet::Ack { nsp, id, args, attachments }
        }
        Kind::ConnectError => {
            let data = json_scan::value(payload)?;
            if !data.starts_with(['{', '"']) {
                return Err(DecodeError::Payload);
            }
            Packet::ConnectError { nsp, data }
        }
    })
}

fn event(payload: &str, attachments: usize) -> Result<Event<'_>, DecodeError> {
    let elements = json_scan::array(payload, attachments)?;
    let (name, args) = elements.split_first().ok_or(DecodeError::Payload)?;
    let name = match &payload[name.clone()] {
        string if string.starts_with('"') => text::unescape(string).ok_or(DecodeError::Payload)?,
        number if number.starts_with(|first: char| first == '-' || first.is_ascii_digit()) => Cow::Borrowed(number),
        _ => return Err(DecodeError::Payload),
    };
    if RESERVED_EVENTS.contains(&name.as_ref()) {
        return Err(DecodeError::ReservedEvent);
    }
    Ok(Event { name, args: Args::new(payload, args) })
}

/// Checks an event before it is sent, so that no client rejects it. The inputs are its name, its arguments (JSON texts separated by commas,
/// possibly none, with placeholders for attachments) and the number of its attachments.
///
/// # Errors
/// Why a client would reject the event.
pub fn check_event(name: &str, args: &str, attachments: usize) -> Result<(), EncodeError> {
    if RESERVED_EVENTS.contains(&name) {
        return Err(EncodeError::ReservedEvent(name.to_owned()));
    }
    check_args(args, attachments)
}

/// Checks the arguments of an acknowledgement, as [`check_event`] does.
///
/// # Errors
/// Why a client would reject the acknowledgement.
pub fn check_args(args: &str, attachments: usize) -> Result<(), EncodeError> {
    if attachments > MAX_ATTACHMENTS {
        return Err(EncodeError::TooManyAttachments);
    }
    json_scan::list(args, attachments).map_err(|error| match error {
        DecodeError::IllegalPlaceholder => EncodeError::IllegalPlaceholder,
        DecodeError::TooDeep => EncodeError::TooDeep,
        _ => EncodeError::Arguments,
    })
}

/// Checks one JSON text before it is sent.
///
/// # Errors
/// Why a client would reject the text.
pub fn check_value(json: &str) -> Result<(), EncodeError> {
    if json.is_empty() { Err(EncodeError::Arguments) } else { check_args(json, 0) }
}
