//! Plays a transcript, step by step.

use std::collections::BTreeMap;

use axum::body::{Body, to_bytes};
use engine::Namespace;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Request};
use serde::Deserialize;
use serde_json::{Value, json};
use server::config::Config;
use server::contracts::{ClientMessage, ContractRegistry};
use server::presence::Transport;
use tower::ServiceExt;
use wire::socketio::{Event, Packet, json as packets};

use crate::fake_engine::FakeEngine;
use crate::matchers::{Names, difference, with_ids_alike};
use crate::openapi;
use crate::script::{Closed, Connect, Emit, Names as Hearers, Rest, Save, Send, Step, Transcript, Way, load};
use crate::test_app::{NOW, TestApp};

/// Plays a transcript, in `/` and in the contract's own namespace if somebody connects with Socket.IO.
pub async fn play(contract: &str, file: &str) {
    let own = namespace_of(contract);
    let namespaces: Vec<&str> =
        if load(contract, file).connects_with_socketio() { ["/"].into_iter().chain(own).collect() } else { vec!["/"] };
    for (i, namespace) in namespaces.iter().enumerate() {
        let other = namespaces.iter().rev().nth(i).unwrap_or(namespace);
        let transcript = load(contract, file);
        let place = Place(format!("in {contract}/{file}.json, played in {namespace}: {}", transcript.title));
        Player::new(transcript, namespace, other).play().await;
        drop(place);
    }
}

/// Where a contract is spoken alone. Its transcripts' folder bears its name.
fn namespace_of(contract: &str) -> Option<&'static str> {
    let contract_schemas = ContractRegistry::new(&Config::default()).schemas();
    let contract_schema = contract_schemas.iter().find(|contract_schema| contract_schema.contract == contract);
    contract_schema.unwrap_or_else(|| panic!("there is no contract called {contract}")).namespace
}

/// Where we are, said when a test fails there.
struct Place(String);

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("{}", self.0);
        }
    }
}

/// The claims of a person's token, and how many seconds from now it was issued.
struct Token {
    claims: Value,
    issued: Option<i64>,
}

struct Player {
    steps: Vec<Value>,
    names: Names,
    users: BTreeMap<String, Token>,
    floor: FakeEngine,
    namespace: Namespace,
    /// Its name.
    played_in: String,
    /// The other one in which its clients may speak.
    other: Namespace,
}

impl Player {
    fn new(transcript: Transcript, namespace: &str, other: &str) -> Self {
        let greets = transcript.greets();
        let house = TestApp::new(&transcript.settings);
        let names = house.shared.contracts.namespaces();
        let index = |namespace| Namespace(u8::try_from(names.iter().position(|name| name == namespace).unwrap()).unwrap());
        let mut known = Names::new(transcript.shapes);
        transcript.users.values().for_each(|claims| known.claim(claims));
        let users = transcript.users.into_iter().map(|(user, claims)| (user, Token { claims, issued: None }));
        Self {
            steps: transcript.steps,
            names: known,
            users: users.collect(),
            floor: FakeEngine::new(house, greets),
            namespace: index(namespace),
            other: index(other),
            played_in: namespace.to_owned(),
        }
    }

    async fn play(mut self) {
        let steps = std::mem::take(&mut self.steps);
        self.all(&steps).await;
        for (name, device) in self.floor.devices() {
            assert!(device.heard.is_empty(), "at the end {name} has heard {:?}", device.heard);
        }
    }

    async fn all(&mut self, steps: &[Value]) {
        for (i, step) in steps.iter().enumerate() {
            let place = Place(format!("at step {}, {step}", i + 1));
            self.step(Step::deserialize(step).unwrap()).await;
            drop(place);
        }
    }

