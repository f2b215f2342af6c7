//! Events, encoded for each contract.

use std::hash::{BuildHasher, RandomState};
use std::sync::{Arc, LazyLock};

use domain::custom_events::CustomEvent;
use domain::event::{Account, Event, EventKind, PersistedEvent, EphemeralEvent};
use domain::ids::{RoomKind, RoomId, Timestamp};
use engine::{ConflationKey, Namespace, Position, ReplayDecoder, MessageSource, OutboundMessage};

use crate::contracts::{Contract, ContractRegistry, json, workspace};

/// An event that can be encoded for each contract.
pub struct RenderedEvent {
    dialects: ContractRegistry,
    news: Source,
}

enum Source {
    Fact {
        fact: Arc<PersistedEvent>,
        /// The epoch of the event log.
        epoch: Arc<str>,
    },
    /// An ephemeral event for all connections.
    Announcement { signal: Arc<EphemeralEvent>, now: Timestamp },
    /// Ephemeral events in one message buffer.
    Signals {
        /// The kind of their room; `None` if they belong to no room.
        of: Option<RoomKind>,
        signals: Vec<Arc<EphemeralEvent>>,
        now: Timestamp,
    },
    /// A backend's event that is not stored.
    Emission { emission: Arc<CustomEvent>, now: Timestamp },
}

impl RenderedEvent {
    /// A persisted event; `epoch` is the epoch of the event log.
    pub(super) fn persisted(dialects: &ContractRegistry, fact: Arc<PersistedEvent>, epoch: &Arc<str>) -> Self {
        Self { dialects: dialects.clone(), news: Source::Fact { fact, epoch: epoch.clone() } }
    }

    /// An ephemeral event for all connections, independent of their contract.
    pub(super) fn announcement(dialects: &ContractRegistry, signal: Arc<EphemeralEvent>, now: Timestamp) -> Self {
        Self { dialects: dialects.clone(), news: Source::Announcement { signal, now } }
    }

    /// Ephemeral events; `of` is the kind of their room.
    pub(super) fn ephemeral(dialects: &ContractRegistry, of: Option<RoomKind>, signals: Vec<Arc<EphemeralEvent>>, now: Timestamp) -> Self {
        Self { dialects: dialects.clone(), news: Source::Signals { of, signals, now } }
    }

    /// A backend's event that is not stored.
    pub(super) fn custom(dialects: &ContractRegistry, emission: Arc<CustomEvent>, now: Timestamp) -> Self {
        Self { dialects: dialects.clone(), news: Source::Emission { emission, now } }
    }

    /// Decodes a persisted event from the bytes of [`Say::record`]. `None` if they cannot be read.
    fn read(dialects: &ContractRegistry, offset: i64, mut bytes: &[u8], epoch: &Arc<str>) -> Option<Self> {
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
        let (at, body, account) = (Timestamp(at), body.to_owned(), Account::default());
        let fact = PersistedEvent { offset, room, seq, at, event, body, account };
        Some(Self::persisted(dialects, fact.into(), epoch))
    }

    /// Decodes persisted events for replay to clients that reconnect.
    pub fn decoder(dialects: ContractRegistry, epoch: Arc<str>) -> ReplayDecoder {
        ReplayDecoder::new(move |number, bytes| match Self::read(&dialects, number as i64, bytes, &epoch) {
            Some(said) => Arc::new(said),
            None => {
                // Encoding and decoding an event gives the same event; a test checks that for every kind.
                tracing::error!(offset = number, "a fact that was kept cannot be read");
                Arc::new(|_| Vec::new())
            }
        })
    }

    /// The offset and the kind of a stored event, and the account that it is charged to.
    pub(super) fn stored(&self) -> Option<(i64, EventKind, Account)> {
        match &self.news {
            Source::Fact { fact, .. } => Some((fact.offset, EventKind::from(&fact.event), fact.account)),
            Source::Announcement { .. } | Source::Signals { .. } | Source::Emission { .. } => None,
        }
    }

    /// Whether a newer event about the same subject replaces this one.
    pub(super) fn is_of_signals(&self) -> bool {
        matches!(self.news, Source::Signals { .. })
    }

    /// The key of a stored event that a newer event with the same key replaces, because the newer one contains everything that this one does.
    pub(super) fn supersedes(&self) -> Option<ConflationKey> {
        let Source::Fact { fact, .. } = &self.news else { return None };
        match &fact.event {
            Event::SpaceUpdated { .. } => Some(KEYS.hash_one(("space", fact.room.as_str()))),
            Event::ProfileUpdated { person, .. } => Some(KEYS.hash_one(("profile", fact.room.as_str(), person.id.as_str()))),
            // Other events contain a change, and not only the current state.
            _ => None,
        }
    }

