//! The OpenAPI document, and a page to read and try it. Both are public: they contain nothing that is not in the source.

use std::borrow::Cow;
use std::sync::{Arc, LazyLock};

use axum::Extension;
use axum::body::Bytes;
use axum::extract::Path;
use axum::extract::rejection::PathRejection;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use domain::error::DomainError;
use http::HeaderName;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;
use utoipa_swagger_ui::{Config as ViewerConfig, SwaggerFile};

use super::AppState;
use super::response::RestError;
use crate::bytes_in_memory::Shared;
use crate::config::Config;
use crate::contracts::ContractRegistry;

/// The document. It is the same for as long as the program is.
static DOCUMENT: LazyLock<String> = LazyLock::new(|| {
    let document = super::paths(ContractRegistry::new(&Config::default()).rest_apis()).into_openapi().to_pretty_json();
    // Only a map whose keys are no text cannot be written.
    document.unwrap_or_default() + "\n"
});

/// The page takes nothing from elsewhere, sends nothing elsewhere, and stands in no frame. Its viewer styles elements in place and draws from
/// data URLs.
const POLICY: &str = "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'; base-uri 'none'; form-action 'self'";

/// How the viewer shows the document, which lies beside the page's folder. The viewer sends it to no external validator.
static VIEWER: LazyLock<Arc<ViewerConfig<'static>>> = LazyLock::new(|| {
    let config = ViewerConfig::from("../openapi.json").validator_url("none").use_base_layout();
    Arc::new(config.deep_linking(true).doc_expansion("none").filter(true).try_it_out_enabled(true).display_request_duration(true))
});

/// What everything here is answered with: a browser asks each time whether it has changed, and believes our types.
const HEADERS: [(HeaderName, &str); 2] = [(CACHE_CONTROL, "no-cache"), (X_CONTENT_TYPE_OPTIONS, "nosniff")];

/// The routes.
pub(super) fn routes() -> OpenApiRouter<Arc<AppState>> {
    OpenApiRouter::new()
        .routes(routes!(read_document))
        // The page's files name each other by relative paths.
        .route("/docs", get(async || Redirect::permanent("/docs/")))
        .route("/docs/", get(async || file("index.html")))
        .route("/docs/{*file}", get(any_file))
}

/// The OpenAPI document: JSON, as `/openapi.json` and `roomcast openapi` give it.
pub fn openapi() -> &'static str {
    &DOCUMENT
}

/// Reads this document.
#[utoipa::path(get, path = "/openapi.json", security(()), responses((status = 200, body = Object)))]
async fn read_document() -> Response {
    (Extension(Shared), [(CONTENT_TYPE, "application/json")], HEADERS, Bytes::from_static(openapi().as_bytes())).into_response()
}

/// The file that the path names, which is none if it is no text.
async fn any_file(name: Result<Path<String>, PathRejection>) -> Response {
    name.map_or_else(|_| RestError::unknown_path().into_response(), |Path(name)| file(&name))
}

/// A file of the viewer.
fn file(name: &str) -> Response {
    match utoipa_swagger_ui::serve(name, VIEWER.clone()) {
        Ok(Some(SwaggerFile { bytes, content_type, gzpipped, .. })) => {
            // Compressed when the server was built: every browser reads it, and nothing else wants it.
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
