//! Verification of tokens. The key decides the algorithm, never the token; the caller passes the time.

use std::borrow::Cow;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use config::AuthConfig;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use serde::Deserialize;

use super::claims::TokenClaims;
use super::json_object::read_object;
use super::verifying_key::VerifyingKey;
use super::{AuthError, FailedCheck, Identity, Keys};

/// The most bytes of a token. Longer ones are rejected unread: no header could carry one, and the server must not hash a megabyte of a
/// Socket.IO payload.
pub const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// Verifies tokens.
#[derive(Clone, Debug)]
pub struct Verifier {
    pub(super) keys: Vec<VerifyingKey>,
    pub(super) issuer: Option<String>,
    pub(super) audience: Vec<String>,
    pub(super) leeway: i64,
}

/// The parts of a token's header that are read.
#[derive(Deserialize)]
struct Header<'a> {
    #[serde(borrow)]
    alg: Cow<'a, str>,
    #[serde(borrow, default)]
    kid: Option<Cow<'a, str>>,
    /// Extensions that must be understood; none is, so the token must not have any.
    #[serde(default)]
    crit: Option<serde::de::IgnoredAny>,
}

impl Verifier {
    /// A verifier with these keys and the configured issuer, audience and leeway.
    pub fn new(keys: &Keys, config: &AuthConfig) -> Self {
        Self {
            keys: keys.verifying(),
            issuer: config.jwt_issuer.clone(),
            audience: config.jwt_audience.clone(),
            // Times in tokens are whole seconds; a part of one is rounded up. The setting's own limit keeps it small.
            leeway: config.jwt_leeway.as_secs_f64().ceil() as i64,
        }
    }

    /// The identity of a token.
    ///
    /// The inputs are the token without `Bearer`, and the time in seconds since 1970. Errors: [`AuthError::Expired`] for a token that would
    /// be valid before its expiry, else [`AuthError::Invalid`].
    pub fn verify(&self, token: &str, now: i64) -> Result<Identity, AuthError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(AuthError::Invalid(FailedCheck::Form));
        }
        let payload = self.signed_payload(token).map_err(AuthError::Invalid)?;
        let claims: TokenClaims = read_object(&payload).ok_or(AuthError::Invalid(FailedCheck::Form))?;
        let expires = claims.exp.0;
        self.check_target(&claims).map_err(AuthError::Invalid)?;
        if claims.nbf.0.is_some_and(|begin| now < begin.saturating_sub(self.leeway)) {
            return Err(AuthError::Invalid(FailedCheck::Time));
        }
        let identity = claims.identity().ok_or(AuthError::Invalid(FailedCheck::Subject))?;
        // This is the last check, so that only an otherwise valid token is reported as expired. RFC 7519: not accepted on or after.
        if self.valid_until(expires).is_some_and(|end| now >= end) {
            return Err(AuthError::Expired);
        }
        Ok(identity)
    }

    /// The time at which a token with this expiry is rejected; the leeway is added.
    pub fn valid_until(&self, expires: Option<i64>) -> Option<i64> {
        expires.map(|end| end.saturating_add(self.leeway))
    }

    /// The payload of a token whose signature one of the keys made. Errors: the check that failed.
    pub(super) fn signed_payload(&self, token: &str) -> Result<Vec<u8>, FailedCheck> {
        let (message, signature) = token.rsplit_once('.').ok_or(FailedCheck::Form)?;
        let (header, payload) = message.split_once('.').ok_or(FailedCheck::Form)?;
        let header = URL_SAFE_NO_PAD.decode(header).map_err(|_| FailedCheck::Form)?;
        let header: Header<'_> = read_object(&header).ok_or(FailedCheck::Form)?;
        if header.crit.is_some() {
            return Err(FailedCheck::Form);
        }
        let mut failed = FailedCheck::Algorithm;
        let signed = self.candidates(&header).any(|(key, algorithm)| {
            failed = FailedCheck::Signature;
            // An error is a signature that cannot be parsed, or a key that cannot be used; both count as not signed.
            crypto::verify(signature, message.as_bytes(), key, algorithm).unwrap_or(false)
        });
        // A payload that has a point in it, as in a token of four parts, is not base64 and ends here.
        if signed { URL_SAFE_NO_PAD.decode(payload).map_err(|_| FailedCheck::Form) } else { Err(failed) }
    }

    /// The keys that may have signed a token with this header: those with its `kid`, if both have one, and with its algorithm.
    fn candidates(&self, header: &Header<'_>) -> impl Iterator<Item = (&DecodingKey, Algorithm)> {
        self.keys
            .iter()
            .filter(|key| match (&key.kid, &header.kid) {
                (Some(known), Some(kid)) => known == kid,
                _ => true,
            })
            .filter_map(|key| {
                let algorithm = key.algorithms.iter().find(|algorithm| name(**algorithm) == header.alg)?;
                Some((&key.key, *algorithm))
            })
    }

    /// Checks whether a token is meant for this server. Errors: the check that failed.
    fn check_target(&self, claims: &TokenClaims) -> Result<(), FailedCheck> {
        if self.issuer.as_ref().is_some_and(|issuer| !claims.iss.contains(issuer)) {
            return Err(FailedCheck::Issuer);
        }
        let audience = self.audience.is_empty() || self.audience.iter().any(|audience| claims.aud.contains(audience));
        if audience { Ok(()) } else { Err(FailedCheck::Audience) }
    }
}

/// Whether a header cannot be read, or has extensions that must be understood.
pub(super) fn is_extended(header: &[u8]) -> bool {
    read_object::<Header<'_>>(header).is_none_or(|header| header.crit.is_some())
}

/// The algorithm as a token's header names it.
pub(super) fn name(algorithm: Algorithm) -> &'static str {
    match algorithm {
        Algorithm::HS256 => "HS256",
        Algorithm::HS384 => "HS384",
        Algorithm::HS512 => "HS512",
        Algorithm::ES256 => "ES256",
        Algorithm::ES384 => "ES384",
        Algorithm::RS256 => "RS256",
        Algorithm::RS384 => "RS384",
        Algorithm::RS512 => "RS512",
        Algorithm::PS256 => "PS256",
        Algorithm::PS384 => "PS384",
        Algorithm::PS512 => "PS512",
        Algorithm::EdDSA => "EdDSA",
    }
}
