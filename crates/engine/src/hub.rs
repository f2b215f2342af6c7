//! How other threads reach the shards: one mailbox a shard, and one order for everything that goes to all of them.

use std::net::SocketAddr;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::abort;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Instant;
use std::{io, thread};

use tokio::sync::oneshot;

use crate::app::App;
use crate::broadcast::Broadcast;
use crate::config::Config;
use crate::history::{History, Slice};
use crate::http::{Arrival, Request};
use crate::id::Id;
use crate::shard::Reread;
use crate::worker::Worker;

/// What a shard finds in its mailbox, in the order in which it was put there.
pub(crate) enum Mail<A: App> {
    Broadcast(Arc<Broadcast>),
    Message(A::Message),
    Reread(Box<Reread>),
    Arrival(Box<Arrival<A>>),
    Request(Box<Request<A>>),
    /// Closes a share of the connections; see [`Handle::close_some`].
    CloseSome {
        left: f64,
        reply: oneshot::Sender<usize>,
    },
    Stop,
}

struct Letters<A: App> {
    waiting: Vec<Mail<A>>,
    /// The shard is in (or on its way into) epoll and must be woken.
    asleep: bool,
    /// How many want it to find nothing for now; see [`Handle::hold`].
    holds: u32,
    /// The shard has ended: whatever comes is dropped, so that who waits for an answer hears that none will come.
    closed: bool,
}

impl<A: App> Letters<A> {
    /// Whether the shard would find something.
    fn has_mail(&self) -> bool {
        self.holds == 0 && !self.waiting.is_empty()
    }
}

/// How much mail of a shard waits at most before who has much to say waits, too; see [`Handle::wait_for_room`].
const ROOM: usize = 8192;

/// The mailbox of one shard.
pub(crate) struct Mailbox<A: App> {
    letters: Mutex<Letters<A>>,
    /// There is room again.
    emptied: Condvar,
    waker: mio::Waker,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<A: App> Mailbox<A> {
    /// An empty one, of the shard that waits in this epoll instance.
    fn new(poll: &mio::Poll) -> io::Result<Self> {
        let waker = mio::Waker::new(poll.registry(), crate::worker::WAKE)?;
        Ok(Self {
            letters: Mutex::new(Letters { waiting: Vec::new(), asleep: false, holds: 0, closed: false }),
            emptied: Condvar::new(),
            waker,
        })
    }

    pub fn put(&self, mail: impl IntoIterator<Item = Mail<A>>) {
        let mut letters = lock(&self.letters);
        if letters.closed {
            return;
        }
        letters.waiting.extend(mail);
        self.wake(letters);
    }

    /// Wakes the shard, if it sleeps and may find something.
    fn wake(&self, mut letters: MutexGuard<'_, Letters<A>>) {
        let wake = letters.has_mail() && std::mem::take(&mut letters.asleep);
        drop(letters);
        if wake && let Err(error) = self.waker.wake() {
            tracing::error!(%error, "a shard cannot be woken");
        }
    }

    /// Swaps everything that waits into `into`, which must be empty.
    pub fn take(&self, into: &mut Vec<Mail<A>>) {
        let mut letters = lock(&self.letters);
        if letters.has_mail() {
            std::mem::swap(&mut letters.waiting, into);
        }
        drop(letters);
        if into.len() >= ROOM {
            self.emptied.notify_all();
        }
    }

    /// Waits until there is room, or the shard has ended.
    fn wait_for_room(&self) {
        let full = |letters: &mut Letters<A>| letters.waiting.len() >= ROOM && !letters.closed;
        drop(self.emptied.wait_while(lock(&self.letters), full));
    }

    /// From now on what is put here is not found.
    fn hold(&self) {
        lock(&self.letters).holds += 1;
    }

    /// What was put here meanwhile is found, all at once.
    fn release(&self) {
        let mut letters = lock(&self.letters);
        letters.holds = letters.holds.saturating_sub(1);
        self.wake(letters);
    }

    /// Takes no more, and drops what waits.
    pub fn close(&self) {
        let mut letters = lock(&self.letters);
        letters.closed = true;
        let waiting = std::mem::take(&mut letters.waiting);
        // Dropping a letter may wake somebody who puts another.
        drop(letters);
        self.emptied.notify_all();
        drop(waiting);
    }

    /// Says that the shard is about to sleep. False if it must not, because mail waits.
    pub fn fall_asleep(&self) -> bool {
        let mut letters = lock(&self.letters);
        letters.asleep = !letters.has_mail();
        letters.asleep
    }

    /// Says that the shard is awake and will look by itself.
    pub fn wake_up(&self) {
        lock(&self.letters).asleep = false;
    }
}

/// Why a handshake is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// In words: the message of Engine.IO's error, the reason of a plain WebSocket's close.
    pub message: String,
    /// The close code of a plain WebSocket (RFC 6455 §7.4.2: 4000 to 4999 are an application's own). None: the WebSocket is not opened, but answered
    /// with the status, and so is every other upgrade request. That is for refusals that are no client's fault (a client that is accepted and closed
    /// again forgets its delay), and for refusals that are so frequent that they should cost no open WebSocket.
    pub code: Option<u16>,
    /// With which status long-polling is told; a browser's WebSocket cannot see any, and an upgrade request is answered 400, as by Node.
    pub status: http::StatusCode,
    /// After how many seconds it may succeed: the `Retry-After` of an HTTP answer.
    pub retry_after: Option<u64>,
}

