//! The sign-in, its cookie, and its end.

use http::Method;

use crate::support::{API_KEY, Server};

const HOUR: i64 = 3600;

#[tokio::test(flavor = "multi_thread")]
async fn only_the_key_and_tokens_of_admins_sign_in() {
    let server = Server::start(&[]).await;
    let admin = server.token(Some("admin"), HOUR);
    let forged = format!("{}x", &admin[..admin.len() - 1]);
    let rows = [
        (API_KEY.to_owned(), 303, ""),
        (format!(" {admin} "), 303, ""),
        (server.token(Some("admin"), -HOUR), 401, "This token has expired."),
        (server.token(None, HOUR), 403, "This token is valid, but its user is not an admin."),
        (server.token(Some("service"), HOUR), 403, "This token is valid, but its user is not an admin."),
        (forged, 401, "This is neither the API key nor a valid token."),
        (API_KEY[1..].to_owned(), 401, "This is neither the API key nor a valid token."),
        (String::new(), 401, "Enter the API key, or the token of an admin."),
    ];
    for (key, status, text) in rows {
        let mut browser = server.browser();
        let page = browser.sign_in(&key).await;
        assert_eq!(page.status, status, "{key}");
        assert!(page.text.contains(text), "{key}: {}", page.text);
        assert!(key.is_empty() || !page.text.contains(&key), "the page repeats the key");
        assert_eq!(browser.get("/console").await.status, if status == 303 { 200 } else { 303 }, "{key}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn cookie_is_for_the_console_of_this_site_only() {
    let server = Server::start(&[]).await;
    let cookie = server.browser().sign_in(API_KEY).await.header("set-cookie").to_owned();
    let attributes: Vec<_> = cookie.split("; ").skip(1).collect();
    assert_eq!(attributes, ["Path=/console", "Max-Age=43200", "HttpOnly", "SameSite=Strict"]);
    assert!(!cookie.contains(API_KEY));
    let behind_tls = server.browser().send(Method::GET, "/console/sign-in", &[("x-forwarded-proto", "https")], "").await;
    assert!(behind_tls.header("set-cookie").ends_with("; SameSite=Strict; Secure"));
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_in_needs_a_csrf_token_and_begins_a_new_session() {
    let server = Server::start(&[]).await;
    assert_eq!(server.browser().post("/console/sign-in", &[("key", API_KEY)]).await.status, 403);
    let mut browser = server.browser();
    let csrf = browser.get("/console/sign-in").await.csrf().to_owned();
    let before = browser.clone();
    assert_eq!(browser.post("/console/sign-in", &[("csrf", &csrf), ("key", API_KEY)]).await.status, 303);
    assert_ne!(browser.cookie, before.cookie);
    assert_eq!(before.clone().get("/console").await.status, 303);
    assert_ne!(browser.get("/console").await.csrf(), csrf);
}

#[tokio::test(flavor = "multi_thread")]
async fn sign_out_ends_the_session_of_the_browser() {
    let server = Server::start(&[]).await;
    let mut operator = server.operator().await;
    let csrf = operator.get("/console").await.csrf().to_owned();
    assert_eq!(operator.post("/console/sign-out", &[]).await.status, 403);
    assert_eq!(operator.get("/console").await.status, 200);
    assert_eq!(operator.post("/console/sign-out", &[("csrf", &csrf)]).await.header("location"), "/console/sign-in");
    assert_eq!(operator.get("/console").await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn failed_attempts_share_the_limit_of_bad_tokens() {
    let server = Server::start(&[]).await;
    let mut browser = server.browser();
    let csrf = browser.get("/console/sign-in").await.csrf().to_owned();
    let mut refused = None;
    // The burst is 100 attempts, and an address regains ten in a second.
    for attempt in 1..2000 {
        let page = browser.post("/console/sign-in", &[("csrf", &csrf), ("key", "guess")]).await;
        if page.status == 429 {
            refused = Some((attempt, page));
            break;
        }
        assert_eq!(page.status, 401);
    }
    let (attempt, page) = refused.expect("no attempt was refused");
    assert!(attempt > 100, "refused too early: {attempt}");
    assert!(page.text.contains("Rate limit"), "{}", page.text);
    // A request over REST from the same address is refused by the same limit.
    let rest = server.browser().send(Method::GET, "/households", &[("authorization", "Bearer guess")], "").await;
    assert_eq!(rest.status, 429);
    // The right key still signs in.
    assert_eq!(browser.post("/console/sign-in", &[("csrf", &csrf), ("key", API_KEY)]).await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn link_of_dev_mode_signs_in_once() {
    let server = Server::start_dev(&[]).await;
    let link = server.sign_in_path().unwrap();
    // A program that only looks whether the link exists does not use it up.
    assert_eq!(server.browser().send(Method::HEAD, &link, &[], "").await.status, 200);
    let mut browser = server.browser();
    let page = browser.get(&link).await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains(r#"content="0;url=/console""#), "{}", page.text);
    assert_eq!(browser.get("/console").await.status, 200);
    assert_eq!(server.sign_in_path(), None);
    let mut later = server.browser();
    assert_eq!(later.get(&link).await.status, 401);
    assert_eq!(later.get("/console").await.status, 303);
}

#[tokio::test(flavor = "multi_thread")]
async fn production_has_no_link_that_signs_in() {
    let server = Server::start(&[]).await;
    assert_eq!(server.sign_in_path(), None);
    for code in ["", "guess"] {
        assert_eq!(server.browser().get(&format!("/console/sign-in?code={code}")).await.status, 401);
    }
}
