//! The HTTP API: the paths of all contracts, and the paths that belong to none.
//!
//! Each contract has its paths in its folder; what all paths share is in [`rest_toolkit`].
//!
//! - `blocks`: the users that the caller has blocked. `backend`: the paths for backends. `sync`: missed events.
//! - `ops`: the paths for operators. `nodes`: the nodes of the cluster. `explain`: why a user received an event or not.
//! - [`backend_service`]: the functions for a backend in the same program.
//! - [`health`]: health checks. [`metrics`]: the metrics. [`metric_readings`]: their values at one time. `live_status`: the open connections, for the paths of contracts.
//! - `error_pages`: a page for each error code.
//! - `openapi`: the parts of the OpenAPI document that all paths share. `docs`: the document, and the page to read and try it.
//! - [`cors`]: the origins that may read the responses. `discard_body`: bodies of rejected requests.

mod backend;
pub mod backend_service;
mod blocks;
pub mod cors;
mod discard_body;
mod docs;
mod error_pages;
mod explain;
pub mod health;
mod live_status;
pub mod metric_readings;
pub mod metrics;
mod nodes;
mod openapi;
mod ops;
mod sync;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use axum::Router;
use axum::extract::{FromRef, Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use config::MetricsAccess;
use contracts::backend_api::BackendApi;
use contracts::{ContractOptions, ContractRegistry};
use http::header::X_CONTENT_TYPE_OPTIONS;
use http::{HeaderValue, Uri};
use realtime::nodes::NodeHandle;
use realtime::{Fanout, ShardQuery};
use rest_toolkit::RestState;
use rest_toolkit::api::RestApi;
use rest_toolkit::error_body::ErrorFormat;
use rest_toolkit::response::{self, RestError, in_format};
use rest_toolkit::state::RestDeps;
use utoipa_axum::router::OpenApiRouter;

use crate::health::HealthChecks;
use crate::metrics::Metrics;
pub use docs::openapi;
pub use live_status::LiveStatus;
use openapi::{contract, described};

/// The dependencies of the paths that belong to no contract.
pub struct ApiDeps {
    /// The functions for backends.
    pub backend: Arc<dyn BackendApi>,
    /// Whether the server is healthy.
    pub health: Arc<HealthChecks>,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// The callers who may read the metrics.
    pub metrics_access: MetricsAccess,
    /// The recent events.
    pub fanout: Arc<Fanout>,
    /// The queries of all shards.
    pub shard_query: Arc<ShardQuery>,
    /// For how long events are kept for clients that reconnect.
    pub recovery_window: Duration,
    /// Whether error responses name the page about their code in their body.
    pub is_dev_mode: bool,
    /// This server as one of several nodes; `None` if it is the only one.
    pub node: Option<Arc<NodeHandle>>,
}

/// The state of all paths.
#[derive(Clone)]
struct ApiState {
    rest: Arc<RestState>,
    api: Arc<ApiDeps>,
}

impl FromRef<ApiState> for Arc<RestState> {
    fn from_ref(state: &ApiState) -> Self {
        Arc::clone(&state.rest)
    }
}

impl FromRef<ApiState> for Arc<ApiDeps> {
    fn from_ref(state: &ApiState) -> Self {
        Arc::clone(&state.api)
    }
}

/// The paths of health checks.
static HEALTH_CHECKS: LazyLock<Vec<&'static str>> = LazyLock::new(|| {
    let of_contracts = ContractRegistry::new(ContractOptions::default()).rest_apis();
    ["/health/live", "/health/ready"].into_iter().chain(of_contracts.iter().flat_map(|api| api.health_checks).copied()).collect()
});

/// Whether a path is one of a health check.
pub fn is_health_check(path: &str) -> bool {
    HEALTH_CHECKS.contains(&path)
}

/// The router of all paths. The response to any other path is 404, so this router comes last. `pages` are pages for browsers: other sites may read the
/// responses of the API, but never those of a page.
pub fn router(rest: RestDeps, api: ApiDeps, pages: Router) -> Router {
    let cors = cors::cors_policy(rest.authenticator.origins().clone());
    let apis = api.fanout.contracts().rest_apis();
    let formats: Vec<ErrorFormat> = apis.iter().filter_map(|api| api.error_format).collect();
    let (metrics, is_dev_mode) = (Arc::clone(&api.metrics), api.is_dev_mode);
    let state = ApiState { rest: Arc::new(RestState::new(rest)), api: Arc::new(api) };
    let (of_contracts, _) = contract_paths(apis).with_state(Arc::clone(&state.rest)).split_for_parts();
    let (own, _) = own_paths().with_state(state).split_for_parts();
    of_contracts
        .merge(own)
        .fallback(async move |uri: Uri| {
            let response = RestError::unknown_path().into_response();
            match formats.iter().find(|format| format.applies_to(uri.path())) {
                Some(format) => in_format(response, *format),
                None => response,
            }
        })
        .method_not_allowed_fallback(async || RestError::wrong_method())
        .layer(middleware::from_fn_with_state(is_dev_mode, with_docs))
        .layer(middleware::from_fn_with_state(Arc::clone(&metrics), count))
        .layer(middleware::from_fn(discard_body::drain_unread_body))
        .layer(middleware::from_fn_with_state(cors, cors::allow))
        .merge(pages.layer(middleware::from_fn_with_state(metrics, count)).layer(middleware::from_fn(discard_body::drain_unread_body)))
        .layer(middleware::from_fn(not_sniffed))
}

/// Adds `X-Content-Type-Options: nosniff` to every response, so that no browser takes text of clients for a page or a script.
async fn not_sniffed(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// In dev mode, error responses name the page about their code in their body.
async fn with_docs(State(is_dev_mode): State<bool>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    if is_dev_mode { response::with_docs(response).await } else { response }
}

/// Counts the requests.
async fn count(State(metrics): State<Arc<Metrics>>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let error_code = response::error_code(&response);
    if let Some(code) = error_code {
        tracing::debug!(%method, ?path, status = response.status().as_u16(), code, "refused");
    }
    metrics.http_answered(error_code);
    response
}

/// The paths of contracts, with their descriptions.
fn contract_paths(apis: Vec<RestApi>) -> OpenApiRouter<Arc<RestState>> {
    apis.into_iter().map(contract).fold(openapi::head(), OpenApiRouter::merge)
}

/// The paths that belong to no contract, with their descriptions.
fn own_paths() -> OpenApiRouter<ApiState> {
    described("blocks", "The users that the caller has blocked.", None, blocks::routes())
        .merge(described("back_end", "The paths for backends.", None, backend::routes()))
        .merge(described(
            "meta",
            "The API document, and missed events.",
            None,
            docs::routes().merge(error_pages::routes()).merge(sync::routes()),
        ))
        .merge(described(
            "operations",
            "Health checks, nodes, metrics, and explanations of deliveries.",
            None,
            ops::routes().merge(nodes::routes()).merge(explain::routes()),
        ))
}
