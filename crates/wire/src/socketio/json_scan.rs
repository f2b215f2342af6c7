//! Finds the parts of a JSON text without allocating. Every rule of RFC 8259 is checked on the way, so that texts which are forwarded
//! unchanged are valid JSON.

use std::ops::Range;

use smallvec::SmallVec;

use super::DecodeError;
use super::attachments::Suspect;

/// The deepest nesting of arrays and objects in JSON that is received: that of serde_json.
const MAX_DEPTH: u8 = 127;

/// The deepest nesting in JSON that is sent. It is larger, because received JSON may be wrapped before it is sent on.
const MAX_DEPTH_SENT: u8 = 200;

/// The ranges of an event's name and of its arguments; a name and four arguments need no memory on the heap.
pub(super) type Elements = SmallVec<[Range<usize>; 5]>;

/// Finds the ranges of the elements of a JSON array, which must be all of `text` and short enough for 32-bit offsets. With attachments,
/// placeholders are checked.
pub(super) fn array(text: &str, attachments: usize) -> Result<Elements, DecodeError> {
    if u32::try_from(text.len()).is_err() {
        return Err(DecodeError::Payload);
    }
    let mut elements = Elements::new();
    let mut scanner = Scanner { text, at: 0, attachments, max_depth: MAX_DEPTH };
    scanner.space();
    if scanner.peek() != Some(b'[') {
        return Err(DecodeError::Payload);
    }
    scanner.array(1, |element| elements.push(element))?;
    scanner.end()?;
    Ok(elements)
}

/// Checks JSON that is to be sent: all of `text` is JSON values separated by commas, possibly none. With attachments, placeholders are
/// checked.
pub(super) fn list(text: &str, attachments: usize) -> Result<(), DecodeError> {
    if text.is_empty() {
        return Ok(());
    }
    let mut scanner = Scanner { text, at: 0, attachments, max_depth: MAX_DEPTH_SENT };
    loop {
        scanner.space();
        scanner.value(2)?;
        scanner.space();
        if !scanner.skip(b',') {
            return scanner.end();
        }
    }
}

/// Returns the JSON object that is all of `text`, without the space around it.
pub(super) fn object(text: &str) -> Result<&str, DecodeError> {
    let value = value(text)?;
    if value.starts_with('{') { Ok(value) } else { Err(DecodeError::Payload) }
}

/// Returns the JSON value that is all of `text`, without the space around it.
pub(super) fn value(text: &str) -> Result<&str, DecodeError> {
    let mut scanner = Scanner { text, at: 0, attachments: 0, max_depth: MAX_DEPTH };
    scanner.space();
    let value = scanner.value(1)?;
    scanner.end()?;
    Ok(&text[value])
}

