//! The key of a team's own back end.

use crate::config::Secret;
use subtle::ConstantTimeEq;

/// `ROOMCAST_API_KEY`, to compare with.
#[derive(Clone, Debug)]
pub struct ApiKey(Secret);

impl ApiKey {
    /// The key to compare with.
    pub fn new(key: Secret) -> Self {
        Self(key)
    }

    /// True if this is the key. How long that takes says nothing about where they differ.
    pub fn matches(&self, presented: &str) -> bool {
        self.0.expose().as_bytes().ct_eq(presented.as_bytes()).into()
    }
}
