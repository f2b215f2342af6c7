//! Reads and drops request bodies that the server does not use. If a server closes a connection with unread bytes, the kernel resets it,
//! and the client, which is still sending, may never receive the response with the error.

use std::time::Duration;

use ::http::header::{self, HeaderMap};
use bytes::Buf;
use http_body_util::BodyExt;
use hyper::body::Body;

/// The most bytes of one body that are read and dropped, and the longest time for it.
const MAX_DRAINED_BYTES: u64 = 64 << 20;
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Reads the rest of a request's body and drops it piece by piece. True if that was all of it. False if the body is too large or arrives
/// too slowly: then the connection cannot be kept, because the start of the next request is unknown.
pub async fn drain_body(mut body: impl Body + Unpin) -> bool {
    if body.size_hint().lower() > MAX_DRAINED_BYTES {
        return false;
    }
    let pieces = async {
        let mut read = 0;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            read += frame.data_ref().map_or(0, |data| data.remaining() as u64);
            if read > MAX_DRAINED_BYTES {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(DRAIN_TIMEOUT, pieces).await.unwrap_or(false)
}

/// Whether a client waits for "100 Continue" before it sends its body (RFC 9110 §10.1.1). hyper sends that when the body is first read, so
/// an unread body has no bytes to drop.
pub fn asks_first(headers: &HeaderMap) -> bool {
    headers.get(header::EXPECT).is_some_and(|expected| expected.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
