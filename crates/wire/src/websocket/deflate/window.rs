//! The window sizes of permessage-deflate: how far back a compressed message may refer.

/// The window of a client's decompressor, as negotiated by `server_max_window_bits` (RFC 7692 section 7.1.2.1).
///
/// Clients may ask for eight sizes; three are used, so that a message to a room is compressed at most three times. A compressor may always
/// use a smaller window than agreed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, Default)]
pub enum Window {
    /// 256 bytes: for 8 to 11 bits.
    Small,
    /// 4 KB: for 12 to 14 bits.
    Medium,
    /// 32 KB: for 15 bits, and for a client that sets no limit.
    #[default]
    Full,
}

impl Window {
    pub(super) const SIZES: usize = 3;

    /// The window for a number of bits; None unless it is one of 8 to 15.
    pub(super) fn from_bits(bits: u8) -> Option<Self> {
        match bits {
            8..=11 => Some(Window::Small),
            12..=14 => Some(Window::Medium),
            15 => Some(Window::Full),
            _ => None,
        }
    }

    pub(super) fn index(self) -> usize {
        self as usize
    }

    /// The window that the compressor is set up with, in bits. zlib has no raw streams with 8 bits; with 9 it refers back 250 bytes at most
    /// (2^9 less 262), which a window of 8 bits holds, too.
    pub(super) fn compressor_bits(self) -> u8 {
        match self {
            Window::Small => 9,
            Window::Medium => 12,
            Window::Full => 15,
        }
    }
}
