//! Each check of a token with its result, for an operator who asks why a token is rejected. Clients never receive this report.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::claims::{ClaimValue, TokenClaims};
use super::json_object::read_object;
use super::verifier::{MAX_TOKEN_BYTES, Verifier, name};
use super::{AuthError, FailedCheck, Identity};

/// Every check of a token, in the order in which [`Verifier::verify`] makes them.
#[derive(Clone, Debug)]
pub struct TokenReport {
    /// The checks.
    pub checks: Vec<TokenCheck>,
    /// The identity, or the error that a client receives.
    pub verdict: Result<Identity, AuthError>,
    /// The time at which the token is rejected, in seconds since 1970, with the leeway. `None` if it never expires, or cannot be read.
    pub valid_until: Option<i64>,
}

/// A check of a token.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct TokenCheck {
    /// The name: `form`, `algorithm`, `signature`, `issuer`, `audience`, `not before`, `subject`, or `expiry`.
    pub name: &'static str,
    /// Whether the token passed. `None` if an earlier failure leaves nothing to check.
    pub passed: Option<bool>,
    /// What was found, and for a failed check what to change. It has claims of the token and no key.
    pub detail: String,
}

impl TokenCheck {
    fn new(name: &'static str, passed: bool, detail: impl Into<String>) -> Self {
        Self { name, passed: Some(passed), detail: detail.into() }
    }
}

/// The checks after the first one.
const LATER_CHECKS: [&str; 7] = ["algorithm", "signature", "issuer", "audience", "not before", "subject", "expiry"];

/// The header, for the report only.
#[derive(Default, Deserialize)]
#[serde(default)]
struct ShownHeader {
    alg: ClaimValue,
    kid: ClaimValue,
}

impl Verifier {
    /// Makes every check of a token, also after one that fails.
    ///
    /// The inputs are the token without `Bearer`, and the time in seconds since 1970. The claims of a token with a wrong signature are shown, because
    /// they help to find its issuer; they prove nothing.
    pub fn report(&self, token: &str, now: i64) -> TokenReport {
        let verdict = self.verify(token, now);
        let (checks, claims) = match parts(token) {
            Err(problem) => (vec![TokenCheck::new("form", false, problem)], None),
            Ok((header, claims)) => {
                let form = TokenCheck::new("form", true, format!("a signed token of {} bytes", token.len()));
                ([vec![form], self.signature_checks(token, header)].concat(), Some(claims))
            }
        };
        let valid_until = claims.as_ref().and_then(|claims| self.valid_until(claims.exp.0));
        let checks = match claims {
            Some(claims) => [checks, self.claim_checks(claims, now)].concat(),
            None => {
                let skipped = |name| TokenCheck { name, passed: None, detail: "not checked: the token cannot be read".to_owned() };
                checks.into_iter().chain(LATER_CHECKS.map(skipped)).collect()
            }
        };
        TokenReport { checks, verdict, valid_until }
    }

    /// The checks of the key.
    fn signature_checks(&self, token: &str, header: ShownHeader) -> Vec<TokenCheck> {
        let (alg, kid) = (header.alg.shown(), header.kid.shown());
        let named = if header.kid.is_absent() { String::new() } else { format!(" with the kid {kid}") };
        let known = || {
            let mut names: Vec<_> = self.keys.iter().flat_map(|key| key.algorithms).map(|algorithm| name(*algorithm)).collect();
            names.sort_unstable();
            names.dedup();
            names.join(", ")
        };
        let fits = format!("the server has a key for {alg}{named}");
        match self.signed_payload(token) {
            Err(FailedCheck::Algorithm) => {
                let detail = format!("no key of the server fits a token signed with {alg}{named}; the keys verify {}", known());
                let skipped = TokenCheck { name: "signature", passed: None, detail: "not checked: no key fits".to_owned() };
                vec![TokenCheck::new("algorithm", false, detail), skipped]
            }
            Err(_) => {
                let detail = "no key of the server has made this signature; sign with the same JWT_SECRET, or with the key of JWT_PUBLIC_KEY or JWT_JWKS";
                vec![TokenCheck::new("algorithm", true, fits), TokenCheck::new("signature", false, detail)]
            }
            Ok(_) => vec![TokenCheck::new("algorithm", true, fits), TokenCheck::new("signature", true, "made with a key of the server")],
        }
    }

