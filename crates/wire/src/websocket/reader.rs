//! Assembles whole messages from client frames, which reads from the socket may cut anywhere.

mod buffer;

use std::ops::Range;

use buffer::{ReadBuffer, Unfinished};

use super::header::{Header, Start};
use super::{Opcode, Violation, close, deflate, mask};

/// The most fragments of one message; the limit of the `ws` package. [`Limits::max_message`] bounds the bytes; this limit bounds the work
/// for empty fragments.
const MAX_FRAGMENTS: u32 = 131_072;

/// The limits of one connection.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// The longest message in bytes, after inflating. A header that announces more is rejected before its payload arrives.
    pub max_message: usize,
    /// Whether permessage-deflate was negotiated: only then may a message be compressed.
    pub deflate: bool,
}

/// One whole message or control frame of the client.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Incoming<'a> {
    /// A text message.
    Text(&'a str),
    /// A binary message.
    Binary(&'a [u8]),
    /// A ping, to be answered by a pong with the same payload.
    Ping(&'a [u8]),
    /// A response to a ping, or an unsolicited pong.
    Pong(&'a [u8]),
    /// The client's last frame; later bytes are to be ignored.
    Close {
        /// The close code; 1005 if the client gave none.
        code: u16,
        /// The reason as text; often empty.
        reason: &'a str,
    },
}

impl Incoming<'_> {
    /// The length of the payload in bytes, after inflating.
    #[expect(clippy::len_without_is_empty, reason = "no caller asks whether a frame is empty")]
    pub fn len(&self) -> usize {
        match self {
            Incoming::Text(text) => text.len(),
            Incoming::Binary(bytes) | Incoming::Ping(bytes) | Incoming::Pong(bytes) => bytes.len(),
            Incoming::Close { reason, .. } => reason.len() + 2,
        }
    }
}

/// The bytes of one read from the socket that the reader has not taken yet.
#[derive(Debug)]
pub struct Input<'a> {
    bytes: &'a mut [u8],
    taken: usize,
}

impl<'a> Input<'a> {
    /// Wraps `bytes`. The reader unmasks them in place, so they change.
    pub fn new(bytes: &'a mut [u8]) -> Self {
        Input { bytes, taken: 0 }
    }

    /// Whether the reader has taken all bytes.
    pub fn is_empty(&self) -> bool {
        self.taken == self.bytes.len()
    }

    fn unread(&self) -> &[u8] {
        &self.bytes[self.taken..]
    }

    /// Takes the next `count` bytes, or all that are left.
    fn take(&mut self, count: usize) -> &[u8] {
        let start = self.taken;
        self.taken += count.min(self.bytes.len() - start);
        &self.bytes[start..self.taken]
    }
}

/// Reads one connection's frames: fragments, control frames between them, compression, and every check of RFC 6455.
///
/// An idle reader is one null pointer. A frame that is complete in the input is neither copied nor allocated for. The incomplete rest of an
/// input, the fragments of an unfinished message and an inflated message are kept on the heap, and freed when they are used up.
///
/// # Examples
///
/// ```
/// use wire::websocket::{Incoming, Input, Limits, Reader};
///
/// // The masked text "Hello" of RFC 6455 section 5.7, in two reads.
/// let mut first = [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d];
/// let mut second = [0x7f, 0x9f, 0x4d, 0x51, 0x58];
///
/// let mut reader = Reader::default();
/// let limits = Limits { max_message: 1024, deflate: false };
/// assert_eq!(reader.next(&mut Input::new(&mut first), &limits), Ok(None));
/// assert!(reader.has_buffered());
/// assert_eq!(reader.next(&mut Input::new(&mut second), &limits), Ok(Some(Incoming::Text("Hello"))));
/// ```
#[derive(Default, Debug)]
pub struct Reader {
    buffer: Option<Box<ReadBuffer>>,
}

/// Where a frame's payload is.
enum PayloadAt {
    Input(Range<usize>),
    Raw(Range<usize>),
    Finished,
}

impl Reader {
    /// Returns the next whole message from the buffered bytes and `input`, in the order of the stream; `None` when more bytes are needed,
    /// and then all of `input` was taken. A violation is final: the connection is to be closed and the reader dropped.
    pub fn next<'s>(&'s mut self, input: &'s mut Input<'_>, limits: &Limits) -> Result<Option<Incoming<'s>>, Violation> {
        self.release_used();
        let (opcode, payload_at) = loop {
            let Some((header, payload_at)) = self.next_frame(input, limits)? else { return Ok(None) };
            mask::unmask(self.payload(input, &payload_at), header.mask);
            let alone = header.fin && header.opcode != Opcode::Continuation && !header.compressed;
            if alone {
                break (header.opcode, payload_at);
            }
            if let Some(opcode) = self.gather(&header, input, payload_at, limits)? {
                break (opcode, PayloadAt::Finished);
            }
        };
        incoming(opcode, self.payload(input, &payload_at)).map(Some)
    }

    /// Buffers the unread rest of `input` for later calls with an empty input (a connection that is paused between two messages). The
    /// memory of the message before it is freed: an idle connection may not be read again for long.
    pub fn buffer_unread(&mut self, mut input: Input<'_>) {
        self.release_used();
        self.buffer_rest(&mut input);
    }

    fn release_used(&mut self) {
        if self.buffer.as_mut().is_some_and(|buffer| buffer.release_used()) {
            self.buffer = None;
        }
    }

    /// Whether the reader has buffered bytes: whole frames, or the beginning of a frame or message.
    pub fn has_buffered(&self) -> bool {
        self.buffer.as_ref().is_some_and(|buffer| buffer.is_in_use())
    }

    /// The number of bytes that the reader has buffered on the heap.
    pub fn buffered_bytes(&self) -> usize {
        self.buffer.as_ref().map_or(0, |buffer| buffer.bytes())
    }

    fn buffer_rest(&mut self, input: &mut Input<'_>) {
        if !input.is_empty() {
            let rest = input.take(usize::MAX);
            self.buffer.get_or_insert_default().raw.extend_from_slice(rest);
        }
    }

    /// Takes the next whole frame, still masked.
    fn next_frame(&mut self, input: &mut Input<'_>, limits: &Limits) -> Result<Option<(Header, PayloadAt)>, Violation> {
        if let Some(buffer) = &mut self.buffer
            && buffer.has_unread()
        {
            return buffer.next_frame(input, limits);
        }
        if let Start::Whole(header) = Header::parse(input.unread())? {
            check(&header, self.buffer.as_ref().and_then(|buffer| buffer.unfinished.as_ref()), limits)?;
            if input.unread().len() - header.size >= header.length {
                let start = input.taken + header.size;
                input.taken = start + header.length;
                return Ok(Some((header, PayloadAt::Input(start..input.taken))));
            }
        }
        self.buffer_rest(input);
        Ok(None)
    }

    /// Adds a data frame to its message, and inflates the message when it is complete. Returns the opcode of a complete message, which is
    /// then in `buffer.finished`.
    fn gather(&mut self, header: &Header, input: &Input<'_>, payload_at: PayloadAt, limits: &Limits) -> Result<Option<Opcode>, Violation> {
        let buffer = self.buffer.get_or_insert_default();
        let payload = match payload_at {
            PayloadAt::Input(range) => &input.bytes[range],
            PayloadAt::Raw(range) => &buffer.raw[range],
            PayloadAt::Finished => &[],
        };
        if header.fin && header.compressed {
            buffer.finished = deflate::inflate(payload, limits.max_message)?;
            return Ok(Some(header.opcode));
        }
        let mut message = buffer.unfinished.take().unwrap_or_else(|| Unfinished::started_by(header));
        message.fragments += 1;
        message.payload.extend_from_slice(payload);
        if !header.fin {
            buffer.unfinished = Some(message);
            return Ok(None);
        }
        buffer.finished = if message.compressed { deflate::inflate(&message.payload, limits.max_message)? } else { message.payload };
        Ok(Some(message.opcode))
    }

    fn payload<'s>(&'s mut self, input: &'s mut Input<'_>, payload_at: &PayloadAt) -> &'s mut [u8] {
        match (payload_at, &mut self.buffer) {
            (PayloadAt::Input(range), _) => &mut input.bytes[range.clone()],
            (PayloadAt::Raw(range), Some(buffer)) => &mut buffer.raw[range.clone()],
            (PayloadAt::Finished, Some(buffer)) => &mut buffer.finished,
            (_, None) => &mut [],
        }
    }
}

