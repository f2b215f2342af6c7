//! The keys that verify tokens, loaded once at the start.

use config::{Config, ConfigError, KeyChoice, PublicKey, Secret};
use jsonwebtoken::{Algorithm, DecodingKey};

use super::verifying_key::VerifyingKey;
use super::{dev_secret, public_key};

/// The configured keys.
#[derive(Clone, Debug)]
pub enum Keys {
    /// A secret that the issuer of the tokens shares.
    Secret {
        /// The secret.
        secret: Secret,
        /// True if the server created it, in dev mode.
        dev: bool,
    },
    /// Public keys: this server verifies tokens, and another issuer signs them.
    Public(Vec<VerifyingKey>),
}

impl Keys {
    /// Loads the configured keys; in dev mode, creates the secret if there is none yet.
    ///
    /// Errors: a line about several keys, no key in production, or a file that cannot be read or holds no usable key.
    pub fn load(config: &Config) -> Result<Self, ConfigError> {
        match config.key_choice()? {
            KeyChoice::Secret(secret) => Ok(Self::Secret { secret: secret.clone(), dev: false }),
            KeyChoice::Dev => {
                let secret = dev_secret::load_or_make(config.storage.database_url.folder())?;
                Ok(Self::Secret { secret, dev: true })
            }
            KeyChoice::PublicKey(PublicKey::Pem(pem)) => public_key::from_pem(pem)
                .map(|key| Self::Public(vec![key]))
                .map_err(|problem| ConfigError::setting("JWT_PUBLIC_KEY", "(PEM text)", problem)),
            KeyChoice::PublicKey(PublicKey::File(path)) => {
                let unusable = |problem: String| ConfigError::setting("JWT_PUBLIC_KEY", &path.display().to_string(), problem);
                let pem = std::fs::read_to_string(path).map_err(|error| unusable(format!("the file cannot be read ({error})")))?;
                public_key::from_pem(&pem).map(|key| Self::Public(vec![key])).map_err(|problem| unusable(problem.into()))
            }
            KeyChoice::Jwks(path) => {
                let unusable = |problem: String| ConfigError::setting("JWT_JWKS", &path.display().to_string(), problem);
                let json = std::fs::read_to_string(path).map_err(|error| unusable(format!("the file cannot be read ({error})")))?;
                public_key::from_jwks(&json).map(Self::Public).map_err(|problem| unusable(problem.into()))
            }
        }
    }

    /// Loads the keys that the settings name, for signing, and returns where they come from: `JWT_SECRET`, or a file. Unlike [`Keys::load`] it never
    /// creates a secret.
    ///
    /// Errors: those of [`Keys::load`], and a line about a secret of dev mode that is not there.
    pub fn load_to_sign(config: &Config) -> Result<(Self, String), ConfigError> {
        match config.key_choice()? {
            KeyChoice::Dev => {
                let (secret, path) = dev_secret::load_existing(config.storage.database_url.folder())?;
                Ok((Self::Secret { secret, dev: true }, path.display().to_string()))
            }
            KeyChoice::Secret(_) => Ok((Self::load(config)?, "JWT_SECRET".into())),
            KeyChoice::PublicKey(_) | KeyChoice::Jwks(_) => Ok((Self::load(config)?, "public keys".into())),
        }
    }

    /// True in dev mode.
    pub fn is_dev(&self) -> bool {
        matches!(self, Self::Secret { dev: true, .. })
    }

    pub(super) fn verifying(&self) -> Vec<VerifyingKey> {
        match self {
            Self::Secret { secret, .. } => {
                vec![VerifyingKey { kid: None, algorithms: &[Algorithm::HS256], key: DecodingKey::from_secret(secret.expose().as_bytes()) }]
            }
            Self::Public(keys) => keys.clone(),
        }
    }
}
