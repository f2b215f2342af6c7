//! Two nodes on free ports.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::body::Body;
use config::{Config, NodeUrl};
use engine::http::ForwardedConnection;
use engine::{App, Connect, DisconnectReason, Engine, Event, Handle, NodeTag, Shard, SocketKey};
use forwarding::{ClusterKey, Forwarder, ForwarderParts, Received, Sender};
use http::{Request, Response};
use hyper::body::Incoming;
use listener::{Handler, Listener, Peer};
use rustls::RootCertStore;
use tokio::sync::mpsc;
use tokio::time::Instant;

pub const SECRET: &str = "0123456789abcdef0123456789abcdef";

/// The largest message.
pub const MAX_PAYLOAD: usize = 1_000_000;

/// Returns each event to its sender, acknowledges it, and reports the end of sockets.
struct Echo(mpsc::UnboundedSender<DisconnectReason>);

impl App for Echo {
    type Handshake = ();
    type Data = ();
    type Message = ();

    fn connect(&mut self, shard: &mut Shard<Self>, socket: SocketKey, _: Connect<'_>) {
        shard.accept(socket, ());
    }

    fn event(&mut self, shard: &mut Shard<Self>, socket: SocketKey, event: Event<'_>) {
        if let Ok(message) = engine::OutboundMessage::event(event.name.to_owned(), event.args.raw()) {
            shard.emit(socket, &message);
        }
    }

    fn disconnect(&mut self, _: &mut Shard<Self>, _: SocketKey, reason: DisconnectReason) {
        let _ = self.0.send(reason);
    }
}

/// What another node said about a client.
pub type SeenClient = (SocketAddr, Option<ForwardedConnection>);

#[derive(Clone)]
struct TestHandler {
    engine: Handle<Echo>,
    forwarder: Forwarder,
    seen: Arc<Mutex<Vec<SeenClient>>>,
}

impl Handler for TestHandler {
    async fn handle(&self, mut request: Request<Incoming>, peer: Peer) -> Response<Body> {
        let received = self.forwarder.receive(&mut request);
        if let Received::FromNode(_, client) = received {
            self.seen.lock().unwrap().push((client, request.extensions().get().copied()));
        }
        let sender = Sender { peer: peer.address, client: peer.address };
        self.forwarder.serve(&self.engine, request, received, sender).await.map(Body::new)
    }
}

/// A node.
pub struct Node {
    pub id: &'static str,
    pub address: SocketAddr,
    pub forwarder: Forwarder,
    /// The ends of its sockets.
    pub ends: mpsc::UnboundedReceiver<DisconnectReason>,
    /// What other nodes said about the clients of the requests that they forwarded.
    pub seen: Arc<Mutex<Vec<SeenClient>>>,
    _engine: Engine<Echo>,
}

impl Node {
    pub async fn start(id: &'static str, secret: &str) -> Self {
        Self::start_with(id, secret, &[], None).await
    }

    /// A node with further settings of its listener, and with authorities for the certificates of other nodes.
    pub async fn start_with(id: &'static str, secret: &str, listener: &[(&str, &str)], authorities: Option<RootCertStore>) -> Self {
        let (ended, ends) = mpsc::unbounded_channel();
        let config = engine::Config { node: Some(NodeTag::of(id)), shards: 2, max_payload: MAX_PAYLOAD, ..Default::default() };
        let engine = Engine::start(config, |_, _| Ok(()), move |_, _| Echo(ended.clone())).unwrap();
        let parts = ForwarderParts { node: NodeTag::of(id), key: ClusterKey::new(secret) };
        let forwarder = match authorities {
            Some(authorities) => Forwarder::with_authorities(parts, authorities),
            None => Forwarder::new(parts),
        };
        let pairs = [&[("HOST", "127.0.0.1"), ("PORT", "0")], listener].concat();
        let listener = Listener::bind(&Config::of_pairs(pairs).unwrap()).await.unwrap();
        let (address, seen) = (listener.addresses()[0], Arc::default());
        let handler = TestHandler { engine: engine.handle(), forwarder: forwarder.clone(), seen: Arc::clone(&seen) };
        tokio::spawn(listener.serve(handler, std::future::pending::<Instant>()));
        Self { id, address, forwarder, ends, seen, _engine: engine }
    }

    /// Lets this node know the address of another one.
    pub fn set(&self, other: &Self) {
        self.set_url(other, &format!("http://{}", other.address));
    }

    /// Lets this node know another address of another one.
    pub fn set_url(&self, other: &Self, url: &str) {
        self.forwarder.set_node(NodeTag::of(other.id), NodeUrl::parse(url).unwrap());
    }

    /// Lets this node know that another one is gone.
    pub fn remove(&self, other: &Self) {
        self.forwarder.remove_node(NodeTag::of(other.id));
    }

    /// The end of the next socket that ends.
    pub async fn next_end(&mut self) -> DisconnectReason {
        self.ends.recv().await.unwrap()
    }
}

/// Two nodes that know each other: the owner of the sessions in a test, and the other one.
pub async fn two_nodes() -> (Node, Node) {
    let (owner, other) = (Node::start("owner", SECRET).await, Node::start("other", SECRET).await);
    owner.set(&other);
    other.set(&owner);
    (owner, other)
}
