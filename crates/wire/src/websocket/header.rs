//! The header of a client frame (RFC 6455 section 5.2), and the rules that need nothing but the header.

use super::frame::{FIN, RSV1, RSV2_RSV3};
use super::{Opcode, Violation};

/// A client frame's header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub opcode: Opcode,
    /// The message's last fragment (or only frame).
    pub fin: bool,
    /// RSV1: the message is deflated.
    pub compressed: bool,
    pub mask: [u8; 4],
    /// Bytes of the header itself.
    pub size: usize,
    /// Bytes of the payload.
    pub length: usize,
}

/// What the bytes read so far show of a header.
pub(super) enum Start {
    /// All of it.
    Whole(Header),
    /// Not all of it: this many bytes are needed at least.
    Short(usize),
}

impl Header {
    /// Reads the header that `bytes` begin with. The rules are checked as soon as their byte is there, in the order of the bytes, so
    /// that the verdict does not depend on how the bytes were cut into reads.
    ///
    /// A length that is not in its shortest form is accepted, as `ws` and uWebSockets accept it.
    pub fn parse(bytes: &[u8]) -> Result<Start, Violation> {
        let Some(&first) = bytes.first() else { return Ok(Start::Short(2)) };
        let opcode = Opcode::from_first_byte(first).ok_or(Violation::ReservedOpcode(first & 0x0f))?;
        let fin = first & FIN != 0;
        let compressed = first & RSV1 != 0;
        // Only the first frame of a message says whether the message is compressed.
        if first & RSV2_RSV3 != 0 || (compressed && !matches!(opcode, Opcode::Text | Opcode::Binary)) {
            return Err(Violation::ReservedBits);
        }
        if opcode.is_control() && !fin {
            return Err(Violation::FragmentedControl);
        }

        let Some(&second) = bytes.get(1) else { return Ok(Start::Short(2)) };
        if second & 0x80 == 0 {
            return Err(Violation::Unmasked);
        }
        let short = second & 0x7f;
        if opcode.is_control() && short > 125 {
            return Err(Violation::LongControl);
        }

        let Some((length, rest)) = read_length(short, &bytes[2..]) else { return Ok(Start::Short(size(short))) };
        if length >> 63 != 0 {
            return Err(Violation::Length);
        }
        let Some((mask, _)) = rest.split_first_chunk::<4>() else { return Ok(Start::Short(size(short))) };
        // On a machine of 32 bits a longer one is too big for any limit, which the reader says.
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        Ok(Start::Whole(Header { opcode, fin, compressed, mask: *mask, size: size(short), length }))
    }
}

/// The payload's length and what stands behind it; None when its bytes are not all there.
fn read_length(short: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    match short {
        126 => rest.split_first_chunk().map(|(long, rest)| (u64::from(u16::from_be_bytes(*long)), rest)),
        127 => rest.split_first_chunk().map(|(long, rest)| (u64::from_be_bytes(*long), rest)),
        _ => Some((u64::from(short), rest)),
    }
}

/// The size of a header whose second byte says `short`: two bytes, the longer length, the masking key.
fn size(short: u8) -> usize {
    match short {
        126 => 8,
        127 => 14,
        _ => 6,
    }
}
