//! The default format: a packet is a text message, and its attachments follow in binary messages.
//!
//! `type [attachments "-"] [namespace ","] [ack id] [JSON]`, the namespace only if it is not `/`, the number of attachments only with the
//! types 5 and 6, which are an event and an ack that have some.

mod encode;

pub use encode::{ack, connect, connect_error, disconnect, event};

use super::packet::Kind;
use super::{DecodeError, MAX_ATTACHMENTS, Packet, payload};

/// Reads one packet, given without the `4` of its Engine.IO message.
///
/// `5-` and `50-` announce no attachments, so their packets are complete (Node's decoder waits for ever). The caller counts the attachments
/// that are outstanding: a text that arrives before them, and a binary message that was not announced, close the connection.
///
/// # Examples
///
/// ```
/// use wire::socketio::{Packet, json};
///
/// let Packet::Event { nsp, id, event: Some(event), .. } = json::decode(r#"2/chat,7["say","hello",{"to":1}]"#)? else { panic!() };
/// assert_eq!((nsp, id, &*event.name), ("/chat", Some(7), "say"));
/// assert_eq!(event.args.get(1), Some(r#"{"to":1}"#));
/// # Ok::<(), wire::socketio::DecodeError>(())
/// ```
pub fn decode(text: &str) -> Result<Packet<'_>, DecodeError> {
    let (kind, has_attachments, rest) = split_type(text)?;
    let (attachments, rest) = if has_attachments { split_attachments(rest)? } else { (0, rest) };
    let (nsp, rest) = split_namespace(rest);
    let (id, data) = split_id(rest)?;
    payload::packet(kind, nsp, id, data, attachments)
}

fn split_type(text: &str) -> Result<(Kind, bool, &str), DecodeError> {
    let mut chars = text.chars();
    let (kind, has_attachments) = match chars.next().ok_or(DecodeError::Empty)? {
        '0' => (Kind::Connect, false),
        '1' => (Kind::Disconnect, false),
        '2' => (Kind::Event, false),
        '3' => (Kind::Ack, false),
        '4' => (Kind::ConnectError, false),
        '5' => (Kind::Event, true),
        '6' => (Kind::Ack, true),
        _ => return Err(DecodeError::UnknownType),
    };
    Ok((kind, has_attachments, chars.as_str()))
}

fn split_attachments(text: &str) -> Result<(usize, &str), DecodeError> {
    let (digits, rest) = split_digits(text);
    let rest = rest.strip_prefix('-').ok_or(DecodeError::IllegalAttachments)?;
    let significant = digits.trim_start_matches('0');
    if significant.is_empty() {
        return Ok((0, rest));
    }
    match significant.parse() {
        Ok(attachments) if attachments <= MAX_ATTACHMENTS => Ok((attachments, rest)),
        _ => Err(DecodeError::TooManyAttachments),
    }
}

/// Splits the namespace off. It ends at the comma or at the end of the text: `0/admin` has one, too.
fn split_namespace(text: &str) -> (&str, &str) {
    if text.starts_with('/') { text.split_once(',').unwrap_or((text, "")) } else { ("/", text) }
}

fn split_id(text: &str) -> Result<(Option<u64>, &str), DecodeError> {
    let (digits, rest) = split_digits(text);
    let id = if digits.is_empty() { None } else { Some(digits.parse().map_err(|_| DecodeError::AckId)?) };
    Ok((id, rest))
}

fn split_digits(text: &str) -> (&str, &str) {
    let end = text.bytes().position(|byte| !byte.is_ascii_digit()).unwrap_or(text.len());
    text.split_at(end)
}
