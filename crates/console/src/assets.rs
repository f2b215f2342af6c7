//! The scripts and styles. They are a part of the binary, and their addresses change with their content, so browsers keep them.

use std::sync::LazyLock;

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::body::Bytes;
use axum::extract::Path;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use rest_toolkit::response::RestError;

/// A file.
struct Asset {
    name: &'static str,
    content_type: &'static str,
    content: &'static str,
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// The files: our own, and those of `assets/vendor` with their versions.
const ASSETS: [Asset; 6] = [
    Asset { name: "console.css", content_type: STYLE, content: include_str!("../assets/console.css") },
    Asset { name: "console.js", content_type: SCRIPT, content: include_str!("../assets/console.js") },
    Asset { name: "start.js", content_type: SCRIPT, content: include_str!("../assets/start.js") },
    Asset { name: "htmx-2.0.11.js", content_type: SCRIPT, content: include_str!("../assets/vendor/htmx.min.js") },
    Asset { name: "uplot-1.6.32.js", content_type: SCRIPT, content: include_str!("../assets/vendor/uPlot.iife.min.js") },
    Asset { name: "uplot-1.6.32.css", content_type: STYLE, content: include_str!("../assets/vendor/uPlot.min.css") },
];

/// A part of the hash of all files, which their addresses contain.
static VERSION: LazyLock<String> = LazyLock::new(|| {
    let all: String = ASSETS.iter().map(|asset| asset.content).collect();
    BASE64.encode(&digest(&SHA256, all.as_bytes()).as_ref()[..6])
});

/// The address of a file.
pub(crate) fn address(name: &str) -> String {
    format!("/console/assets/{name}?v={}", *VERSION)
}

/// The path of the files.
pub(crate) fn routes() -> Router {
    Router::new().route("/console/assets/{name}", get(file))
}

async fn file(Path(name): Path<String>) -> Response {
    let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else { return RestError::unknown_path().into_response() };
    let headers = [(CONTENT_TYPE, asset.content_type), (CACHE_CONTROL, "public, max-age=31536000, immutable")];
    (headers, Bytes::from_static(asset.content.as_bytes())).into_response()
}
