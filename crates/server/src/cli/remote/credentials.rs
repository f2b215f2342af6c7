//! The credentials of a command: the key of a back end, or a token.

use anyhow::bail;
use auth::Keys;
use auth::sign::{NewTokenClaims, sign};
use config::Config;

use super::server_url::ServerUrl;
use crate::clock;

/// The lifetime of a token that a command signs for itself, in seconds.
const TOKEN_LIFETIME: i64 = 3600;

/// A key or a token. It is never printed.
#[derive(Clone)]
pub struct Credentials(String);

impl Credentials {
    /// Credentials that the operator names.
    pub fn new(key: String) -> Self {
        Self(key)
    }

    /// A token with the role `service`, signed with the secret of these settings. A server elsewhere does not receive such a token.
    ///
    /// # Errors
    /// The server is not on this machine, or the settings have no secret that signs.
    pub fn of_service(config: &Config, server: &ServerUrl) -> anyhow::Result<Self> {
        if !server.is_local() {
            bail!("{server} is not on this machine; name its key with --key or ROOMCAST_API_KEY");
        }
        Self::signed(config, NewTokenClaims { sub: "roomcast-cli".into(), role: Some("service".into()), ..NewTokenClaims::default() })
    }

    /// A token of a user, signed with the secret of these settings.
    ///
    /// # Errors
    /// The settings have no secret that signs, or the id is invalid.
    pub fn of_user(config: &Config, user: &str) -> anyhow::Result<Self> {
        Self::signed(config, NewTokenClaims { sub: user.to_owned(), name: Some(user.to_owned()), ..NewTokenClaims::default() })
    }

    fn signed(config: &Config, claims: NewTokenClaims) -> anyhow::Result<Self> {
        let now = clock::seconds();
        let (keys, _) = Keys::load_to_sign(config)?;
        Ok(Self(sign(&keys, &NewTokenClaims { iat: now, exp: Some(now + TOKEN_LIFETIME), ..claims }, &config.auth)?))
    }

    /// The value of the `Authorization` header.
    pub fn header(&self) -> String {
        format!("Bearer {}", self.0)
    }
}