pub(crate) type Gate<H> = Arc<dyn Fn(&http::request::Parts, SocketAddr) -> Result<H, Refusal> + Send + Sync>;

pub(crate) struct Hub<A: App> {
    pub config: Arc<Config>,
    pub gate: Gate<A::Handshake>,
    pub mailboxes: Vec<Mailbox<A>>,
    /// What was said lately, if that is kept.
    pub history: Option<Arc<History>>,
    /// Held while something is put into every mailbox, so that all shards find all of it in the same order.
    order: Mutex<()>,
    next: AtomicUsize,
}

impl<A: App> Hub<A> {
    /// The hub of the shards that wait in these epoll instances.
    pub fn new(config: Config, gate: Gate<A::Handshake>, polls: &[mio::Poll]) -> io::Result<Self> {
        let mailboxes = polls.iter().map(Mailbox::new).collect::<io::Result<Vec<_>>>()?;
        let history = config.recovery.clone().map(|recovery| Arc::new(History::new(recovery)));
        Ok(Self { config: Arc::new(config), gate, mailboxes, history, order: Mutex::default(), next: AtomicUsize::new(0) })
    }

    /// The shard for a new connection: each in turn.
    pub fn next_shard(&self) -> u8 {
        (self.next.fetch_add(1, Ordering::Relaxed) % self.mailboxes.len()) as u8
    }

    /// Puts mail into one shard's mailbox. False if there is no such shard.
    pub fn put(&self, shard: u8, mail: Mail<A>) -> bool {
        let Some(mailbox) = self.mailboxes.get(shard as usize) else { return false };
        mailbox.put([mail]);
        true
    }

    /// Publishes in one go: every shard hears it in the same order relative to everything else that was published.
    pub fn publish(&self, broadcasts: &[Arc<Broadcast>]) {
        self.keep(broadcasts.iter().map(|broadcast| &**broadcast));
        let order = (self.mailboxes.len() > 1).then(|| lock(&self.order));
        for mailbox in &self.mailboxes {
            mailbox.put(broadcasts.iter().cloned().map(Mail::Broadcast));
        }
        drop(order);
    }

    /// Keeps what has a number for those who are away. It is there before anybody who is here can have heard it.
    fn keep<'a>(&self, broadcasts: impl Iterator<Item = &'a Broadcast>) {
        let Some(history) = &self.history else { return };
        let mut now = None;
        for broadcast in broadcasts.filter(|broadcast| broadcast.number.is_some()) {
            history.keep(broadcast, *now.get_or_insert_with(Instant::now));
        }
    }
}

/// A way to reach the engine from any thread. Cheap to clone.
pub struct Handle<A: App>(pub(crate) Arc<Hub<A>>);

impl<A: App> Clone for Handle<A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<A: App> Handle<A> {
    /// Says something to many. Everybody who hears two broadcasts hears them in the order in which they were published.
    pub fn publish(&self, broadcast: Broadcast) {
        self.0.publish(&[Arc::new(broadcast)]);
    }

    /// Keeps what was said before the start, for those who were away then; in the order of the numbers, before anything is published.
    pub fn recall(&self, broadcast: Broadcast) {
        self.0.keep([&broadcast].into_iter());
    }

