//! Starts and stops the adapter.

use std::collections::BTreeMap;
use std::sync::Arc;

use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tracing::info;

use crate::channels::Channels;
use crate::connection::{Connector, PATIENCE};
use crate::dispatcher::{Dispatcher, HostedNamespace};
use crate::ids::random_id;
use crate::local_namespace::LocalNamespace;
use crate::peers::{Peers, PeersState};
use crate::pending::PendingRequests;
use crate::publisher::publisher;
use crate::settings::{Settings, StartError};
use crate::stats::{AdapterStats, Counters};
use crate::subscriber::{Subscriber, inbox};

/// The namespaces of a host with their names, such as `/` and `/chat`.
pub type Namespaces = BTreeMap<String, Arc<dyn LocalNamespace>>;

/// This server's part in a cluster: its connections to Redis, and their tasks. Dropping it ends both at once.
pub struct Adapter {
    uid: Arc<str>,
    peers: BTreeMap<String, Peers>,
    counters: Arc<Counters>,
    stop: watch::Sender<bool>,
    publisher: JoinHandle<()>,
    subscriber: JoinHandle<()>,
    dispatcher: JoinHandle<()>,
}

impl Adapter {
    /// Connects to Redis, and joins the cluster in these namespaces. From then on the other servers count this one and expect its answers.
    ///
    /// # Errors
    /// If the settings are wrong, or Redis cannot be reached. Once it has started, the adapter connects again by itself.
    pub async fn start(settings: &Settings, namespaces: Namespaces) -> Result<Self, StartError> {
        let connector = Connector::new(settings.connection_info()?, settings)?;
        let (stop, stopped) = watch::channel(false);
        let counters = Arc::new(Counters::default());
        let uid: Arc<str> = random_id().into();
        let pending = Arc::new(PendingRequests::default());
        let (publisher, publisher_task) = publisher(connector.clone(), counters.clone(), stopped.clone());
        let host = |(name, local): (String, Arc<dyn LocalNamespace>)| HostedNamespace {
            local,
            state: Arc::new(PeersState {
                uid: uid.clone(),
                channels: Channels::new(&settings.prefix, &name, &uid),
                namespace: name,
                publisher: publisher.clone(),
                pending: pending.clone(),
                request_timeout: settings.request_timeout,
            }),
        };
        let namespaces: Vec<HostedNamespace> = namespaces.into_iter().map(host).collect();
        let peers = namespaces.iter().map(|hosted| (hosted.state.namespace.clone(), Peers(hosted.state.clone()))).collect();
        let dispatcher = Dispatcher::new(namespaces, counters.clone());
        let (sender, inbox) = inbox(counters.clone());
        let subscriber = Subscriber {
            patterns: dispatcher.patterns(),
            channels: dispatcher.channels(),
            connector: connector.clone(),
            counters: counters.clone(),
            inbox: sender,
            stop: stopped,
        };
        // The answers to requests need the connection for commands, so that one comes first.
        let commands = connector.commands().await?;
        let subscriptions = subscriber.connect().await?;
        // The tasks may begin later, and the caller may use the connection at once.
        publisher_task.set_connection(Some(commands.0.clone()));
        subscriber.set_connected(true);
        info!(server = connector.server(), prefix = settings.prefix, "joined the cluster of socket.io servers");
        Ok(Self {
            uid,
            peers,
            counters,
            stop,
            publisher: tokio::spawn(publisher_task.run(commands)),
            subscriber: tokio::spawn(subscriber.run(subscriptions)),
            dispatcher: tokio::spawn(dispatcher.run(inbox)),
        })
    }

    /// The other servers in a namespace. `None` if the adapter was started without this namespace.
    pub fn peers(&self, namespace: &str) -> Option<&Peers> {
        self.peers.get(namespace)
    }

    /// The id of this server in the cluster.
    pub fn uid(&self) -> &str {
        &self.uid
    }

    /// The counters.
    pub fn stats(&self) -> AdapterStats {
        self.counters.snapshot()
    }

    /// Leaves the cluster: the other servers no longer count this one. Messages that wait for Redis are still sent, for at most 5 s.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        // An error of a task means that it has ended as well.
        let _ = timeout(PATIENCE, async {
            let _ = (&mut self.subscriber).await;
            let _ = (&mut self.publisher).await;
        })
        .await;
    }
}

impl Drop for Adapter {
    fn drop(&mut self) {
        self.publisher.abort();
        self.subscriber.abort();
        self.dispatcher.abort();
    }
}
