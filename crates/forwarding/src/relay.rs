//! A WebSocket whose session another node owns: bytes are passed on in both directions, until either side ends it.

use std::future::poll_fn;
use std::io;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use engine::http::Allowance;
use hyper::upgrade::{OnUpgrade, Upgraded};
use hyper_util::rt::TokioIo;
use rustix::net::sockopt::set_tcp_user_timeout;
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::server::TlsStream;

use crate::nodes::OtherNode;
use crate::pump::{Duplex, Pump};
use crate::stats::{Counters, count};

/// How long one side may take to end the connection after the other side has ended it.
const LINGER: Duration = Duration::from_secs(5);

/// A WebSocket to relay.
pub(crate) struct Relay {
    pub client: OnUpgrade,
    pub owner: OnUpgrade,
    pub node: Arc<OtherNode>,
    /// The share of relays that may go on; see [`crate::Forwarder::close_relays`].
    pub keep: watch::Receiver<f64>,
    pub allowance: Option<Allowance>,
    pub counters: Arc<Counters>,
}

impl Relay {
    /// Passes bytes on until a side ends, the node is gone, or this node drains.
    pub async fn run(mut self) {
        let (client, owner) = tokio::join!(self.client, self.owner);
        let (Ok(client), Ok(owner)) = (client, owner) else { return };
        let Some((client, first)) = client_stream(client) else { return };
        let _open = Open::new(self.counters);
        let charge = || self.allowance.as_ref().map(|allowance| (allowance.0)());
        let to_owner = Pump::new(&first, charge());
        let to_client = Pump::new(&[], charge());
        let place: f64 = rand::random();
        tokio::select! {
            ended = pass(client, Box::new(TokioIo::new(owner)), to_owner, to_client) => {
                if let Err(error) = ended {
                    tracing::debug!(%error, "a relayed WebSocket has ended");
                }
            }
            () = self.node.gone() => {}
            _ = self.keep.wait_for(|keep| *keep <= place) => {}
        }
    }
}

/// Counts a relay for as long as it is open.
struct Open(Arc<Counters>);

impl Open {
    fn new(counters: Arc<Counters>) -> Self {
        count(&counters.relays);
        Self(counters)
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.0.relays.fetch_sub(1, Ordering::Relaxed);
    }
}

/// The client's stream out of the HTTP server, and the bytes that were read behind its request.
fn client_stream(upgraded: Upgraded) -> Option<(Box<dyn Duplex>, bytes::Bytes)> {
    // The server bounds the time in which a response makes progress. A WebSocket has its own bound, on the node that owns it.
    let clear = |stream: &TcpStream| {
        if let Err(error) = set_tcp_user_timeout(stream, 0) {
            tracing::debug!(%error, "a relayed WebSocket keeps the time limit of HTTP");
        }
    };
    let upgraded = match upgraded.downcast::<TokioIo<TcpStream>>() {
        Ok(parts) => {
            let stream = parts.io.into_inner();
            clear(&stream);
            return Some((Box::new(stream), parts.read_buf));
        }
        Err(upgraded) => upgraded,
    };
    let parts = upgraded.downcast::<TokioIo<TlsStream<TcpStream>>>().ok()?;
    let stream = parts.io.into_inner();
    clear(stream.get_ref().0);
    Some((Box::new(stream), parts.read_buf))
}

/// Passes bytes on in both directions until both have ended. When one has ended, the other has a little time left.
async fn pass(mut client: Box<dyn Duplex>, mut owner: Box<dyn Duplex>, mut to_owner: Pump, mut to_client: Pump) -> io::Result<()> {
    let (mut owner_knows, mut client_knows) = (false, false);
    let mut both = poll_fn(|context| {
        if !owner_knows && let Poll::Ready(ended) = to_owner.poll(context, &mut *client, &mut *owner) {
            ended?;
            owner_knows = true;
        }
        if !client_knows && let Poll::Ready(ended) = to_client.poll(context, &mut *owner, &mut *client) {
            ended?;
            client_knows = true;
        }
        match (owner_knows, client_knows) {
            (false, false) => Poll::Pending,
            (both_know, other) => Poll::Ready(Ok::<_, io::Error>(both_know && other)),
        }
    });
    let have_both_ended = (&mut both).await?;
    if !have_both_ended {
        let rest = poll_fn(|context| {
            if !owner_knows {
                return to_owner.poll(context, &mut *client, &mut *owner);
            }
            to_client.poll(context, &mut *owner, &mut *client)
        });
        return tokio::time::timeout(LINGER, rest).await.unwrap_or(Ok(()));
    }
    Ok(())
}
