//! An authenticated request, and how it becomes a command or a query and then a response.

use std::net::SocketAddr;
use std::sync::Arc;

use auth::{AuthError, Identity};
use axum::RequestExt;
use axum::body::Bytes;
use axum::extract::{FromRef, FromRequest, RawPathParams, Request};
use domain::command::{Actor, Command, CommandContext, Query};
use domain::error::DomainError;
use domain::ids::{EntityId, RoomId, RoomKind, UserId, parse_id};
use domain::ports::{MemberPage, Page};
use domain::users::{Claims, EnsureUser};
use http::header::WARNING;
use http::request::Parts;
use http::{HeaderMap, HeaderValue, Method, StatusCode};
use limits::bytes_in_memory::{ByteAccount, Holder};
use limits::json_memory::{count_parsed, parsed_size};
use limits::rate_limit::RateLimitClass;
use listener::Peer;
use logging::audit;
use tokio::sync::oneshot;

use super::body_schema::Body;
use super::fields::{self, Fields};
use super::idempotency::{self, CommandResult};
use super::list::ListBody;
use super::reread::Reread;
use super::response::{RestError, RestResponse};
use super::{Caller, RestState, ids};

/// The most misspelt fields of a request that a `Warning` header names.
const MAX_WARNINGS: usize = 10;

/// An authenticated request within its budget, with its whole body.
pub struct AuthedRequest {
    /// What all requests share.
    pub state: Arc<RestState>,
    caller: Caller,
    /// Whether the caller is a user, who is loaded or created, and not a backend.
    is_user: bool,
    request: Parts,
    params: Vec<(String, String)>,
    body: Bytes,
    /// Counts the memory of the parsed body. The command keeps it until the answer, also if the client closes the connection.
    parsed: Option<Holder>,
}

impl<S: Send + Sync> FromRequest<S> for AuthedRequest
where
    Arc<RestState>: FromRef<S>,
{
    type Rejection = RestError;

    /// Errors: a caller who is not authenticated or over budget is rejected before the body is read.
    async fn from_request(request: Request, state: &S) -> Result<Self, RestError> {
        let state = &Arc::from_ref(state);
        Self::of(request, state, |request| {
            let caller = Caller::from(state.identity(request)?);
            state.deps.limits.command(&caller.actor.user)?;
            Ok((caller, true))
        })
        .await
    }
}

/// A request of a backend: with its key, or the token of a service or an admin. It has no budget, and no user is loaded for it.
pub struct BackendRequest(pub AuthedRequest);

impl<S: Send + Sync> FromRequest<S> for BackendRequest
where
    Arc<RestState>: FromRef<S>,
{
    type Rejection = RestError;

    /// Errors: 401 without a valid token or key, 403 for a user who is not an admin.
    async fn from_request(request: Request, state: &S) -> Result<Self, RestError> {
        let state = &Arc::from_ref(state);
        let call = AuthedRequest::of(request, state, |request| {
            if state.deps.authenticator.is_backend(&request.headers) {
                return Ok((Caller { actor: Actor::server(), claims: Claims::default() }, false));
            }
            let identity = state.identity(request)?;
            if !identity.service && !identity.admin {
                return Err(DomainError::Forbidden("Only a back end or an admin may do this").into());
            }
            let mut caller = Caller::from(identity);
            // On these paths alone, a service has the rights of an admin.
            caller.actor.admin = true;
            Ok((caller, false))
        });
        Ok(Self(call.await?))
    }
}

impl AuthedRequest {
    /// The inputs are a request, and a function that returns its caller, or an error.
    async fn of(
        mut request: Request,
        state: &Arc<RestState>,
        sender: impl FnOnce(&Parts) -> Result<(Caller, bool), RestError>,
    ) -> Result<Self, RestError> {
        // A path parameter that is not UTF-8 names nothing.
        let params = request.extract_parts::<RawPathParams>().await.map_err(|_| RestError::unknown_path())?;
        let params = params.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let (request, body) = request.into_parts();
        let (caller, is_user) = sender(&request)?;
        let account = request.extensions.get::<ByteAccount>();
        if let Some(account) = account.filter(|_| is_user) {
            account.of_user(&caller.actor.user);
        }
        let body = match request.method {
            Method::GET | Method::HEAD | Method::DELETE => Bytes::new(),
            _ => fields::read(body, state.deps.max_body, account).await?,
        };
        let counted = account.filter(|_| is_user).map(|account| count_parsed(parsed_size(&body), || account.holder()));
        let parsed = counted.transpose().map_err(RestError::not_parsed)?.flatten();
        Ok(Self { state: Arc::clone(state), caller, is_user, request, params, body, parsed })
    }

    /// Takes the cost of the request from its budget, besides that of a command: the same cost, from the same budget, as over a socket.
    /// Errors: 429.
    pub fn check_rate_limit(&self, class: RateLimitClass) -> Result<(), RestError> {
        Ok(self.state.deps.limits.check_class(&self.caller.actor.user, class)?)
    }

