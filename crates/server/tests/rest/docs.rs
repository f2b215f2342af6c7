//! The OpenAPI document, and the page to try it.

use std::collections::BTreeSet;

use axum::body::{Body, to_bytes};
use axum::response::Response;
use http::{Method, Request};
use serde_json::{Map, Value, json};

use crate::openapi::{DOCUMENT, validator};
use crate::support::Server;

async fn fetch(server: &Server, path: &str) -> Response {
    server.fetch(Request::builder().uri(path).body(Body::empty()).unwrap()).await
}

fn header<'a>(response: &'a Response, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

#[tokio::test]
async fn the_openapi_document_is_public_and_equals_the_command() {
    let server = Server::start();
    let response = server.anonymous().send(Method::GET, "/openapi.json", &[("origin", "http://localhost:8081")], "").await;
    assert_eq!(response.status, 200);
    assert_eq!(response.header("content-type"), "application/json");
    assert_eq!(response.header("access-control-allow-origin"), "http://localhost:8081");
    assert_eq!(response.text, api::openapi());
    server.anonymous().delete("/openapi.json").await.expect_error(405, "method_not_allowed", "Method not allowed");
}

#[tokio::test]
async fn the_docs_page_loads_only_its_own_files() {
    let server = Server::start();
    let redirect = fetch(&server, "/docs").await;
    assert_eq!((redirect.status().as_u16(), header(&redirect, "location")), (308, "/docs/"));
    for (path, content_type) in [
        ("/docs/", "text/html"),
        ("/docs/swagger-ui.css", "text/css"),
        ("/docs/index.css", "text/css"),
        ("/docs/swagger-ui-bundle.js", "text/javascript"),
        ("/docs/swagger-ui-standalone-preset.js", "text/javascript"),
        ("/docs/swagger-initializer.js", "text/javascript"),
        ("/docs/favicon-32x32.png", "image/png"),
    ] {
        let file = fetch(&server, path).await;
        assert_eq!((file.status().as_u16(), header(&file, "content-type")), (200, content_type), "{path}");
        assert_eq!(header(&file, "x-content-type-options"), "nosniff");
        assert!(header(&file, "content-security-policy").starts_with("default-src 'self';"), "{path}");
    }
    let set_up = to_bytes(fetch(&server, "/docs/swagger-initializer.js").await.into_body(), usize::MAX).await.unwrap();
    assert!(String::from_utf8(set_up.to_vec()).unwrap().contains(r#""url": "../openapi.json""#));
}

#[tokio::test]
async fn an_unknown_file_of_the_docs_page_is_not_found() {
    let server = Server::start();
    for path in ["/docs/nothing.js", "/docs/../Cargo.toml", "/docs/%2e%2e/secret", "/docs/%ff"] {
        server.anonymous().get(path).await.expect_error(404, "not_found", "Not found");
    }
}

#[test]
fn every_operation_has_a_unique_id_summary_tag_and_path_ids() {
    let mut ids = BTreeSet::new();
    let tags: Vec<_> = DOCUMENT["tags"].as_array().unwrap().iter().map(|tag| &tag["name"]).collect();
    for (path, item) in DOCUMENT["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let what = format!("{method} {path}");
            assert!(ids.insert(operation["operationId"].as_str().unwrap()), "{what}");
            assert!(operation["summary"].as_str().unwrap().ends_with('.'), "{what}");
            assert!(tags.contains(&&operation["tags"][0]), "{what}");
            let named = operation["parameters"].as_array().into_iter().flatten().filter(|parameter| parameter["in"] == "path");
            let named: Vec<_> = named.map(|parameter| format!("{{{}}}", parameter["name"].as_str().unwrap())).collect();
            let wanted: Vec<_> = path.split('/').filter(|segment| segment.starts_with('{')).collect();
            assert_eq!(named, wanted, "{what}");
            assert!(operation["responses"].as_object().unwrap().keys().any(|status| status.starts_with('2')), "{what}");
        }
    }
}

#[test]
fn a_response_with_an_undocumented_field_is_invalid() {
    let expect_error = validator("/components/responses/NotFound/content/application~1json/schema");
    assert!(expect_error.is_valid(&json!({ "error": "Task not found", "code": "not_found" })));
    let left = validator("/components/schemas/household.MemberLeft");
    let mut event_names = Map::from_iter([("userId".to_owned(), json!("bob"))]);
    assert!(!left.is_valid(&Value::Object(event_names.clone())));
    let household = json!({
        "id": "1", "name": "Home", "inviteCode": null, "createdBy": "alice", "memberCount": 0, "members": [],
        "createdAt": "2025-11-13T12:00:00.000Z", "updatedAt": "2025-11-13T12:00:00.000Z",
    });
    event_names.insert("household".to_owned(), household);
    assert!(left.is_valid(&Value::Object(event_names.clone())));
    event_names["household"]["color"] = json!("red");
    assert!(!left.is_valid(&Value::Object(event_names.clone())));
}
