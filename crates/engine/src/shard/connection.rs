//! One live transport.

use bytes::Bytes;
use smallvec::SmallVec;
use tokio::sync::oneshot;
use wire::engineio::Version;
use wire::websocket::{Reader, Window};

use super::line::Waits;
use super::{ConnectionKey, Owed, Waiting};
use crate::app::App;
use crate::http::Marks;
use crate::id::Id;
use crate::outbox::Outbox;
use crate::stream::Stream;
use crate::timers::Tick;

/// What a long-polling request is answered.
#[derive(Debug)]
pub(crate) enum PollAnswer {
    /// A payload, with its content type.
    Payload(Bytes, &'static str),
    /// `ok`, to a POST.
    Accepted,
    /// The client may send the body of a POST, with at most this many bytes.
    Begins(usize),
    /// The session is not known (any more).
    UnknownSession,
    /// The session does not take this kind of request now.
    BadRequest,
    /// The request broke the protocol and ended the session: 400 without a body.
    Refused,
}

pub(crate) type Responder = oneshot::Sender<PollAnswer>;

/// A WebSocket, with what it has sent of an unfinished message.
pub(crate) struct WebSocket {
    pub stream: Stream,
    pub reader: Reader,
    /// The kernel takes no more for now; an edge will tell when it does.
    pub blocked: bool,
}

/// A long-polling session's requests.
#[derive(Default)]
pub(crate) struct Polling {
    /// The GET that waits for something to say.
    pub get: Option<Responder>,
    /// A POST's body is being read or handled.
    pub posting: bool,
    /// What is left of a POST's body while the connection is paused, and who waits for its answer.
    pub rest: Option<(Bytes, bool, Responder)>,
    /// The handshake and the GETs so far, by which a repeated GET is recognised.
    pub marks: Marks,
    /// The WebSocket that this session is upgrading to.
    pub probe: Option<ConnectionKey>,
    /// The client is on its way to the WebSocket: every GET is answered at once.
    pub probed: bool,
    /// The session has ended, and a GET is told so.
    pub farewell: Option<Farewell>,
    /// The POST that closed it.
    pub last_post: Option<Responder>,
}

/// How a long-polling session ended that waits to tell its client so.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Farewell {
    /// The server closed it: the client hears what was still to be said, and with the next GET a close.
    Servers,
    /// The client closed it: it hears that there is nothing more.
    Clients,
    /// The server closed it, and the client has been told. What it posted before it read that is still answered.
    Told,
}

pub(crate) enum Transport {
    WebSocket(WebSocket),
    Polling(Box<Polling>),
}

/// Where a connection stands.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Phase {
    Open,
    /// A WebSocket that wants to take over this long-polling session.
    Probing(ConnectionKey),
    /// The close frame is on its way, or the client's is awaited: nothing that arrives counts any more.
    Closing,
}

/// A binary packet whose attachments are still arriving.
pub(crate) struct Attaching {
    pub text: String,
    pub expected: usize,
    pub attachments: Vec<Vec<u8>>,
}

pub(crate) struct Connection<A: App> {
    pub generation: u32,
    pub id: Id,
    pub endpoint: u8,
    pub version: Version,
    /// The client takes no binary (`b64`).
    pub base64: bool,
    /// The client's window, if permessage-deflate was negotiated.
    pub deflate: Option<Window>,
    pub phase: Phase,
    pub transport: Transport,
    pub outbox: Outbox,
    pub sockets: SmallVec<[u32; 2]>,
    /// The application has accepted one of its sockets, which may have ended since.
    pub accepted: bool,
    /// None while it is only a probe.
    pub handshake: Option<Box<A::Handshake>>,
    pub attaching: Option<Box<Attaching>>,
    /// The last counts of the bytes that wait in it, if any waited then.
    pub waiting: Option<Box<Waiting>>,
    /// Its place among those with something to write.
    pub waits: Waits,
    /// Its place among those with something to read.
    pub readable: Waits,
    /// How many of its sockets the application wants nothing more from for now. While there is one, nothing is read.
    pub pauses: u8,
    /// How many of its sockets catch up.
    pub behind: u8,
    /// It is closed as soon as nothing of it is in hand any more.
    pub leaving: bool,
    /// The client has closed its side, which still has to be read.
    pub hung_up: bool,
    pub awaiting_pong: bool,
    /// What it was told and has not confirmed.
    pub owed: Option<Box<Owed>>,
    /// How many pings are not answered yet. Mostly one at most; but one is not waited for any more when we have not read for a while, and its
    /// answer may then come behind the next ping.
    pub pings: u32,
    /// The number of the last broadcast when the last ping was sent,
    pub pinged: u64,
    /// and up to which number everything for this connection has certainly arrived.
    pub heard: u64,
    /// When the next ping is due, or the answer to the last.
    pub heartbeat_due: Tick,
    /// When it is ended that has not joined a namespace, or is dropped that is closing or probing.
    pub end_due: Tick,
    /// The tick for which an entry stands among the timers.
    pub scheduled: Tick,
}
