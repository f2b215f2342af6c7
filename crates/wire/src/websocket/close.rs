//! Close frames: the code and the reason inside them (RFC 6455 sections 5.5.1 and 7.4).

use super::{Opcode, Violation, encode};

/// The longest reason in bytes: the limit of a control frame less the two bytes of the code.
const MAX_REASON: usize = 123;

/// The code that stands for "no code was given". It is never sent.
const NO_CODE: u16 = 1005;

/// Appends a close frame. Code 0 makes an empty one; a reason longer than 123 bytes is cut at a character's end.
pub fn encode_close(out: &mut Vec<u8>, code: u16, reason: &str) {
    if code == 0 {
        return encode(out, Opcode::Close, &[]);
    }
    let reason = &reason[..reason.floor_char_boundary(MAX_REASON)];
    let mut payload = Vec::with_capacity(2 + reason.len());
    payload.extend_from_slice(&code.to_be_bytes());
    payload.extend_from_slice(reason.as_bytes());
    encode(out, Opcode::Close, &payload);
}

/// Reads the code and the reason from the payload of a client's close frame: (1005, "") when it is empty.
pub(super) fn decode(payload: &[u8]) -> Result<(u16, &str), Violation> {
    let Some((code, reason)) = payload.split_first_chunk::<2>() else {
        return if payload.is_empty() { Ok((NO_CODE, "")) } else { Err(Violation::CloseCode) };
    };
    let code = u16::from_be_bytes(*code);
    if !may_be_sent(code) {
        return Err(Violation::CloseCode);
    }
    let reason = simdutf8::basic::from_utf8(reason).map_err(|_| Violation::Utf8)?;
    Ok((code, reason))
}

/// Whether a code may be in a close frame. 1004 to 1006 and 1015 are never on the wire; 1012 to 1014 were registered after the RFC; codes
/// from 3000 on are for applications.
fn may_be_sent(code: u16) -> bool {
    matches!(code, 1000..=1003 | 1007..=1014 | 3000..=4999)
}
