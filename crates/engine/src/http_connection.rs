//! Detects long-polling responses that did not reach their client.
//!
//! HTTP libraries and browsers repeat a request by themselves when its connection breaks before the response. A session whose response was
//! not written ends: the repeated request is answered "Session ID unknown", and the client reconnects and recovers. A response that was
//! written and then lost by the network is found by its repetition; see `repeated_polls`.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use ::http::{HeaderMap, Request, Version, header};
use bytes::Bytes;

/// One HTTP/1.1 connection. The HTTP server reports its end to the engine, which then knows the responses that were not written.
///
/// The server makes one for each connection, attaches it to each request before [`crate::Handle::serve`], and holds the guard that
/// [`HttpConnection::open`] returns until the connection has ended. A server that does not do this works too, but then a response that was
/// not written is not detected.
#[derive(Clone, Debug, Default)]
pub struct HttpConnection(Arc<ConnectionState>);

#[derive(Debug)]
struct ConnectionState {
    ended: AtomicBool,
    number: u64,
}

impl Default for ConnectionState {
    fn default() -> Self {
        /// The number of the next connection. It only has to differ from those of other connections.
        static NEXT: AtomicU64 = AtomicU64::new(1);
        Self { ended: AtomicBool::new(false), number: NEXT.fetch_add(1, Ordering::Relaxed) }
    }
}

/// The client's connection of a request that another node has received and forwarded: its number, which no other connection has, if the
/// client asked to keep it. A program attaches it to the request, because the request's own connection is that of the node.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ForwardedConnection(pub Option<u64>);

impl ForwardedConnection {
    /// A connection that only this request has. A load balancer sends the requests of a client on any of its own connections, so the same one twice
    /// says nothing about the client's connection.
    pub fn of_one_request() -> Self {
        Self(Some(ConnectionState::default().number))
    }
}

/// The options in the header `Connection` (RFC 9110, 7.6.1).
pub fn connection_options(headers: &HeaderMap) -> impl Iterator<Item = &str> {
    headers.get_all(header::CONNECTION).iter().filter_map(|value| value.to_str().ok()).flat_map(|value| value.split(',')).map(str::trim)
}

/// The number of a request's connection, if the client asked to keep it.
pub fn kept_connection<B>(request: &Request<B>) -> Option<u64> {
    if let Some(ForwardedConnection(number)) = request.extensions().get() {
        return *number;
    }
    let closes = connection_options(request.headers()).any(|option| option.eq_ignore_ascii_case("close"));
    let connection = request.extensions().get::<HttpConnection>().filter(|_| request.version() == Version::HTTP_11 && !closes);
    connection.map(|connection| connection.0.number)
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

    /// A response's body. `lost` runs if the connection ends before the kernel has taken all of it: the client cannot have read it then.
    pub fn track(&self, body: Bytes, lost: impl FnOnce() + Send + 'static) -> Bytes {
        let lost: Box<dyn FnOnce() + Send> = Box::new(lost);
        Bytes::from_owner(Unwritten { body, connection: self.clone(), lost: Some(lost) })
    }
}

/// An open connection; see [`HttpConnection::open`]. Dropping it marks the connection as ended.
pub struct OpenConnection(HttpConnection);

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.0.ended.store(true, Ordering::Release);
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
        if self.connection.0.ended.load(Ordering::Acquire)
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

    #[test]
    fn kept_connection_is_the_clients() {
        let (first, second) = (HttpConnection::default(), HttpConnection::default());
        let number = |connection: &HttpConnection, closes: &str, forwarded: Option<ForwardedConnection>| {
            let mut request = Request::builder().header("connection", closes).body(()).unwrap();
            connection.attach(&mut request);
            forwarded.map(|forwarded| request.extensions_mut().insert(forwarded));
            kept_connection(&request)
        };
        let kept = number(&first, "keep-alive", None);
        assert!(kept.is_some() && kept == number(&first, "", None) && kept != number(&second, "", None));
        assert_eq!(number(&first, "keep-alive, Close", None), None);
        assert_eq!(number(&first, "", Some(ForwardedConnection(Some(7)))), Some(7), "not that of the node");
        assert_eq!(number(&first, "", Some(ForwardedConnection(None))), None);
        assert_eq!(kept_connection(&Request::new(())), None, "the HTTP server does not attach it");
    }

    #[tokio::test]
    async fn response_is_lost_if_the_connection_ends_before_it_is_written() {
        for (body, read, expected) in [(100, 1, false), (100, 100, false), (5000, 1, true), (5000, 3000, true), (5000, 5000, false)] {
            assert_eq!(is_lost(body, read).await, expected, "{read} bytes of {body} read");
        }
    }
}
