//! Runs a scenario, step by step.

use std::collections::BTreeMap;

use axum::body::{Body, to_bytes};
use contracts::{ClientMessage, ContractOptions, ContractRegistry};
use engine::Namespace;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Request};
use realtime::presence::Transport;
use serde::Deserialize;
use serde_json::{Value, json};
use tower::ServiceExt;
use wire::socketio::{Event, Packet, json as packets};

use crate::fake_engine::FakeEngine;
use crate::matchers::{Names, difference, with_ids_alike};
use crate::openapi;
use crate::script::{Closed, Connect, Emit, Names as Receivers, Rest, Save, Scenario, Send, Step, Way, load};
use crate::test_app::{NOW, TestApp};

/// Runs a scenario, in `/` and in the contract's own namespace if a client connects with Socket.IO.
pub async fn play(contract: &str, file: &str) {
    let own = namespace_of(contract);
    let namespaces: Vec<&str> =
        if load(contract, file).connects_with_socketio() { ["/"].into_iter().chain(own).collect() } else { vec!["/"] };
    for (i, namespace) in namespaces.iter().enumerate() {
        let other = namespaces.iter().rev().nth(i).unwrap_or(namespace);
        let scenario = load(contract, file);
        let context = StepContext(format!("in {contract}/{file}.json, run in {namespace}: {}", scenario.title));
        Runner::new(scenario, namespace, other).play().await;
        drop(context);
    }
}

/// Where a contract is spoken alone. Its transcripts' folder bears its name.
fn namespace_of(contract: &str) -> Option<&'static str> {
    let contract_schemas = ContractRegistry::new(ContractOptions::default()).schemas();
    let contract_schema = contract_schemas.iter().find(|contract_schema| contract_schema.contract == contract);
    contract_schema.unwrap_or_else(|| panic!("there is no contract called {contract}")).namespace
}

/// The current step, printed when a test fails.
struct StepContext(String);

impl Drop for StepContext {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.0);
        }
    }
}

/// The claims of a user's token, and how many seconds from now it was issued.
struct Token {
    claims: Value,
    issued: Option<i64>,
}

struct Runner {
    steps: Vec<Value>,
    names: Names,
    users: BTreeMap<String, Token>,
    engine: FakeEngine,
    namespace: Namespace,
    /// The name of `namespace`.
    namespace_name: String,
    /// The other namespace that its clients may use.
    other: Namespace,
}

impl Runner {
    fn new(scenario: Scenario, namespace: &str, other: &str) -> Self {
        let ignored_events = scenario.ignored_events();
        let app = TestApp::new(&scenario.settings);
        let names = app.shared.contracts.namespaces();
        let index = |namespace| Namespace(u8::try_from(names.iter().position(|name| name == namespace).unwrap()).unwrap());
        let mut names_saved = Names::new(scenario.shapes);
        scenario.users.values().for_each(|claims| names_saved.claim(claims));
        let users = scenario.users.into_iter().map(|(user, claims)| (user, Token { claims, issued: None }));
        Self {
            steps: scenario.steps,
            names: names_saved,
            users: users.collect(),
            engine: FakeEngine::new(app, ignored_events),
            namespace: index(namespace),
            other: index(other),
            namespace_name: namespace.to_owned(),
        }
    }

    async fn play(mut self) {
        let steps = std::mem::take(&mut self.steps);
        self.all(&steps).await;
        for (name, client) in self.engine.clients() {
            assert!(client.received.is_empty(), "at the end {name} has received {:?}", client.received);
        }
    }

