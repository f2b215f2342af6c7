//! What can be changed and asked over HTTP: the contracts' paths, each in its contract's own style.
//!
//! Read in this order:
//!
//! - `call`: a request of somebody who is known, and how it becomes a command or a query. `caller`: who that is. `met`: who was seen of late.
//! - [`household`](mod@household), [`messenger`](mod@messenger), [`studio`](mod@studio), [`trip`](mod@trip), [`workspace`](mod@workspace): the paths,
//!   a file a contract. `blocks`: the users whom the caller has blocked. `back_end`: those of a team's own back end. `sync`: what was missed.
//!   `operations`: those of the operator. `socket`: the trip contract's paths about the connections themselves.
//! - `body`, `ids`: how a request's fields and ids are read. `of_kind`: whose tasks a path is about. `idempotency`: how a repeated request is answered.
//! - `list`: lists in parts. `read_again`: how the object of a large answer is read for a repeated request.
//! - `answer`: what is answered, and every way to say no. `unread`: what becomes of a body that was not wanted.
//! - `shape`: what a body has, for reading it and for the document. `document`: what the OpenAPI document says of all paths alike.
//!   `docs`: the document and the page to try it.
//! - [`cors`]: which pages may read the answers.
//!
//! To add a contract, write its file and merge its routes in `paths`.

mod answer;
mod back_end;
mod blocks;
mod body;
mod call;
mod caller;
pub mod cors;
mod docs;
mod document;
mod household;
mod idempotency;
mod ids;
mod list;
mod messenger;
mod met;
mod of_kind;
mod operations;
mod read_again;
mod shape;
mod socket;
mod studio;
mod sync;
mod trip;
mod unread;
mod workspace;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use domain::names::Timestamp;
use domain::seam::Bus;
use http::header::X_CONTENT_TYPE_OPTIONS;
use http::{HeaderValue, Uri};
use store::{Readers, Writer};

use crate::auth::Authenticator;
use crate::back_end::BackEnd;
use crate::config::MetricsAccess;
use crate::health::Health;
use crate::limits::Limits;
use crate::live::{Census, Fanout};
use crate::metrics::Metrics;
use answer::{Failure, with_success};
pub use caller::Caller;
pub use docs::openapi;
use document::{Words, contract};
use met::Met;
use utoipa_axum::router::OpenApiRouter;

/// What the paths need.
pub struct Rest {
    /// Takes the commands.
    pub writer: Writer,
    /// Take the queries.
    pub readers: Readers,
    /// Says who sent a request, and which pages may read the answer.
    pub authenticator: Arc<Authenticator>,
    /// What a team's own back end can do.
    pub back_end: Arc<dyn BackEnd>,
    /// What time it is, for tokens.
    pub clock: fn() -> Timestamp,
    /// The people's budgets.
    pub limits: Arc<Limits>,
    /// Who is connected.
    pub census: Arc<Census>,
    /// Whether the server does its work.
    pub health: Arc<Health>,
    /// What it counts.
    pub metrics: Arc<Metrics>,
    /// Who may read that.
    pub metrics_access: MetricsAccess,
    /// What was said lately.
    pub fanout: Arc<Fanout>,
    /// Where signals go.
    pub bus: Arc<dyn Bus>,
    /// The largest body, in bytes.
    pub max_body: usize,
}

/// The paths of health checks.
const HEALTH_CHECKS: [&str; 3] = ["/health/live", "/health/ready", "/api/v1/socket/health"];

/// Whether a path is one of a health check.
pub fn is_health_check(path: &str) -> bool {
    HEALTH_CHECKS.contains(&path)
}

/// What every request shares.
struct Desk {
    rest: Rest,
    met: Met,
}

/// All paths. Whatever is not one of them is answered 404, so this router comes last.
pub fn router(rest: Rest) -> Router {
    let cors = cors::cors_policy(rest.authenticator.origins().clone());
    let (paths, _) = paths().split_for_parts();
    let desk = Arc::new(Desk { rest, met: Met::default() });
    paths
        .fallback(async |uri: Uri| {
            let nothing = Failure::unknown_path().into_response();
            if trip::answers_at(uri.path()) { with_success(nothing).await } else { nothing }
        })
        .method_not_allowed_fallback(async || Failure::wrong_method())
        .with_state(Arc::clone(&desk))
        .layer(middleware::from_fn_with_state(desk, count))
        .layer(middleware::from_fn(unread::discard))
        .layer(middleware::from_fn_with_state(cors, cors::allow))
        .layer(middleware::from_fn(not_sniffed))
}

/// Adds `X-Content-Type-Options: nosniff` to every answer, so that no browser takes text of clients for a page or a script.
async fn not_sniffed(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    response
}

/// Counts what is answered.
async fn count(State(desk): State<Arc<Desk>>, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    let refused = answer::refused(&response);
    if let Some(code) = refused {
        tracing::debug!(%method, ?path, status = response.status().as_u16(), code, "refused");
    }
    desk.rest.metrics.answered(refused);
    response
}

/// All paths, each with its description.
fn paths() -> OpenApiRouter<Arc<Desk>> {
    document::head()
        .merge(contract("household", "Households and their tasks, and profiles.", Words::Plain, household::routes()))
        .merge(contract("trip", "Trips, and what goes on with connections. Answers stand in `data`.", Words::WithSuccess, trip::routes()))
        .merge(contract("studio", "Chat rooms, messages and calls.", Words::Plain, studio::routes()))
        .merge(contract("messenger", "Conversations, messages and notifications.", Words::Plain, messenger::routes()))
        .merge(contract("workspace", "Projects with their channels and tasks.", Words::Plain, workspace::routes()))
        .merge(contract("blocks", "The users whom the caller has blocked.", Words::Plain, blocks::routes()))
        .merge(contract("back_end", "For a team's own back end.", Words::Plain, back_end::routes()))
        .merge(contract("meta", "What the server says of itself.", Words::Plain, docs::routes().merge(sync::routes())))
        .merge(contract("operations", "For those who run the server.", Words::Plain, operations::routes()))
}
