//! The tokens of msgpack: a value, or the head of an array or map.

use super::date;
use crate::socketio::DecodeError;

/// One token. The token of an array or map has only the number of its elements or members, which follow it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) enum Token<'a> {
    Nil,
    /// JavaScript's `undefined`, as notepack 2 writes it.
    Undefined,
    Bool(bool),
    Unsigned(u64),
    /// A whole number below zero.
    Negative(i64),
    Float(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    /// A time in milliseconds since 1970; `None` if it is outside the range of a Date.
    Date(Option<i64>),
    Array(usize),
    Map(usize),
}

/// Reads the tokens of consecutive values.
pub(super) struct Tokens<'a> {
    rest: &'a [u8],
}

impl<'a> Tokens<'a> {
    pub fn new(bytes: &'a [u8]) -> Self {
        Tokens { rest: bytes }
    }

    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// Whether the next token is `undefined`.
    pub fn undefined_is_next(&self) -> bool {
        self.rest.starts_with(&[0xd4, 0x00])
    }

    /// Takes the next token. An array or map with more elements than the rest can contain is an error at once, so the caller never reserves
    /// memory for them.
    pub fn next(&mut self) -> Result<Token<'a>, DecodeError> {
        let [first] = self.array()?;
        Ok(match first {
            0x00..0x80 => Token::Unsigned(u64::from(first)),
            0x80..0x90 => self.map(usize::from(first & 0x0f))?,
            0x90..0xa0 => self.list(usize::from(first & 0x0f))?,
            0xa0..0xc0 => self.text(usize::from(first & 0x1f))?,
            0xc0 => Token::Nil,
            0xc1 => return Err(DecodeError::Msgpack),
            0xc2 => Token::Bool(false),
            0xc3 => Token::Bool(true),
            0xc4 => self.length::<1>().and_then(|length| self.bytes(length)).map(Token::Bytes)?,
            0xc5 => self.length::<2>().and_then(|length| self.bytes(length)).map(Token::Bytes)?,
            0xc6 => self.length::<4>().and_then(|length| self.bytes(length)).map(Token::Bytes)?,
            0xc7 => self.length::<1>().and_then(|length| self.sized_extension(length))?,
            0xc8 => self.length::<2>().and_then(|length| self.sized_extension(length))?,
            0xc9 => self.length::<4>().and_then(|length| self.sized_extension(length))?,
            0xca => Token::Float(f64::from(f32::from_be_bytes(self.array()?))),
            0xcb => Token::Float(f64::from_be_bytes(self.array()?)),
            0xcc => Token::Unsigned(u64::from(u8::from_be_bytes(self.array()?))),
            0xcd => Token::Unsigned(u64::from(u16::from_be_bytes(self.array()?))),
            0xce => Token::Unsigned(u64::from(u32::from_be_bytes(self.array()?))),
            0xcf => Token::Unsigned(u64::from_be_bytes(self.array()?)),
            0xd0 => signed(i64::from(i8::from_be_bytes(self.array()?))),
            0xd1 => signed(i64::from(i16::from_be_bytes(self.array()?))),
            0xd2 => signed(i64::from(i32::from_be_bytes(self.array()?))),
            0xd3 => signed(i64::from_be_bytes(self.array()?)),
            0xd4..=0xd8 => self.fixed_extension(1 << (first - 0xd4))?,
            0xd9 => self.length::<1>().and_then(|length| self.text(length))?,
            0xda => self.length::<2>().and_then(|length| self.text(length))?,
            0xdb => self.length::<4>().and_then(|length| self.text(length))?,
            0xdc => self.length::<2>().and_then(|length| self.list(length))?,
            0xdd => self.length::<4>().and_then(|length| self.list(length))?,
            0xde => self.length::<2>().and_then(|length| self.map(length))?,
            0xdf => self.length::<4>().and_then(|length| self.map(length))?,
            0xe0..=0xff => Token::Negative(i64::from(first as i8)),
        })
    }

    /// Steps over one whole value of any depth, without recursion. Returns its bytes.
    pub fn skip_value(&mut self) -> Result<&'a [u8], DecodeError> {
        let before = self.rest;
        let mut left: usize = 1;
        while left > 0 {
            left -= 1;
            left = left.saturating_add(match self.next()? {
                Token::Array(elements) => elements,
                Token::Map(members) => 2 * members,
                _ => 0,
            });
        }
        Ok(&before[..before.len() - self.rest.len()])
    }

    fn bytes(&mut self, length: usize) -> Result<&'a [u8], DecodeError> {
        let (bytes, rest) = self.rest.split_at_checked(length).ok_or(DecodeError::Msgpack)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (bytes, rest) = self.rest.split_first_chunk().ok_or(DecodeError::Msgpack)?;
        self.rest = rest;
        Ok(*bytes)
    }

    /// Reads a length of `N` bytes, at most four.
    fn length<const N: usize>(&mut self) -> Result<usize, DecodeError> {
        Ok(self.array::<N>()?.into_iter().fold(0, |length, byte| length << 8 | usize::from(byte)))
    }

    fn text(&mut self, length: usize) -> Result<Token<'a>, DecodeError> {
        simdutf8::basic::from_utf8(self.bytes(length)?).map(Token::Text).map_err(|_| DecodeError::Msgpack)
    }

    fn list(&self, elements: usize) -> Result<Token<'a>, DecodeError> {
        if elements <= self.rest.len() { Ok(Token::Array(elements)) } else { Err(DecodeError::Msgpack) }
    }

    fn map(&self, members: usize) -> Result<Token<'a>, DecodeError> {
        if members <= self.rest.len() / 2 { Ok(Token::Map(members)) } else { Err(DecodeError::Msgpack) }
    }

    /// Reads an extension of 1, 2, 4, 8 or 16 bytes. Type 0 is notepack 2's own, type -1 the timestamp of msgpack.
    fn fixed_extension(&mut self, length: usize) -> Result<Token<'a>, DecodeError> {
        let [kind] = self.array()?;
        let data = self.bytes(length)?;
        match (kind as i8, data) {
            (0, [_]) => Ok(Token::Undefined),
            (0, data) => data.try_into().map(|millis| Token::Date(date::in_range(i64::from_be_bytes(millis)))),
            (-1, data) => return date::timestamp(data).map(Token::Date),
            _ => return Err(DecodeError::Msgpack),
        }
        .map_err(|_| DecodeError::Msgpack)
    }

    /// Reads an extension that has its length in front. The types are the same, but one of type 0 is an ArrayBuffer.
    fn sized_extension(&mut self, length: usize) -> Result<Token<'a>, DecodeError> {
        let [kind] = self.array()?;
        let data = self.bytes(length)?;
        match kind as i8 {
            0 => Ok(Token::Bytes(data)),
            -1 => date::timestamp(data).map(Token::Date),
            _ => Err(DecodeError::Msgpack),
        }
    }
}

fn signed(number: i64) -> Token<'static> {
    u64::try_from(number).map_or(Token::Negative(number), Token::Unsigned)
}