    /// The space that the path names as `{id}`.
    pub fn room(&self, kind: RoomKind) -> Result<RoomId, RestError> {
        Ok(ids::room(kind, self.param("id"))?)
    }

    /// The task that the path names as `{id}`.
    pub fn task(&self) -> Result<EntityId, RestError> {
        self.number(RoomKind::Task.display_name())
    }

    /// The object that the path names as `{id}`; `object` names it in the error if the id is malformed.
    pub fn number(&self, object: &'static str) -> Result<EntityId, RestError> {
        Ok(ids::number(object, self.param("id"))?)
    }

    /// The user that the path names as `{param}`; `object` names it in the error if the id is malformed.
    pub fn user(&self, param: &str, object: &'static str) -> Result<UserId, RestError> {
        Ok(ids::user_id(object, self.param(param))?)
    }

    /// The body. Errors: 400 with what is wrong: the JSON, or the first field that is invalid or unknown.
    pub fn body<B: Body>(&self) -> Result<B, RestError> {
        let mut fields = Fields::of(&self.request.headers, &self.body)?;
        let body = B::read(&mut fields)?;
        fields.end()?;
        Ok(body)
    }

    /// The body, which may be a whole object as the server shows it: unknown fields are ignored. A `Warning` header for the response names unknown
    /// fields that resemble a known one (RFC 7234, code 299, as the Kubernetes API uses it).
    ///
    /// Errors: 400 with what is wrong: the JSON, or the first field that is invalid.
    pub fn whole_object<B: Body>(&self) -> Result<(B, HeaderMap), RestError> {
        let mut fields = Fields::of(&self.request.headers, &self.body)?;
        let body = B::read(&mut fields)?;
        let misspelt = fields.misspelt(&B::names());
        let warnings = misspelt.into_iter().take(MAX_WARNINGS).filter_map(|(name, meant)| {
            // A client's name may contain any character, and a header only printable ones.
            let name = name.escape_default().to_string().replace('\\', "\\\\").replace('"', "\\\"");
            let text = format!("299 roomcast \"{name} is not a field of this request; was {meant} meant?\"");
            HeaderValue::from_str(&text).ok().map(|text| (WARNING, text))
        });
        Ok((
            body,
            warnings.fold(HeaderMap::new(), |mut headers, (name, text)| {
                headers.append(name, text);
                headers
            }),
        ))
    }

    /// The page of a list whose entries have numeric ids.
    pub fn page(&self) -> Result<Page, RestError> {
        ids::page(self.request.uri.query(), parse_id)
    }

    /// The page of a list of members.
    pub fn member_page(&self) -> Result<MemberPage, RestError> {
        ids::member_page(self.request.uri.query())
    }

    /// The users that a query names, separated by commas or in a parameter each.
    pub fn users_in_query(&self, name: &'static str) -> Result<Vec<UserId>, RestError> {
        ids::user_ids(self.request.uri.query(), name)
    }

    /// The page of a list of users.
    pub fn page_of_users(&self) -> Result<Page<UserId>, RestError> {
        ids::page(self.request.uri.query(), UserId::parse)
    }

    /// The page of a list of spaces.
    pub fn page_of(&self, kind: RoomKind) -> Result<Page<RoomId>, RestError> {
        ids::page(self.request.uri.query(), |id| ids::room(kind, id).ok())
    }

    /// Runs a command and renders its response. A repeated request receives the stored response.
    pub async fn command<C: Command<Output: Reread>>(
        self,
        status: StatusCode,
        command: C,
        render: fn(&C::Output) -> String,
    ) -> Result<RestResponse, RestError> {
        self.change(status, |context| command.execute(context), render).await
    }

    /// Runs some work in the writer's transaction, once, and renders its response. The user is loaded or created in the same transaction,
    /// even if [`SeenUsers`](super::seen_users::SeenUsers) has the user, so that no deletion can come between.
    pub async fn change<A: Reread + Send + 'static>(
        self,
        status: StatusCode,
        work: impl FnOnce(&mut CommandContext<'_>) -> Result<A, DomainError> + Clone + Send + 'static,
        render: fn(&A) -> String,
    ) -> Result<RestResponse, RestError> {
        let Self { state, caller, is_user, request, body, parsed, .. } = self;
        let once = idempotency::request(&caller, &request.method, request.uri.path(), &request.headers, &body)?;
        let Caller { actor, claims } = caller;
        let executed = state.write(actor, parsed, move |context| {
            if is_user {
                EnsureUser { claims }.execute(context)?;
            }
            idempotency::once(context, once, status, work, render)
        });
        let (executed, _parsed) = executed.await?;
        match executed {
            CommandResult::Executed(response) => Ok(RestResponse { status, body: render(&response), replayed: false, next: None }),
            CommandResult::Stored(response) => Ok(response),
        }
    }

