//! A server with a fixed clock, and clients of its API.

use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};

use api::backend_service::BackendService;
use api::health::HealthChecks;
use api::metrics::Metrics;
use api::{ApiDeps, LiveStatus, router};
use auth::sign::{NewTokenClaims, sign};
use auth::{Authenticator, Keys};
use axum::Router;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use config::Config;
use contracts::{ContractOptions, ContractRegistry};
use domain::command::{Actor, Command};
use domain::event::{EphemeralEvent, Event, PersistedEvent};
use domain::id_generator::IdGenerator;
use domain::ids::Timestamp;
use domain::ports::BusMessage;
use http::{HeaderMap, Method, Request, StatusCode};
use limits::rate_limit::RateLimits;
use realtime::presence::{OnlineUsers, PresenceHistory};
use realtime::{Fanout, PresenceAudience, ShardQuery};
use rest_toolkit::state::RestDeps;
use roomcast::app::{InProcessBus, bounds, quotas};
use serde_json::{Value, json};
use store::{Database, Options, Readers, Writer};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tower::ServiceExt;

use crate::openapi;

/// 2025-11-13T12:00:00Z
pub const NOW: Timestamp = Timestamp(1_763_035_200_000_000);
/// The same, in seconds.
pub const SECONDS: i64 = NOW.0 / 1_000_000;
/// The same, as the household contract writes it.
pub const THEN: &str = "2025-11-13T12:00:00.000Z";
/// The largest body.
pub const MAX_BODY: usize = 10_000;

/// A server with its own database.
pub struct Server {
    pub writer: Writer,
    pub limits: Arc<RateLimits>,
    /// The writer's clock, in microseconds.
    pub clock: Arc<AtomicI64>,
    router: Router,
    keys: Keys,
    config: Config,
    persisted_events: Arc<Mutex<Vec<PersistedEvent>>>,
    ephemeral_events: Arc<Mutex<Vec<BusMessage>>>,
    _folder: TempDir,
}

impl Server {
    /// A server without rate limits.
    pub fn start() -> Self {
        Self::with(&[], RateLimits::new(false))
    }

    /// A server that takes bodies of a megabyte, without rate limits.
    pub fn of_large_bodies() -> Self {
        Self::build(&[], RateLimits::new(false), 1_000_000)
    }

    /// A server with some settings.
    pub fn with(settings: &[(&str, &str)], limits: RateLimits) -> Self {
        Self::build(settings, limits, MAX_BODY)
    }