/// Checks a frame against the message around it, and against the limits.
fn check(header: &Header, unfinished: Option<&Unfinished>, limits: &Limits) -> Result<(), Violation> {
    if header.compressed && !limits.deflate {
        return Err(Violation::ReservedBits);
    }
    let before = match (header.opcode, unfinished) {
        (Opcode::Continuation, None) => return Err(Violation::NothingToContinue),
        (Opcode::Text | Opcode::Binary, Some(_)) => return Err(Violation::Unfinished),
        (Opcode::Continuation, Some(message)) if message.fragments == MAX_FRAGMENTS => return Err(Violation::TooManyFragments),
        (Opcode::Continuation, Some(message)) => message.payload.len(),
        // A control frame has its own limit.
        (Opcode::Close | Opcode::Ping | Opcode::Pong, _) => return Ok(()),
        (Opcode::Text | Opcode::Binary, None) => 0,
    };
    if before.saturating_add(header.length) > limits.max_message { Err(Violation::TooBig) } else { Ok(()) }
}

fn incoming(opcode: Opcode, payload: &[u8]) -> Result<Incoming<'_>, Violation> {
    Ok(match opcode {
        Opcode::Text => Incoming::Text(simdutf8::basic::from_utf8(payload).map_err(|_| Violation::Utf8)?),
        Opcode::Ping => Incoming::Ping(payload),
        Opcode::Pong => Incoming::Pong(payload),
        Opcode::Close => {
            let (code, reason) = close::decode(payload)?;
            Incoming::Close { code, reason }
        }
        // A continuation frame never reaches this line: a complete message has the opcode of its first frame.
        Opcode::Binary | Opcode::Continuation => Incoming::Binary(payload),
    })
}
