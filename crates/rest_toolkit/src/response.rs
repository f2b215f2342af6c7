//! Responses: always JSON, also for errors.

use std::borrow::Cow;

use auth::AuthError;
use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse, Response};
use client_json::error_help::ERROR_PAGES;
use client_json::error_text::{client_error_text, wrong_field};
use client_json::field_names::{FieldNames, shared_field_name};
use client_json::json;
use domain::error::DomainError;
use engine::http::OverBudget;
use http::header::{CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, LINK, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use limits::bytes_in_memory;
use limits::json_memory::{ParseRejection, TOO_COMPLEX};
use logging::{self, MAX_FAULT_LINES};

use super::error_body::{ErrorBody, ErrorFormat};

/// Marks a response as replayed for the same `Idempotency-Key`.
pub const IDEMPOTENCY_REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");

/// The retry delay of a 503 that has no other one, in seconds.
const RETRY_AFTER_SECONDS: u64 = 1;

/// A successful response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RestResponse {
    /// The status.
    pub status: StatusCode,
    /// JSON.
    pub body: String,
    /// Whether it replays an earlier response.
    pub replayed: bool,
    /// The reference to the next page of an incomplete list; see [`super::list`].
    pub next: Option<String>,
}

impl IntoResponse for RestResponse {
    fn into_response(self) -> Response {
        let mut response = respond(self.status, self.body);
        if self.replayed {
            response.headers_mut().insert(IDEMPOTENCY_REPLAYED, HeaderValue::from_static("true"));
        }
        if let Some(link) = self.next.and_then(|next| HeaderValue::try_from(format!(r#"<{next}>; rel="next""#)).ok()) {
            // RFC 8288.
            response.headers_mut().insert(LINK, link);
        }
        response
    }
}

/// The result of a handler.
pub type RestResult = Result<RestResponse, RestError>;

/// An error response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct RestError {
    status: StatusCode,
    code: &'static str,
    error: String,
    field: Option<Cow<'static, str>>,
    hint: Option<Hint>,
    /// The error of a command or query whose field a contract may name differently.
    field_error: Option<Box<DomainError>>,
}

/// A header of an error response.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Hint {
    /// The retry delay in seconds.
    RetryAfter(u64),
    /// A token is required.
    Bearer,
    /// The connection closes after the response.
    Close,
}

impl RestError {
    fn new(status: StatusCode, code: &'static str, error: impl Into<String>) -> Self {
        Self { status, code, error: error.into(), field: None, hint: None, field_error: None }
    }

    fn hint(self, hint: Hint) -> Self {
        Self { hint: Some(hint), ..self }
    }

    /// An invalid field. Its name may be the client's own.
    pub fn field(field: impl Into<Cow<'static, str>>, reason: &str) -> Self {
        let field = field.into();
        Self { field: Some(field.clone()), ..Self::body(format!("{field}: {reason}")) }
    }

    /// A body that cannot be parsed.
    pub fn body(error: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, "invalid", error)
    }

    /// A body of more than `limit` bytes.
    pub fn too_large(limit: usize) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", format!("The body must have at most {limit} bytes")).hint(Hint::Close)
    }

    /// A body whose JSON is not parsed.
    pub fn not_parsed(why: ParseRejection) -> Self {
        match why {
            ParseRejection::TooComplex => {
                Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", format!("The JSON of the body {TOO_COMPLEX}"))
            }
            ParseRejection::NoRoom(short) => Self::over_budget(short),
        }
    }

    /// A body that does not arrive in time.
    pub fn too_slow() -> Self {
        Self::new(StatusCode::REQUEST_TIMEOUT, "timeout", "The body took too long")
    }

    /// A body that exceeds the budget of bytes in memory.
    pub fn over_budget(short: OverBudget) -> Self {
        let (status, code, error) = bytes_in_memory::rejection(short);
        Self::new(status, code, error).hint(Hint::RetryAfter(RETRY_AFTER_SECONDS))
    }

    /// A part of the server that does not respond.
    pub fn not_responding() -> Self {
        let error = "A part of the server does not respond; try again later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error).hint(Hint::RetryAfter(RETRY_AFTER_SECONDS))
    }

    /// A server that is not healthy, or not ready for new traffic.
    pub fn unready(reasons: &[&str]) -> Self {
        let error = format!("Not ready: {}", reasons.join(", "));
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", error).hint(Hint::RetryAfter(RETRY_AFTER_SECONDS))
    }

    /// A path without a route.
    pub fn unknown_path() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "Not found")
    }

    /// The body of the response.
    fn as_body(&self) -> ErrorBody<'_> {
        ErrorBody { error: &self.error, code: self.code, field: self.field.as_deref(), docs: None }
    }

    /// A method that a path does not support. The router adds the supported ones.
    pub fn wrong_method() -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, "method_not_allowed", "Method not allowed")
    }
}

