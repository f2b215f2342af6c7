//! Server frames: unmasked, never fragmented.

/// The type of a frame (RFC 6455 section 5.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u8)]
pub enum Opcode {
    /// A further fragment of the previous message.
    Continuation = 0,
    /// A message of UTF-8 text.
    Text = 1,
    /// A message of bytes.
    Binary = 2,
    /// Closes the connection.
    Close = 8,
    /// Requests a pong with the same payload.
    Ping = 9,
    /// The response to a ping.
    Pong = 10,
}

impl Opcode {
    /// The opcode in the low four bits of a frame's first byte; None for the reserved ones.
    pub(super) fn from_first_byte(byte: u8) -> Option<Opcode> {
        Some(match byte & 0x0f {
            0 => Opcode::Continuation,
            1 => Opcode::Text,
            2 => Opcode::Binary,
            8 => Opcode::Close,
            9 => Opcode::Ping,
            10 => Opcode::Pong,
            _ => return None,
        })
    }

    /// Whether the frame is a close, ping or pong: such frames are short, not fragmented, and may come between the fragments of a message.
    pub(super) fn is_control(self) -> bool {
        self as u8 >= Opcode::Close as u8
    }
}

pub(super) const FIN: u8 = 0x80;
pub(super) const RSV1: u8 = 0x40;
pub(super) const RSV2_RSV3: u8 = 0x30;

/// Appends one unmasked, final frame (RFC 6455 section 5.2). A control frame's payload must not exceed 125 bytes.
pub fn encode(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8]) {
    append(out, FIN | opcode as u8, payload);
}

/// Appends one unmasked, final frame with RSV1 set. `deflated` is the result of [`super::deflate()`] (RFC 7692 section 6).
pub fn encode_compressed(out: &mut Vec<u8>, opcode: Opcode, deflated: &[u8]) {
    append(out, FIN | RSV1 | opcode as u8, deflated);
}

fn append(out: &mut Vec<u8>, first: u8, payload: &[u8]) {
    out.reserve(10 + payload.len());
    out.push(first);
    if payload.len() < 126 {
        out.push(payload.len() as u8);
    } else if let Ok(short) = u16::try_from(payload.len()) {
        out.push(126);
        out.extend_from_slice(&short.to_be_bytes());
    } else {
        out.push(127);
        out.extend_from_slice(&(payload.len() as u64).to_be_bytes());
    }
    out.extend_from_slice(payload);
}

/// Walks through consecutive server frames made by [`encode`], to take the packets' payloads out again (for polling). The payload of a
/// compressed frame stays deflated. Ends at the first byte that is not the start of such a frame.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    rest: &'a [u8],
}

impl<'a> Frames<'a> {
    /// Starts at the first byte of `run`.
    pub fn new(run: &'a [u8]) -> Self {
        Frames { rest: run }
    }
}

impl<'a> Iterator for Frames<'a> {
    type Item = (Opcode, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let (&[first, length], rest) = self.rest.split_first_chunk::<2>()?;
        let (length, rest) = match length {
            0..126 => (usize::from(length), rest),
            126 => rest.split_first_chunk().map(|(long, rest)| (usize::from(u16::from_be_bytes(*long)), rest))?,
            127 => rest.split_first_chunk().and_then(|(long, rest)| Some((usize::try_from(u64::from_be_bytes(*long)).ok()?, rest)))?,
            _ => return None,
        };
        let opcode = Opcode::from_first_byte(first)?;
        let (payload, rest) = rest.split_at_checked(length)?;
        self.rest = rest;
        Some((opcode, payload))
    }
}
