//! The body of an owner's response. If it does not reach the client, the loss is reported to the owner, which counts its messages as delivered.

use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll};

use bytes::Bytes;
use engine::http::HttpConnection;
use hyper::body::{Body, Frame, Incoming, SizeHint};

/// The body of a response that another node has sent.
pub(crate) struct ForwardedBody {
    body: Incoming,
    /// Completes when the node is gone.
    gone: Pin<Box<dyn Future<Output = ()> + Send + Sync>>,
    loss: Option<Loss>,
}

/// How the loss of a response is found and reported.
pub(crate) struct Loss {
    /// The client's connection; `None` if the HTTP server does not provide it.
    pub connection: Option<HttpConnection>,
    pub report: Arc<LossReport>,
}

/// Reports a loss once.
pub(crate) struct LossReport {
    is_sent: AtomicBool,
    send: Box<dyn Fn() + Send + Sync>,
}

impl LossReport {
    pub fn new(send: impl Fn() + Send + Sync + 'static) -> Arc<Self> {
        Arc::new(Self { is_sent: AtomicBool::new(false), send: Box::new(send) })
    }

    fn send(&self) {
        if !self.is_sent.swap(true, Ordering::Relaxed) {
            (self.send)();
        }
    }
}

impl ForwardedBody {
    /// Wraps a body. `loss` is absent if the response has no messages.
    pub fn new(body: Incoming, gone: impl Future<Output = ()> + Send + Sync + 'static, loss: Option<Loss>) -> Self {
        Self { body, gone: Box::pin(gone), loss }
    }

    /// A part of the body, which reports if the client's connection ends before it is written.
    fn track(&self, bytes: Bytes) -> Bytes {
        match &self.loss {
            Some(Loss { connection: Some(connection), report }) => {
                let report = Arc::clone(report);
                connection.track(bytes, move || report.send())
            }
            _ => bytes,
        }
    }
}

impl Body for ForwardedBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        match Pin::new(&mut self.body).poll_frame(context) {
            Poll::Ready(Some(Ok(frame))) => Poll::Ready(Some(Ok(frame.map_data(|bytes| self.track(bytes))))),
            Poll::Ready(other) => Poll::Ready(other.map(|frame| frame.map_err(Into::into))),
            Poll::Pending => match self.gone.as_mut().poll(context) {
                Poll::Ready(()) => Poll::Ready(Some(Err("the other node is gone".into()))),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for ForwardedBody {
    fn drop(&mut self) {
        // The client's connection ended before all of the body was taken.
        if let Some(loss) = &self.loss
            && !self.body.is_end_stream()
        {
            loss.report.send();
        }
    }
}
