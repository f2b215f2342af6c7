//! Events, encoded for each contract.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock, OnceLock};

use bytes::Bytes;
use contracts::{Contract, ContractRegistry};
use domain::custom_events::CustomEvent;
use domain::event::{Account, EphemeralEvent, Event, EventKind, PersistedEvent};
use domain::ids::{RoomId, RoomKind, Timestamp};
use engine::{ConflationKey, MessageSource, Namespace, OutboundMessage, Position, ReplayDecoder};

/// An event that can be encoded for each contract.
pub struct RenderedEvent {
    contracts: ContractRegistry,
    source: Source,
}

enum Source {
    Persisted {
        persisted: Arc<PersistedEvent>,
        /// The epoch of the event log.
        epoch: Arc<str>,
    },
    /// A persisted event of another node, which is decoded when a connection receives it.
    Encoded { encoded: EncodedEvent, epoch: Arc<str>, decoded: OnceLock<Option<Arc<PersistedEvent>>> },
    /// An ephemeral event for all connections.
    Announcement { ephemeral: Arc<EphemeralEvent>, now: Timestamp },
    /// Ephemeral events in one message buffer.
    Ephemeral {
        /// The kind of their room; `None` if they belong to no room.
        of: Option<RoomKind>,
        ephemeral_events: Vec<Arc<EphemeralEvent>>,
        now: Timestamp,
    },
    /// A backend's event that is not stored.
    Custom { custom_event: Arc<CustomEvent>, now: Timestamp },
}

/// A persisted event as the bytes of [`MessageSource::record`], and what is known without decoding them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct EncodedEvent {
    pub offset: i64,
    /// The number of its [`EventKind`].
    pub kind: u8,
    pub account: Account,
    pub bytes: Bytes,
}

impl EncodedEvent {
    /// The time of its transaction; `None` if the bytes are damaged.
    pub fn at(&self) -> Option<Timestamp> {
        let bytes = self.bytes.get(8..16)?.try_into().ok()?;
        Some(Timestamp(i64::from_le_bytes(bytes)))
    }

    /// The event; `None` if the bytes cannot be read.
    pub fn decode(&self) -> Option<PersistedEvent> {
        decode(self.offset, self.account, &self.bytes)
    }
}

/// Appends the bytes of an event, as [`decode`] reads them. False if the name of its room is too long.
pub(super) fn encode(persisted: &PersistedEvent, bytes: &mut Vec<u8>) -> bool {
    let room = persisted.room.as_str();
    let Ok(length) = u16::try_from(room.len()) else { return false };
    bytes.extend_from_slice(&persisted.seq.to_le_bytes());
    bytes.extend_from_slice(&persisted.at.0.to_le_bytes());
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(room.as_bytes());
    bytes.extend_from_slice(persisted.body.as_bytes());
    true
}

fn decode(offset: i64, account: Account, mut bytes: &[u8]) -> Option<PersistedEvent> {
    let mut take = |length: usize| {
        let (taken, rest) = bytes.split_at_checked(length)?;
        bytes = rest;
        Some(taken)
    };
    let (seq, at) = (i64::from_le_bytes(take(8)?.try_into().ok()?), i64::from_le_bytes(take(8)?.try_into().ok()?));
    let length = u16::from_le_bytes(take(2)?.try_into().ok()?);
    let room = RoomId::parse(str::from_utf8(take(length.into())?).ok()?)?;
    let body = str::from_utf8(bytes).ok()?;
    let event = serde_json::from_str(body).ok()?;
    Some(PersistedEvent { offset, room, seq, at: Timestamp(at), event, body: body.to_owned(), account })
}

impl RenderedEvent {
    /// A persisted event of another node; `epoch` is the epoch of the event log.
    pub(super) fn encoded(contracts: &ContractRegistry, encoded: EncodedEvent, epoch: &Arc<str>) -> Self {
        Self { contracts: contracts.clone(), source: Source::Encoded { encoded, epoch: epoch.clone(), decoded: OnceLock::new() } }
    }

    /// A persisted event; `epoch` is the epoch of the event log.
    pub(super) fn persisted(contracts: &ContractRegistry, persisted: Arc<PersistedEvent>, epoch: &Arc<str>) -> Self {
        Self { contracts: contracts.clone(), source: Source::Persisted { persisted, epoch: epoch.clone() } }
    }

