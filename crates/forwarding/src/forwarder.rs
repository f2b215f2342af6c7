//! Forwards requests, and receives those that other nodes forward.

use std::error::Error;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use config::NodeUrl;
use engine::http::{Allowance, ByteCharge, ForwardedConnection, HttpConnection, OverBudget, is_upgrade, kept_connection, over_budget};
use engine::{App, Handle, NodeTag};
use http::header::{self, HeaderValue};
use http::{Method, Request, Response, StatusCode};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Either, Empty, Full};
use hyper::body::{Body, Incoming};
use hyper_util::client::legacy::{Client, Error as ClientError};
use hyper_util::rt::{TokioExecutor, TokioTimer};
use rustls::RootCertStore;
use tokio::sync::watch;

use crate::connect::{NodeConnector, connector, system_authorities};
use crate::message;
use crate::nodes::{Nodes, OtherNode};
use crate::proof::{Claims, ClusterKey, HEADER, Purpose};
use crate::relay::Relay;
use crate::response_body::{ForwardedBody, Loss, LossReport};
use crate::stats::{ForwardingStats, SharedStats};

/// How long a connection to another node stays open without a request. The other node closes it after 10 s, and a request must not meet that.
const IDLE_TIMEOUT: Duration = Duration::from_secs(5);

/// The most bytes of a request's body that this node holds: hyper's buffers, in which the body waits for the other node.
const MAX_BUFFERED: usize = 64 * 1024;

/// The body of the response to a request that is not signed.
const REFUSED: &str =
    "x-roomcast-forwarded is for nodes of this cluster: all nodes need the same CLUSTER_SECRET, and a client must not send it\n";

/// The body of a request to another node.
type RequestBody = Either<Incoming, Empty<Bytes>>;

/// What a node needs in order to forward requests.
pub struct ForwarderParts {
    /// The tag of this node.
    pub node: NodeTag,
    /// The key of the cluster.
    pub key: ClusterKey,
}

/// Forwards requests to the nodes that own their sessions. Cheap to clone.
#[derive(Clone)]
pub struct Forwarder(Arc<State>);

struct State {
    node: NodeTag,
    key: ClusterKey,
    nodes: Nodes,
    client: Client<NodeConnector, RequestBody>,
    stats: SharedStats,
    /// The share of relayed WebSockets that may go on.
    kept_share: watch::Sender<f64>,
}

/// The body of a response, from the engine or from another node.
pub type ResponseBody = UnsyncBoxBody<Bytes, Box<dyn Error + Send + Sync>>;

/// The two addresses of a request's sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Sender {
    /// The other end of the connection.
    pub peer: SocketAddr,
    /// The client, which may be behind trusted proxies and another node.
    pub client: SocketAddr,
}

/// A request, by its sender.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Received {
    /// A client sent it, or a load balancer.
    FromClient,
    /// Another node forwarded it, for this client.
    FromNode(Purpose, SocketAddr),
    /// It has the header of a forwarded request, which is not signed with `CLUSTER_SECRET`.
    Refused,
}

/// Why a request was not forwarded.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum ForwardError {
    /// The owner cannot be reached, or is gone: for the client, its session does not exist any more.
    Unreachable,
    /// The memory allowance for requests has no room for the request's body.
    OverBudget(OverBudget),
}

impl Forwarder {
    /// A forwarder that knows no other node yet. Certificates of other nodes are verified with the authorities of the operating system.
    pub fn new(parts: ForwarderParts) -> Self {
        Self::with_authorities(parts, system_authorities())
    }

    /// As [`Forwarder::new`], with other authorities for the certificates of nodes.
    pub fn with_authorities(ForwarderParts { node, key }: ForwarderParts, authorities: RootCertStore) -> Self {
        let mut builder = Client::builder(TokioExecutor::new());
        builder.pool_timer(TokioTimer::new()).pool_idle_timeout(IDLE_TIMEOUT).http1_max_buf_size(MAX_BUFFERED).set_host(false);
        Self(Arc::new(State {
            node,
            key,
            nodes: Nodes::default(),
            client: builder.build(connector(authorities)),
            stats: SharedStats::default(),
            kept_share: watch::Sender::new(1.0),
        }))
    }

    /// Adds a node, or changes its address: requests and WebSockets that were forwarded to the previous address end. The inputs are the tag in the ids of
    /// its sessions, and its address. The tag of this node is ignored.
    pub fn set_node(&self, tag: NodeTag, url: NodeUrl) {
        if tag != self.0.node {
            self.0.nodes.set(tag, url);
        }
    }

    /// Removes a node that is gone: requests and WebSockets that were forwarded to it end. Clients with sessions of that node connect again.
    pub fn remove_node(&self, tag: NodeTag) {
        self.0.nodes.remove(tag);
    }

