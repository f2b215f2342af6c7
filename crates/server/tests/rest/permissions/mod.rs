//! Who may do what, for every path of every contract, and that whoever may not learns nothing.
//!
//! - `table`: the rows, an operation each or several.
//! - `callers`: who asks.
//! - `fixtures`: what is asked about: as it is, after its end, and as it never was.

mod callers;
mod fixtures;
mod table;

use std::collections::BTreeSet;

use http::Method;
use serde_json::{Value, json};
use server::auth::sign::NewTokenClaims;
use server::rate_limit::RateLimits;

use crate::openapi::DOCUMENT;
use crate::support::{Answered, SECONDS, Server, id};
use callers::{API_KEY, Caller};
use fixtures::{SECRET, Sort, Thing, never_there};
use table::{Row, rows};

fn server() -> Server {
    Server::with(&[("ROOMCAST_API_KEY", API_KEY)], RateLimits::new(false))
}

async fn ask(server: &Server, caller: Caller, row: &Row, thing: &Thing, body: &Value) -> Answered {
    let (method, path) = row.request(thing);
    caller.client(server).json(method.parse::<Method>().unwrap(), &path, &[], thing.fill(body)).await
}

/// Everything that an answer says, with the thing's id, which the asker knew, as `{id}`.
fn said(answered: &Answered, thing: &Thing) -> String {
    format!("{} {:?} {}", answered.status, answered.headers, answered.text.replace(&thing.id, "{id}"))
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
    // The document itself is everybody's; what is counted is no JSON, and has a test of its own.
    rows.extend(["GET /openapi.json", "GET /metrics"].map(str::to_owned));
    assert_eq!(rows, operations());
}

#[tokio::test]
async fn every_path_is_open_only_to_permitted_callers() {
    for row in rows() {
        let mut used: Option<(Server, Thing)> = None;
        for (caller, status) in Caller::ALL.into_iter().zip(row.statuses) {
            // What was refused has left no trace, so the next one finds everything as it was.
            let (server, thing) = match used.take() {
                Some(untouched) => untouched,
                None => {
                    let server = server();
                    let thing = row.about.make(&server).await;
                    server.told().await;
                    (server, thing)
                }
            };
            let answered = ask(&server, caller, &row, &thing, &row.body).await;
            assert_eq!(answered.status.as_u16(), status, "{caller:?}: {row} {}", answered.text);
            assert_eq!(answered.header("content-type"), "application/json", "{caller:?}: {row}");
            if status >= 400 {
                assert_eq!(server.told().await, [""; 0], "{caller:?}: {row}");
                assert!(server.ephemeral_events().is_empty(), "{caller:?}: {row}");
                used = Some((server, thing));
            } else if caller.is_outside() && !row.lets_in {
                assert!(!answered.text.contains(SECRET), "{caller:?}: {row} {}", answered.text);
            }
        }
    }
}

#[tokio::test]
async fn outsiders_cannot_tell_existing_objects_from_missing_ones() {
    for row in rows().into_iter().filter(|row| row.about != Sort::Nothing) {
        let server = server();
        let there = row.about.make(&server).await;
        let gone = row.about.end(&server).await;
        let never = never_there(row.about);
        let bodies = [row.body.clone(), Value::Null, json!({}), json!([]), json!({ "nonsense": { "deep": [1] } })];
        for (caller, status) in Caller::ALL.into_iter().zip(row.statuses).filter(|(caller, _)| caller.is_outside()) {
            for body in bodies.iter().filter(|body| status >= 400 || **body != row.body) {
                let expected = ask(&server, caller, &row, &never, body).await;
                let expected = said(&expected, &never);
                for thing in [Some(&there), gone.as_ref()].into_iter().flatten() {
                    let answered = ask(&server, caller, &row, thing, body).await;
                    assert_eq!(said(&answered, thing), expected, "{caller:?}: {row} {body}");
                }
            }
        }
    }
}

#[tokio::test]
async fn objects_of_others_are_not_found_through_own_paths() {
    let server = server();
    let theirs = Sort::TalkMessage.make(&server).await;
    let dave = server.client("dave");
    let own = dave.post("/api/conversations", json!({ "participantIds": [] })).await.expect(201);
    let said = dave.post(&format!("/api/conversations/{}/messages", id(&own)), json!({ "content": "Mine" })).await.expect(201);
    let read = format!("/api/conversations/{}/read", id(&own));
    for named in [&theirs.id, &never_there(Sort::TalkMessage).id] {
        for body in [json!({ "messageIds": [named] }), json!({ "messageIds": [id(&said), named] })] {
            let told = dave.post(&read, body).await.expect(200);
            assert_eq!(told, json!({ "conversationId": id(&own), "messageIds": [], "unreadCount": 0 }));
        }
    }
    // Lists are one's own, also behind somebody else's.
    for (list, sort) in [
        ("/households", Sort::Household),
        ("/api/v1/trips", Sort::Trip),
        ("/shared/chat/rooms", Sort::Room),
        ("/api/conversations", Sort::Talk),
        ("/api/v1/projects", Sort::Project),
        ("/api/notifications", Sort::Notification),
    ] {
        let (there, never) = (sort.make(&server).await, never_there(sort));
        let eve = server.client("eve");
        let behind = async |thing: &Thing| eve.get(&format!("{list}?before={}", thing.id)).await.text;
        assert_eq!(behind(&there).await, behind(&never).await, "{list}");
    }
}

#[tokio::test]
async fn a_stored_response_is_replayed_to_its_user_only() {
    let server = server();
    let project = Sort::Project.make(&server).await;
    let path = format!("/api/v1/projects/{}/tasks", project.id);
    let ask = async |sub: &str| server.client(sub).json(Method::POST, &path, &[("idempotency-key", "one")], json!({ "title": "x" })).await;
    let answered = ask("bob").await.expect(201);
    for outside in ["dave", "carol"] {
        let answered = ask(outside).await;
        assert_eq!(answered.header("idempotency-replayed"), "");
        answered.refused(404, "not_found", "Project not found");
    }
    // Whoever was let in then hears again what they were answered then, and nothing that came later.
    server.client("alice").delete(&format!("/api/v1/projects/{}/members/bob", project.id)).await.expect(200);
    let again = ask("bob").await;
    assert_eq!(again.header("idempotency-replayed"), "true");
    assert_eq!(again.expect(201), answered);
}

#[tokio::test]
async fn without_an_api_key_no_key_is_accepted() {
    let server = Server::start();
    for key in ["", API_KEY] {
        let bearer = format!("Bearer {key}");
        let answered = server.nobody().send(Method::GET, "/api/v1/presence/count", &[("authorization", &bearer)], "").await;
        assert_eq!(answered.status, 401, "{key:?}: {}", answered.text);
    }
}

#[tokio::test]
async fn a_role_in_other_claims_gives_no_permission() {
    let server = server();
    for role in ["Admin", "owner", "services", ""] {
        let token = NewTokenClaims { sub: "dave".into(), role: Some(role.into()), iat: SECONDS, ..NewTokenClaims::default() };
        let answered = server.client_with(token).get("/api/v1/presence/count").await;
        assert_eq!(answered.status, 403, "{role}: {}", answered.text);
    }
}
