//! The paths for operators: liveness, readiness and metrics.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use client_json::json;
use config::MetricsAccess;
use http::StatusCode;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use realtime::nodes::{ClusterNode, NodeHandle};
use rest_toolkit::request_context::BackendRequest;
use rest_toolkit::response::{RestError, RestResponse};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::health::Unready;
use crate::metrics;
use crate::{ApiDeps, ApiState};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(live)).routes(routes!(ready)).routes(routes!(read_metrics))
}

/// Liveness: whether the process works. With 503, the process must be restarted. Needs no token.
#[utoipa::path(
    get,
    path = "/health/live",
    security(()),
    responses((status = 200, body = Condition), (status = 503))
)]
async fn live(State(api): State<Arc<ApiDeps>>) -> Result<RestResponse, RestError> {
    let lives = api.health.is_live().await;
    condition(if lives { &[] } else { &[Unready::Shards] }, None)
}

/// Readiness: whether the server should receive new traffic. It should not while it stops, or while its database cannot be written. One of several nodes
/// works without Redis, but slower; the response then has `redis` with the value `unreachable`. Needs no token.
#[utoipa::path(
    get,
    path = "/health/ready",
    security(()),
    responses((status = 200, body = Condition), (status = 503))
)]
async fn ready(State(api): State<Arc<ApiDeps>>) -> Result<RestResponse, RestError> {
    let is_reachable = |node: &ClusterNode| node.stats().redis_is_reachable;
    let redis = api.node.as_deref().and_then(NodeHandle::get).map(is_reachable);
    condition(&api.health.unready().await, redis.map(|reachable| if reachable { "connected" } else { "unreachable" }))
}

/// The state of a healthy server.
#[derive(Serialize, ToSchema)]
#[schema(as = operations::Condition)]
struct Condition {
    status: &'static str,
    /// One of several nodes: `connected`, or `unreachable`.
    #[serde(skip_serializing_if = "Option::is_none")]
    redis: Option<&'static str>,
}

fn condition(unready: &[Unready], redis: Option<&'static str>) -> Result<RestResponse, RestError> {
    match unready {
        [] => Ok(RestResponse { status: StatusCode::OK, body: json(&Condition { status: "ok", redis }), replayed: false, next: None }),
        reasons => Err(RestError::unready(&reasons.iter().map(|reason| reason.description()).collect::<Vec<_>>())),
    }
}

/// Returns the metrics for Prometheus. For backends and admins, unless `METRICS` is `open` (for all clients) or `off` (404).
#[utoipa::path(
    get,
    path = "/metrics",
    security(("backEnd" = [])),
    responses((status = 200, body = String, content_type = "application/openmetrics-text"), (status = 404))
)]
async fn read_metrics(State(api): State<Arc<ApiDeps>>, backend: Result<BackendRequest, RestError>) -> Response {
    match (api.metrics_access, backend) {
        (MetricsAccess::Off, _) => RestError::unknown_path().into_response(),
        (MetricsAccess::Key, Err(failure)) => failure.into_response(),
        (MetricsAccess::Key, Ok(_)) | (MetricsAccess::Open, _) => match api.metrics.page().await {
            Some(page) => ([(CONTENT_TYPE, metrics::CONTENT_TYPE), (CACHE_CONTROL, "no-store")], page).into_response(),
            None => RestError::not_responding().into_response(),
        },
    }
}