    fn render_persisted(&self, fact: &PersistedEvent, epoch: &str, namespace: Namespace) -> Vec<OutboundMessage> {
        let sayings = match &fact.event {
            Event::Emitted { emission } => render_custom(emission, fact.at, namespace),
            _ => {
                let dialects = self.dialects.in_namespace(namespace).iter().filter(|dialect| broadcasts(&***dialect, fact.room.kind()));
                dialects.flat_map(|dialect| dialect.persisted_event(fact)).collect()
            }
        };
        if namespace == Namespace::PLAIN { positioned(sayings, fact.offset, epoch) } else { sayings }
    }
}

impl MessageSource for RenderedEvent {
    fn render(&self, namespace: Namespace) -> Vec<OutboundMessage> {
        match &self.news {
            Source::Fact { fact, epoch } => self.render_persisted(fact, epoch, namespace),
            Source::Announcement { signal, now } => {
                let say = |dialects: &[Arc<dyn Contract>]| dialects.iter().filter_map(|dialect| dialect.ephemeral_event(signal, *now)).collect();
                let said: Vec<OutboundMessage> = say(self.dialects.in_namespace(namespace));
                // A namespace whose contract does not define the event sends it as on `/`: every client receives it.
                if said.is_empty() { say(self.dialects.in_namespace(Namespace(0))) } else { said }
            }
            Source::Signals { .. } => self.parts(namespace).into_iter().flat_map(|(_, sayings)| sayings).collect(),
            Source::Emission { emission, now } => render_custom(emission, *now, namespace),
        }
    }

    fn parts(&self, namespace: Namespace) -> Vec<(Option<ConflationKey>, Vec<OutboundMessage>)> {
        let Source::Signals { of, signals, now } = &self.news else { return vec![(None, self.render(namespace))] };
        let dialects = self.dialects.in_namespace(namespace).iter();
        let dialects: Vec<_> = dialects.filter(|dialect| of.is_none_or(|kind| broadcasts(&***dialect, kind))).collect();
        let said = |signal: &EphemeralEvent| dialects.iter().filter_map(|dialect| dialect.ephemeral_event(signal, *now)).collect();
        signals.iter().map(|signal| (key(signal), said(signal))).collect()
    }

    fn record(&self, bytes: &mut Vec<u8>) -> bool {
        let Source::Fact { fact, .. } = &self.news else { return false };
        let room = fact.room.as_str();
        let Ok(length) = u16::try_from(room.len()) else { return false };
        bytes.extend_from_slice(&fact.seq.to_le_bytes());
        bytes.extend_from_slice(&fact.at.0.to_le_bytes());
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(room.as_bytes());
        bytes.extend_from_slice(fact.body.as_bytes());
        true
    }

    fn memory_bytes(&self) -> usize {
        match &self.news {
            // The event in memory, with the texts that it owns.
            Source::Fact { fact, .. } => size_of::<PersistedEvent>() + 2 * fact.body.len(),
            _ => size_of::<Self>(),
        }
    }
}

/// A backend's event is the same in every namespace. A stored event that clients would reject is not sent.
fn render_custom(emission: &CustomEvent, at: Timestamp, namespace: Namespace) -> Vec<OutboundMessage> {
    if namespace == Namespace::PLAIN {
        return vec![workspace::emitted(emission, at)];
    }
    let event = OutboundMessage::event(emission.name.clone(), emission.data.as_ref().map_or_else(String::new, json));
    event.inspect_err(|error| tracing::error!(%error, "a back end's event cannot be sent")).into_iter().collect()
}

/// Adds its position to each envelope. In Socket.IO packets the engine adds it.
fn positioned(sayings: Vec<OutboundMessage>, offset: i64, epoch: &str) -> Vec<OutboundMessage> {
    let count = sayings.len();
    let position = |index| Position::behind(offset as u64, index, count).text(epoch);
    sayings.into_iter().enumerate().map(|(index, saying)| workspace::positioned(saying, &position(index))).collect()
}

/// Hashes the subject of an ephemeral event into a key. The hash has a random seed, so a client cannot produce two subjects with the same
/// key.
static KEYS: LazyLock<RandomState> = LazyLock::new(RandomState::new);

/// The key of an ephemeral event's subject: a newer event with the same key replaces it.
fn key(signal: &EphemeralEvent) -> Option<ConflationKey> {
    let about = match signal {
        EphemeralEvent::Typing { room, person } | EphemeralEvent::StoppedTyping { room, person } => ("typing", Some(room), person),
        EphemeralEvent::RoomJoined { room, person } | EphemeralEvent::RoomLeft { room, person, .. } => ("in", Some(room), &person.id),
        EphemeralEvent::Online { person, .. } | EphemeralEvent::Offline { person } => ("online", None, person),
        EphemeralEvent::Emitted { .. } | EphemeralEvent::Disconnected { .. } | EphemeralEvent::Announced { .. } => return None,
    };
    let (what, room, person) = about;
    Some(KEYS.hash_one((what, room.map(RoomId::as_str), person.as_str())))
}

/// Whether a contract sends events of rooms of this kind.
fn broadcasts(dialect: &dyn Contract, kind: RoomKind) -> bool {
    kind == RoomKind::User || dialect.kinds().contains(&kind)
}
