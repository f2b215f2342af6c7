//! Every error response, which is always JSON.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use auth::sign::NewTokenClaims;
use axum::body::{Body, Bytes, HttpBody};
use domain::ids::UserId;
use http::Method;
use hyper::body::{Frame, SizeHint};
use limits::rate_limit::RateLimits;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::support::{MAX_BODY, SECONDS, Server, TestResponse, household, id};

#[tokio::test]
async fn an_unauthenticated_request_gets_the_reason_and_the_scheme() {
    let server = Server::start();
    let expired = NewTokenClaims { sub: "alice".into(), iat: SECONDS - 10, exp: Some(SECONDS), ..NewTokenClaims::default() };
    let forged = [("authorization", "Bearer e30.e30.e30")];
    for (response, code, error) in [
        (server.anonymous().get("/households").await, "token_missing", "No token was given"),
        (server.anonymous().send(Method::GET, "/households", &forged, "").await, "token_invalid", "The token is not valid"),
        (server.client_with(expired).get("/households").await, "token_expired", "The token has expired"),
    ] {
        assert_eq!(response.header("www-authenticate"), "Bearer");
        response.expect_error(401, code, error);
    }
}

#[tokio::test]
async fn an_unknown_path_or_method_gets_a_json_error() {
    let server = Server::start();
    for path in ["/", "/household", "/households/", "/households/1/2/3", "/tasks", "/api/v1/nothing", "/%ff"] {
        server.anonymous().get(path).await.expect_error(404, "not_found", "Not found");
    }
    let response = server.anonymous().delete("/households").await;
    let mut allowed: Vec<_> = response.header("allow").split(',').collect();
    allowed.sort();
    assert_eq!(allowed, ["GET", "HEAD", "POST"]);
    response.expect_error(405, "method_not_allowed", "Method not allowed");
    assert_eq!(server.anonymous().patch("/tasks/1").await.status, 405);
}

#[tokio::test]
async fn a_malformed_id_is_not_found() {
    let server = Server::start();
    let alice = server.client("alice");
    let long = "x".repeat(201);
    for id in ["0", "-1", "01", "1.5", "1e3", "999999999999999999999", "x", "%20", "a%00b", "%2e%2e"] {
        alice.get(&format!("/tasks/{id}")).await.expect_error(404, "not_found", "Task not found");
        alice.get(&format!("/households/{id}")).await.expect_error(404, "not_found", "Household not found");
        alice.get(&format!("/users/{id}")).await.expect_error(404, "not_found", "User not found");
    }
    alice.get(&format!("/households/{long}")).await.expect_error(404, "not_found", "Household not found");
    alice.delete(&format!("/households/1/members/{long}")).await.expect_error(404, "not_found", "Member not found");
    alice.get("/tasks/%ff").await.expect_error(404, "not_found", "Not found");
}

