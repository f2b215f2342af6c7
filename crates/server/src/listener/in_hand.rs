//! The requests of one connection that are in hand: each from the end of its head until the last byte of its answer is with the kernel.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use hyper::body::{Frame, SizeHint};

/// The requests in hand: each holds a copy of this.
#[derive(Default)]
pub(super) struct InHand(Arc<()>);

/// A request's place among them, until it is dropped.
#[derive(Clone)]
pub(super) struct Place {
    _share: Arc<()>,
}

impl InHand {
    /// Takes a request in hand.
    pub fn take(&self) -> Place {
        Place { _share: Arc::clone(&self.0) }
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

/// The body of an answer, which keeps the request's place. So does each piece of it: hyper lets a piece go when it is written, and a body
/// when it has its last piece, which may have a long way to a slow client still.
pub(super) struct Answering {
    pub body: Body,
    pub place: Place,
}

/// A piece of an answer that is not written yet.
struct Unwritten {
    bytes: Bytes,
    _place: Place,
}

impl AsRef<[u8]> for Unwritten {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl HttpBody for Answering {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let frame = ready!(Pin::new(&mut self.body).poll_frame(context));
        let held = |bytes| Bytes::from_owner(Unwritten { bytes, _place: self.place.clone() });
        Poll::Ready(frame.map(|frame| frame.map(|frame| frame.map_data(held))))
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
