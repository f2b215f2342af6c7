//! The requests in flight on one connection: each from the end of its head until the kernel has the last byte of its response.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::{Body, Bytes, HttpBody};
use http::Response;
use hyper::body::{Frame, SizeHint};
use limits::bytes_in_memory::HeldUntilDropped;

/// The requests in flight: each holds a clone of this.
#[derive(Default)]
pub(super) struct InFlight(Arc<()>);

/// A request in flight, until this is dropped.
#[derive(Clone)]
pub(super) struct InFlightRequest {
    _guard: Arc<()>,
    /// The holder of the response's bytes, if they are counted.
    _held: Option<HeldUntilDropped>,
}

impl InFlightRequest {
    /// A response that keeps the request in flight until it is written.
    pub fn track(self, mut response: Response<Body>) -> Response<TrackedBody> {
        let held = response.extensions_mut().remove();
        response.map(|body| TrackedBody { body, request: Self { _held: held, ..self }, piece: Bytes::new() })
    }
}

/// The largest part of a response that hyper receives at once, in bytes. Hyper copies what one system call does not write into its own buffer; over
/// TLS it copies everything.
const PIECE: usize = 16 * 1024;

impl InFlight {
    /// Starts a request.
    pub fn start(&self) -> InFlightRequest {
        InFlightRequest { _guard: Arc::clone(&self.0), _held: None }
    }

    /// True if there is none.
    pub fn is_empty(&self) -> bool {
        Arc::strong_count(&self.0) == 1
    }
}

/// The body of a response, which keeps the request in flight. So does each piece of it: hyper drops a piece when it is written, and the body
/// when it has its last piece, which a slow client may still have to receive.
pub(super) struct TrackedBody {
    body: Body,
    request: InFlightRequest,
    /// The rest of the last piece of the body.
    piece: Bytes,
}

/// A piece of a response that is not written yet.
struct Unwritten {
    bytes: Bytes,
    _request: InFlightRequest,
}

impl AsRef<[u8]> for Unwritten {
    fn as_ref(&self) -> &[u8] {
        &self.bytes
    }
}

impl HttpBody for TrackedBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        if self.piece.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(bytes) => self.piece = Bytes::from_owner(Unwritten { bytes, _request: self.request.clone() }),
                    Err(other) => return Poll::Ready(Some(Ok(other))),
                },
                other => return Poll::Ready(other),
            }
        }
        let length = self.piece.len().min(PIECE);
        Poll::Ready(Some(Ok(Frame::data(self.piece.split_to(length)))))
    }

    fn is_end_stream(&self) -> bool {
        self.piece.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (rest, piece) = (self.body.size_hint(), self.piece.len() as u64);
        let mut hint = SizeHint::new();
        if let Some(upper) = rest.upper() {
            hint.set_upper(upper + piece);
        }
        hint.set_lower(rest.lower() + piece);
        hint
    }
}