struct Scanner<'a> {
    text: &'a str,
    /// The offset of the next byte; always the beginning of a character.
    at: usize,
    attachments: usize,
    max_depth: u8,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    /// Steps over `byte` if it is next.
    fn skip(&mut self, byte: u8) -> bool {
        let next = self.peek() == Some(byte);
        self.at += usize::from(next);
        next
    }

    fn expect(&mut self, byte: u8) -> Result<(), DecodeError> {
        if self.skip(byte) { Ok(()) } else { Err(DecodeError::Payload) }
    }

    fn space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn end(&mut self) -> Result<(), DecodeError> {
        self.space();
        if self.peek().is_none() { Ok(()) } else { Err(DecodeError::Payload) }
    }

    /// Steps over one value, which would be at `depth` if it were an array or object. Returns its range.
    fn value(&mut self, depth: u8) -> Result<Range<usize>, DecodeError> {
        let start = self.at;
        match self.peek() {
            Some(b'"') => self.string()?,
            Some(b'{') => self.object(depth)?,
            Some(b'[') => self.array(depth, |_| {})?,
            Some(b'-' | b'0'..=b'9') => self.number()?,
            _ => self.word()?,
        }
        Ok(start..self.at)
    }

    fn array(&mut self, depth: u8, mut each: impl FnMut(Range<usize>)) -> Result<(), DecodeError> {
        self.open(b'[', depth)?;
        if self.skip(b']') {
            return Ok(());
        }
        loop {
            each(self.value(depth + 1)?);
            if self.is_last(b']')? {
                return Ok(());
            }
        }
    }

    fn object(&mut self, depth: u8) -> Result<(), DecodeError> {
        self.open(b'{', depth)?;
        if self.skip(b'}') {
            return Ok(());
        }
        let mut suspect = Suspect::default();
        loop {
            let name = self.at;
            self.string()?;
            let name = name..self.at;
            self.space();
            self.expect(b':')?;
            self.space();
            let value = self.value(depth + 1)?;
            if self.attachments > 0 {
                suspect.member(&self.text[name], &self.text[value]);
            }
            if self.is_last(b'}')? {
                break;
            }
        }
        if suspect.is_innocent(self.attachments) { Ok(()) } else { Err(DecodeError::IllegalPlaceholder) }
    }

    fn open(&mut self, bracket: u8, depth: u8) -> Result<(), DecodeError> {
        if depth > self.max_depth {
            return Err(DecodeError::TooDeep);
        }
        self.expect(bracket)?;
        self.space();
        Ok(())
    }

    /// Steps over the separator after an element. True for the closing bracket, false for a comma.
    fn is_last(&mut self, bracket: u8) -> Result<bool, DecodeError> {
        self.space();
        if self.skip(bracket) {
            return Ok(true);
        }
        self.expect(b',')?;
        self.space();
        Ok(false)
    }

    fn string(&mut self) -> Result<(), DecodeError> {
        self.expect(b'"')?;
        loop {
            self.at += plain_length(&self.text.as_bytes()[self.at..]);
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                _ => return Err(DecodeError::Payload),
            }
        }
        self.at += 1;
        Ok(())
    }

    fn escape(&mut self) -> Result<(), DecodeError> {
        let rest = &self.text.as_bytes()[self.at + 1..];
        self.at += match rest {
            [b'"' | b'\\' | b'/' | b'b' | b'f' | b'n' | b'r' | b't', ..] => 2,
            [b'u', a, b, c, d, ..] if [a, b, c, d].iter().all(|digit| digit.is_ascii_hexdigit()) => 6,
            _ => return Err(DecodeError::Payload),
        };
        Ok(())
    }

    fn number(&mut self) -> Result<(), DecodeError> {
        self.skip(b'-');
        // No digit may follow a leading zero: a following digit is an error at the next step.
        if !self.skip(b'0') {
            self.digits()?;
        }
        if self.skip(b'.') {
            self.digits()?;
        }
        if self.skip(b'e') || self.skip(b'E') {
            let _ = self.skip(b'+') || self.skip(b'-');
            self.digits()?;
        }
        Ok(())
    }

    /// Steps over one or more digits.
    fn digits(&mut self) -> Result<(), DecodeError> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        if self.at > start { Ok(()) } else { Err(DecodeError::Payload) }
    }

    fn word(&mut self) -> Result<(), DecodeError> {
        let rest = &self.text.as_bytes()[self.at..];
        let word = ["true", "false", "null"].into_iter().find(|word| rest.starts_with(word.as_bytes()));
        self.at += word.ok_or(DecodeError::Payload)?.len();
        Ok(())
    }
}

/// The number of bytes before the first one that is special in a JSON string: a quote, a backslash, or a control character.
fn plain_length(bytes: &[u8]) -> usize {
    let special = |byte: u8| byte < 0x20 || byte == b'"' || byte == b'\\';
    // Sixteen bytes at a time without a branch between them, so that the compiler uses vector instructions.
    let (chunks, _) = bytes.as_chunks::<16>();
    let plain = |chunk: &&[u8; 16]| !chunk.iter().fold(false, |found, &byte| found | special(byte));
    let whole = 16 * chunks.iter().take_while(plain).count();
    whole + bytes[whole..].iter().take_while(|&&byte| !special(byte)).count()
}
