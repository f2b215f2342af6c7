//! The HTTP API: the paths of all contracts, and the paths that belong to none.
//!
//! Read in this order:
//!
//! - `request_context`: an authenticated request, and how it becomes a command or a query. `caller`: its user. `seen_users`: the users who were loaded
//!   recently.
//! - [`api`]: the paths that a contract declares; each contract has its own in its folder.
//! - `blocks`: the users that the caller has blocked. `backend`: the paths for backends. `sync`: missed events. `ops`: the paths for operators.
//! - `body`, `ids`: parsing of a request's fields and ids. `kind_guard`: restricts a path to its contract's tasks. `idempotency`: the responses
//!   to repeated requests.
//! - `list`: pages of lists. `reread`: how the object of a large response is read for a repeated request.
//! - `response`: responses and errors. `discard_body`: bodies of rejected requests.
//! - `body_schema`: the fields of a body, for parsing and for the document. `openapi`: the parts of the OpenAPI document that all paths share.
//!   `docs`: the document, and the page to read and try it.
//! - [`cors`]: the origins that may read the responses.
//!
//! To add a contract, see [`contracts`](crate::contracts).

pub mod api;
mod backend;
mod blocks;
pub(crate) mod body;
pub(crate) mod body_schema;
mod caller;
pub mod cors;
mod discard_body;
mod docs;
mod idempotency;
pub(crate) mod ids;
pub(crate) mod kind_guard;
pub(crate) mod list;
pub(crate) mod openapi;
mod ops;
pub(crate) mod request_context;
pub(crate) mod reread;
pub(crate) mod response;
mod seen_users;
mod sync;

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use domain::ids::{Timestamp, UserId};
use domain::ports::Bus;
use http::header::X_CONTENT_TYPE_OPTIONS;
use http::{HeaderValue, Uri};
use store::{Readers, Writer};

use crate::auth::Authenticator;
use crate::backend_api::BackendApi;
use crate::config::{Config, MetricsAccess};
use crate::contracts::ContractRegistry;
use crate::health::HealthChecks;
use crate::metrics::Metrics;
use crate::rate_limit::RateLimits;
use crate::realtime::{Fanout, ShardQuery};
use api::{ErrorFormat, RestApi};
pub use caller::Caller;
pub use docs::openapi;
use openapi::{contract, described};
use response::{RestError, in_format};
use seen_users::SeenUsers;
use utoipa_axum::router::OpenApiRouter;

/// The dependencies of the paths.
pub struct AppDeps {
    /// Runs the commands.
    pub writer: Writer,
    /// Run the queries.
    pub readers: Readers,
    /// Authenticates requests, and decides which origins may read the answers.
    pub authenticator: Arc<Authenticator>,
    /// The functions for backends.
    pub backend: Arc<dyn BackendApi>,
    /// The current time, for tokens.
    pub clock: fn() -> Timestamp,
    /// Rate limits and other budgets.
    pub limits: Arc<RateLimits>,
    /// The open connections.
    pub shard_query: Arc<ShardQuery>,
    /// Whether the server is healthy.
    pub health: Arc<HealthChecks>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// The callers who may read the metrics.
    pub metrics_access: MetricsAccess,
    /// The recent events.
    pub fanout: Arc<Fanout>,
    /// Ephemeral events are published here.
    pub bus: Arc<dyn Bus>,
    /// The largest body, in bytes.
    pub max_body: usize,
}

/// The paths of health checks.
static HEALTH_CHECKS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let of_contracts = ContractRegistry::new(&Config::default()).rest_apis();
    ["/health/live", "/health/ready"].into_iter().chain(of_contracts.iter().flat_map(|api| api.health_checks).copied()).collect()
});

/// Whether a path is one of a health check.
pub fn is_health_check(path: &str) -> bool {
    HEALTH_CHECKS.contains(&path)
}

/// The state that all requests share.
pub struct AppState {
    pub(crate) rest: AppDeps,
    seen_users: SeenUsers,
}

impl AppState {
    /// Loads a user again at the user's next request.
    pub(crate) fn forget_user(&self, user: &UserId) {
        self.seen_users.remove(user);
    }
}

/// The router of all paths. The response to any other path is 404, so this router comes last.
pub fn router(rest: AppDeps) -> Router {
    let cors = cors::cors_policy(rest.authenticator.origins().clone());
    let apis = rest.fanout.contracts().rest_apis();
    let formats: Vec<ErrorFormat> = apis.iter().filter_map(|api| api.error_format).collect();
    let (paths, _) = paths(apis).split_for_parts();
    let state = Arc::new(AppState { rest, seen_users: SeenUsers::default() });
    paths
        .fallback(async move |uri: Uri| {
            let response = RestError::unknown_path().into_response();
            match formats.iter().find(|format| format.applies_to(uri.path())) {
                Some(format) => in_format(response, *format),
                None => response,
            }
        })
        .method_not_allowed_fallback(async || RestError::wrong_method())
        .with_state(Arc::clone(&state))
        .layer(middleware::from_fn_with_state(state, count))
        .layer(middleware::from_fn(discard_body::drain_unread_body))
        .layer(middleware::from_fn_with_state(cors, cors::allow))
        .layer(middleware::from_fn(not_sniffed))
}

/// Adds `X-Content-Type-Options: nosniff` to every response, so that no browser takes text of clients for a page or a script.
async fn not_sniffed(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Counts the requests.
async fn count(State(state): State<Arc<AppState>>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let error_code = response::error_code(&response);
    if let Some(code) = error_code {
        tracing::debug!(%method, ?path, status = response.status().as_u16(), code, "refused");
    }
    state.rest.metrics.http_answered(error_code);
    response
}

/// All paths, with their descriptions. `apis` are those of the contracts.
fn paths(apis: Vec<RestApi>) -> OpenApiRouter<Arc<AppState>> {
    let own = [
        described("blocks", "The users that the caller has blocked.", None, blocks::routes()),
        described("back_end", "The paths for backends.", None, backend::routes()),
        described("meta", "The API document, and missed events.", None, docs::routes().merge(sync::routes())),
        described("operations", "Health checks and metrics.", None, ops::routes()),
    ];
    apis.into_iter().map(contract).chain(own).fold(openapi::head(), OpenApiRouter::merge)
}
