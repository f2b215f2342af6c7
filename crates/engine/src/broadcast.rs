//! Broadcasts: messages for many connections. The content is encoded once for each encoding ([`Encoding`]) that a receiver needs, and all
//! connections with this encoding receive the same bytes.

use std::borrow::Cow;
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use wire::engineio::{Version, base64_message};
use wire::socketio::{EncodeError, check_event, json, msgpack};
use wire::websocket::{Opcode, deflate, encode, encode_compressed};

use crate::config::Config;
use crate::encoding::{Encoding, Format, Namespace};
use crate::history::{Exclusions, HistoryEntry, Position};
use crate::id::Id;

/// Messages shorter than this many bytes are not deflated: the result is hardly smaller, and deflating costs both sides time.
const MIN_DEFLATE_BYTES: usize = 512;

/// One message of a broadcast.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum OutboundMessage {
    /// A Socket.IO event; see [`OutboundMessage::event`]. A program cannot build it unchecked.
    #[non_exhaustive]
    Event {
        /// The event's name.
        name: Cow<'static, str>,
        /// The event's arguments: raw JSON values separated by commas, with placeholders for attachments.
        args: String,
        /// The event's attachments.
        attachments: Vec<Vec<u8>>,
    },
    /// A text message for a plain endpoint.
    Text(String),
    /// A binary message for a plain endpoint.
    Binary(Vec<u8>),
}

impl OutboundMessage {
    /// An event without attachments; `args` as in [`OutboundMessage::Event`].
    ///
    /// # Errors
    /// If clients would refuse it: a reserved name, or arguments that are not JSON.
    pub fn event(name: impl Into<Cow<'static, str>>, args: impl Into<String>) -> Result<Self, EncodeError> {
        Self::event_with_attachments(name, args, Vec::new())
    }

    /// An event with attachments. `args` may contain placeholders for them (`{"_placeholder":true,"num":0}` for the first).
    ///
    /// # Errors
    /// As [`OutboundMessage::event`], and for more than [`wire::socketio::MAX_ATTACHMENTS`], or a placeholder without an attachment.
    pub fn event_with_attachments(
        name: impl Into<Cow<'static, str>>,
        args: impl Into<String>,
        attachments: Vec<Vec<u8>>,
    ) -> Result<Self, EncodeError> {
        let (name, args) = (name.into(), args.into());
        check_event(&name, &args, attachments.len())?;
        Ok(Self::Event { name, args, attachments })
    }
}

/// Identifies a message with several versions, where only the newest matters: a newer version replaces an older one that still waits for a
/// client. The caller must give different messages different keys.
pub type ConflationKey = u64;

/// The content of a broadcast in each namespace; several messages go out in one write. Without messages the namespace does not receive the
/// broadcast.
pub trait MessageSource: Send + Sync {
    /// The messages for one namespace ([`Namespace::PLAIN`] for plain endpoints). Called at most once for each encoding.
    fn render(&self, namespace: Namespace) -> Vec<OutboundMessage>;

    /// The same content in parts, each with its key, if it has one. It is for a client that does not keep up; see
    /// [`Broadcast::newest_only`].
    fn parts(&self, namespace: Namespace) -> Vec<(Option<ConflationKey>, Vec<OutboundMessage>)> {
        vec![(None, self.render(namespace))]
    }

    /// Appends bytes from which [`crate::Recovery::revive`] restores the content. The bytes are kept for replay, and the content itself is
    /// freed when all present connections have received it. False if there are no such bytes; then nothing is appended, and the content
    /// itself is kept.
    fn record(&self, _: &mut Vec<u8>) -> bool {
        false
    }

    /// The approximate size of the content in bytes, before it is encoded.
    fn memory_bytes(&self) -> usize {
        0
    }
}

impl<F: Fn(Namespace) -> Vec<OutboundMessage> + Send + Sync> MessageSource for F {
    fn render(&self, namespace: Namespace) -> Vec<OutboundMessage> {
        self(namespace)
    }
}

/// The receivers of a broadcast: every socket, or those in at least one of the rooms. Each receives it once; excepted sockets do not.
#[derive(Clone, Debug)]
pub(crate) enum Audience {
    Everyone,
    Rooms(Arc<[Arc<str>]>),
}

/// A broadcast in one encoding: whole WebSocket frames, or `None` if sockets with this encoding do not receive it.
type Encoded = (Encoding, Option<Arc<[u8]>>);

/// How positions are written into messages.
#[derive(Clone, Copy)]
pub(crate) struct PositionContext<'a> {
    /// The text before the number of a position.
    pub epoch: &'a str,
    /// The position of the receiving sockets: after the previous broadcast.
    pub at: Position,
}