    /// The first broadcasts behind `from` and up to `until` to these rooms (to each only those behind its own number) and to every connection: each once,
    /// in order, about `bytes` bytes and at least one. `None` if one of all of them may be kept no longer.
    pub fn missed<'a>(&self, rooms: impl IntoIterator<Item = (&'a str, u64)>, from: u64, until: u64, bytes: usize) -> Option<Slice> {
        self.0.history.as_ref()?.slice(rooms, true, from, until, bytes)
    }

    /// Forgets the broadcasts up to a number, because they cannot be read any more.
    pub fn forget_up_to(&self, number: u64) {
        if let Some(history) = &self.0.history {
            history.forget_up_to(number);
        }
    }

    /// Takes out the numbers of up to `most` evicted broadcasts, which need not be stored any more, and the holes that they leave; see
    /// [`crate::Recovery::holes`].
    pub fn take_evicted(&self, most: usize) -> (Vec<u64>, Vec<(Arc<str>, u64)>) {
        self.0.history.as_ref().map_or_else(Default::default, |history| history.take_evicted(most))
    }

    /// Forgets what was kept for longer than is wanted. That also happens whenever something is said; where nothing is, this gives its memory
    /// back.
    pub fn forget_old(&self) {
        if let Some(history) = &self.0.history {
            history.forget(Instant::now());
        }
    }

    /// How many broadcasts are kept for those who are away, and about how many bytes they take.
    pub fn kept(&self) -> (usize, usize) {
        self.0.history.as_ref().map_or((0, 0), |history| history.size())
    }

    /// Tells the application on one shard. Nothing happens if there is no such shard.
    pub fn tell(&self, shard: usize, message: A::Message) {
        if let Some(mailbox) = self.0.mailboxes.get(shard) {
            mailbox.put([Mail::Message(message)]);
        }
    }

    /// Tells the application on every shard, in the same order as broadcasts.
    pub fn tell_all(&self, mut message: impl FnMut() -> A::Message) {
        let _order = lock(&self.0.order);
        for mailbox in &self.0.mailboxes {
            mailbox.put([Mail::Message(message())]);
        }
    }

    /// Until the guard is dropped, the shards find nothing new in their mailboxes, whoever put it there; then they find all of it at once, in
    /// the order in which it was put there. It is for a thread that has many things to say in a row: each shard is woken once, and writes once
    /// for each connection. Who holds must not block, for everybody else's mail waits too.
    pub fn hold(&self) -> Hold<A> {
        self.0.mailboxes.iter().for_each(Mailbox::hold);
        Hold(self.0.clone())
    }

    /// Closes as many connections as are due, when all of them are to be closed evenly over a time of which `left` is still to come, from 1
    /// to 0: a server that goes down is left by its clients little by little. Whoever still waits for an answer (see [`App::is_busy`]) is read no more, and closed in a
    /// later round. Their clients hear 1001 and "server shutting down", behind all that was to be told to them.
    ///
    /// Returns how many connections there still are, those that are being closed too.
    pub async fn close_some(&self, left: f64) -> usize {
        let mut shards = Vec::with_capacity(self.shards());
        for mailbox in &self.0.mailboxes {
            let (reply, answer) = oneshot::channel();
            mailbox.put([Mail::CloseSome { left, reply }]);
            shards.push(answer);
        }
        let mut all = 0;
        for answer in shards {
            // A shard that has ended has none.
            all += answer.await.unwrap_or(0);
        }
        all
    }

    /// Blocks until no shard has more mail than it can open in a moment. It is for the thread from which most mail comes, between two things
    /// that it says: if the shards are slower than it is, it must not fill their mailboxes without end. It must hold nothing then (see
    /// [`Handle::hold`]), and must not be a shard's own thread.
    pub fn wait_for_room(&self) {
        self.0.mailboxes.iter().for_each(Mailbox::wait_for_room);
    }

    /// How many shards there are.
    pub fn shards(&self) -> usize {
        self.0.mailboxes.len()
    }

    /// Where something is that tells its place: on which shard it was made. `None` if there is no such shard.
    pub fn shard_of(&self, id: Id) -> Option<usize> {
        let shard = usize::from(id.shard());
        (shard < self.shards()).then_some(shard)
    }

    /// The settings.
    pub fn config(&self) -> &Config {
        &self.0.config
    }
}

/// Mail is held back while it lives; see [`Handle::hold`].
pub struct Hold<A: App>(Arc<Hub<A>>);

impl<A: App> Drop for Hold<A> {
    fn drop(&mut self) {
        self.0.mailboxes.iter().for_each(Mailbox::release);
    }
}

/// The running shards.
pub struct Engine<A: App> {
    handle: Handle<A>,
    threads: Vec<JoinHandle<()>>,
}