#[tokio::test]
async fn a_body_that_is_not_a_json_object_is_rejected() {
    let server = Server::start();
    let alice = server.client("alice");
    let post = async |content_type: &str, body: &[u8]| {
        let headers = [("content-type", content_type)];
        let headers = if content_type.is_empty() { &headers[..0] } else { &headers[..] };
        alice.send(Method::POST, "/households", headers, body.to_vec()).await
    };
    let bomb = "[".repeat(5000);
    let deep = format!(r#"{{"name":{}{}}}"#, "[".repeat(1000), "]".repeat(1000));
    for (body, wrong) in [
        (&b"{"[..], "EOF while parsing an object at line 1 column 1"),
        (b"{\"name\": Home}", "expected value at line 1 column 10"),
        (b"[]", "invalid type: sequence, expected a map at line 1 column 0"),
        (b"null", "invalid type: null, expected a map at line 1 column 4"),
        (b"name=Home", "expected ident at line 1 column 2"),
        (b"{\"name\":\"\xff\"}", "invalid unicode code point at line 1 column 10"),
        (bomb.as_bytes(), "invalid type: sequence, expected a map at line 1 column 0"),
    ] {
        post("application/json", body).await.expect_error(400, "invalid", &format!("The body must be a JSON object: {wrong}"));
    }
    let text = format!(" \"{}\"", "\\u007f".repeat(1_000));
    post("application/json", text.as_bytes()).await.expect_error(400, "invalid", "The body must be a JSON object, and not a text");
    post("application/json", deep.as_bytes()).await.expect_invalid("name", "must be text");
    post("application/json", b"").await.expect_invalid("name", "is required");
    for other in ["text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "jsonish"] {
        post(other, b"{\"name\":\"Home\"}").await.expect_invalid("Content-Type", "must be application/json");
    }
    for fine in ["", "application/json", "Application/JSON; charset=utf-8", "application/vnd.api+json"] {
        post(fine, b"{\"name\":\"Home\"}").await.expect(201);
    }
}

#[tokio::test]
async fn an_invalid_field_is_named() {
    let server = Server::start();
    let home = household(&server).await;
    let alice = server.client("alice");
    let tasks = format!("/households/{}/tasks", id(&home));
    let join = format!("/households/{}/join", id(&home));
    let long_name = "n".repeat(201);
    let users: Vec<_> = (0..101).collect();
    let table: &[(&str, Value, &str, &str)] = &[
        ("/households", json!({}), "name", "is required"),
        ("/households", json!({ "name": null }), "name", "must be text"),
        ("/households", json!({ "name": 5 }), "name", "must be text"),
        ("/households", json!({ "name": "" }), "name", "must have 1 to 200 characters and not be blank"),
        ("/households", json!({ "name": long_name }), "name", "must have at most 200 characters"),
        ("/households", json!({ "name": "x", "color": "red" }), "color", "is not a field of this request"),
        ("/households", json!({ "name": "x", "id": "1" }), "id", "is not a field of this request"),
        (&join, json!({}), "inviteCode", "is required"),
        (&join, json!({ "inviteCode": 12345678 }), "inviteCode", "must be text"),
        (&tasks, json!({ "title": "x", "description": {} }), "description", "must be text"),
        (&tasks, json!({ "title": "x", "category": "c".repeat(101) }), "category", "must have at most 100 characters"),
        (&tasks, json!({ "title": "x", "dueDate": 5 }), "dueDate", "must be text"),
        (
            &tasks,
            json!({ "title": "x", "dueDate": "soon" }),
            "dueDate",
            "must be a date such as 2025-12-31, a time such as 2025-12-31T18:00:00Z, or null",
        ),
        (
            &tasks,
            json!({ "title": "x", "assignedTo": "bob" }),
            "assignedTo",
            "must be a list of ids of 1 to 200 bytes, each as text or number",
        ),
        (
            &tasks,
            json!({ "title": "x", "assignedTo": [true] }),
            "assignedTo",
            "must be a list of ids of 1 to 200 bytes, each as text or number",
        ),
        (
            &tasks,
            json!({ "title": "x", "assignedTo": [""] }),
            "assignedTo",
            "must be a list of ids of 1 to 200 bytes, each as text or number",
        ),
        (
            &tasks,
            json!({ "title": "x", "assignedTo": [{}] }),
            "assignedTo",
            "must be a list of ids of 1 to 200 bytes, each as text or number",
        ),
        (&tasks, json!({ "title": "x", "assignedTo": [5] }), "assignedTo", "must be members of the household; 5 is not"),
        (&tasks, json!({ "title": "x", "assignedTo": users }), "assignedTo", "must name at most 100 people at once"),
        ("/tasks/1/assign", json!({}), "userId", "is required"),
        ("/tasks/1/assign", json!({ "userId": [] }), "userId", "must be an id of 1 to 200 bytes, as text or number"),
        ("/tasks/1/assign", json!({ "userId": "u".repeat(201) }), "userId", "must be an id of 1 to 200 bytes, as text or number"),
        ("/tasks/1/assign", json!({ "userId": "  " }), "userId", "must be an id of 1 to 200 bytes, as text or number"),
        ("/tasks/1/assign", json!({ "userId": "a\u{0}" }), "userId", "must be an id of 1 to 200 bytes, as text or number"),
    ];
    for (path, body, field, reason) in table {
        alice.post(path, body.clone()).await.expect_invalid(field, reason);
    }
    let unknown = "u".repeat(5000);
    let response = alice.post("/households", json!({ "name": "x", unknown: 1 })).await;
    assert!(response.text.len() < 500, "a client's words come back shortened");
    assert_eq!(server.event_names().await, [""; 0]);
}

#[tokio::test]
async fn a_body_over_the_limit_is_rejected_with_any_framing() {
    let server = Server::start();
    let alice = server.client("alice");
    let large = json!({ "name": "x".repeat(MAX_BODY) }).to_string();
    let error = format!("The body must have at most {MAX_BODY} bytes");
    for body in [Body::from(large.clone()), Body::new(Chunked(large.into_bytes()))] {
        let response = alice.send(Method::POST, "/households", &[], body).await;
        assert_eq!(response.header("connection"), "close");
        response.expect_error(413, "too_large", &error);
    }
    server.anonymous().send(Method::POST, "/households", &[], "x".repeat(MAX_BODY + 1)).await.expect_error(
        401,
        "token_missing",
        "No token was given",
    );
}

#[tokio::test]
async fn an_unread_body_is_discarded_before_the_response() {
    const MEGABYTE: u64 = 1 << 20;
    let server = Server::start();
    let send = async |token: bool, path: &str, headers: &[(&str, &str)], length: u64, announced: bool| {
        let client = if token { server.client("alice") } else { server.anonymous() };
        let read = Arc::new(AtomicU64::new(0));
        let body = Endless { left: length, announced, read: Arc::clone(&read) };
        let response = client.send(Method::POST, path, headers, Body::new(body)).await;
        (response.status.as_u16(), response.header("connection") == "close", read.load(Ordering::SeqCst))
    };
    let asks = [("expect", "100-continue")];
    for announced in [true, false] {
        assert_eq!(send(true, "/households", &[], 20 * MEGABYTE, announced).await, (413, true, 20 * MEGABYTE));
        // Other errors must arrive, too, and the connection stays open after a body that was read to its end.
        assert_eq!(send(false, "/households", &[], 20 * MEGABYTE, announced).await, (401, false, 20 * MEGABYTE));
        assert_eq!(send(true, "/nowhere", &[], MEGABYTE, announced).await, (404, false, MEGABYTE));
        // No client is asked to send a body that is not read.
        assert_eq!(send(false, "/households", &asks, MEGABYTE, announced).await, (401, true, 0));
    }
    assert_eq!(send(true, "/households", &asks, MEGABYTE, true).await, (413, true, 0));
    // Without a length the server detects the size while it reads.
    assert_eq!(send(true, "/households", &asks, MEGABYTE, false).await, (413, true, MEGABYTE));
    assert_eq!(send(true, "/households", &[], 65 * MEGABYTE, true).await, (413, true, 0));
    let (status, closed, read) = send(true, "/households", &[], u64::MAX, false).await;
    assert_eq!((status, closed), (413, true));
    assert!(read < 66 * MEGABYTE, "{read}");
}

#[tokio::test(start_paused = true)]
async fn discarding_an_unread_body_has_a_timeout() {
    let server = Server::start();
    let start = Instant::now();
    let response = server.anonymous().send(Method::POST, "/households", &[], Body::new(Stalled)).await;
    assert_eq!((response.status.as_u16(), response.header("connection")), (401, "close"));
    assert!(start.elapsed() < Duration::from_secs(6), "{:?}", start.elapsed());
}

#[tokio::test]
async fn a_rate_limited_response_has_a_retry_delay() {
    let server = Server::with(&[], RateLimits::new(true));
    let alice = UserId::new("alice");
    while server.limits.command(&alice).is_ok() {}
    let response = server.client("alice").get("/households").await;
    assert_eq!(response.header("retry-after"), "1");
    response.expect_error(429, "rate_limited", "Rate limit exceeded, try again in 1 s");
    server.client("bob").get("/households").await.expect(200);
}

#[tokio::test]
async fn an_address_may_send_a_hundred_invalid_tokens() {
    let server = Server::with(&[], RateLimits::new(true));
    for number in 0..300 {
        server.client(&format!("person-{number}")).get("/households").await.expect(200);
        server.anonymous().get("/households").await.expect_error(401, "token_missing", "No token was given");
    }
    for _ in 0..100 {
        forged(&server).await.expect_error(401, "token_invalid", "The token is not valid");
    }
    // The budget refills while the test runs, but slower than the test uses it.
    let limited = loop {
        let response = forged(&server).await;
        if response.status == 429 {
            break response;
        }
    };
    assert_eq!(limited.header("retry-after"), "1");
    limited.expect_error(429, "rate_limited", "Rate limit exceeded, try again in 1 s");
}

#[tokio::test]
async fn invalid_tokens_do_not_block_others_of_the_same_address() {
    let key = "a-key-that-only-the-teams-own-back-end-knows";
    let server = Server::with(&[("ROOMCAST_API_KEY", key)], RateLimits::new(true));
    // As in the test before, the budget refills while the test runs, and is used up.
    for number in 0..100 {
        while forged(&server).await.status != 429 {}
        server.client_presenting(key).get("/api/v1/presence/count").await.expect(200);
        server.client(&format!("person-{number}")).get("/households").await.expect(200);
    }
    assert_eq!(server.limits.connect([0, 0, 0, 0].into()), Ok(()));
}

/// A request with an unsigned token.
async fn forged(server: &Server) -> TestResponse {
    server.anonymous().send(Method::GET, "/households", &[("authorization", "Bearer e30.e30.e30")], "").await
}

#[tokio::test]
async fn without_rate_limits_invalid_tokens_are_not_limited() {
    let server = Server::start();
    for _ in 0..300 {
        let forged = [("authorization", "Bearer e30.e30.e30")];
        server.anonymous().send(Method::GET, "/households", &forged, "").await.expect_error(401, "token_invalid", "The token is not valid");
    }
}

#[tokio::test]
async fn without_a_database_the_response_is_503() {
    let server = Server::start();
    server.writer.close();
    for response in
        [server.client("alice").post("/households", json!({ "name": "x" })).await, server.client("bob").get("/households").await]
    {
        assert_eq!(response.header("retry-after"), "1");
        response.expect_error(503, "unavailable", "The server cannot do this now; try again later");
    }
}

/// A body of unknown length, in chunks of a thousand bytes.
struct Chunked(Vec<u8>);

impl HttpBody for Chunked {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let length = self.0.len().min(1000);
        let chunk: Vec<u8> = self.0.drain(..length).collect();
        Poll::Ready((!chunk.is_empty()).then(|| Ok(Frame::data(chunk.into()))))
    }
}

/// A body of many bytes that counts those that were read.
struct Endless {
    left: u64,
    announced: bool,
    read: Arc<AtomicU64>,
}

impl HttpBody for Endless {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(mut self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        static PIECE: [u8; 16_384] = [b' '; 16_384];
        let length = self.left.min(PIECE.len() as u64);
        self.left -= length;
        self.read.fetch_add(length, Ordering::SeqCst);
        Poll::Ready((length > 0).then(|| Ok(Frame::data(Bytes::from_static(&PIECE[..length as usize])))))
    }

    fn size_hint(&self) -> SizeHint {
        if self.announced { SizeHint::with_exact(self.left) } else { SizeHint::default() }
    }
}

/// A body that never arrives.
struct Stalled;

impl HttpBody for Stalled {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Pending
    }
}