    /// Performs an action that stores nothing, and returns this response. A repeated request receives the response without the action. A
    /// request without a key does not wait for the writer.
    pub async fn act(self, response: String, act: impl FnOnce()) -> Result<RestResponse, RestError> {
        if !idempotency::has_key(&self.request.headers) {
            act();
            return Ok(RestResponse { status: StatusCode::OK, body: response, replayed: false, next: None });
        }
        let response = self.change(StatusCode::OK, |_| Ok(response), String::clone).await?;
        if !response.replayed {
            act();
        }
        Ok(response)
    }

    /// The query of the URL, without the question mark.
    pub fn query_string(&self) -> Option<&str> {
        self.request.uri.query()
    }

    /// Runs work that changes nothing, in the writer's order.
    pub async fn run_in_writer<A: Send + 'static>(
        self,
        work: impl FnOnce(&mut CommandContext<'_>) -> Result<A, DomainError> + Clone + Send + 'static,
    ) -> Result<A, RestError> {
        self.state.ensure_user_exists(&self.caller).await?;
        Ok(self.state.write(self.caller.actor, self.parsed, work).await?.0)
    }

    /// Runs a query and renders its response.
    pub async fn query<Q: Query, R: Into<ListBody>>(self, query: Q, render: fn(&Q::Output) -> R) -> Result<RestResponse, RestError> {
        self.state.ensure_user_exists(&self.caller).await?;
        let response = self.state.read(self.caller.actor, query).await?;
        let ListBody { body, next } = render(&response).into();
        Ok(RestResponse { status: StatusCode::OK, body, replayed: false, next })
    }

    /// Loads or creates the calling user.
    pub async fn ensure_user(&self) -> Result<&Caller, RestError> {
        self.state.ensure_user_exists(&self.caller).await?;
        Ok(&self.caller)
    }

    /// The most entries that the query asks for.
    pub fn limit(&self) -> Result<usize, RestError> {
        Ok(self.page()?.limit as usize)
    }

    /// A parameter of the path.
    pub fn param(&self, name: &str) -> &str {
        // The names are those of the server's routes; a missing one gives an id that does not exist.
        self.params.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }
}

impl RestState {
    /// The caller's identity. Each token is verified, even if its address has sent bad ones: other users may share the address, and a check
    /// costs no more than the rest of a request. Above the limit of bad tokens, the answer is 429, and the log has no line for it.
    fn identity(&self, request: &Parts) -> Result<Identity, RestError> {
        let address = address(request);
        let seconds = self.now().0.div_euclid(1_000_000);
        let identity = self.deps.authenticator.identify(None, &request.headers, request.uri.query(), seconds);
        identity.or_else(|reason| {
            // A request without a token does not count as one with a bad token.
            if reason != AuthError::Missing {
                self.deps.limits.bad_token(address.ip())?;
            }
            audit::rejected(None, address, "http", reason.log_text());
            Err(reason.into())
        })
    }

    /// Loads or creates a calling user.
    async fn ensure_user_exists(&self, caller: &Caller) -> Result<(), RestError> {
        let now = self.now();
        if self.seen_users.contains(caller, now) {
            return Ok(());
        }
        let Caller { actor, claims } = caller.clone();
        self.write(actor, None, |context| EnsureUser { claims }.execute(context)).await?;
        self.seen_users.insert(caller, now);
        Ok(())
    }

    /// Runs some work in the writer's transaction. `parsed` comes back with the answer, which may contain the parsed values.
    async fn write<T: Send + 'static>(
        &self,
        actor: Actor,
        parsed: Option<Holder>,
        work: impl FnOnce(&mut CommandContext<'_>) -> Result<T, DomainError> + Clone + Send + 'static,
    ) -> Result<(T, Option<Holder>), RestError> {
        let (reply, response) = oneshot::channel();
        // The client may have disconnected by then; the work is done all the same.
        self.deps.writer.submit(actor, work, move |result| drop(reply.send(result.map(|response| (response, parsed)))));
        Ok(response.await.unwrap_or_else(|_| Err(writer_stopped()))?)
    }

    async fn read<Q: Query>(&self, actor: Actor, query: Q) -> Result<Q::Output, RestError> {
        let (reply, response) = oneshot::channel();
        self.deps.readers.ask(actor, query, move |result| drop(reply.send(result)));
        Ok(response.await.unwrap_or_else(|_| Err(writer_stopped()))?)
    }
}

/// The error for work that was dropped without a result.
fn writer_stopped() -> DomainError {
    DomainError::Unavailable("the server is stopping".to_owned())
}

fn address(request: &Parts) -> SocketAddr {
    // Only a router without a listener has no peer address.
    request.extensions.get::<Peer>().map_or(SocketAddr::from(([0, 0, 0, 0], 0)), |peer| peer.address)
}
