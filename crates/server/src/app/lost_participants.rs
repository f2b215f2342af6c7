//! Removes users from calls whose node has died. Every node does it, because any of them may be cut off from the database.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use domain::calls::{LeaveLostCalls, ListCallParticipants};
use domain::command::Actor;
use domain::ids::{RoomId, UserId};
use realtime::nodes::NodeHandle;
use store::{Readers, Writer};
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use super::storage::Storage;

/// How long lost participants are gathered, so that the death of a node with many users is one command. By then, this node knows of the users who have
/// joined a call again, on any node.
const COLLECT_INTERVAL: Duration = Duration::from_secs(1);

/// How long a failed command waits until it is repeated.
const RETRY_DELAY: Duration = Duration::from_secs(2);

/// Users in calls, each with the room of the call.
type Participants = BTreeSet<(RoomId, UserId)>;

/// The users who may be in a call on no node any more.
pub(super) struct LostParticipants {
    node: Arc<NodeHandle>,
    writer: Writer,
    readers: Readers,
    waiting: Mutex<Participants>,
    runtime: Handle,
}

impl LostParticipants {
    /// Runs in a tokio runtime.
    pub fn new(node: Arc<NodeHandle>, storage: &Storage) -> Self {
        let (writer, readers) = (storage.writer.clone(), storage.readers.clone());
        Self { node, writer, readers, waiting: Mutex::default(), runtime: Handle::current() }
    }

    /// Removes users from their calls unless they are in them again a moment later. Does not block.
    pub fn lose(self: &Arc<Self>, participants: impl IntoIterator<Item = (RoomId, UserId)>) {
        let mut waiting = self.waiting();
        let is_scheduled = !waiting.is_empty();
        waiting.extend(participants);
        if !is_scheduled && !waiting.is_empty() {
            self.runtime.spawn(self.clone().remove());
        }
    }

    /// Finds the users whom the database has in calls, and no node has.
    pub async fn find_lost(self: &Arc<Self>) {
        loop {
            let (reply, response) = oneshot::channel();
            self.readers.ask(Actor::server(), ListCallParticipants, move |result| drop(reply.send(result)));
            match response.await {
                Ok(Ok(participants)) => {
                    return self.lose(participants.into_iter().filter(|(room, user)| !self.node.is_in_call(room, user)));
                }
                Ok(Err(error)) => tracing::warn!(%error, "failed to read the users in calls; the server will retry"),
                Err(_) => return,
            }
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }

    async fn remove(self: Arc<Self>) {
        tokio::time::sleep(COLLECT_INTERVAL).await;
        let mut participants = std::mem::take(&mut *self.waiting());
        loop {
            participants.retain(|(room, user)| !self.node.is_in_call(room, user));
            if participants.is_empty() {
                return;
            }
            match self.writer.run_as_server(LeaveLostCalls { participants: participants.clone(), listed: self.node.node_ids() }).await {
                // A node that cannot reach Redis runs, and may have the users.
                Some(Ok(false)) => {}
                Some(Ok(true)) | None => return,
                Some(Err(error)) => tracing::warn!(%error, "failed to remove users from calls; the server will retry"),
            }
            tokio::time::sleep(RETRY_DELAY).await;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Participants> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
