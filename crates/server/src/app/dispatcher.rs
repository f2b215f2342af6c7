//! The request handler of the listener: it passes requests to the engine or to REST.

use std::sync::Arc;

use api::metrics::Metrics;
use axum::body::Body;
use engine::Handle;
use engine::http::{Allowance, ForwardedConnection};
use forwarding::{Forwarder, Received, Sender};
use http::{Request, Response};
use hyper::body::Incoming;
use limits::bytes_in_memory::{ByteAccount, BytesInHand, ConnectionEnd, End};
use listener::{AcceptRejection, AddressLimit, Handler, Peer, Proxies};
use logging::audit;
use realtime::RealtimeApp;
use tokio::net::TcpStream;

/// Passes requests for the engine's paths to the engine, and all others to REST.
#[derive(Clone)]
pub(super) struct Dispatcher<R> {
    /// `None` if live connections are switched off.
    pub engine: Option<Handle<RealtimeApp>>,
    /// Forwards the requests of sessions that other nodes own. `None` if there are no other nodes.
    pub forwarding: Option<Forwarder>,
    pub rest: R,
    pub metrics: Arc<Metrics>,
    pub bytes_in_hand: Arc<BytesInHand>,
    pub proxies: Proxies,
}

impl<R: Handler> Handler for Dispatcher<R> {
    async fn handle(&self, mut request: Request<Incoming>, peer: Peer) -> Response<Body> {
        let engine = self.engine.as_ref().filter(|engine| engine.serves(request.uri().path()));
        let forwarding = self.forwarding.as_ref().filter(|_| engine.is_some());
        let received = forwarding.map_or(Received::FromClient, |forwarding| forwarding.receive(&mut request));
        let address = match received {
            Received::FromNode(_, client) => client,
            Received::FromClient | Received::Refused => self.proxies.sender(peer.address, request.headers()),
        };
        if received == Received::FromClient && address != peer.address {
            request.extensions_mut().insert(ForwardedConnection::of_one_request());
        }
        let end = request.extensions_mut().remove().map_or_else(|| Arc::new(|| {}) as End, |ConnectionEnd(end)| end);
        let account = ByteAccount::new(Arc::clone(&self.bytes_in_hand), address.ip(), end);
        match engine {
            Some(engine) => {
                let counted = account.clone();
                request.extensions_mut().insert(Allowance(Arc::new(move || Box::new(counted.holder()))));
                let response = match forwarding {
                    Some(forwarding) => {
                        if let (Received::FromNode(..), Some(limit)) = (received, request.extensions().get::<AddressLimit>()) {
                            limit.exempt();
                        }
                        let sender = Sender { peer: peer.address, client: address };
                        forwarding.serve(engine, request, received, sender).await.map(Body::new)
                    }
                    // The handshake check finds the client's address itself, as it does without this handler.
                    None => engine.serve(request, peer.address).await.map(Body::new),
                };
                // Messages of a session must not be lost silently.
                account.count_or_end(response)
            }
            None => {
                request.extensions_mut().insert(account.clone());
                let is_read = request.method().is_safe();
                let response = self.rest.handle(request, Peer { address, ..peer }).await;
                // The response to a stored change must not ask the client to try again.
                if is_read || !response.status().is_success() { account.count(response) } else { account.count_or_end(response) }
            }
        }
    }

    async fn take(&self, stream: TcpStream, peer: Peer) -> Option<TcpStream> {
        match &self.engine {
            Some(engine) => engine.take(stream, peer.address).await,
            None => Some(stream),
        }
    }

    fn is_health_check(&self, path: &str) -> bool {
        api::is_health_check(path)
    }

    fn connection_rejected(&self, reason: AcceptRejection, peer: Peer) {
        self.metrics.http_rejected(reason.code());
        audit::rejected(None, peer.address, "http", reason.code());
    }
}
