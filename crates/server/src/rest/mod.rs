//! The HTTP API: the paths of each contract, each in its contract's own style.
//!
//! Read in this order:
//!
//! - `request_context`: an authenticated request, and how it becomes a command or a query. `caller`: its user. `seen_users`: the users who were loaded
//!   recently.
//! - [`household`](mod@household), [`messenger`](mod@messenger), [`studio`](mod@studio), [`trip`](mod@trip), [`workspace`](mod@workspace):
//!   the paths, a file for each contract. `blocks`: the users that the caller has blocked. `backend`: the paths for backends.
//!   `sync`: missed events. `ops`: the paths for operators. `trip_connections`: the trip contract's paths about the connections themselves.
//! - `body`, `ids`: parsing of a request's fields and ids. `kind_guard`: restricts a path to its contract's tasks. `idempotency`: the answers
//!   of repeated requests.
//! - `list`: pages of lists. `reread`: how the object of a large answer is read for a repeated request.
//! - `response`: answers and errors. `discard_body`: bodies that were refused.
//! - `body_schema`: the fields of a body, for parsing and for the document. `openapi`: the parts of the OpenAPI document that all paths share.
//!   `docs`: the document, and the page to read and try it.
//! - [`cors`]: the origins that may read the answers.
//!
//! To add a contract, write its file and merge its routes in `paths`.

mod backend;
mod blocks;
mod body;
mod body_schema;
mod caller;
pub mod cors;
mod discard_body;
mod docs;
mod household;
mod idempotency;
mod ids;
mod kind_guard;
mod list;
mod messenger;
mod openapi;
mod ops;
mod request_context;
mod reread;
mod response;
mod seen_users;
mod studio;
mod sync;
mod trip;
mod trip_connections;
mod workspace;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use domain::ids::Timestamp;
use domain::ports::Bus;
use http::header::X_CONTENT_TYPE_OPTIONS;
use http::{HeaderValue, Uri};
use store::{Readers, Writer};

use crate::auth::Authenticator;
use crate::backend_api::BackendApi;
use crate::config::MetricsAccess;
use crate::health::Health;
use crate::metrics::Metrics;
use crate::rate_limit::RateLimits;
use crate::realtime::{Fanout, ShardQuery};
pub use caller::Caller;
pub use docs::openapi;
use openapi::{ErrorFormat, contract};
use response::{RestError, with_success};
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
    pub health: Arc<Health>,
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
const HEALTH_CHECKS: [&str; 3] = ["/health/live", "/health/ready", "/api/v1/socket/health"];

/// Whether a path is one of a health check.
pub fn is_health_check(path: &str) -> bool {
    HEALTH_CHECKS.contains(&path)
}

/// The state that all requests share.
struct AppState {
    rest: AppDeps,
    seen_users: SeenUsers,
}

/// The router of all paths. Any other path is answered with 404, so this router comes last.
pub fn router(rest: AppDeps) -> Router {
    let cors = cors::cors_policy(rest.authenticator.origins().clone());
    let (paths, _) = paths().split_for_parts();
    let state = Arc::new(AppState { rest, seen_users: SeenUsers::default() });
    paths
        .fallback(async |uri: Uri| {
            let nothing = RestError::unknown_path().into_response();
            if trip::answers_at(uri.path()) { with_success(nothing).await } else { nothing }
        })
        .method_not_allowed_fallback(async || RestError::wrong_method())
        .with_state(Arc::clone(&state))
        .layer(middleware::from_fn_with_state(state, count))
        .layer(middleware::from_fn(discard_body::drain_unread_body))
        .layer(middleware::from_fn_with_state(cors, cors::allow))
        .layer(middleware::from_fn(not_sniffed))
}

/// Adds `X-Content-Type-Options: nosniff` to every answer, so that no browser takes text of clients for a page or a script.
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

/// All paths, with their descriptions.
fn paths() -> OpenApiRouter<Arc<AppState>> {
    openapi::head()
        .merge(contract("household", "Households and their tasks, and profiles.", ErrorFormat::Plain, household::routes()))
        .merge(contract(
            "trip",
            "Trips, and what goes on with connections. Answers stand in `data`.",
            ErrorFormat::WithSuccess,
            trip::routes(),
        ))
        .merge(contract("studio", "Chat rooms, messages and calls.", ErrorFormat::Plain, studio::routes()))
        .merge(contract("messenger", "Conversations, messages and notifications.", ErrorFormat::Plain, messenger::routes()))
        .merge(contract("workspace", "Projects with their channels and tasks.", ErrorFormat::Plain, workspace::routes()))
        .merge(contract("blocks", "The users whom the caller has blocked.", ErrorFormat::Plain, blocks::routes()))
        .merge(contract("back_end", "For a team's own back end.", ErrorFormat::Plain, backend::routes()))
        .merge(contract("meta", "What the server says of itself.", ErrorFormat::Plain, docs::routes().merge(sync::routes())))
        .merge(contract("operations", "For those who run the server.", ErrorFormat::Plain, ops::routes()))
}