/// A broadcast: messages for many connections, on every shard.
pub struct Broadcast {
    pub(crate) audience: Audience,
    pub(crate) except_rooms: Vec<Arc<str>>,
    pub(crate) except_sockets: Vec<Id>,
    pub(crate) namespace: Option<Namespace>,
    pub(crate) volatile: bool,
    pub(crate) newest_only: bool,
    /// See [`Broadcast::superseding`].
    pub(crate) supersedes: Option<ConflationKey>,
    /// Its number in the order of the broadcasts that are kept for replay, if it is kept.
    pub(crate) number: Option<u64>,
    /// The kind under which it is counted; see [`Broadcast::of_kind`].
    pub(crate) kind: u8,
    /// See [`Broadcast::charged_to`].
    pub(crate) account: u64,
    render: Arc<dyn MessageSource>,
    encoded: Mutex<Vec<Encoded>>,
    /// The memory of a broadcast that was restored for replay.
    weight: Option<MemoryCharge>,
}

/// The approximate memory of a restored broadcast in bytes, as a part of a sum. It is subtracted from the sum when it is dropped.
pub(crate) struct MemoryCharge {
    own: AtomicUsize,
    sum: Arc<AtomicUsize>,
}

impl MemoryCharge {
    pub fn new(bytes: usize, sum: Arc<AtomicUsize>) -> Self {
        sum.fetch_add(bytes, Ordering::Relaxed);
        Self { own: AtomicUsize::new(bytes), sum }
    }

    fn add(&self, bytes: usize) {
        self.own.fetch_add(bytes, Ordering::Relaxed);
        self.sum.fetch_add(bytes, Ordering::Relaxed);
    }
}

impl Drop for MemoryCharge {
    fn drop(&mut self) {
        self.sum.fetch_sub(*self.own.get_mut(), Ordering::Relaxed);
    }
}

/// The approximate memory of a restored broadcast in bytes, without its content.
const BROADCAST_OVERHEAD_BYTES: usize = 256;

impl<'a> PositionContext<'a> {
    /// The stamps for sockets at the position `at`.
    pub fn of(config: &'a Config, at: impl Into<Position>) -> Self {
        Self { epoch: config.recovery.as_ref().map_or("", |recovery| &recovery.epoch), at: at.into() }
    }
}

impl Broadcast {
    fn new(audience: Audience, say: Arc<dyn MessageSource>) -> Self {
        Self {
            audience,
            except_rooms: Vec::new(),
            except_sockets: Vec::new(),
            namespace: None,
            volatile: false,
            newest_only: false,
            supersedes: None,
            number: None,
            kind: 0,
            account: 0,
            render: say,
            encoded: Mutex::default(),
            weight: None,
        }
    }

    /// A broadcast to the sockets that are in at least one of these rooms. Each socket is in the room named as its id.
    pub fn to_rooms(rooms: impl Into<Arc<[Arc<str>]>>, say: impl MessageSource + 'static) -> Self {
        Self::new(Audience::Rooms(rooms.into()), Arc::new(say))
    }

    /// A broadcast to every accepted socket.
    pub fn to_everyone(say: impl MessageSource + 'static) -> Self {
        Self::new(Audience::Everyone, Arc::new(say))
    }

    /// Limits the broadcast to the sockets of this namespace.
    pub fn in_namespace(mut self, namespace: Namespace) -> Self {
        self.namespace = Some(namespace);
        self
    }

    /// Excepts the sockets in this room.
    pub fn except_room(mut self, room: Arc<str>) -> Self {
        self.except_rooms.push(room);
        self
    }

    /// Excepts this socket.
    pub fn except_socket(mut self, id: Id) -> Self {
        self.except_sockets.push(id);
        self
    }

    /// Drops the broadcast for each client that cannot receive it at this instant.
    pub fn volatile(mut self) -> Self {
        self.volatile = true;
        self
    }

    /// Keeps only the newest version of each part waiting for a client that does not keep up; see [`MessageSource::parts`].
    pub fn newest_only(mut self) -> Self {
        self.newest_only = true;
        self
    }

    /// Makes the broadcast replace an older one with the same key, because it contains all that the older one contains. If the older one
    /// still waits for a client that does not keep up, the older one is dropped, and the newer one waits after all other messages.
    pub fn superseding(mut self, key: ConflationKey) -> Self {
        self.supersedes = Some(key);
        self
    }

    /// The bytes of each part in one encoding. They are made on each shard that has a client which does not keep up, which is seldom.
    pub(crate) fn parts(
        &self,
        encoding: Encoding,
        namespaces: &[String],
        positions: PositionContext<'_>,
    ) -> Vec<(Option<ConflationKey>, Rc<[u8]>)> {
        let parts = self.render.parts(encoding.namespace).into_iter().map(|(key, messages)| {
            let mut out = Vec::new();
            messages
                .iter()
                .for_each(|message| encode_message(&mut out, message, encoding, namespaces, PositionSuffix::IfMistaken(positions)));
            (key, Rc::<[u8]>::from(out))
        });
        parts.filter(|(_, bytes)| !bytes.is_empty()).collect()
    }

