//! The masking of client frames (RFC 6455 section 5.3).

/// Masks or unmasks `payload` in place; the two are the same operation.
pub(super) fn unmask(payload: &mut [u8], key: [u8; 4]) {
    let [a, b, c, d] = key;
    // Whole words first: eight bytes hold the key exactly twice, so byte order does not matter, and the compiler uses vector instructions.
    let wide = u64::from_ne_bytes([a, b, c, d, a, b, c, d]);
    let (words, rest) = payload.as_chunks_mut::<8>();
    for word in words {
        *word = (u64::from_ne_bytes(*word) ^ wide).to_ne_bytes();
    }
    for (at, byte) in rest.iter_mut().enumerate() {
        *byte ^= key[at & 3];
    }
}
