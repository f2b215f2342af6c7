//! What is looked at in a handshake, and the little that is kept of it: the headers are not.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use engine::Refusal;
use http::header::{HOST, HeaderName, ORIGIN};
use http::request::Parts;

use super::Census;
use crate::audit;
use crate::auth::Authenticator;
use crate::dialects::workspace::closing::{FORBIDDEN, TOO_MANY_CONNECTIONS};
use crate::limits::Limits;

/// What is kept of a connection's first request.
pub struct Handshake {
    /// Who is at the other end.
    pub address: SocketAddr,
    /// The token of its header, query or cookie, for a client that puts none in the CONNECT packet.
    pub token: Option<Box<str>>,
    /// The connection's number; see [`crate::presence::Connection`].
    pub(super) number: u64,
    /// How often the connection has asked to be connected to a namespace.
    pub(super) connects: u32,
}

/// The gate of the engine: refuses pages of origins that are not allowed, and addresses that try too often; the census counts them.
///
/// # Errors
/// Why it is refused.
pub fn gate(
    authenticator: Arc<Authenticator>,
    limits: Arc<Limits>,
    census: Arc<Census>,
) -> impl Fn(&Parts, SocketAddr) -> Result<Handshake, Refusal> + Send + Sync + 'static {
    let next = AtomicU64::new(0);
    move |request, address| {
        let header = |name: HeaderName| request.headers.get(name).map(|value| value.to_str().unwrap_or("null"));
        if !authenticator.origins().allows_socket(header(ORIGIN), header(HOST)) {
            let code = "origin_not_allowed";
            audit::refused(None, address, "handshake", code);
            census.turned_away(code);
            return Err(Refusal { message: "Origin not allowed".into(), code: FORBIDDEN.code });
        }
        if let Err(refusal) = limits.connect(address.ip()) {
            audit::refused(None, address, "handshake", refusal.code());
            census.turned_away(refusal.code());
            return Err(Refusal { message: refusal.to_string(), code: TOO_MANY_CONNECTIONS.code });
        }
        let token = authenticator.kept_token(&request.headers, request.uri.query()).map(String::into_boxed_str);
        Ok(Handshake { address, token, number: next.fetch_add(1, Ordering::Relaxed), connects: 0 })
    }
}