    /// Sets the broadcast's number, under which it is kept for replay; see [`crate::Config::recovery`]. The number must be larger than all
    /// earlier ones, and broadcasts must be published in the order of their numbers.
    pub fn numbered(mut self, number: u64) -> Self {
        self.number = Some(number);
        self
    }

    /// Sets the kind under which the broadcast is counted, a number that the application chooses; see [`crate::Meter`]. The default is 0.
    pub fn of_kind(mut self, kind: u8) -> Self {
        self.kind = kind;
        self
    }

    /// Charges the broadcast to an account, a number of the application's own: of the broadcasts that are kept for replay, those of the accounts that
    /// use most are evicted first; see [`crate::Recovery::keep`]. Without an account it is 0.
    pub fn charged_to(mut self, account: u64) -> Self {
        self.account = account;
        self
    }

    /// The broadcast's messages in a namespace.
    pub fn say(&self, namespace: Namespace) -> Vec<OutboundMessage> {
        self.render.render(namespace)
    }

    /// The broadcast's number, if it has one.
    pub fn number(&self) -> Option<u64> {
        self.number
    }

    /// Whether the broadcast excepts the members of one of these rooms; a member of a room is excepted only from broadcasts behind the room's number.
    pub fn is_excepted(&self, rooms: &[(&str, u64)]) -> bool {
        let was_in = |behind: u64| self.number.is_none_or(|number| number > behind);
        self.except_rooms.iter().any(|excepted| rooms.iter().any(|(room, behind)| was_in(*behind) && **excepted == **room))
    }

    /// The broadcast in one encoding: whole WebSocket frames, or `None` if sockets with this encoding do not receive it.
    pub(crate) fn encoded(&self, encoding: Encoding, namespaces: &[String], positions: PositionContext<'_>) -> Option<Arc<[u8]>> {
        let mut encoded = self.encoded.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, bytes)) = encoded.iter().find(|(known, _)| *known == encoding) {
            return bytes.clone();
        }
        let messages = self.render.render(encoding.namespace);
        let mut out = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            encode_message(&mut out, message, encoding, namespaces, self.suffix(index, messages.len(), positions));
        }
        if let Some(weight) = &self.weight {
            weight.add(out.len() + size_of::<Encoded>());
        }
        let bytes = (!out.is_empty()).then(|| Arc::from(out));
        encoded.push((encoding, bytes.clone()));
        bytes
    }

    /// Appends the frames of [`Broadcast::encoded`] without the first `heard` messages, which the client has received.
    pub(crate) fn encode_with_skipped(
        &self,
        out: &mut Vec<u8>,
        heard: u16,
        encoding: Encoding,
        namespaces: &[String],
        positions: PositionContext<'_>,
    ) {
        let messages = self.render.render(encoding.namespace);
        for (index, message) in messages.iter().enumerate().skip(heard.into()) {
            encode_message(out, message, encoding, namespaces, self.suffix(index, messages.len(), positions));
        }
    }

    /// The stamp of the message at `index` of `count` messages.
    fn suffix<'a>(&self, index: usize, count: usize, positions: PositionContext<'a>) -> PositionSuffix<'a> {
        match self.number {
            Some(number) => PositionSuffix::Always(positions.epoch, Position::behind(number, index, count)),
            None => PositionSuffix::IfMistaken(positions),
        }
    }

    /// Whether the broadcast goes to the sockets in a room.
    pub(crate) fn is_for(&self, room: &str) -> bool {
        match &self.audience {
            Audience::Everyone => false,
            Audience::Rooms(rooms) => rooms.iter().any(|to| **to == *room),
        }
    }

    /// Whether the broadcast goes to every socket.
    pub(crate) fn is_for_everyone(&self) -> bool {
        matches!(self.audience, Audience::Everyone)
    }

    /// Restores a broadcast that was kept for replay. `sum` counts the memory of all restored broadcasts in bytes.
    pub(crate) fn replay(kept: &HistoryEntry, say: Arc<dyn MessageSource>, sum: &Arc<AtomicUsize>) -> Self {
        let weight = MemoryCharge::new(BROADCAST_OVERHEAD_BYTES + say.memory_bytes(), sum.clone());
        let Exclusions { rooms: except_rooms, sockets: except_sockets } = kept.except.as_deref().cloned().unwrap_or_default();
        Self {
            except_rooms,
            except_sockets,
            namespace: kept.namespace,
            number: Some(kept.number),
            kind: kept.kind,
            weight: Some(weight),
            ..Self::new(kept.audience.clone(), say)
        }
    }

    /// The content, to be kept for replay.
    pub(crate) fn source(&self) -> &Arc<dyn MessageSource> {
        &self.render
    }
}

