//! What somebody has missed: read from the database what is in memory no longer, and told in pages by HTTP.

use std::sync::Arc;

use domain::names::Room;
use domain::operation::Actor;
use domain::refusal::Refusal;
use domain::sessions::{CaughtUp, ReadFacts};
use engine::{Archive, Broadcast, Handle, Namespace, Position, Revive, Run, Saying, Slice};
use tokio::sync::oneshot;

use super::fanout::{Fanout, Words};
use super::{Live, Said};

/// The most bytes of a page, or somewhat more: the size of its last event comes on top.
const PAGE: usize = 256 << 10;

/// The most events that are looked at for a page, also if the client's namespace has words for few of them.
const LOOKED_AT: usize = 2_000;

/// The events in the database, for those who have missed them.
pub struct Stored {
    words: Words,
    readers: store::Readers,
}

impl Stored {
    /// What makes an event sayable again of which the bytes are in memory.
    pub fn revive(&self) -> Revive {
        Said::revive(self.words.dialects.clone(), self.words.epoch.clone())
    }
}

impl Archive for Stored {
    fn read(&self, numbers: Vec<u64>, bytes: usize, then: Box<dyn FnOnce(Option<Vec<Broadcast>>) + Send>) {
        let (words, offsets) = (self.words.clone(), numbers.into_iter().map(|number| number as i64).collect());
        self.readers.ask(Actor::server(), ReadFacts { offsets, bytes }, move |facts| match facts {
            Ok(facts) => then(Some(facts.into_iter().flat_map(|fact| words.told(fact)).collect())),
            Err(refusal) => {
                tracing::warn!(%refusal, "missed events could not be read");
                then(None);
            }
        });
    }
}

/// A page of what somebody has missed.
pub struct Page {
    /// What was said, each with its position, in order.
    pub said: Vec<(String, Saying)>,
    /// Up to which offset everything is in it that was asked for.
    pub reached: u64,
}

/// Why there is no page.
pub enum NoPage {
    /// Some of it is known no longer.
    Lost,
    /// It cannot be read now.
    Unavailable(Refusal),
}

impl Fanout {
    /// The events in the database.
    pub fn stored(&self) -> Stored {
        Stored { words: self.words.clone(), readers: self.readers.clone() }
    }

    /// The first page of what somebody has missed: what was said in some rooms from a position on. It costs what it contains.
    ///
    /// # Errors
    /// [`NoPage`].
    pub async fn missed(&self, namespace: Namespace, caught_up: &CaughtUp, from: Position) -> Result<Page, NoPage> {
        let engine = self.engine.get().ok_or(NoPage::Lost)?;
        let (until, hears) = (caught_up.position as u64, offsets(&caught_up.hears));
        let most = PAGE.min(engine.config().outbox_limit);
        let (mut page, mut size, mut looked_at) = (Page { said: Vec::new(), reached: from.number }, 0, 0);
        while page.reached < until && size < most && looked_at < LOOKED_AT {
            let slice = engine.missed(offsets(&caught_up.rooms), page.reached, until, most - size).ok_or(NoPage::Lost)?;
            let (broadcasts, reached) = self.take(engine, slice, most - size).await?;
            looked_at += broadcasts.len();
            for broadcast in broadcasts.iter().filter(|broadcast| !broadcast.is_excepted(&hears)) {
                size += self.say(broadcast, namespace, from, &mut page.said);
            }
            page.reached = reached;
        }
        Ok(page)
    }

    /// The first events of a slice, as many as are in memory, or as the archive gives at once, and up to which number there is no other.
    async fn take(&self, engine: &Handle<Live>, slice: Slice, bytes: usize) -> Result<(Vec<Arc<Broadcast>>, u64), NoPage> {
        let (numbers, whole) = match slice.first_run() {
            Run::Here(broadcasts, reached) => return Ok((broadcasts, reached)),
            Run::Stored(numbers, whole) => (numbers, whole),
        };
        let archive = engine.config().recovery.as_ref().and_then(|recovery| recovery.archive.clone()).ok_or(NoPage::Lost)?;
        let (reply, answer) = oneshot::channel();
        archive.read(numbers.clone(), bytes, Box::new(move |read| drop(reply.send(read))));
        let unavailable = || NoPage::Unavailable(Refusal::Unavailable("what was missed cannot be read now".into()));
        let read = answer.await.ok().flatten().ok_or_else(unavailable)?;
        let as_asked = read.iter().zip(&numbers).all(|(broadcast, number)| broadcast.number() == Some(*number));
        let last = read.last().and_then(|last| last.number()).filter(|_| as_asked).ok_or(NoPage::Lost)?;
        let reached = whole.filter(|_| read.len() == numbers.len()).unwrap_or(last);
        Ok((read.into_iter().map(Arc::new).collect(), reached))
    }

    /// Adds what one event says in a namespace, without what was heard of it before; about how many bytes that has.
    fn say(&self, broadcast: &Broadcast, namespace: Namespace, from: Position, said: &mut Vec<(String, Saying)>) -> usize {
        let (number, sayings) = (broadcast.number().unwrap_or_default(), broadcast.say(namespace));
        let (count, heard) = (sayings.len(), if number == from.number + 1 { usize::from(from.part) } else { 0 });
        let mut size = 0;
        for (index, saying) in sayings.into_iter().enumerate().skip(heard) {
            let position = Position::behind(number, index, count).text(&self.words.epoch);
            size += position.len() + size_of_saying(&saying);
            said.push((position, saying));
        }
        size
    }
}

/// Rooms and offsets, as the engine has them.
fn offsets(rooms: &[(Room, i64)]) -> Vec<(&str, u64)> {
    rooms.iter().map(|(room, offset)| (room.as_str(), *offset as u64)).collect()
}

/// How many bytes one message has.
fn size_of_saying(saying: &Saying) -> usize {
    match saying {
        Saying::Event { name, args, attachments, .. } => name.len() + args.len() + attachments.iter().map(Vec::len).sum::<usize>(),
        Saying::Text(text) => text.len(),
        Saying::Binary(bytes) => bytes.len(),
    }
}
