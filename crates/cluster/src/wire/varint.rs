//! Numbers of variable length (unsigned LEB128), and byte strings behind their length.

use bytes::{BufMut, Bytes, BytesMut};

use super::DecodeError;

/// The longest number of 64 bits, in bytes.
const MAX_BYTES: usize = 10;

/// Writes a number in as few bytes as possible: one for a number below 128.
pub fn put_number(buffer: &mut BytesMut, mut number: u64) {
    while number >= 0x80 {
        buffer.put_u8(number as u8 | 0x80);
        number >>= 7;
    }
    buffer.put_u8(number as u8);
}

/// Writes bytes behind their length.
pub fn put_bytes(buffer: &mut BytesMut, bytes: &[u8]) {
    put_number(buffer, bytes.len() as u64);
    buffer.put_slice(bytes);
}

/// Reads values from the front of a message. The values share the memory of the message.
pub struct Reader {
    rest: Bytes,
}

impl Reader {
    /// Reads from the front of `bytes`.
    pub fn new(bytes: Bytes) -> Self {
        Self { rest: bytes }
    }

    /// Whether everything was read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// How many bytes are left.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Reads one byte.
    pub fn byte(&mut self) -> Result<u8, DecodeError> {
        Ok(self.take(1)?[0])
    }

    /// Reads a number of eight bytes, the least significant first.
    pub fn fixed(&mut self) -> Result<u64, DecodeError> {
        let bytes = self.take(8)?;
        Ok(bytes.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte)))
    }

    /// Reads a number of variable length.
    pub fn number(&mut self) -> Result<u64, DecodeError> {
        let (number, length) = read_number(&self.rest)?;
        let _ = self.take(length)?;
        Ok(number)
    }

    /// Reads a number of items. An item has at least one byte, so the number cannot be larger than the rest of the message.
    pub fn count(&mut self) -> Result<usize, DecodeError> {
        let count = usize::try_from(self.number()?).map_err(|_| DecodeError::Malformed)?;
        if count > self.rest.len() { Err(DecodeError::Malformed) } else { Ok(count) }
    }

    /// Reads bytes behind their length.
    pub fn bytes(&mut self) -> Result<Bytes, DecodeError> {
        let length = self.count()?;
        self.take(length)
    }

    /// Reads a text behind its length.
    pub fn text(&mut self) -> Result<Box<str>, DecodeError> {
        let bytes = self.bytes()?;
        std::str::from_utf8(&bytes).map(Box::from).map_err(|_| DecodeError::Malformed)
    }

    fn take(&mut self, length: usize) -> Result<Bytes, DecodeError> {
        if length > self.rest.len() {
            return Err(DecodeError::Malformed);
        }
        Ok(self.rest.split_to(length))
    }
}

/// Reads a number from the front of `bytes`; returns it with its length.
pub fn read_number(bytes: &[u8]) -> Result<(u64, usize), DecodeError> {
    let mut number = 0_u64;
    for (index, byte) in bytes.iter().take(MAX_BYTES).enumerate() {
        let bits = u64::from(byte & 0x7f);
        // The tenth byte has one bit left.
        if index == MAX_BYTES - 1 && bits > 1 {
            return Err(DecodeError::Malformed);
        }
        number |= bits << (7 * index);
        if byte & 0x80 == 0 {
            return Ok((number, index + 1));
        }
    }
    Err(DecodeError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_read_as_they_are_written() {
        for number in [0, 1, 127, 128, 16_383, 16_384, u64::from(u32::MAX), u64::MAX - 1, u64::MAX] {
            let mut buffer = BytesMut::new();
            put_number(&mut buffer, number);
            let length = buffer.len();
            assert_eq!(read_number(&buffer), Ok((number, length)), "{number}");
            for cut in 0..length {
                assert_eq!(read_number(&buffer[..cut]), Err(DecodeError::Malformed), "{number} cut to {cut}");
            }
        }
        assert_eq!(read_number(&[0xff; 10]), Err(DecodeError::Malformed), "more than 64 bits");
    }

    #[test]
    fn a_count_beyond_the_message_is_malformed() {
        let mut buffer = BytesMut::new();
        put_number(&mut buffer, 1 << 40);
        assert_eq!(Reader::new(buffer.freeze()).count(), Err(DecodeError::Malformed));
    }
}