impl From<DomainError> for RestError {
    fn from(error: DomainError) -> Self {
        Self::with_field_names(error, shared_field_name)
    }
}

impl RestError {
    /// The response to an error of a command or query.
    fn with_field_names(error: DomainError, names: FieldNames) -> Self {
        let status = match &error {
            DomainError::Invalid { .. } => StatusCode::BAD_REQUEST,
            DomainError::Ambiguous { .. } => StatusCode::UNPROCESSABLE_ENTITY,
            DomainError::Forbidden(_) => StatusCode::FORBIDDEN,
            DomainError::UserDeleted => return AuthError::UserDeleted.into(),
            DomainError::NotFound(_) => StatusCode::NOT_FOUND,
            DomainError::Conflict(_) => StatusCode::CONFLICT,
            DomainError::RateLimited { .. } | DomainError::OverQuota { .. } => StatusCode::TOO_MANY_REQUESTS,
            DomainError::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            DomainError::Internal(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        let failure = Self::new(status, error.code(), client_error_text(&error, names));
        match error {
            DomainError::Invalid { .. } | DomainError::Ambiguous { .. } => {
                Self { field: wrong_field(&error, names).map(Cow::Borrowed), field_error: Some(Box::new(error)), ..failure }
            }
            DomainError::RateLimited { retry_after } | DomainError::OverQuota { retry_after } => {
                failure.hint(Hint::RetryAfter(retry_after))
            }
            DomainError::Unavailable(_) => failure.hint(Hint::RetryAfter(RETRY_AFTER_SECONDS)),
            DomainError::Internal(reason) => {
                if logging::admits(tracing::Level::ERROR, None, "a request failed because of an internal error", "", MAX_FAULT_LINES) {
                    tracing::error!(reason, "a request failed because of an internal error");
                }
                failure
            }
            DomainError::Forbidden(_) | DomainError::UserDeleted | DomainError::NotFound(_) | DomainError::Conflict(_) => failure,
        }
    }
}

impl From<AuthError> for RestError {
    fn from(reason: AuthError) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, reason.code(), reason.to_string()).hint(Hint::Bearer)
    }
}

