//! A WebSocket whose session another node owns: bytes are passed on in both directions, until either side ends it.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use engine::http::{Allowance, UpgradedStream};
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use tokio::sync::watch;

use crate::connect::{NodeStream, clear_silence_timeout};
use crate::nodes::OtherNode;
use crate::pump::{Duplex, Pump};
use crate::stats::SharedStats;

/// How long one side may take to end the connection after the other side has ended it.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// A WebSocket to relay.
pub(crate) struct Relay {
    pub client: OnUpgrade,
    pub owner: OnUpgrade,
    pub node: Arc<OtherNode>,
    /// The share of relays that may go on; see [`crate::Forwarder::close_relays`].
    pub kept_share: watch::Receiver<f64>,
    pub allowance: Option<Allowance>,
    pub stats: SharedStats,
}

impl Relay {
    /// Passes bytes on until a side ends, the node is gone, or this node drains.
    pub async fn run(mut self) {
        let (client, owner) = tokio::join!(self.client, self.owner);
        let (Ok(client), Ok(owner)) = (client, owner) else { return };
        let (Some((client, from_client)), Some((owner, from_owner))) = (client_stream(client), owner_stream(owner)) else { return };
        let _open = Open::new(self.stats);
        let charge = || self.allowance.as_ref().map(|allowance| (allowance.0)());
        let to_owner = Pump::new(&from_client, charge());
        let to_client = Pump::new(&from_owner, charge());
        let rank: f64 = rand::random();
        tokio::select! {
            ended = pass(client, owner, to_owner, to_client) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a relayed WebSocket has ended");
                }
            }
            () = self.node.gone() => {}
            _ = self.kept_share.wait_for(|share| *share <= rank) => {}
        }
    }
}

/// Counts a relay for as long as it is open.
struct Open(SharedStats);

impl Open {
    fn new(stats: SharedStats) -> Self {
        stats.lock().relays += 1;
        Self(stats)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.lock().relays -= 1;
    }
}

/// The client's stream out of the HTTP server, and the bytes that were read behind its request.
fn client_stream(upgraded: Upgraded) -> Option<(Box<dyn Duplex>, Bytes)> {
    let (stream, early) =
        UpgradedStream::take(upgraded).inspect_err(|error| tracing::error!(error, "a WebSocket cannot be relayed")).ok()?;
    let stream: Box<dyn Duplex> = match stream {
        UpgradedStream::Plain(stream) => Box::new(stream),
        UpgradedStream::Tls(stream) => stream,
    };
    Some((stream, early))
}

/// The stream to the owner out of the HTTP client, and the bytes that were read behind its response.
fn owner_stream(upgraded: Upgraded) -> Option<(Box<dyn Duplex>, Bytes)> {
    let parts =
        upgraded.downcast::<NodeStream>().inspect_err(|_| tracing::error!("a WebSocket's stream to its node has another type")).ok()?;
    clear_silence_timeout(&parts.io);
    Some((Box::new(TokioIo::new(parts.io)), parts.read_buf))
}

/// Passes bytes on in both directions until both have ended. When one has ended, the other has a little time left.
async fn pass(mut client: Box<dyn Duplex>, mut owner: Box<dyn Duplex>, mut to_owner: Pump, mut to_client: Pump) -> io::Result<()> {
    let (mut owner_ended, mut client_ended) = (false, false);
    let mut both = poll_fn(|context| {
        if !owner_ended && let Poll::Ready(ended) = to_owner.poll(context, &mut *client, &mut *owner) {
            ended?;
            owner_ended = true;
        }
        if !client_ended && let Poll::Ready(ended) = to_client.poll(context, &mut *owner, &mut *client) {
            ended?;
            client_ended = true;
        }
        match (owner_ended, client_ended) {
            (false, false) => Poll::Pending,
            (owner_ended, client_ended) => Poll::Ready(Ok::<_, io::Error>(owner_ended && client_ended)),
        }
    });
    let have_both_ended = (&mut both).await?;
    if !have_both_ended {
        let rest = poll_fn(|context| {
            if !owner_ended {
                return to_owner.poll(context, &mut *client, &mut *owner);
            }
            to_client.poll(context, &mut *owner, &mut *client)
        });
        return tokio::time::timeout(CLOSE_TIMEOUT, rest).await.unwrap_or(Ok(()));
    }
    Ok(())
}
