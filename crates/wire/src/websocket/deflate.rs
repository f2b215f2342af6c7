//! permessage-deflate (RFC 7692) without context takeover on either side: every message is compressed by itself, so one compressed
//! frame serves every receiver with the same window and a connection keeps no compression state.

mod offer;
mod window;

use std::cell::RefCell;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use super::Violation;

pub use offer::negotiate_deflate;
pub use window::Window;

/// The empty block that a flush ends with; the sender takes it off, the receiver puts it back (sections 7.2.1 and 7.2.2).
const TAIL: &[u8] = &[0x00, 0x00, 0xff, 0xff];

/// A message without content, compressed (section 7.2.3.6).
const EMPTY: &[u8] = &[0x00];

// Their tables are large, so each thread makes them once, a compressor for each size of window when it is first needed. They are reset
// before each message, so nothing of an earlier message can be referred to.
thread_local! {
    static COMPRESSORS: RefCell<[Option<Compress>; Window::SIZES]> = const { RefCell::new([const { None }; Window::SIZES]) };
    static DECOMPRESSOR: RefCell<Decompress> = RefCell::new(Decompress::new(false));
}

/// Compresses one message for a receiver with this window, without the tail `00 00 ff ff`: what [`super::encode_compressed`] takes.
pub fn deflate(payload: &[u8], window: Window) -> Vec<u8> {
    if payload.is_empty() {
        return EMPTY.to_vec();
    }
    COMPRESSORS.with_borrow_mut(|compressors| {
        let compressor = compressors[window.index()]
            .get_or_insert_with(|| Compress::new_with_window_bits(Compression::default(), false, window.compressor_bits()));
        compressor.reset();
        let mut out = Vec::with_capacity(payload.len() / 2 + 64);
        let mut taken = 0;
        loop {
            let before = compressor.total_in();
            // `compress_vec` fails only if it is called out of order, which is impossible here: the compressor was reset and no message is
            // finished.
            let status = compressor.compress_vec(&payload[taken..], &mut out, FlushCompress::Sync);
            taken += (compressor.total_in() - before) as usize;
            // Free capacity means that all output is flushed.
            if status.is_err() || out.len() < out.capacity() {
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

/// Inflates one message of a client, with any size of the compressor's window. At most `max` bytes (and one) are allocated for it; a longer
/// message is [`Violation::TooBig`].
pub(super) fn inflate(deflated: &[u8], max: usize) -> Result<Vec<u8>, Violation> {
    DECOMPRESSOR.with_borrow_mut(|decompressor| {
        decompressor.reset(false);
        let most = max.saturating_add(1);
        let mut out = Vec::new();
        out.reserve_exact(deflated.len().saturating_mul(2).max(64).min(most));
        for mut rest in [deflated, TAIL] {
            loop {
                let before = decompressor.total_in();
                let status = decompressor.decompress_vec(rest, &mut out, FlushDecompress::Sync).map_err(|_| Violation::Deflate)?;
                rest = &rest[(decompressor.total_in() - before) as usize..];
                if out.len() > max {
                    return Err(Violation::TooBig);
                }
                match status {
                    // A final block (section 7.2.3.4): bytes after it have no meaning.
                    Status::StreamEnd => return Ok(out),
                    // Free capacity means that all of the input was used.
                    _ if out.len() < out.capacity() => break,
                    _ => out.reserve_exact(out.len().min(most - out.len())),
                }
            }
        }
        Ok(out)
    })
}
