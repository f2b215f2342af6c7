//! Recognises long-polling requests that an HTTP library repeats by itself because the response was lost by the network.
//!
//! A repetition has the URL of the request before, with the same `t`, comes on another connection, and the connection before has ended without having
//! been asked to. Equal values of `t` alone say nothing: clients for Rust and .NET reuse them, but on connections that they keep open. A request
//! whose client asked for the connection to be closed behind it, or that has no `t`, is never taken for the first of two.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::time::Duration;

use ::http::Version;
use ::http::header;
use hyper::body::Incoming;

use super::HttpConnection;
use super::query::Query;

/// How long the end of the connection before is awaited, if nothing else tells a repetition from a new request.
const END_TIME: Duration = Duration::from_millis(100);

/// What the next request is compared with. Costs 16 bytes a session and direction.
#[derive(Clone, Debug)]
pub(crate) struct RequestMark {
    t: u64,
    connection: HttpConnection,
}

impl RequestMark {
    /// The mark of a request; `None` if no request can be a repetition of it.
    pub fn of(request: &hyper::Request<Incoming>, query: &Query<'_>) -> Option<Self> {
        let connection = request.extensions().get::<HttpConnection>()?.clone();
        let options = request.headers().get(header::CONNECTION).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let closes = options.split(',').any(|option| option.trim().eq_ignore_ascii_case("close"));
        if closes || request.version() != Version::HTTP_11 {
            return None;
        }
        let mut hasher = DefaultHasher::new();
        query.get("t").filter(|t| !t.is_empty())?.hash(&mut hasher);
        Some(Self { t: hasher.finish(), connection })
    }

    /// Whether this may be a repetition of the request before: it is one if the connection before ends.
    pub fn may_repeat(&self, before: &Self) -> bool {
        self.t == before.t && !self.connection.is(&before.connection)
    }

    /// Whether the request's connection has ended.
    pub fn has_ended(&self) -> bool {
        self.connection.has_ended()
    }

    /// Waits for the end of the request's connection, or as long as it takes to call it open.
    pub async fn ended(&self) {
        let _ = tokio::time::timeout(END_TIME, self.connection.ended()).await;
    }
}
