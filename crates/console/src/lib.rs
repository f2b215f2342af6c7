//! The console: pages in a browser that show operators what the server does, and the page at `/`.
//!
//! - [`session`]: a session in a signed cookie, and its CSRF tokens. `operator`: an operator who has signed in. `request`: the session and the form of a request. `sign_in`: the page to sign in, and the
//!   link that signs in once.
//! - [`samples`]: the values of the metrics over the last 15 minutes.
//! - `layout`: what all pages share. `format`: numbers, sizes and times as text. `assets`: scripts and styles. `security_headers`: the headers of all pages.
//! - `queries`: queries of the database. `overview`, `users`, `connections`, `rooms`, `errors`, `settings`: the pages. `start_page`: the page at `/`.

mod assets;
mod connections;
mod errors;
mod format;
mod layout;
mod operator;
mod overview;
mod queries;
mod request;
mod rooms;
pub mod samples;
mod security_headers;
pub mod session;
mod settings;
mod sign_in;
mod start_page;

mod users;

use std::sync::Arc;

use api::metrics::Metrics;
use auth::{Authenticator, Keys};
use axum::Router;
use axum::middleware;
use axum::routing::{get, post};
use config::{Config, Line};
use contracts::backend_api::BackendApi;
use domain::ids::Timestamp;
use limits::rate_limit::RateLimits;
use realtime::ShardQuery;
use realtime::presence::OnlineUsers;
use store::Readers;

use samples::Samples;
use session::SessionKeys;
use sign_in::OneTimeCode;
pub use start_page::StartPage;

/// The parts of the server that the console asks.
pub struct ConsoleDeps {
    /// Verifies the key or the token of a sign-in.
    pub authenticator: Arc<Authenticator>,
    /// The budgets of bad tokens.
    pub limits: Arc<RateLimits>,
    /// The current time.
    pub clock: fn() -> Timestamp,
    /// The metrics.
    pub metrics: Arc<Metrics>,
    /// The open connections.
    pub shard_query: Arc<ShardQuery>,
    /// The users who are online.
    pub online_users: Arc<OnlineUsers>,
    /// Notifies users, and ends connections.
    pub backend: Arc<dyn BackendApi>,
    /// Run the queries.
    pub readers: Readers,
    /// The meaning of an error code; `None` for an unknown code.
    pub meaning_of: fn(&str) -> Option<&'static str>,
}

/// The console.
pub struct Console {
    deps: ConsoleDeps,
    sessions: SessionKeys,
    one_time_code: OneTimeCode,
    samples: Samples,
    settings: Vec<Line>,
    /// The id of this node; `None` for a single server.
    node: Option<String>,
    /// Whether the server runs in dev mode.
    is_dev: bool,
}

impl Console {
    /// The console of a server with these settings and keys. In dev mode it has a link that signs in once.
    pub fn new(config: &Config, keys: &Keys, deps: ConsoleDeps) -> Self {
        Self {
            deps,
            sessions: SessionKeys::of(config, keys),
            one_time_code: OneTimeCode::new(keys.is_dev()),
            samples: Samples::default(),
            settings: config.lines.0.clone(),
            node: config.cluster().map(|cluster| cluster.node_id.as_str().to_owned()),
            is_dev: keys.is_dev(),
        }
    }

    /// The path that signs in once, in dev mode, until it is used.
    pub fn sign_in_path(&self) -> Option<String> {
        self.one_time_code.current().map(|code| format!("{}?code={code}", operator::SIGN_IN))
    }

    /// Reads the metrics at a fixed interval, for as long as the server runs.
    pub async fn sample_forever(self: Arc<Self>) {
        loop {
            self.sample().await;
            tokio::time::sleep(samples::INTERVAL).await;
        }
    }

    /// Reads the metrics once.
    pub async fn sample(&self) {
        if let Some(readings) = self.deps.metrics.readings().await {
            self.samples.push(self.seconds(), &readings);
        }
    }

    /// The current time, in seconds since 1970.
    fn seconds(&self) -> i64 {
        (self.deps.clock)().0.div_euclid(1_000_000)
    }
}

/// The paths of the console and of the page at `/`; those of `None` do not exist.
pub fn router(console: Option<Arc<Console>>, start_page: Option<StartPage>) -> Router {
    let assets = if console.is_some() || start_page.is_some() { assets::routes() } else { Router::new() };
    let pages = console.map_or_else(Router::new, |console| pages().with_state(console));
    let start = start_page.map_or_else(Router::new, StartPage::routes);
    pages.merge(start).merge(assets).layer(middleware::from_fn(security_headers::add))
}

fn pages() -> Router<Arc<Console>> {
    Router::new()
        .route("/console", get(overview::page))
        .route("/console/series", get(overview::series))
        .route(operator::SIGN_IN, get(sign_in::page).post(sign_in::sign_in))
        .route("/console/sign-out", post(sign_in::sign_out))
        .route("/console/users", get(users::list))
        .route("/console/users/{id}", get(users::page))
        .route("/console/users/{id}/disconnect", post(users::disconnect))
        .route("/console/users/{id}/notify", post(users::notify))
        .route("/console/connections", get(connections::list))
        .route("/console/connections/{id}", get(connections::page))
        .route("/console/connections/{id}/close", post(connections::close))
        .route("/console/rooms", get(rooms::list))
        .route("/console/rooms/{room}", get(rooms::page))
        .route("/console/errors", get(errors::page))
        .route("/console/settings", get(settings::page))
        .route("/console/{*rest}", get(request::unknown_page))
}
