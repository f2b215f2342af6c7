//! The pages that may read the responses.

use http::Method;
use limits::rate_limit::RateLimits;

use crate::support::{Server, TestResponse};

fn allowed(response: &TestResponse) -> (&str, &str) {
    (response.header("access-control-allow-origin"), response.header("access-control-allow-credentials"))
}

#[tokio::test]
async fn every_response_has_cors_headers_also_errors() {
    let server = Server::with(&[("FRONTEND_URL", "https://app.example.com")], RateLimits::new(false));
    for (method, path, status) in
        [("GET", "/households", 401), ("GET", "/nothing", 404), ("DELETE", "/households", 405), ("OPTIONS", "/households", 204)]
    {
        for (origin, allow) in [("https://app.example.com", ("https://app.example.com", "true")), ("https://evil.example", ("", ""))] {
            let headers = [("origin", origin), ("host", "api.example.com")];
            let response = server.anonymous().send(method.parse::<Method>().unwrap(), path, &headers, "").await;
            assert_eq!(response.status.as_u16(), status, "{method} {path}");
            assert_eq!(allowed(&response), allow, "{method} {path} {origin}");
            let vary: Vec<_> = response.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
            assert!(vary.contains(&"Origin"), "{vary:?}");
        }
    }
    let response = server.client("alice").send(Method::GET, "/households", &[("origin", "https://app.example.com")], "").await;
    assert_eq!(allowed(&response), ("https://app.example.com", "true"));
    assert_eq!(response.header("access-control-expose-headers"), "Idempotency-Replayed,Link,Retry-After,Warning");
}

#[tokio::test]
async fn by_default_only_localhost_may_send_credentials() {
    let server = Server::start();
    for (origin, allow) in [("http://localhost:8081", ("http://localhost:8081", "true")), ("https://example.com", ("*", ""))] {
        let response = server.anonymous().send(Method::GET, "/households", &[("origin", origin)], "").await;
        assert_eq!(allowed(&response), allow);
    }
    assert_eq!(allowed(&server.anonymous().get("/households").await), ("*", ""));
}

#[tokio::test]
async fn a_preflight_allows_all_methods_and_headers_of_rest() {
    let server = Server::start();
    let preflight = async |asked: &[(&str, &str)]| {
        let headers: Vec<_> = [("origin", "http://localhost:3000"), ("access-control-request-method", "PATCH")].into_iter().collect();
        let headers: Vec<_> = headers.into_iter().chain(asked.iter().copied()).collect();
        server.anonymous().send(Method::OPTIONS, "/tasks/1/toggle", &headers, "").await
    };
    let response = preflight(&[]).await;
    assert_eq!(response.status, 204);
    assert_eq!(response.header("access-control-allow-methods"), "GET,HEAD,POST,PUT,PATCH,DELETE");
    assert_eq!(response.header("access-control-allow-headers"), "Authorization,Content-Type,Idempotency-Key");
    assert_eq!(response.header("access-control-max-age"), "7200");
    let response = preflight(&[("access-control-request-headers", "authorization,traceparent")]).await;
    assert_eq!(response.header("access-control-allow-headers"), "authorization,traceparent");
}