    fn build(settings: &[(&str, &str)], limits: RateLimits, max_body: usize) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let url = test_postgres::selected_database().unwrap_or_else(|| format!("sqlite://{}", folder.path().join("test.db").display()));
        let persisted_events = Arc::new(Mutex::new(Vec::new()));
        let clock = Arc::new(AtomicI64::new(NOW.0));
        let (published, time) = (Arc::clone(&persisted_events), Arc::clone(&clock));
        let mut random = 0_u64;
        let ids = IdGenerator::new(move || {
            random = random.wrapping_add(0x9E37_79B9_7F4A_7C15);
            random
        });
        let secret = [("JWT_SECRET", "0123456789abcdef0123456789abcdef")];
        let config = Config::of_pairs(secret.into_iter().chain(settings.iter().copied())).unwrap();
        let database =
            Database::open(Options { bounds: bounds(&config.limits), quotas: quotas(&config.limits), ..Options::new(url) }).unwrap();
        let (readers, _) = Readers::start(&database, 2).unwrap();
        let presence_history = PresenceHistory::new(config.recovery.recovery_window, config.realtime.ping_timeout);
        let fanout = Arc::new(Fanout::new(
            ContractRegistry::new(ContractOptions { close_on_forbidden: config.realtime.ws_close_on_forbidden }),
            config.presence.audience,
            readers.clone(),
            || NOW,
            "epoch",
            presence_history,
            PresenceAudience::default(),
        ));
        let receiver = Arc::clone(&fanout);
        let publish = move |persisted: PersistedEvent| {
            receiver.deliver(BusMessage::Persisted(persisted.clone().into()));
            published.lock().unwrap().push(persisted);
        };
        let (writer, _) = Writer::start(&database, move || Timestamp(time.load(Ordering::SeqCst)), ids, publish).unwrap();
        let keys = Keys::load(&config).unwrap();
        let limits = Arc::new(limits);
        let users = Arc::new(OnlineUsers::default());
        let ephemeral_events = Arc::new(Mutex::new(Vec::new()));
        let published_events = Arc::clone(&ephemeral_events);
        let bus = Arc::new(InProcessBus::new(move |notice| published_events.lock().unwrap().push(notice)));
        let shard_query: Arc<ShardQuery> = Arc::default();
        let health = Arc::new(HealthChecks::new(shard_query.clone(), writer.clone(), Arc::default()));
        let api = ApiDeps {
            backend: Arc::new(BackendService::new(writer.clone(), bus.clone(), users)),
            health: Arc::clone(&health),
            metrics: Arc::new(Metrics::new(shard_query.clone(), writer.clone(), Arc::clone(&fanout), Arc::default(), Arc::default(), None)),
            metrics_access: config.ops.metrics,
            fanout,
            shard_query: Arc::clone(&shard_query),
            recovery_window: config.recovery.recovery_window,
            is_dev_mode: false,
            node: None,
        };
        let rest = RestDeps {
            writer: writer.clone(),
            readers,
            authenticator: Arc::new(Authenticator::new(&keys, &config)),
            clock: || NOW,
            limits: Arc::clone(&limits),
            status: Arc::new(LiveStatus::new(shard_query, health)),
            bus,
            max_body,
            is_node: false,
        };
        Self {
            writer,
            limits,
            clock,
            router: router(rest, api, Router::new()),
            keys,
            config,
            persisted_events,
            ephemeral_events,
            _folder: folder,
        }
    }

    /// A client with a token of this subject.
    pub fn client(&self, sub: &str) -> Client<'_> {
        self.client_with(NewTokenClaims { sub: sub.into(), name: Some(capitalized(sub)), iat: SECONDS, ..NewTokenClaims::default() })
    }

    /// A client with this token.
    pub fn client_with(&self, token: NewTokenClaims) -> Client<'_> {
        Client { server: self, token: Some(sign(&self.keys, &token, &self.config.auth).unwrap()) }
    }

    /// A client with a token that another server has signed.
    pub fn client_forged(&self, token: NewTokenClaims) -> Client<'_> {
        let secret = [("JWT_SECRET", "another secret, of thirty-two bytes or more")];
        let keys = Keys::load(&Config::of_pairs(secret).unwrap()).unwrap();
        Client { server: self, token: Some(sign(&keys, &token, &self.config.auth).unwrap()) }
    }

    /// A client that sends this text in place of a token.
    pub fn client_presenting(&self, bearer: &str) -> Client<'_> {
        Client { server: self, token: Some(bearer.to_owned()) }
    }

    /// A client without a token.
    pub fn anonymous(&self) -> Client<'_> {
        Client { server: self, token: None }
    }

    /// The rooms and names of the events since the last call.
    pub async fn event_names(&self) -> Vec<String> {
        let persisted_events = self.persisted_events().await.into_iter();
        let in_rooms = persisted_events.flat_map(|persisted| {
            persisted.in_each_room().map_or_else(|| vec![persisted.clone()], |persisted_events| persisted_events.unwrap())
        });
        in_rooms.map(|persisted| format!("{} {}", persisted.room, name(&persisted.event))).collect()
    }

    /// The persisted events since the last call.
    pub async fn persisted_events(&self) -> Vec<PersistedEvent> {
        // The writer responds to a command before it publishes the events. The next entry of its queue runs after both.
        let (reply, published) = oneshot::channel();
        self.writer.submit_passthrough(move || reply.send(()).unwrap());
        published.await.unwrap();
        self.persisted_events.lock().unwrap().drain(..).collect()
    }

    /// The ephemeral events since the last call.
    pub fn ephemeral_events(&self) -> Vec<EphemeralEvent> {
        let notices: Vec<BusMessage> = self.ephemeral_events.lock().unwrap().drain(..).collect();
        let ephemeral_events = notices.into_iter().filter_map(|notice| match notice {
            BusMessage::Ephemeral(ephemeral) => Some((*ephemeral).clone()),
            BusMessage::Persisted(_) => None,
        });
        ephemeral_events.collect()
    }

    /// Runs a command that REST does not have.
    pub async fn run<C: Command>(&self, actor: Actor, command: C) -> C::Output {
        let (reply, response) = oneshot::channel();
        self.writer.run(actor, command, move |result| drop(reply.send(result)));
        response.await.unwrap().unwrap()
    }

    /// Sends a request without a check of the response.
    pub async fn fetch(&self, request: Request<Body>) -> Response {
        self.router.clone().oneshot(request).await.unwrap()
    }

    /// Sends a request. The OpenAPI document must have the response.
    pub async fn send(&self, request: Request<Body>) -> TestResponse {
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let response = self.fetch(request).await;
        let (parts, body) = response.into_parts();
        let bytes = to_bytes(body, usize::MAX).await.unwrap();
        let text = String::from_utf8(bytes.to_vec()).unwrap();
        let body = if text.is_empty() { Value::Null } else { serde_json::from_str(&text).unwrap() };
        openapi::check_response(&method, &uri, parts.status, &body);
        TestResponse { status: parts.status, headers: parts.headers, text, body }
    }
}

