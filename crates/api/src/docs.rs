//! The OpenAPI document, and a page to read and try it. Both are public, because they contain only what the source contains.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use axum::Extension;
use axum::body::Bytes;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use contracts::{ContractOptions, ContractRegistry};
use domain::error::DomainError;
use http::HeaderName;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use limits::bytes_in_memory::Shared;
use rest_toolkit::response::RestError;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config as ViewerConfig, SwaggerFile};

use crate::{ApiState, contract_paths, own_paths};

/// The document. It is constant.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let contracts = ContractRegistry::new(ContractOptions::default());
    let mut document = contract_paths(contracts.rest_apis()).into_openapi();
    document.merge(own_paths().into_openapi());
    // Only a map with keys that are no strings cannot be serialized.
    document.to_pretty_json().unwrap_or_default() + "\n"
});

/// The page loads only its own files, sends requests only to this server, and may not be in a frame. Its viewer uses inline styles and data URLs.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// The settings of the viewer. It sends the document to no external validator.
static VIEWER: LazyLock<Arc<ViewerConfig<'static>>> = LazyLock::new(|| {
    let config = ViewerConfig::from("../openapi.json").validator_url("none").use_base_layout();
    Arc::new(config.deep_linking(true).doc_expansion("none").filter(true).try_it_out_enabled(true).display_request_duration(true))
});

/// The headers of all responses of this module: browsers revalidate each file, and use its declared type.
const HEADERS: [(HeaderName, &str); 2] = [(CACHE_CONTROL, "no-cache"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];

/// The routes.
pub(super) fn routes() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(read_document))
        // The page's files name each other by relative paths.
        .route("/docs", get(async || Redirect::permanent("/docs/")))
        .route("/docs/", get(async || file("index.html")))
        .route("/docs/{*file}", get(any_file))
}

/// The OpenAPI document: JSON, as `/openapi.json` and `roomcast openapi` return it.
pub fn openapi() -> &'static str {
    &DOCUMENT
}

/// Returns this document.
#[utoipa::path(get, path = "/openapi.json", security(()), responses((status = 200, body = Object)))]
async fn read_document() -> Response {
    (Extension(Shared), [(CONTENT_TYPE, "application/json")], HEADERS, Bytes::from_static(openapi().as_bytes())).into_response()
}

/// The file that the path names. A path that is not UTF-8 is not found.
async fn any_file(name: Result<Path<String>, PathRejection>) -> Response {
    name.map_or_else(|_| RestError::unknown_path().into_response(), |Path(name)| file(&name))
}

/// A file of the viewer.
fn file(name: &str) -> Response {
    match utoipa_swagger_ui::serve(name, VIEWER.clone()) {
        Ok(Some(SwaggerFile { bytes, content_type, gzpipped, .. })) => {
            // The files are compressed at build time, and every browser decompresses them.
            let encoding = gzpipped.then_some([(CONTENT_ENCODING, "gzip")]);
            let headers = ([(CONTENT_TYPE, content_type.as_str())], [(CONTENT_SECURITY_POLICY, POLICY)], HEADERS, encoding);
            match bytes {
                Cow::Borrowed(bytes) => {
                    (Extension(Shared), headers.0, headers.1, headers.2, headers.3, Bytes::from_static(bytes)).into_response()
                }
                Cow::Owned(bytes) => (headers.0, headers.1, headers.2, headers.3, bytes).into_response(),
            }
        }
        Ok(None) => RestError::unknown_path().into_response(),
        Err(error) => RestError::from(DomainError::Internal(error.to_string())).into_response(),
    }
}
