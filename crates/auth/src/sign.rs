//! Signs tokens for tests and for a first try. A backend signs its own tokens with its own library.

use config::{AuthConfig, ConfigError};
use jsonwebtoken::{EncodingKey, Header};
use serde::Serialize;

use super::Keys;
use super::identity::user_id;

/// The claims of a new token. Times are seconds since 1970.
#[derive(Clone, Default, Debug, Serialize)]
pub struct NewTokenClaims {
    /// The user's id.
    pub sub: String,
    /// The display name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The username in the workspace contract.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// The household whose member the user becomes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub household_id: Option<String>,
    /// `admin` or `service`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// When the token was issued.
    pub iat: i64,
    /// When the token expires; `None`: never.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
}

/// Signs a token that this server accepts.
///
/// The inputs are the keys, the token's claims, and the settings, whose issuer and audience the token receives. Errors: a line if the keys are
/// public ones, or the subject cannot be a user's id.
pub fn sign(keys: &Keys, token: &NewTokenClaims, config: &AuthConfig) -> Result<String, ConfigError> {
    #[derive(Serialize)]
    struct Payload<'a> {
        #[serde(flatten)]
        token: &'a NewTokenClaims,
        #[serde(skip_serializing_if = "Option::is_none")]
        iss: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        aud: Option<&'a str>,
    }
    let Keys::Secret { secret, .. } = keys else {
        let line = "this server can only verify tokens, because JWT_PUBLIC_KEY or JWT_JWKS is set; the owner of the private key signs them";
        return Err(ConfigError::line(line));
    };
    if user_id(&token.sub).is_none() {
        return Err(ConfigError::setting(
            "--sub",
            &token.sub,
            "expected 1 to 200 bytes that are not all blank and have no control characters",
        ));
    }
    let payload = Payload { token, iss: config.jwt_issuer.as_deref(), aud: config.jwt_audience.first().map(String::as_str) };
    let key = EncodingKey::from_secret(secret.expose().as_bytes());
    jsonwebtoken::encode(&Header::default(), &payload, &key)
        .map_err(|error| ConfigError::line(format!("the token cannot be signed ({error})")))
}
