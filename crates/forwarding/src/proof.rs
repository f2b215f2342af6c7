//! How a node proves to another that it forwards a request: a header with claims about the client, and an HMAC (RFC 2104) of these and of the
//! request's first line, with `CLUSTER_SECRET` as its key.
//!
//! The secret itself is never sent, so a wrong `NODE_URL` does not disclose it. The header has no time, because clocks of nodes may differ: a
//! repeated header is valid for the same request of the same session only, and a program that has read that request could repeat it anyway.

use std::net::SocketAddr;

use aws_lc_rs::hmac;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::{HeaderName, HeaderValue, Method};

/// The header of a forwarded request.
pub(crate) const HEADER: HeaderName = HeaderName::from_static("x-roomcast-forwarded");

/// The length of a header is bounded, so that a client cannot cause much work with it.
const MAX_HEADER: usize = 256;

/// Separates this use of the secret from others.
const CONTEXT: &str = "roomcast forwarded request v1";

/// The claims of a forwarded request, authenticated by the HMAC.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Claims {
    pub purpose: Purpose,
    /// The address of the client.
    pub client: SocketAddr,
    /// The number of the client's connection, if the client asked to keep it.
    pub connection: Option<u64>,
}

/// Why a node sends a request to another.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Purpose {
    /// The request is that of a client.
    Request,
    /// The response to an earlier request of the session did not reach the client.
    ResponseLost,
}

impl Purpose {
    fn as_str(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::ResponseLost => "response-lost",
        }
    }
}

/// The key of a cluster.
pub struct ClusterKey(hmac::Key);

impl ClusterKey {
    /// Makes the key of `CLUSTER_SECRET`.
    pub fn new(secret: &str) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes()))
    }

    /// The header for a request with this first line.
    pub(crate) fn sign(&self, method: &Method, target: &str, claims: &Claims) -> HeaderValue {
        let connection = claims.connection.map_or_else(|| "-".to_owned(), |number| format!("{number:x}"));
        let text = format!("{} {} {connection}", claims.purpose.as_str(), claims.client);
        let mac = hmac::sign(&self.0, message(&text, method, target).as_bytes());
        let header = format!("{text} {}", URL_SAFE_NO_PAD.encode(mac));
        HeaderValue::try_from(header).expect("names, numbers and base64url are allowed in a header")
    }

    /// The claims of a header. `None` if another key, or none, has signed it for this first line.
    pub(crate) fn verify(&self, method: &Method, target: &str, header: &HeaderValue) -> Option<Claims> {
        let (text, mac) = header.to_str().ok().filter(|text| text.len() <= MAX_HEADER)?.rsplit_once(' ')?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        // In constant time.
        hmac::verify(&self.0, message(text, method, target).as_bytes(), &mac).ok()?;
        let mut words = text.split(' ');
        let purpose = words.next()?;
        let purpose = [Purpose::Request, Purpose::ResponseLost].into_iter().find(|known| known.as_str() == purpose)?;
        let client = words.next()?.parse().ok()?;
        let connection = match words.next()? {
            "-" => None,
            number => Some(u64::from_str_radix(number, 16).ok()?),
        };
        Some(Claims { purpose, client, connection })
    }
}

fn message(text: &str, method: &Method, target: &str) -> String {
    format!("{CONTEXT}\n{text}\n{method} {target}")
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &str = "0123456789abcdef0123456789abcdef";
    const TARGET: &str = "/socket.io/?EIO=4&transport=polling&sid=AAAA";

    fn claims() -> Claims {
        Claims { purpose: Purpose::Request, client: "192.0.2.1:4711".parse().unwrap(), connection: Some(0xab) }
    }

    #[test]
    fn claims_are_read_as_they_are_signed() {
        let key = ClusterKey::new(SECRET);
        let v6 = Claims { purpose: Purpose::ResponseLost, client: "[2001:db8::1]:1".parse().unwrap(), connection: None };
        for claims in [claims(), v6] {
            let header = key.sign(&Method::POST, TARGET, &claims);
            assert_eq!(key.verify(&Method::POST, TARGET, &header), Some(claims));
        }
    }

    #[test]
    fn changed_header_or_request_is_not_believed() {
        let key = ClusterKey::new(SECRET);
        let header = key.sign(&Method::GET, TARGET, &claims());
        let verify = |key: &ClusterKey, method, target, header: &str| key.verify(&method, target, &HeaderValue::try_from(header).unwrap());
        let text = header.to_str().unwrap();
        assert!(verify(&key, Method::GET, TARGET, text).is_some());
        assert!(verify(&ClusterKey::new("another secret with 32 letters...."), Method::GET, TARGET, text).is_none());
        assert!(verify(&key, Method::POST, TARGET, text).is_none());
        assert!(verify(&key, Method::GET, "/socket.io/?EIO=4&transport=polling&sid=BBBB", text).is_none());
        for wrong in ["", " ", "request", "request 192.0.2.1:1 -", &text.replace("192", "193"), &format!("{text}A"), &"x ".repeat(500)] {
            assert!(verify(&key, Method::GET, TARGET, wrong).is_none(), "{wrong}");
        }
        let bytes = HeaderValue::from_bytes(b"\xff \xff").unwrap();
        assert!(key.verify(&Method::GET, TARGET, &bytes).is_none());
    }
}
