//! The msgpack format (socket.io-msgpack-parser): each packet is one binary message that includes its attachments.
//!
//! A packet is a map with the keys `type` (0 to 4), `nsp`, and where they apply `data` and `id`; clients add `options`. Binary data are
//! decoded to attachments and all other data to JSON texts, so that a room may contain clients of both formats.

mod date;
mod encode;
mod from_json;
mod to_json;
mod token;
mod write;

pub use encode::{ack, connect, connect_error, disconnect, event};

use token::{Token, Tokens};

use super::packet::Kind;
use super::{DecodeError, EncodeError, MAX_ATTACHMENTS, Packet, payload};

/// Reads one packet. Its texts are written to `json` and borrowed from there, and its binary data are put into `attachments`; the previous
/// contents of both are dropped.
///
/// Keys may come in any order, unknown keys are skipped, and a nil is the same as an absent key. The decoder is stricter than Node's, so
/// that both formats obey the same rules: an event needs a name that is not reserved, there are at most [`super::MAX_ATTACHMENTS`], and
/// texts are UTF-8.
///
/// # Examples
///
/// ```
/// use wire::socketio::{Packet, msgpack};
///
/// // The binary argument is decoded to an attachment, and the JSON text has a placeholder for it.
/// let bytes = msgpack::event("/", None, "image", r#"{"_placeholder":true,"num":0}"#, &[&[0xff, 0xd8]]);
/// let (mut json, mut attachments) = (String::new(), Vec::new());
/// let Packet::Event { event: Some(event), .. } = msgpack::decode(&bytes, &mut json, &mut attachments)? else { panic!() };
/// assert_eq!((&*event.name, event.args.raw()), ("image", r#"{"_placeholder":true,"num":0}"#));
/// assert_eq!(attachments, [[0xff, 0xd8]]);
/// # Ok::<(), wire::socketio::DecodeError>(())
/// ```
pub fn decode<'a>(bytes: &[u8], json: &'a mut String, attachments: &mut Vec<Vec<u8>>) -> Result<Packet<'a>, DecodeError> {
    json.clear();
    attachments.clear();
    let fields = Fields::read(bytes)?;
    let kind = fields.kind()?;
    let id = fields.id()?;
    json.push_str(fields.nsp()?);
    let nsp_end = json.len();
    if let Some(data) = fields.data {
        to_json::value(data, json, attachments)?;
    }
    let (nsp, data) = json.split_at(nsp_end);
    match (kind, attachments.len()) {
        // In JSON an event and an ack may have no data, in msgpack they must; no other type may have binary data.
        (Kind::Event | Kind::Ack, _) if data.is_empty() => Err(DecodeError::Payload),
        (Kind::Event | Kind::Ack, attachments) | (_, attachments @ 0) => payload::packet(kind, nsp, id, data, attachments),
        _ => Err(DecodeError::Payload),
    }
}

/// Converts one msgpack value of any kind to a JSON text and attachments. Dates become ISO 8601 texts, as `JSON.stringify` writes them.
///
/// # Errors
/// If the bytes are not one value, are nested deeper than 127 levels, or have more than [`MAX_ATTACHMENTS`] binary data.
pub fn value_to_json(bytes: &[u8]) -> Result<(String, Vec<Vec<u8>>), DecodeError> {
    let (mut json, mut attachments) = (String::with_capacity(bytes.len()), Vec::new());
    to_json::whole_value(bytes, &mut json, &mut attachments)?;
    Ok((json, attachments))
}

/// Converts one JSON text of any kind to msgpack, with the attachments in the places of their placeholders. The reverse of
/// [`value_to_json`].
///
/// # Errors
/// If the text is not one JSON value, or there are more than [`MAX_ATTACHMENTS`].
///
/// # Examples
///
/// ```
/// use wire::socketio::msgpack;
///
/// let bytes = msgpack::value_from_json(r#"[1,{"_placeholder":true,"num":0}]"#, &[&[0xff]])?;
/// assert_eq!(bytes, [0x92, 1, 0xc4, 1, 0xff]);
/// let (json, attachments) = msgpack::value_to_json(&bytes).unwrap();
/// assert_eq!((json.as_str(), attachments), (r#"[1,{"_placeholder":true,"num":0}]"#, vec![vec![0xff]]));
/// # Ok::<(), wire::socketio::EncodeError>(())
/// ```
pub fn value_from_json(text: &str, attachments: &[&[u8]]) -> Result<Vec<u8>, EncodeError> {
    if attachments.len() > MAX_ATTACHMENTS {
        return Err(EncodeError::TooManyAttachments);
    }
    from_json::checked(text, attachments).map_err(|_| EncodeError::Arguments)
}

/// The keys that a packet uses, each with the bytes of its value. If a key occurs twice, the last one counts, as in JavaScript.
#[derive(Default)]
struct Fields<'a> {
    kind: Option<&'a [u8]>,
    nsp: Option<&'a [u8]>,
    id: Option<&'a [u8]>,
    data: Option<&'a [u8]>,
}

impl<'a> Fields<'a> {
    fn read(bytes: &'a [u8]) -> Result<Self, DecodeError> {
        let mut tokens = Tokens::new(bytes);
        let Token::Map(members) = tokens.next().map_err(|_| if bytes.is_empty() { DecodeError::Empty } else { DecodeError::Msgpack })?
        else {
            return Err(DecodeError::Msgpack);
        };
        let mut fields = Fields::default();
        for _ in 0..members {
            let key = tokens.skip_value()?;
            let value = Some(tokens.skip_value()?);
            match Tokens::new(key).next()? {
                Token::Text("type") => fields.kind = value,
                Token::Text("nsp") => fields.nsp = value,
                Token::Text("id") => fields.id = value,
                Token::Text("data") => fields.data = value,
                _ => {}
            }
        }
        if !tokens.is_empty() {
            return Err(DecodeError::Msgpack);
        }
        // A nil or undefined means no data. Node never writes them, but old clients do.
        if let Some(Token::Nil | Token::Undefined) = first(fields.data)? {
            fields.data = None;
        }
        Ok(fields)
    }

    fn kind(&self) -> Result<Kind, DecodeError> {
        Ok(match first(self.kind)? {
            Some(Token::Unsigned(0)) => Kind::Connect,
            Some(Token::Unsigned(1)) => Kind::Disconnect,
            Some(Token::Unsigned(2)) => Kind::Event,
            Some(Token::Unsigned(3)) => Kind::Ack,
            Some(Token::Unsigned(4)) => Kind::ConnectError,
            _ => return Err(DecodeError::UnknownType),
        })
    }

    fn nsp(&self) -> Result<&'a str, DecodeError> {
        match first(self.nsp)? {
            Some(Token::Text(nsp)) => Ok(nsp),
            _ => Err(DecodeError::Namespace),
        }
    }

    fn id(&self) -> Result<Option<u64>, DecodeError> {
        const LAST_EXACT: f64 = 9_007_199_254_740_992.0;
        match first(self.id)? {
            None | Some(Token::Nil | Token::Undefined) => Ok(None),
            Some(Token::Unsigned(id)) => Ok(Some(id)),
            // JavaScript has one type of number, and some encoders write it as a float.
            Some(Token::Float(id)) if id.fract() == 0.0 && (0.0..=LAST_EXACT).contains(&id) => Ok(Some(id as u64)),
            _ => Err(DecodeError::AckId),
        }
    }
}

/// Reads the first token of a field's value.
fn first(value: Option<&[u8]>) -> Result<Option<Token<'_>>, DecodeError> {
    value.map(|value| Tokens::new(value).next()).transpose()
}
