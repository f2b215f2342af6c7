//! The page at `/`. In dev mode it has a token and shows events as they arrive, else it names the server and nothing more.

use std::sync::Arc;

use auth::Keys;
use auth::sign::{NewTokenClaims, sign};
use axum::Router;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use config::{AuthConfig, Config};
use contracts::backend_api::BackendApi;
use domain::ids::{Timestamp, UserId};
use http::header::HOST;
use http::{HeaderMap, StatusCode};
use maud::{DOCTYPE, Markup, html};
use rest_toolkit::response::RestError;
use serde_json::json;
use subtle::ConstantTimeEq;

use crate::assets;
use crate::session::random_text;

/// The user of the page.
const USER: &str = "dev";

/// The event that the button sends.
const EVENT: &str = "hello";

/// The lifetime of the token, in seconds.
const DAY: i64 = 24 * 3600;

/// The header with which the script of the page proves that it has read the page. No page of another site can read it.
const PROOF: &str = "x-page";

/// The links: a path, its name, and what is there.
const LINKS: [(&str, &str, &str); 4] = [
    ("/docs/", "API", "every REST path, to read and to try"),
    ("/console", "Console", "what the server does: users, connections, errors, settings"),
    ("/health/ready", "Health", "whether the server takes requests"),
    ("/openapi.json", "OpenAPI", "the document of the REST API, for tools"),
];

/// The page at `/`.
pub struct StartPage {
    dev: Option<DevPage>,
}

/// What the page has in dev mode.
struct DevPage {
    keys: Keys,
    auth: AuthConfig,
    backend: Arc<dyn BackendApi>,
    clock: fn() -> Timestamp,
    proof: String,
    has_sockets: bool,
    has_console: bool,
}

impl StartPage {
    /// The page of a server with these settings and keys. In dev mode it signs tokens, and emits events over `backend`.
    pub fn new(config: &Config, keys: &Keys, backend: Arc<dyn BackendApi>, clock: fn() -> Timestamp) -> Self {
        let dev = keys.is_dev().then(|| DevPage {
            keys: keys.clone(),
            auth: config.auth.clone(),
            backend,
            clock,
            proof: random_text(),
            has_sockets: config.server.websocket_enabled,
            has_console: config.ops.console,
        });
        Self { dev }
    }

    pub(crate) fn routes(self) -> Router {
        Router::new().route("/", get(page).post(emit)).with_state(Arc::new(self))
    }
}

impl DevPage {
    /// A token for the user of the page.
    fn token(&self) -> Option<String> {
        let now = (self.clock)().0.div_euclid(1_000_000);
        let claims =
            NewTokenClaims { sub: USER.into(), name: Some("Dev".into()), iat: now, exp: Some(now + DAY), ..NewTokenClaims::default() };
        sign(&self.keys, &claims, &self.auth).ok()
    }
}

async fn page(State(start): State<Arc<StartPage>>, headers: HeaderMap) -> Markup {
    match start.dev.as_ref().filter(|_| is_this_machine(&headers)) {
        Some(dev) => dev_page(dev, &dev.token().unwrap_or_default()),
        None => plain_page(),
    }
}

/// Emits an event to the user of the page, as a back end does.
async fn emit(State(start): State<Arc<StartPage>>, headers: HeaderMap) -> Response {
    let Some(dev) = start.dev.as_ref().filter(|_| is_this_machine(&headers)) else { return RestError::wrong_method().into_response() };
    let presented = headers.get(PROOF).map_or(&b""[..], |value| value.as_bytes());
    if !bool::from(dev.proof.as_bytes().ct_eq(presented)) {
        return RestError::from(domain::error::DomainError::Forbidden("Only the page at / may send this")).into_response();
    }
    let data = json!({ "text": "An event from your back end" });
    match dev.backend.send_to_user(&UserId::new(USER), EVENT, data).await {
        Ok(_) => StatusCode::NO_CONTENT.into_response(),
        Err(error) => RestError::from(error).into_response(),
    }
}

/// Whether the browser addresses this machine by a name that no DNS server of another site can give it.
fn is_this_machine(headers: &HeaderMap) -> bool {
    let host = headers.get(HOST).and_then(|host| host.to_str().ok()).unwrap_or_default();
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split_once(']').map_or("", |(address, _)| address),
        None => host.split_once(':').map_or(host, |(name, _)| name),
    };
    ["localhost", "127.0.0.1", "::1"].contains(&name)
}

fn plain_page() -> Markup {
    document(false, &html! { h1 { "Roomcast" } p { "A real-time back end runs here." } })
}

fn dev_page(dev: &DevPage, token: &str) -> Markup {
    document(
        dev.has_sockets,
        &html! {
            h1 { "Roomcast " (env!("CARGO_PKG_VERSION")) }
            p.lead { "This server runs in dev mode: without JWT_SECRET, only this machine can connect." }
            @if dev.has_sockets { (live(dev, token)) }
            section {
                h2 { "Token" }
                p { "For the user " code { (USER) } ", valid for one day:" }
                pre tabindex="0" { code #token { (token) } }
            }
            @if dev.has_sockets { (snippet()) }
            section {
                h2 { "Look around" }
                ul.links {
                    @for (path, name, about) in LINKS.iter().filter(|(path, ..)| dev.has_console || *path != "/console") {
                        li { a href=(path) { (name) } " – " (about) }
                    }
                }
            }
        },
    )
}

/// The events of a socket that the script of the page opens.
fn live(dev: &DevPage, token: &str) -> Markup {
    html! {
        section #live data-token=(token) data-proof=(dev.proof) {
            h2 { "Live events" }
            p { "This page is connected as the user " code { (USER) } ". The button lets the server emit an event to this user, as your back end does with "
                code { "POST /api/v1/emit" } "." }
            p { button #send type="button" disabled { "Send an event" } " " span #state role="status" { "connecting …" } }
            ol #events.events aria-live="polite" aria-label="Events, the newest first" {}
        }
    }
}

fn snippet() -> Markup {
    let code = "import { io } from \"socket.io-client\";\n\nconst socket = io(location.origin, { auth: { token } });\nsocket.onAny((event, data) => console.log(event, data));";
    html! {
        section {
            h2 { "Connect your front end" }
            p { "Any stock Socket.IO client connects unchanged:" }
            pre tabindex="0" { code { (code) } }
        }
    }
}

fn document(has_script: bool, body: &Markup) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                title { "Roomcast" }
                link rel="icon" href="data:,";
                link rel="stylesheet" href=(assets::address("console.css"));
                @if has_script { script defer src=(assets::address("start.js")) {} }
            }
            body { main.start { (body) } }
        }
    }
}
