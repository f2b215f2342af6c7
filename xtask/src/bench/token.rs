//! The tokens that the clients bring: HS256, one subject each.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

/// Known to every server of the bench, and to nothing else.
pub const SECRET: &str = "the bench's own secret, at least 32 bytes long";

/// 2100-01-01: no run outlives it.
const FAR_AWAY: u64 = 4_102_444_800;

/// A token of person `number`; with a household, the whole product puts its connections into that room.
pub fn sign(number: usize, household: Option<&str>) -> String {
    let mut claims = json!({"sub": subject(number), "name": format!("Person {number}"), "exp": FAR_AWAY});
    if let Some(household) = household {
        claims["household_id"] = Value::from(household);
    }
    let text = format!("{}.{}", part(&json!({"alg": "HS256", "typ": "JWT"})), part(&claims));
    let mut mac = Hmac::<Sha256>::new_from_slice(SECRET.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(text.as_bytes());
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
}

/// The id of person `number`.
pub fn subject(number: usize) -> String {
    format!("p{number}")
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}
