//! The REST API of one contract, as the contract declares it.

use std::sync::Arc;

use utoipa_axum::router::OpenApiRouter;

use super::RestState;
use super::error_body::ErrorFormat;

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
