//! Converts msgpack to JSON text.

use std::fmt::Write;

use super::date;
use super::token::{Token, Tokens};
use crate::socketio::{DecodeError, MAX_ATTACHMENTS, attachments, text};

/// The deepest nesting of arrays and maps, as in JSON.
const MAX_DEPTH: u8 = 127;

/// Appends the JSON text of one value. Its binary data are put into `attachments`, and placeholders into their places.
pub(super) fn value(bytes: &[u8], json: &mut String, attachments: &mut Vec<Vec<u8>>) -> Result<(), DecodeError> {
    Transcoder { tokens: Tokens::new(bytes), json, attachments }.value(1)
}

/// As [`value`], but an error if bytes are left behind the value.
pub(super) fn whole_value(bytes: &[u8], json: &mut String, attachments: &mut Vec<Vec<u8>>) -> Result<(), DecodeError> {
    let mut transcoder = Transcoder { tokens: Tokens::new(bytes), json, attachments };
    transcoder.value(1)?;
    if transcoder.tokens.is_empty() { Ok(()) } else { Err(DecodeError::Msgpack) }
}

struct Transcoder<'t> {
    tokens: Tokens<'t>,
    json: &'t mut String,
    attachments: &'t mut Vec<Vec<u8>>,
}

impl Transcoder<'_> {
    fn value(&mut self, depth: u8) -> Result<(), DecodeError> {
        match self.tokens.next()? {
            Token::Text(string) => text::write_string(self.json, string),
            Token::Bytes(bytes) => self.attach(bytes)?,
            Token::Date(Some(millis)) => date::write_json(self.json, millis),
            Token::Array(_) | Token::Map(_) if depth > MAX_DEPTH => return Err(DecodeError::TooDeep),
            Token::Array(elements) => self.array(elements, depth)?,
            Token::Map(members) => self.map(members, depth)?,
            // Values that JSON cannot express become null, as in JSON.stringify.
            Token::Nil | Token::Undefined | Token::Date(None) => self.json.push_str("null"),
            scalar => self.scalar(scalar)?,
        }
        Ok(())
    }

    fn array(&mut self, elements: usize, depth: u8) -> Result<(), DecodeError> {
        self.json.push('[');
        for element in 0..elements {
            if element > 0 {
                self.json.push(',');
            }
            self.value(depth + 1)?;
        }
        self.json.push(']');
        Ok(())
    }

    fn map(&mut self, members: usize, depth: u8) -> Result<(), DecodeError> {
        self.json.push('{');
        let mut first = true;
        for _ in 0..members {
            let key = self.tokens.next()?;
            // Members whose value is undefined are left out, as by JSON.stringify.
            if self.tokens.undefined_is_next() {
                self.tokens.next()?;
                continue;
            }
            if !std::mem::take(&mut first) {
                self.json.push(',');
            }
            self.key(key)?;
            self.json.push(':');
            self.value(depth + 1)?;
        }
        self.json.push('}');
        Ok(())
    }

    /// Writes a key. A key that is not text is converted to one, as JavaScript converts a property's name.
    fn key(&mut self, key: Token<'_>) -> Result<(), DecodeError> {
        if let Token::Text(string) = key {
            text::write_string(self.json, string);
            return Ok(());
        }
        self.json.push('"');
        match key {
            Token::Nil => self.json.push_str("null"),
            Token::Undefined => self.json.push_str("undefined"),
            scalar => self.scalar(scalar)?,
        }
        self.json.push('"');
        Ok(())
    }

    fn scalar(&mut self, token: Token<'_>) -> Result<(), DecodeError> {
        match token {
            Token::Bool(value) => write!(self.json, "{value}"),
            Token::Unsigned(number) => write!(self.json, "{number}"),
            Token::Negative(number) => write!(self.json, "{number}"),
            // The shortest text that reads as the same number, with `.0` or an exponent so that it stays a float; null for infinity and
            // NaN.
            Token::Float(number) => write!(self.json, "{}", serde_json::Value::from(number)),
            _ => return Err(DecodeError::Msgpack),
        }
        // Writing to a String cannot fail.
        .map_err(|_| DecodeError::Msgpack)
    }

    fn attach(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let num = self.attachments.len();
        if num == MAX_ATTACHMENTS {
            return Err(DecodeError::TooManyAttachments);
        }
        attachments::write_placeholder(self.json, num);
        self.attachments.push(bytes.to_vec());
        Ok(())
    }
}