    /// Finds out who sent a request. A forwarded request gets what the other node knows about the client's connection, and must not be
    /// forwarded again.
    pub fn receive<B>(&self, request: &mut Request<B>) -> Received {
        let Some(header) = request.headers_mut().remove(HEADER) else { return Received::FromClient };
        let target = request.uri().path_and_query().map_or("", |target| target.as_str());
        let Some(Claims { purpose, client, connection }) = self.0.key.verify(request.method(), target, &header) else {
            self.0.stats.lock().refused += 1;
            return Received::Refused;
        };
        self.0.stats.lock().received += 1;
        request.extensions_mut().insert(ForwardedConnection(connection));
        Received::FromNode(purpose, client)
    }

    /// Responds to a request to one of the engine's paths: here, or on the node that owns its session.
    ///
    /// The inputs are the request with the extensions that the engine needs (its connection and its memory allowance), the result of
    /// [`Forwarder::receive`], the peer of the connection, and the address of the client. Dropping the future ends the request, also at the
    /// other node.
    pub async fn serve<A: App>(
        &self,
        engine: &Handle<A>,
        request: Request<Incoming>,
        received: Received,
        Sender { peer, client }: Sender,
    ) -> Response<ResponseBody> {
        let session = engine.named_session(request.uri());
        match received {
            Received::Refused => refused(),
            Received::FromNode(Purpose::ResponseLost, _) => {
                if let Some(session) = session {
                    engine.response_lost(session);
                }
                status(StatusCode::NO_CONTENT)
            }
            Received::FromNode(Purpose::Request, _) => engine.serve(request, peer).await.map(boxed),
            // A preflight has the same response on all nodes.
            Received::FromClient => {
                let tag = session.map(|session| session.node()).filter(|tag| *tag != self.0.node && request.method() != Method::OPTIONS);
                let owner = match tag {
                    Some(tag) => self.0.nodes.find(tag).await,
                    None => None,
                };
                match owner {
                    Some(node) => self.forward_or_explain(engine, &node, request, client).await,
                    None => engine.serve(request, peer).await.map(boxed),
                }
            }
        }
    }

    async fn forward_or_explain<A: App>(
        &self,
        engine: &Handle<A>,
        node: &Arc<OtherNode>,
        request: Request<Incoming>,
        client: SocketAddr,
    ) -> Response<ResponseBody> {
        let headers = request.headers().clone();
        match self.forward(node, request, client).await {
            Ok(response) => response,
            Err(ForwardError::Unreachable) => engine.session_unknown(&headers).map(boxed),
            Err(ForwardError::OverBudget(over)) => over_budget(over).map(boxed),
        }
    }

    async fn forward(
        &self,
        node: &Arc<OtherNode>,
        mut request: Request<Incoming>,
        client: SocketAddr,
    ) -> Result<Response<ResponseBody>, ForwardError> {
        let upgrade = is_upgrade(request.headers()).then(|| hyper::upgrade::on(&mut request));
        let claims = Claims { purpose: Purpose::Request, client, connection: self.connection_number(&request) };
        let mut charge = request.extensions().get::<Allowance>().map(|allowance| (allowance.0)());
        set_charge(&mut charge, request.body().size_hint().upper())?;
        let (head, body) = request.into_parts();
        let out = self.outgoing(&head, node, &claims).ok_or(ForwardError::Unreachable)?;
        self.0.stats.lock().forwarded += 1;
        let sent = tokio::select! {
            sent = self.0.client.request(Request::from_parts(out, Either::Left(body))) => sent,
            () = node.gone() => return Err(self.unreachable(node, None)),
        };
        drop(charge);
        let mut response = sent.map_err(|error| self.unreachable(node, Some(error)))?;
        if let Some(client) = upgrade
            && response.status() == StatusCode::SWITCHING_PROTOCOLS
        {
            let owner = hyper::upgrade::on(&mut response);
            let allowance = head.extensions.get::<Allowance>().cloned();
            let (node, kept_share, stats) = (Arc::clone(node), self.0.kept_share.subscribe(), self.0.stats.clone());
            tokio::spawn(Relay { client, owner, node, kept_share, allowance, stats }.run());
            let (mut head, _) = response.into_parts();
            message::to_client(&mut head);
            return Ok(Response::from_parts(head, boxed(Empty::new())));
        }
        let (mut response, body) = response.into_parts();
        let loss = (response.status == StatusCode::OK).then(|| self.loss(&head, node, client));
        if response.headers.remove(HEADER).is_some() {
            self.0.stats.lock().refused_by_others += 1;
            tracing::error!(node = %node.url, "the other node refuses forwarded requests; set the same CLUSTER_SECRET on all nodes");
        }
        message::to_client(&mut response);
        Ok(Response::from_parts(response, boxed(ForwardedBody::new(body, node.gone(), loss))))
    }

