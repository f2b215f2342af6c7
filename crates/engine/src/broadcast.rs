//! Broadcasts: messages for many connections. The content is encoded once for each encoding ([`Encoding`]) that a receiver needs, and all
//! connections with this encoding receive the same bytes.

use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::encode::{PositionSuffix, encode_message};
use crate::encoding::{Encoding, Namespace};
use crate::id::Id;
use crate::message::{ConflationKey, MessageSource, OutboundMessage};
use crate::position::{Position, PositionContext};

/// The receivers of a broadcast: every socket, or those in at least one of the rooms. Each receives it once; excepted sockets do not.
#[derive(Clone, Debug)]
pub(crate) enum Audience {
    Everyone,
    Rooms(Arc<[Arc<str>]>),
}

/// A broadcast in one encoding: whole WebSocket frames, or `None` if sockets with this encoding do not receive it.
type Encoded = (Encoding, Option<Arc<[u8]>>);

/// A broadcast: messages for many connections, on every shard.
///
/// # Examples
///
/// ```
/// use engine::{Broadcast, Namespace, OutboundMessage};
///
/// // A plain WebSocket receives a text, and a client of Socket.IO an event.
/// let typing = |namespace| match namespace {
///     Namespace::PLAIN => vec![OutboundMessage::Text("typing: Ada".into())],
///     _ => OutboundMessage::event("typing", r#""Ada""#).into_iter().collect(),
/// };
/// let broadcast = Broadcast::to_rooms(["lobby".into()], typing).except_room("muted".into()).volatile();
///
/// assert_eq!(broadcast.messages(Namespace::PLAIN), [OutboundMessage::Text("typing: Ada".into())]);
/// assert!(broadcast.is_excepted(&[("muted", 0)]));
/// assert_eq!(broadcast.number(), None, "it is not kept for replay");
/// ```
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
    source: Arc<dyn MessageSource>,
    encoded: Mutex<Vec<Encoded>>,
    /// The memory of a broadcast that was restored for replay.
    charge: Option<MemoryCharge>,
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

impl Broadcast {
    fn new(audience: Audience, source: Arc<dyn MessageSource>) -> Self {
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
            source,
            encoded: Mutex::default(),
            charge: None,
        }
    }

    /// A broadcast to the sockets that are in at least one of these rooms. Each socket is in the room named as its id.
    pub fn to_rooms(rooms: impl Into<Arc<[Arc<str>]>>, source: impl MessageSource + 'static) -> Self {
        Self::new(Audience::Rooms(rooms.into()), Arc::new(source))
    }

    /// A broadcast to every accepted socket.
    pub fn to_everyone(source: impl MessageSource + 'static) -> Self {
        Self::new(Audience::Everyone, Arc::new(source))
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

    /// The bytes of each part in one encoding. They are made on each shard that has a client which does not keep up, which is rare.
    pub(crate) fn parts(
        &self,
        encoding: Encoding,
        namespaces: &[String],
        positions: PositionContext<'_>,
    ) -> Vec<(Option<ConflationKey>, Rc<[u8]>)> {
        let parts = self.source.parts(encoding.namespace).into_iter().map(|(key, messages)| {
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

    /// Sets the kind under which the broadcast is counted, a number that the application chooses; see [`crate::DeliveryStats`]. The default
    /// is 0.
    pub fn of_kind(mut self, kind: u8) -> Self {
        self.kind = kind;
        self
    }

    /// Charges the broadcast to an account, a number of the application's own: of the broadcasts that are kept for replay, those of the
    /// accounts that use most are evicted first; see [`crate::Recovery::capacity`]. Without an account it is 0.
    pub fn charged_to(mut self, account: u64) -> Self {
        self.account = account;
        self
    }

    /// The broadcast's messages in a namespace.
    pub fn messages(&self, namespace: Namespace) -> Vec<OutboundMessage> {
        self.source.render(namespace)
    }

    /// The rooms whose sockets receive the broadcast. `None`: every accepted socket.
    pub fn rooms(&self) -> Option<&[Arc<str>]> {
        match &self.audience {
            Audience::Everyone => None,
            Audience::Rooms(rooms) => Some(rooms),
        }
    }

    /// The rooms whose sockets do not receive the broadcast.
    pub fn excepted_rooms(&self) -> &[Arc<str>] {
        &self.except_rooms
    }

    /// The sockets that do not receive the broadcast.
    pub fn excepted_sockets(&self) -> &[Id] {
        &self.except_sockets
    }

    /// Whether the broadcast is dropped for each client that cannot receive it at this instant.
    pub fn is_volatile(&self) -> bool {
        self.volatile
    }

    /// The broadcast's number, if it has one.
    pub fn number(&self) -> Option<u64> {
        self.number
    }

    /// Whether the broadcast excepts the members of one of these rooms; a member of a room is excepted only from broadcasts behind the
    /// room's number.
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
        let messages = self.source.render(encoding.namespace);
        let mut out = Vec::new();
        for (index, message) in messages.iter().enumerate() {
            encode_message(&mut out, message, encoding, namespaces, self.suffix(index, messages.len(), positions));
        }
        if let Some(charge) = &self.charge {
            charge.add(out.len() + size_of::<Encoded>());
        }
        let bytes = (!out.is_empty()).then(|| Arc::from(out));
        encoded.push((encoding, bytes.clone()));
        bytes
    }

    /// Appends the frames of [`Broadcast::encoded`] without the first `skipped` messages, which the client has received.
    pub(crate) fn encode_with_skipped(
        &self,
        out: &mut Vec<u8>,
        skipped: u16,
        encoding: Encoding,
        namespaces: &[String],
        positions: PositionContext<'_>,
    ) {
        let messages = self.source.render(encoding.namespace);
        for (index, message) in messages.iter().enumerate().skip(skipped.into()) {
            encode_message(out, message, encoding, namespaces, self.suffix(index, messages.len(), positions));
        }
    }

    /// The position after the message at `index` of `count` messages.
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

    /// A broadcast that was kept for replay. `charge` counts its memory in bytes, and that of its encodings.
    pub(crate) fn restored(audience: Audience, source: Arc<dyn MessageSource>, charge: MemoryCharge) -> Self {
        Self { charge: Some(charge), ..Self::new(audience, source) }
    }

    /// The content, to be kept for replay.
    pub(crate) fn source(&self) -> &Arc<dyn MessageSource> {
        &self.source
    }
}
