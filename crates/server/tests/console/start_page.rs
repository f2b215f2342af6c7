//! The page at `/`.

use http::Method;

use crate::support::Server;

const LOCAL: [(&str, &str); 1] = [("host", "localhost:3000")];

#[tokio::test(flavor = "multi_thread")]
async fn page_in_production_has_no_secret() {
    let server = Server::start(&[]).await;
    let page = server.browser().send(Method::GET, "/", &LOCAL, "").await;
    assert_eq!(page.status, 200);
    assert!(page.text.contains("A real-time back end runs here."));
    for hidden in ["data-token", env!("CARGO_PKG_VERSION"), "<script", "<form"] {
        assert!(!page.text.contains(hidden), "{hidden}");
    }
    assert_eq!(server.browser().send(Method::POST, "/", &LOCAL, "").await.status, 405);
}

#[tokio::test(flavor = "multi_thread")]
async fn page_in_dev_mode_has_a_token_that_works() {
    let server = Server::start_dev(&[]).await;
    let page = server.browser().send(Method::GET, "/", &LOCAL, "").await;
    let token = page.text.split_once("data-token=\"").unwrap().1.split_once('"').unwrap().0;
    let bearer = format!("Bearer {token}");
    assert_eq!(server.browser().send(Method::GET, "/households", &[("authorization", &bearer)], "").await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn token_is_shown_only_under_a_name_of_this_machine() {
    let server = Server::start_dev(&[]).await;
    for (host, is_shown) in [
        ("localhost", true),
        ("localhost:3000", true),
        ("127.0.0.1:3000", true),
        ("[::1]:3000", true),
        ("localhost.evil.example", false),
        ("evil.example:3000", false),
        ("[::2]:3000", false),
        ("", false),
    ] {
        let page = server.browser().send(Method::GET, "/", &[("host", host)], "").await;
        assert_eq!(page.text.contains("data-token"), is_shown, "{host}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_page_itself_emits_an_event() {
    let server = Server::start_dev(&[]).await;
    let page = server.browser().send(Method::GET, "/", &LOCAL, "").await;
    let proof = page.text.split_once("data-proof=\"").unwrap().1.split_once('"').unwrap().0;
    for (host, proof, status) in
        [("localhost", "", 403), ("localhost", "guess", 403), ("evil.example", proof, 405), ("localhost:3000", proof, 204)]
    {
        let response = server.browser().send(Method::POST, "/", &[("host", host), ("x-page", proof)], "").await;
        assert_eq!(response.status, status, "{host} {proof}");
    }
}
