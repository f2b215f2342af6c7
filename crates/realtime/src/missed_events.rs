//! The events that a client has missed. Those that are no longer in memory are read from the database; HTTP returns them in pages.

use std::sync::Arc;

use domain::command::Actor;
use domain::error::DomainError;
use domain::ids::RoomId;
use domain::sessions::{ReadEvents, SyncRange};
use engine::{Archive, Broadcast, Handle, Namespace, OutboundMessage, Position, ReplayDecoder, Run, Slice};
use logging::{self, MAX_FAULT_LINES};
use tokio::sync::oneshot;
use tracing::Level;

use super::fanout::{EventRenderer, Fanout};
use super::{RealtimeApp, RenderedEvent};

/// The bytes of a page before its last event: a page ends with the event that reaches them.
const MAX_PAGE_BYTES: usize = 256 << 10;

/// The most events that are read for a page, also if the client's contract has names for few of them.
const MAX_EXAMINED: usize = 2_000;

/// The events in the database, for clients that have missed them.
pub struct StoredEvents {
    renderer: EventRenderer,
    readers: store::Readers,
}

impl StoredEvents {
    /// Decodes an event whose bytes are in memory.
    pub fn decoder(&self) -> ReplayDecoder {
        RenderedEvent::decoder(self.renderer.contracts.clone(), self.renderer.epoch.clone())
    }
}

impl Archive for StoredEvents {
    fn read(&self, numbers: Vec<u64>, bytes: usize, then: Box<dyn FnOnce(Option<Vec<Broadcast>>) + Send>) {
        let (renderer, offsets) = (self.renderer.clone(), numbers.into_iter().map(|number| number as i64).collect());
        self.readers.ask(Actor::server(), ReadEvents { offsets, bytes }, move |persisted_events| match persisted_events {
            Ok(persisted_events) => {
                then(Some(persisted_events.into_iter().flat_map(|persisted| renderer.broadcast_of(persisted)).collect()))
            }
            Err(error) => {
                if logging::admits(Level::WARN, None, "failed to read missed events", error.code(), MAX_FAULT_LINES) {
                    tracing::warn!(%error, "failed to read missed events");
                }
                then(None);
            }
        });
    }
}

/// A page of the events that a client has missed.
pub struct MissedPage {
    /// The events, each with its position, in order.
    pub events: Vec<(String, OutboundMessage)>,
    /// The offset up to which the page is complete.
    pub reached: u64,
}

/// Why there is no page.
pub enum PageUnavailable {
    /// Some of the events are no longer kept.
    Lost,
    /// The events cannot be read now.
    Unavailable(DomainError),
}

impl Fanout {
    /// The events in the database.
    pub fn stored(&self) -> StoredEvents {
        StoredEvents { renderer: self.renderer.clone(), readers: self.readers.clone() }
    }

    /// The first page of the events that a client has missed in some rooms since a position. Its cost grows with the page only.
    ///
    /// # Errors
    /// [`PageUnavailable`].
    pub async fn missed(&self, namespace: Namespace, caught_up: &SyncRange, from: Position) -> Result<MissedPage, PageUnavailable> {
        let engine = self.engine.get().ok_or(PageUnavailable::Lost)?;
        let (until, visible_rooms) = (caught_up.position as u64, offsets(&caught_up.visible_rooms));
        let most = MAX_PAGE_BYTES.min(engine.config().outbox_limit);
        let (mut page, mut size, mut looked_at) = (MissedPage { events: Vec::new(), reached: from.number }, 0, 0);
        while page.reached < until && size < most && looked_at < MAX_EXAMINED {
            let slice = engine.missed(offsets(&caught_up.rooms), page.reached, until, most - size).ok_or(PageUnavailable::Lost)?;
            let (broadcasts, reached) = self.take(engine, slice, most - size).await?;
            looked_at += broadcasts.len();
            for broadcast in broadcasts.iter().filter(|broadcast| !broadcast.is_excepted(&visible_rooms)) {
                size += self.render(broadcast, namespace, from, &mut page.events);
            }
            page.reached = reached;
        }
        Ok(page)
    }

    /// The first events of a slice: those in memory, or as many as the archive returns at once. The number is the last one that they cover.
    async fn take(&self, engine: &Handle<RealtimeApp>, slice: Slice, bytes: usize) -> Result<(Vec<Arc<Broadcast>>, u64), PageUnavailable> {
        let (numbers, whole) = match slice.first_run() {
            Run::InMemory(broadcasts, reached) => return Ok((broadcasts, reached)),
            Run::Archived(numbers, whole) => (numbers, whole),
        };
        let archive = engine.config().recovery.as_ref().and_then(|recovery| recovery.archive.clone()).ok_or(PageUnavailable::Lost)?;
        let (reply, result) = oneshot::channel();
        archive.read(numbers.clone(), bytes, Box::new(move |read| drop(reply.send(read))));
        let unavailable = || PageUnavailable::Unavailable(DomainError::Unavailable("missed events cannot be read now".into()));
        let read = result.await.ok().flatten().ok_or_else(unavailable)?;
        let is_complete = read.iter().zip(&numbers).all(|(broadcast, number)| broadcast.number() == Some(*number));
        let last = read.last().and_then(|last| last.number()).filter(|_| is_complete).ok_or(PageUnavailable::Lost)?;
        let reached = whole.filter(|_| read.len() == numbers.len()).unwrap_or(last);
        Ok((read.into_iter().map(Arc::new).collect(), reached))
    }

    /// Adds the messages of one event in a namespace, except those that the client has received before. Returns about how many bytes they
    /// have.
    fn render(&self, broadcast: &Broadcast, namespace: Namespace, from: Position, events: &mut Vec<(String, OutboundMessage)>) -> usize {
        let (number, messages) = (broadcast.number().unwrap_or_default(), broadcast.messages(namespace));
        let (count, received) = (messages.len(), if number == from.number + 1 { usize::from(from.part) } else { 0 });
        let mut size = 0;
        for (index, message) in messages.into_iter().enumerate().skip(received) {
            let position = Position::behind(number, index, count).text(&self.renderer.epoch);
            size += position.len() + message_size(&message);
            events.push((position, message));
        }
        size
    }
}

/// Rooms and offsets, as the engine has them.
fn offsets(rooms: &[(RoomId, i64)]) -> Vec<(&str, u64)> {
    rooms.iter().map(|(room, offset)| (room.as_str(), *offset as u64)).collect()
}

/// How many bytes one message has.
fn message_size(message: &OutboundMessage) -> usize {
    match message {
        OutboundMessage::Event { name, args, attachments, .. } => name.len() + args.len() + attachments.iter().map(Vec::len).sum::<usize>(),
        OutboundMessage::Text(text) => text.len(),
        OutboundMessage::Binary(bytes) => bytes.len(),
    }
}