    /// An ephemeral event for all connections, independent of their contract.
    pub(super) fn announcement(contracts: &ContractRegistry, ephemeral: Arc<EphemeralEvent>, now: Timestamp) -> Self {
        Self { contracts: contracts.clone(), source: Source::Announcement { ephemeral, now } }
    }

    /// Ephemeral events; `of` is the kind of their room.
    pub(super) fn ephemeral(
        contracts: &ContractRegistry,
        of: Option<RoomKind>,
        ephemeral_events: Vec<Arc<EphemeralEvent>>,
        now: Timestamp,
    ) -> Self {
        Self { contracts: contracts.clone(), source: Source::Ephemeral { of, ephemeral_events, now } }
    }

    /// A backend's event that is not stored.
    pub(super) fn custom(contracts: &ContractRegistry, custom_event: Arc<CustomEvent>, now: Timestamp) -> Self {
        Self { contracts: contracts.clone(), source: Source::Custom { custom_event, now } }
    }

    /// Decodes a persisted event from the bytes of [`MessageSource::record`]. `None` if they cannot be read.
    fn read(contracts: &ContractRegistry, offset: i64, bytes: &[u8], epoch: &Arc<str>) -> Option<Self> {
        let persisted = decode(offset, Account::default(), bytes)?;
        Some(Self::persisted(contracts, persisted.into(), epoch))
    }

    /// Decodes persisted events for replay to clients that reconnect.
    pub fn decoder(contracts: ContractRegistry, epoch: Arc<str>) -> ReplayDecoder {
        ReplayDecoder::new(move |number, bytes| match Self::read(&contracts, number as i64, bytes, &epoch) {
            Some(rendered) => Arc::new(rendered),
            None => {
                // Encoding and decoding an event gives the same event; a test checks that for every kind.
                tracing::error!(offset = number, "failed to decode a persisted event");
                Arc::new(|_| Vec::new())
            }
        })
    }

    /// The offset and the kind of a stored event, and the account that it is charged to.
    pub(super) fn stored(&self) -> Option<(i64, EventKind, Account)> {
        match &self.source {
            Source::Persisted { persisted, .. } => Some((persisted.offset, EventKind::from(&persisted.event), persisted.account)),
            Source::Encoded { .. } | Source::Announcement { .. } | Source::Ephemeral { .. } | Source::Custom { .. } => None,
        }
    }

    /// Whether the event is ephemeral: in the outbox of a slow client a newer one about the same subject replaces it.
    pub(super) fn is_ephemeral(&self) -> bool {
        matches!(self.source, Source::Ephemeral { .. })
    }

    /// The key of a stored event that a newer event with the same key replaces. The newer event contains everything that this one does.
    pub(super) fn replacement_key(&self) -> Option<ConflationKey> {
        let Source::Persisted { persisted, .. } = &self.source else { return None };
        match &persisted.event {
            Event::SpaceUpdated { .. } => Some(KEYS.hash_one(("space", persisted.room.as_str()))),
            Event::ProfileUpdated { user, .. } => Some(KEYS.hash_one(("profile", persisted.room.as_str(), user.id.as_str()))),
            // Other events contain a change, and not only the current state.
            _ => None,
        }
    }

    fn render_persisted(&self, persisted: &PersistedEvent, epoch: &str, namespace: Namespace) -> Vec<OutboundMessage> {
        let contracts = self.contracts.in_namespace(namespace);
        let messages = match &persisted.event {
            Event::Emitted { custom_event } => render_custom(contracts, custom_event, persisted.at),
            _ => {
                let broadcasting = contracts.iter().filter(|contract| broadcasts(&***contract, persisted.room.kind()));
                broadcasting.flat_map(|contract| contract.persisted_event(persisted)).collect()
            }
        };
        if namespace == Namespace::PLAIN { positioned(contracts, messages, persisted.offset, epoch) } else { messages }
    }
}

