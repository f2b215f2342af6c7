//! Helpers of several tests: bytes written as text, a seeded source of random values, and the client's side of a WebSocket.

use wire::websocket::{Incoming, Input, Limits, Reader, Violation};

/// Reads bytes that are written as hexadecimal digits; spaces are ignored.
pub fn hex(text: &str) -> Vec<u8> {
    let digits: Vec<u32> = text.chars().filter_map(|char| char.to_digit(16)).collect();
    digits.chunks(2).map(|pair| (pair[0] * 16 + pair[1]) as u8).collect()
}

/// A seeded source of numbers (splitmix64): each run gives the same numbers.
pub struct Dice(pub u64);

impl Dice {
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`.
    pub fn below(&mut self, bound: usize) -> usize {
        (self.next() % bound as u64) as usize
    }

    pub fn one_of<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len())]
    }

    pub fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.next() as u8).collect()
    }

    /// Up to `most` bytes.
    pub fn some_bytes(&mut self, most: usize) -> Vec<u8> {
        let length = self.below(most + 1);
        self.bytes(length)
    }

    /// A text of at most `length` characters of one to four bytes. JSON must escape some of the characters.
    pub fn text(&mut self, length: usize) -> String {
        const CHARS: &[char] = &['a', 'b', '0', ' ', '"', '\\', '/', '\n', '\u{1}', 'é', '€', '𝄞', '\u{2028}', ',', ':', '{', ']'];
        (0..self.below(length + 1)).map(|_| self.one_of(CHARS)).collect()
    }
}

pub const MASK: [u8; 4] = [0x37, 0xfa, 0x21, 0x3d];

/// A masked client frame with its length in the shortest form.
pub fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
    let mut frame = vec![first];
    match payload.len() {
        length @ 0..126 => frame.push(0x80 | length as u8),
        length @ 126..=0xffff => {
            frame.push(0x80 | 126);
            frame.extend((length as u16).to_be_bytes());
        }
        length => {
            frame.push(0x80 | 127);
            frame.extend((length as u64).to_be_bytes());
        }
    }
    frame.extend(MASK);
    frame.extend(payload.iter().zip(MASK.iter().cycle()).map(|(byte, key)| byte ^ key));
    frame
}

/// A copy of a message, or the violation, that a reader returned.
#[derive(Clone, PartialEq, Debug)]
pub enum Seen {
    Text(String),
    Binary(Vec<u8>),
    Ping(Vec<u8>),
    Pong(Vec<u8>),
    Close(u16, String),
    Refused(Violation),
}

impl Seen {
    fn from(incoming: Result<Incoming<'_>, Violation>) -> Seen {
        match incoming {
            Ok(Incoming::Text(text)) => Seen::Text(text.to_owned()),
            Ok(Incoming::Binary(bytes)) => Seen::Binary(bytes.to_vec()),
            Ok(Incoming::Ping(bytes)) => Seen::Ping(bytes.to_vec()),
            Ok(Incoming::Pong(bytes)) => Seen::Pong(bytes.to_vec()),
            Ok(Incoming::Close { code, reason }) => Seen::Close(code, reason.to_owned()),
            Err(violation) => Seen::Refused(violation),
        }
    }
}

/// Feeds `stream` in reads of the given sizes (the last size repeats) until the first violation.
pub fn read_in_pieces(stream: &[u8], sizes: &[usize], limits: &Limits) -> Vec<Seen> {
    let mut reader = Reader::default();
    let mut received = Vec::new();
    let mut rest = stream.to_vec();
    for number in 0.. {
        if rest.is_empty() {
            break;
        }
        let size = sizes[number.min(sizes.len() - 1)].clamp(1, rest.len());
        let mut read: Vec<u8> = rest.drain(..size).collect();
        let mut input = Input::new(&mut read);
        while let Some(incoming) = reader.next(&mut input, limits).transpose() {
            received.push(Seen::from(incoming));
            if incoming.is_err() {
                return received;
            }
        }
        assert!(input.is_empty(), "None must mean that all was taken");
    }
    assert_eq!(reader.next(&mut Input::new(&mut []), limits), Ok(None), "asking again must change nothing");
    received
}

/// Keeps all of `stream` in a reader, as for a paused connection, and reads it afterwards.
pub fn read_buffered(stream: &[u8], limits: &Limits) -> Vec<Seen> {
    let mut reader = Reader::default();
    let mut received = Vec::new();
    let mut copy = stream.to_vec();
    let (front, back) = copy.split_at_mut(stream.len() / 2);
    reader.buffer_unread(Input::new(front));
    reader.buffer_unread(Input::new(back));
    while let Some(incoming) = reader.next(&mut Input::new(&mut []), limits).transpose() {
        received.push(Seen::from(incoming));
        if incoming.is_err() {
            break;
        }
    }
    received
}
