//! Communication between threads and shards: each shard has one mailbox, and broadcasts have the same order in all of them.

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
use crate::http::{NewConnection, ShardRequest};
use crate::id::Id;
use crate::shard::ArchiveReadResult;
use crate::worker::Worker;

/// The contents of a shard's mailbox, in the order in which they were put there.
pub(crate) enum Mail<A: App> {
    Broadcast(Arc<Broadcast>),
    Message(A::Message),
    Reread(Box<ArchiveReadResult>),
    Arrival(Box<NewConnection<A>>),
    Request(Box<ShardRequest<A>>),
    /// Closes a share of the connections; see [`Handle::close_some`].
    CloseSome {
        left: f64,
        reply: oneshot::Sender<usize>,
    },
    Stop,
}

struct MailboxState<A: App> {
    waiting: Vec<Mail<A>>,
    /// Whether the shard is in epoll (or about to enter it) and must be woken.
    asleep: bool,
    /// The number of threads that hold the mail back; see [`Handle::hold`].
    holds: u32,
    /// Whether the shard has ended. New mail is dropped then, so that a thread that waits for an answer learns that none will come.
    closed: bool,
}

impl<A: App> MailboxState<A> {
    /// Whether the shard would find mail.
    fn has_mail(&self) -> bool {
        self.holds == 0 && !self.waiting.is_empty()
    }
}

/// The number of letters in a mailbox from which on a thread that publishes much has to wait; see [`Handle::wait_for_room`].
const MAILBOX_HIGH_WATER: usize = 8192;

