//! Bodies of requests that were rejected before the body was read completely. They are read and discarded before the response, so that the
//! response arrives.

use std::pin::Pin;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::middleware::Next;
use axum::response::Response;
use engine::http::asks_first;
use http::HeaderValue;
use http::header::CONNECTION;
use hyper::body::{Frame, SizeHint};
use tokio::sync::oneshot;

/// Handles a request, and discards the rest of its body.
pub(super) async fn drain_unread_body(request: Request, next: Next) -> Response {
    if request.body().is_end_stream() {
        return next.run(request).await;
    }
    let asks_first = asks_first(request.headers());
    let (owner, mut returned) = oneshot::channel();
    let lend = |body| Body::new(LentBody { unread: UnreadBody { body, ..UnreadBody::default() }, owner: Some(owner) });
    let mut response = next.run(request.map(lend)).await;
    if let Ok(UnreadBody { body, read_started, ended: false }) = returned.try_recv() {
        let unsent = asks_first && !read_started;
        if unsent || !engine::http::drain_body(body).await {
            response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
        }
    }
    response
}

/// A lent body: when its reader drops it, its owner gets it back.
struct LentBody {
    unread: UnreadBody,
    owner: Option<oneshot::Sender<UnreadBody>>,
}

/// The rest of a body that its reader has left.
#[derive(Default)]
struct UnreadBody {
    body: Body,
    /// Whether a part of it was read.
    read_started: bool,
    /// Whether it was read to its end.
    ended: bool,
}

impl Drop for LentBody {
    fn drop(&mut self) {
        if let Some(owner) = self.owner.take() {
            // An owner that was dropped does not need it.
            let _ = owner.send(std::mem::take(&mut self.unread));
        }
    }
}

impl HttpBody for LentBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let unread = &mut self.unread;
        unread.read_started = true;
        let frame = ready!(Pin::new(&mut unread.body).poll_frame(context));
        unread.ended = frame.is_none() || unread.body.is_end_stream();
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.unread.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.unread.body.size_hint()
    }
}
