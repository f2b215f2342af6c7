//! Bodies that nobody wants. They are read all the same: if a server closes a connection on which something is unread, the kernel resets it,
//! and the client, still sending, may never see the answer that tells it why.

use std::time::Duration;

use ::http::header::{self, HeaderMap};
use bytes::Buf;
use http_body_util::BodyExt;
use hyper::body::Body;

/// The most that is thrown away of one body, in bytes, and the longest time that is taken for it.
const MOST: u64 = 64 << 20;
const PATIENCE: Duration = Duration::from_secs(5);

/// Reads what is left of a request's body and throws it away, a piece at a time. True if that was all of it. If not, because it is too much
/// or comes too slowly, the connection cannot be kept: nobody knows where the next request begins.
pub async fn discard(mut body: impl Body + Unpin) -> bool {
    if body.size_hint().lower() > MOST {
        return false;
    }
    let pieces = async {
        let mut read = 0;
        while let Some(frame) = body.frame().await {
            let Ok(frame) = frame else { return false };
            read += frame.data_ref().map_or(0, |data| data.remaining() as u64);
            if read > MOST {
                return false;
            }
        }
        true
    };
    tokio::time::timeout(PATIENCE, pieces).await.unwrap_or(false)
}

/// Whether a client sends its body only when it is told to (RFC 9110 §10.1.1). hyper tells it so when the body is asked for; of one that was
/// not asked for there is nothing to discard.
pub fn asks_first(headers: &HeaderMap) -> bool {
    headers.get(header::EXPECT).is_some_and(|expected| expected.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