/// The mailbox of one shard.
pub(crate) struct Mailbox<A: App> {
    letters: Mutex<MailboxState<A>>,
    /// Signals that there is room again.
    emptied: Condvar,
    waker: mio::Waker,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<A: App> Mailbox<A> {
    /// An empty mailbox for the shard that waits in this epoll instance.
    fn new(poll: &mio::Poll) -> io::Result<Self> {
        let waker = mio::Waker::new(poll.registry(), crate::worker::WAKE)?;
        Ok(Self {
            letters: Mutex::new(MailboxState { waiting: Vec::new(), asleep: false, holds: 0, closed: false }),
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

    /// Wakes the shard if it sleeps and there is mail for it.
    fn wake(&self, mut letters: MutexGuard<'_, MailboxState<A>>) {
        let wake = letters.has_mail() && std::mem::take(&mut letters.asleep);
        drop(letters);
        if wake && let Err(error) = self.waker.wake() {
            tracing::error!(%error, "a shard cannot be woken");
        }
    }

    /// Swaps all waiting mail into `into`, which must be empty.
    pub fn take(&self, into: &mut Vec<Mail<A>>) {
        let mut letters = lock(&self.letters);
        if letters.has_mail() {
            std::mem::swap(&mut letters.waiting, into);
        }
        drop(letters);
        if into.len() >= MAILBOX_HIGH_WATER {
            self.emptied.notify_all();
        }
    }

    /// Waits until there is room, or the shard has ended.
    fn wait_for_capacity(&self) {
        let full = |letters: &mut MailboxState<A>| letters.waiting.len() >= MAILBOX_HIGH_WATER && !letters.closed;
        drop(self.emptied.wait_while(lock(&self.letters), full));
    }

    /// Hides all mail, also later mail, from the shard until [`Mailbox::release`].
    fn begin_batch(&self) {
        lock(&self.letters).holds += 1;
    }

    /// Ends one hold. After the last one the shard finds all mail at once.
    fn end_batch(&self) {
        let mut letters = lock(&self.letters);
        letters.holds = letters.holds.saturating_sub(1);
        self.wake(letters);
    }

    /// Drops the waiting mail, and all later mail.
    pub fn close(&self) {
        let mut letters = lock(&self.letters);
        letters.closed = true;
        let waiting = std::mem::take(&mut letters.waiting);
        // Dropping a letter may wake a thread that puts another one here.
        drop(letters);
        self.emptied.notify_all();
        drop(waiting);
    }

    /// Notes that the shard is about to sleep. False if it must not sleep, because mail waits.
    pub fn set_asleep(&self) -> bool {
        let mut letters = lock(&self.letters);
        letters.asleep = !letters.has_mail();
        letters.asleep
    }

    /// Notes that the shard is awake and will look for mail without being woken.
    pub fn set_awake(&self) {
        lock(&self.letters).asleep = false;
    }
}

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

pub(crate) type Gate<H> = Arc<dyn Fn(&http::request::Parts, SocketAddr) -> Result<H, HandshakeRejection> + Send + Sync>;

pub(crate) struct Hub<A: App> {
    pub config: Arc<Config>,
    pub gate: Gate<A::Handshake>,
    pub mailboxes: Vec<Mailbox<A>>,
    /// The recent broadcasts, if they are kept for replay.
    pub history: Option<Arc<History>>,
    /// Locked while broadcasts are put into every mailbox, so that all shards receive them in the same order.
    order: Mutex<()>,
    next: AtomicUsize,
}

impl<A: App> Hub<A> {
    /// Makes the hub of the shards that wait in these epoll instances.
    pub fn new(config: Config, gate: Gate<A::Handshake>, polls: &[mio::Poll]) -> io::Result<Self> {
        let mailboxes = polls.iter().map(Mailbox::new).collect::<io::Result<Vec<_>>>()?;
        let history = config.recovery.clone().map(|recovery| Arc::new(History::new(recovery)));
        Ok(Self { config: Arc::new(config), gate, mailboxes, history, order: Mutex::default(), next: AtomicUsize::new(0) })
    }

    /// The shard for a new connection, in round-robin order.
    pub fn next_shard(&self) -> u8 {
        (self.next.fetch_add(1, Ordering::Relaxed) % self.mailboxes.len()) as u8
    }

    /// Puts mail into one shard's mailbox. False if there is no such shard.
    pub fn put(&self, shard: u8, mail: Mail<A>) -> bool {
        let Some(mailbox) = self.mailboxes.get(shard as usize) else { return false };
        mailbox.put([mail]);
        true
    }

    /// Publishes broadcasts together: every shard receives them in the same order relative to all other broadcasts.
    pub fn publish(&self, broadcasts: &[Arc<Broadcast>]) {
        self.append_to_history(broadcasts.iter().map(|broadcast| &**broadcast));
        let order = (self.mailboxes.len() > 1).then(|| lock(&self.order));
        for mailbox in &self.mailboxes {
            mailbox.put(broadcasts.iter().cloned().map(Mail::Broadcast));
        }
        drop(order);
    }

    /// Keeps the numbered broadcasts for replay. They must be kept before any connection can have received them.
    fn append_to_history<'a>(&self, broadcasts: impl Iterator<Item = &'a Broadcast>) {
        let Some(history) = &self.history else { return };
        let mut now = None;
        for broadcast in broadcasts.filter(|broadcast| broadcast.number.is_some()) {
            history.append(broadcast, *now.get_or_insert_with(Instant::now));
        }
    }
}

/// Access to the engine from any thread. Cheap to clone.
pub struct Handle<A: App>(pub(crate) Arc<Hub<A>>);

impl<A: App> Clone for Handle<A> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<A: App> Handle<A> {
    /// Publishes a broadcast. Every socket that receives two broadcasts receives them in the order in which they were published.
    pub fn publish(&self, broadcast: Broadcast) {
        self.0.publish(&[Arc::new(broadcast)]);
    }

    /// Keeps a broadcast from before the start for replay. Call it in the order of the numbers, before any broadcast is published.
    pub fn restore(&self, broadcast: Broadcast) {
        self.0.append_to_history([&broadcast].into_iter());
    }

    /// The first broadcasts after `from` and up to `until` to these rooms (for each room only those after its own number) and to every
    /// connection: each once, in order, about `bytes` bytes and at least one. `None` if one of all of them is possibly not kept any more.
    pub fn missed<'a>(&self, rooms: impl IntoIterator<Item = (&'a str, u64)>, from: u64, until: u64, bytes: usize) -> Option<Slice> {
        self.0.history.as_ref()?.slice(rooms, true, from, until, bytes)
    }

    /// Forgets the broadcasts up to a number, because they cannot be read any more.
    pub fn expire_up_to(&self, number: u64) {
        if let Some(history) = &self.0.history {
            history.expire_up_to(number);
        }
    }

    /// Takes out the numbers of up to `most` evicted broadcasts, which need not be stored any more, and the holes that they leave; see
    /// [`crate::Recovery::holes`].
    pub fn take_evicted(&self, most: usize) -> (Vec<u64>, Vec<(Arc<str>, u64)>) {
        self.0.history.as_ref().map_or_else(Default::default, |history| history.take_evicted(most))
    }

    /// Forgets the broadcasts that are older than the window. That also happens whenever a broadcast is published; this method frees the
    /// memory while none is.
    pub fn expire_old(&self) {
        if let Some(history) = &self.0.history {
            history.expire(Instant::now());
        }
    }

    /// The number of broadcasts that are kept for replay, and their approximate memory in bytes.
    pub fn history_size(&self) -> (usize, usize) {
        self.0.history.as_ref().map_or((0, 0), |history| history.size())
    }

    /// Sends a message to the application on one shard. Without such a shard the message is dropped.
    pub fn send(&self, shard: usize, message: A::Message) {
        if let Some(mailbox) = self.0.mailboxes.get(shard) {
            mailbox.put([Mail::Message(message)]);
        }
    }

    /// Sends a message to the application on every shard, in the same order as broadcasts.
    pub fn send_to_all(&self, mut message: impl FnMut() -> A::Message) {
        let _order = lock(&self.0.order);
        for mailbox in &self.0.mailboxes {
            mailbox.put([Mail::Message(message())]);
        }
    }

    /// Hides the mail from all shards until the guard is dropped; then they find all of it at once, in the order in which it was put there.
    /// It is for a thread that publishes many broadcasts in a row: each shard is woken once, and writes once for each connection. The
    /// thread must not block while it holds the guard, because the mail of all other threads waits too.
    pub fn batch(&self) -> BatchGuard<A> {
        self.0.mailboxes.iter().for_each(Mailbox::begin_batch);
        BatchGuard(self.0.clone())
    }

    /// Closes as many connections as are due, so that all of them are closed evenly over the time of a shutdown. `left` is the part of that
    /// time that is still to come, from 1 to 0. A connection that still waits for a response (see [`App::is_busy`]) is no longer read, and
    /// is closed in a later round. The clients receive all their pending messages, and then 1001 and "server shutting down".
    ///
    /// Returns the number of connections that are still there, including those that are being closed.
    pub async fn close_fraction(&self, left: f64) -> usize {
        let mut shards = Vec::with_capacity(self.shards());
        for mailbox in &self.0.mailboxes {
            let (reply, answer) = oneshot::channel();
            mailbox.put([Mail::CloseSome { left, reply }]);
            shards.push(answer);
        }
        let mut all = 0;
        for answer in shards {
            // A shard that has ended has no connections.
            all += answer.await.unwrap_or(0);
        }
        all
    }

    /// Blocks until no mailbox is full. It is for the thread that publishes most, between two broadcasts: if the shards are slower than
    /// this thread, it must not fill their mailboxes without bound. The thread must not hold the mail back (see [`Handle::hold`]), and must
    /// not be a shard's own thread.
    pub fn wait_for_capacity(&self) {
        self.0.mailboxes.iter().for_each(Mailbox::wait_for_capacity);
    }

    /// The number of shards.
    pub fn shards(&self) -> usize {
        self.0.mailboxes.len()
    }

    /// The index of the shard on which an id was made. `None` if there is no such shard.
    pub fn shard_of(&self, id: Id) -> Option<usize> {
        let shard = usize::from(id.shard());
        (shard < self.shards()).then_some(shard)
    }

    /// The engine's settings.
    pub fn config(&self) -> &Config {
        &self.0.config
    }
}

/// A guard that holds the mail back; see [`Handle::hold`].
pub struct BatchGuard<A: App>(Arc<Hub<A>>);

impl<A: App> Drop for BatchGuard<A> {
    fn drop(&mut self) {
        self.0.mailboxes.iter().for_each(Mailbox::end_batch);
    }
}

/// The running shards.
pub struct Engine<A: App> {
    handle: Handle<A>,
    threads: Vec<JoinHandle<()>>,
}

impl<A: App> Engine<A> {
    /// Starts one thread for each shard, with the application that `app` makes for it.
    ///
    /// `gate` checks the request head and the peer's address of each handshake. It returns the data to keep of them, or the rejection with
    /// which the handshake is answered (long-polling with its status, WebSocket with 400; on a plain endpoint the WebSocket is opened and
    /// closed).
    ///
    /// # Errors
    /// If the operating system gives no epoll instance or no thread.
    pub fn start(
        config: Config,
        gate: impl Fn(&http::request::Parts, SocketAddr) -> Result<A::Handshake, HandshakeRejection> + Send + Sync + 'static,
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
                        // The shard's clients would hang for as long as the other shards run. The supervisor starts a process that has
                        // ended again.
                        tracing::error!(shard = index, ?ended, "a shard has died; the process ends");
                        abort();
                    }
                })
            })
            .collect::<io::Result<Vec<_>>>()?;
        Ok(Self { handle: Handle(hub), threads })
    }

    /// Access to the engine from any thread.
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
        mailbox.begin_batch();
        mailbox.begin_batch();
        mailbox.put([told(), told()]);
        assert!(mailbox.set_asleep(), "there is nothing to find yet");
        mailbox.put([told()]);
        mailbox.end_batch();
        assert_eq!(found(), 0, "somebody else still holds");
        assert!(lock(&mailbox.letters).asleep);
        mailbox.end_batch();
        assert!(!lock(&mailbox.letters).asleep, "it was woken");
        assert_eq!(found(), 3);
    }

    #[test]
    fn who_has_much_to_say_waits_until_a_full_mailbox_is_emptied_or_its_shard_ends() {
        let told = || Mail::<Waiting>::Message(oneshot::channel().0);
        for end in [false, true] {
            let poll = mio::Poll::new().unwrap();
            let mailbox = Mailbox::<Waiting>::new(&poll).unwrap();
            mailbox.wait_for_capacity();
            mailbox.put((0..MAILBOX_HIGH_WATER).map(|_| told()));
            thread::scope(|scope| {
                let (waited, order) = std::sync::mpsc::channel();
                let emptied = waited.clone();
                let mailbox = &mailbox;
                scope.spawn(move || {
                    mailbox.wait_for_capacity();
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
            handle.send(shard, question);
            assert!(answer.blocking_recv().is_err());
        }
    }
}
