//! What is answered: JSON always, also when the answer is no.

use std::borrow::Cow;

use axum::response::{IntoResponse, Response};
use domain::refusal::Refusal;
use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderName, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use serde::Serialize;

use crate::auth::Unauthenticated;
use crate::dialects::{json, told};

/// Says that an answer was given before to the same `Idempotency-Key`.
pub(super) const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// How long a client waits after a 503 that names no better time, in seconds.
const PAUSE: u64 = 1;

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Answer {
    pub status: StatusCode,
    /// JSON.
    pub body: String,
    /// Whether the answer was given before.
    pub replayed: bool,
}

impl IntoResponse for Answer {
    fn into_response(self) -> Response {
        let mut response = respond(self.status, self.body);
        if self.replayed {
            response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
        }
        response
    }
}

/// A no.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Failure {
    status: StatusCode,
    code: &'static str,
    error: String,
    field: Option<Cow<'static, str>>,
    header: Option<(HeaderName, HeaderValue)>,
}

impl Failure {
    fn new(status: StatusCode, code: &'static str, error: impl Into<String>) -> Self {
        Self { status, code, error: error.into(), field: None, header: None }
    }

    fn with(self, name: HeaderName, value: impl Into<HeaderValue>) -> Self {
        Self { header: Some((name, value.into())), ..self }
    }

    /// A field that is not as it should be. Unlike a refusal's, its name may be the client's.
    pub fn field(field: impl Into<Cow<'static, str>>, reason: &str) -> Self {
        let field = field.into();
        Self { field: Some(field.clone()), ..Self::body(format!("{field}: {reason}")) }
    }

    /// A body that cannot be read.
    pub fn body(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", error)
    }

    /// A body of more than so many bytes.
    pub fn too_large(limit: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", format!("The body must have at most {limit} bytes"))
    }

    /// A body that does not come.
    pub fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "timeout", "The body took too long")
    }

    /// A path that nothing is at.
    pub fn unknown_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not found")
    }

    /// A method that a path does not have. The router adds which ones it has.
    pub fn wrong_method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed")
    }
}

impl From<Refusal> for Failure {
    /// The one table of refusals and statuses.
    fn from(refusal: Refusal) -> Self {
        let status = match &refusal {
            Refusal::Invalid { .. } => StatusCode::BAD_REQUEST,
            Refusal::Forbidden(_) => StatusCode::FORBIDDEN,
            Refusal::NotFound(_) => StatusCode::NOT_FOUND,
            Refusal::Conflict(_) => StatusCode::CONFLICT,
            Refusal::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Refusal::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Refusal::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let failure = Self::new(status, refusal.code(), told(&refusal));
        match refusal {
            Refusal::Invalid { field, .. } => Self { field: Some(field.into()), ..failure },
            Refusal::TooMany { retry_after } => failure.with(RETRY_AFTER, retry_after),
            Refusal::Unavailable(_) => failure.with(RETRY_AFTER, PAUSE),
            Refusal::Internal(reason) => {
                tracing::error!(reason, "a request failed by our fault");
                failure
            }
            Refusal::Forbidden(_) | Refusal::NotFound(_) | Refusal::Conflict(_) => failure,
        }
    }
}

impl From<Unauthenticated> for Failure {
    fn from(reason: Unauthenticated) -> Self {
        let failure = Self::new(StatusCode::UNAUTHORIZED, reason.code(), reason.to_string());
        failure.with(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        #[derive(Serialize)]
        struct Body<'a> {
            error: &'a str,
            code: &'a str,
            #[serde(skip_serializing_if = "Option::is_none")]
            field: Option<&'a str>,
        }
        let body = json(&Body { error: &self.error, code: self.code, field: self.field.as_deref() });
        let mut response = respond(self.status, body);
        response.headers_mut().extend(self.header);
        response
    }
}

fn respond(status: StatusCode, body: String) -> Response {
    // What one person may see must not be kept for another by a cache in between.
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    (status, headers, body).into_response()
}
