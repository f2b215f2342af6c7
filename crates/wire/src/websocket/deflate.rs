//! permessage-deflate (RFC 7692) without context takeover on either side: every message is compressed by itself, so one compressed
//! frame serves every listener and a connection keeps no window.

mod offer;

use std::cell::RefCell;

use miniz_oxide::DataFormat;
use miniz_oxide::deflate::CompressionLevel;
use miniz_oxide::deflate::core::{CompressorOxide, TDEFLFlush, compress};
use miniz_oxide::inflate::TINFLStatus;
use miniz_oxide::inflate::core::inflate_flags::{TINFL_FLAG_HAS_MORE_INPUT, TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF};
use miniz_oxide::inflate::core::{DecompressorOxide, decompress};

use super::Violation;

pub use offer::negotiate_deflate;

/// The empty block that a flush ends with; the sender takes it off, the receiver puts it back (sections 7.2.1 and 7.2.2).
const TAIL: &[u8] = &[0x00, 0x00, 0xff, 0xff];

/// A message without content, compressed (section 7.2.3.6).
const EMPTY: &[u8] = &[0x00];

/// All output stays in one buffer, which is the window, too: nothing of an earlier message can be referred to.
const INFLATE_FLAGS: u32 = TINFL_FLAG_USING_NON_WRAPPING_OUTPUT_BUF | TINFL_FLAG_HAS_MORE_INPUT;

// Their tables are large, so each thread makes them once. They are reset before each message.
thread_local! {
    static COMPRESSOR: RefCell<CompressorOxide> =
        RefCell::new(CompressorOxide::with_format_and_level(DataFormat::Raw, CompressionLevel::DefaultLevel));
    static DECOMPRESSOR: RefCell<DecompressorOxide> = RefCell::default();
}

/// Compresses one message, without the tail `00 00 ff ff`: what [`super::encode_compressed`] takes.
pub fn deflate(payload: &[u8]) -> Vec<u8> {
    if payload.is_empty() {
        return EMPTY.to_vec();
    }
    COMPRESSOR.with_borrow_mut(|compressor| {
        compressor.reset();
        // Enough even for what cannot be compressed: blocks as they are, each with a few bytes in front.
        let mut out = vec![0; payload.len() + payload.len() / 1024 + 64];
        let (mut taken, mut filled) = (0, 0);
        loop {
            let (_, read, written) = compress(compressor, &payload[taken..], &mut out[filled..], TDEFLFlush::Sync);
            taken += read;
            filled += written;
            // Room left over means that all is flushed.
            if filled < out.len() {
                break;
            }
            out.resize(2 * filled, 0);
        }
        out.truncate(filled);
        if out.ends_with(TAIL) {
            out.truncate(filled - TAIL.len());
        }
        out
    })
}

/// Inflates one message of a client. No more than `max` bytes (and one) are ever allocated for it: what would be longer is
/// [`Violation::TooBig`].
pub(super) fn inflate(deflated: &[u8], max: usize) -> Result<Vec<u8>, Violation> {
    DECOMPRESSOR.with_borrow_mut(|decompressor| {
        decompressor.init();
        let most = max.saturating_add(1);
        let mut out = vec![0; deflated.len().saturating_mul(2).max(64).min(most)];
        let mut filled = 0;
        for mut rest in [deflated, TAIL] {
            loop {
                let (status, read, written) = decompress(decompressor, rest, &mut out, filled, INFLATE_FLAGS);
                rest = &rest[read..];
                filled += written;
                if filled > max {
                    return Err(Violation::TooBig);
                }
                match status {
                    TINFLStatus::NeedsMoreInput => break,
                    // A final block (section 7.2.3.4): what its sender put behind it has no meaning.
                    TINFLStatus::Done => {
                        out.truncate(filled);
                        return Ok(out);
                    }
                    TINFLStatus::HasMoreOutput if out.len() < most => out.resize(out.len().saturating_mul(2).min(most), 0),
                    _ => return Err(Violation::Deflate),
                }
            }
        }
        out.truncate(filled);
        Ok(out)
    })
}