    /// Ends relayed WebSockets until about this share of those that were open remains; their clients connect again and recover. A server that
    /// drains calls it with falling shares, from 1 to 0. Returns how many were open before.
    pub fn close_relays(&self, kept_share: f64) -> u64 {
        self.0.kept_share.send_replace(kept_share);
        self.0.stats.lock().relays
    }

    /// The counters.
    pub fn stats(&self) -> ForwardingStats {
        *self.0.stats.lock()
    }

    fn outgoing(&self, head: &http::request::Parts, node: &OtherNode, claims: &Claims) -> Option<http::request::Parts> {
        let target = head.uri.path_and_query()?.as_str();
        message::to_owner(head, &node.url, self.0.key.sign(&head.method, target, claims))
    }

    /// The number of a request's connection among those of all nodes, if the client asked to keep it.
    fn connection_number(&self, request: &Request<Incoming>) -> Option<u64> {
        kept_connection(request).map(|number| u64::from(self.0.node.number()) << 40 | number & ((1 << 40) - 1))
    }

    fn unreachable(&self, node: &OtherNode, error: Option<ClientError>) -> ForwardError {
        self.0.stats.lock().unreachable += 1;
        match error {
            Some(error) => {
                let reason = root_cause(&error).to_string();
                tracing::warn!(node = %node.url, reason, "a request cannot be forwarded; its client connects again");
            }
            None => tracing::debug!(node = %node.url, "a request waited for a node that is gone"),
        }
        ForwardError::Unreachable
    }

    /// How the loss of the response to a request is reported to the owner.
    fn loss(&self, head: &http::request::Parts, node: &Arc<OtherNode>, client: SocketAddr) -> Loss {
        let (forwarder, node, uri) = (self.clone(), Arc::clone(node), head.uri.clone());
        let runtime = tokio::runtime::Handle::current();
        let send = move || {
            let (forwarder, node, uri) = (forwarder.clone(), Arc::clone(&node), uri.clone());
            runtime.spawn(async move { forwarder.report_loss(&node, uri, client).await });
        };
        Loss { connection: head.extensions.get::<HttpConnection>().cloned(), report: LossReport::new(send) }
    }

    async fn report_loss(&self, node: &Arc<OtherNode>, uri: http::Uri, client: SocketAddr) {
        self.0.stats.lock().responses_lost += 1;
        let claims = Claims { purpose: Purpose::ResponseLost, client, connection: None };
        let (mut head, ()) = Request::new(()).into_parts();
        (head.method, head.uri) = (Method::GET, uri);
        let Some(mut out) = self.outgoing(&head, node, &claims) else { return };
        if let Ok(host) = HeaderValue::from_str(node.url.authority().as_str()) {
            out.headers.insert(header::HOST, host);
        }
        tokio::select! {
            sent = self.0.client.request(Request::from_parts(out, Either::Right(Empty::new()))) => {
                if let Err(error) = sent {
                    tracing::debug!(node = %node.url, %error, "a lost response cannot be reported");
                }
            }
            () = node.gone() => {}
        }
    }
}

/// Counts the bytes of a body that wait on this node. The input is the length of the body, if it is known.
fn set_charge(charge: &mut Option<Box<dyn ByteCharge>>, length: Option<u64>) -> Result<(), ForwardError> {
    let bytes = length.map_or(MAX_BUFFERED, |length| usize::try_from(length).unwrap_or(usize::MAX).min(MAX_BUFFERED));
    match charge {
        Some(charge) if bytes > 0 => charge.set(bytes).map_err(ForwardError::OverBudget),
        _ => Ok(()),
    }
}

/// The error that has caused an error: those in between say only that a connection failed.
fn root_cause<'a>(error: &'a (dyn Error + 'static)) -> &'a (dyn Error + 'static) {
    error.source().map_or(error, root_cause)
}

/// The response to a request that is not signed. Its header lets the other node log the reason.
fn refused() -> Response<ResponseBody> {
    let mut response = Response::new(boxed(Full::new(Bytes::from_static(REFUSED.as_bytes()))));
    *response.status_mut() = StatusCode::FORBIDDEN;
    response.headers_mut().insert(HEADER, HeaderValue::from_static("refused"));
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
    response
}

fn status(status: StatusCode) -> Response<ResponseBody> {
    let mut response = Response::new(boxed(Empty::new()));
    *response.status_mut() = status;
    response
}

fn boxed<B>(body: B) -> ResponseBody
where
    B: Body<Data = Bytes> + Send + 'static,
    B::Error: Into<Box<dyn Error + Send + Sync>>,
{
    body.map_err(Into::into).boxed_unsync()
}
