//! Which pages may read the answers.

use http::Method;
use server::rate_limit::RateLimits;

use crate::support::{Answered, Server};

fn allowed(answered: &Answered) -> (&str, &str) {
    (answered.header("access-control-allow-origin"), answered.header("access-control-allow-credentials"))
}

#[tokio::test]
async fn every_response_has_cors_headers_also_errors() {
    let server = Server::with(&[("FRONTEND_URL", "https://app.example.com")], RateLimits::new(false));
    for (method, path, status) in
        [("GET", "/households", 401), ("GET", "/nothing", 404), ("DELETE", "/households", 405), ("OPTIONS", "/households", 204)]
    {
        for (origin, allow) in [("https://app.example.com", ("https://app.example.com", "true")), ("https://evil.example", ("", ""))] {
            let headers = [("origin", origin), ("host", "api.example.com")];
            let answered = server.nobody().send(method.parse::<Method>().unwrap(), path, &headers, "").await;
            assert_eq!(answered.status.as_u16(), status, "{method} {path}");
            assert_eq!(allowed(&answered), allow, "{method} {path} {origin}");
            let vary: Vec<_> = answered.headers.get_all("vary").iter().map(|value| value.to_str().unwrap()).collect();
            assert!(vary.contains(&"Origin"), "{vary:?}");
        }
    }
    let answered = server.client("alice").send(Method::GET, "/households", &[("origin", "https://app.example.com")], "").await;
    assert_eq!(allowed(&answered), ("https://app.example.com", "true"));
    assert_eq!(answered.header("access-control-expose-headers"), "Idempotency-Replayed,Link,Retry-After,Warning");
}

#[tokio::test]
async fn by_default_only_localhost_may_send_credentials() {
    let server = Server::start();
    for (origin, allow) in [("http://localhost:8081", ("http://localhost:8081", "true")), ("https://example.com", ("*", ""))] {
        let answered = server.nobody().send(Method::GET, "/households", &[("origin", origin)], "").await;
        assert_eq!(allowed(&answered), allow);
    }
    assert_eq!(allowed(&server.nobody().get("/households").await), ("*", ""));
}

#[tokio::test]
async fn a_preflight_allows_all_methods_and_headers_of_rest() {
    let server = Server::start();
    let preflight = async |asked: &[(&str, &str)]| {
        let headers: Vec<_> = [("origin", "http://localhost:3000"), ("access-control-request-method", "PATCH")].into_iter().collect();
        let headers: Vec<_> = headers.into_iter().chain(asked.iter().copied()).collect();
        server.nobody().send(Method::OPTIONS, "/tasks/1/toggle", &headers, "").await
    };
    let answered = preflight(&[]).await;
    assert_eq!(answered.status, 204);
    assert_eq!(answered.header("access-control-allow-methods"), "GET,HEAD,POST,PUT,PATCH,DELETE");
    assert_eq!(answered.header("access-control-allow-headers"), "Authorization,Content-Type,Idempotency-Key");
    assert_eq!(answered.header("access-control-max-age"), "7200");
    let answered = preflight(&[("access-control-request-headers", "authorization,traceparent")]).await;
    assert_eq!(answered.header("access-control-allow-headers"), "authorization,traceparent");
}
