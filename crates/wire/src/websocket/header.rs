//! The header of a client frame (RFC 6455 section 5.2), and the rules that depend only on the header.

use super::frame::{FIN, RSV1, RSV2_RSV3};
use super::{Opcode, Violation};

/// A client frame's header.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub opcode: Opcode,
    /// Whether the frame is the message's last (or only) fragment.
    pub fin: bool,
    /// Whether RSV1 is set: the message is deflated.
    pub compressed: bool,
    pub mask: [u8; 4],
    /// The length of the header in bytes.
    pub size: usize,
    /// The length of the payload in bytes.
    pub length: usize,
}

/// The result of reading a header from the bytes received so far.
pub(super) enum Start {
    /// The complete header.
    Whole(Header),
    /// The header is incomplete: at least this many bytes are needed.
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
        // Only the first frame of a message may have the bit that marks the message as compressed.
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
        // On a 32-bit machine a longer payload exceeds any limit, which the reader reports.
        let length = usize::try_from(length).unwrap_or(usize::MAX);
        Ok(Start::Whole(Header { opcode, fin, compressed, mask: *mask, size: size(short), length }))
    }
}

/// Reads the payload's length. Returns it with the bytes after it; `None` when its bytes are not all there.
fn read_length(short: u8, rest: &[u8]) -> Option<(u64, &[u8])> {
    match short {
        126 => rest.split_first_chunk().map(|(long, rest)| (u64::from(u16::from_be_bytes(*long)), rest)),
        127 => rest.split_first_chunk().map(|(long, rest)| (u64::from_be_bytes(*long), rest)),
        _ => Some((u64::from(short), rest)),
    }
}

/// The size in bytes of a header whose second byte has the length `short`: two bytes, the extended length, the masking key.
fn size(short: u8) -> usize {
    match short {
        126 => 8,
        127 => 14,
        _ => 6,
    }
}