/// The position that follows an event's arguments, in an encoding with positions.
///
/// A client of Socket.IO that can recover takes the last argument of any event for the position if it is a text. So an event whose last
/// argument is a text must have the true position after it.
#[derive(Clone, Copy)]
pub(crate) enum PositionSuffix<'a> {
    /// The position after this message, with its epoch.
    Always(&'a str, Position),
    /// The socket's present position, only if the client would take the last argument for one.
    IfMistaken(PositionContext<'a>),
}

impl PositionSuffix<'_> {
    /// The arguments, followed by the position if they need one.
    fn behind<'a>(self, args: &'a str, encoding: Encoding) -> Cow<'a, str> {
        let (epoch, position) = match self {
            _ if !encoding.positions => return Cow::Borrowed(args),
            // Without arguments the event's name is the last text.
            Self::IfMistaken(_) if !args.is_empty() && !args.ends_with('"') => return Cow::Borrowed(args),
            Self::IfMistaken(positions) => (positions.epoch, positions.at),
            Self::Always(epoch, position) => (epoch, position),
        };
        let mut behind = String::with_capacity(args.len() + epoch.len() + 32);
        behind.push_str(args);
        behind.push_str(if args.is_empty() { "\"" } else { ",\"" });
        position.write(epoch, &mut behind);
        behind.push('"');
        Cow::Owned(behind)
    }
}

/// Appends one message as whole WebSocket frames. A message that this encoding cannot express (an event on a plain endpoint) is left out.
pub(crate) fn encode_message(
    out: &mut Vec<u8>,
    outbound: &OutboundMessage,
    encoding: Encoding,
    namespaces: &[String],
    suffix: PositionSuffix<'_>,
) {
    let nsp = namespaces.get(encoding.namespace.0 as usize).map_or("/", String::as_str);
    match (outbound, encoding.format) {
        (OutboundMessage::Event { name, args, attachments }, Format::Json | Format::MsgPack) => {
            encode_event(out, nsp, None, name, &suffix.behind(args, encoding), attachments, encoding);
        }
        (OutboundMessage::Text(message), Format::Engine) => {
            let mut packet = String::with_capacity(message.len() + 1);
            packet.push('4');
            packet.push_str(message);
            text(out, packet.as_bytes(), encoding);
        }
        (OutboundMessage::Text(message), Format::Raw) => text(out, message.as_bytes(), encoding),
        (OutboundMessage::Binary(message), Format::Engine | Format::Raw) => binary(out, message, encoding),
        (OutboundMessage::Event { .. }, Format::Engine | Format::Raw)
        | (OutboundMessage::Text(_) | OutboundMessage::Binary(_), Format::Json | Format::MsgPack) => {}
    }
}

/// Appends an event. With an id, the client is asked to acknowledge it.
pub(crate) fn encode_event(
    out: &mut Vec<u8>,
    nsp: &str,
    id: Option<u64>,
    name: &str,
    args: &str,
    attachments: &[Vec<u8>],
    encoding: Encoding,
) {
    if encoding.format == Format::MsgPack {
        let attachments: Vec<&[u8]> = attachments.iter().map(Vec::as_slice).collect();
        binary(out, &msgpack::event(nsp, id, name, args, &attachments), encoding);
    } else {
        text(out, json::event(nsp, id, attachments.len(), name, args).as_bytes(), encoding);
        binaries(out, attachments, encoding);
    }
}

/// Appends a text frame.
pub(crate) fn text(out: &mut Vec<u8>, payload: &[u8], encoding: Encoding) {
    frame(out, Opcode::Text, payload, encoding);
}

/// Appends a binary message.
pub(crate) fn binary(out: &mut Vec<u8>, payload: &[u8], encoding: Encoding) {
    let typed = encoding.version == Version::V3 && encoding.format != Format::Raw;
    if typed && encoding.base64 {
        text(out, base64_message(payload).as_bytes(), encoding);
    } else if typed {
        let mut typed = Vec::with_capacity(payload.len() + 1);
        typed.push(4);
        typed.extend_from_slice(payload);
        frame(out, Opcode::Binary, &typed, encoding);
    } else {
        frame(out, Opcode::Binary, payload, encoding);
    }
}

/// Appends attachments, one binary message for each.
pub(crate) fn binaries(out: &mut Vec<u8>, attachments: &[Vec<u8>], encoding: Encoding) {
    for attachment in attachments {
        binary(out, attachment, encoding);
    }
}

fn frame(out: &mut Vec<u8>, opcode: Opcode, payload: &[u8], encoding: Encoding) {
    match encoding.deflate {
        Some(window) if payload.len() >= MIN_DEFLATE_BYTES => encode_compressed(out, opcode, &deflate(payload, window)),
        _ => encode(out, opcode, payload),
    }
}
