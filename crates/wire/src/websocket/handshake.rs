//! The one header of the opening handshake that has to be computed.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

/// The GUID of RFC 6455 section 1.3: it proves that the server understood a WebSocket request.
const GUID: &[u8] = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11";

/// The value of `Sec-WebSocket-Accept` for a `Sec-WebSocket-Key` (RFC 6455 section 4.2.2). Any key gives a value; the caller checks whether
/// the key is well-formed.
pub fn accept_key(key: &str) -> String {
    let mut hash = sha1_smol::Sha1::new();
    hash.update(key.trim_ascii().as_bytes());
    hash.update(GUID);
    STANDARD.encode(hash.digest().bytes())
}
