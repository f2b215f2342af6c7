//! Authentication of a request, the same for REST and for sockets.

use std::borrow::Cow;

use config::{Config, Origins, OwnPage};
use domain::ids::UserId;
use http::HeaderMap;
use http::header::{HeaderName, ORIGIN};

use super::token_sources::{TokenSources, bearer, without_bearer};
use super::{ApiKey, AuthError, ConnectAuth, FailedCheck, Identity, Keys, Verifier};

/// Finds the token of a request and verifies it.
#[derive(Clone, Debug)]
pub struct Authenticator {
    verifier: Verifier,
    origins: Origins,
    cookie: String,
    api_key: Option<ApiKey>,
}

impl Authenticator {
    /// An authenticator with these keys and the configured rules.
    pub fn new(keys: &Keys, config: &Config) -> Self {
        Self {
            verifier: Verifier::new(keys, &config.auth),
            origins: Origins::new(config),
            cookie: config.auth.jwt_cookie.0.clone(),
            api_key: config.auth.roomcast_api_key.clone().map(ApiKey::new),
        }
    }

    /// The identity of the token of a request.
    ///
    /// The inputs are the payload of a Socket.IO CONNECT, if there is one; the headers and the query of the request, or of a socket's handshake;
    /// the time in seconds since 1970. Errors: why the request is not authenticated.
    pub fn identify(&self, auth: Option<ConnectAuth>, headers: &HeaderMap, query: Option<&str>, now: i64) -> Result<Identity, AuthError> {
        let cookie = self.trusts_cookies(headers).then_some(self.cookie.as_str());
        let token = TokenSources { auth: auth.as_ref(), headers, query, cookie }.token()?;
        let identity = self.verifier.verify(&token, now)?;
        auth.unwrap_or_default().check_subject(&identity.user)?;
        Ok(identity)
    }

    /// The token that a socket's handshake carries in a header, its query or an accepted cookie, to be kept until the socket's CONNECT.
    pub fn handshake_token(&self, headers: &HeaderMap, query: Option<&str>) -> Option<String> {
        let cookie = self.trusts_cookies(headers).then_some(self.cookie.as_str());
        TokenSources { auth: None, headers, query, cookie }.token().ok().map(Cow::into_owned)
    }

    /// The identity of the token of a socket.
    ///
    /// The inputs are the CONNECT's payload; the result of [`Authenticator::handshake_token`] for the handshake; the time in seconds since 1970.
    /// Errors: why the socket is not authenticated.
    pub fn identify_socket(&self, auth: ConnectAuth, handshake_token: Option<&str>, now: i64) -> Result<Identity, AuthError> {
        let token = auth.token()?.or(handshake_token).ok_or(AuthError::Missing)?;
        let identity = self.verifier.verify(token, now)?;
        auth.check_subject(&identity.user)?;
        Ok(identity)
    }

    /// The identity of a bare token. Errors: as [`Verifier::verify`].
    pub fn verify(&self, token: &str, now: i64) -> Result<Identity, AuthError> {
        self.verifier.verify(token, now)
    }

    /// The identity of a newer token of a user, with or without `Bearer`.
    ///
    /// Errors: as [`Verifier::verify`], or [`AuthError::SubjectMismatch`] for another user's token.
    pub fn renew(&self, user: &UserId, token: &str, now: i64) -> Result<Identity, AuthError> {
        let identity = self.verifier.verify(without_bearer(token).ok_or(AuthError::Invalid(FailedCheck::Form))?, now)?;
        if identity.user == *user { Ok(identity) } else { Err(AuthError::SubjectMismatch) }
    }

    /// The time at which an identity expires, in seconds since 1970; `None` if it never does.
    pub fn valid_until(&self, identity: &Identity) -> Option<i64> {
        self.verifier.valid_until(identity.expires_at)
    }

    /// True if the request carries `ROOMCAST_API_KEY` in its `Authorization` header.
    pub fn is_backend(&self, headers: &HeaderMap) -> bool {
        self.api_key.as_ref().zip(bearer(headers)).is_some_and(|(key, presented)| key.matches(presented))
    }

    /// True if the text is `ROOMCAST_API_KEY`.
    pub fn is_api_key(&self, presented: &str) -> bool {
        self.api_key.as_ref().is_some_and(|key| key.matches(presented))
    }

    /// The allowed origins.
    pub fn origins(&self) -> &Origins {
        &self.origins
    }

    fn trusts_cookies(&self, headers: &HeaderMap) -> bool {
        const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
        let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("null"));
        self.origins.allows_cookie(text(ORIGIN), OwnPage::of(headers), text(SEC_FETCH_SITE))
    }
}