impl MessageSource for RenderedEvent {
    fn render(&self, namespace: Namespace) -> Vec<OutboundMessage> {
        match &self.source {
            Source::Persisted { persisted, epoch } => self.render_persisted(persisted, epoch, namespace),
            Source::Encoded { encoded, epoch, decoded } => {
                let persisted = decoded.get_or_init(|| {
                    let persisted = encoded.decode();
                    if persisted.is_none() {
                        tracing::error!(offset = encoded.offset, "failed to decode a persisted event of another node");
                    }
                    persisted.map(Arc::new)
                });
                persisted.as_ref().map_or_else(Vec::new, |persisted| self.render_persisted(persisted, epoch, namespace))
            }
            Source::Announcement { ephemeral, now } => {
                let render = |contracts: &[Arc<dyn Contract>]| {
                    contracts.iter().filter_map(|contract| contract.ephemeral_event(ephemeral, *now)).collect()
                };
                let rendered: Vec<OutboundMessage> = render(self.contracts.in_namespace(namespace));
                // A namespace whose contract does not define the event sends it as on `/`: every client receives it.
                if rendered.is_empty() { render(self.contracts.in_namespace(Namespace(0))) } else { rendered }
            }
            Source::Ephemeral { .. } => self.parts(namespace).into_iter().flat_map(|(_, messages)| messages).collect(),
            Source::Custom { custom_event, now } => render_custom(self.contracts.in_namespace(namespace), custom_event, *now),
        }
    }

    fn parts(&self, namespace: Namespace) -> Vec<(Option<ConflationKey>, Vec<OutboundMessage>)> {
        let Source::Ephemeral { of, ephemeral_events, now } = &self.source else { return vec![(None, self.render(namespace))] };
        let contracts = self.contracts.in_namespace(namespace).iter();
        let contracts: Vec<_> = contracts.filter(|contract| of.is_none_or(|kind| broadcasts(&***contract, kind))).collect();
        let rendered =
            |ephemeral: &EphemeralEvent| contracts.iter().filter_map(|contract| contract.ephemeral_event(ephemeral, *now)).collect();
        ephemeral_events.iter().map(|ephemeral| (key(ephemeral), rendered(ephemeral))).collect()
    }

    fn record(&self, bytes: &mut Vec<u8>) -> bool {
        match &self.source {
            Source::Persisted { persisted, .. } => encode(persisted, bytes),
            Source::Encoded { encoded, .. } => {
                bytes.extend_from_slice(&encoded.bytes);
                true
            }
            _ => false,
        }
    }

    fn memory_bytes(&self) -> usize {
        match &self.source {
            // The event in memory, with the texts that it owns.
            Source::Persisted { persisted, .. } => size_of::<PersistedEvent>() + 2 * persisted.body.len(),
            Source::Encoded { encoded, .. } => size_of::<Self>() + encoded.bytes.len(),
            _ => size_of::<Self>(),
        }
    }
}

/// A backend's event. The contracts of a namespace encode it in the same way.
fn render_custom(contracts: &[Arc<dyn Contract>], custom_event: &CustomEvent, at: Timestamp) -> Vec<OutboundMessage> {
    contracts.first().and_then(|contract| contract.wrap_custom_event(custom_event, at)).into_iter().collect()
}

/// Adds its position to each message of the raw WebSocket.
fn positioned(contracts: &[Arc<dyn Contract>], messages: Vec<OutboundMessage>, offset: i64, epoch: &str) -> Vec<OutboundMessage> {
    let Some(contract) = contracts.first() else { return messages };
    let count = messages.len();
    let position = |index| Position::behind(offset as u64, index, count).text(epoch);
    messages.into_iter().enumerate().map(|(index, message)| contract.add_position(message, &position(index))).collect()
}

/// Hashes the subject of an ephemeral event into a key. The hash has a random seed, so a client cannot produce two subjects with the same
/// key.
static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The key of an ephemeral event's subject: a newer event with the same key replaces it.
fn key(ephemeral: &EphemeralEvent) -> Option<ConflationKey> {
    let about = match ephemeral {
        EphemeralEvent::Typing { room, user } | EphemeralEvent::StoppedTyping { room, user } => ("typing", Some(room), user),
        EphemeralEvent::RoomJoined { room, user } | EphemeralEvent::RoomLeft { room, user, .. } => ("in", Some(room), &user.id),
        EphemeralEvent::Online { user, .. } | EphemeralEvent::Offline { user } => ("online", None, user),
        EphemeralEvent::Emitted { .. } | EphemeralEvent::Disconnected { .. } | EphemeralEvent::Announced { .. } => return None,
    };
    let (what, room, user) = about;
    Some(KEYS.hash_one((what, room.map(RoomId::as_str), user.as_str())))
}

/// Whether a contract sends events of rooms of this kind.
fn broadcasts(contract: &dyn Contract, kind: RoomKind) -> bool {
    kind == RoomKind::User || contract.kinds().contains(&kind)
}
