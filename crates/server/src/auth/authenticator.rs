//! Who sent this request? The same answer for REST and for sockets.

use std::borrow::Cow;

use domain::names::PersonId;
use http::HeaderMap;
use http::header::{HeaderName, ORIGIN};

use super::places::{Places, bearer, without_bearer};
use super::{ApiKey, Check, ConnectAuth, Identity, Keys, Unauthenticated, Verifier};
use crate::config::{Config, Origins, OwnPage};

/// Finds a request's token and says whom it speaks for.
#[derive(Clone, Debug)]
pub struct Authenticator {
    verifier: Verifier,
    origins: Origins,
    cookie: String,
    api_key: Option<ApiKey>,
}

impl Authenticator {
    /// An authenticator with these keys and the settings' rules.
    pub fn new(keys: &Keys, config: &Config) -> Self {
        Self {
            verifier: Verifier::new(keys, &config.identity),
            origins: Origins::new(config),
            cookie: config.identity.jwt_cookie.0.clone(),
            api_key: config.identity.roomcast_api_key.clone().map(ApiKey::new),
        }
    }

    /// Who sent this request.
    ///
    /// Inputs: a Socket.IO CONNECT's payload, if there is one; the headers and the query of the request, or of a socket's handshake; the time
    /// in seconds since 1970. Errors: why nobody is believed.
    pub fn identify(
        &self,
        auth: Option<ConnectAuth>,
        headers: &HeaderMap,
        query: Option<&str>,
        now: i64,
    ) -> Result<Identity, Unauthenticated> {
        let cookie = self.believes_cookies(headers).then_some(self.cookie.as_str());
        let token = Places { auth: auth.as_ref(), headers, query, cookie }.token()?;
        let identity = self.verifier.verify(&token, now)?;
        auth.unwrap_or_default().check_subject(&identity.person)?;
        Ok(identity)
    }

    /// The token that a socket's handshake carries in a header, its query or a believed cookie: to be kept until the socket's CONNECT.
    pub fn kept_token(&self, headers: &HeaderMap, query: Option<&str>) -> Option<String> {
        let cookie = self.believes_cookies(headers).then_some(self.cookie.as_str());
        Places { auth: None, headers, query, cookie }.token().ok().map(Cow::into_owned)
    }

    /// Who asks to be connected.
    ///
    /// Inputs: the CONNECT's payload; what [`Authenticator::kept_token`] gave for the handshake; the time in seconds since 1970.
    /// Errors: why nobody is believed.
    pub fn identify_socket(&self, auth: ConnectAuth, kept: Option<&str>, now: i64) -> Result<Identity, Unauthenticated> {
        let token = auth.token()?.or(kept).ok_or(Unauthenticated::Missing)?;
        let identity = self.verifier.verify(token, now)?;
        auth.check_subject(&identity.person)?;
        Ok(identity)
    }

    /// Whom a bare token speaks for. Errors: as [`Verifier::verify`].
    pub fn verify(&self, token: &str, now: i64) -> Result<Identity, Unauthenticated> {
        self.verifier.verify(token, now)
    }

    /// The person of a token that is shown anew, without `Bearer` or with it.
    ///
    /// Errors: as [`Verifier::verify`], or [`Unauthenticated::SubjectMismatch`] for somebody else's.
    pub fn renew(&self, person: &PersonId, token: &str, now: i64) -> Result<Identity, Unauthenticated> {
        let identity = self.verifier.verify(without_bearer(token).ok_or(Unauthenticated::Invalid(Check::Form))?, now)?;
        if identity.person == *person { Ok(identity) } else { Err(Unauthenticated::SubjectMismatch) }
    }

    /// When an identity is no longer believed, in seconds since 1970; `None` if it always is.
    pub fn believed_until(&self, identity: &Identity) -> Option<i64> {
        self.verifier.believed_until(identity.expires_at)
    }

    /// True if the request carries `ROOMCAST_API_KEY` in its `Authorization` header.
    pub fn is_back_end(&self, headers: &HeaderMap) -> bool {
        self.api_key.as_ref().zip(bearer(headers)).is_some_and(|(key, presented)| key.matches(presented))
    }

    /// The rule for origins.
    pub fn origins(&self) -> &Origins {
        &self.origins
    }

    fn believes_cookies(&self, headers: &HeaderMap) -> bool {
        const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
        let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("null"));
        self.origins.allows_cookie(text(ORIGIN), OwnPage::of(headers), text(SEC_FETCH_SITE))
    }
}
