//! Why a handshake is rejected, as the gate of a program decides it.

/// Why a handshake is rejected.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HandshakeRejection {
    /// The reason as text: the message of Engine.IO's error, or the reason in a plain WebSocket's close frame.
    pub message: String,
    /// The close code of a plain WebSocket (RFC 6455 §7.4.2: 4000 to 4999 are for applications). `None`: the WebSocket is not opened, and
    /// the request is answered with the status, as is every other upgrade request. That is for rejections that are not the client's fault
    /// (a client that is accepted and then closed forgets its reconnection delay), and for rejections that are so frequent that they should
    /// not cost an open WebSocket.
    pub code: Option<u16>,
    /// The HTTP status for long-polling. A browser's WebSocket cannot read a status, and an upgrade request is answered 400, as by Node.
    pub status: http::StatusCode,
    /// The number of seconds after which the client may try again: the `Retry-After` of an HTTP response.
    pub retry_after: Option<u64>,
}
