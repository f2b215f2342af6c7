//! Detects long-polling responses that did not reach their client.
//!
//! HTTP libraries and browsers repeat a request by themselves when its connection breaks before the response. A session whose response was
//! not written ends: the repeated request is answered "Session ID unknown", and the client reconnects and recovers. A response that was
//! written and then lost by the network is found by its repetition; see `repeated_polls`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;

/// One HTTP/1.1 connection. The HTTP server reports its end to the engine, which then knows the responses that were not written.
///
/// The server makes one for each connection, attaches it to each request before [`crate::Handle::serve`], and holds the guard that
/// [`HttpConnection::open`] returns until the connection has ended. A server that does not do this works too, but then a response that was
/// not written is not detected.
#[derive(Clone, Debug, Default)]
pub struct HttpConnection {
    ended: Arc<AtomicBool>,
}

impl HttpConnection {
    /// The guard to hold while the connection is open. It must be dropped before hyper's connection, which drops what it has not written.
    pub fn open(&self) -> OpenConnection {
        OpenConnection(self.clone())
    }

    /// Attaches the connection to one of its requests, for the engine.
    pub fn attach<B>(&self, request: &mut http::Request<B>) {
        request.extensions_mut().insert(self.clone());
    }

    /// Whether this and another are one connection.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.ended, &other.ended)
    }

    /// A response's body. `lost` runs if the connection ends before the kernel has taken all of it: the client cannot have read it then.
    pub(crate) fn track(&self, body: Bytes, lost: impl FnOnce() + Send + 'static) -> Bytes {
        let lost: Box<dyn FnOnce() + Send> = Box::new(lost);
        Bytes::from_owner(Unwritten { body, connection: self.clone(), lost: Some(lost) })
    }
}

/// An open connection; see [`HttpConnection::open`]. Dropping it marks the connection as ended.
pub struct OpenConnection(HttpConnection);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.ended.store(true, Ordering::Release);
    }
}

/// A body that hyper drops when it has written it, or else with the connection.
struct Unwritten {
    body: Bytes,
    connection: HttpConnection,
    lost: Option<Box<dyn FnOnce() + Send>>,
}

impl AsRef<[u8]> for Unwritten {
    fn as_ref(&self) -> &[u8] {
        &self.body
    }
}

impl Drop for Unwritten {
    fn drop(&mut self) {
        if self.connection.ended.load(Ordering::Acquire)
            && let Some(lost) = self.lost.take()
        {
            lost();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;
    use std::pin::pin;
    use std::sync::mpsc;

    use http_body_util::Full;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    /// Answers one request with a long body over a connection that holds 1,000 bytes. The client leaves after it has read some of the body.
    /// Returns whether the response was found lost.
    async fn is_lost(body: usize, read: usize) -> bool {
        let (mut client, server) = tokio::io::duplex(1000);
        let (lost, found) = mpsc::channel();
        let serving = tokio::spawn(async move {
            let http = HttpConnection::default();
            let service = service_fn(|mut request| {
                http.attach(&mut request);
                let connection = request.extensions().get::<HttpConnection>().unwrap();
                let lost = lost.clone();
                let body = connection.track(vec![b'x'; body].into(), move || lost.send(()).unwrap());
                async move { Ok::<_, Infallible>(http::Response::new(Full::new(body))) }
            });
            let mut connection = pin!(http1::Builder::new().serve_connection(TokioIo::new(server), service));
            let _open = http.open();
            let _ = connection.as_mut().await;
        });
        client.write_all(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n").await.unwrap();
        let mut received = 0;
        while received < read {
            received += usize::from(client.read_u8().await.unwrap() == b'x');
        }
        drop(client);
        serving.await.unwrap();
        found.try_recv().is_ok()
    }

    #[tokio::test]
    async fn response_is_lost_if_the_connection_ends_before_it_is_written() {
        for (body, read, expected) in [(100, 1, false), (100, 100, false), (5000, 1, true), (5000, 3000, true), (5000, 5000, false)] {
            assert_eq!(is_lost(body, read).await, expected, "{read} bytes of {body} read");
        }
    }
}
