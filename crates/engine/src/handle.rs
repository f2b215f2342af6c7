//! Access to the engine from any thread: publish broadcasts, send messages to the program's shards, shut down gradually.

use std::sync::Arc;
use std::time::Instant;

use tokio::sync::oneshot;

use crate::app::App;
use crate::broadcast::Broadcast;
use crate::config::Config;
use crate::history::{MissedRange, Slice};
use crate::hub::Hub;
use crate::id::Id;
use crate::mailbox::{Mail, Mailbox, lock};

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
        self.0.history.as_ref()?.slice(rooms, MissedRange { everyone: true, from, until }, bytes)
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
            let (reply, response) = oneshot::channel();
            mailbox.put([Mail::CloseSome { left, reply }]);
            shards.push(response);
        }
        let mut all = 0;
        for response in shards {
            // A shard that has ended has no connections.
            all += response.await.unwrap_or(0);
        }
        all
    }

    /// Blocks until no mailbox is full. It is for the thread that publishes most, between two broadcasts: if the shards are slower than
    /// this thread, it must not fill their mailboxes without bound. The thread must not hold the mail back (see [`Handle::batch`]), and
    /// must not be a shard's own thread.
    pub fn wait_for_capacity(&self) {
        self.0.mailboxes.iter().for_each(Mailbox::wait_for_capacity);
    }

    /// Whether no mailbox is full; see [`Handle::wait_for_capacity`].
    pub fn has_capacity(&self) -> bool {
        self.0.mailboxes.iter().all(Mailbox::has_capacity)
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

/// A guard that holds the mail back; see [`Handle::batch`].
pub struct BatchGuard<A: App>(Arc<Hub<A>>);

impl<A: App> Drop for BatchGuard<A> {
    fn drop(&mut self) {
        self.0.mailboxes.iter().for_each(Mailbox::end_batch);
    }
}
