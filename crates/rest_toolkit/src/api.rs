//! The REST API of one contract, as the contract declares it.

use std::sync::Arc;

use client_json::payload_schema::PayloadSchema;
use utoipa_axum::router::OpenApiRouter;

use super::RestState;
use super::response::ErrorBody;

/// The paths of a contract, with their descriptions.
pub struct RestApi {
    /// The name of the contract. It groups the paths in the OpenAPI document.
    pub name: &'static str,
    /// A sentence about the paths.
    pub about: &'static str,
    /// The paths.
    pub routes: OpenApiRouter<Arc<RestState>>,
    /// The contract's own format of error responses; `None` for `{error, code, field?}`.
    pub error_format: Option<ErrorFormat>,
    /// The paths that check the health of the server. They are served also when the server has no capacity for other requests.
    pub health_checks: &'static [&'static str],
}

/// A contract's own format of error responses.
#[derive(Clone, Copy)]
pub struct ErrorFormat {
    /// The prefix of the names of the error responses in the OpenAPI document.
    pub prefix: &'static str,
    /// The schema of the body.
    pub schema: fn() -> PayloadSchema,
    /// Renders the body as JSON.
    pub render: fn(ErrorBody<'_>) -> String,
    /// The beginnings of the paths whose error responses have this format, also the paths without a route.
    pub path_prefixes: &'static [&'static str],
}

impl ErrorFormat {
    /// Whether the error responses of a path have this format.
    pub fn applies_to(&self, path: &str) -> bool {
        let rest = self.path_prefixes.iter().find_map(|prefix| path.strip_prefix(prefix));
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    }
}
