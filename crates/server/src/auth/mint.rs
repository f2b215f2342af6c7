//! Tokens for tests and for a first try. A back end makes its own, with its own library.

use jsonwebtoken::{EncodingKey, Header};
use serde::Serialize;

use super::Keys;
use super::identity::person;
use crate::config::{ConfigError, IdentityConfig};

/// What a token is to say. Times are seconds since 1970.
#[derive(Clone, Default, Debug, Serialize)]
pub struct NewToken {
    /// The person's id.
    pub sub: String,
    /// The name that is shown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// workspace's name of the person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// The e-mail address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// A household that the person is to be a member of.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub household_id: Option<String>,
    /// `admin` or `service`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// When it is made.
    pub iat: i64,
    /// When it ends.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exp: Option<i64>,
}

/// A token that this server believes.
///
/// Inputs: the keys, what it is to say, and the settings, whose issuer and audience it carries. Errors: a line if the keys are public ones, or
/// the subject could not be a person's.
pub fn mint(keys: &Keys, token: &NewToken, config: &IdentityConfig) -> Result<String, ConfigError> {
    #[derive(Serialize)]
    struct Payload<'a> {
        #[serde(flatten)]
        token: &'a NewToken,
        #[serde(skip_serializing_if = "Option::is_none")]
        iss: Option<&'a str>,
        #[serde(skip_serializing_if = "Option::is_none")]
        aud: Option<&'a str>,
    }
    let Keys::Secret { secret, .. } = keys else {
        let line = "tokens are signed by whoever holds the private key of JWT_PUBLIC_KEY or JWT_JWKS; this server can only verify them";
        return Err(ConfigError::line(line));
    };
    if person(&token.sub).is_none() {
        return Err(ConfigError::setting(
            "--sub",
            &token.sub,
            "expected 1 to 200 bytes that are not all blank and have no control characters",
        ));
    }
    let payload = Payload { token, iss: config.jwt_issuer.as_deref(), aud: config.jwt_audience.first().map(String::as_str) };
    let key = EncodingKey::from_secret(secret.expose().as_bytes());
    jsonwebtoken::encode(&Header::default(), &payload, &key)
        .map_err(|error| ConfigError::line(format!("the token cannot be made ({error})")))
}