    async fn step(&mut self, step: Step) {
        match step {
            Step::Rest(step) => self.rest(step).await,
            Step::Connect(step) => self.connect(step).await,
            Step::Emit(step) => self.emit(step).await,
            Step::Send(step) => self.send(step).await,
            Step::HearsEvent(step) if step.r#in.as_ref().is_some_and(|only| *only != self.played_in) => {}
            Step::HearsEvent(step) => {
                self.hears(&step.hears, &json!({ "event": step.event, "args": step.args }), "args", &step.save);
            }
            Step::HearsEnvelope(step) => self.hears(&step.hears, &json!({ "envelope": step.envelope }), "envelope", &step.save),
            Step::HearsNothing(step) => {
                for name in step.hears_nothing.each() {
                    let heard = &self.floor.device(name).heard;
                    assert!(heard.is_empty(), "{name} has heard {heard:?}");
                }
            }
            Step::Closed(step) => self.closed(&step),
            Step::Leaves(step) => self.floor.leave(&step.r#as).await,
            Step::Token(step) => {
                self.names.claim(&step.token);
                self.users.insert(user(&step.r#as).to_owned(), Token { claims: step.token, issued: step.issued });
            }
            Step::Repeat(step) => {
                for n in 1..=step.repeat {
                    let place = Place(format!("in round {n}"));
                    self.names.save_round(n);
                    Box::pin(self.all(&step.steps)).await;
                    drop(place);
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
            *request.body_mut() = as_sent(body).into();
        }
        let (method, uri) = (request.method().clone(), request.uri().clone());
        let (answer, body) = self.floor.router().oneshot(request).await.unwrap().into_parts();
        self.floor.settle().await;
        let body = to_bytes(body, usize::MAX).await.unwrap();
        let body: Option<Value> = serde_json::from_slice(&body).ok();
        openapi::check_answer(&method, &uri, answer.status, &body.clone().unwrap_or_default());
        if answer.status.is_success() {
            openapi::check_body(&method, &uri, &sent.unwrap_or_default());
        }
        let replayed = answer.headers.get("idempotency-replayed").is_some_and(|value| value == "true");
        let expected = response(step.status, step.answer.as_ref(), step.replayed);
        self.check(&expected, &response(answer.status.as_u16(), body.as_ref(), replayed), "the response");
        self.names.save(&step.save, &body.unwrap_or_default());
    }

    async fn connect(&mut self, step: Connect) {
        let token = self.token(&step.r#as);
        let error = match step.connect {
            Way::SocketIo => {
                let auth = step.auth.map_or_else(|| json!({ "token": token }), |auth| self.names.fill(&auth));
                let (connection, namespace) = match &step.over {
                    Some(device) => (self.floor.device(device).connection, self.other),
                    None => (self.floor.connection(Transport::SocketIo), self.namespace),
                };
                self.floor.connect(&step.r#as, connection, namespace, &auth.to_string(), None).await
            }
            Way::Raw => {
                let kept = token.and_then(|token| self.floor.kept_token(&token));
                let connection = self.floor.connection(Transport::Raw);
                self.floor.connect(&step.r#as, connection, Namespace::PLAIN, "", kept.as_deref()).await
            }
        };
        self.check(&step.refused.into(), &error.into(), "the refusal");
    }

    async fn emit(&mut self, step: Emit) {
        self.hand_out_tokens();
        let event_and_args = [json!(step.emit)].into_iter().chain(step.args.iter().map(|arg| self.names.fill(arg)));
        let packet = format!("2{}", event_and_args.collect::<Value>());
        self.outside(&step.r#as, &packet).await;
        let ack = self.floor.hear(&step.r#as, &spoken(&event(&packet)), step.ack.is_some()).await;
        // The acknowledgement's only argument.
        let expected = step.ack.map(|ack| json!([ack]));
        self.check(&expected.into(), &ack.clone().into(), "the ack");
        self.names.save(&step.save, &ack.map_or(Value::Null, |ack| ack[0].clone()));
    }

    async fn send(&mut self, step: Send) {
        self.hand_out_tokens();
        let text = as_sent(&self.names.fill(&step.send));
        self.outside(&step.r#as, &text).await;
        self.floor.hear(&step.r#as, &ClientMessage::Text(&text), false).await;
    }

    /// A step may say somebody's token, as of now.
    fn hand_out_tokens(&mut self) {
        let users: Vec<String> = self.users.keys().cloned().collect();
        for user in users {
            if let Some(token) = self.token(&user) {
                self.names.save_token(&user, token);
            }
        }
    }

    /// Whatever a device says, a stranger says it first: of what there is, while it has not ended, and of what never was. Both must be answered
    /// alike, and nobody else may hear of it.
    async fn outside(&mut self, said_by: &str, said: &str) {
        let before = self.floor.unasked();
        let mut answers = Vec::new();
        for words in [said.to_owned(), self.names.without_ids(said)] {
            self.floor.put_beside(STRANGER, said_by);
            let ack = match self.floor.device(STRANGER).connection.transport() {
                Transport::SocketIo => self.floor.hear(STRANGER, &spoken(&event(&words)), true).await,
                Transport::Raw => self.floor.hear(STRANGER, &ClientMessage::Text(&words), false).await,
            };
            let heard = self.floor.take_away(STRANGER);
            // Whatever one may make is made twice, with two ids.
            answers.push(with_ids_alike(&json!([ack, heard]).to_string()));
        }
        assert_eq!(answers[0], answers[1], "what a stranger is answered of what there is, and of what there is not");
        assert_eq!(self.floor.unasked(), before, "a stranger was heard");
    }

    fn hears(&mut self, hearers: &Hearers, expected: &Value, saved: &str, save: &Save) {
        for name in hearers.each() {
            let heard = self.next(name);
            self.check(expected, &heard, name);
            self.names.save(save, &heard[saved]);
        }
    }

    fn closed(&mut self, step: &Closed) {
        let heard = self.next(&step.closed);
        let any = json!("<any>");
        let expected = json!({
            "code": step.code.map_or(any.clone(), Value::from),
            "reason": step.reason.clone().map_or(any, Value::from),
        });
        self.check(&json!({ "closed": expected }), &heard, &step.closed);
    }

    fn next(&mut self, name: &str) -> Value {
        self.floor.device(name).heard.pop_front().unwrap_or_else(|| panic!("{name} has heard nothing more"))
    }

    #[track_caller]
    fn check(&self, expected: &Value, actual: &Value, what: &str) {
        if let Some(difference) = difference(&self.names.fill(expected), actual, what) {
            panic!("{difference}");
        }
    }

    /// The token of a device's person; `None` for somebody who has none.
    fn token(&self, name: &str) -> Option<String> {
        let Token { claims, issued } = self.users.get(user(name)).unwrap_or_else(|| panic!("nobody is called {name}"));
        let mut claims = self.names.fill(claims);
        if let (Some(issued), Some(claims)) = (issued, claims.as_object_mut()) {
            claims.insert("iat".to_owned(), (NOW.0.div_euclid(1_000_000) + issued).into());
        }
        (!claims.is_null()).then(|| TestApp::token(&claims))
    }
}

/// Somebody who is in nothing.
const STRANGER: &str = "a stranger of the player's";

/// The event of a packet.
fn event(packet: &str) -> Event<'_> {
    match packets::decode(packet) {
        Ok(Packet::Event { event: Some(event), .. }) => event,
        _ => panic!("{packet} is no event"),
    }
}

fn spoken<'a>(event: &'a Event<'_>) -> ClientMessage<'a> {
    ClientMessage::Event { name: &event.name, args: &event.args }
}

/// The person of a device.
fn user(device: &str) -> &str {
    device.split('/').next().unwrap_or_default()
}

/// A response as it is compared: no answer is not the same as `null`.
fn response(status: u16, answer: Option<&Value>, replayed: bool) -> Value {
    let mut response = json!({ "status": status, "replayed": replayed });
    if let Some(answer) = answer {
        response["answer"] = answer.clone();
    }
    response
}

/// A text as it is, everything else as JSON.
fn as_sent(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
