//! Long-polling: GETs that wait, POSTs that are read, and clients that drop either.

use std::sync::Arc;
use std::time::Duration;

use ::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ::http::{Method, StatusCode};
use bytes::Bytes;
use hyper::body::{Body, Incoming};
use tokio::sync::oneshot;

use super::query::Query;
use super::response::{self, RequestError};
use super::{Allowance, BodyError, ChargedBytes, HttpConnection, HttpResponse, asks_first, drain_body, read_body};
use crate::app::App;
use crate::hub::Hub;
use crate::id::Id;
use crate::mailbox::Mail;
use crate::repeated_polls::RequestMark;
use crate::shard_request::{NewSession, PollResponse, ShardRequest};

/// The longest time in which a POST's body must arrive. A slower client is dropped with its session.
const POST_TIMEOUT: Duration = Duration::from_secs(30);

/// Makes the request that reports to a session's shard that its client has disconnected.
type GoneRequest<A> = fn(Id) -> ShardRequest<<A as App>::Handshake>;

/// Notifies the shard when a request is dropped before its response: hyper drops the future of a client that has disconnected.
struct Unanswered<A: App> {
    hub: Arc<Hub<A>>,
    session: Id,
    on_drop: Option<GoneRequest<A>>,
}

impl<A: App> Drop for Unanswered<A> {
    fn drop(&mut self) {
        if let Some(on_drop) = self.on_drop {
            self.hub.put(self.session.shard(), Mail::Request(Box::new(on_drop(self.session))));
        }
    }
}

/// A request whose session ends if the response is lost.
struct Tracked<A: App> {
    hub: Arc<Hub<A>>,
    session: Id,
    /// The connection; `None` if the HTTP server does not provide it.
    connection: Option<HttpConnection>,
}

impl<A: App> Tracked<A> {
    fn new(hub: &Arc<Hub<A>>, session: Id, request: &hyper::Request<Incoming>) -> Self {
        Self { hub: hub.clone(), session, connection: request.extensions().get().cloned() }
    }

    /// Returns the response's body, which reports its loss to the shard.
    fn track(self, body: Bytes) -> Bytes {
        let Self { hub, session, connection } = self;
        let Some(connection) = connection else { return body };
        connection.track(body, move || {
            hub.put(session.shard(), Mail::Request(Box::new(ShardRequest::ResponseLost { session })));
        })
    }
}

impl<A: App> Hub<A> {
    /// Puts a request into the mailbox of the session's shard and waits for the response.
    async fn request_from_shard(
        &self,
        shard: u8,
        request: impl FnOnce(oneshot::Sender<PollResponse>) -> ShardRequest<A::Handshake>,
    ) -> Result<PollResponse, RequestError> {
        let (reply, response) = oneshot::channel();
        if !self.put(shard, Mail::Request(Box::new(request(reply)))) {
            return Err(RequestError::SessionUnknown);
        }
        // A shard that drops the reply is shutting down, and the session ends with it.
        response.await.map_err(|_| RequestError::SessionUnknown)
    }

    pub(super) async fn open_polling(
        &self,
        session: NewSession<A::Handshake>,
        request: &hyper::Request<Incoming>,
        query: &Query<'_>,
    ) -> Result<HttpResponse, RequestError> {
        let mark = RequestMark::of(request, query.get("t"));
        let response = self.request_from_shard(self.next_shard(), |reply| ShardRequest::Open { session, mark, reply }).await?;
        finish::<A>(response, query, &HeaderMap::new(), None)
    }

    /// Checks that the session exists, so that it may be upgraded.
    pub(super) async fn upgradable(&self, session: Id) -> Result<(), RequestError> {
        match self.request_from_shard(session.shard(), |reply| ShardRequest::Upgradable { session, reply }).await? {
            PollResponse::Accepted => Ok(()),
            _ => Err(RequestError::SessionUnknown),
        }
    }

    pub(super) async fn poll(
        self: Arc<Self>,
        session: Id,
        request: hyper::Request<Incoming>,
        query: &Query<'_>,
    ) -> Result<HttpResponse, RequestError> {
        match *request.method() {
            Method::GET => {
                let on_drop: GoneRequest<A> = |session| ShardRequest::PollGone { session };
                let mut unanswered = Unanswered { hub: self.clone(), session, on_drop: Some(on_drop) };
                let tracked = Tracked::new(&self, session, &request);
                let mark = RequestMark::of(&request, query.get("t"));
                let response = self.request_from_shard(session.shard(), |reply| ShardRequest::Poll { session, mark, reply }).await;
                unanswered.on_drop = None;
                finish(response?, query, request.headers(), Some(tracked))
            }
            Method::POST => self.post(session, request, query).await,
            // Any other method is an error, but a client that does not know a session learns only that the session is unknown.
            _ => self.upgradable(session).await.and(Err(RequestError::Status(StatusCode::INTERNAL_SERVER_ERROR))),
        }
    }