    /// The checks of the claims.
    fn claim_checks(&self, claims: TokenClaims, now: i64) -> Vec<TokenCheck> {
        let (iss, aud) = (claims.iss.shown(), claims.aud.shown());
        let issuer = match &self.issuer {
            None => TokenCheck::new("issuer", true, format!("iss is {iss}; JWT_ISSUER is not set, so any issuer passes")),
            Some(wanted) if claims.iss.contains(wanted) => TokenCheck::new("issuer", true, format!("iss is {iss}")),
            Some(wanted) => TokenCheck::new("issuer", false, format!("iss is {iss}; JWT_ISSUER is {wanted}")),
        };
        let wanted = self.audience.join(", ");
        let has_audience = self.audience.iter().any(|audience| claims.aud.contains(audience));
        let audience = match (wanted.is_empty(), has_audience) {
            (true, _) => TokenCheck::new("audience", true, format!("aud is {aud}; JWT_AUDIENCE is not set, so any audience passes")),
            (_, true) => TokenCheck::new("audience", true, format!("aud is {aud}")),
            (_, false) => TokenCheck::new("audience", false, format!("aud is {aud}; JWT_AUDIENCE is {wanted}")),
        };
        let leeway = self.leeway;
        let begin = match claims.nbf.0 {
            None => TokenCheck::new("not before", true, "nbf is missing, so the token is valid at once"),
            Some(begin) if now < begin.saturating_sub(leeway) => {
                let seconds = begin.saturating_sub(now);
                TokenCheck::new("not before", false, format!("nbf is in {seconds} s; compare the clocks of the issuer and of the server"))
            }
            Some(_) => TokenCheck::new("not before", true, "nbf is in the past"),
        };
        let expires = self.valid_until(claims.exp.0);
        let expiry = match expires {
            None => TokenCheck::new("expiry", true, "exp is missing, so the token never expires"),
            Some(end) if now >= end => {
                TokenCheck::new("expiry", false, format!("the token expired {} s ago; sign a new one", now.saturating_sub(end)))
            }
            Some(end) => TokenCheck::new("expiry", true, format!("the token expires in {} s", end.saturating_sub(now))),
        };
        let subject = match claims.identity() {
            Some(identity) => TokenCheck::new("subject", true, format!("the user is {}", identity.user.as_str())),
            None => {
                let detail = "sub (or user_id, userId, id) must be a text of 1 to 200 bytes, or a whole number";
                TokenCheck::new("subject", false, detail)
            }
        };
        vec![issuer, audience, begin, subject, expiry]
    }
}

/// The header and the claims of a token, without a check of its signature. Errors: what is wrong with its form.
fn parts(token: &str) -> Result<(ShownHeader, TokenClaims), String> {
    if token.len() > MAX_TOKEN_BYTES {
        return Err(format!("the token has {} bytes, and may have {MAX_TOKEN_BYTES}", token.len()));
    }
    let parts: Vec<_> = token.split('.').collect();
    let [header, payload, _] = parts[..] else {
        return Err(format!("a signed token has three parts that are separated by points, and this text has {}", parts.len()));
    };
    let object = |part: &str, what: &str| {
        URL_SAFE_NO_PAD.decode(part).map_err(|_| format!("the {what} is not base64url without padding; was the token cut or quoted?"))
    };
    let (header, payload) = (object(header, "header")?, object(payload, "payload")?);
    let shown = read_object(&header).ok_or("the header is not a JSON object")?;
    if super::verifier::is_extended(&header) {
        return Err("the header has crit or a field of a wrong type, which the server does not accept".to_owned());
    }
    let claims = read_object(&payload).ok_or("the payload is not a JSON object with one value for each claim and numbers as times")?;
    Ok((shown, claims))
}

impl ClaimValue {
    /// The claim as a person reads it.
    fn shown(&self) -> String {
        match self {
            Self::Absent => "missing".to_owned(),
            Self::Text(text) | Self::Number(text) => printable(text),
            Self::List(texts) => printable(&texts.join(", ")),
            Self::Other => "of a wrong type".to_owned(),
        }
    }
}

/// At most 100 characters of a text, without control characters, which could change what a terminal shows.
fn printable(text: &str) -> String {
    text.chars().take(100).map(|letter| if letter.is_control() { '\u{fffd}' } else { letter }).collect()
}
