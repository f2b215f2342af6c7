//! Base64 as Node reads it: clients that were tested only against Node must not be rejected here.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// The decoder's settings: no padding, and the unused bits of the last character are not checked.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &::base64::alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::RequireNone).with_decode_allow_trailing_bits(true),
);

/// Appends `bytes` in base64, with the standard alphabet and padding.
pub(super) fn encode(bytes: &[u8], out: &mut String) {
    STANDARD.encode_string(bytes, out);
}

/// Reads any text up to its first `=`, in both alphabets, with or without padding. Characters of neither alphabet are skipped, and a last
/// character that makes no whole byte is dropped.
pub(super) fn decode(text: &str) -> Vec<u8> {
    if let Ok(bytes) = STANDARD.decode(text) {
        return bytes;
    }
    let mut clean: Vec<u8> = text.bytes().take_while(|&byte| byte != b'=').filter_map(standard).collect();
    if clean.len() % 4 == 1 {
        clean.pop();
    }
    // The filter above has removed everything that the decoder would reject.
    LENIENT.decode(clean).unwrap_or_default()
}

fn standard(byte: u8) -> Option<u8> {
    match byte {
        b'-' => Some(b'+'),
        b'_' => Some(b'/'),
        b'+' | b'/' | b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' => Some(byte),
        _ => None,
    }
}
