//! The page to sign in, with the API key or the token of an admin; in dev mode also by a link that works once.

use std::sync::{Arc, Mutex, PoisonError};

use auth::AuthError;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Redirect, Response};
use http::{Method, StatusCode};
use logging::audit;
use maud::{Markup, html};
use rest_toolkit::response::RestError;
use subtle::ConstantTimeEq;

use crate::operator::{CSRF_FIELD, SIGN_IN};
use crate::request::{self, Form, OperatorForm};
use crate::session::{Session, random_text};
use crate::{Console, layout};

/// The operator of a session that began with the API key.
const KEY_OPERATOR: &str = "API key";

/// The operator of a session that began with the link of dev mode.
const DEV_OPERATOR: &str = "dev";

/// A code that signs in once.
pub(crate) struct OneTimeCode(Mutex<Option<String>>);

impl OneTimeCode {
    /// A new code, or none.
    pub fn new(exists: bool) -> Self {
        Self(Mutex::new(exists.then(random_text)))
    }

    /// The code, until it is used.
    pub fn current(&self) -> Option<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Uses up the code, if it is this one.
    fn take(&self, presented: &str) -> bool {
        let mut code = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_equal = code.as_ref().is_some_and(|code| code.as_bytes().ct_eq(presented.as_bytes()).into());
        if is_equal {
            *code = None;
        }
        is_equal
    }
}

/// The page. With the code of dev mode in the query it signs in. A browser that has signed in continues to the console.
pub(crate) async fn page(State(console): State<Arc<Console>>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let is_secure = request::is_secure(&parts);
    let query = parts.uri.query().unwrap_or_default();
    let code = form_urlencoded::parse(query.as_bytes()).find_map(|(name, value)| (name == "code").then_some(value));
    if let Some(code) = code.filter(|_| parts.method == Method::GET) {
        return sign_in_by_code(&console, &code, request::address(&parts), is_secure);
    }
    match request::session(&console, &parts.headers) {
        Some(Session { operator: Some(_), .. }) => Redirect::to("/console").into_response(),
        Some(session) => form(&console, &session, StatusCode::OK, None),
        None => new_form(&console, is_secure, None),
    }
}

/// Signs in with the code of a link. The page that follows is loaded by this page and not by a redirect: a browser sends no cookie with
/// `SameSite=Strict` after a redirect from a page of another site.
fn sign_in_by_code(console: &Console, code: &str, address: std::net::SocketAddr, is_secure: bool) -> Response {
    if !console.one_time_code.take(code) {
        audit::rejected(None, address, "console", "token_invalid");
        let text = "This link was used before. Each start of the server prints a new one.";
        return match console.deps.limits.bad_token(address.ip()) {
            Ok(()) => new_form(console, is_secure, Some((StatusCode::UNAUTHORIZED, text.to_owned()))),
            Err(error) => new_form(console, is_secure, Some((StatusCode::TOO_MANY_REQUESTS, error.to_string()))),
        };
    }
    audit::signed_in(DEV_OPERATOR, address);
    let mut response = layout::forward("Signed in", "/console").into_response();
    let session = Session::new(Some(DEV_OPERATOR.to_owned()), console.seconds(), None);
    request::set_cookie(console, &session, is_secure, &mut response);
    response
}

/// Signs in with the key or the token of the form.
pub(crate) async fn sign_in(State(console): State<Arc<Console>>, form_data: Form) -> Response {
    let presented = form_data.field("key");
    match operator(&console, presented) {
        Ok((name, end)) => {
            audit::signed_in(&name, form_data.address);
            let session = Session::new(Some(name), console.seconds(), end);
            let mut response = Redirect::to("/console").into_response();
            request::set_cookie(&console, &session, form_data.is_secure, &mut response);
            response
        }
        Err(SignInError::NotAdmin) => {
            let text = "This token is valid, but its user is not an admin. A token of an admin has the role \"admin\".";
            form(&console, &form_data.session, StatusCode::FORBIDDEN, Some(text))
        }
        Err(SignInError::Refused(reason)) => {
            let limited = console.deps.limits.bad_token(form_data.address.ip());
            audit::rejected(None, form_data.address, "console", reason.log_text());
            let (status, text, error) = match limited {
                Ok(()) => (StatusCode::UNAUTHORIZED, refusal(reason).to_owned(), RestError::from(reason)),
                Err(limited) => (StatusCode::TOO_MANY_REQUESTS, limited.to_string(), RestError::from(limited)),
            };
            let mut response = form(&console, &form_data.session, status, Some(&text));
            response.extensions_mut().insert(error);
            response
        }
    }
}

/// Ends the session of the browser.
pub(crate) async fn sign_out(State(console): State<Arc<Console>>, OperatorForm { form, .. }: OperatorForm) -> Response {
    let mut response = Redirect::to(SIGN_IN).into_response();
    request::set_cookie(&console, &Session::new(None, console.seconds(), None), form.is_secure, &mut response);
    response
}

/// Why a sign-in is refused.
enum SignInError {
    Refused(AuthError),
    NotAdmin,
}

/// The operator of a key or a token, and the end of the token in seconds since 1970.
fn operator(console: &Console, presented: &str) -> Result<(String, Option<i64>), SignInError> {
    let authenticator = &console.deps.authenticator;
    if presented.is_empty() {
        return Err(SignInError::Refused(AuthError::Missing));
    }
    if authenticator.is_api_key(presented) {
        return Ok((KEY_OPERATOR.to_owned(), None));
    }
    let identity = authenticator.verify(presented, console.seconds()).map_err(SignInError::Refused)?;
    if !identity.admin {
        return Err(SignInError::NotAdmin);
    }
    let end = authenticator.valid_until(&identity);
    Ok((identity.user.as_str().to_owned(), end))
}

fn refusal(reason: AuthError) -> &'static str {
    match reason {
        AuthError::Missing => "Enter the API key, or the token of an admin.",
        AuthError::Expired => "This token has expired.",
        _ => "This is neither the API key nor a valid token. The log of the server names the check that failed.",
    }
}

/// The form in a new session of a browser that has none.
fn new_form(console: &Console, is_secure: bool, problem: Option<(StatusCode, String)>) -> Response {
    let session = Session::new(None, console.seconds(), None);
    let (status, text) = problem.unzip();
    let mut response = form(console, &session, status.unwrap_or(StatusCode::OK), text.as_deref());
    request::set_cookie(console, &session, is_secure, &mut response);
    response
}

fn form(console: &Console, session: &Session, status: StatusCode, problem: Option<&str>) -> Response {
    let content = html! {
        form.sign-in method="post" action=(SIGN_IN) {
            h1 { "Sign in to the console" }
            @if let Some(problem) = problem { p.problem role="alert" { (problem) } }
            input type="hidden" name=(CSRF_FIELD) value=(console.sessions.csrf_token(session));
            label for="key" { "API key, or token of an admin" }
            input #key type="password" name="key" autocomplete="current-password" required autofocus spellcheck="false";
            button type="submit" { "Sign in" }
            (hint(console.is_dev))
        }
    };
    (status, layout::outside("Sign in", &content)).into_response()
}

fn hint(is_dev: bool) -> Markup {
    html! {
        @if is_dev {
            p.hint { "Dev mode: the server prints a link at its start that signs in once. This command prints a token of an admin:" }
            pre tabindex="0" { code { "roomcast token --sub me --role admin" } }
        } @else {
            p.hint { "The API key is the value of " code { "ROOMCAST_API_KEY" } ". A token of an admin has the role " code { "admin" } "." }
        }
    }
}
