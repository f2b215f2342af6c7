//! What the HTTP side passes to a shard: new WebSockets, and long-polling requests with the way to answer them. `H` is the data that the
//! program's gate made of a handshake.

use bytes::Bytes;
use tokio::sync::oneshot;
use wire::engineio::Version;
use wire::websocket::Window;

use crate::handshake_rejection::HandshakeRejection;
use crate::id::Id;
use crate::repeated_polls::RequestMark;
use crate::stream::NewStream;

/// A WebSocket whose handshake is finished.
pub(crate) struct NewConnection<H> {
    pub stream: NewStream,
    /// The bytes to write before all others: the 101, or none if the HTTP server has written it.
    pub greeting: Vec<u8>,
    /// The bytes that the client sent directly after its handshake.
    pub early: Bytes,
    pub deflate: Option<Window>,
    pub purpose: Purpose<H>,
}

/// The purpose of a new WebSocket.
pub(crate) enum Purpose<H> {
    Session(NewSession<H>),
    /// The WebSocket takes over a long-polling session.
    Upgrade(Id),
    /// The WebSocket is closed with this rejection: browsers show a program no other response to a rejected handshake.
    Reject(HandshakeRejection),
}

pub(crate) struct NewSession<H> {
    pub endpoint: u8,
    pub version: Version,
    /// The data that the gate made of the request.
    pub handshake: H,
    /// Whether the client cannot receive binary messages.
    pub base64: bool,
    /// The query as a JSON object, for clients of Socket.IO 2, which have no auth object.
    pub auth: Option<String>,
}

/// A long-polling request. The variants with `Gone` report that the client dropped a request before its response.
pub(crate) enum ShardRequest<H> {
    Open {
        session: NewSession<H>,
        mark: Option<RequestMark>,
        reply: oneshot::Sender<PollResponse>,
    },
    Poll {
        session: Id,
        mark: Option<RequestMark>,
        reply: oneshot::Sender<PollResponse>,
    },
    PollGone {
        session: Id,
    },
    PostBegins {
        session: Id,
        reply: oneshot::Sender<PollResponse>,
    },
    Post {
        session: Id,
        body: Bytes,
        binary: bool,
        reply: oneshot::Sender<PollResponse>,
    },
    PostGone {
        session: Id,
    },
    PostTooLarge {
        session: Id,
    },
    PostInvalid {
        session: Id,
    },
    /// The response to a GET or a POST was not written; see [`crate::http::HttpConnection`].
    ResponseLost {
        session: Id,
    },
    Upgradable {
        session: Id,
        reply: oneshot::Sender<PollResponse>,
    },
}

/// The response to a long-polling request.
#[derive(Debug)]
pub(crate) enum PollResponse {
    /// A payload, with its content type.
    Payload(Bytes, &'static str),
    /// `ok`, to a POST.
    Accepted,
    /// The client may send the body of a POST, with at most this many bytes.
    BodyLimit(usize),
    /// The session is not known, or has ended.
    UnknownSession,
    /// The session does not accept this kind of request now.
    BadRequest,
    /// The request broke the protocol and ended the session: 400 without a body.
    Rejected,
}

pub(crate) type Responder = oneshot::Sender<PollResponse>;
