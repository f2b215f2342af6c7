//! The parts of the OpenAPI document that many paths share. A handler declares what is specific to its path; rules in this module add what
//! follows from how all requests are processed (`call`).
//!
//! - [`security`]: the callers who may use an operation.
//! - [`requests`]: the ids in a path, the key that makes a repeated request safe, and whether there must be a body.
//! - [`errors`]: the error responses, and their form in each contract.

mod errors;
mod requests;
mod security;

use std::future::ready;
use std::sync::Arc;

use axum::middleware;
use axum::response::Response;
use rest_toolkit::RestState;
use rest_toolkit::api::RestApi;
use rest_toolkit::error_body::ErrorFormat;
use rest_toolkit::response::{RestError, in_format};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::tag::TagBuilder;
use utoipa::openapi::{Components, HttpMethod, InfoBuilder, LicenseBuilder, OpenApiBuilder};
use utoipa_axum::router::OpenApiRouter;

use security::Callers;

const ABOUT: &str = "\
The REST paths of all contracts. Each change is broadcast at once over Socket.IO and the raw WebSocket.\n\n\
Times are RFC 3339 in UTC. Ids are text in paths and queries; in bodies they may be numbers, too. Lists are newest first, in pages: \
`before` is the last id of the previous page. A body has only the documented fields; later versions may add fields to responses. \
Every error response is JSON with an `error` for people, a `code` for programs and, if one field is invalid, its name in `field`.";

/// The document without paths.
pub(super) fn head<S: Send + Sync + Clone + 'static>() -> OpenApiRouter<S> {
    let mut components = Components::new();
    errors::add_to(&mut components, None);
    security::add_to(&mut components);
    let info = InfoBuilder::new().title("Roomcast").version(env!("CARGO_PKG_VERSION")).description(Some(ABOUT));
    let info = info.license(Some(LicenseBuilder::new().name("MIT").identifier(Some("MIT")).build()));
    let openapi = OpenApiBuilder::new().info(info).components(Some(components)).security(Some(security::users()));
    OpenApiRouter::with_openapi(openapi.build())
}

/// The paths of a contract, completely described. Their error responses have the contract's format.
pub(super) fn contract(api: RestApi) -> OpenApiRouter<Arc<RestState>> {
    let RestApi { name, about, routes, error_format, .. } = api;
    let paths = described(name, about, error_format, routes);
    let Some(format) = error_format else { return paths };
    let (router, mut openapi) = paths.split_for_parts();
    errors::add_to(openapi.components.get_or_insert_with(Components::new), Some(format));
    let router = router.method_not_allowed_fallback(async || RestError::wrong_method());
    let router = router.layer(middleware::map_response(move |response: Response| ready(in_format(response, format))));
    let mut paths = OpenApiRouter::from(router);
    *paths.get_openapi_mut() = openapi;
    paths
}

/// Paths, completely described.
///
/// The inputs are the name that groups the paths; its description; the format of their error responses; the paths with their own descriptions.
pub(super) fn described<S>(name: &str, about: &str, error_format: Option<ErrorFormat>, mut paths: OpenApiRouter<S>) -> OpenApiRouter<S>
where
    S: Send + Sync + Clone + 'static,
{
    let openapi = paths.get_openapi_mut();
    openapi.tags = Some(vec![TagBuilder::new().name(name).description(Some(about)).build()]);
    let schemas = &openapi.components.get_or_insert_with(Components::new).schemas;
    for (path, item) in &mut openapi.paths.paths {
        for (method, operation) in operations(item) {
            operation.tags = Some(vec![name.to_owned()]);
            operation.operation_id = operation.operation_id.take().map(|handler| format!("{name}_{handler}"));
            requests::require_body(operation, schemas);
            complete(operation, &method, path, error_format);
        }
    }
    paths
}

fn operations(item: &mut PathItem) -> impl Iterator<Item = (HttpMethod, &mut Operation)> {
    let PathItem { get, put, post, delete, patch, .. } = item;
    let get = (HttpMethod::Get, get);
    let methods = [get, (HttpMethod::Put, put), (HttpMethod::Post, post), (HttpMethod::Delete, delete), (HttpMethod::Patch, patch)];
    methods.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// Completes the description of an operation by its method, path and callers.
fn complete(operation: &mut Operation, method: &HttpMethod, path: &str, error_format: Option<ErrorFormat>) {
    let has_body = matches!(method, HttpMethod::Post | HttpMethod::Put | HttpMethod::Patch);
    let is_idempotent = matches!(method, HttpMethod::Post | HttpMethod::Patch) && requests::is_idempotent(operation);
    let has_query = requests::has_query(operation);
    let has_path_ids = requests::add_path_parameters(operation, path);
    if is_idempotent {
        requests::add_idempotency_key(operation);
    }
    let callers = Callers::of(operation);
    let needs_token = callers != Callers::Anyone;
    let statuses = [
        (400, has_body || has_query),
        (401, needs_token),
        (403, callers == Callers::Backends),
        (404, has_path_ids),
        (408, has_body),
        (409, is_idempotent),
        (413, has_body),
        (429, needs_token),
        (500, needs_token),
        (503, needs_token),
    ];
    errors::add(operation, error_format, statuses.into_iter().filter_map(|(status, applies)| applies.then_some(status)));
}
