//! The tokens of the clients: JWTs with HS256, each with its own subject.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// The secret that signs the tokens. The bench passes it to each server.
pub const SECRET: &str = "the bench's own secret, at least 32 bytes long";

/// When the tokens expire: 2100-01-01, in seconds since 1970.
const EXPIRY: u64 = 4_102_444_800;

/// A token of the user with this number. With a household, Roomcast adds the user's connections to that room.
pub fn sign(number: usize, household: Option<&str>) -> String {
    let mut claims = json!({"sub": subject(number), "name": format!("User {number}"), "exp": EXPIRY});
    if let Some(household) = household {
        claims["household_id"] = Value::from(household);
    }
    signed(&claims)
}

/// A token of a back end.
pub fn sign_service() -> String {
    signed(&json!({"sub": "back-end", "role": "service", "exp": EXPIRY}))
}

fn signed(claims: &Value) -> String {
    let text = format!("{}.{}", encoded(&json!({"alg": "HS256", "typ": "JWT"})), encoded(claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// The id of the user with this number.
pub fn subject(number: usize) -> String {
    format!("p{number}")
}

fn encoded(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}
