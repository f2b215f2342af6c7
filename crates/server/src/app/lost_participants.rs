//! Removes users from calls whose node has died, perhaps before the other nodes knew that they had joined. Every node does it, because any of them may be cut
//! off from the database.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

use domain::calls::{LeaveLostCalls, ListCallParticipants};
use domain::ids::{EntityId, UserId};
use realtime::nodes::NodeHandle;
use realtime::presence::CallsOnNodes;
use store::{Readers, Writer};

/// How often the participants of calls in the database are compared with those on all nodes.
const CHECK_INTERVAL: Duration = Duration::from_secs(3);

/// Users in calls, each with the id of the call.
type Participants = BTreeSet<(EntityId, UserId)>;

/// Removes each user from a call who is in it on no node in two checks, until the server stops. Between the two checks the nodes learn of a user who has just
/// joined.
pub(super) async fn remove_lost_participants(node: Arc<NodeHandle>, readers: Readers, writer: Writer) {
    let mut suspects = Participants::new();
    loop {
        tokio::time::sleep(CHECK_INTERVAL).await;
        let absent = match absent_participants(&node, &readers).await {
            Ok(absent) => absent,
            Err(Stopped) => return,
        };
        let lost: Participants = absent.intersection(&suspects).cloned().collect();
        suspects = absent;
        if lost.is_empty() {
            continue;
        }
        match writer.run_as_server(LeaveLostCalls { participants: lost, listed: node.node_ids() }).await {
            // False: a node runs that cannot reach Redis, and may have the users.
            Some(Ok(_)) => {}
            Some(Err(error)) => tracing::warn!(%error, "failed to remove users from calls; the server will retry"),
            None => return,
        }
    }
}

/// The server is stopping.
struct Stopped;

/// The users whom the database has in calls, and no node has. None if the other nodes cannot be seen.
async fn absent_participants(node: &NodeHandle, readers: &Readers) -> Result<Participants, Stopped> {
    if !node.sees_other_nodes() {
        return Ok(Participants::new());
    }
    match readers.run_as_server(ListCallParticipants).await {
        Some(Ok(listed)) => Ok(listed.into_iter().filter(|(call, user)| !node.is_in_call(*call, user)).collect()),
        Some(Err(error)) => {
            tracing::debug!(%error, "failed to read the users in calls; the server will retry");
            Ok(Participants::new())
        }
        None => Err(Stopped),
    }
}
