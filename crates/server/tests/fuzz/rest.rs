//! Paths, queries, headers and bodies of REST requests with a valid token. No request may cause an internal error.

use auth::Keys;
use auth::sign::{NewTokenClaims, sign};
use axum::body::{Body, to_bytes};
use config::Config;
use http::{Request, Uri};
use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

use crate::corpus::{Example, examples};
use crate::mutations;
use crate::support::{SECONDS, Server};

const ROUNDS: usize = 1_500;

#[tokio::test]
async fn random_requests_never_cause_a_server_error() {
    let (server, dice) = (Server::start(), &mut StdRng::seed_from_u64(5));
    let config = Config::of_pairs([("JWT_SECRET", "0123456789abcdef0123456789abcdef")]).unwrap();
    let keys = Keys::load(&config).unwrap();
    let tokens = ["anna", "5", "7"].map(|sub| {
        let token = NewTokenClaims { sub: sub.into(), iat: SECONDS, ..NewTokenClaims::default() };
        sign(&keys, &token, &config.auth).unwrap()
    });
    let request: Vec<Example> = examples().into_iter().filter(|example| matches!(example, Example::Rest(..))).collect();
    let mut ids = vec!["5".to_owned(), "anna".to_owned()];
    let (mut good, mut bad) = (0, 0);
    for round in 0..ROUNDS {
        let Example::Rest(method, path, body) = &request[round % request.len()] else { continue };
        let path = filled_in(path, &ids, dice);
        let Ok(uri) = path.parse::<Uri>() else { continue };
        let body = filled_in(&mutations::value(body, dice).to_string(), &ids, dice);
        let body = if dice.random_bool(0.1) { mutations::text(&body, dice) } else { body };
        let mut request = Request::builder().method(method.as_str()).uri(uri);
        request = request.header("authorization", format!("Bearer {}", tokens.choose(dice).unwrap()));
        if body != "null" {
            request = request.header("content-type", "application/json");
        }
        let Ok(request) = request.header("idempotency-key", dice.random_range(0..ROUNDS)).body(Body::from(body.clone())) else { continue };
        let response = server.fetch(request).await;
        let status = response.status();
        let bytes = to_bytes(response.into_body(), usize::MAX).await.unwrap();
        assert!(!status.is_server_error(), "{method} {path} {body}: {status} {}", String::from_utf8_lossy(&bytes));
        if status.is_success() {
            good += 1
        } else {
            bad += 1
        }
        let response: Value = serde_json::from_slice(&bytes).unwrap_or(json!({}));
        ids.extend(response["id"].as_str().map(str::to_owned).or_else(|| response["id"].as_i64().map(|id| id.to_string())));
        if ids.len() > 60 {
            ids.remove(dice.random_range(0..60));
        }
    }
    assert!(good > ROUNDS / 20 && bad > ROUNDS / 20, "{good} good, {bad} bad");
}

/// Fills each `$`, mostly with the id of an existing object.
fn filled_in(text: &str, ids: &[String], dice: &mut StdRng) -> String {
    let mut parts = text.split('$');
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '-');
        out += &if dice.random_bool(0.9) { ids.choose(dice).unwrap().clone() } else { mutations::text("1234567", dice) };
        out += rest;
    }
    out
}
