//! The nodes of the cluster, for operators.

use std::sync::Arc;

use axum::extract::State;
use client_json::json;
use http::StatusCode;
use realtime::nodes::NodeHandle;
use rest_toolkit::request_context::BackendRequest;
use rest_toolkit::response::{RestError, RestResponse};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::{ApiDeps, ApiState};

/// The routes.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list_nodes))
}

/// The nodes that act as one server.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = operations::Nodes)]
struct Nodes {
    /// Whether this server can reach Redis. Without it, events of other nodes are read from the database.
    redis_connected: bool,
    /// The nodes that count as alive, by id; empty if this server is the only one.
    nodes: Vec<Node>,
}

/// A node.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
#[schema(as = operations::Node)]
struct Node {
    /// The id: `NODE_ID`.
    id: String,
    /// The address for the other nodes: `NODE_URL`.
    url: String,
    /// A number that changes with each start of the node, and with each lease that it loses.
    incarnation: String,
    /// Whether this node has sent the response.
    is_this_node: bool,
}

/// Returns the nodes that act as one server. For backends and admins.
#[utoipa::path(
    get,
    path = "/api/v1/nodes",
    security(("backEnd" = [])),
    responses((status = 200, body = Nodes))
)]
async fn list_nodes(State(api): State<Arc<ApiDeps>>, _: BackendRequest) -> Result<RestResponse, RestError> {
    let body = json(&nodes(api.node.as_deref()));
    Ok(RestResponse { status: StatusCode::OK, body, replayed: false, next: None })
}

fn nodes(node: Option<&NodeHandle>) -> Nodes {
    let Some(node) = node.and_then(NodeHandle::get) else { return Nodes { redis_connected: false, nodes: Vec::new() } };
    let own = node.own();
    let mut all = node.others();
    all.push(own.clone());
    all.sort_by(|one, other| one.id.cmp(&other.id));
    let listed = all.into_iter().map(|node| Node {
        is_this_node: node.id == own.id,
        id: node.id.to_string(),
        url: node.address.to_string(),
        incarnation: node.incarnation.to_string(),
    });
    Nodes { redis_connected: node.stats().redis_is_reachable, nodes: listed.collect() }
}
