//! Payloads of Engine.IO 3: each packet has its length in front.
//!
//! - Text: `<length>:<packet>`, the length in UTF-16 code units, because JavaScript counts so.
//! - Binary: one byte 0 (text) or 1 (binary), the decimal length one byte per digit (values 0 to 9), 0xff, then the packet, the length in
//!   bytes. It is used when a packet is binary and the client can take it.

use super::payload::{OCTET_STREAM, TEXT};
use super::{EnginePacket, ParseError, Version, base64_message, decode, decode_binary};

/// The most digits of a length.
const MAX_DIGITS: usize = 19;

/// The byte that ends a packet's length in a binary payload.
const END_OF_LENGTH: u8 = 0xff;

/// The type of a message, as a binary frame has it.
const MESSAGE: u8 = 4;

/// Takes the first packet off a text payload. Returns the packet's text and the rest of the payload.
pub(super) fn split_text(payload: &str) -> Result<(&str, &str), ParseError> {
    let (digits, rest) = payload.split_once(':').ok_or(ParseError::Length)?;
    let units = number(digits.bytes().map(|digit| digit.wrapping_sub(b'0')))?;
    rest.split_at_checked(byte_length(rest, units)?).ok_or(ParseError::Length)
}

/// Takes the first packet off a binary payload. Returns the packet and the rest of the payload.
pub(super) fn split_binary(payload: &[u8]) -> Result<(Result<EnginePacket<'_>, ParseError>, &[u8]), ParseError> {
    let (kind, rest) = payload.split_first().ok_or(ParseError::Empty)?;
    let digits = rest.iter().take(MAX_DIGITS + 1).position(|&byte| byte == END_OF_LENGTH).ok_or(ParseError::Length)?;
    let length = number(rest[..digits].iter().copied())?;
    let (packet, rest) = rest[digits + 1..].split_at_checked(length).ok_or(ParseError::Length)?;
    let packet = match kind {
        0 => simdutf8::basic::from_utf8(packet).map_err(|_| ParseError::Utf8).and_then(|text| decode(text, Version::V3)),
        1 => decode_binary(packet, Version::V3),
        _ => Err(ParseError::UnknownType),
    };
    Ok((packet, rest))
}

/// Reads a number of one to [`MAX_DIGITS`] decimal digits, each given as its value 0 to 9.
fn number(digits: impl ExactSizeIterator<Item = u8>) -> Result<usize, ParseError> {
    if !(1..=MAX_DIGITS).contains(&digits.len()) {
        return Err(ParseError::Length);
    }
    digits
        .into_iter()
        .try_fold(0usize, |number, digit| if digit > 9 { None } else { number.checked_mul(10)?.checked_add(usize::from(digit)) })
        .ok_or(ParseError::Length)
}

/// The length in bytes of the first `units` UTF-16 code units of `text`.
fn byte_length(text: &str, units: usize) -> Result<usize, ParseError> {
    if text.as_bytes().get(..units).is_some_and(<[u8]>::is_ascii) {
        return Ok(units);
    }
    let mut left = units;
    let mut chars = text.chars();
    while left > 0 {
        // A length that ends between the two units of one character is as wrong as one that is too long.
        left = chars.next().and_then(|char| left.checked_sub(char.len_utf16())).ok_or(ParseError::Length)?;
    }
    Ok(text.len() - chars.as_str().len())
}

/// The length of a UTF-8 text in UTF-16 code units: one for each character, and two for a character of four bytes.
fn utf16_length(text: &[u8]) -> usize {
    text.iter().map(|&byte| usize::from(byte & 0xc0 != 0x80) + usize::from(byte >= 0xf0)).sum()
}

/// Collects packets. Which of the two forms the payload takes is decided when the last packet is there.
#[derive(Clone, Debug)]
pub(super) struct EncoderV3 {
    b64: bool,
    any_binary: bool,
    /// The packets' bytes, one packet directly after the other.
    packets: Vec<u8>,
    /// For each packet, where it ends in `packets`, and whether it is binary.
    ends: Vec<(usize, bool)>,
}

impl EncoderV3 {
    pub fn new(b64: bool) -> Self {
        EncoderV3 { b64, any_binary: false, packets: Vec::new(), ends: Vec::new() }
    }

    pub fn push_text(&mut self, packet: &str) {
        self.packets.extend_from_slice(packet.as_bytes());
        self.ends.push((self.packets.len(), false));
    }

    pub fn push_binary(&mut self, message: &[u8]) {
        if self.b64 {
            return self.push_text(&base64_message(message));
        }
        self.any_binary = true;
        self.packets.push(MESSAGE);
        self.packets.extend_from_slice(message);
        self.ends.push((self.packets.len(), true));
    }

    pub fn finish(self) -> (Vec<u8>, &'static str) {
        let mut body = Vec::with_capacity(self.packets.len() + 8 * self.ends.len());
        let mut start = 0;
        for &(end, binary) in &self.ends {
            let packet = &self.packets[start..end];
            start = end;
            if self.any_binary {
                body.push(u8::from(binary));
                body.extend(packet.len().to_string().bytes().map(|digit| digit - b'0'));
                body.push(END_OF_LENGTH);
            } else {
                body.extend_from_slice(utf16_length(packet).to_string().as_bytes());
                body.push(b':');
            }
            body.extend_from_slice(packet);
        }
        if body.is_empty() {
            body.extend_from_slice(b"0:");
        }
        (body, if self.any_binary { OCTET_STREAM } else { TEXT })
    }
}