fn capitalized(sub: &str) -> String {
    let mut letters = sub.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

/// The name of the event in the event log.
fn name(event: &Event) -> String {
    let json = serde_json::to_value(event).unwrap();
    json["event"].as_str().unwrap().to_owned()
}

/// A response.
#[derive(Debug)]
pub struct TestResponse {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub text: String,
    pub body: Value,
}

impl TestResponse {
    /// A header as text; empty if it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body. The status must be this.
    #[track_caller]
    pub fn expect(self, status: u16) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text);
        assert_eq!(self.header("content-type"), "application/json");
        assert_eq!(self.header("cache-control"), "no-store");
        assert_eq!(self.header("x-content-type-options"), "nosniff");
        self.body
    }

    /// Checks that this is an error response with these values.
    #[track_caller]
    pub fn expect_error(self, status: u16, code: &str, error: &str) {
        assert_eq!(self.expect(status), json!({ "error": error, "code": code }));
    }

    /// Checks that this is an error response about a field.
    #[track_caller]
    pub fn expect_invalid(self, field: &str, reason: &str) {
        let error = format!("{field}: {reason}");
        assert_eq!(self.expect(400), json!({ "error": error, "code": "invalid", "field": field }));
    }
}

/// A client of the API.
#[derive(Clone)]
pub struct Client<'a> {
    server: &'a Server,
    token: Option<String>,
}

impl Client<'_> {
    pub async fn get(&self, path: &str) -> TestResponse {
        self.send(Method::GET, path, &[], Body::empty()).await
    }

    pub async fn post(&self, path: &str, body: Value) -> TestResponse {
        self.json(Method::POST, path, &[], body).await
    }

    pub async fn put(&self, path: &str, body: Value) -> TestResponse {
        self.json(Method::PUT, path, &[], body).await
    }

    pub async fn patch(&self, path: &str) -> TestResponse {
        self.send(Method::PATCH, path, &[], Body::empty()).await
    }

    pub async fn delete(&self, path: &str) -> TestResponse {
        self.send(Method::DELETE, path, &[], Body::empty()).await
    }

    pub async fn json(&self, method: Method, path: &str, headers: &[(&str, &str)], body: Value) -> TestResponse {
        let headers: Vec<_> = [("content-type", "application/json")].into_iter().chain(headers.iter().copied()).collect();
        let content = if body.is_null() { Body::empty() } else { Body::from(body.to_string()) };
        let response = self.send(method.clone(), path, &headers, content).await;
        if response.status.is_success() {
            openapi::check_body(&method, &path.parse().unwrap(), &body);
        }
        response
    }

    pub async fn send(&self, method: Method, path: &str, headers: &[(&str, &str)], body: impl Into<Body>) -> TestResponse {
        let mut request = Request::builder().method(method).uri(path);
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.server.send(request.body(body.into()).unwrap()).await
    }
}

/// Whether the server has this contract.
pub fn has_contract(name: &str) -> bool {
    ContractRegistry::new(ContractOptions::default()).schemas().iter().any(|schema| schema.contract == name)
}

/// The id in a response.
pub fn id(object: &Value) -> &str {
    object["id"].as_str().unwrap()
}

/// The object of a user who has only a name.
pub fn user(sub: &str) -> Value {
    json!({ "id": sub, "name": capitalized(sub), "email": null, "avatarUrl": null, "createdAt": THEN, "updatedAt": THEN })
}

/// The user object of a member.
pub fn member(sub: &str, role: &str) -> Value {
    with(user(sub), json!({ "role": role, "joinedAt": THEN }))
}

/// An object with more or other fields.
pub fn with(mut object: Value, more: Value) -> Value {
    let (Some(fields), Value::Object(more)) = (object.as_object_mut(), more) else { panic!("both must be objects") };
    fields.extend(more);
    object
}

/// A household of alice with bob as a member, from which carol was removed.
pub async fn household(server: &Server) -> Value {
    let made = server.client("alice").post("/households", json!({ "name": "Home" })).await.expect(201);
    for sub in ["bob", "carol"] {
        let join = format!("/households/{}/join", id(&made));
        server.client(sub).post(&join, json!({ "inviteCode": made["inviteCode"] })).await.expect(200);
    }
    server.client("alice").delete(&format!("/households/{}/members/carol", id(&made))).await.expect(200);
    server.event_names().await;
    made
}