    async fn all(&mut self, steps: &[Value]) {
        for (i, step) in steps.iter().enumerate() {
            let context = StepContext(format!("at step {}, {step}", i + 1));
            self.step(Step::deserialize(step).unwrap()).await;
            drop(context);
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Rest(step) => self.rest(step).await,
            Step::Connect(step) => self.connect(step).await,
            Step::Emit(step) => self.emit(step).await,
            Step::Send(step) => self.send(step).await,
            Step::ReceivesEvent(step) if step.r#in.as_ref().is_some_and(|only| *only != self.namespace_name) => {}
            Step::ReceivesEvent(step) => {
                self.receives(&step.receives, &json!({ "event": step.event, "args": step.args }), "args", &step.save);
            }
            Step::ReceivesEnvelope(step) => self.receives(&step.receives, &json!({ "envelope": step.envelope }), "envelope", &step.save),
            Step::ReceivesNothing(step) => {
                for name in step.receives_nothing.each() {
                    let received = &self.engine.client(name).received;
                    assert!(received.is_empty(), "{name} has received {received:?}");
                }
            }
            Step::Closed(step) => self.closed(&step),
            Step::Disconnects(step) => self.engine.leave(&step.r#as).await,
            Step::Token(step) => {
                self.names.claim(&step.token);
                self.users.insert(user(&step.r#as).to_owned(), Token { claims: step.token, issued: step.issued });
            }
            Step::Repeat(step) => {
                for n in 1..=step.repeat {
                    let context = StepContext(format!("in round {n}"));
                    self.names.save_round(n);
                    Box::pin(self.all(&step.steps)).await;
                    drop(context);
                }
            }
        }
    }

    async fn rest(&mut self, step: Rest) {
        let target = self.names.text(&step.rest);
        let (method, path) = target.split_once(' ').unwrap();
        let mut request = Request::builder().method(method).uri(path).body(Body::empty()).unwrap();
        let headers = request.headers_mut();
        if let Some(token) = self.token(&step.r#as) {
            headers.insert(AUTHORIZATION, HeaderValue::try_from(format!("Bearer {token}")).unwrap());
        }
        if step.body.is_some() {
            headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        for (name, value) in &step.headers {
            headers.insert(HeaderName::try_from(name).unwrap(), HeaderValue::try_from(self.names.text(value)).unwrap());
        }
        let sent = step.body.as_ref().map(|body| self.names.fill(body));
        if let Some(body) = &sent {
            *request.body_mut() = to_body(body).into();
        }
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let (parts, body) = self.engine.router().oneshot(request).await.unwrap().into_parts();
        self.engine.settle().await;
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let body: Option<Value> = serde_json::from_slice(&body).ok();
        openapi::check_response(&method, &uri, parts.status, &body.clone().unwrap_or_default());
        if parts.status.is_success() {
            openapi::check_body(&method, &uri, &sent.unwrap_or_default());
        }
        let replayed = parts.headers.get("idempotency-replayed").is_some_and(|value| value == "true");
        let expected = response(step.status, step.response.as_ref(), step.replayed);
        self.check(&expected, &response(parts.status.as_u16(), body.as_ref(), replayed), "the response");
        self.names.save(&step.save, &body.unwrap_or_default());
    }

    async fn connect(&mut self, step: Connect) {
        let token = self.token(&step.r#as);
        let error = match step.connect {
            Way::SocketIo => {
                let auth = step.auth.map_or_else(|| json!({ "token": token }), |auth| self.names.fill(&auth));
                let (connection, namespace) = match &step.over {
                    Some(client) => (self.engine.client(client).connection, self.other),
                    None => (self.engine.connection(Transport::SocketIo), self.namespace),
                };
                self.engine.connect(&step.r#as, connection, namespace, &auth.to_string(), None).await
            }
            Way::Raw => {
                let handshake_token = token.and_then(|token| self.engine.handshake_token(&token));
                let connection = self.engine.connection(Transport::Raw);
                self.engine.connect(&step.r#as, connection, Namespace::PLAIN, "", handshake_token.as_deref()).await
            }
        };
        self.check(&step.error.into(), &error.into(), "the rejection");
    }

    async fn emit(&mut self, step: Emit) {
        self.save_tokens();
        let event_and_args = [json!(step.emit)].into_iter().chain(step.args.iter().map(|arg| self.names.fill(arg)));
        let packet = format!("2{}", event_and_args.collect::<Value>());
        self.check_outsider(&step.r#as, &packet).await;
        let ack = self.engine.handle_message(&step.r#as, &client_message(&event(&packet)), step.ack.is_some()).await;
        // The acknowledgement has one argument.
        let expected = step.ack.map(|ack| json!([ack]));
        self.check(&expected.into(), &ack.clone().into(), "the ack");
        self.names.save(&step.save, &ack.map_or(Value::Null, |ack| ack[0].clone()));
    }

    async fn send(&mut self, step: Send) {
        self.save_tokens();
        let text = to_body(&self.names.fill(&step.send));
        self.check_outsider(&step.r#as, &text).await;
        self.engine.handle_message(&step.r#as, &ClientMessage::Text(&text), false).await;
    }

    /// Saves the current token of each user, for steps that send it.
    fn save_tokens(&mut self) {
        let users: Vec<String> = self.users.keys().cloned().collect();
        for user in users {
            if let Some(token) = self.token(&user) {
                self.names.save_token(&user, token);
            }
        }
    }

    /// An outsider sends each message before its client does: with ids of existing objects, and with ids of objects that never existed. Both
    /// responses must be equal, and no other client may receive anything.
    async fn check_outsider(&mut self, sender: &str, message: &str) {
        let before = self.engine.unread();
        let mut responses = Vec::new();
        for text in [message.to_owned(), self.names.without_ids(message)] {
            self.engine.add_beside(OUTSIDER, sender);
            let ack = match self.engine.client(OUTSIDER).connection.transport() {
                Transport::SocketIo => self.engine.handle_message(OUTSIDER, &client_message(&event(&text)), true).await,
                Transport::Raw => self.engine.handle_message(OUTSIDER, &ClientMessage::Text(&text), false).await,
            };
            let received = self.engine.remove_client(OUTSIDER);
            // A permitted creation runs twice, with two ids.
            responses.push(with_ids_alike(&json!([ack, received]).to_string()));
        }
        assert_eq!(responses[0], responses[1], "the responses to an outsider about existing and missing objects");
        assert_eq!(self.engine.unread(), before, "a message of an outsider has reached a client");
    }

    fn receives(&mut self, receivers: &Receivers, expected: &Value, saved: &str, save: &Save) {
        for name in receivers.each() {
            let received = self.next(name);
            self.check(expected, &received, name);
            self.names.save(save, &received[saved]);
        }
    }

    fn closed(&mut self, step: &Closed) {
        let received = self.next(&step.closed);
        let any = json!("<any>");
        let expected = json!({
            "code": step.code.map_or(any.clone(), Value::from),
            "reason": step.reason.clone().map_or(any, Value::from),
        });
        self.check(&json!({ "closed": expected }), &received, &step.closed);
    }

    fn next(&mut self, name: &str) -> Value {
        self.engine.client(name).received.pop_front().unwrap_or_else(|| panic!("{name} has received nothing more"))
    }

    #[track_caller]
    fn check(&self, expected: &Value, actual: &Value, what: &str) {
        if let Some(difference) = difference(&self.names.fill(expected), actual, what) {
            panic!("{difference}");
        }
    }

    /// The token of a client's user; `None` if the user has none.
    fn token(&self, name: &str) -> Option<String> {
        let Token { claims, issued } = self.users.get(user(name)).unwrap_or_else(|| panic!("there is no user {name}"));
        let mut claims = self.names.fill(claims);
        if let (Some(issued), Some(claims)) = (issued, claims.as_object_mut()) {
            claims.insert("iat".to_owned(), (NOW.0.div_euclid(1_000_000) + issued).into());
        }
        (!claims.is_null()).then(|| TestApp::token(&claims))
    }
}

/// A user without rooms.
const OUTSIDER: &str = "outsider";

/// The event of a packet.
fn event(packet: &str) -> Event<'_> {
    match packets::decode(packet) {
        Ok(Packet::Event { event: Some(event), .. }) => event,
        _ => panic!("{packet} is not an event"),
    }
}

fn client_message<'a>(event: &'a Event<'_>) -> ClientMessage<'a> {
    ClientMessage::Event { name: &event.name, args: &event.args }
}

/// The user of a client.
fn user(client: &str) -> &str {
    client.split('/').next().unwrap_or_default()
}

/// A response for the comparison. A missing body differs from `null`.
fn response(status: u16, body: Option<&Value>, replayed: bool) -> Value {
    let mut response = json!({ "status": status, "replayed": replayed });
    if let Some(body) = body {
        response["response"] = body.clone();
    }
    response
}

/// A string as it is, any other value as JSON.
fn to_body(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
