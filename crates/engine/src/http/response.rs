//! HTTP responses: error bodies as Node sends them, and CORS headers.

use ::http::header::{self, HeaderMap, HeaderName, HeaderValue};
use ::http::{Response, StatusCode};
use bytes::Bytes;
use http_body_util::Full;

use super::{HttpResponse, OverBudget};
use crate::config::Cors;
use crate::handshake_rejection::HandshakeRejection;
use crate::json::json_string;

/// Why a request is rejected; code and text as in Engine.IO.
#[derive(Debug)]
pub(crate) enum RequestError {
    TransportUnknown,
    SessionUnknown,
    BadHandshakeMethod,
    BadRequest,
    /// The program's gate rejected the request.
    Rejected(HandshakeRejection),
    UnsupportedVersion,
    /// The memory allowance for requests is used up.
    OverBudget(OverBudget),
    /// A status without a body.
    Status(StatusCode),
    /// A WebSocket handshake in a version that the server does not support.
    WebSocketVersion,
}

impl RequestError {
    /// The response: JSON to a plain request, plain text to an upgrade request. An upgrade request is answered 400, except when the client
    /// is not at fault.
    pub fn response(self, upgrade: bool) -> HttpResponse {
        let (code, message) = match &self {
            Self::TransportUnknown => (0, "Transport unknown"),
            Self::SessionUnknown => (1, "Session ID unknown"),
            Self::BadHandshakeMethod => (2, "Bad handshake method"),
            Self::BadRequest => (3, "Bad request"),
            Self::Rejected(rejection) => (4, rejection.message.as_str()),
            Self::UnsupportedVersion => (5, "Unsupported protocol version"),
            Self::OverBudget(over) => return over_budget(*over),
            Self::Status(status) => return self::status(*status),
            Self::WebSocketVersion => {
                let mut response = plain(StatusCode::BAD_REQUEST, "Missing or invalid Sec-WebSocket-Version header");
                response.headers_mut().insert(header::SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13, 8"));
                return response;
            }
        };
        let (status, retry_after, is_clients_fault) = match &self {
            Self::Rejected(rejection) => (rejection.status, rejection.retry_after, rejection.code.is_some()),
            _ => (StatusCode::BAD_REQUEST, None, true),
        };
        let mut response = if upgrade {
            plain(if is_clients_fault { StatusCode::BAD_REQUEST } else { status }, message)
        } else {
            let body = format!(r#"{{"code":{code},"message":{}}}"#, json_string(message));
            with_type(status, Bytes::from(body), "application/json")
        };
        if let Some(seconds) = retry_after {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}

/// The `Retry-After`, in seconds, of the response to a request that exceeds the memory allowance.
const RETRY_AFTER_SECONDS: u64 = 1;

/// The response to a request that exceeds the memory allowance.
pub fn over_budget(over: OverBudget) -> HttpResponse {
    let mut response = status(if over.is_clients { StatusCode::TOO_MANY_REQUESTS } else { StatusCode::SERVICE_UNAVAILABLE });
    response.headers_mut().insert(header::RETRY_AFTER, RETRY_AFTER_SECONDS.into());
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A status without a body.
pub(crate) fn status(status: StatusCode) -> HttpResponse {
    let mut response = Response::new(Full::default());
    *response.status_mut() = status;
    response
}

fn plain(status: StatusCode, message: &str) -> HttpResponse {
    let mut response = with_type(status, Bytes::copy_from_slice(message.as_bytes()), "text/html");
    response.headers_mut().insert(header::CONNECTION, HeaderValue::from_static("close"));
    response
}

/// A body with its content type.
pub(crate) fn with_type(status: StatusCode, body: Bytes, content_type: &'static str) -> HttpResponse {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(content_type));
    response
}

/// The response to a CORS preflight, before [`allow`].
pub(crate) fn preflight(request: &HeaderMap) -> HttpResponse {
    let mut response = status(StatusCode::NO_CONTENT);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("GET,HEAD,PUT,PATCH,POST,DELETE"));
    if let Some(requested) = request.get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, requested.clone());
        headers.append(header::VARY, HeaderValue::from_name(HeaderName::from_static("access-control-request-headers")));
    }
    response
}

/// Adds the CORS headers that the policy decided.
pub(crate) fn allow(response: &mut HttpResponse, cors: &Cors) {
    let headers = response.headers_mut();
    if let Some(origin) = cors.allow_origin.as_ref().and_then(|origin| HeaderValue::from_str(origin).ok()) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        if cors.credentials {
            headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        }
    }
    if cors.vary {
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}
