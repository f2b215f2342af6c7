//! Health checks and metrics.

use axum::body::{Body, to_bytes};
use http::Request;
use http::header::{AUTHORIZATION, CONTENT_TYPE};
use limits::rate_limit::RateLimits;
use serde_json::json;

use crate::support::Server;

const KEY: &str = "a-key-of-a-back-end-of-ours";

/// The status and the text of `/metrics`, with this token.
async fn metrics(server: &Server, bearer: Option<&str>) -> (u16, String) {
    let mut request = Request::get("/metrics");
    if let Some(bearer) = bearer {
        request = request.header(AUTHORIZATION, format!("Bearer {bearer}"));
    }
    let response = server.fetch(request.body(Body::empty()).unwrap()).await;
    let status = response.status().as_u16();
    let kind = response.headers()[CONTENT_TYPE].to_str().unwrap().to_owned();
    assert_eq!(kind.starts_with("application/openmetrics-text; version=1.0.0"), status == 200, "{status} {kind}");
    (status, String::from_utf8(to_bytes(response.into_body(), usize::MAX).await.unwrap().to_vec()).unwrap())
}

fn with(access: &str) -> Server {
    Server::with(&[("METRICS", access), ("ROOMCAST_API_KEY", KEY)], RateLimits::new(false))
}

/// The value of the line with this prefix.
#[track_caller]
fn value(page: &str, of: &str) -> f64 {
    let line = page.lines().find_map(|line| line.strip_prefix(of)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("there is no {of} on {page}")).parse().unwrap()
}

#[tokio::test]
async fn a_healthy_server_is_live_and_ready() {
    let server = Server::start();
    for path in ["/health/live", "/health/ready"] {
        assert_eq!(server.anonymous().get(path).await.expect(200), json!({ "status": "ok" }));
    }
}

#[tokio::test]
async fn a_server_without_a_writable_database_is_live_but_not_ready() {
    let server = Server::start();
    server.writer.close();
    server.anonymous().get("/health/live").await.expect(200);
    let response = server.anonymous().get("/health/ready").await;
    assert_eq!(response.header("retry-after"), "1");
    response.expect_error(503, "unavailable", "Not ready: the database cannot be written");
}

#[tokio::test]
async fn many_health_checks_cause_few_database_writes() {
    let server = with("open");
    let batches = async || value(&metrics(&server, None).await.1, "roomcast_writer_batch_commands_count");
    let anonymous = || server.anonymous();
    let start = std::time::Instant::now();
    for _ in 0..100 {
        let (one, other) = (anonymous(), anonymous());
        let (one, other) = tokio::join!(one.get("/health/ready"), other.get("/health/ready"));
        assert_eq!((one.status.as_u16(), other.status.as_u16()), (200, 200));
    }
    let most = start.elapsed().as_secs() + 2;
    let written = batches().await;
    assert!((1.0..=most as f64).contains(&written), "{written}");
}

#[tokio::test]
async fn metrics_are_for_backends_and_admins() {
    let server = with("key");
    assert_eq!(metrics(&server, Some(KEY)).await.0, 200);
    assert_eq!(metrics(&server, None).await.0, 401);
    assert_eq!(metrics(&server, Some("another")).await.0, 401);
    server.client("alice").get("/metrics").await.expect_error(403, "forbidden", "Only a back end or an admin may do this");
}

#[tokio::test]
async fn metrics_may_be_open_or_off() {
    let open = with("open");
    for bearer in [None, Some(KEY), Some("another")] {
        assert_eq!(metrics(&open, bearer).await.0, 200);
    }
    let off = with("off");
    for bearer in [None, Some(KEY)] {
        assert_eq!(metrics(&off, bearer).await.0, 404);
    }
}

#[tokio::test]
async fn written_events_are_counted() {
    let server = with("open");
    let before = metrics(&server, None).await.1;
    assert!(!before.contains("roomcast_facts_accepted_total{"), "{before}");
    server.client("alice").post("/households", json!({ "name": "Home" })).await.expect(201);
    // Deliveries are counted after the response.
    server.event_names().await;
    server.event_names().await;
    let page = metrics(&server, None).await.1;
    assert_eq!(value(&page, "roomcast_facts_accepted_total{event=\"space_created\"}"), 1.0);
    assert_eq!(value(&page, "roomcast_all_facts_accepted_total"), 1.0);
    for fate in ["delivered", "confirmed", "resumed", "expired", "let_go"] {
        assert_eq!(value(&page, &format!("roomcast_all_facts_{fate}_total")), 0.0);
    }
    assert_eq!(value(&page, "roomcast_writer_queue"), 0.0);
    assert_eq!(value(&page, "roomcast_writer_lost_total"), 0.0);
    assert!(value(&page, "roomcast_writer_commit_seconds_count") >= 1.0);
    assert!(value(&page, "roomcast_writer_commit_seconds_bucket{le=\"+Inf\"}") >= 1.0);
    assert!(page.ends_with("# EOF\n"), "{page}");
}

#[tokio::test]
async fn http_errors_are_counted_by_code() {
    let server = with("open");
    let alice = server.client("alice");
    alice.get("/households").await.expect(200);
    alice.get("/households/nowhere").await.expect(404);
    alice.get("/shared/chat/rooms/nowhere").await.expect(404);
    alice.get("/nothing").await.expect(404);
    alice.delete("/households").await.expect(405);
    server.anonymous().get("/households").await.expect(401);
    server.client_presenting("e30.e30.e30").get("/households").await.expect(401);
    alice.post("/households", json!({})).await.expect(400);
    let page = metrics(&server, None).await.1;
    let count = |code: &str| value(&page, &format!("roomcast_rest_requests_refused_total{{code=\"{code}\"}}"));
    for (code, times) in [("not_found", 3.0), ("method_not_allowed", 1.0), ("token_missing", 1.0), ("token_invalid", 1.0), ("invalid", 1.0)]
    {
        assert_eq!(count(code), times, "{code}");
    }
    assert_eq!(value(&page, "roomcast_rest_requests_total"), 8.0);
}
