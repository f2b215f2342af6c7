//! The origins whose web pages may read the responses.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use config::{self, Origins, OwnPage};
use engine::config::{Cors, CorsPolicy};
use http::header::{
    ACCESS_CONTROL_ALLOW_CREDENTIALS, ACCESS_CONTROL_ALLOW_HEADERS, ACCESS_CONTROL_ALLOW_METHODS, ACCESS_CONTROL_ALLOW_ORIGIN,
    ACCESS_CONTROL_EXPOSE_HEADERS, ACCESS_CONTROL_MAX_AGE, ACCESS_CONTROL_REQUEST_HEADERS, HeaderMap, HeaderName, ORIGIN, VARY,
};
use http::{HeaderValue, Method, StatusCode};

const METHODS: HeaderValue = HeaderValue::from_static("GET,HEAD,POST,PUT,PATCH,DELETE");
const HEADERS: HeaderValue = HeaderValue::from_static("Authorization,Content-Type,Idempotency-Key");
/// The response headers that a page may read besides the few that it always may.
const EXPOSED: HeaderValue = HeaderValue::from_static("Idempotency-Replayed,Link,Retry-After,Warning");
/// Browsers repeat a preflight after two hours at the latest, even if this is longer.
const MAX_AGE: HeaderValue = HeaderValue::from_static("7200");

/// The rule for origins as the engine needs it, so that sockets and REST use the same rule.
pub fn cors_policy(origins: Origins) -> CorsPolicy {
    Arc::new(move |headers: &HeaderMap| {
        // An origin that is not text matches no allowed origin.
        let text = |name: HeaderName| headers.get(name).map(|value| value.to_str().unwrap_or("null"));
        let origin = text(ORIGIN);
        let (allow_origin, credentials) = match origins.cors(origin, OwnPage::of(headers)) {
            config::Cors::Every => (Some("*".to_owned()), false),
            config::Cors::Reflect => (origin.map(str::to_owned), true),
            config::Cors::Nothing => (None, false),
        };
        Cors { allow_origin, credentials, vary: true }
    })
}

/// Responds to preflights, and adds the headers to every other response.
pub(super) async fn allow(State(policy): State<CorsPolicy>, request: Request, next: Next) -> Response {
    let cors = policy(request.headers());
    let mut response = if request.method() == Method::OPTIONS { preflight(request.headers()) } else { next.run(request).await };
    let headers = response.headers_mut();
    if let Some(origin) = cors.allow_origin.as_ref().and_then(|origin| HeaderValue::from_str(origin).ok()) {
        headers.insert(ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        headers.insert(ACCESS_CONTROL_EXPOSE_HEADERS, EXPOSED);
        if cors.credentials {
            headers.insert(ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }
    if cors.vary {
        headers.append(VARY, HeaderValue::from_static("Origin"));
    }
    response
}

fn preflight(request_headers: &HeaderMap) -> Response {
    let mut response = StatusCode::NO_CONTENT.into_response();
    let headers = response.headers_mut();
    headers.insert(ACCESS_CONTROL_ALLOW_METHODS, METHODS);
    // Pages send headers of their tools, too (tracing, for one), and none of ours is dangerous to allow.
    headers.insert(ACCESS_CONTROL_ALLOW_HEADERS, request_headers.get(ACCESS_CONTROL_REQUEST_HEADERS).cloned().unwrap_or(HEADERS));
    headers.insert(ACCESS_CONTROL_MAX_AGE, MAX_AGE);
    headers.append(VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
    response
}
