//! A key that verifies tokens.

use jsonwebtoken::{Algorithm, DecodingKey};

/// A key, and its algorithms.
#[derive(Clone, Debug)]
pub struct VerifyingKey {
    /// The key's id (`kid`).
    pub kid: Option<String>,
    /// The algorithms that a token signed for this key may use: one, or the sizes of one family for an RSA key that names none.
    pub algorithms: &'static [Algorithm],
    /// The key itself.
    pub key: DecodingKey,
}