impl<A: App> Engine<A> {
    /// Starts one thread a shard, each with the application that `app` makes for it.
    ///
    /// `gate` looks at each handshake's request head and the peer's address: it gives what is to be kept of them, or the refusal with which
    /// the handshake is answered (by long-polling with its status, by WebSocket with 400; on a plain endpoint the WebSocket is opened and closed).
    ///
    /// # Errors
    /// If the operating system gives no epoll instance or no thread.
    pub fn start(
        config: Config,
        gate: impl Fn(&http::request::Parts, SocketAddr) -> Result<A::Handshake, Refusal> + Send + Sync + 'static,
        app: impl Fn(usize, Handle<A>) -> A + Send + Sync + 'static,
    ) -> io::Result<Self> {
        let shards = config.shards.clamp(1, u8::MAX as usize);
        let polls = (0..shards).map(|_| mio::Poll::new()).collect::<io::Result<Vec<_>>>()?;
        let hub = Arc::new(Hub::new(config, Arc::new(gate), &polls)?);
        let app = Arc::new(app);
        let threads = polls
            .into_iter()
            .enumerate()
            .map(|(index, poll)| {
                let (hub, app) = (hub.clone(), app.clone());
                thread::Builder::new().name(format!("shard-{index}")).spawn(move || {
                    let application = app(index, Handle(hub.clone()));
                    let worker = Worker::new(index as u8, hub.clone(), poll, application);
                    let ended = catch_unwind(AssertUnwindSafe(|| worker.run()));
                    hub.mailboxes[index].close();
                    if !matches!(ended, Ok(Ok(()))) {
                        // Its clients would hang for as long as the others live. A process that ends is started again.
                        tracing::error!(shard = index, ?ended, "a shard has died; the process ends");
                        abort();
                    }
                })
            })
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self { handle: Handle(hub), threads })
    }

    /// A way to reach it.
    pub fn handle(&self) -> Handle<A> {
        self.handle.clone()
    }

    /// Closes every connection (reason "server shutting down") and waits for the shards' threads to end.
    pub fn stop(self) {
        for mailbox in &self.handle.0.mailboxes {
            mailbox.put([Mail::Stop]);
        }
        for thread in self.threads {
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Connect, Event};
    use crate::shard::{Shard, SocketKey};

    struct Waiting;

    impl App for Waiting {
        type Handshake = ();
        type Data = ();
        type Message = oneshot::Sender<()>;

        fn connect(&mut self, _: &mut Shard<Self>, _: SocketKey, _: Connect<'_>) {}

        fn event(&mut self, _: &mut Shard<Self>, _: SocketKey, _: Event<'_>) {}
    }

    #[test]
    fn what_is_held_back_is_found_all_at_once_and_wakes_the_shard_once() {
        let poll = mio::Poll::new().unwrap();
        let mailbox = Mailbox::<Waiting>::new(&poll).unwrap();
        let told = || Mail::Message(oneshot::channel().0);
        let found = || {
            let mut found = Vec::new();
            mailbox.take(&mut found);
            found.len()
        };
        mailbox.hold();
        mailbox.hold();
        mailbox.put([told(), told()]);
        assert!(mailbox.fall_asleep(), "there is nothing to find yet");
        mailbox.put([told()]);
        mailbox.release();
        assert_eq!(found(), 0, "somebody else still holds");
        assert!(lock(&mailbox.letters).asleep);
        mailbox.release();
        assert!(!lock(&mailbox.letters).asleep, "it was woken");
        assert_eq!(found(), 3);
    }

    #[test]
    fn who_has_much_to_say_waits_until_a_full_mailbox_is_emptied_or_its_shard_ends() {
        let told = || Mail::<Waiting>::Message(oneshot::channel().0);
        for end in [false, true] {
            let poll = mio::Poll::new().unwrap();
            let mailbox = Mailbox::<Waiting>::new(&poll).unwrap();
            mailbox.wait_for_room();
            mailbox.put((0..ROOM).map(|_| told()));
            thread::scope(|scope| {
                let (waited, order) = std::sync::mpsc::channel();
                let emptied = waited.clone();
                let mailbox = &mailbox;
                scope.spawn(move || {
                    mailbox.wait_for_room();
                    waited.send("waited").unwrap();
                });
                emptied.send("emptied").unwrap();
                if end {
                    mailbox.close()
                } else {
                    mailbox.take(&mut Vec::new())
                }
                assert_eq!([order.recv().unwrap(), order.recv().unwrap()], ["emptied", "waited"]);
            });
        }
    }

    #[test]
    fn who_asks_a_shard_that_has_ended_is_not_left_waiting() {
        let config = Config { shards: 2, ..Config::default() };
        let engine = Engine::start(config, |_, _| Ok(()), |_, _| Waiting).unwrap();
        let handle = engine.handle();
        engine.stop();
        for shard in 0..2 {
            let (question, answer) = oneshot::channel();
            handle.tell(shard, question);
            assert!(answer.blocking_recv().is_err());
        }
    }
}
