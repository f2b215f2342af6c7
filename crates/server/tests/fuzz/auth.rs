//! Tokens in every source: CONNECT payloads, headers, queries, cookies.

use auth::{Authenticator, ConnectAuth, Keys};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use config::Config;
use http::{HeaderMap, HeaderValue};
use jsonwebtoken::{EncodingKey, Header};
use rand::SeedableRng;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use crate::mutations;

const SECRET: &str = "0123456789abcdef0123456789abcdef";
const NOW: i64 = 1_763_035_200;
const ROUNDS: usize = 5_000;

fn authenticator() -> Authenticator {
    let config = Config::of_pairs([("JWT_SECRET", SECRET)]).unwrap();
    Authenticator::new(&Keys::load(&config).unwrap(), &config)
}

fn good() -> Value {
    json!({
        "sub": "anna", "name": "Anna", "email": "anna@example.org", "household_id": "home", "role": ["admin"], "iat": NOW - 10,
        "exp": NOW + 10, "nbf": NOW - 10, "iss": "us", "aud": ["them"],
    })
}

fn signed(claims: &Value) -> String {
    jsonwebtoken::encode(&Header::default(), claims, &EncodingKey::from_secret(SECRET.as_bytes())).unwrap()
}

#[test]
fn random_claims_never_yield_an_empty_user_id() {
    let (authenticator, dice) = (authenticator(), &mut StdRng::seed_from_u64(2));
    let mut accepted = 0;
    for _ in 0..ROUNDS {
        let claims = mutations::value(&good(), dice);
        if let Ok(identity) = authenticator.verify(&signed(&claims), NOW) {
            accepted += 1;
            assert!(!identity.user.as_str().is_empty() && claims["sub"] != Value::Null, "{claims}");
        }
    }
    assert!(accepted > ROUNDS / 20 && accepted < ROUNDS, "{accepted}");
}

#[test]
fn a_list_is_rejected_as_claims_and_as_auth() {
    let authenticator = authenticator();
    assert!(authenticator.verify(&signed(&json!(["anna"])), NOW).is_err());
    let auth = ConnectAuth::read(&json!([signed(&good())]).to_string());
    assert!(authenticator.identify_socket(auth, None, NOW).is_err());
}

#[test]
fn a_modified_token_is_rejected_from_every_source() {
    let (authenticator, dice) = (authenticator(), &mut StdRng::seed_from_u64(3));
    let token = signed(&good());
    // The last letter of a signature has unused bits, so the decoded bytes are compared.
    let read = |token: &str| {
        let parts = token.split('.').map(|part| URL_SAFE_NO_PAD.decode(part).ok());
        parts.collect::<Option<Vec<_>>>()
    };
    for round in 0..ROUNDS {
        let changed = if round % 10 == 0 { mutations::nothing(dice) } else { mutations::text(&token, dice) };
        let same = read(&changed) == read(&token);
        assert!(same || authenticator.verify(&changed, NOW).is_err(), "{changed}");
        let mut headers = HeaderMap::new();
        for (name, text) in [("authorization", format!("Bearer {changed}")), ("cookie", format!("a=b; token={changed}; c"))] {
            if let Ok(value) = HeaderValue::from_str(&text) {
                headers.insert(name, value);
            }
        }
        let query = format!("x=%zz&token={changed}");
        let identified = authenticator.identify(None, &headers, Some(&query), NOW);
        // The mutated header or query may contain the valid token.
        assert!(identified.is_err() || changed.contains(&token) || read(changed.trim()) == read(&token), "{changed}");
        authenticator.handshake_token(&headers, Some(&query));
        let auth = mutations::text(&json!({ "token": changed, "userId": "anna" }).to_string(), dice);
        drop(authenticator.identify_socket(ConnectAuth::read(&auth), None, NOW));
    }
}
