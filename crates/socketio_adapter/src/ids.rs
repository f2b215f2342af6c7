//! Random ids, of the same characters as those of Node's adapter.

/// The length of an id. Node's have 6 characters; no server depends on the length.
const LENGTH: usize = 16;

const CHARACTERS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// A new id.
pub(crate) fn random_id() -> String {
    let mut bytes = [0; LENGTH];
    fill(&mut bytes);
    bytes.iter().map(|byte| char::from(CHARACTERS[usize::from(byte & 63)])).collect()
}

/// A random number from 0 to 255.
pub(crate) fn random_byte() -> u8 {
    let mut bytes = [0; 1];
    fill(&mut bytes);
    bytes[0]
}

fn fill(bytes: &mut [u8]) {
    // Linux always has random numbers; a program without them could not have made a TLS connection either.
    getrandom::fill(bytes).expect("the operating system has random numbers");
}
