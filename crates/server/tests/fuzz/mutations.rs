//! Small mutations of valid messages.

use rand::rngs::StdRng;
use rand::seq::IndexedRandom;
use rand::{Rng, RngCore};
use serde_json::{Map, Number, Value, json};

/// Applies up to three mutations to the bytes of a text. Invalid UTF-8 is replaced.
pub fn text(good: &str, dice: &mut StdRng) -> String {
    let mut bytes = good.as_bytes().to_vec();
    for _ in 0..dice.random_range(0..4) {
        let at = dice.random_range(0..=bytes.len());
        match dice.random_range(0..5) {
            0 => bytes.insert(at, dice.random()),
            1 => bytes.insert(at, *b"\"\\{}[],:;=&%+-.eE0/_tfnu $\x00".choose(dice).unwrap()),
            2 if at < bytes.len() => drop(bytes.remove(at)),
            3 if at < bytes.len() => bytes[at] ^= 1 << dice.random_range(0..8),
            _ => bytes.truncate(at),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Random bytes, as text.
pub fn nothing(dice: &mut StdRng) -> String {
    let mut bytes = vec![0; dice.random_range(0..60)];
    dice.fill_bytes(&mut bytes);
    String::from_utf8_lossy(&bytes).into_owned()
}

/// The value with some of its parts changed, removed, or duplicated.
pub fn value(good: &Value, dice: &mut StdRng) -> Value {
    if dice.random_bool(0.15) {
        return odd(dice);
    }
    match good {
        Value::Object(fields) => {
            let mut changed = Map::new();
            for (name, field) in fields {
                if dice.random_bool(0.05) {
                    continue;
                }
                let name = if dice.random_bool(0.05) { text(name, dice) } else { name.clone() };
                changed.insert(name, value(field, dice));
            }
            Value::Object(changed)
        }
        Value::Array(items) => {
            let mut changed: Vec<Value> = items.iter().map(|item| value(item, dice)).collect();
            if dice.random_bool(0.1) {
                changed.extend(changed.clone());
            }
            Value::Array(changed)
        }
        Value::String(good) if dice.random_bool(0.3) => Value::String(text(good, dice)),
        other => other.clone(),
    }
}

/// Unexpected values.
fn odd(dice: &mut StdRng) -> Value {
    let deep = (0..100).fold(json!([]), |inner, _| json!([inner]));
    let odd = [
        Value::Null,
        json!(true),
        json!(0),
        json!(-1),
        json!(i64::MIN),
        json!(u64::MAX),
        Value::Number(Number::from_f64(1e308).unwrap()),
        json!(0.5),
        json!(""),
        json!(" "),
        json!("\u{0}"),
        json!("\u{202e}\u{fffd}𝄞"),
        json!("x".repeat(3000)),
        json!("9".repeat(40)),
        json!("user:anna"),
        json!([]),
        json!({}),
        json!({ "__proto__": 1, "constructor": {}, "$ref": "#" }),
        json!(["room", 1, null]),
        deep,
    ];
    odd.choose(dice).unwrap().clone()
}
