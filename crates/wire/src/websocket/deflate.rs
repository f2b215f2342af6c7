//! permessage-deflate (RFC 7692) without context takeover on either side: every message is compressed by itself, so one compressed
//! frame serves every listener and a connection keeps no window.

mod offer;

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::Violation;

pub use offer::negotiate_deflate;

/// The empty block that a flush ends with; the sender takes it off, the receiver puts it back (sections 7.2.1 and 7.2.2).
const TAIL: &[u8] = &[0x00, 0x00, 0xff, 0xff];

/// A message without content, compressed (section 7.2.3.6).
const EMPTY: &[u8] = &[0x00];

// Their tables take hundreds of kilobytes to make and nothing to reset, so each thread keeps one. No state passes from one message
// to the next.
thread_local! {
    static COMPRESSOR: RefCell<Compress> = RefCell::new(Compress::new(Compression::default(), false));
    static DECOMPRESSOR: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// Compresses one message, without the tail `00 00 ff ff`: what [`super::encode_compressed`] takes.
pub fn deflate(payload: &[u8]) -> Vec<u8> {
    if payload.is_empty() {
        return EMPTY.to_vec();
    }
    COMPRESSOR.with_borrow_mut(|compressor| {
        compressor.reset();
        let mut out = Vec::with_capacity(payload.len() / 2 + 64);
        loop {
            let taken = compressor.total_in() as usize;
            // Compressing has no error of its own: it can only lack room.
            let _ = compressor.compress_vec(&payload[taken..], &mut out, FlushCompress::Sync);
            if out.len() < out.capacity() {
                break;
            }
            out.reserve(out.len());
        }
        if out.ends_with(TAIL) {
            out.truncate(out.len() - TAIL.len());
        }
        out
    })
}

/// Inflates one message of a client. Its output is never longer than `max`: what would be is [`Violation::TooBig`], found out with
/// no more than `max` + 1 bytes allocated.
pub(super) fn inflate(deflated: &[u8], max: usize) -> Result<Vec<u8>, Violation> {
    DECOMPRESSOR.with_borrow_mut(|decompressor| {
        decompressor.reset(false);
        let mut out = Vec::new();
        for part in [deflated, TAIL] {
            if inflate_part(decompressor, part, &mut out, max)? == Status::StreamEnd {
                // A final block (section 7.2.3.4): what its sender put behind it has no meaning.
                break;
            }
        }
        Ok(out)
    })
}

fn inflate_part(decompressor: &mut Decompress, part: &[u8], out: &mut Vec<u8>, max: usize) -> Result<Status, Violation> {
    let start = decompressor.total_in();
    loop {
        if out.len() == out.capacity() {
            let room = max.saturating_add(1) - out.len();
            out.reserve_exact(room.min(out.len().max(part.len() * 2).max(64)));
        }
        let rest = &part[(decompressor.total_in() - start) as usize..];
        let before = (decompressor.total_in(), out.len());
        let status = decompressor.decompress_vec(rest, out, FlushDecompress::Sync).map_err(|_| Violation::Deflate)?;
        if out.len() > max {
            return Err(Violation::TooBig);
        }
        if status == Status::StreamEnd {
            return Ok(status);
        }
        let moved = before != (decompressor.total_in(), out.len());
        let taken = (decompressor.total_in() - start) as usize == part.len();
        // Room left over means that nothing waits inside the decompressor.
        if taken && out.len() < out.capacity() {
            return Ok(status);
        }
        if !moved && out.len() < out.capacity() {
            return Err(Violation::Deflate);
        }
    }
}
