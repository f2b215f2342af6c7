//! Sessions of operators. A session is a cookie that the server has signed, so no node stores it, and each node accepts the sessions of the others.

use auth::Keys;
use aws_lc_rs::{digest, hmac};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use config::{Config, Secret};

/// The name of the cookie.
pub const COOKIE: &str = "roomcast_console";

/// The longest time that a session lasts, in seconds.
pub const LIFETIME: i64 = 12 * 3600;

/// A session. One without an operator is that of a browser that has not signed in, which needs a CSRF token to do so.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Session {
    /// A random text, different in each session.
    pub id: String,
    /// The operator: an admin's user id, or the name of the key. `None` before the sign-in.
    pub operator: Option<String>,
    /// The time at which the session ends, in seconds since 1970.
    pub ends: i64,
}

impl Session {
    /// A new session that begins at `now`, and ends at `end` at the latest.
    pub fn new(operator: Option<String>, now: i64, end: Option<i64>) -> Self {
        let ends = end.map_or(now + LIFETIME, |end| end.min(now + LIFETIME));
        Self { id: random_text(), operator, ends }
    }
}

/// 128 random bits as text.
pub(crate) fn random_text() -> String {
    let mut bytes = [0; 16];
    // The system's generator of aws-lc does not fail after its start, which TLS and tokens need, too.
    aws_lc_rs::rand::fill(&mut bytes).expect("the system has random bytes");
    BASE64.encode(bytes)
}

/// Signs the cookies of sessions, and their CSRF tokens.
pub struct SessionKeys(hmac::Key);

impl SessionKeys {
    /// Keys that depend on the secrets of the server. So a session continues after a restart and on every node, and ends when the operator changes a
    /// secret. A server without secrets has random keys.
    pub fn of(config: &Config, keys: &Keys) -> Self {
        let token_secret = match keys {
            Keys::Secret { secret, .. } => Some(secret),
            Keys::Public(_) => None,
        };
        let secrets = [config.auth.roomcast_api_key.as_ref(), config.cluster.secret.as_ref(), token_secret];
        let secrets: Vec<&str> = secrets.into_iter().flatten().map(Secret::expose).collect();
        if secrets.is_empty() { Self::of_secrets(&[&random_text()]) } else { Self::of_secrets(&secrets) }
    }

    /// Keys that these texts determine.
    pub fn of_secrets(secrets: &[&str]) -> Self {
        let mut all = digest::Context::new(&digest::SHA256);
        all.update(b"roomcast console session");
        for secret in secrets {
            all.update(&(secret.len() as u64).to_be_bytes());
            all.update(secret.as_bytes());
        }
        Self(hmac::Key::new(hmac::HMAC_SHA256, all.finish().as_ref()))
    }

    /// The value of the cookie of a session.
    pub fn cookie(&self, session: &Session) -> String {
        let content = format!("{}.{}.{}", session.ends, session.id, BASE64.encode(session.operator.as_deref().unwrap_or_default()));
        let signature = BASE64.encode(self.sign("session", &content));
        format!("{content}.{signature}")
    }

    /// The session of a cookie, if this server or another node has signed it, and it lasts at `now`.
    pub fn session(&self, cookie: &str, now: i64) -> Option<Session> {
        let (content, signature) = cookie.rsplit_once('.')?;
        self.verify("session", content, signature).then_some(())?;
        let mut parts = content.split('.');
        let (ends, id, operator) = (parts.next()?.parse().ok()?, parts.next()?.to_owned(), BASE64.decode(parts.next()?).ok()?);
        let operator = String::from_utf8(operator).ok()?;
        let session = Session { id, operator: (!operator.is_empty()).then_some(operator), ends };
        (now < session.ends).then_some(session)
    }

    /// The CSRF token of a session, which its forms contain.
    pub fn csrf_token(&self, session: &Session) -> String {
        BASE64.encode(self.sign("form", &session.id))
    }

    /// Whether a form has the CSRF token of its session.
    pub fn is_csrf_token(&self, session: &Session, token: &str) -> bool {
        self.verify("form", &session.id, token)
    }

    fn sign(&self, purpose: &str, text: &str) -> hmac::Tag {
        hmac::sign(&self.0, format!("{purpose}:{text}").as_bytes())
    }

    fn verify(&self, purpose: &str, text: &str, signature: &str) -> bool {
        let signature = BASE64.decode(signature);
        signature.is_ok_and(|signature| hmac::verify(&self.0, format!("{purpose}:{text}").as_bytes(), &signature).is_ok())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_763_035_200;

    #[test]
    fn cookie_restores_its_session_until_the_end() {
        let keys = SessionKeys::of_secrets(&["secret"]);
        for operator in [None, Some("anna".to_owned()), Some("Ä.b|c;d=e".to_owned())] {
            let session = Session::new(operator, NOW, None);
            let cookie = keys.cookie(&session);
            assert!(cookie.bytes().all(|byte| byte.is_ascii_alphanumeric() || b".-_".contains(&byte)), "{cookie}");
            assert_eq!(keys.session(&cookie, NOW + LIFETIME - 1), Some(session));
            assert_eq!(keys.session(&cookie, NOW + LIFETIME), None);
        }
    }

    #[test]
    fn session_ends_with_the_token_of_its_operator() {
        assert_eq!(Session::new(None, NOW, Some(NOW + 60)).ends, NOW + 60);
        assert_eq!(Session::new(None, NOW, Some(NOW + 2 * LIFETIME)).ends, NOW + LIFETIME);
    }

    #[test]
    fn changed_and_foreign_cookies_are_no_session() {
        let keys = SessionKeys::of_secrets(&["secret"]);
        let cookie = keys.cookie(&Session::new(Some("anna".to_owned()), NOW, None));
        let later = cookie.replacen("176", "196", 1);
        let other = keys.cookie(&Session::new(None, NOW, None));
        let mixed = format!("{}.{}", cookie.rsplit_once('.').unwrap().0, other.rsplit_once('.').unwrap().1);
        for wrong in [later.as_str(), &mixed, &cookie[1..], &cookie[..cookie.len() - 1], "", ".", "a.b.c.d", "....", "\u{1F600}"] {
            assert_eq!(keys.session(wrong, NOW), None, "{wrong}");
        }
        assert_eq!(SessionKeys::of_secrets(&["other"]).session(&cookie, NOW), None);
        assert_eq!(SessionKeys::of_secrets(&["sec", "ret"]).session(&cookie, NOW), None);
    }

    #[test]
    fn csrf_token_belongs_to_one_session() {
        let keys = SessionKeys::of_secrets(&["secret"]);
        let [one, other] = [0, 1].map(|_| Session::new(None, NOW, None));
        assert!(keys.is_csrf_token(&one, &keys.csrf_token(&one)));
        for wrong in [keys.csrf_token(&other), String::new(), one.id.clone()] {
            assert!(!keys.is_csrf_token(&one, &wrong), "{wrong}");
        }
    }
}
