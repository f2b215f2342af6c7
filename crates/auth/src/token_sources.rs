//! The sources of a token in a request, in the order in which they are tried. The input is plain data, so that REST and sockets
//! share it.

use std::borrow::Cow;

use domain::ids::UserId;
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};
use percent_encoding::percent_decode_str;
use serde::Deserialize;

use super::claims::ClaimValue;
use super::json_object::read_object;
use super::{AuthError, FailedCheck};

/// The payload of a Socket.IO CONNECT.
#[derive(Default, Deserialize)]
#[serde(default)]
pub struct ConnectAuth {
    token: ClaimValue,
    #[serde(rename = "userId")]
    user_id: ClaimValue,
    pid: ClaimValue,
    offset: ClaimValue,
    since: ClaimValue,
}

/// The state from which a client wants to continue.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ResumeHint {
    /// The client does not name one.
    Nowhere,
    /// A session that the client can prove to be its own.
    Session {
        /// The secret of the session.
        secret: String,
        /// The position that the client has reached, if it sends one.
        offset: Option<String>,
    },
    /// The position that the client has reached.
    Position(String),
}

impl ConnectAuth {
    /// Parses the payload. One that is absent, not an object or not JSON is empty: the token may be in another part of the request.
    pub fn read(json: &str) -> Self {
        read_object(json.as_bytes()).unwrap_or_default()
    }

    /// The token of the payload, without `Bearer`, if it has one. Errors: [`AuthError::Invalid`] for one that is not text.
    pub fn token(&self) -> Result<Option<&str>, AuthError> {
        match &self.token {
            ClaimValue::Absent => Ok(None),
            ClaimValue::Text(text) => Ok(without_bearer(text)),
            ClaimValue::Number(_) | ClaimValue::List(_) | ClaimValue::Other => Err(AuthError::Invalid(FailedCheck::Form)),
        }
    }

    /// The state from which the client wants to continue: a stock client sends the secret `pid` and the last `offset` that it has received,
    /// other clients send a position as `since`.
    pub fn resume_hint(&mut self) -> ResumeHint {
        let text = |claim: &mut ClaimValue| std::mem::take(claim).text();
        match (text(&mut self.pid), &self.since) {
            (Some(secret), _) => ResumeHint::Session { secret, offset: text(&mut self.offset) },
            (None, ClaimValue::Absent) => ResumeHint::Nowhere,
            (None, _) => ResumeHint::Position(text(&mut self.since).unwrap_or_default()),
        }
    }

    /// Checks the client's claim about itself: `auth.userId`, if a client of any contract sends it, must be the token's subject as text.
    ///
    /// Errors: [`AuthError::SubjectMismatch`].
    pub fn check_subject(self, user: &UserId) -> Result<(), AuthError> {
        if self.user_id.is_absent() || self.user_id.text().is_some_and(|claimed| claimed == user.as_str()) {
            Ok(())
        } else {
            Err(AuthError::SubjectMismatch)
        }
    }
}

/// The parts of a request that may contain a token.
pub struct TokenSources<'a> {
    /// The Socket.IO CONNECT payload, if there is one.
    pub auth: Option<&'a ConnectAuth>,
    /// The request's headers; for a socket those of its handshake.
    pub headers: &'a HeaderMap,
    /// The query of the URL, without the question mark.
    pub query: Option<&'a str>,
    /// The name of the cookie, or `None` if this request's cookies are not accepted.
    pub cookie: Option<&'a str>,
}

impl<'a> TokenSources<'a> {
    /// The token, without `Bearer`: the first of `auth.token`, the `Authorization` header, `?token=` and the cookie.
    ///
    /// Errors: [`AuthError::Missing`], or [`AuthError::Invalid`] for an `auth.token` that is not text.
    pub fn token(&self) -> Result<Cow<'a, str>, AuthError> {
        if let Some(token) = self.auth.map(ConnectAuth::token).transpose()?.flatten() {
            return Ok(Cow::Borrowed(token));
        }
        bearer(self.headers)
            .map(Cow::Borrowed)
            .or_else(|| self.in_query().map(Cow::Owned))
            .or_else(|| self.in_cookie().map(Cow::Owned))
            .ok_or(AuthError::Missing)
    }

    fn in_query(&self) -> Option<String> {
        let pairs = form_urlencoded::parse(self.query?.as_bytes());
        pairs.filter(|(name, _)| name == "token").find_map(|(_, value)| without_bearer(&value).map(str::to_owned))
    }

    fn in_cookie(&self) -> Option<String> {
        let wanted = self.cookie?;
        let headers = self.headers.get_all(COOKIE).into_iter().filter_map(|value| value.to_str().ok());
        let mut pairs = headers.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        pairs.find_map(|(name, value)| {
            // Node's frameworks percent-encode what they put in a cookie, and the space of "Bearer …" is encoded then.
            let value = percent_decode_str(value.trim_matches('"')).decode_utf8().ok()?;
            (name == wanted).then(|| without_bearer(&value).map(str::to_owned)).flatten()
        })
    }
}

/// The token or key of an `Authorization` header, with or without `Bearer`. The value of another scheme, such as Basic, is no token.
pub fn bearer(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(AUTHORIZATION)?.to_str().ok()?;
    without_bearer(value).filter(|token| !token.contains(' '))
}

/// The text without a leading `Bearer` in upper or lower case, or `None` if nothing is left.
pub fn without_bearer(text: &str) -> Option<&str> {
    let text = text.trim();
    let rest = match text.split_at_checked("bearer".len()) {
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("bearer") && (rest.is_empty() || rest.starts_with(' ')) => rest.trim_start(),
        _ => text,
    };
    if rest.is_empty() { None } else { Some(rest) }
}
