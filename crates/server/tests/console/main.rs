//! The console and the page at `/`: who may see them, and what a browser may do with them.

// Only test functions themselves are exempt by clippy.toml; their helpers unwrap, too.
#![allow(clippy::unwrap_used)]
// The start of the whole server is one deep future.
#![recursion_limit = "256"]

mod sign_in;
mod start_page;
mod support;

use http::Method;

use support::{Browser, Page, Server};

/// Every path that shows something to an operator, with the status of the response. One that names a user or a connection names an unknown one.
const PAGES: [(&str, u16); 13] = [
    ("/console", 200),
    ("/console/series", 200),
    ("/console/users", 200),
    ("/console/users?part=a&after=b", 200),
    ("/console/users/anna", 404),
    ("/console/connections", 200),
    ("/console/connections/AAAAAAAAAAAAAAAAAAAA", 404),
    ("/console/rooms?kind=trip&part=1", 200),
    ("/console/rooms/household%3A1", 404),
    ("/console/rooms/nonsense", 404),
    ("/console/errors", 200),
    ("/console/settings", 200),
    ("/console/nothing", 404),
];

/// Every path that changes something, and where it leads the operator.
const ACTIONS: [(&str, &str); 3] = [
    ("/console/users/anna/disconnect", "/console/users/anna?done=disconnected"),
    ("/console/users/anna/notify", "/console/users/anna?done=notified"),
    ("/console/connections/AAAAAAAAAAAAAAAAAAAA/close", "/console/connections?done=closed"),
];

const FIELDS: [(&str, &str); 2] = [("title", "Hello"), ("reason", "Good-bye")];

#[tokio::test(flavor = "multi_thread")]
async fn every_page_is_for_operators_only() {
    let server = Server::start(&[]).await;
    for (path, status) in PAGES {
        let page = server.browser().get(path).await;
        assert_eq!((page.status.as_u16(), page.header("location")), (303, "/console/sign-in"), "{path}");
        let page = server.browser().send(Method::GET, path, &[("hx-request", "true")], "").await;
        assert_eq!((page.status.as_u16(), page.header("hx-redirect")), (401, "/console/sign-in"), "{path}");
        // A token of a user or the API key in a header is no session.
        let bearer = format!("Bearer {}", support::API_KEY);
        let page = server.browser().send(Method::GET, path, &[("authorization", &bearer)], "").await;
        assert_eq!(page.status, 303, "{path}");
        assert_eq!(server.operator().await.get(path).await.status, status, "{path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_action_needs_the_csrf_token_of_its_session() {
    let server = Server::start(&[]).await;
    let mut operator = server.operator().await;
    let csrf = operator.get("/console").await.csrf().to_owned();
    let foreign = server.operator().await.get("/console").await.csrf().to_owned();
    for (path, leads_to) in ACTIONS {
        assert_eq!(server.browser().post(path, &[("csrf", &csrf)]).await.header("location"), "/console/sign-in", "{path}");
        for wrong in [None, Some(""), Some(foreign.as_str())] {
            let fields: Vec<_> = wrong.map(|token| ("csrf", token)).into_iter().chain(FIELDS).collect();
            assert_eq!(operator.post(path, &fields).await.status, 403, "{path} {wrong:?}");
        }
        let fields: Vec<_> = [("csrf", csrf.as_str())].into_iter().chain(FIELDS).collect();
        let page = operator.post(path, &fields).await;
        assert_eq!((page.status.as_u16(), page.header("location")), (303, leads_to), "{path} {}", page.text);
    }
    // The rejected forms have sent no notification, and the accepted one has sent one.
    assert!(operator.get("/console/users/anna").await.text.contains("1 of 1"));
}

/// Checks that a page loads nothing but files of this server, and has no inline script or style.
fn assert_is_strict(path: &str, page: &Page) {
    let policy = page.header("content-security-policy");
    for directive in ["default-src 'none'", "script-src 'self'", "style-src 'self'", "form-action 'self'", "frame-ancestors 'none'"] {
        assert!(policy.split("; ").any(|known| known == directive), "{path}: {policy}");
    }
    assert!(!policy.contains("unsafe"), "{path}");
    assert_eq!(page.header("cache-control"), "no-store", "{path}");
    assert_eq!(page.header("x-content-type-options"), "nosniff", "{path}");
    assert_eq!(page.header("referrer-policy"), "no-referrer", "{path}");
    for inline in ["<style", " style=", "javascript:", " onclick=", " onload=", " hx-on", "<script>"] {
        assert!(!page.text.contains(inline), "{path} has {inline}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_page_has_a_strict_content_security_policy() {
    let server = Server::start(&[]).await;
    let mut operator = server.operator().await;
    for (path, _) in PAGES {
        assert_is_strict(path, &operator.get(path).await);
    }
    for path in ["/console/sign-in", "/"] {
        assert_is_strict(path, &server.browser().get(path).await);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn other_origins_cannot_read_a_page() {
    let server = Server::start(&[("FRONTEND_URL", "http://localhost:5173")]).await;
    let origin = [("origin", "http://localhost:5173")];
    let mut operator = server.operator().await;
    for path in ["/console", "/console/series", "/console/sign-in", "/"] {
        let page = operator.send(Method::GET, path, &origin, "").await;
        assert_eq!(page.header("access-control-allow-origin"), "", "{path}");
        let preflight = [origin[0], ("access-control-request-method", "POST")];
        assert_eq!(operator.send(Method::OPTIONS, path, &preflight, "").await.header("access-control-allow-origin"), "", "{path}");
    }
    // The API itself is open to this origin.
    let page = operator.send(Method::GET, "/openapi.json", &origin, "").await;
    assert_eq!(page.header("access-control-allow-origin"), origin[0].1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_switched_off_console_has_no_path() {
    let server = Server::start(&[("CONSOLE", "off"), ("START_PAGE", "off")]).await;
    let assets = ["/console/assets/console.js", "/console/sign-in", "/"];
    for path in PAGES.iter().map(|(path, _)| *path).chain(assets).chain(ACTIONS.map(|(path, _)| path)) {
        for method in [Method::GET, Method::POST] {
            let page = server.browser().send(method, path, &[], "").await;
            assert_eq!((page.status.as_u16(), page.header("content-type")), (404, "application/json"), "{path}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn files_are_cached_and_have_their_type() {
    let mut browser: Browser = Server::start(&[]).await.browser();
    for (file, content_type) in [("console.css", "text/css; charset=utf-8"), ("htmx-2.0.11.js", "text/javascript; charset=utf-8")] {
        let page = browser.get(&format!("/console/assets/{file}?v=1")).await;
        assert_eq!((page.status.as_u16(), page.header("content-type")), (200, content_type));
        assert_eq!(page.header("cache-control"), "public, max-age=31536000, immutable");
    }
    assert_eq!(browser.get("/console/assets/README.md").await.status, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn settings_show_sources_and_hide_secrets() {
    let server = Server::start(&[("DRAIN_SECONDS", "7s"), ("DATABASE_URL", "sqlite::memory:")]).await;
    let mut operator = server.operator().await;
    for path in ["/console/settings", "/console/settings?show=changed"] {
        let text = operator.get(path).await.text;
        assert!(!text.contains(support::API_KEY) && !text.contains("0123456789abcdef"), "{path}");
        assert!(text.contains("<code>DRAIN_SECONDS</code>") && text.contains("<code>7s</code>"), "{path}");
        assert_eq!(text.contains("<code>PING_INTERVAL</code>"), !path.contains("changed"), "{path}");
        assert!(text.contains("4 of "), "{path}: {text}");
    }
}
