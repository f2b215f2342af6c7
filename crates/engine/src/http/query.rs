//! The query of a request.

use std::borrow::Cow;
use std::collections::HashSet;
use std::hash::Hash;

use crate::json::json_string;

/// A parsed query. If a key is repeated, its last value counts.
pub(crate) struct Query<'a>(Vec<(Cow<'a, str>, Cow<'a, str>)>);

impl<'a> Query<'a> {
    pub fn parse(query: &'a str) -> Self {
        let pairs = query.split('&').filter(|pair| !pair.is_empty());
        Self(
            pairs
                .map(|pair| {
                    let (key, value) = pair.split_once('=').unwrap_or((pair, ""));
                    (decode(key), decode(value))
                })
                .collect(),
        )
    }

    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.iter().rev().find(|(known, _)| known == key).map(|(_, value)| value.as_ref())
    }

    /// Whether the key has a value that is not empty.
    pub fn has(&self, key: &str) -> bool {
        self.get(key).is_some_and(|value| !value.is_empty())
    }

    /// All pairs as a JSON object, in time linear in the query's length.
    pub fn to_json(&self) -> String {
        let members: Vec<_> =
            last_of_each_key(&self.0).map(|(key, value)| format!("{}:{}", json_string(key), json_string(value))).collect();
        format!("{{{}}}", members.join(","))
    }
}

/// The last pair of each key, the last one first, in time linear in the number of pairs.
fn last_of_each_key<K: Eq + Hash, V>(pairs: &[(K, V)]) -> impl Iterator<Item = &(K, V)> {
    let mut seen = HashSet::new();
    pairs.iter().rev().filter(move |(key, _)| seen.insert(key))
}

/// Decodes percent-encoding, with `+` as a space. An invalid escape stays unchanged; bytes that are not UTF-8 are replaced.
fn decode(text: &str) -> Cow<'_, str> {
    if !text.contains(['%', '+']) {
        return Cow::Borrowed(text);
    }
    let bytes = text.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let escape =
            bytes.get(at + 1..at + 3).and_then(|hex| std::str::from_utf8(hex).ok()).and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], escape) {
            (b'%', Some(byte)) => {
                out.push(byte);
                at += 2;
            }
            (b'+', _) => out.push(b' '),
            (byte, _) => out.push(byte),
        }
        at += 1;
    }
    Cow::Owned(String::from_utf8_lossy(&out).into_owned())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::hash::Hasher;

    use rand::rngs::StdRng;
    use rand::seq::IndexedRandom;
    use rand::{Rng, SeedableRng};

    use super::*;

    #[test]
    fn last_value_of_a_repeated_key_counts() {
        let query = Query::parse("a=1&b=x%20y+z&a=2&c&d=%zz");
        assert_eq!(query.get("a"), Some("2"));
        assert_eq!(query.get("b"), Some("x y z"));
        assert_eq!(query.get("c"), Some(""));
        assert_eq!(query.get("d"), Some("%zz"));
        assert!(!query.has("c") && !query.has("e"));
        assert_eq!(query.to_json(), r#"{"d":"%zz","c":"","a":"2","b":"x y z"}"#);
    }

    thread_local! {
        static COMPARISONS: Cell<usize> = const { Cell::new(0) };
    }

    struct CountedKey(usize);

    impl Hash for CountedKey {
        fn hash<H: Hasher>(&self, state: &mut H) {
            self.0.hash(state);
        }
    }

    impl PartialEq for CountedKey {
        fn eq(&self, other: &Self) -> bool {
            COMPARISONS.set(COMPARISONS.get() + 1);
            self.0 == other.0
        }
    }

    impl Eq for CountedKey {}

    /// A query of 976 KB once blocked a shard for 49 seconds, because each key was compared with all others.
    #[test]
    fn comparisons_of_keys_grow_linearly() {
        for count in [1_000, 10_000, 100_000] {
            // Each key is there twice.
            let pairs: Vec<_> = (0..count).chain(0..count).map(|key| (CountedKey(key), ())).collect();
            COMPARISONS.set(0);
            assert_eq!(last_of_each_key(&pairs).count(), count);
            assert!(COMPARISONS.get() <= 4 * count, "{} comparisons of {count} keys", COMPARISONS.get());
        }
    }

    #[test]
    fn random_query_as_json_has_the_same_values() {
        let random = &mut StdRng::seed_from_u64(6);
        for _ in 0..20_000 {
            let length = random.random_range(0..40);
            let text: String =
                (0..length).map(|_| *['a', 'b', '=', '&', '%', '+', '2', 'f', '\0', '"', '\\', 'é'].choose(random).unwrap()).collect();
            let query = Query::parse(&text);
            let json: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&query.to_json()).unwrap();
            for (key, value) in &json {
                assert_eq!(query.get(key), value.as_str(), "{text}");
            }
            assert!(query.0.iter().all(|(key, _)| json.contains_key(key.as_ref())), "{text}");
        }
    }
}
