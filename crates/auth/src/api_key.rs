//! The key of a backend.

use config::Secret;
use subtle::ConstantTimeEq;

/// `ROOMCAST_API_KEY`, for comparison with keys of requests.
#[derive(Clone, Debug)]
pub struct ApiKey(Secret);

impl ApiKey {
    /// Wraps the configured key.
    pub fn new(key: Secret) -> Self {
        Self(key)
    }

    /// True if the keys are equal. The time of the comparison reveals nothing about the position of a difference.
    pub fn matches(&self, presented: &str) -> bool {
        self.0.expose().as_bytes().ct_eq(presented.as_bytes()).into()
    }
}
