//! The permissions of every path of every contract. A caller without permission learns nothing.
//!
//! - `table`: the rows, each for an operation.
//! - `callers`: the callers.
//! - `trip`: the rows and objects of the trip contract.
//! - `fixtures`: the objects: existing, ended and missing.

mod callers;
mod fixtures;
mod table;
mod trip;

use std::collections::BTreeSet;

use auth::sign::NewTokenClaims;
use http::Method;
use limits::rate_limit::RateLimits;
use serde_json::{Value, json};

use crate::openapi::DOCUMENT;
use crate::support::{SECONDS, Server, TestResponse, has_contract, id};
use callers::{API_KEY, Caller};
use fixtures::{Fixture, FixtureKind, SECRET, missing};
use table::{Row, rows};

fn server() -> Server {
    Server::with(&[("ROOMCAST_API_KEY", API_KEY)], RateLimits::new(false))
}

async fn request_as(server: &Server, caller: Caller, row: &Row, fixture: &Fixture, body: &Value) -> TestResponse {
    let (method, path) = row.request(fixture);
    caller.client(server).json(method.parse::<Method>().unwrap(), &path, &[], fixture.fill(body)).await
}

/// All visible parts of a response, with the object's id, which the caller knows, as `{id}`.
fn visible_parts(response: &TestResponse, fixture: &Fixture) -> String {
    format!("{} {:?} {}", response.status, response.headers, response.text.replace(&fixture.id, "{id}"))
}

/// Every operation of the OpenAPI document, as its method and its path.
fn operations() -> BTreeSet<String> {
    let paths = DOCUMENT["paths"].as_object().unwrap().iter();
    let operations = paths.flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| (method.to_uppercase(), path)));
    operations.map(|(method, path)| format!("{method} {path}")).collect()
}

#[test]
fn the_table_has_exactly_the_served_operations() {
    let mut rows: BTreeSet<String> = rows().iter().map(|row| row.operation.to_owned()).collect();
    // The document is public. The metrics are no JSON and have their own test.
    rows.extend(["GET /openapi.json", "GET /metrics"].map(str::to_owned));
    assert_eq!(rows, operations());
}

#[tokio::test]
async fn every_path_is_open_only_to_permitted_callers() {
    for row in rows() {
        let mut used: Option<(Server, Fixture)> = None;
        for (caller, status) in Caller::ALL.into_iter().zip(row.statuses) {
            // A rejected request changes nothing, so the next caller uses the same server.
            let (server, fixture) = match used.take() {
                Some(untouched) => untouched,
                None => {
                    let server = server();
                    let fixture = row.kind.create(&server).await;
                    server.event_names().await;
                    (server, fixture)
                }
            };
            let response = request_as(&server, caller, &row, &fixture, &row.body).await;
            assert_eq!(response.status.as_u16(), status, "{caller:?}: {row} {}", response.text);
            assert_eq!(response.header("content-type"), "application/json", "{caller:?}: {row}");
            if status >= 400 {
                assert_eq!(server.event_names().await, [""; 0], "{caller:?}: {row}");
                assert!(server.ephemeral_events().is_empty(), "{caller:?}: {row}");
                used = Some((server, fixture));
            } else if caller.is_outside() && !row.grants_access {
                assert!(!response.text.contains(SECRET), "{caller:?}: {row} {}", response.text);
            }
        }
    }
}

#[tokio::test]
async fn outsiders_cannot_tell_existing_objects_from_missing_ones() {
    for row in rows().into_iter().filter(|row| row.kind != FixtureKind::Nothing) {
        let server = server();
        let existing = row.kind.create(&server).await;
        let ended = row.kind.end(&server).await;
        let missing_fixture = missing(row.kind);
        let bodies = [row.body.clone(), Value::Null, json!({}), json!([]), json!({ "nonsense": { "deep": [1] } })];
        // A back end may ask about every object.
        let may_know = |status: u16| row.statuses == table::BACK_ENDS && status < 400;
        let outsiders = Caller::ALL.into_iter().zip(row.statuses).filter(|(caller, status)| caller.is_outside() && !may_know(*status));
        for (caller, status) in outsiders {
            for body in bodies.iter().filter(|body| status >= 400 || **body != row.body) {
                let expected = request_as(&server, caller, &row, &missing_fixture, body).await;
                let expected = visible_parts(&expected, &missing_fixture);
                for fixture in [Some(&existing), ended.as_ref()].into_iter().flatten() {
                    let response = request_as(&server, caller, &row, fixture, body).await;
                    assert_eq!(visible_parts(&response, fixture), expected, "{caller:?}: {row} {body}");
                }
            }
        }
    }
}