    async fn post(
        self: Arc<Self>,
        session: Id,
        request: hyper::Request<Incoming>,
        query: &Query<'_>,
    ) -> Result<HttpResponse, RequestError> {
        let shard = session.shard();
        let on_drop: GoneRequest<A> = |session| ShardRequest::PostGone { session };
        let mut unanswered = Unanswered { hub: self.clone(), session, on_drop: Some(on_drop) };
        let tracked = Tracked::new(&self, session, &request);
        let limit = match self.request_from_shard(shard, |reply| ShardRequest::PostBegins { session, reply }).await {
            Ok(PollResponse::BodyLimit(most)) => most,
            other => {
                unanswered.on_drop = None;
                return finish::<A>(other?, query, request.headers(), None);
            }
        };
        let (head, mut body) = request.into_parts();
        let binary = head.headers.get(header::CONTENT_TYPE).is_some_and(|kind| kind.as_bytes().starts_with(b"application/octet-stream"));
        let too_large: GoneRequest<A> = |session| ShardRequest::PostTooLarge { session };
        if body.size_hint().lower() > limit as u64 {
            unanswered.on_drop = Some(too_large);
            return Ok(reject_large(body, asks_first(&head.headers)).await);
        }
        let mut charge = head.extensions.get::<Allowance>().map(|allowance| (allowance.0)());
        let body = match tokio::time::timeout(POST_TIMEOUT, read_body(&mut body, limit, charge.as_mut())).await {
            Ok(Ok(whole)) => ChargedBytes::bytes(whole, charge),
            Ok(Err(BodyError::TooLarge)) => {
                unanswered.on_drop = Some(too_large);
                return Ok(reject_large(body, false).await);
            }
            Ok(Err(BodyError::OverBudget(over))) => return Err(RequestError::OverBudget(over)),
            Ok(Err(BodyError::Broken)) => return Err(RequestError::Status(StatusCode::BAD_REQUEST)),
            Err(_) => return Err(RequestError::Status(StatusCode::REQUEST_TIMEOUT)),
        };
        let body = if query.get("j").is_some() {
            let form = std::str::from_utf8(&body).ok().and_then(wire::engineio::payload::jsonp_body);
            match form {
                Some(form) => Bytes::from(form),
                None => {
                    unanswered.on_drop = Some(|session| ShardRequest::PostInvalid { session });
                    return Err(RequestError::Status(StatusCode::BAD_REQUEST));
                }
            }
        } else {
            body
        };
        let response = self.request_from_shard(shard, |reply| ShardRequest::Post { session, body, binary, reply }).await;
        unanswered.on_drop = None;
        finish(response?, query, &head.headers, Some(tracked))
    }
}

/// The response to a body over the limit, sent when the rest of the body has been read. `unsent`: the client waits for "100 Continue", so
/// there is no rest.
async fn reject_large(body: Incoming, unsent: bool) -> HttpResponse {
    if !unsent {
        drain_body(body).await;
    }
    let mut response = response::status(StatusCode::PAYLOAD_TOO_LARGE);
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// Converts a shard's response to an HTTP response. `tracked` reports the loss of the response to the shard.
fn finish<A: App>(
    response: PollResponse,
    query: &Query<'_>,
    request: &HeaderMap,
    tracked: Option<Tracked<A>>,
) -> Result<HttpResponse, RequestError> {
    let track = |body| match tracked {
        Some(tracked) => tracked.track(body),
        None => body,
    };
    let mut response = match response {
        PollResponse::Payload(body, content_type) => match query.get("j") {
            Some(index) => {
                let payload = String::from_utf8_lossy(&body);
                let body = Bytes::from(wire::engineio::payload::jsonp(index, &payload));
                response::with_type(StatusCode::OK, track(body), "text/plain; charset=UTF-8")
            }
            None => response::with_type(StatusCode::OK, track(body), content_type),
        },
        PollResponse::Accepted | PollResponse::BodyLimit(_) => {
            response::with_type(StatusCode::OK, track(Bytes::from_static(b"ok")), "text/html")
        }
        PollResponse::UnknownSession => return Err(RequestError::SessionUnknown),
        PollResponse::BadRequest => return Err(RequestError::BadRequest),
        PollResponse::Rejected => return Err(RequestError::Status(StatusCode::BAD_REQUEST)),
    };
    let headers = response.headers_mut();
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let agent = request.get(header::USER_AGENT).and_then(|agent| agent.to_str().ok()).unwrap_or_default();
    if agent.contains(";MSIE") || agent.contains("Trident/") {
        // Without this header, old Internet Explorers treat a payload as an attack.
        headers.insert(HeaderName::from_static("x-xss-protection"), HeaderValue::from_static("0"));
    }
    Ok(response)
}
