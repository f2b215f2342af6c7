//! This server in a cluster of socket.io servers, over the protocol of their Redis adapter.
//!
//! - `peer_broadcasts`: what the clients of the other servers receive of this server's events.
//! - `local_sockets`: what the other servers may do with this server's sockets.
//! - `socket_selection`: the sockets that such an operation concerns.
//! - `forwarded_acks`: the acknowledgements of clients that another server waits for.

mod forwarded_acks;
mod local_sockets;
mod peer_broadcasts;
mod socket_selection;

use std::sync::Arc;

use engine::{Handle, Namespace};
use socketio_adapter::{Adapter, Namespaces, Settings, StartError};

use crate::RealtimeApp;

pub(crate) use forwarded_acks::ForwardedAcks;
use local_sockets::LocalSockets;
pub use peer_broadcasts::PeerBroadcasts;

/// Joins the cluster with all namespaces of the engine. Returns the adapter, which leaves the cluster when it is dropped, and what the
/// fan-out needs to reach the other servers.
///
/// # Errors
/// If the settings are wrong, or Redis cannot be reached.
pub async fn join(settings: &Settings, engine: &Handle<RealtimeApp>) -> Result<(Adapter, PeerBroadcasts), StartError> {
    let names = &engine.config().namespaces;
    let numbered = || names.iter().enumerate().map(|(index, name)| (Namespace(index as u8), name));
    let host = |(namespace, name): (Namespace, &String)| {
        let local = LocalSockets::new(engine.clone(), namespace, settings.request_timeout);
        (name.clone(), Arc::new(local) as Arc<dyn socketio_adapter::LocalNamespace>)
    };
    let namespaces: Namespaces = numbered().map(host).collect();
    let adapter = Adapter::start(settings, namespaces).await?;
    let peers = numbered().filter_map(|(namespace, name)| Some((namespace, adapter.peers(name)?.clone()))).collect();
    Ok((adapter, PeerBroadcasts::new(peers)))
}
