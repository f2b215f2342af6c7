//! The part of RFC 6455 that the load generator and the baseline server need: complete frames without fragments.
//!
//! Clients mask with the key zero, which is legal and costs them nothing. For a server it makes no difference.

use std::ops::Range;

use anyhow::{Result, bail};

pub const TEXT: u8 = 1;
pub const CLOSE: u8 = 8;
pub const PING: u8 = 9;
pub const PONG: u8 = 10;

/// A frame at the beginning of a buffer.
pub struct Frame {
    pub opcode: u8,
    /// The position of the payload in the buffer.
    pub payload: Range<usize>,
}

/// Appends a client's frame, masked with the key zero.
pub fn from_client(out: &mut Vec<u8>, opcode: u8, payload: &[u8]) {
    head(out, opcode, payload.len(), 0x80);
    out.extend_from_slice(&[0; 4]);
    out.extend_from_slice(payload);
}

/// The frame of a client's text message.
pub fn client_text(text: &str) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len() + 14);
    from_client(&mut out, TEXT, text.as_bytes());
    out
}

/// Appends a server's text frame.
pub fn from_server(out: &mut Vec<u8>, payload: &[u8]) {
    head(out, TEXT, payload.len(), 0);
    out.extend_from_slice(payload);
}

fn head(out: &mut Vec<u8>, opcode: u8, length: usize, mask_bit: u8) {
    out.push(0x80 | opcode);
    match length {
        0..126 => out.push(mask_bit | length as u8),
        126..0x1_0000 => {
            out.push(mask_bit | 126);
            out.extend_from_slice(&(length as u16).to_be_bytes());
        }
        _ => {
            out.push(mask_bit | 127);
            out.extend_from_slice(&(length as u64).to_be_bytes());
        }
    }
}

/// The frame at the beginning of `buffer`, or `None` while it is incomplete.
pub fn first(buffer: &[u8]) -> Result<Option<Frame>> {
    let [start, second, ..] = *buffer else { return Ok(None) };
    if start & 0x80 == 0 || start & 0x0f == 0 {
        bail!("the server has sent a fragmented message, which the bench does not support");
    }
    let (length, mut at) = match second & 0x7f {
        126 => match buffer.get(2..4) {
            Some(bytes) => (usize::from(u16::from_be_bytes([bytes[0], bytes[1]])), 4),
            None => return Ok(None),
        },
        127 => match buffer.get(2..10).and_then(|bytes| bytes.try_into().ok()) {
            Some(bytes) => (u64::from_be_bytes(bytes) as usize, 10),
            None => return Ok(None),
        },
        short => (usize::from(short), 2),
    };
    if second & 0x80 != 0 {
        at += 4;
    }
    let complete = buffer.len().checked_sub(at).is_some_and(|rest| rest >= length);
    Ok(complete.then(|| Frame { opcode: start & 0x0f, payload: at..at + length }))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_of_each_length_encoding_are_read_back() {
        for length in [0, 1, 125, 126, 65_535, 65_536] {
            let payload = vec![b'x'; length];
            let (mut masked, mut unmasked) = (Vec::new(), Vec::new());
            from_client(&mut masked, TEXT, &payload);
            from_server(&mut unmasked, &payload);
            for wire in [masked, unmasked] {
                let frame = first(&wire).unwrap().unwrap();
                assert_eq!(&wire[frame.payload.clone()], &payload[..]);
                assert_eq!(frame.payload.end, wire.len());
                assert!(first(&wire[..wire.len() - 1]).unwrap().is_none());
            }
        }
    }
}