#[tokio::test]
async fn objects_of_others_are_not_found_through_own_paths() {
    let server = server();
    let theirs = FixtureKind::TalkMessage.create(&server).await;
    let dave = server.client("dave");
    let own = dave.post("/api/conversations", json!({ "participantIds": [] })).await.expect(201);
    let visible_parts = dave.post(&format!("/api/conversations/{}/messages", id(&own)), json!({ "content": "Mine" })).await.expect(201);
    let read = format!("/api/conversations/{}/read", id(&own));
    for named in [&theirs.id, &missing(FixtureKind::TalkMessage).id] {
        for body in [json!({ "messageIds": [named] }), json!({ "messageIds": [id(&visible_parts), named] })] {
            let result = dave.post(&read, body).await.expect(200);
            assert_eq!(result, json!({ "conversationId": id(&own), "messageIds": [], "unreadCount": 0 }));
        }
    }
    // Lists contain only the caller's objects, also after the id of another user's object.
    for (contract, list, sort) in [
        ("household", "/households", FixtureKind::Household),
        ("trip", "/api/v1/trips", trip::TRIP),
        ("studio", "/shared/chat/rooms", FixtureKind::Room),
        ("messenger", "/api/conversations", FixtureKind::Talk),
        ("workspace", "/api/v1/projects", FixtureKind::Project),
        ("messenger", "/api/notifications", FixtureKind::Notification),
    ] {
        if !has_contract(contract) {
            continue;
        }
        let (existing, missing_fixture) = (sort.create(&server).await, missing(sort));
        let eve = server.client("eve");
        let behind = async |fixture: &Fixture| eve.get(&format!("{list}?before={}", fixture.id)).await.text;
        assert_eq!(behind(&existing).await, behind(&missing_fixture).await, "{list}");
    }
}

#[tokio::test]
async fn a_stored_response_is_replayed_to_its_user_only() {
    let server = server();
    let project = FixtureKind::Project.create(&server).await;
    let path = format!("/api/v1/projects/{}/tasks", project.id);
    let request_as =
        async |sub: &str| server.client(sub).json(Method::POST, &path, &[("idempotency-key", "one")], json!({ "title": "x" })).await;
    let response = request_as("bob").await.expect(201);
    for outside in ["dave", "carol"] {
        let response = request_as(outside).await;
        assert_eq!(response.header("idempotency-replayed"), "");
        response.expect_error(404, "not_found", "Project not found");
    }
    // A removed member receives the stored response, without later changes.
    server.client("alice").delete(&format!("/api/v1/projects/{}/members/bob", project.id)).await.expect(200);
    let repeated = request_as("bob").await;
    assert_eq!(repeated.header("idempotency-replayed"), "true");
    assert_eq!(repeated.expect(201), response);
}

#[tokio::test]
async fn without_an_api_key_no_key_is_accepted() {
    let server = Server::start();
    for key in ["", API_KEY] {
        let bearer = format!("Bearer {key}");
        let response = server.anonymous().send(Method::GET, "/api/v1/presence/count", &[("authorization", &bearer)], "").await;
        assert_eq!(response.status, 401, "{key:?}: {}", response.text);
    }
}

#[tokio::test]
async fn a_role_in_other_claims_gives_no_permission() {
    let server = server();
    for role in ["Admin", "owner", "services", ""] {
        let token = NewTokenClaims { sub: "dave".into(), role: Some(role.into()), iat: SECONDS, ..NewTokenClaims::default() };
        let response = server.client_with(token).get("/api/v1/presence/count").await;
        assert_eq!(response.status, 403, "{role}: {}", response.text);
    }
}
