//! The session and the form of a request.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::extract::{FromRequest, FromRequestParts, Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::header::{COOKIE as COOKIE_HEADER, SET_COOKIE};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use limits::bytes_in_memory::ByteAccount;
use listener::Peer;
use rest_toolkit::fields;
use rest_toolkit::response::RestError;

use crate::operator::{CSRF_FIELD, Operator, SIGN_IN};
use crate::session::{COOKIE, LIFETIME, Session};
use crate::{Console, layout};

/// The largest form, in bytes. A token is the longest field.
const MAX_FORM: usize = 64 * 1024;

/// The header of requests by the script of a page.
const HX_REQUEST: HeaderName = HeaderName::from_static("hx-request");

/// The operator of a request's session, if the operator has signed in.
fn operator(console: &Console, headers: &HeaderMap) -> Option<Operator> {
    let session = session(console, headers)?;
    Some(Operator { csrf: console.sessions.csrf_token(&session), name: session.operator? })
}

impl FromRequestParts<Arc<Console>> for Operator {
    type Rejection = Response;

    /// Without a session the response leads to the page to sign in.
    async fn from_request_parts(parts: &mut Parts, console: &Arc<Console>) -> Result<Self, Response> {
        operator(console, &parts.headers).ok_or_else(|| to_sign_in(&parts.headers))
    }
}

/// The form of a request with the CSRF token of its session.
pub(crate) struct Form {
    pub session: Session,
    pub address: SocketAddr,
    pub is_secure: bool,
    fields: Vec<(String, String)>,
}

impl Form {
    /// The text of a field without spaces at its ends; empty if the form does not have it.
    pub fn field(&self, name: &str) -> &str {
        self.fields.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value.trim())
    }
}

impl FromRequest<Arc<Console>> for Form {
    type Rejection = Response;

    /// Errors: 403 without the CSRF token of the session, and those of the body.
    async fn from_request(request: Request, console: &Arc<Console>) -> Result<Self, Response> {
        let (parts, body) = request.into_parts();
        let account = parts.extensions.get::<ByteAccount>();
        let body = fields::read(body, MAX_FORM, account).await.map_err(IntoResponse::into_response)?;
        let fields: Vec<_> = form_urlencoded::parse(&body).into_owned().collect();
        let Some(session) = session(console, &parts.headers) else { return Err(stale_form()) };
        let form = Self { session, address: address(&parts), is_secure: is_secure(&parts), fields };
        if console.sessions.is_csrf_token(&form.session, form.field(CSRF_FIELD)) { Ok(form) } else { Err(stale_form()) }
    }
}

/// The form of an operator who has signed in.
pub(crate) struct OperatorForm {
    pub operator: Operator,
    pub form: Form,
}

impl FromRequest<Arc<Console>> for OperatorForm {
    type Rejection = Response;

    async fn from_request(request: Request, console: &Arc<Console>) -> Result<Self, Response> {
        let operator = operator(console, request.headers()).ok_or_else(|| to_sign_in(request.headers()))?;
        Ok(Self { operator, form: Form::from_request(request, console).await? })
    }
}

/// A page that does not exist.
pub(crate) async fn unknown_page(State(console): State<Arc<Console>>, operator: Operator) -> Response {
    layout::problem(&console, &operator, StatusCode::NOT_FOUND, "This page does not exist", "The links above lead to all pages.")
}

/// The session of a request's cookie, if it is valid.
pub(crate) fn session(console: &Console, headers: &HeaderMap) -> Option<Session> {
    let headers = headers.get_all(COOKIE_HEADER).into_iter().filter_map(|value| value.to_str().ok());
    let mut pairs = headers.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    pairs.find_map(|(name, value)| (name == COOKIE).then(|| console.sessions.session(value, console.seconds())).flatten())
}

/// Sets the cookie of a session.
pub(crate) fn set_cookie(console: &Console, session: &Session, is_secure: bool, response: &mut Response) {
    let secure = if is_secure { "; Secure" } else { "" };
    let value = console.sessions.cookie(session);
    let cookie = format!("{COOKIE}={value}; Path=/console; Max-Age={LIFETIME}; HttpOnly; SameSite=Strict{secure}");
    if let Ok(cookie) = HeaderValue::try_from(cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
}

/// Whether the browser reaches the server over TLS, by itself or through a proxy.
pub(crate) fn is_secure(parts: &Parts) -> bool {
    let by_proxy = parts.headers.get("x-forwarded-proto").is_some_and(|scheme| scheme == "https");
    by_proxy || parts.extensions.get::<Peer>().is_some_and(|peer| peer.secure)
}

/// The address of the client.
pub(crate) fn address(parts: &Parts) -> SocketAddr {
    // Only a router without a listener has no peer address.
    let none = SocketAddr::new(IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
    parts.extensions.get::<Peer>().map_or(none, |peer| peer.address)
}

/// Leads to the page to sign in, also if the script of a page has sent the request.
fn to_sign_in(headers: &HeaderMap) -> Response {
    if headers.contains_key(HX_REQUEST) {
        return (StatusCode::UNAUTHORIZED, [(HeaderName::from_static("hx-redirect"), SIGN_IN)]).into_response();
    }
    Redirect::to(SIGN_IN).into_response()
}

/// The response to a form without a valid CSRF token.
fn stale_form() -> Response {
    let text = "This form is not from a page of your session. Go back, reload the page, and send the form again.";
    let mut response = (StatusCode::FORBIDDEN, layout::bare("The form was not accepted", text)).into_response();
    response.extensions_mut().insert(RestError::from(domain::error::DomainError::Forbidden("The form has no valid CSRF token")));
    response
}
