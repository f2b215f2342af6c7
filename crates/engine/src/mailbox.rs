//! Mailboxes: how other threads pass work to a shard. Each shard has one, which wakes the shard when it sleeps in epoll.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use mio::Token;
use tokio::sync::oneshot;

use crate::app::App;
use crate::broadcast::Broadcast;
use crate::shard::ArchiveReadResult;
use crate::shard_request::{NewConnection, ShardRequest};

/// The epoll token of a mailbox's waker. Connections have their slots as tokens.
pub(crate) const WAKE: Token = Token(usize::MAX);

/// The contents of a shard's mailbox, in the order in which they were put there.
pub(crate) enum Mail<A: App> {
    Broadcast(Arc<Broadcast>),
    Message(A::Message),
    Reread(Box<ArchiveReadResult>),
    NewConnection(Box<NewConnection<A::Handshake>>),
    Request(Box<ShardRequest<A::Handshake>>),
    /// Closes a share of the connections; see [`crate::Handle::close_fraction`].
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
    /// The number of open batches, which hide the mail from the shard; see [`crate::Handle::batch`].
    batches: u32,
    /// Whether the shard has ended. New mail is dropped then, so that a thread that waits for a response learns that it will receive none.
    closed: bool,
}

impl<A: App> MailboxState<A> {
    /// Whether the shard would find mail.
    fn has_mail(&self) -> bool {
        self.batches == 0 && !self.waiting.is_empty()
    }
}

/// The number of messages in a mailbox from which on a thread that publishes much has to wait; see [`crate::Handle::wait_for_capacity`].
const MAILBOX_HIGH_WATER: usize = 8192;

/// The mailbox of one shard.
pub(crate) struct Mailbox<A: App> {
    state: Mutex<MailboxState<A>>,
    /// Signals that there is room again.
    emptied: Condvar,
    waker: mio::Waker,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<A: App> Mailbox<A> {
    /// An empty mailbox for the shard that waits in this epoll instance.
    pub fn new(poll: &mio::Poll) -> io::Result<Self> {
        let waker = mio::Waker::new(poll.registry(), WAKE)?;
        Ok(Self {
            state: Mutex::new(MailboxState { waiting: Vec::new(), asleep: false, batches: 0, closed: false }),
            emptied: Condvar::new(),
            waker,
        })
    }

    pub fn put(&self, mail: impl IntoIterator<Item = Mail<A>>) {
        let mut state = lock(&self.state);
        if state.closed {
            return;
        }
        state.waiting.extend(mail);
        self.wake(state);
    }

    /// Wakes the shard if it sleeps and there is mail for it.
    fn wake(&self, mut state: MutexGuard<'_, MailboxState<A>>) {
        let wake = state.has_mail() && std::mem::take(&mut state.asleep);
        drop(state);
        if wake && let Err(error) = self.waker.wake() {
            tracing::error!(%error, "a shard cannot be woken");
        }
    }

    /// Swaps all waiting mail into `into`, which must be empty.
    pub fn take(&self, into: &mut Vec<Mail<A>>) {
        let mut state = lock(&self.state);
        if state.has_mail() {
            std::mem::swap(&mut state.waiting, into);
        }
        drop(state);
        if into.len() >= MAILBOX_HIGH_WATER {
            self.emptied.notify_all();
        }
    }

    /// Waits until there is room, or the shard has ended.
    pub fn wait_for_capacity(&self) {
        let full = |state: &mut MailboxState<A>| state.waiting.len() >= MAILBOX_HIGH_WATER && !state.closed;
        drop(self.emptied.wait_while(lock(&self.state), full));
    }

    /// Whether there is room; see [`Mailbox::wait_for_capacity`].
    pub fn has_capacity(&self) -> bool {
        lock(&self.state).waiting.len() < MAILBOX_HIGH_WATER
    }

    /// Hides all mail, also later mail, from the shard until [`Mailbox::end_batch`].
    pub fn begin_batch(&self) {
        lock(&self.state).batches += 1;
    }

    /// Ends one batch. After the last one the shard finds all mail at once.
    pub fn end_batch(&self) {
        let mut state = lock(&self.state);
        state.batches = state.batches.saturating_sub(1);
        self.wake(state);
    }

    /// Drops the waiting mail, and all later mail.
    pub fn close(&self) {
        let mut state = lock(&self.state);
        state.closed = true;
        let waiting = std::mem::take(&mut state.waiting);
        // Dropping a message may wake a thread that puts another one here.
        drop(state);
        self.emptied.notify_all();
        drop(waiting);
    }

    /// Notes that the shard is about to sleep. False if it must not sleep, because mail waits.
    pub fn set_asleep(&self) -> bool {
        let mut state = lock(&self.state);
        state.asleep = !state.has_mail();
        state.asleep
    }

    /// Notes that the shard is awake and will look for mail without being woken.
    pub fn set_awake(&self) {
        lock(&self.state).asleep = false;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::{Connect, Event};
    use crate::shard::{Shard, SocketKey};

    struct SilentApp;

    impl App for SilentApp {
        type Handshake = ();
        type Data = ();
        type Message = oneshot::Sender<()>;

        fn connect(&mut self, _: &mut Shard<Self>, _: SocketKey, _: Connect<'_>) {}

        fn event(&mut self, _: &mut Shard<Self>, _: SocketKey, _: Event<'_>) {}
    }

    #[test]
    fn batch_hides_mail_and_wakes_the_shard_once_at_its_end() {
        let poll = mio::Poll::new().unwrap();
        let mailbox = Mailbox::<SilentApp>::new(&poll).unwrap();
        let message = || Mail::Message(oneshot::channel().0);
        let take = || {
            let mut mail = Vec::new();
            mailbox.take(&mut mail);
            mail.len()
        };
        mailbox.begin_batch();
        mailbox.begin_batch();
        mailbox.put([message(), message()]);
        assert!(mailbox.set_asleep(), "there is no visible mail yet");
        mailbox.put([message()]);
        mailbox.end_batch();
        assert_eq!(take(), 0, "the other batch is still open");
        assert!(lock(&mailbox.state).asleep);
        mailbox.end_batch();
        assert!(!lock(&mailbox.state).asleep, "the mailbox has woken the shard");
        assert_eq!(take(), 3);
    }

    #[test]
    fn publisher_waits_until_a_full_mailbox_is_emptied_or_closed() {
        let message = || Mail::<SilentApp>::Message(oneshot::channel().0);
        for end in [false, true] {
            let poll = mio::Poll::new().unwrap();
            let mailbox = Mailbox::<SilentApp>::new(&poll).unwrap();
            mailbox.wait_for_capacity();
            mailbox.put((0..MAILBOX_HIGH_WATER).map(|_| message()));
            std::thread::scope(|scope| {
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
}