impl IntoResponse for RestError {
    fn into_response(self) -> Response {
        let body = json(&self.as_body());
        let mut response = respond(self.status, body);
        match self.hint {
            Some(Hint::RetryAfter(seconds)) => drop(response.headers_mut().insert(RETRY_AFTER, seconds.into())),
            Some(Hint::Bearer) => drop(response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"))),
            Some(Hint::Close) => drop(response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"))),
            None => {}
        }
        if let Ok(link) = HeaderValue::try_from(format!(r#"<{}>; rel="help""#, help_path(self.code))) {
            // RFC 8288.
            response.headers_mut().append(LINK, link);
        }
        response.extensions_mut().insert(self);
        response
    }
}

/// The path of the page that describes an error code.
fn help_path(code: &str) -> String {
    format!("{ERROR_PAGES}/{code}")
}

/// Adds the path of the page about its code to the body of an error response, as the field `docs`; for dev mode.
pub async fn with_docs(response: Response) -> Response {
    let Some(code) = error_code(&response) else { return response };
    let (mut head, body) = response.into_parts();
    // The body is one of `ErrorBody`, which is small.
    let Ok(bytes) = to_bytes(body, MAX_ERROR_BODY).await else { return Response::from_parts(head, Body::empty()) };
    let mut text = String::from_utf8_lossy(&bytes).into_owned();
    if text.ends_with('}') {
        text.pop();
        text += &format!(r#","docs":"{}"}}"#, help_path(code));
    }
    head.headers.remove(CONTENT_LENGTH);
    Response::from_parts(head, text.into())
}

/// More bytes than an error response has: its text names one field.
const MAX_ERROR_BODY: usize = 64 * 1024;

/// The code of an error response.
pub fn error_code(response: &Response) -> Option<&'static str> {
    response.extensions().get::<RestError>().map(|failure| failure.code)
}

/// Changes an error response to one whose field has its name in a contract.
pub async fn with_field_names(names: FieldNames, response: Response) -> Response {
    match response.extensions().get() {
        Some(RestError { field_error: Some(error), .. }) => RestError::with_field_names((**error).clone(), names).into_response(),
        _ => response,
    }
}

/// Changes an error response to the format of a contract.
pub fn in_format(mut response: Response, format: ErrorFormat) -> Response {
    if let Some(error) = response.extensions().get::<RestError>() {
        let body = (format.render)(error.as_body());
        *response.body_mut() = body.into();
        response.headers_mut().remove(CONTENT_LENGTH);
    }
    response
}

fn respond(status: StatusCode, body: String) -> Response {
    // A cache between server and client must not return one user's data to another.
    let headers = [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-store")];
    (status, headers, body).into_response()
}

#[cfg(test)]
mod tests {
    use domain::field::Field;

    use super::*;

    #[tokio::test]
    async fn each_error_has_its_status_and_hides_internal_details() {
        let table = [
            (DomainError::invalid(Field::SpaceName, "is bad"), 400, r#"{"error":"name: is bad","code":"invalid","field":"name"}"#, None),
            (
                DomainError::Ambiguous { field: Field::Target, reason: "is two".into() },
                422,
                r#"{"error":"to: is two","code":"ambiguous","field":"to"}"#,
                None,
            ),
            (DomainError::Forbidden("Only admins"), 403, r#"{"error":"Only admins","code":"forbidden"}"#, None),
            (
                DomainError::UserDeleted,
                401,
                r#"{"error":"The user of this token was deleted; sign in again for a new token","code":"user_deleted"}"#,
                None,
            ),
            (DomainError::NotFound("Task"), 404, r#"{"error":"Task not found","code":"not_found"}"#, None),
            (DomainError::Conflict("Not now"), 409, r#"{"error":"Not now","code":"conflict"}"#, None),
            (
                DomainError::RateLimited { retry_after: 3 },
                429,
                r#"{"error":"Rate limit exceeded, try again in 3 s","code":"rate_limited"}"#,
                Some("3"),
            ),
            (
                DomainError::OverQuota { retry_after: 60 },
                429,
                r#"{"error":"Daily quota used up, try again in 60 s","code":"quota_exceeded"}"#,
                Some("60"),
            ),
            (
                DomainError::Unavailable("disk /data full".into()),
                503,
                r#"{"error":"The server cannot do this now; try again later","code":"unavailable"}"#,
                Some("1"),
            ),
            (DomainError::Internal("SELECT secret".into()), 500, r#"{"error":"Internal server error","code":"internal"}"#, None),
        ];
        for (error, status, body, retry_after) in table {
            let response = RestError::from(error).into_response();
            assert_eq!(response.status().as_u16(), status);
            assert_eq!(response.headers().get(RETRY_AFTER).map(|value| value.to_str().unwrap()), retry_after);
            assert_eq!(to_bytes(response.into_body(), usize::MAX).await.unwrap(), body);
        }
    }
}
